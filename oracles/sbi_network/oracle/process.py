"""The process `sbi oracle run`: the node and its HTTP server, started together and stopped together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Protocol

import structlog
from fastapi import FastAPI

from sbi_network.chain.clock import EpochClock, read_clock
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.daemon import Footing, footing
from sbi_network.chain.errors import SettingsError
from sbi_network.chain.keys import Signer
from sbi_network.chain.locking import locked
from sbi_network.chain.registry import Registry
from sbi_network.chain.report_pulse import ReportPulse
from sbi_network.chain.stopping import until_stopped
from sbi_network.meter.proof.calendar import open_calendar
from sbi_network.monitoring.metrics import OracleMetrics
from sbi_network.oracle.app import build_app
from sbi_network.oracle.archive import Archive
from sbi_network.oracle.around import Surroundings, read_reach
from sbi_network.oracle.audit_log import AuditLog
from sbi_network.oracle.auditing import Auditing
from sbi_network.oracle.config import OracleSettings
from sbi_network.oracle.custody import Custody
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.docket import Docket
from sbi_network.oracle.dry_run import DryRun
from sbi_network.oracle.epoch_round import Means
from sbi_network.oracle.faults import Faults
from sbi_network.oracle.gather import Gatherer, Judge
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.mailbox import Identity, Mailbox
from sbi_network.oracle.node import Office, OracleNode
from sbi_network.oracle.passport import Passport
from sbi_network.oracle.peers import Peers
from sbi_network.oracle.prosecution import Prosecution
from sbi_network.oracle.revealer import Revealer
from sbi_network.oracle.submit import Submitter
from sbi_network.oracle.terms import Terms
from sbi_network.oracle.testimony import Testimony
from sbi_network.oracle.transport import Transport
from sbi_network.protocol.address import ZERO_ADDRESS
from sbi_network.serving import Server, bound_socket
from sbi_network.signer.opening import opened_signer

_SHUTDOWN_SECONDS = 1
_MOST_CONNECTIONS = 128
_ANSWER_SECONDS = 60.0
"""For a proposal it may fetch what it lists; more than a view is of no use."""

_log = structlog.get_logger("sbi.oracle")


async def run_oracle(settings: OracleSettings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Raises SBIError where that cannot begin."""
    async with opened_signer(settings.signing) as signer:
        _refuse_oneself(settings, signer.address)
        with locked(settings.state, "state file"), bound_socket(settings.http) as listening:
            async with footing(settings.network, settings.sending, settings.outbox, settings.monitoring) as base:
                await _open_and_serve(settings, signer, base, listening, stop)
    _log.info("oracle_stopped")


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an oracle is made of."""

    settings: OracleSettings
    signer: Signer
    base: Footing
    clock: EpochClock
    transport: Transport
    guard: SigningGuard
    archive: Archive


async def _open_and_serve(
    settings: OracleSettings, signer: Signer, base: Footing, listening: socket.socket, stop: asyncio.Event
) -> None:
    clock = await read_clock(base.chain, settings.network.registry_address)
    transport = Transport(settings.timings.request_seconds)
    try:
        with (
            closing(SigningGuard(settings.state, signer.address, clock.domain)) as guard,
            closing(Archive(settings.archive_path, signer.address, clock.domain)) as archive,
        ):
            _log.info("oracle_started", oracle=signer.address, sender=base.outbox.address, port=settings.http.port)
            await _serve(_Parts(settings, signer, base, clock, transport, guard, archive), listening, stop)
    finally:
        await transport.close()


async def _serve(parts: _Parts, listening: socket.socket, stop: asyncio.Event) -> None:
    settings, clock, sender = parts.settings, parts.clock, parts.base.outbox
    registry = Registry(parts.base.chain, clock.registry)
    peers = Peers(parts.transport, Passport(parts.signer, clock), settings.peer_urls)
    around = Surroundings(
        address=parts.signer.address,
        registry=registry,
        archive=parts.archive,
        peers=peers,
        sender=sender,
        clock=clock,
        timings=settings.timings,
        reach=await read_reach(registry, clock, settings.timings.poll_seconds),
    )
    audits = await _audits(parts, around)
    means = Means(
        clock=clock,
        timings=settings.timings,
        gatherer=_gatherer(settings, parts.transport, audits.auditing if audits else None),
        peers=peers,
        submitter=Submitter(registry, sender, settings.timings.poll_seconds, clock.deadline_of),
        standing=registry,
    )
    metrics = OracleMetrics(parts.base.metrics)
    desk = SigningDesk(parts.signer, parts.guard, parts.archive, metrics.signing_refused)
    testimony = Testimony(parts.archive, desk)
    mailbox = Mailbox(Identity(parts.signer.address, clock, frozenset(settings.peer_urls)), parts.archive, testimony)
    terms, faults = Terms(registry), Faults(around)
    custody = Custody(around, faults)
    node = OracleNode(Office(desk, parts.guard, testimony, custody, terms, registry, mailbox, means, metrics))
    reports = ReportPulse(registry, clock, metrics)
    at_work: list[_Runs] = [node, Revealer(around, terms, custody, faults), Docket(around), reports]
    if audits is None:
        await _run_together(at_work, build_app(mailbox), listening, stop)
        return
    with closing(audits.auditing.log):
        at_work += [audits.auditing, audits.prosecution]
        await _run_together(at_work, build_app(mailbox, audits.auditing), listening, stop)


@dataclass(frozen=True, slots=True)
class _Audits:
    """Who judges proofs, and who brings what is wrong to the chain."""

    auditing: Auditing
    prosecution: Prosecution


async def _audits(parts: _Parts, around: Surroundings) -> _Audits | None:
    """None where the network has nowhere to say what must be proved."""
    settings = parts.settings
    calendar = await open_calendar(parts.base.chain, parts.clock)
    if calendar is None:
        _log.warning("no_audits", detail="the disputes contract names no AuditTerms: readings count as signed")
        return None
    log = AuditLog(settings.audits_path, parts.signer.address, parts.clock.domain)
    prosecution = Prosecution(around, calendar.products, log)
    poll = settings.timings.poll_seconds
    return _Audits(Auditing(calendar, parts.transport, settings.facilities, log, poll, prosecution), prosecution)


async def run_dry(settings: OracleSettings, stop: asyncio.Event) -> None:
    """Gather and compute until `stop`, without a key. Raises SBIError where that cannot begin."""
    async with _outside(settings) as (chain, clock, transport):
        registry = Registry(chain, clock.registry)
        _log.info("dry_run_started", registry=clock.registry, chain=clock.chain_id)
        calendar = await open_calendar(chain, clock)
        if calendar is None:
            gatherer = _gatherer(settings, transport)
            await until_stopped(stop, DryRun(registry, clock, gatherer, settings.timings).run())
            return
        with closing(AuditLog(":memory:", ZERO_ADDRESS, clock.domain)) as log:
            auditing = Auditing(calendar, transport, settings.facilities, log, settings.timings.poll_seconds)
            dry = DryRun(registry, clock, _gatherer(settings, transport, auditing), settings.timings)
            await until_stopped(stop, _all_of([dry, auditing]))


@asynccontextmanager
async def _outside(settings: OracleSettings) -> AsyncIterator[tuple[Chain, EpochClock, Transport]]:
    transport = Transport(settings.timings.request_seconds)
    try:
        async with connected(settings.network.rpc_urls, chain_id=settings.network.chain_id) as chain:
            yield chain, await read_clock(chain, settings.network.registry_address), transport
    finally:
        await transport.close()


class _Runs(Protocol):
    async def run(self) -> None:
        """Never ends by itself."""


async def _all_of(parts: Sequence[_Runs]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for part in parts:
            tasks.create_task(part.run())


async def _run_together(parts: Sequence[_Runs], app: FastAPI, listening: socket.socket, stop: asyncio.Event) -> None:
    server = Server(app, _SHUTDOWN_SECONDS, _MOST_CONNECTIONS, answer_seconds=_ANSWER_SECONDS)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        await until_stopped(stop, _all_of(parts))
    finally:
        server.should_exit = True
        await serving


def _refuse_oneself(settings: OracleSettings, own: str) -> None:
    if own in settings.peers:
        raise SettingsError(f"peers: {own} is this oracle itself")


def _gatherer(settings: OracleSettings, transport: Transport, judge: Judge | None = None) -> Gatherer:
    return Gatherer(transport, settings.facilities, settings.timings.poll_seconds, judge)
