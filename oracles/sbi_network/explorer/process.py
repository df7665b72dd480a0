"""The process `sbi explorer run`: indexer, readings and HTTP server, started together and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Final

import structlog

from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.errors import WrongChainError
from sbi_network.chain.stopping import until_stopped
from sbi_network.errors import SBIError
from sbi_network.explorer.api import Explorer, build_app
from sbi_network.explorer.audit import Auditor, Findings
from sbi_network.explorer.deployment import NEEDED, Deployment, load_deployment
from sbi_network.explorer.errors import DatabaseError
from sbi_network.explorer.events import EventDecoder
from sbi_network.explorer.feed import Feed, Header
from sbi_network.explorer.indexer import Indexer, read_terms
from sbi_network.explorer.pages import Pages
from sbi_network.explorer.queries import Reader
from sbi_network.explorer.readings import ReadingCollector
from sbi_network.explorer.settings import ExplorerSettings
from sbi_network.explorer.store import Store, Tip
from sbi_network.explorer.stream import Pulse
from sbi_network.explorer.work import Terms
from sbi_network.limits import Places, guarded_protocol
from sbi_network.oracle.transport import Transport
from sbi_network.protocol.messages import registry_domain
from sbi_network.serving import Server, bound_socket

_SHUTDOWN_SECONDS: Final = 2
_READING_SECONDS: Final = 5.0
_READINGS_POLL_SECONDS: Final = 3.0

_log = structlog.get_logger("sbi.explorer")


@dataclass(frozen=True, slots=True)
class Means:
    """All that indexing needs, open."""

    chain: Chain
    feed: Feed
    store: Store
    indexer: Indexer
    deployment: Deployment
    terms: Terms


@asynccontextmanager
async def opened(settings: ExplorerSettings) -> AsyncIterator[Means]:
    """The chain and the database, checked to be of one deployment. Raises SBIError."""
    deployment = load_deployment(settings.network.deployment)
    async with connected(settings.network.rpc_url.get_secret_value()) as chain:
        found = await chain.chain_id()
        if found != deployment.chain_id:
            raise WrongChainError(f"the endpoint is of chain {found}, the deployment record of {deployment.chain_id}")
        for role in NEEDED:
            await chain.require_code(role, deployment.address_of(role))
        terms = await read_terms(chain, deployment)
        decoder = EventDecoder(deployment.known)
        feed = Feed(chain, decoder.addresses)
        url = settings.database.url.get_secret_value()
        with closing(Store(url, deployment, settings.network.from_block)) as store:
            indexer = Indexer(feed, store, decoder, terms)
            try:
                yield Means(chain, feed, store, indexer, deployment, terms)
            finally:
                await asyncio.to_thread(indexer.close)


async def run_explorer(settings: ExplorerSettings, stop: asyncio.Event) -> None:
    """Index and serve until `stop`. Raises SBIError where that cannot begin, or the index would be wrong."""
    limits = settings.limits
    async with opened(settings) as means:
        pulse = Pulse(Places(limits.streams, limits.streams_per_address))
        explorer = Explorer(means.store, means.deployment, means.terms, settings, pulse, state=means.store.tip())
        with bound_socket(settings.http) as listening:
            server = Server(build_app(explorer, Pages(settings.pages)), _SHUTDOWN_SECONDS)
            server.config.http = guarded_protocol(limits)
            _log.info("explorer_started", port=settings.http.port, block=means.store.tip().number)
            serving = asyncio.create_task(server.serve([listening]))
            try:
                await until_stopped(stop, _follow(means, explorer, settings))
            finally:
                pulse.end()
                server.should_exit = True
                await serving
    _log.info("explorer_stopped")


async def index_once(settings: ExplorerSettings, progress: Callable[[Tip, Header], None]) -> Tip:
    """Index up to the head. Raises SBIError."""
    async with opened(settings) as means:
        return await means.indexer.catch_up(progress)


async def audit_once(settings: ExplorerSettings, on_progress: Callable[[int, int], None]) -> Findings:
    """Catch up, then compare everything with the contracts. Raises SBIError."""
    async with opened(settings) as means:
        await means.indexer.catch_up()
        return await Auditor(means.chain, means.feed, means.deployment, means.terms, on_progress).audit(means.store)


async def _follow(means: Means, explorer: Explorer, settings: ExplorerSettings) -> None:
    explorer.trouble = lambda: means.indexer.trouble
    herald = Herald(means, explorer)
    means.indexer.on_tip = herald.hear
    failure: BaseException | None = None
    transport = Transport(_READING_SECONDS)
    domain = registry_domain(means.deployment.chain_id, means.deployment.address_of("oracles"))
    collector = ReadingCollector(means.store, transport, settings.facilities, domain)
    collector.on_found = herald.hear_readings
    try:
        async with asyncio.TaskGroup() as together:
            together.create_task(means.indexer.run(settings.network.poll_seconds))
            together.create_task(herald.run())
            if settings.facilities:
                together.create_task(collector.run(_READINGS_POLL_SECONDS))
    except* SBIError as failed:
        failure = failed.exceptions[0]
    finally:
        await transport.close()
    if failure is not None:
        raise failure


class Herald:
    """Tells the API and all listeners of each new state of the index; of states that follow fast, only of the last."""

    def __init__(self, means: Means, explorer: Explorer) -> None:
        self._means = means
        self._explorer = explorer
        self._heard = asyncio.Event()
        self._heard.set()

    def hear(self, tip: Tip) -> None:
        """There is a new tip."""
        self._explorer.state = tip
        self._heard.set()

    def hear_readings(self) -> None:
        """Readings were found: the tip is what it was, what is known of it is more."""
        self._explorer.state = object()
        self._heard.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self._heard.wait()
            self._heard.clear()
            try:
                tip, said = await asyncio.to_thread(self._pulse)
                self._explorer.pulse.publish(f"{tip.number}", said)
            except DatabaseError as error:
                _log.warning("pulse_not_told", reason=str(error))
            await asyncio.sleep(_LEAST_PAUSE)

    def _pulse(self) -> tuple[Tip, str]:
        with self._means.store.reading() as connection:
            reader = Reader(connection, self._means.deployment, self._means.terms)
            return reader.tip, reader.tip_view().model_dump_json()


_LEAST_PAUSE: Final = 0.5
"""Seconds between two messages at least: a chain that is being indexed from its start has a new tip all the time."""
