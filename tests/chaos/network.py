"""The network under test: Anvil, two meters, and oracles behind proxies."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.chaos.chain import LocalChain, Times, anvil_command, development_account
from tests.chaos.processes import Child, Children, free_port, until
from tests.chaos.proxy import HOST, Link, Proxies
from tests.chaos.signatures import Signatures
from tests.chaos.transactions import Transactions

GENERATIONS: Final = 12
"""Signing keys that a slot has in store: whoever is slashed for lying goes on with the next."""

START_SECONDS: Final = 120.0
_SENDERS_FROM: Final = 2
_METERS: Final = 2


@dataclass(frozen=True)
class Pace:
    """How fast the oracles go, in seconds."""

    gather: float = 2.0
    view: float = 2.0
    poll: float = 0.5
    request: float = 1.5


@dataclass(eq=False)
class Slot:
    """A place in the oracle set: who sits there, with which key, and in which process."""

    number: int
    home: Path
    port: int
    sender: LocalAccount
    keys: list[LocalAccount]
    rpc: Link
    meters: list[Link] = field(default_factory=list)
    incoming: dict[int, Link] = field(default_factory=dict)
    """By the number of whoever asks."""

    generation: int = 0
    child: Child | None = None

    @property
    def name(self) -> str:
        return self.home.name

    @property
    def signer(self) -> str:
        return str(self.keys[self.generation].address)

    @property
    def config(self) -> Path:
        return self.home / f"oracle-{self.generation}.toml"

    @property
    def state(self) -> Path:
        return self.home / f"oracle-{self.generation}.sqlite"

    @property
    def archive(self) -> Path:
        return self.home / f"oracle-{self.generation}-archive.sqlite"

    @property
    def is_running(self) -> bool:
        return self.child is not None and self.child.status is None

    @property
    def process(self) -> Child:
        assert self.child is not None
        return self.child


class Network:
    """Everything that runs."""

    def __init__(self, children: Children, proxies: Proxies, count: int, times: Times, pace: Pace) -> None:
        self.children = children
        self.proxies = proxies
        self.times = times
        self.pace = pace
        self.faults = count // 3
        self.signatures = Signatures()
        self.transactions = Transactions()
        self.equivocators: set[str] = set()
        """The keys that were told to sign twice."""

        self.all_are: str | None = None
        """How those misbehave that are taken for honest: for controls."""

        self.node_url = f"http://{HOST}:{free_port()}"
        self._seats = count
        self.chain = LocalChain(self.node_url, times)
        self.slots: list[Slot] = []
        self.meters: list[str] = []

    @property
    def quorum(self) -> int:
        return 2 * self.faults + 1

    def start(self) -> None:
        """Until every oracle runs and stands."""
        node = self.children.start("anvil", *anvil_command(int(self.node_url.rsplit(":", 1)[1]), 2 * self._seats + 4))
        until("Anvil", self.chain.web3.is_connected, START_SECONDS)
        assert node.status is None
        reading_keys = [_key(f"facility {number}") for number in range(_METERS)]
        self.slots = [self._slot(number) for number in range(self._seats)]
        self.chain.deploy([slot.signer for slot in self.slots], [key.address for key in reading_keys])
        self.signatures.domain = (self.chain.web3.eth.chain_id, self.chain.registry.address)
        self.chain.put_up_bonds([slot.keys[0] for slot in self.slots])
        self.meters = [self._start_meter(number, key) for number, key in enumerate(reading_keys)]
        for slot in self.slots:
            slot.meters = [self.proxies.add(url) for url in self.meters]
            slot.incoming = {other.number: self._peer_link(slot) for other in self.slots if other is not slot}
        for slot in self.slots:
            for generation in range(len(slot.keys)):
                self._write_config(slot, generation)
            self.launch(slot)
        for slot in self.slots:
            self.wait_until_started(slot)

    def launch(self, slot: Slot, *, misbehaving: str | None = None, **environment: str) -> Child:
        """Start a slot's oracle, or a liar with its key."""
        misbehaving = misbehaving or self.all_are
        module = ("tests.chaos.armed",) if misbehaving is None else ("tests.chaos.liar", misbehaving)
        command = (sys.executable, "-m", *module, str(slot.config))
        slot.child = self.children.start(slot.name, *command, **environment)
        return slot.child

    def wait_until_started(self, slot: Slot) -> None:
        """Raises TimeoutError, with the end of its log, where it does not start."""
        try:
            until(f"oracle {slot.number}", lambda: slot.process.has_told("oracle_started"), START_SECONDS)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {slot.process.tail}") from None

    def rotate(self, slot: Slot) -> int:
        """The slot's next key, bonded and scheduled for the next epoch; which that is. The slot does not run."""
        if slot.generation + 1 == len(slot.keys):
            raise RuntimeError(f"{slot.name} has no further key: raise GENERATIONS")
        slot.generation += 1
        self.chain.put_up_bonds([slot.keys[slot.generation]])
        from_epoch = self.chain.running() + 2
        self.chain.schedule([each.signer for each in self.slots], from_epoch)
        return from_epoch

    def status(self, slot: Slot) -> dict[str, Any]:
        """What an oracle says of itself."""
        answer = httpx.get(f"http://{HOST}:{slot.port}/v1/status", timeout=5, trust_env=False)
        given: dict[str, Any] = answer.json()
        return given

    def _slot(self, number: int) -> Slot:
        home = self.children.folder / f"oracle-{number}"
        home.mkdir()
        keys = [_key(f"oracle {number}, generation {generation}") for generation in range(GENERATIONS)]
        rpc = self.proxies.add(self.node_url)
        rpc.overhear = self.transactions.watch
        return Slot(number, home, free_port(), development_account(number + _SENDERS_FROM), keys, rpc)

    def _peer_link(self, slot: Slot) -> Link:
        link = self.proxies.add(f"http://{HOST}:{slot.port}")
        link.watch = self.signatures.watch
        return link

    def _write_config(self, slot: Slot, generation: int) -> None:
        _write_keystore(slot.home / f"signing-{generation}", slot.keys[generation])
        _write_keystore(slot.home / "sending", slot.sender)
        others = [other for other in self.slots if other is not slot]
        urls = {other.number: f"http://{HOST}:{other.incoming[slot.number].port}" for other in others}
        peers = [f'"{key.address}" = "{urls[other.number]}"' for other in others for key in other.keys]
        meters = [f"http://{HOST}:{link.port}" for link in slot.meters]
        pace = self.pace
        lines = [
            f'state = "oracle-{generation}.sqlite"',
            f'network = {{rpc_url = "http://{HOST}:{slot.rpc.port}", registry = "{self.chain.registry.address}"}}',
            f"http = {{port = {slot.port}}}",
            f'signing = {{keystore = "signing-{generation}.json", password_file = "signing-{generation}.password"}}',
            'outbox = {file = "outbox.sqlite"}',  # the sending key's: it stays when the signing key changes
            'sending = {keystore = "sending.json", password_file = "sending.password"}',
            f"timings = {{gather_seconds = {pace.gather}, view_seconds = {pace.view}, "
            f"poll_seconds = {pace.poll}, request_seconds = {pace.request}}}",
            "[peers]",
            *peers,
            "[facilities]",
            *[f'{facility} = "{url}"' for facility, url in enumerate(meters)],
        ]
        (slot.home / f"oracle-{generation}.toml").write_text("\n".join(lines))

    def _start_meter(self, number: int, key: LocalAccount) -> str:
        home, port = self.children.folder / f"meter-{number}", free_port()
        home.mkdir()
        _write_keystore(home / "reading", key)
        config = home / "meter.toml"
        config.write_text(f"""
            facility = {number}
            state = "meter.sqlite"
            [network]
            rpc_url = "{self.node_url}"
            registry = "{self.chain.registry.address}"
            [key]
            keystore = "reading.json"
            password_file = "reading.password"
            [http]
            port = {port}
            [meter]
            kind = "accounting"
            sample = "small-facility"
        """)
        self.children.sbi(f"meter-{number}", "meter", "run", "--config", str(config))
        return f"http://{HOST}:{port}"


@contextmanager
def running_network(
    folder: Path, count: int, times: Times, pace: Pace | None = None, *, all_are: str | None = None
) -> Iterator[Network]:
    """A network that runs until the end of the block."""
    with ExitStack() as stack:
        children = stack.enter_context(Children(folder))
        proxies = stack.enter_context(Proxies())
        network = Network(children, proxies, count, times, pace or Pace())
        network.all_are = all_are
        network.start()
        yield network


def wait_for_report(network: Network, epoch: int) -> Any:
    """An epoch's record, at its deadline at the latest. Raises TimeoutError."""
    left = network.chain.end_of(epoch) + network.times.report_window - time.time()
    until(f"a report of epoch {epoch}", lambda: network.chain.record(epoch), max(1.0, left))
    return network.chain.record(epoch)


def _key(name: str) -> LocalAccount:
    account: LocalAccount = Account.from_key(sha256(name.encode()).digest())
    return account


def _write_keystore(path: Path, key: LocalAccount) -> None:
    keystore, password = path.with_suffix(".json"), path.with_suffix(".password")
    keystore.write_text(json.dumps(Account.encrypt(key.key, "not secret", kdf="pbkdf2", iterations=2)))
    password.write_text("not secret\n")
    password.chmod(0o600)
