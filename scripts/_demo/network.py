"""The demo's network: Anvil, three meters, four oracles, each a process with files an operator would write."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
from eth_account.signers.local import LocalAccount
from scripts._demo.processes import DemoError, Process, Processes, answers
from scripts._demo.roles import CHEAT, KEEPER, ORACLE_SENDERS, ORACLES, READING_KEYS, development_account

HOST = "127.0.0.1"
BIN = Path(sys.executable).parent
START_SECONDS = 60.0

_KEYSTORE_ITERATIONS = 1_000
"""Cheap on purpose: these keys are public. A real keystore takes eth_account's default."""

_KEYSTORE_PASSWORD = "public development key"  # noqa: S105 - it says what it is


@dataclass(frozen=True)
class Ports:
    """Where everybody listens: the node at the base, oracles from base + 101, meters from base + 201, the explorer at
    base + 301."""

    base: int

    @property
    def node(self) -> int:
        return self.base

    @property
    def oracles(self) -> list[int]:
        return [self.base + 101 + i for i in range(len(ORACLES))]

    @property
    def meters(self) -> list[int]:
        return [self.base + 201 + i for i in range(len(READING_KEYS))]

    @property
    def explorer(self) -> int:
        return self.base + 301

    @property
    def all(self) -> list[int]:
        return [self.node, *self.oracles, *self.meters, self.explorer]

    @property
    def rpc_url(self) -> str:
        return f"http://{HOST}:{self.node}"


def start_node(processes: Processes, ports: Ports) -> None:
    """Anvil: a block a second and one for each transaction; two blocks later it is final."""
    command: list[str | Path] = [BIN / "anvil", "--host", HOST, "--port", str(ports.node), "--accounts", "20"]
    command += ["--silent", "--block-time", "1", "--mixed-mining", "--slots-in-an-epoch", "1", "--hardfork", "prague"]
    processes.start("anvil", command)
    processes.wait_until("Anvil to answer", lambda: answers(HOST, ports.node), START_SECONDS)


def start_meters(processes: Processes, ports: Ports, folder: Path, registry: str) -> None:
    """Facility 0 measures this machine; facility 1 replays the bundled sample of task accounting; so says facility 2,
    which proves it with products that it never computed."""
    replayed = 'kind = "accounting"\nsample = "small-facility"'
    kinds = ('kind = "host"\ncapacity_interval = 20.0', replayed, replayed)
    judges = ", ".join(f'"http://{HOST}:{port}"' for port in ports.oracles)
    for number, (port, kind) in enumerate(zip(ports.meters, kinds, strict=True)):
        home = folder / f"meter-{number}"
        home.mkdir(parents=True, exist_ok=True)
        write_keystore(home, "reading-key", development_account(READING_KEYS[number]))
        config = home / "meter.toml"
        config.write_text(
            f'facility = {number}\nstate = "meter.sqlite"\n\n'
            f'[network]\nrpc_url = "{ports.rpc_url}"\nregistry = "{registry}"\n\n'
            f'[key]\nkeystore = "reading-key.json"\npassword_file = "reading-key.password"\n\n'
            f'[http]\nhost = "{HOST}"\nport = {port}\n\n[meter]\n{kind}\n\n'
            f"[proof]\noracles = [{judges if number != CHEAT else ''}]\n",
            encoding="utf-8",
        )
        program = [BIN / "sbi", "meter", "run"] if number != CHEAT else [sys.executable, "-m", "scripts._demo.cheat"]
        processes.start(f"meter-{number}", [*program, "--config", config])


def start_oracles(processes: Processes, ports: Ports, folder: Path, registry: str) -> list[Process]:
    """Four oracles, f = 1, each with a signing key, a sending key, and the addresses of the other three."""
    signers = [str(development_account(number).address) for number in ORACLES]
    started = []
    for number, port in enumerate(ports.oracles):
        home = folder / f"oracle-{number}"
        home.mkdir(parents=True, exist_ok=True)
        write_keystore(home, "signing-key", development_account(ORACLES[number]))
        write_keystore(home, "sending-key", development_account(ORACLE_SENDERS[number]))
        peers = {signer: peer for signer, peer in zip(signers, ports.oracles, strict=True) if peer != port}
        config = home / "oracle.toml"
        config.write_text(_oracle_toml(ports, registry, port, peers), encoding="utf-8")
        started.append(processes.start(f"oracle-{number}", [BIN / "sbi", "oracle", "run", "--config", config]))
    return started


def _oracle_toml(ports: Ports, registry: str, port: int, peers: dict[str, int]) -> str:
    listed_peers = "".join(f'"{signer}" = "http://{HOST}:{peer}"\n' for signer, peer in peers.items())
    facilities = "".join(f'{number} = "http://{HOST}:{meter}"\n' for number, meter in enumerate(ports.meters))
    return (
        'state = "oracle.sqlite"\n\n'
        f'[network]\nrpc_url = "{ports.rpc_url}"\nregistry = "{registry}"\n\n'
        f'[http]\nhost = "{HOST}"\nport = {port}\n\n'
        '[signing]\nkeystore = "signing-key.json"\npassword_file = "signing-key.password"\n\n'
        '[sending]\nkeystore = "sending-key.json"\npassword_file = "sending-key.password"\n\n'
        f"[peers]\n{listed_peers}\n[facilities]\n{facilities}\n"
        "[timings]\ngather_seconds = 2\nview_seconds = 3\npoll_seconds = 0.5\nrequest_seconds = 2\n"
    )


def start_explorer(processes: Processes, ports: Ports, folder: Path, record: Path) -> str:
    """The dashboard and the wallet page. Returns their address, once they answer."""
    home = folder / "explorer"
    home.mkdir(parents=True, exist_ok=True)
    meters = "".join(f'{number} = "http://{HOST}:{meter}"\n' for number, meter in enumerate(ports.meters))
    config = home / "explorer.toml"
    config.write_text(
        f'[network]\nrpc_url = "{ports.rpc_url}"\ndeployment = "{record}"\n\n'
        f'[database]\nurl = "sqlite:///{home.resolve() / "explorer.sqlite"}"\n\n'
        f'[http]\nhost = "{HOST}"\nport = {ports.explorer}\n\n'
        f'[pages]\nwallet_rpc_url = "{ports.rpc_url}"\n\n[facilities]\n{meters}',
        encoding="utf-8",
    )
    processes.start("explorer", [BIN / "sbi", "explorer", "run", "--config", config])
    processes.wait_until("the explorer to answer", lambda: answers(HOST, ports.explorer), START_SECONDS)
    return f"http://{HOST}:{ports.explorer}/"


def start_keeper(processes: Processes, ports: Ports, folder: Path, vault: str) -> None:
    """Distributes each epoch from now on: the story did so itself."""
    home = folder / "keeper"
    home.mkdir(parents=True, exist_ok=True)
    write_keystore(home, "sending-key", development_account(KEEPER))
    config = home / "keeper.toml"
    config.write_text(
        f'[network]\nrpc_url = "{ports.rpc_url}"\nvault = "{vault}"\n\n'
        '[sending]\nkeystore = "sending-key.json"\npassword_file = "sending-key.password"\n',
        encoding="utf-8",
    )
    processes.start("keeper", [BIN / "sbi", "keeper", "run", "--config", config])


def wait_for_services(processes: Processes, ports: Ports) -> None:
    """Until the oracles answer and the meters measure: the live one first takes five samples of this machine."""
    for port in ports.oracles:
        processes.wait_until(f"port {port} to answer", lambda port=port: answers(HOST, port), START_SECONDS)  # type: ignore[misc]
    for port in ports.meters:
        processes.wait_until(f"the meter on port {port}", lambda port=port: _measures(port), START_SECONDS)  # type: ignore[misc]


def _measures(port: int) -> bool:
    try:
        health = httpx.get(f"http://{HOST}:{port}/healthz", timeout=2)
    except httpx.TransportError:
        return False
    return health.status_code == httpx.codes.OK and "measuring" in health.text


def require_tools() -> None:
    """Raises when a program that set-up installs is missing."""
    missing = [name for name in ("anvil", "sbi") if not os.access(BIN / name, os.X_OK)]
    if missing:
        raise DemoError(f"missing in {BIN}: {', '.join(missing)}. Run `make setup` first")


def key_section(name: str) -> str:
    """What a configuration file says of a key that `write_keystore` wrote beside it."""
    return f'keystore = "{name}.json"\npassword_file = "{name}.password"\n'


def write_keystore(home: Path, name: str, account: LocalAccount) -> None:
    """An encrypted keystore and the file with its password, as an operator has them."""
    keystore = account.encrypt(_KEYSTORE_PASSWORD, kdf="pbkdf2", iterations=_KEYSTORE_ITERATIONS)
    for path, text in ((home / f"{name}.json", json.dumps(keystore)), (home / f"{name}.password", _KEYSTORE_PASSWORD)):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
