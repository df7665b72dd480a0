"""What comes from peers, brought to the epoch it is for. Nothing is trusted for where it came from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from eth_typing import ChecksumAddress

from sbi_network.chain.clock import EpochClock
from sbi_network.errors import ProtocolError
from sbi_network.oracle.agreement import EpochAgreement, Witness
from sbi_network.oracle.archive import Archive
from sbi_network.oracle.errors import ParkedError, Reason, RefusedError
from sbi_network.oracle.observation import BackedObservation, check_binding, signer_of
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.wire import (
    Outline,
    Proposal,
    decode_observation,
    decode_proposal,
    observation_chars,
    proposal_chars,
)
from sbi_network.protocol.json_form import decode_signed
from sbi_network.protocol.messages import Report
from sbi_network.protocol.signature import Signature

_KEPT_TERMS: Final = 16
"""Epochs whose reports may still be shown here."""

_MOST_VIEWS: Final = 10_000
"""Beyond what a report window has: bounds what one oracle can fill a disk with."""

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

    async def obtain(self, outline: Outline) -> Proposal:
        """The whole of a proposal. Raises RefusedError."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this oracle is, and whom else it lets in than the oracles of the epochs it works on."""

    address: ChecksumAddress
    clock: EpochClock
    peers: frozenset[ChecksumAddress] = frozenset()


class Mailbox:
    """The open epochs by number, and the terms of recent ones: what was signed then may still be shown."""

    def __init__(self, identity: Identity, archive: Archive, witness: Witness) -> None:
        self.identity = identity
        self._archive = archive
        self._witness = witness
        self._open: dict[int, OpenEpoch] = {}
        self._terms: dict[int, EpochTerms] = {}

    def open(self, epoch: int, work: OpenEpoch) -> None:
        """Take messages for an epoch from now on."""
        self._open[epoch] = work
        self._terms[epoch] = work.agreement.terms
        for oldest in sorted(self._terms)[:-_KEPT_TERMS]:
            del self._terms[oldest]

    def close(self, epoch: int) -> None:
        """Take no more."""
        self._open.pop(epoch, None)

    def is_known(self, account: str) -> bool:
        """Whether an account may send anything here: a configured peer, or an oracle of a recent epoch."""
        known = any(account in terms.config.signers for terms in self._terms.values())
        return known or account in self.identity.peers

    @property
    def open_epochs(self) -> tuple[int, ...]:
        """The epochs that are worked on."""
        return tuple(sorted(self._open))

    @property
    def observation_limit(self) -> int:
        """The longest body of an observation that can be accepted now. Raises RefusedError with no epoch open."""
        return max(observation_chars(_facilities(each)) for each in self._require_open())

    @property
    def proposal_limit(self) -> int:
        """The longest body of a proposal that can be accepted now. Raises RefusedError with no epoch open."""
        work = self._require_open()
        return max(proposal_chars(each.agreement.terms.config.quorum) for each in work)

    def observation_of(self, epoch: int, oracle: int) -> BackedObservation:
        """What is known here of an oracle's observation of an open epoch.

        Raises RefusedError: NOT_OPEN where that says nothing, UNKNOWN where there is none.
        """
        found = self._work(epoch).agreement.observation_of(oracle)
        if found is None:
            raise RefusedError(Reason.UNKNOWN, f"oracle {oracle} has sent no observation of epoch {epoch} here")
        return found

    def leaves_of(self, epoch: int, commitment: bytes) -> bytes:
        """The leaves of a tree that is kept here. Raises RefusedError or OracleStateError."""
        leaves = self._archive.leaves(epoch, commitment)
        if leaves is None:
            raise RefusedError(Reason.UNKNOWN, f"no such tree of epoch {epoch} is kept here")
        return leaves

    def take_report(self, body: bytes) -> None:
        """A report that somebody signed, shown by anybody: evidence, if another is known. Raises RefusedError."""
        try:
            signed = decode_signed(Report, body)
        except ProtocolError as error:
            raise RefusedError(Reason.MALFORMED, str(error)) from None
        terms = self._terms.get(signed.message.epoch)
        if terms is None:
            raise RefusedError(Reason.WRONG_EPOCH, f"epoch {signed.message.epoch} is not of these days")
        check_binding(signed.message.config_digest, signed.message.epoch, terms)
        if signed.message.view_number > _MOST_VIEWS:
            raise RefusedError(Reason.WRONG_VIEW, f"no epoch has {signed.message.view_number} views")
        self._witness.saw_report(terms, signer_of(signed, terms), signed)

    def take_observation(self, body: bytes) -> None:
        """Raises RefusedError."""
        observation = decode_observation(body, self.observation_limit)
        work = self._work(observation.signed.message.epoch)
        try:
            is_news = work.agreement.receive(observation)
        except ParkedError as error:
            raise RefusedError(Reason.PARKED, str(error)) from None
        if is_news:
            _log.info("observation_received", epoch=observation.signed.message.epoch, oracle=observation.oracle)
            work.observation_arrived()

    async def answer_proposal(self, body: bytes) -> Signature:
        """This oracle's signature. Raises RefusedError."""
        outline = decode_proposal(body, self.proposal_limit)
        report = outline.signed.message
        work = self._work(report.epoch)
        log = _log.bind(epoch=report.epoch, view=report.view_number)
        try:
            # Before anything is fetched for it.
            work.agreement.check_leader(outline.signed, work.current_view())
            proposal = await work.obtain(outline)
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

    def _require_open(self) -> Collection[OpenEpoch]:
        if not self._open:
            raise RefusedError(Reason.NOT_OPEN, "no epoch is worked on here now")
        return self._open.values()


def _facilities(work: OpenEpoch) -> int:
    return len(work.agreement.terms.facilities)
