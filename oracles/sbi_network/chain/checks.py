"""What a daemon needs of the chain, its keys and its outbox, looked at one by one: a line each. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import BoundContract, Chain
from sbi_network.chain.endpoints import Endpoint, Reply
from sbi_network.chain.errors import ChainError, KeyFileError
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.outbox_store import OutboxStore, identity_of
from sbi_network.chain.settings import AnyKeySettings, RemoteKeySettings
from sbi_network.errors import SBIError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.typed_data import Domain
from sbi_network.signer.opening import load_private, opened_signer
from sbi_network.signer.remote import RemoteSigner

MOST_SKEW_SECONDS: Final = 5.0
"""Between this machine's clock and an endpoint's: epochs are short, and a wrong clock is late for all of them."""

_MOST_LAG_SECONDS: Final = 60
_LEAST_ETHER: Final = 0.01
_WEI_PER_ETHER: Final = 10**18


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is as it should be, and what was seen."""

    subject: str
    is_ok: bool
    seen: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.is_ok else 'FAIL'} {self.subject}: {self.seen}"


Print = Callable[[str], None]


async def print_all(findings: AsyncIterator[Finding], print_line: Print) -> bool:
    """Print each finding as it is made; whether all are as they should be."""
    all_ok = True
    async for finding in findings:
        print_line(str(finding))
        all_ok = all_ok and finding.is_ok
    return all_ok


async def endpoint_findings(chain: Chain) -> AsyncIterator[Finding]:
    """Of each endpoint its chain, whether it is in sync, how far it lags, its last final block, and its clock."""
    pool = chain.pool
    chains = await pool.ask_each("eth_chainId", [])
    syncing = await pool.ask_each("eth_syncing", [])
    heads = await pool.ask_each("eth_getBlockByNumber", ["latest", False])
    finals = await pool.ask_each("eth_getBlockByNumber", ["finalized", False])
    newest = max((int(reply.result["timestamp"], 16) for reply in heads if reply.result), default=0)
    try:
        expected: int | None = await chain.chain_id()
    except ChainError as error:
        yield Finding("chain", False, str(error))
        expected = pool.chain_id
    for asked in zip(chains, syncing, heads, finals, strict=True):
        yield _endpoint_finding(asked, expected, newest)
    for endpoint in pool.endpoints:
        yield _clock_finding(endpoint)


def _endpoint_finding(asked: tuple[Reply, Reply, Reply, Reply], expected: int | None, newest: int) -> Finding:
    chain, syncing, head, final = asked
    subject = f"endpoint {chain.endpoint.number}"
    missing = next((reply for reply in asked if reply.message), None)
    if missing is not None or not head.result or not final.result:
        return Finding(subject, False, missing.message if missing else "has no final block")
    found, lag = int(chain.result, 16), newest - int(head.result["timestamp"], 16)
    seen = f"chain {found}, block {int(head.result['number'], 16)}, final {int(final.result['number'], 16)}"
    if found != expected:
        return Finding(subject, False, f"{seen}; expected chain {expected}")
    if syncing.result is not False:
        return Finding(subject, False, f"{seen}; is still syncing")
    return Finding(subject, lag <= _MOST_LAG_SECONDS, seen if lag <= _MOST_LAG_SECONDS else f"{seen}; {lag} s behind")


def _clock_finding(endpoint: Endpoint) -> Finding:
    subject, skew = f"clock by endpoint {endpoint.number}", endpoint.provider.clock_skew
    if skew is None:
        return Finding(subject, True, "the endpoint does not say what time it has")
    return Finding(subject, abs(skew) <= MOST_SKEW_SECONDS, f"this machine's is {skew:+.1f} s from it")


async def block_time_finding(chain: Chain) -> Finding:
    """Whether the newest block is from the future by this machine's clock. Raises ChainError."""
    age = time.time() - (await chain.head()).timestamp
    return Finding("newest block", age > -MOST_SKEW_SECONDS, f"{age:.0f} s old by this machine's clock")


async def domain_finding(role: str, contract: BoundContract, expected: Domain) -> Finding:
    """Whether a contract is of the kind and version that this package signs for (ERC-5267). Raises ChainError."""
    await contract.chain.require_code(role, contract.address)
    _, name, version, chain_id, verifying, *_ = await contract.read("eip712Domain")
    found = Domain(name, chain_id, check_address(role, verifying), version)
    seen = f"{name} version {version} at {contract.address}"
    if found == expected:
        return Finding(role, True, seen)
    return Finding(role, False, f"{seen}; expected {expected.name} version {expected.version}")


async def key_finding(subject: str, key: AnyKeySettings) -> Finding:
    """Whether a key can be used: the keystore opens with its password, or the remote signer has the key."""
    try:
        if isinstance(key, RemoteKeySettings):
            async with opened_signer(key) as signer:
                if isinstance(signer, RemoteSigner):
                    await signer.find_key()
            return Finding(subject, True, f"{key.address}, with a remote signer")
        return Finding(subject, True, load_private(key).address)
    except SBIError as error:
        return Finding(subject, False, str(error))


def account_of_key(key: AnyKeySettings) -> ChecksumAddress | None:
    """Whose key it is; None where that cannot be told."""
    if isinstance(key, RemoteKeySettings):
        return check_address("address", key.address)
    try:
        signer: KeystoreSigner = key.load()
    except KeyFileError:
        return None
    return signer.address


async def balance_finding(chain: Chain, account: ChecksumAddress, least_ether: float = _LEAST_ETHER) -> Finding:
    """Whether the sending account can pay. Raises ChainError."""
    ether = await chain.ether_of(account) / _WEI_PER_ETHER
    return Finding("sending balance", ether >= least_ether, f"{ether:.6f} ether at {account}")


def outbox_finding(path: Path, account: ChecksumAddress, chain_id: int) -> Finding:
    """Whether an outbox file, if there is one, is this account's, sound, and not standing still. It may be in use."""
    if not path.exists():
        writable = path.parent.is_dir()
        return Finding("outbox", writable, f"{path} will be made" if writable else f"{path.parent} is no folder")
    try:
        return _existing_outbox(path, identity_of(account, chain_id))
    except SBIError as error:
        return Finding("outbox", False, str(error))


def _existing_outbox(path: Path, expected: str) -> Finding:
    store = OutboxStore.existing(path)
    try:
        broken, found, waiting = store.broken(), store.identity(), store.oldest_unsettled() is not None
    finally:
        store.close()
    if broken is not None:
        return Finding("outbox", False, f"{path} stands still: {broken}; see `sbi outbox resume`")
    if found != expected:
        return Finding("outbox", False, f"{path} belongs to {found}; this is {expected}")
    return Finding("outbox", True, f"{path}, with intents under way" if waiting else f"{path}, nothing under way")
