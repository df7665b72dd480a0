"""What comes from peers, brought to the epoch it is for. Nothing is trusted for where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import structlog
from eth_typing import ChecksumAddress

from sbi_network.chain.clock import EpochClock
from sbi_network.oracle.agreement import EpochAgreement
from sbi_network.oracle.errors import Reason, RefusedError
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.wire import decode_observation, decode_proposal, observation_chars, proposal_chars
from sbi_network.protocol.signature import Signature

_log = structlog.get_logger("sbi.oracle")


class OpenEpoch(Protocol):
    """An epoch that is worked on."""

    @property
    def agreement(self) -> EpochAgreement:
        """Its state."""

    def current_view(self) -> int:
        """The view it is in by the clock."""

    def observation_arrived(self) -> None:
        """Is told when the state has a new observation."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this oracle is."""

    address: ChecksumAddress
    clock: EpochClock


class Mailbox:
    """The open epochs by number."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._open: dict[int, OpenEpoch] = {}

    def open(self, epoch: int, work: OpenEpoch) -> None:
        """Take messages for an epoch from now on."""
        self._open[epoch] = work

    def close(self, epoch: int) -> None:
        """Take no more."""
        self._open.pop(epoch, None)

    @property
    def open_epochs(self) -> tuple[int, ...]:
        """The epochs that are worked on."""
        return tuple(sorted(self._open))

    @property
    def observation_limit(self) -> int:
        """The longest body of an observation that can be accepted now."""
        return max([observation_chars(_facilities(each)) for each in self._open.values()], default=0)

    @property
    def proposal_limit(self) -> int:
        """The longest body of a proposal that can be accepted now."""
        work = self._open.values()
        return max([proposal_chars(_facilities(each), each.agreement.terms.config.quorum) for each in work], default=0)

    def own_observation(self, epoch: int) -> BackedObservation | None:
        """What this oracle observed of an open epoch."""
        work = self._open.get(epoch)
        return None if work is None else work.agreement.observation

    def take_observation(self, body: bytes) -> None:
        """Raises RefusedError."""
        observation = decode_observation(body, self._require_open(self.observation_limit))
        work = self._work(observation.signed.message.epoch)
        if work.agreement.receive(observation):
            _log.info("observation_received", epoch=observation.signed.message.epoch, oracle=observation.oracle)
            work.observation_arrived()

    async def answer_proposal(self, body: bytes) -> Signature:
        """This oracle's signature. Raises RefusedError."""
        proposal = decode_proposal(body, self._require_open(self.proposal_limit))
        report = proposal.signed.message
        work = self._work(report.epoch)
        log = _log.bind(epoch=report.epoch, view=report.view_number)
        try:
            signature = await work.agreement.cosign(proposal, work.current_view())
        except RefusedError as refusal:
            log.warning("proposal_refused", reason=refusal.reason.word, detail=refusal.detail)
            raise
        log.info("co_signed", public_output=report.public_output)
        return signature

    def _work(self, epoch: int) -> OpenEpoch:
        work = self._open.get(epoch)
        if work is None:
            raise RefusedError(Reason.NOT_OPEN, f"epoch {epoch} is not worked on here; open are {self.open_epochs}")
        return work

    def _require_open(self, limit: int) -> int:
        if not self._open:
            raise RefusedError(Reason.NOT_OPEN, "no epoch is worked on here now")
        return limit


def _facilities(work: OpenEpoch) -> int:
    return len(work.agreement.terms.facilities)
