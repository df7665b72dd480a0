"""The process `sbi meter run`: a meter, the signing loop and the HTTP server, started together and stopped together."""

from __future__ import annotations

import asyncio
import socket

import structlog

from sbi_network.chain.stopping import stopped_by_signals
from sbi_network.errors import SBIError
from sbi_network.meter.network import Network
from sbi_network.meter.service import MeterService, build_http
from sbi_network.meter.settings import MeterSettings
from sbi_network.meter.store import Identity, ReadingStore
from sbi_network.serving import Server, bound_socket
from sbi_network.signer.opening import opened_signer

_SHUTDOWN_SECONDS = 3

_log = structlog.get_logger("sbi.meter")


async def run_meter(settings: MeterSettings, network: Network) -> None:
    """Meter, sign and serve until SIGTERM or SIGINT. Raises SBIError where that is, or becomes, impossible."""
    meter = settings.build(network.now, network.epoch_seconds)
    async with opened_signer(settings.key) as signer:
        identity = Identity(settings.facility, signer.address, network.domain)
        with bound_socket(settings.http) as listening:
            store = ReadingStore(settings.state, identity, network.now())
            try:
                service = MeterService(meter, network, settings.facility, signer, store)
                _log.info("meter_started", identity=identity.text(), meter=meter.kind, port=settings.http.port)
                await _run_together(service, listening)
            finally:
                store.close()
    _log.info("meter_stopped")


async def _run_together(service: MeterService, listening: socket.socket) -> None:
    """Whichever part fails, the others are stopped, and the failure goes to the caller."""
    server = Server(build_http(service), _SHUTDOWN_SECONDS)
    with stopped_by_signals() as stop:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(service.meter.run(stop))
                tasks.create_task(service.run(stop))
                tasks.create_task(server.serve([listening]))
                tasks.create_task(_stop_server(server, stop))
        except* SBIError as failures:
            raise _first(failures) from None


def _first(failure: BaseException) -> BaseException:
    return _first(failure.exceptions[0]) if isinstance(failure, BaseExceptionGroup) else failure


async def _stop_server(server: Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True
