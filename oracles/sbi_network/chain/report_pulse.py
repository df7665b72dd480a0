"""Which epochs are without a report, by the chain: what an oracle's metrics tell of reports, whoever submitted them."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.errors import ChainError, ContractRefused
from sbi_network.chain.registry import Registry
from sbi_network.monitoring.metrics import OracleMetrics

_SECONDS: Final = 10.0
_MOST_EPOCHS: Final = 64
"""Looked at in one look, the newest first: a report window holds few."""

_log = structlog.get_logger("sbi.chain.pulse")


class ReportPulse:
    """Looks at every epoch that is over and whose report would still be accepted."""

    def __init__(self, registry: Registry, clock: EpochClock, metrics: OracleMetrics) -> None:
        self._registry = registry
        self._clock = clock
        self._metrics = metrics
        self._awaited: set[int] = set()

    async def run(self) -> None:
        """For ever. A chain that fails is asked again at the next look."""
        while True:
            try:
                await self.look()
            except ChainError as error:
                _log.debug("reports_not_read", reason=str(error))
            await asyncio.sleep(_SECONDS)

    async def look(self) -> None:
        """Once. Raises ChainError."""
        now = self._clock.now()
        ended = self._clock.epoch_at(now) - 1
        first = max(0, self._clock.epoch_at(now - self._clock.report_window) - 1, ended - _MOST_EPOCHS)
        for epoch in sorted(self._awaited | set(range(first, ended + 1))):
            await self._look_at(epoch, now)

    async def _look_at(self, epoch: int, now: float) -> None:
        try:
            record = await self._registry.record_of(epoch)
        except ContractRefused:
            self._let_go(epoch)  # forgotten
            return
        if record is not None:
            self._awaited.discard(epoch)
            self._metrics.report_accepted(epoch, record.accepted_at)
        elif now > self._clock.deadline_of(epoch):
            self._let_go(epoch)
        else:
            self._awaited.add(epoch)
            self._metrics.epoch_awaited(epoch, self._clock.deadline_of(epoch))

    def _let_go(self, epoch: int) -> None:
        self._awaited.discard(epoch)
        self._metrics.epoch_missed(epoch)
