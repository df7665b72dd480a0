"""What a daemon needs, looked at one by one.

endpoints   ├── right → chain, heights
            ├── another chain's, syncing, behind, without final blocks, silent → FAIL, with what was seen
            └── a clock that differs → FAIL
contract    ├── of our version → ok; another name, version, chain → FAIL
keys        ├── opens; wrong password, readable by others, no remote signer → FAIL
outbox      └── none yet, sound → ok; another account's, standing still, corrupt → FAIL
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from sbi_network.chain.checks import (
    Finding,
    account_of_key,
    balance_finding,
    block_time_finding,
    domain_finding,
    endpoint_findings,
    key_finding,
    outbox_finding,
)
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.registry import Registry
from sbi_network.chain.settings import KeySettings, RemoteKeySettings
from sbi_network.protocol.address import check_address
from sbi_network.protocol.messages import registry_domain
from tests.oracles.chain.scripted import CHAIN_ID, ScriptedEndpoint, served
from tests.oracles.chain.stand_in import ADDRESS, StandInNode

ACCOUNT = Account.from_key(b"\7" * 32)
PAYER = check_address("payer", ACCOUNT.address)


def _play(play: Callable[[Chain], Awaitable[Any]], *endpoints: ScriptedEndpoint) -> Any:
    async def playing() -> Any:
        async with served(*endpoints) as urls, connected(urls, 2, CHAIN_ID) as chain:
            return await play(chain)

    return asyncio.run(playing())


def _endpoint(**attributes: Any) -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint("a")
    endpoint.overrides["eth_syncing"] = {"result": False}
    for name, value in attributes.items():
        setattr(endpoint, name, value)
    return endpoint


async def _all(chain: Chain) -> list[Finding]:
    return [finding async for finding in endpoint_findings(chain)]


def test_endpoint_findings__all_right__tell_chain_and_heights() -> None:
    found = _play(_all, _endpoint(), _endpoint())
    assert [str(each) for each in found] == [
        "ok   endpoint 1: chain 31337, block 10, final 8",
        "ok   endpoint 2: chain 31337, block 10, final 8",
        "ok   clock by endpoint 1: the endpoint does not say what time it has",
        "ok   clock by endpoint 2: the endpoint does not say what time it has",
    ]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"chain_id": 5}, "chain 5, block 10, final 8; expected chain 31337"),
        ({"overrides": {"eth_syncing": {"result": {"currentBlock": "0x1"}}}}, "is still syncing"),
        ({"head_time": 1_800_000_000 - 61}, "61 s behind"),
        ({"status": 503}, "answered with 503"),
        ({"height": 1}, "has no final block"),
    ],
)
def test_endpoint_findings__one_is_wrong__fails_with_what_was_seen(fault: dict[str, Any], seen: str) -> None:
    first, second, *_ = _play(_all, _endpoint(), _endpoint(**fault))
    assert first.is_ok
    assert not second.is_ok
    assert seen in second.seen
    assert "SECRET" not in second.seen


@pytest.mark.parametrize(("ahead", "is_ok"), [(0, True), (30, False), (-30, False)])
def test_endpoint_findings__its_clock__is_compared(ahead: int, is_ok: bool) -> None:
    date = formatdate(time.time() + ahead, usegmt=True)
    *_, clock = _play(_all, _endpoint(headers={"date": date}))
    assert clock.is_ok is is_ok


def test_block_time_finding__a_block_from_the_future__fails() -> None:
    assert not _play(block_time_finding, _endpoint(head_time=int(time.time()) + 60)).is_ok
    assert _play(block_time_finding, _endpoint(head_time=int(time.time()) - 60)).is_ok


def _domain(**change: Any) -> Finding:
    answer = {"name": "ComputeOracleRegistry", "version": "1", "chain": 31337, "at": ADDRESS} | change
    views: dict[str, Any] = {
        "eip712Domain": (b"\x0f", answer["name"], answer["version"], answer["chain"], answer["at"], bytes(32), [])
    }
    registry = Registry(StandInNode("ComputeOracleRegistry", views).chain(), ADDRESS)
    return asyncio.run(domain_finding("registry", registry, registry_domain(31337, ADDRESS)))


def test_domain_finding__of_our_version__is_ok() -> None:
    assert str(_domain()) == f"ok   registry: ComputeOracleRegistry version 1 at {ADDRESS}"


@pytest.mark.parametrize("change", [{"version": "2"}, {"name": "SignerBonds"}, {"chain": 1}, {"at": PAYER}])
def test_domain_finding__anything_else__fails(change: dict[str, Any]) -> None:
    assert not _domain(**change).is_ok


def test_balance_finding__by_what_is_there__is_ok_or_not() -> None:
    assert not _play(lambda chain: balance_finding(chain, PAYER), _endpoint()).is_ok
    rich = _endpoint(overrides={"eth_getBalance": {"result": hex(10**18)}})
    assert str(_play(lambda chain: balance_finding(chain, PAYER), rich)) == (
        f"ok   sending balance: 1.000000 ether at {PAYER}"
    )


@pytest.fixture
def key(tmp_path: Path) -> KeySettings:
    keystore, password = tmp_path / "k.json", tmp_path / "k.password"
    keystore.write_text(json.dumps(Account.encrypt(ACCOUNT.key, "pass", kdf="pbkdf2", iterations=2)))
    password.write_text("pass")
    password.chmod(0o600)
    return KeySettings(keystore=keystore, password_file=password)


def test_key_finding__opens__tells_the_account(key: KeySettings) -> None:
    assert asyncio.run(key_finding("sending key", key)) == Finding("sending key", True, PAYER)
    assert account_of_key(key) == PAYER


def test_key_finding__open_to_others_or_wrong__fails(key: KeySettings) -> None:
    key.password_file.chmod(0o640)
    assert not asyncio.run(key_finding("sending key", key)).is_ok
    key.password_file.chmod(0o600)
    key.password_file.write_text("wrong")
    found = asyncio.run(key_finding("sending key", key))
    assert not found.is_ok
    assert "does not open it" in found.seen
    assert account_of_key(key) is None


def test_key_finding__no_remote_signer__fails_and_the_account_is_known() -> None:
    remote = RemoteKeySettings.model_validate({"url": "http://127.0.0.1:1", "address": PAYER})
    found = asyncio.run(key_finding("signing key", remote))
    assert (found.is_ok, found.seen) == (False, "remote signer: ConnectError")
    assert account_of_key(remote) == PAYER


def test_outbox_finding__none_sound_others_or_broken__is_told(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    assert outbox_finding(path, PAYER, 1) == Finding("outbox", True, f"{path} will be made")
    store = OutboxStore(path, 1, PAYER)
    assert outbox_finding(path, PAYER, 1).seen == f"{path}, nothing under way"
    assert not outbox_finding(path, PAYER, 2).is_ok
    store.keep_broken("block 9 changed", [])
    store.close()
    assert "stands still: block 9 changed" in outbox_finding(path, PAYER, 1).seen
    path.write_bytes(b"x" * 5000)
    assert not outbox_finding(path, PAYER, 1).is_ok
    assert not outbox_finding(tmp_path / "none" / "o", PAYER, 1).is_ok
