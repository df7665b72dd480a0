"""Four oracle processes, two meters and Anvil, all real; one oracle is killed.

two epochs in a row
├── the first: all four live            → accepted, by a quorum
└── the second: one killed before it    → accepted, without the killed one
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from sbi_network.chain.connection import connected
from sbi_network.chain.registry import Record, Registry
from sbi_network.protocol.address import check_address
from tests.chaos.chain import BOND, LocalChain, Times, anvil_command, development_account

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "oracles")}
"""This tree's package, wherever the processes are started."""

TIMES = Times()
EPOCH_SECONDS = TIMES.epoch


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    with ExitStack() as stack:
        yield Workplace(tmp_path, stack)


class Workplace:
    """A folder, and processes that end with the test."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._watched: dict[int, int] = {}

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=ENVIRONMENT)
        self._started[name] = process
        self._stack.callback(_end, process)
        return process

    def watched_at(self, oracle: int) -> int:
        """The port at which an oracle is watched."""
        return self._watched.setdefault(oracle, _free_port())

    @property
    def dead(self) -> list[str]:
        """The processes that ended by themselves, with the end of what they wrote."""
        ended = [name for name, process in self._started.items() if process.poll() is not None]
        return [f"{name}: {(self.folder / f'{name}.log').read_text()[-500:]}" for name in ended]

    def log(self, name: str) -> list[dict[str, Any]]:
        lines = (self.folder / f"{name}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def key_files(self, name: str, account: LocalAccount) -> tuple[Path, Path]:
        keystore, password = self.folder / f"{name}.json", self.folder / f"{name}.password"
        keystore.write_text(json.dumps(Account.encrypt(account.key, "not secret", kdf="pbkdf2", iterations=2)))
        password.write_text("not secret\n")
        password.chmod(0o600)
        return keystore, password


@dataclass(frozen=True)
class Network:
    rpc_url: str
    registry: str
    genesis: int


def test_oracle_network__one_of_four_is_killed__two_epochs_in_a_row_are_reported(workplace: Workplace) -> None:
    accounts = [development_account(number) for number in range(11)]
    oracles, reading_keys = accounts[1:5], accounts[7:9]
    network = _deploy(workplace, oracles, reading_keys)
    meters = [_start_meter(workplace, network, number, key) for number, key in enumerate(reading_keys)]
    configs = _configured(workplace, network, oracles, meters)
    _put_up_bonds(workplace)
    processes = [_start_oracle(workplace, config) for config in configs]

    _wait_until_all_started(workplace)
    assert "another process uses" in _sbi(workplace, "bond", 0).stderr
    _assert_check(workplace, 0, passes=True)
    epoch = _running(network)
    first = _record(network, epoch)
    lost = (epoch + 1) % 4  # it would lead the next epoch's first view: the worst one to lose
    processes[lost].kill()
    second = _record(network, epoch + 1)

    assert len(first.signers) == 3
    assert second.signers == tuple({0, 1, 2, 3} - {lost})
    assert first.public_output > 0
    assert second.public_output > 0
    live = sorted({0, 1, 2, 3} - {lost})
    _assert_logs_tell(workplace, live)
    _assert_check(workplace, live[0], passes=False)
    _assert_is_watched(workplace, live[0], epoch + 1)
    _assert_stops_cleanly(processes[live[0]])


def _put_up_bonds(workplace: Workplace) -> None:
    """Each oracle puts up its bond, once; before, its check says that it is missing."""
    assert "FAIL bond: 0 of 1 ether" in _sbi(workplace, "check", 0).stdout
    for number in range(4):
        done = _sbi(workplace, "bond", number)
        assert done.returncode == 0, done.stderr
        assert f"put up {BOND} wei" in done.stdout
    assert "already" in _sbi(workplace, "bond", 0).stdout


def _sbi(workplace: Workplace, command: str, oracle: int) -> subprocess.CompletedProcess[str]:
    line = (sys.executable, "-m", "sbi_network.cli", "oracle", command, "--config", f"oracle-{oracle}.toml")
    return subprocess.run(line, cwd=workplace.folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)


def _running(network: Network) -> int:
    """The epoch that runs now: every meter has seen some of it, and every oracle will see its end."""
    return max(0, int(time.time() - network.genesis) // EPOCH_SECONDS)


def _assert_check(workplace: Workplace, oracle: int, *, passes: bool) -> None:
    checked = _sbi(workplace, "check", oracle)
    assert checked.returncode == (0 if passes else 1), checked.stdout + checked.stderr
    assert ("FAIL peer" in checked.stdout) is not passes
    assert f"ok   membership: oracle {oracle} of 4, quorum 3" in checked.stdout


def _wait_until_all_started(workplace: Workplace) -> None:
    names = {f"meter-{number}": "meter_started" for number in range(2)}
    names |= {f"oracle-{number}": "oracle_started" for number in range(4)}

    def all_started() -> bool:
        assert workplace.dead == []
        return all(event in _events(workplace, name) for name, event in names.items())

    _until(all_started, seconds=90)


def _assert_logs_tell(workplace: Workplace, live: list[int]) -> None:
    events = [_events(workplace, f"oracle-{number}") for number in live]
    everyone = {"oracle_started", "gathered", "observed", "observation_received", "accepted"}
    assert all(everyone <= each for each in events)
    # Not "submitted": an oracle that sees its report on chain before the receipt reaches it has no more to wait for.
    assert {"proposed", "transaction_sent", "co_signed"} <= set().union(*events)
    for number in live:
        lines = workplace.log(f"oracle-{number}")
        accepted = [line["epoch"] for line in lines if line["event"] == "accepted"]
        assert len(accepted) == len(set(accepted))
        assert {"round_failed", "round_failed_unexpectedly"}.isdisjoint(line["event"] for line in lines)


def _events(workplace: Workplace, name: str) -> set[str]:
    return {line["event"] for line in workplace.log(name)}


def _assert_is_watched(workplace: Workplace, oracle: int, reported: int) -> None:
    """It tells that it is ready, and of the reports that the chain has, whoever sent them."""
    url = f"http://127.0.0.1:{workplace.watched_at(oracle)}"

    def metric(name: str) -> float:
        lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
        (figure,) = [float(line.split()[1]) for line in lines if line.startswith(f"{name} ")]
        return figure

    assert httpx.get(f"{url}/readyz", trust_env=False).json() == {"ok": True, "failing": {}}
    _until(lambda: metric("sbi_last_reported_epoch") >= reported, seconds=30)
    assert metric("sbi_disagreement") == metric('sbi_signing_refusals_total{kind="report"}') == 0
    assert metric("sbi_outbox_finality_broken") == 0


def _assert_stops_cleanly(process: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    assert time.monotonic() - began < 3


def _start_meter(workplace: Workplace, network: Network, number: int, key: LocalAccount) -> str:
    keystore, password = workplace.key_files(f"reading-{number}", key)
    port = _free_port()
    config = workplace.folder / f"meter-{number}.toml"
    config.write_text(f"""
        facility = {number}
        state = "meter-{number}.sqlite"
        [network]
        rpc_url = "{network.rpc_url}"
        registry = "{network.registry}"
        [key]
        keystore = "{keystore}"
        password_file = "{password}"
        [http]
        port = {port}
        [meter]
        kind = "accounting"
        sample = "small-facility"
    """)
    workplace.start(f"meter-{number}", sys.executable, "-m", "sbi_network.cli", "meter", "run", "-c", str(config))
    return f"http://127.0.0.1:{port}"


def _start_oracle(workplace: Workplace, config: Path) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "sbi_network.cli", "oracle", "run", "--config", str(config))
    return workplace.start(config.stem, *command)


def _configured(workplace: Workplace, network: Network, oracles: list[LocalAccount], meters: list[str]) -> list[Path]:
    ports = [_free_port() for _ in oracles]
    configs = []
    for number, account in enumerate(oracles):
        keystore, password = workplace.key_files(f"oracle-{number}", account)
        peers = {other.address: port for other, port in zip(oracles, ports, strict=True) if other is not account}
        lines = [
            f'state = "oracle-{number}.sqlite"',
            f'network = {{rpc_url = "{network.rpc_url}", registry = "{network.registry}"}}',
            f"http = {{port = {ports[number]}}}",
            f"monitoring = {{port = {workplace.watched_at(number)}}}",
            f'signing = {{keystore = "{keystore}", password_file = "{password}"}}',
            f'sending = {{keystore = "{keystore}", password_file = "{password}"}}',
            "timings = {gather_seconds = 2, view_seconds = 2, poll_seconds = 0.25, request_seconds = 1}",
            "[peers]",
            *[f'"{address}" = "http://127.0.0.1:{port}"' for address, port in peers.items()],
            "[facilities]",
            *[f'{facility} = "{url}"' for facility, url in enumerate(meters)],
        ]
        config = workplace.folder / f"oracle-{number}.toml"
        config.write_text("\n".join(lines))
        configs.append(config)
    return configs


def _record(network: Network, epoch: int) -> Record:
    return asyncio.run(_await_record(network, epoch))


async def _await_record(network: Network, epoch: int) -> Record:
    until = network.genesis + (epoch + 1) * EPOCH_SECONDS + 30
    async with connected(network.rpc_url) as chain:
        registry = Registry(chain, check_address("registry", network.registry))
        while time.time() < until:
            record = await registry.record_of(epoch)
            if record is not None:
                return record
            await asyncio.sleep(0.2)
    raise AssertionError(f"epoch {epoch} got no report by {until}")


def _deploy(workplace: Workplace, oracles: list[LocalAccount], reading_keys: list[LocalAccount]) -> Network:
    port = _free_port()
    workplace.start("anvil", *anvil_command(port))
    chain = LocalChain(f"http://127.0.0.1:{port}", TIMES)
    _until(chain.web3.is_connected)
    chain.deploy([each.address for each in oracles], [each.address for each in reading_keys])
    return Network(chain.rpc_url, chain.registry.address, chain.genesis)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _until(is_so: Any, seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
