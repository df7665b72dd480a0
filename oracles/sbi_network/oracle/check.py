"""`sbi oracle check`: everything that `run` needs, tried one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from sbi_network.chain.bonds import Bonds
from sbi_network.chain.checks import (
    Finding,
    Print,
    account_of_key,
    balance_finding,
    block_time_finding,
    domain_finding,
    endpoint_findings,
    key_finding,
    outbox_finding,
    print_all,
)
from sbi_network.chain.clock import EpochClock, read_clock
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.registry import Registry
from sbi_network.errors import SBIError
from sbi_network.oracle.archive import Archive
from sbi_network.oracle.config import OracleSettings, Timings
from sbi_network.oracle.errors import OracleStateError
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.peers import fetch_status
from sbi_network.oracle.transport import NoAnswerError, Transport
from sbi_network.protocol.json_form import MAX_TEXT_CHARS
from sbi_network.protocol.messages import bonds_domain
from sbi_network.protocol.oracle_set import OracleConfig
from sbi_network.protocol.typed_data import Address


async def findings(settings: OracleSettings) -> AsyncIterator[Finding]:
    """All findings, in order. Without the chain what needs it is left out: the chain's own line says why."""
    yield await key_finding("signing key", settings.signing)
    yield await key_finding("sending key", settings.sending)
    signer = account_of_key(settings.signing)
    async with connected(settings.network.rpc_urls, chain_id=settings.network.chain_id) as chain:
        async for finding in endpoint_findings(chain):
            yield finding
        try:
            clock = await read_clock(chain, settings.network.registry_address)
            async for finding in _chain_findings(settings, chain, clock, signer):
                yield finding
            config = await _config(chain, clock)
            if signer is not None:
                for finding in _file_findings(settings, signer, clock):
                    yield finding
        except SBIError as error:
            yield Finding("chain", False, str(error))
            return
    transport = Transport(settings.timings.request_seconds)
    try:
        for finding in await _peer_findings(settings, transport, config, signer):
            yield finding
        for finding in await _facility_findings(settings, transport):
            yield finding
    finally:
        await transport.close()


async def _config(chain: Chain, clock: EpochClock) -> OracleConfig:
    return await Registry(chain, clock.registry).config_at(max(0, clock.epoch_at(clock.now())))


async def _chain_findings(
    settings: OracleSettings, chain: Chain, clock: EpochClock, signer: ChecksumAddress | None
) -> AsyncIterator[Finding]:
    registry, running = Registry(chain, clock.registry), clock.epoch_at(clock.now())
    yield await domain_finding("registry", registry, clock.domain)
    yield Finding("epochs", True, f"of {clock.epoch_seconds} s, number {running} runs")
    yield await block_time_finding(chain)
    bonds = Bonds(chain, await registry.bonds())
    yield await domain_finding("bonds", bonds, bonds_domain(clock.chain_id, bonds.address))
    config = await _config(chain, clock)
    if signer is not None:
        number = config.signers.index(signer) if signer in config.signers else None
        seen = f"{signer} is no oracle of configuration {config.config_version}"
        is_member = f"oracle {number} of {len(config.signers)}, quorum {config.quorum}"
        yield Finding("membership", number is not None, seen if number is None else is_member)
        yield await _bond_finding(chain, clock, running, signer, number)
    sender = account_of_key(settings.sending)
    if sender is not None:
        yield await balance_finding(chain, sender, settings.outbox.least_ether)
        yield outbox_finding(settings.outbox.file, sender, clock.chain_id)


async def _bond_finding(
    chain: Chain, clock: EpochClock, epoch: int, signer: ChecksumAddress, number: int | None
) -> Finding:
    registry = Registry(chain, clock.registry)
    bonds = Bonds(chain, await registry.bonds())
    held, required = await bonds.of(signer), await bonds.required()
    if held.is_slashed:
        return Finding("bond", False, "slashed: its signatures never count again")
    stands = number is None or bool(await registry.standing_at(max(0, epoch)) >> number & 1)
    seen = f"{held.amount / 10**18:g} of {required / 10**18:g} ether"
    remedy = "" if stands else ": its signatures do not count; `sbi oracle bond` puts up what is missing"
    return Finding("bond", stands and held.amount >= required, seen + remedy)


async def _peer_findings(
    settings: OracleSettings, transport: Transport, config: OracleConfig, own: ChecksumAddress | None
) -> list[Finding]:
    urls = settings.peer_urls

    async def one(address: Address) -> Finding:
        subject = f"peer {address}"
        if address == own:
            return Finding(subject, False, "is this oracle itself")
        if address not in config.signers:
            return Finding(subject, False, f"is no oracle of configuration {config.config_version}")
        try:
            status = await fetch_status(transport, urls[address])
        except NoAnswerError as error:
            return Finding(subject, False, f"{urls[address]}: {error}")
        fault = _fault_of_peer(status, address, config, settings.timings)
        return Finding(subject, fault is None, f"{urls[address]} {fault or 'answers'}")

    missing = [each for each in config.signers if each != own and each not in urls]
    absent = [Finding(f"peer {each}", False, "has no URL under peers") for each in missing]
    return [*await asyncio.gather(*[one(address) for address in urls]), *absent]


def _fault_of_peer(status: dict[str, Any], address: Address, config: OracleConfig, timings: Timings) -> str | None:
    """What is wrong with how a peer answers; it may be anybody, and say anything."""
    expected = {"oracle": address, "chainId": config.chain_id, "registry": config.registry}
    for name, value in expected.items():
        if status.get(name) != value:
            return f"answers with {name} {status.get(name)!r:.60}, expected {value}"
    shown = status.get("time")
    if not isinstance(shown, (int, float)) or abs(shown - time.time()) > timings.view_seconds:
        return f"says that it is {shown!r:.30}, here it is {time.time():.0f}: a clock is more than a view off"
    return None


def _file_findings(settings: OracleSettings, signer: ChecksumAddress, clock: EpochClock) -> list[Finding]:
    """The state file and the archive, where there are any. Neither is made, or changed."""
    kinds: list[tuple[str, Path, type[SigningGuard] | type[Archive]]] = [
        ("state file", settings.state, SigningGuard),
        ("archive", settings.archive_path, Archive),
    ]
    found = []
    for subject, path, kind in kinds:
        if not path.exists():
            found.append(Finding(subject, path.parent.is_dir(), f"{path}: there is none yet"))
            continue
        try:
            kind(path, signer, clock.domain).close()
        except OracleStateError as error:
            found.append(Finding(subject, False, str(error)))
        else:
            found.append(Finding(subject, True, str(path)))
    return found


async def _facility_findings(settings: OracleSettings, transport: Transport) -> list[Finding]:
    async def one(number: int, url: str) -> Finding:
        try:
            answer = await transport.get(f"{url}/v1/facility", MAX_TEXT_CHARS)
        except NoAnswerError as error:
            return Finding(f"facility {number}", False, f"{url}: {error}")
        return Finding(f"facility {number}", answer.is_ok, f"{url} answers with {answer.status}")

    return list(await asyncio.gather(*[one(number, url) for number, url in sorted(settings.facilities.items())]))


async def check(settings: OracleSettings, print_line: Print) -> bool:
    """Print each finding as it is made; whether all are as they should be."""
    return await print_all(findings(settings), print_line)
