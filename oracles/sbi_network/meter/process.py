"""The process `sbi meter run`: meter, prover, the signing loop and the HTTP server, started and stopped together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.keys import Signer
from sbi_network.chain.stopping import stopped_by_signals
from sbi_network.errors import SBIError
from sbi_network.meter.network import Network
from sbi_network.meter.proof.calendar import AuditCalendar
from sbi_network.meter.proof_records import ProofRecords
from sbi_network.meter.prover import Prover
from sbi_network.meter.second_opinion import accepted_by_most
from sbi_network.meter.service import MeterService, build_http
from sbi_network.meter.settings import MeterSettings
from sbi_network.meter.store import Identity, ReadingStore
from sbi_network.serving import Server, bound_socket
from sbi_network.signer.opening import opened_signer

_SHUTDOWN_SECONDS = 3

_log = structlog.get_logger("sbi.meter")

MakeProver = Callable[[AuditCalendar, MeterSettings, Signer, ProofRecords], AbstractAsyncContextManager[Prover]]


@asynccontextmanager
async def usual_prover(
    calendar: AuditCalendar, settings: MeterSettings, signer: Signer, records: ProofRecords
) -> AsyncIterator[Prover]:
    """Answers by the configured devices. Raises MeterError where they, or their backend, are missing."""
    async with settings.proof.devices() as devices:
        yield Prover(calendar, settings.facility, signer, records, devices)


class KnownProofs:
    """What the service asks of a prover, and of the oracles that judge it."""

    def __init__(self, prover: Prover, settings: MeterSettings) -> None:
        self._prover = prover
        self._settings = settings

    async def until_answered(self, epoch: int) -> None:
        """Wait until an epoch's challenges are answered, or are not any more."""
        await self._prover.until_answered(epoch)

    def evidence(self, epoch: int) -> bytes:
        """The root of an epoch's products whose opening was good."""
        return self._prover.records.evidence(epoch, self._prover.domain).root

    async def allowed(self, epoch: int) -> tuple[int, int, int] | None:
        """The most raw output by class that enough oracles will accept; None where they do not say."""
        duty = self._prover.records.duty(epoch)
        if duty is None or not duty.rules.asked:
            return None
        return await accepted_by_most(self._settings.proof.oracles, epoch, self._settings.facility)

    def products(self, epoch: int) -> list[str]:
        """The signed products of an epoch, as JSON."""
        return self._prover.records.products(epoch)

    def opening(self, epoch: int, device: bytes) -> bytes | None:
        """The opened rows of a device, if there are any (yet)."""
        return self._prover.opening(epoch, device)


async def run_meter(settings: MeterSettings, network: Network, make_prover: MakeProver | None = usual_prover) -> None:
    """Meter, prove, sign and serve until SIGTERM or SIGINT. Raises SBIError where that is, or becomes, impossible.

    A network that is only a clock, or `make_prover` None, asks for no proof.
    """
    async with AsyncExitStack() as stack:
        signer = await stack.enter_async_context(opened_signer(settings.key))
        identity = Identity(settings.facility, signer.address, network.domain)
        listening = stack.enter_context(bound_socket(settings.http))
        # Everything else that can be wrong is wrong before there is a state file.
        settings.build(network.now, network.epoch_seconds)
        store = stack.enter_context(closing(ReadingStore(settings.state, identity, network.now())))
        prover = None
        if isinstance(network, EpochClock) and make_prover is not None:
            prover = await stack.enter_async_context(_prover(settings, network, signer, identity, make_prover))
        auditor = None if prover is None else prover.records
        meter = settings.build(network.now, network.epoch_seconds, auditor)
        proofs = None if prover is None else KnownProofs(prover, settings)
        service = MeterService(meter, network, settings.facility, signer, store, proofs)
        _log.info("meter_started", identity=identity.text(), meter=meter.kind, port=settings.http.port)
        await _run_together(service, prover, listening)
    _log.info("meter_stopped")


@asynccontextmanager
async def _prover(
    settings: MeterSettings, clock: EpochClock, signer: Signer, identity: Identity, make: MakeProver
) -> AsyncIterator[Prover | None]:
    """What answers the network's challenges; None where it has none to give. Raises SBIError."""
    from sbi_network.chain.connection import connected
    from sbi_network.meter.proof.calendar import open_calendar

    async with connected(settings.network.rpc_urls, chain_id=settings.network.chain_id) as chain:
        calendar = await open_calendar(chain, clock)
        if calendar is None:
            yield None
            return
        with closing(ProofRecords(settings.proofs_path, identity, settings.evidence.audit_file())) as records:
            async with make(calendar, settings, signer, records) as prover:
                yield prover


async def _run_together(service: MeterService, prover: Prover | None, listening: socket.socket) -> None:
    """Whichever part fails, the others are stopped, and the failure goes to the caller."""
    server = Server(build_http(service), _SHUTDOWN_SECONDS)
    with stopped_by_signals() as stop:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(service.meter.run(stop))
                tasks.create_task(service.run(stop))
                if prover is not None:
                    tasks.create_task(prover.run(stop))
                tasks.create_task(server.serve([listening]))
                tasks.create_task(_stop_server(server, stop))
        except* SBIError as failures:
            raise _first(failures) from None


def _first(failure: BaseException) -> BaseException:
    return _first(failure.exceptions[0]) if isinstance(failure, BaseExceptionGroup) else failure


async def _stop_server(server: Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True
