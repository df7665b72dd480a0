"""One oracle's work on one epoch, from its end until the chain has the report: drives `EpochAgreement` by the clock.

    end ──gather_seconds──▶ view 0 ──view_seconds──▶ view 1 ──view_seconds──▶ view 2 …

View 0 begins early where every oracle's observation is there. Views follow from the clock alone, so that an oracle
that restarts is in the same view as all others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.errors import SBIError
from sbi_network.oracle.agreement import EpochAgreement
from sbi_network.oracle.config import Timings
from sbi_network.oracle.errors import RefusedError, SecondDigestError
from sbi_network.oracle.gather import Gatherer
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.peers import PeerRefusedError, Peers
from sbi_network.oracle.submit import Submitter
from sbi_network.oracle.transport import NoAnswerError
from sbi_network.oracle.wire import Proposal

_log = structlog.get_logger("sbi.oracle")


@dataclass(frozen=True, slots=True)
class Means:
    """What a round works with."""

    clock: EpochClock
    timings: Timings
    gatherer: Gatherer
    peers: Peers
    submitter: Submitter


class EpochRound:
    """Runs until it is cancelled: whether the chain has the report is for its owner to see."""

    def __init__(self, agreement: EpochAgreement, means: Means) -> None:
        self.agreement = agreement
        self._means = means
        self._terms = agreement.terms
        self._arrival = asyncio.Event()
        self._peers = means.peers.known(agreement.terms, agreement.own)
        self._first_view_at = means.clock.end_of(agreement.terms.epoch) + means.timings.gather_seconds
        self._log = _log.bind(epoch=agreement.terms.epoch)

    def current_view(self) -> int:
        """The view by the clock."""
        return max(0, int((self._now() - self._first_view_at) // self._means.timings.view_seconds))

    def observation_arrived(self) -> None:
        """Wakes a leader that waits for observations."""
        self._arrival.set()

    async def run(self) -> None:
        """Observe, tell the peers, and lead the views that are this oracle's. Never ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._observe_and_push(tasks))
            tasks.create_task(self._views(tasks))

    async def _observe_and_push(self, tasks: asyncio.TaskGroup) -> None:
        own = await self._observe()
        if own is not None:
            for peer in self._peers:
                tasks.create_task(self._push(peer, own))

    async def _observe(self) -> BackedObservation | None:
        gather_seconds = self._means.timings.gather_seconds
        # An oracle that comes late still takes its time: views go on meanwhile.
        seconds = max(self._first_view_at - self._now(), 0.0) or gather_seconds
        readings = await self._means.gatherer.gather(self._terms, seconds)
        accepted = [number for number, reading in enumerate(readings) if reading is not None]
        self._log.info("gathered", readings=len(accepted), facilities=len(readings))
        try:
            own = await self.agreement.observe(readings)
        except SecondDigestError as error:
            self._log.error("observation_not_signed", reason=str(error))
            return None
        self._log.info("observed", oracle=self.agreement.own, readings=own.readings_accepted)
        self.observation_arrived()
        return own

    async def _push(self, peer: int, own: BackedObservation) -> None:
        while True:
            try:
                await self._means.peers.push_observation(self._terms, peer, own)
            except NoAnswerError:
                await asyncio.sleep(self._means.timings.poll_seconds)
            except PeerRefusedError as error:
                self._log.warning("observation_refused", peer=peer, reason=str(error))
                return
            else:
                return

    async def _views(self, tasks: asyncio.TaskGroup) -> None:
        view = self.current_view()
        while True:
            if self._terms.leader_of(view) == self.agreement.own:
                tasks.create_task(self._lead(view))
            await asyncio.sleep(self._seconds_left(view))
            view = max(view + 1, self.current_view())

    async def _lead(self, view: int) -> None:
        try:
            async with asyncio.timeout(self._seconds_left(view)):
                await self._observations(view)
                proposal = await self.agreement.propose(view)
                self._log.info("proposed", view=view, observations=[each.oracle for each in proposal.observations])
                await self._collect(view, proposal)
        except TimeoutError:
            self._log.warning("view_not_finished", view=view, missing=sorted(self.agreement.missing))
            return
        except SBIError as error:
            self._log.warning("view_given_up", view=view, reason=str(error))
            return
        signed = self.agreement.completed(view)
        if signed is None:
            self._log.warning("view_without_quorum", view=view)
            return
        await self._means.submitter.submit(signed)

    async def _observations(self, view: int) -> None:
        """Wait until a report can be made: of all observations, or once the view has begun of a quorum's."""
        while not self._is_ready():
            self._arrival.clear()
            if self._now() >= self._first_view_at:
                await self._pull_missing()
                if self._is_ready():
                    return
                wait = self._means.timings.poll_seconds
            else:
                wait = self._first_view_at - self._now()
            await _happens(self._arrival, wait)

    def _is_ready(self) -> bool:
        begun = self._now() >= self._first_view_at
        return not self.agreement.missing or (begun and self.agreement.has_quorum)

    async def _pull_missing(self) -> None:
        """What peers sent while this oracle was down they do not send again."""
        missing = [peer for peer in self._peers if peer in self.agreement.missing]
        await asyncio.gather(*[self._pull(peer) for peer in missing])

    async def _pull(self, peer: int) -> None:
        try:
            self.agreement.receive(await self._means.peers.fetch_observation(self._terms, peer))
        except NoAnswerError:
            return
        except RefusedError as refusal:
            self._log.warning("observation_not_accepted", peer=peer, reason=str(refusal))

    async def _collect(self, view: int, proposal: Proposal) -> None:
        """Until a quorum has signed, or everyone has answered."""
        asking = {asyncio.create_task(self._ask(peer, view, proposal)) for peer in self._peers}
        pending = asking
        try:
            while pending and self.agreement.completed(view) is None:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in asking:
                task.cancel()

    async def _ask(self, peer: int, view: int, proposal: Proposal) -> None:
        while True:
            try:
                signature = await self._means.peers.ask_signature(self._terms, peer, proposal)
                self.agreement.add_signature(view, peer, signature)
            except NoAnswerError:
                await asyncio.sleep(self._means.timings.poll_seconds)
            except (PeerRefusedError, RefusedError) as refusal:
                self._log.warning("signature_refused", view=view, peer=peer, reason=str(refusal))
                return
            else:
                self._log.info("signature_received", view=view, peer=peer)
                return

    def _seconds_left(self, view: int) -> float:
        ends_at = self._first_view_at + (view + 1) * self._means.timings.view_seconds
        return max(0.0, ends_at - self._now())

    def _now(self) -> float:
        return self._means.clock.now()


async def _happens(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
