"""`sbi oracle run --dry-run`: gathers and computes, signs and sends nothing, and needs no key."""

from __future__ import annotations

import asyncio

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.registry import Registry
from sbi_network.errors import SBIError
from sbi_network.oracle.config import Timings
from sbi_network.oracle.gather import Gatherer
from sbi_network.oracle.observation import entries_of
from sbi_network.oracle.terms import read_terms
from sbi_network.protocol.agreement import tree_of
from sbi_network.protocol.figure import hex_of

_log = structlog.get_logger("sbi.oracle")


class DryRun:
    """What an oracle would observe, and the report that would follow if all others saw the same."""

    def __init__(self, registry: Registry, clock: EpochClock, gatherer: Gatherer, timings: Timings) -> None:
        self._registry = registry
        self._clock = clock
        self._gatherer = gatherer
        self._timings = timings

    async def run(self) -> None:
        """Each epoch as it ends, the last one first. Never ends by itself."""
        epoch = max(0, self._clock.epoch_at(self._clock.now()) - 1)
        while True:
            await asyncio.sleep(max(0.0, self._clock.end_of(epoch) - self._clock.now()))
            try:
                await self.compute(epoch)
            except SBIError as error:
                _log.warning("dry_run_failed", epoch=epoch, reason=str(error))
            epoch += 1

    async def compute(self, epoch: int) -> None:
        """Log the report of one epoch. Raises SBIError."""
        terms = await read_terms(self._registry, epoch)
        readings = await self._gatherer.gather(terms, self._timings.gather_seconds)
        entries = entries_of(readings, terms.config.domain)
        tree = tree_of(entries, terms.config.weights_x16, terms.public_shares_bps)
        accepted = [number for number, reading in enumerate(readings) if reading is not None]
        _log.info("dry_run", epoch=epoch, readings=accepted, facilities=tree.count, root=hex_of(tree.root))
        _log.info("dry_run_totals", epoch=epoch, raw=tree.sums.lanes[:3], public_output=tree.sums.public_output)
