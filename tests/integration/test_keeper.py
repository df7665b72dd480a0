"""`sbi keeper run` and `sbi signer run` as processes, with a real Anvil that makes a block a second.

The vault is a stand-in of a few bytes: `distribute` counts up to as many epochs as are final, then refuses as it does.

keeper  ├── epochs final → each distributed once, through kill -9 and a restart
        ├── a second process with its file, or with its key → refused
        ├── /readyz and /metrics → tell how it is
        ├── nowhere the key or the password: logs, command line, environment, state
        ├── SIGTERM, with a transaction under way → ends within seconds; a restart goes on with it
        └── SIGTERM, while the node hangs → likewise
signer  └── its key with a remote signer → distributes all the same, and the keeper never has the key
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from eth_account import Account

from tests.integration.anvil import Anvil, account, free_port, running_anvil
from tests.integration.counting_vault import counting_vault

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
VAULT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PAYER = account(3)
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a development key
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "oracles"), "HOME": os.environ.get("HOME", "/")}


class Place:
    """A folder with keys and configurations, and processes that end with the test."""

    def __init__(self, folder: Path, anvil: Anvil, stack: ExitStack) -> None:
        self.folder = folder
        self.anvil = anvil
        self.port = free_port()
        self._stack = stack
        keystore = Account.encrypt(PAYER.key, PASSWORD, kdf="pbkdf2", iterations=2)
        (folder / "key.json").write_text(json.dumps(keystore))
        (folder / "key.password").write_text(PASSWORD)
        (folder / "key.password").chmod(0o600)

    def config(self, name: str, sending: str, *more: str) -> Path:
        path = self.folder / f"{name}.toml"
        network = f'[network]\nrpc_url = ["{self.anvil.url}"]\nvault = "{VAULT}"'
        path.write_text("\n".join(["poll_seconds = 0.3", network, f"[sending]\n{sending}", *more]))
        return path

    def start(self, name: str, part: str, config: Path) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        command = [sys.executable, "-m", "sbi_network.cli", part, "run", "--config", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=ENVIRONMENT)
        self._stack.callback(_end, process)
        return process

    def refused(self, name: str, config: Path) -> str:
        """What a keeper says that cannot start."""
        process = self.start(name, "keeper", config)
        assert process.wait(30) == 1
        return (self.folder / f"{name}.log").read_text()

    def check(self, config: Path) -> tuple[int, list[str]]:
        """How `sbi keeper check` ends, and the lines that fail."""
        command = [sys.executable, "-m", "sbi_network.cli", "keeper", "check", "--config", str(config)]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.count("\n") >= 7, done.stderr
        return done.returncode, [line for line in done.stdout.splitlines() if not line.startswith("ok ")]

    @property
    def next_epoch(self) -> int:
        return int(self.anvil("eth_getStorageAt", VAULT, "0x0", "latest"), 16)

    def make_final(self, epochs: int) -> None:
        self.anvil("anvil_setStorageAt", VAULT, "0x1", f"0x{epochs:064x}")

    def get(self, page: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}/{page}", trust_env=False, timeout=5)

    def metric(self, name: str) -> float:
        (line,) = [each for each in self.get("metrics").text.splitlines() if each.startswith(name + " ")]
        return float(line.split()[-1])


KEYSTORE = 'keystore = "key.json"\npassword_file = "key.password"'
COPIED = KEYSTORE.replace("key.json", "copy.json")


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    # Anvil logs the development keys: elsewhere.
    node = tmp_path_factory.mktemp("node")
    with running_anvil(node, "--block-time", "1") as anvil, ExitStack() as stack:
        anvil("anvil_setCode", VAULT, counting_vault())
        yield Place(tmp_path, anvil, stack)


def test_keeper__through_a_kill_and_a_stop__distributes_each_epoch_once(place: Place) -> None:
    config = place.config("keeper", KEYSTORE, f"[monitoring]\nport = {place.port}")
    assert place.check(config) == (0, [])
    place.make_final(2)
    keeper = place.start("keeper", "keeper", config)
    _until(lambda: place.next_epoch == 2)

    again = place.config("again", KEYSTORE)
    assert "key: another process uses" in place.refused("again", again)
    copy = place.folder / "copy.json"
    copy.write_bytes((place.folder / "key.json").read_bytes())
    same_file = place.config("same", COPIED, '[outbox]\nfile = "keeper-outbox.sqlite"')
    assert "outbox: another process uses" in place.refused("same", same_file)

    _until(lambda: place.get("readyz").status_code == 200)
    assert place.get("healthz").json() == {"ok": True, "failing": {}}
    assert place.metric("sbi_sending_balance_ether") > 9_000
    _until(lambda: place.metric('sbi_outbox_intents{state="final"}') == 2)
    assert place.metric("sbi_outbox_finality_broken") == 0
    _assert_no_secret(place, keeper)

    place.anvil("evm_setAutomine", False)
    place.anvil("evm_setIntervalMining", 0)
    place.make_final(3)
    place.anvil.mine()
    _until(lambda: place.anvil.waiting(PAYER.address) == 1)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(5) == 0
    keeper = place.start("keeper", "keeper", config)
    _until(lambda: _count(place, "keeper_started") == 2)
    keeper.kill()
    keeper.wait()
    keeper = place.start("keeper", "keeper", config)
    _until(lambda: _count(place, "keeper_started") == 3)
    place.anvil("evm_setIntervalMining", 1)
    _until(lambda: place.metric('sbi_outbox_intents{state="final"}') == 3)
    assert (place.next_epoch, place.anvil.count(PAYER.address, "pending")) == (3, 3)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(5) == 0


def test_keeper__told_to_stop_while_the_node_hangs__ends_within_seconds(place: Place) -> None:
    keeper = place.start("keeper", "keeper", place.config("keeper", KEYSTORE))
    place.make_final(1)
    _until(lambda: place.next_epoch == 1)
    os.kill(place.anvil.pid, signal.SIGSTOP)
    _until(lambda: _count(place, "outbox_waits") >= 1)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(5) == 0
    assert _count(place, "outbox_parked") == _count(place, "keeper_stopped") == 1


def test_keeper__with_a_remote_signer__distributes(place: Place) -> None:
    port = free_port()
    signing = place.folder / "signer.toml"
    signing.write_text(f'[http]\nport = {port}\n[[keys]]\n{KEYSTORE}\nsigns = "transactions"')
    remote = place.start("signer", "signer", signing)
    config = place.config("keeper", f'url = "http://127.0.0.1:{port}"\naddress = "{PAYER.address}"')
    keeper = place.start("keeper", "keeper", config)
    place.make_final(1)
    _until(lambda: place.next_epoch == 1)
    assert place.check(config) == (0, [])
    _assert_no_secret(place, keeper)
    _assert_no_secret(place, remote)
    for process in (keeper, remote):
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert place.check(config) == (1, ["FAIL sending key: remote signer: ConnectError"])


def _assert_no_secret(place: Place, process: subprocess.Popen[bytes]) -> None:
    """Neither the key in any spelling nor the password, wherever another user or an operator could see it."""
    proc = Path(f"/proc/{process.pid}")
    places = [proc / "cmdline", proc / "environ", *place.folder.glob("*.log"), *place.folder.glob("*.sqlite*")]
    key = bytes(PAYER.key)
    secrets = (
        key,
        key.hex().encode(),
        key.hex().upper().encode(),
        str(int.from_bytes(key)).encode(),
        PASSWORD.encode(),
    )
    assert len(places) >= 3
    for path in places:
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path


def _count(place: Place, event: str) -> int:
    return (place.folder / "keeper.log").read_text().count(f'"{event}"')


def _until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if is_so():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < until
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
