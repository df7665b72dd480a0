"""Starts a round for each epoch that is over and not yet reported, and ends it when the chain has the report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from sbi_network.chain.errors import ChainError
from sbi_network.chain.registry import Registry
from sbi_network.errors import SBIError
from sbi_network.monitoring.metrics import OracleMetrics
from sbi_network.oracle.agreement import EpochAgreement
from sbi_network.oracle.custody import Custody
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.epoch_round import EpochRound, Means
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.mailbox import Mailbox
from sbi_network.oracle.old_state import epoch_beyond_file
from sbi_network.oracle.terms import EpochTerms, Terms
from sbi_network.oracle.testimony import Testimony
from sbi_network.oracle.views import Views
from sbi_network.oracle.watch import Standing, until_final, until_settled
from sbi_network.protocol.sumtree import SumTree

_MOST_BEHIND: Final = 64
"""How many epochs back an oracle looks when it starts. Those that are further back are not served."""

_KEPT_EPOCHS: Final = 1_024
"""How many epochs back the state file knows what was signed."""

_LOOKED_AFTER_SECONDS: Final = 86_400
"""After its deadline, how long what fails about a settled epoch is tried again."""

_LONGEST_PAUSE: Final = 30.0
"""Seconds after which the clock is looked at again, should somebody have set it."""

_log = structlog.get_logger("sbi.oracle")


@dataclass(frozen=True, slots=True)
class Office:
    """What an oracle is: its key behind the guard, the registry it serves, and where messages come in."""

    desk: SigningDesk
    guard: SigningGuard
    testimony: Testimony
    custody: Custody
    terms: Terms
    registry: Registry
    mailbox: Mailbox
    means: Means
    metrics: OracleMetrics


class OracleNode:
    """One oracle at work. What fails in one epoch stays there."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._clock = office.means.clock
        self._poll_seconds = office.means.timings.poll_seconds
        self._started_at = self._clock.now()
        self._trusts_its_file = True
        self._agreements: dict[int, EpochAgreement] = {}

    async def run(self) -> None:
        """Serve each epoch as it ends. Never ends by itself."""
        await self._compare_with_chain()
        epoch = self._first_open()
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._until_ended(epoch)
                tasks.create_task(self._serve(epoch))
                epoch += 1

    async def _compare_with_chain(self) -> None:
        """Before anything is signed: does the chain show more than the state file knows of?"""
        ended = self._clock.epoch_at(self._started_at)
        while True:
            try:
                beyond = await epoch_beyond_file(
                    self._office.registry, self._office.guard, self._office.desk.address, ended
                )
            except ChainError as error:
                _log.warning("chain_not_read", reason=str(error))
                await asyncio.sleep(self._poll_seconds)
                continue
            if beyond is not None:
                self._trusts_its_file = False
                _log.error(
                    "state_file_old",
                    epoch=beyond,
                    detail="the chain has a report of it with a signature that the "
                    "file does not know of: epochs that were over at the start are not observed",
                )
            return

    def _first_open(self) -> int:
        """The earliest epoch whose report the registry would still take."""
        now = self._clock.now()
        ended = self._clock.epoch_at(now)
        by_deadline = self._clock.epoch_at(now - self._clock.report_window)
        return max(0, by_deadline, ended - _MOST_BEHIND)

    async def _until_ended(self, epoch: int) -> None:
        while (wait := self._clock.end_of(epoch) - self._clock.now()) > 0:  # noqa: ASYNC110 - it waits for a time
            await asyncio.sleep(min(wait, _LONGEST_PAUSE))

    async def _serve(self, epoch: int) -> None:
        """Work on an epoch until the chain has settled it for good, then see to what is left of it."""
        registry = self._office.registry
        while await self._work_until_settled(epoch) is Standing.ACCEPTED:
            if (
                await self._surely(lambda: until_final(registry, self._clock, epoch, self._poll_seconds))
                is Standing.FINAL
            ):
                break
            _log.warning("report_dropped", epoch=epoch)
        await self._look_after(epoch, self._agreements.pop(epoch, None))

    async def _work_until_settled(self, epoch: int) -> Standing:
        working = asyncio.create_task(self._work(epoch))
        try:
            registry, clock = self._office.registry, self._clock
            return await self._surely(lambda: until_settled(registry, clock, epoch, self._poll_seconds))
        finally:
            self._office.mailbox.close(epoch)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _look_after(self, epoch: int, agreement: EpochAgreement | None) -> None:
        """See to what is left of a settled epoch, again where that fails: a disk may be full, an endpoint down."""
        while not self._clock.now() > self._clock.deadline_of(epoch) + _LOOKED_AFTER_SECONDS:
            try:
                self._office.guard.prune(epoch - _KEPT_EPOCHS)
                tree = await self._office.custody.after(await self._office.terms.of(epoch))
                if tree is not None and agreement is not None:
                    self._note_disagreement(agreement, tree)
                return
            except SBIError as error:
                _log.warning("custody_failed", epoch=epoch, reason=str(error))
            except Exception:  # noqa: BLE001 - as in _work
                _log.exception("custody_failed_unexpectedly", epoch=epoch)
            await asyncio.sleep(self._poll_seconds)

    def _note_disagreement(self, agreement: EpochAgreement, tree: SumTree) -> None:
        differing = agreement.differing_from(tree)
        self._office.metrics.disagreed(len(differing))
        if differing:
            _log.warning("disagreement", epoch=agreement.terms.epoch, oracles=differing)

    async def _surely(self, watch: Callable[[], Awaitable[Standing]]) -> Standing:
        while True:
            try:
                return await watch()
            except Exception:  # noqa: BLE001 - as in _work: what ends here would end the process
                _log.exception("watch_failed_unexpectedly")
            await asyncio.sleep(self._poll_seconds)

    async def _work(self, epoch: int) -> None:
        """Rounds of an epoch: one, and another should it fail. Nothing but being cancelled ends this."""
        while True:
            try:
                await self._round(epoch)
                return
            except SBIError as error:
                _log.warning("round_failed", epoch=epoch, reason=str(error))
            except Exception:  # noqa: BLE001 - the task's boundary: a bug must not cost the next epoch too
                _log.exception("round_failed_unexpectedly", epoch=epoch)
            await asyncio.sleep(self._poll_seconds)

    async def _round(self, epoch: int) -> None:
        terms = await self._office.terms.of(epoch)
        agreement = self._agreements.get(epoch) or self._agreement(terms)
        if agreement is None:
            return
        # Kept until the report is final: should it be dropped, all that was told is known still.
        self._agreements[epoch] = agreement
        work = EpochRound(agreement, self._office.means, trusts_its_file=self._trusts_its_file)
        self._office.mailbox.open(epoch, work)
        try:
            await work.run()
        except* SBIError as failures:
            raise _first(failures) from None

    def _agreement(self, terms: EpochTerms) -> EpochAgreement | None:
        own = terms.number_of(self._office.desk.address)
        if own is None:
            _log.warning("not_a_member", epoch=terms.epoch, oracle=self._office.desk.address)
            return None
        if not terms.facilities:
            _log.warning("no_facilities", epoch=terms.epoch)
            return None
        views = Views.of(terms.epoch, self._clock, self._office.means.timings, terms.oracles)
        first_view = views.first_unsigned(self._started_at)
        return EpochAgreement(terms, own, self._office.desk, self._office.testimony, first_view=first_view)


def _first(failure: BaseException) -> BaseException:
    return _first(failure.exceptions[0]) if isinstance(failure, BaseExceptionGroup) else failure
