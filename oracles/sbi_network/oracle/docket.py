"""Files what this oracle can prove of double signing, once each; another having filed it is as good."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog

from sbi_network.chain.disputes import Disputes
from sbi_network.chain.sender import Call
from sbi_network.errors import SBIError
from sbi_network.oracle.archive import Equivocation
from sbi_network.oracle.around import Surroundings
from sbi_network.oracle.bring import Ending, bring

_SPACING_SECONDS: Final = 2.0
"""Between one oracle's turn to file and the next one's: so that one pays, not all."""

_log = structlog.get_logger("sbi.oracle")


class Docket:
    """The cases in the archive, brought to the disputes contract."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._archive = around.archive
        self._at_work: set[tuple[str, int, int]] = set()

    async def run(self) -> None:
        """Look for open cases, also those of before a restart. Never ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for case in self._open_cases():
                    key = (case.kind, case.epoch, case.number)
                    if key not in self._at_work:
                        self._at_work.add(key)
                        tasks.create_task(self._file(case, key))
                await asyncio.sleep(_SPACING_SECONDS)

    def _open_cases(self) -> tuple[Equivocation, ...]:
        try:
            return self._archive.open_cases()
        except SBIError as error:
            _log.warning("archive_not_read", reason=str(error))
            return ()

    async def _file(self, case: Equivocation, key: tuple[str, int, int]) -> None:
        try:
            config = await self._around.registry.config_at(case.epoch)
            disputes = await self._around.disputes_at(case.epoch)
            await asyncio.sleep(self._around.rank(config, case.epoch) * _SPACING_SECONDS)
            what = f"two of one {case.kind} of epoch {case.epoch} by number {case.number}"
            ending = await bring(self._around.sender, _call(disputes, case), what, self._around.timings.poll_seconds)
            if ending is Ending.REFUSED:
                _log.error("evidence_refused", kind=case.kind, epoch=case.epoch, number=case.number)
            self._archive.close_case(case, ending.value)
        except SBIError as error:
            _log.warning("case_not_filed", epoch=case.epoch, reason=str(error))
        finally:
            self._at_work.discard(key)


def _call(disputes: Disputes, case: Equivocation) -> Call:
    # The kinds of a case's two messages are the same: the archive keeps them by kind.
    first: Any = case.first
    second: Any = case.second
    if case.kind == "report":
        return disputes.dispute_reports(case.number, first, second)
    if case.kind == "observation":
        return disputes.dispute_observations(case.number, first, second)
    return disputes.dispute_readings(first, second)
