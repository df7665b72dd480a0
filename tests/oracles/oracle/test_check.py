"""`sbi oracle check`, line by line: all well, then one thing wrong at a time.

Over real HTTP: an endpoint that answers for registry and bonds, three peers, two meters. Every line is seen to fail for
its own reason, with all others as they were, and the command to exit with 1.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account

from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.oracle.check import check
from sbi_network.oracle.config import load_oracle_settings
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.abi.revert import selector_of
from sbi_network.protocol.address import check_address
from tests.oracles.chain.scripted import ScriptedEndpoint, served
from tests.oracles.chain.stand_in import _types
from tests.oracles.oracle.simulated import CHAIN_ID, REGISTRY, guard_of, key, oracle_key, terms_of

CONFIG = terms_of(4).config
BONDS = check_address("bonds", key("bonds").address)
SENDER = check_address("sender", key("sender").address)
ETHER = 10**18
_ITEMS = {
    selector_of(item): item
    for name in ("ComputeOracleRegistry", "SignerBonds")
    for item in load_abi(name)
    if item["type"] == "function"
}


@dataclass
class World:
    """Everything that an oracle needs, as it should be; a test changes one thing."""

    folder: Path
    endpoint: ScriptedEndpoint = field(default_factory=lambda: ScriptedEndpoint("a"))
    views: dict[str, Any] = field(default_factory=dict)
    pages: dict[str, tuple[int, Any]] = field(default_factory=dict)
    balance: int = ETHER
    code: str = "0x01"
    bonds_version: str = "1"
    peers: dict[int, str] = field(default_factory=lambda: {1: "peer-1", 2: "peer-2", 3: "peer-3"})
    """Where under the served address each peer is listed."""

    def __post_init__(self) -> None:
        self.endpoint.head_time = int(time.time())
        self.endpoint.overrides = {
            "eth_syncing": {"result": False},
            "eth_getBalance": lambda params: {"result": hex(self.balance)},
            "eth_getCode": lambda params: {"result": self.code},
            "eth_call": self._call,
        }
        self.views = {
            "genesis": int(time.time()) - 100,
            "epochLength": 8,
            "reportWindow": 60,
            "configAt": (1, CONFIG.digest, 1, list(CONFIG.weights_x16), list(CONFIG.signers)),
            "standingAt": (0b1111, 0),
            "bonds": BONDS,
            "requiredBond": ETHER,
            "bondOf": (SENDER, 0, False, ETHER),
        }
        for number in self.peers:
            self.pages[f"/peer-{number}/v1/status"] = (200, self.status(number))
        for number in (0, 1):
            self.pages[f"/meter-{number}/v1/facility"] = (200, {"facility": number})
        write_key(self.folder / "signing", oracle_key(0))
        write_key(self.folder / "sending", key("sender"))

    def status(self, number: int, **changes: Any) -> dict[str, Any]:
        signer = str(CONFIG.signers[number])
        return {"oracle": signer, "chainId": CHAIN_ID, "registry": REGISTRY, "time": time.time(), **changes}

    def _call(self, params: list[Any]) -> dict[str, Any]:
        to, data = params[0]["to"], bytes.fromhex(params[0]["data"][2:])
        item = _ITEMS[data[:4]]
        if item["name"] == "eip712Domain":
            is_bonds = to.lower() == BONDS.lower()
            name, version = ("SignerBonds", self.bonds_version) if is_bonds else ("ComputeOracleRegistry", "1")
            given: Any = (b"\x0f", name, version, CHAIN_ID, to, bytes(32), [])
        else:
            given = self.views[item["name"]]
        outputs = _types(item["outputs"])
        return {"result": "0x" + encode(outputs, given if len(outputs) != 1 else [given]).hex()}

    def checked(self) -> tuple[bool, dict[str, str]]:
        """Whether all was found well, and the lines by their subjects."""

        async def play() -> tuple[bool, list[str]]:
            lines: list[str] = []
            async with served(self.endpoint) as (rpc_url,), pages_served(self.pages) as url:
                path = self.folder / "oracle.toml"
                path.write_text(self._config(rpc_url, url))
                return await check(load_oracle_settings(path), lines.append), lines

        is_well, lines = asyncio.run(play())
        return is_well, {line[5:].split(":")[0]: line for line in lines}

    def _config(self, rpc_url: str, url: str) -> str:
        peers = "\n".join(f'"{CONFIG.signers[number]}" = "{url}/{at}"' for number, at in self.peers.items())
        return f"""
            state = "oracle.sqlite"
            network = {{rpc_url = "{rpc_url}", registry = "{REGISTRY}"}}
            signing = {{keystore = "signing.json", password_file = "signing.password"}}
            sending = {{keystore = "sending.json", password_file = "sending.password"}}
            timings = {{request_seconds = 20}}
            facilities = {{0 = "{url}/meter-0", 1 = "{url}/meter-1"}}
            [peers]
            {peers}
        """


def write_key(path: Path, account: Any) -> None:
    path.with_suffix(".json").write_text(json.dumps(Account.encrypt(account.key, "pass", kdf="pbkdf2", iterations=2)))
    path.with_suffix(".password").write_text("pass")
    path.with_suffix(".password").chmod(0o600)


@asynccontextmanager
async def pages_served(pages: dict[str, tuple[int, Any]]) -> AsyncIterator[str]:
    """Peers and meters: a status and JSON for each path."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        status, given = pages.get(path, (404, {}))
        body = json.dumps(given).encode()
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        writer.close()

    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        stack.callback(server.close)
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_check__all_well__a_line_for_each_thing(world: World) -> None:
    is_well, lines = world.checked()
    assert is_well, lines
    peers = [f"peer {CONFIG.signers[number]}" for number in (1, 2, 3)]
    keys_and_chain = ["signing key", "sending key", "endpoint 1", "clock by endpoint 1", "registry", "epochs"]
    chain = ["newest block", "bonds", "membership", "bond", "sending balance", "outbox", "state file", "archive"]
    assert list(lines) == [*keys_and_chain, *chain, *peers, "facility 0", "facility 1"]
    assert all(line.startswith("ok   ") for line in lines.values())
    assert lines["membership"] == "ok   membership: oracle 0 of 4, quorum 3"
    assert not (world.folder / "oracle.sqlite").exists()


def _open_password(world: World) -> None:
    (world.folder / "signing.password").chmod(0o644)


def _wrong_password(world: World) -> None:
    (world.folder / "sending.password").write_text("another")


def _no_final_block(world: World) -> None:
    world.endpoint.height = 1


def _block_of_tomorrow(world: World) -> None:
    world.endpoint.head_time = int(time.time()) + 86_400


def _newer_bonds(world: World) -> None:
    world.bonds_version = "2"


def _not_a_member(world: World) -> None:
    write_key(world.folder / "signing", key("a stranger"))


def _slashed(world: World) -> None:
    world.views["bondOf"] = (SENDER, 0, True, 0)


def _half_a_bond(world: World) -> None:
    world.views["bondOf"] = (SENDER, 0, False, ETHER // 2)
    world.views["standingAt"] = (0b1110, 0)


def _poor(world: World) -> None:
    world.balance = 10**15


def _others_outbox(world: World) -> None:
    OutboxStore(world.folder / "oracle-outbox.sqlite", CHAIN_ID, BONDS).close()


def _corrupt_state(world: World) -> None:
    (world.folder / "oracle.sqlite").write_bytes(b"x" * 5000)


def _others_archive(world: World) -> None:
    guard_of(oracle_key(0), world.folder / "oracle-archive.sqlite").close()


def _peer_down(world: World) -> None:
    world.pages["/peer-1/v1/status"] = (502, {})


def _peer_of_another_chain(world: World) -> None:
    world.pages["/peer-1/v1/status"] = (200, world.status(1, chainId=1))


def _peer_late(world: World) -> None:
    world.pages["/peer-1/v1/status"] = (200, world.status(1, time=time.time() - 60))


def _peer_is_another(world: World) -> None:
    world.peers[1] = "peer-2"


def _peer_unlisted(world: World) -> None:
    del world.peers[1]


def _meter_down(world: World) -> None:
    world.pages["/meter-1/v1/facility"] = (500, {})


PEER = f"peer {CONFIG.signers[1]}"
WRONG: list[tuple[Callable[[World], None], str, str]] = [
    (_open_password, "signing key", "can be read by other users: chmod 600"),
    (_wrong_password, "sending key", "does not open it"),
    (_no_final_block, "endpoint 1", "has no final block"),
    (_block_of_tomorrow, "newest block", "old by this machine's clock"),
    (_newer_bonds, "bonds", "SignerBonds version 2 at"),
    (_not_a_member, "membership", "is no oracle of configuration 1"),
    (_slashed, "bond", "slashed: its signatures never count again"),
    (_half_a_bond, "bond", "0.5 of 1 ether: its signatures do not count; `sbi oracle bond`"),
    (_poor, "sending balance", "0.001000 ether at"),
    (_others_outbox, "outbox", "belongs to account"),
    (_corrupt_state, "state file", "file is not a database"),
    (_others_archive, "archive", "oracle-archive.sqlite"),
    (_peer_down, PEER, "answered with 502, and no status"),
    (_peer_of_another_chain, PEER, "answers with chainId 1, expected 31337"),
    (_peer_late, PEER, "a clock is more than a view off"),
    (_peer_is_another, PEER, "answers with oracle"),
    (_peer_unlisted, PEER, "has no URL under peers"),
    (_meter_down, "facility 1", "answers with 500"),
]
ALSO_FAIL = {"membership": {f"peer {CONFIG.signers[0]}"}}
"""Who is no member finds the member in whose place it is without a URL."""


@pytest.mark.parametrize(("spoil", "subject", "seen"), WRONG, ids=[each[0].__name__.strip("_") for each in WRONG])
def test_check__one_thing_wrong__fails_in_its_line_alone(
    world: World, spoil: Callable[[World], None], subject: str, seen: str
) -> None:
    spoil(world)
    is_well, lines = world.checked()
    failed = {name for name, line in lines.items() if line.startswith("FAIL")}
    assert not is_well
    assert failed - ALSO_FAIL.get(subject, set()) == {subject}
    assert seen in lines[subject]
    assert "SECRET" not in str(lines)


def test_check__no_contract_there__says_so_and_leaves_out_what_needs_it(world: World) -> None:
    world.code = "0x"
    is_well, lines = world.checked()
    assert not is_well
    assert lines["chain"] == f"FAIL chain: registry: there is no contract at {REGISTRY}"
    assert "membership" not in lines
