"""The process `sbi oracle run`: the node and its HTTP server, started together and stopped together."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import structlog

from sbi_network.chain.clock import EpochClock, read_clock
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.daemon import Footing, footing
from sbi_network.chain.errors import SettingsError
from sbi_network.chain.keys import Signer
from sbi_network.chain.registry import Registry
from sbi_network.chain.stopping import until_stopped
from sbi_network.oracle.app import build_app
from sbi_network.oracle.config import OracleSettings
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.dry_run import DryRun
from sbi_network.oracle.epoch_round import Means
from sbi_network.oracle.gather import Gatherer
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.mailbox import Identity, Mailbox
from sbi_network.oracle.node import Office, OracleNode
from sbi_network.oracle.peers import Peers
from sbi_network.oracle.submit import Submitter
from sbi_network.oracle.transport import Transport
from sbi_network.serving import Server, bound_socket
from sbi_network.signer.opening import opened_signer

_SHUTDOWN_SECONDS = 1
_MOST_CONNECTIONS = 128

_log = structlog.get_logger("sbi.oracle")


async def run_oracle(settings: OracleSettings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Raises SBIError where that cannot begin."""
    async with opened_signer(settings.signing) as signer:
        _refuse_oneself(settings, signer.address)
        async with footing(settings.network, settings.sending, settings.outbox, settings.monitoring) as base:
            clock = await read_clock(base.chain, settings.network.registry_address)
            await _serve(settings, signer, base, clock, stop)
    _log.info("oracle_stopped")


async def _serve(
    settings: OracleSettings, signer: Signer, base: Footing, clock: EpochClock, stop: asyncio.Event
) -> None:
    registry, transport = Registry(base.chain, clock.registry), Transport(settings.timings.request_seconds)
    try:
        with (
            bound_socket(settings.http) as listening,
            closing(SigningGuard(settings.state, signer.address, clock.domain)) as guard,
        ):
            means = Means(
                clock=clock,
                timings=settings.timings,
                gatherer=_gatherer(settings, transport),
                peers=Peers(transport, settings.peer_urls),
                submitter=Submitter(registry, base.outbox, settings.timings.poll_seconds, clock.deadline_of),
            )
            mailbox = Mailbox(Identity(signer.address, clock))
            node = OracleNode(Office(SigningDesk(signer, guard), registry, mailbox, means))
            _log.info("oracle_started", oracle=signer.address, sender=base.outbox.address, port=settings.http.port)
            await _run_together(node, mailbox, listening, stop)
    finally:
        await transport.close()


async def run_dry(settings: OracleSettings, stop: asyncio.Event) -> None:
    """Gather and compute until `stop`, without a key. Raises SBIError where that cannot begin."""
    async with _outside(settings) as (chain, clock, transport):
        registry = Registry(chain, clock.registry)
        _log.info("dry_run_started", registry=clock.registry, chain=clock.chain_id)
        await until_stopped(stop, DryRun(registry, clock, _gatherer(settings, transport), settings.timings).run())


@asynccontextmanager
async def _outside(settings: OracleSettings) -> AsyncIterator[tuple[Chain, EpochClock, Transport]]:
    transport = Transport(settings.timings.request_seconds)
    try:
        async with connected(settings.network.rpc_urls, chain_id=settings.network.chain_id) as chain:
            yield chain, await read_clock(chain, settings.network.registry_address), transport
    finally:
        await transport.close()


async def _run_together(node: OracleNode, mailbox: Mailbox, listening: socket.socket, stop: asyncio.Event) -> None:
    server = Server(build_app(mailbox), _SHUTDOWN_SECONDS, _MOST_CONNECTIONS)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        await until_stopped(stop, node.run())
    finally:
        server.should_exit = True
        await serving


def _refuse_oneself(settings: OracleSettings, own: str) -> None:
    if own in settings.peers:
        raise SettingsError(f"peers: {own} is this oracle itself")


def _gatherer(settings: OracleSettings, transport: Transport) -> Gatherer:
    return Gatherer(transport, settings.facilities, settings.timings.poll_seconds)
