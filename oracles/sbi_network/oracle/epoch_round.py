"""One oracle's work on one epoch, from its end until the chain has the report: drives `EpochAgreement` by the clock.

View 0 begins early where every oracle's observation is there. Views follow from the clock alone (`views`), so that an
oracle that restarts is in the same view as all others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.errors import ChainError
from sbi_network.errors import SBIError
from sbi_network.oracle.agreement import ALL_STAND, EpochAgreement
from sbi_network.oracle.config import Timings
from sbi_network.oracle.errors import ParkedError, Reason, RefusedError, SecondDigestError, UnsureError
from sbi_network.oracle.gather import Gatherer
from sbi_network.oracle.observation import BackedObservation, signer_of
from sbi_network.oracle.peers import PeerRefusedError, Peers
from sbi_network.oracle.submit import Submitter
from sbi_network.oracle.transport import NoAnswerError
from sbi_network.oracle.views import Views
from sbi_network.oracle.watch import pause
from sbi_network.oracle.wire import Listed, Outline, Proposal

_log = structlog.get_logger("sbi.oracle")


class Standing(Protocol):
    """Who knows whose signatures count."""

    async def standing_at(self, epoch: int) -> int:
        """Bit i set: oracle i stands now. Raises ChainError."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a round works with."""

    clock: EpochClock
    timings: Timings
    gatherer: Gatherer
    peers: Peers
    submitter: Submitter
    standing: Standing


class EpochRound:
    """Runs until it is cancelled: whether the chain has the report is for its owner to see."""

    def __init__(self, agreement: EpochAgreement, means: Means, *, trusts_its_file: bool = True) -> None:
        """`trusts_its_file`: nothing shows that the state file is older than what this oracle signed."""
        self.agreement = agreement
        self._trusts_its_file = trusts_its_file
        self._means = means
        self._terms = agreement.terms
        self._arrival = asyncio.Event()
        self._peers = means.peers.known(agreement.terms, agreement.own)
        self._views = Views.of(agreement.terms.epoch, means.clock, means.timings, agreement.terms.oracles)
        self._log = _log.bind(epoch=agreement.terms.epoch)

    def current_view(self) -> int:
        """The view by the clock."""
        return self._views.at(self._now())

    def observation_arrived(self) -> None:
        """Wakes a leader that waits for observations."""
        self._arrival.set()

    async def obtain(self, outline: Outline) -> Proposal:
        """The whole of a proposal: what is not known here the leader has. Raises RefusedError."""
        quorum = self._terms.config.quorum
        if len(outline.listed) != quorum:
            raise RefusedError(Reason.OTHER_REPORT, f"{len(outline.listed)} observations are listed, not {quorum}")
        leader = self._terms.leader_of(outline.signed.message.view_number)
        found = await asyncio.gather(*[self._obtain_one(leader, each) for each in outline.listed])
        return Proposal(outline.signed, tuple(found))

    async def _obtain_one(self, leader: int, listed: Listed) -> BackedObservation:
        known = self.agreement.listed(listed)
        if known is not None:
            return known
        what = f"the observation of oracle {listed.oracle}"
        if signer_of(listed.signed, self._terms) != listed.oracle:
            raise RefusedError(Reason.BAD_SIGNATURE, f"{what} is another's")
        if leader not in self._peers:
            raise RefusedError(Reason.OTHER_REPORT, f"{what} is not known here, nor where the leader is")
        try:
            found = await self._means.peers.fetch_observation(self._terms, leader, listed.oracle)
        except NoAnswerError as error:
            raise RefusedError(Reason.NOT_OPEN, f"{what} cannot be had of the leader: {error}") from None
        if found is None or found.oracle != listed.oracle or found.signed.message != listed.signed.message:
            raise RefusedError(Reason.OTHER_REPORT, f"the leader shows not {what} that it lists")
        return found

    async def run(self) -> None:
        """Observe, tell the peers, and lead the views that are this oracle's. Never ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._observe_and_push(tasks))
            tasks.create_task(self._lead_own_views(tasks))

    async def _observe_and_push(self, tasks: asyncio.TaskGroup) -> None:
        own = await self._observe()
        if own is not None:
            for peer in self._peers:
                tasks.create_task(self._push(peer, own))

    async def _observe(self) -> BackedObservation | None:
        gather_seconds = self._means.timings.gather_seconds
        # An oracle that comes late still takes its time: views go on meanwhile.
        seconds = max(self._views.first_at - self._now(), 0.0) or gather_seconds
        readings = await self._means.gatherer.gather(self._terms, seconds)
        accepted = [number for number, reading in enumerate(readings) if reading is not None]
        self._log.info("gathered", readings=len(accepted), facilities=len(readings))
        try:
            may_be_new = self.agreement.first_view == 0 or await self._is_surely_new()
            own = await self.agreement.observe(readings, may_be_new=may_be_new)
        except (SecondDigestError, UnsureError, ParkedError) as error:
            self._log.error("observation_not_signed", reason=str(error))
            return None
        self._log.info("observed", oracle=self.agreement.own, readings=own.readings_accepted)
        self.observation_arrived()
        return own

    async def _is_surely_new(self) -> bool:
        """Whether an earlier process observed nothing of this epoch that the state file does not know of.

        It would have told everyone. So all are asked, until one has such an observation, which is then this oracle's
        again, or 2f have none: as many as a report needs beside this oracle, one of them honest. Where the file is
        known to be old that is not enough, and one goes on asking.
        """
        without: set[int] = set()
        while not self.agreement.has_observed:
            asked = [peer for peer in self._peers if peer not in without]
            answers = await asyncio.gather(*[self._has_none_of_ours(peer) for peer in asked])
            without |= {peer for peer, has_none in zip(asked, answers, strict=True) if has_none}
            if self._trusts_its_file:
                if len(without) >= self._terms.config.quorum - 1:
                    return True
            else:
                without.clear()
            if not self.agreement.has_observed:
                await asyncio.sleep(pause(self._means.clock, self._terms.epoch, self._means.timings.poll_seconds))
        return False

    async def _has_none_of_ours(self, peer: int) -> bool:
        try:
            found = await self._means.peers.fetch_observation(self._terms, peer, self.agreement.own)
            if found is None:
                return True
            if found.oracle == self.agreement.own and self.agreement.receive(found):
                self._log.warning("observation_recalled", peer=peer)
        except (NoAnswerError, RefusedError) as error:
            self._log.info("observation_not_recalled", peer=peer, reason=str(error))
        return False

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

    async def _lead_own_views(self, tasks: asyncio.TaskGroup) -> None:
        view = self.current_view()
        while True:
            if self._terms.leader_of(view) == self.agreement.own and view >= self.agreement.first_view:
                tasks.create_task(self._lead(view))
            await asyncio.sleep(self._seconds_left(view))
            view = max(view + 1, self.current_view())

    async def _lead(self, view: int) -> None:
        standing = ALL_STAND
        try:
            async with asyncio.timeout(self._seconds_left(view)):
                await self._observations(view)
                standing = await self._who_stands()
                proposal = await self.agreement.propose(view)
                self._log.info("proposed", view=view, observations=[each.oracle for each in proposal.observations])
                await self._collect(view, proposal, standing)
        except TimeoutError:
            self._log.warning("view_not_finished", view=view, missing=sorted(self.agreement.missing))
            return
        except SBIError as error:
            self._log.warning("view_given_up", view=view, reason=str(error))
            return
        signed = self.agreement.completed(view, standing)
        if signed is None:
            self._log.warning("view_without_quorum", view=view)
            return
        await self._means.submitter.submit(signed)

    async def _observations(self, view: int) -> None:
        """Wait until a report can be made: of all observations, or once the view has begun of a quorum's."""
        while not self._is_ready():
            self._arrival.clear()
            if self._now() >= self._views.first_at:
                await self._pull_missing()
                if self._is_ready():
                    return
                wait = self._means.timings.poll_seconds
            else:
                wait = self._views.first_at - self._now()
            await _happens(self._arrival, wait)

    def _is_ready(self) -> bool:
        begun = self._now() >= self._views.first_at
        return not self.agreement.missing or (begun and self.agreement.has_quorum)

    async def _pull_missing(self) -> None:
        """What peers sent while this oracle was down they do not send again."""
        missing = [peer for peer in self._peers if peer in self.agreement.missing]
        await asyncio.gather(*[self._pull(peer) for peer in missing])

    async def _pull(self, peer: int) -> None:
        try:
            found = await self._means.peers.fetch_observation(self._terms, peer, peer)
            if found is not None:
                self.agreement.receive(found)
        except NoAnswerError:
            return
        except (RefusedError, ParkedError) as refusal:
            self._log.warning("observation_not_accepted", peer=peer, reason=str(refusal))

    async def _who_stands(self) -> int:
        """One who was slashed signs in vain: with that signature the registry would refuse the report."""
        try:
            return await self._means.standing.standing_at(self._terms.epoch)
        except ChainError as error:
            self._log.warning("standing_not_read", reason=str(error))
            return ALL_STAND

    async def _collect(self, view: int, proposal: Proposal, standing: int) -> None:
        """Until a quorum of those who stand has signed, or everyone has answered."""
        asking = {asyncio.create_task(self._ask(peer, view, proposal)) for peer in self._peers}
        pending = asking
        try:
            while pending and self.agreement.completed(view, standing) is None:
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
        return max(0.0, self._views.end_of(view) - self._now())

    def _now(self) -> float:
        return self._means.clock.now()


async def _happens(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
