"""Agreement on one epoch's report, as one oracle sees it: docs/protocol.md, 'Agreement'.

A state machine: messages in, messages out. It knows no network and no clock; which view it is, its driver says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from sbi_network.errors import ProtocolError, SignatureError
from sbi_network.oracle.archive import Equivocation
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.errors import ParkedError, Reason, RefusedError, SecondDigestError, UnsureError
from sbi_network.oracle.observation import BackedObservation, Readings, check_backed, check_binding
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.views import VIEW_TOLERANCE
from sbi_network.oracle.wire import Listed, Proposal
from sbi_network.protocol.agreement import AgreedReport, Entry, readings_hash, report_from_observations
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Reading, Report
from sbi_network.protocol.oracle_set import pack_signatures
from sbi_network.protocol.signature import Signature
from sbi_network.protocol.sumtree import SumTree

ALL_STAND: Final = -1
"""Every bit set: all oracles stand, as far as one knows."""


class Witness(Protocol):
    """Who keeps what others sign, so that two different messages meet wherever they were sent."""

    def saw_report(self, terms: EpochTerms, oracle: int, signed: Signed[Report]) -> None:
        """Is told of each report that an oracle signed; the signature was checked."""

    def saw_two(self, terms: EpochTerms, seen: Equivocation) -> None:
        """Is told of two observations or readings by one maker, once for each maker."""


@dataclass(slots=True)
class Collection:
    """A report that this oracle proposed, and who has signed it."""

    agreed: AgreedReport
    signatures: dict[int, Signature] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report with a quorum's signatures, as the registry takes it."""

    report: Report
    signatures: bytes
    signers: tuple[int, ...]


class EpochAgreement:
    """One oracle's part in one epoch.

    `own` is its number in the epoch's set; in views before `first_view` it signs only what its guard knows of, since an
    earlier process may have signed there.
    """

    def __init__(
        self, terms: EpochTerms, own: int, desk: SigningDesk, witness: Witness, *, first_view: int = 0
    ) -> None:
        self.terms = terms
        self.own = own
        self.first_view = first_view
        self._desk = desk
        self._witness = witness
        self._observations: dict[int, BackedObservation] = {}
        self._others: dict[int, BackedObservation] = {}
        self._readings: dict[int, Signed[Reading]] = {}
        self._collections: dict[int, Collection] = {}
        self._told: set[tuple[str, int]] = set()

    @property
    def observation(self) -> BackedObservation | None:
        """This oracle's own observation, once it has made one."""
        return self._observations.get(self.own)

    @property
    def missing(self) -> frozenset[int]:
        """Oracles whose observations are not here."""
        return frozenset(range(self.terms.oracles)) - self._observations.keys()

    @property
    def has_quorum(self) -> bool:
        """Whether a report can be made of what is here."""
        return len(self._observations) >= self.terms.config.quorum

    @property
    def has_observed(self) -> bool:
        """Whether it is known what this oracle observed, from here or from before a restart."""
        return self.own in self._observations or self._desk.kept_readings(self.terms) is not None

    async def observe(self, readings: Readings, *, may_be_new: bool = True) -> BackedObservation:
        """Sign what this oracle saw: what it signed before a restart, if it did.

        Raises UnsureError where it knows of none and may not make one.
        """
        kept = self._desk.kept_readings(self.terms)
        seen = readings if kept is None else kept
        own = await self._desk.sign_observation(self.own, seen, self.terms, may_be_new=may_be_new)
        self._observations[self.own] = own
        self._note_readings(own)
        return own

    def observation_of(self, oracle: int) -> BackedObservation | None:
        """What is known of an oracle's observation."""
        return self._observations.get(oracle)

    def differing_from(self, tree: SumTree) -> list[int]:
        """The oracles that observed another reading of some facility, or none, than an accepted report has."""
        agreed = readings_hash(Entry(*leaf.sums.lanes[:3], leaf.reading_digest) for leaf in tree.leaves)
        known = sorted(self._observations.items())
        return [oracle for oracle, each in known if each.signed.message.readings != agreed]

    def listed(self, listed: Listed) -> BackedObservation | None:
        """The observation that a proposal lists, where it is known: also another one of an equivocator."""
        for known in (self._observations.get(listed.oracle), self._others.get(listed.oracle)):
            if known is not None and known.signed.message == listed.signed.message:
                return known
        return None

    def receive(self, observation: BackedObservation) -> bool:
        """Take an oracle's observation; whether it is news. Raises RefusedError, also for an oracle's second one.

        One of this oracle's own, from before a restart, becomes its own again. Raises ParkedError where it is another
        than this oracle's guard knows of.
        """
        known = self._observations.get(observation.oracle)
        if known == observation:
            return False
        check_backed(observation, self.terms, self._readings)
        self._note_readings(observation)
        if known is not None and known.signed.message != observation.signed.message:
            self._tell(Equivocation(observation.oracle, known.signed, observation.signed))
            self._others[observation.oracle] = observation
            raise RefusedError(Reason.EQUIVOCATION, f"oracle {observation.oracle} has sent another observation before")
        if observation.oracle == self.own:
            self._desk.adopt(observation, self.terms)
        self._observations[observation.oracle] = observation
        return known is None

    async def propose(self, view: int) -> Proposal:
        """The proposal of the view that this oracle leads; there is a quorum. Raises SBIError where none can be made.

        Of the observations here it lists those that cover most facilities, so that one oracle's bad line costs nobody
        any output.
        """
        known = sorted(self._observations.values(), key=lambda each: (-each.readings_accepted, each.oracle))
        listed = tuple(known[: self.terms.config.quorum])
        agreed = self._report(listed, view)
        signature = await self._sign(agreed)
        self._collections[view] = Collection(agreed, {self.own: signature})
        return Proposal(Signed(agreed.report, signature), listed)

    async def cosign(self, proposal: Proposal, current_view: int) -> Signature:
        """Recompute a leader's report and sign it. Raises RefusedError, which says why not."""
        self.check_leader(proposal.signed, current_view)
        self._check_list(proposal.observations)
        try:
            expected = self._report(proposal.observations, proposal.signed.message.view_number)
        except ProtocolError as error:
            raise RefusedError(Reason.OTHER_REPORT, f"no report follows from what is listed: {error}") from None
        if expected.report != proposal.signed.message:
            raise RefusedError(Reason.OTHER_REPORT, "another report follows from what is listed")
        try:
            return await self._sign(expected)
        except SecondDigestError as error:
            raise RefusedError(Reason.SECOND_DIGEST, str(error)) from None
        except UnsureError as error:
            raise RefusedError(Reason.UNSURE, str(error)) from None
        except ParkedError as error:
            raise RefusedError(Reason.PARKED, str(error)) from None

    def add_signature(self, view: int, oracle: int, signature: Signature) -> None:
        """Take a peer's signature on the report this oracle proposed in a view. Raises RefusedError."""
        collection = self._collections[view]
        try:
            signer = signature.recover(collection.agreed.report.digest(self.terms.config.domain))
        except SignatureError as error:
            raise RefusedError(Reason.BAD_SIGNATURE, str(error)) from None
        if signer != self.terms.config.signers[oracle]:
            raise RefusedError(Reason.BAD_SIGNATURE, f"{signer} signed for oracle {oracle}")
        collection.signatures[oracle] = signature

    def completed(self, view: int, standing: int = ALL_STAND) -> SignedReport | None:
        """The report of a view, once a quorum of those who stand (bit i: oracle i) has signed it.

        No more signatures than needed: each costs gas.
        """
        collection = self._collections.get(view)
        signatures = {} if collection is None else collection.signatures
        counting = [(number, each) for number, each in sorted(signatures.items()) if standing >> number & 1]
        if collection is None or len(counting) < self.terms.config.quorum:
            return None
        needed = dict(counting[: self.terms.config.quorum])
        return SignedReport(collection.agreed.report, pack_signatures(needed), tuple(needed))

    async def _sign(self, agreed: AgreedReport) -> Signature:
        return await self._desk.sign_report(agreed, self.terms, may_be_new=agreed.report.view_number >= self.first_view)

    def _report(self, listed: tuple[BackedObservation, ...], view: int) -> AgreedReport:
        config = self.terms.config
        observations = [each.listed(config.domain) for each in listed]
        return report_from_observations(observations, config, self.terms.epoch, view, self.terms.public_shares_bps)

    def check_leader(self, signed: Signed[Report], current_view: int) -> None:
        """Raises RefusedError for a report that is not its view's leader's, or not of these views."""
        report = signed.message
        check_binding(report.config_digest, report.epoch, self.terms)
        view = report.view_number
        if abs(view - current_view) > VIEW_TOLERANCE:
            raise RefusedError(Reason.WRONG_VIEW, f"view {view} is proposed while it is view {current_view}")
        leader = self.terms.leader_of(view)
        try:
            signer = signed.signer(self.terms.config.domain)
        except SignatureError as error:
            raise RefusedError(Reason.BAD_SIGNATURE, str(error)) from None
        if signer != self.terms.config.signers[leader]:
            raise RefusedError(Reason.NOT_LEADER, f"{signer} proposed; view {view} is led by oracle {leader}")
        self._witness.saw_report(self.terms, leader, signed)

    def _check_list(self, listed: tuple[BackedObservation, ...]) -> None:
        if len(listed) != self.terms.config.quorum:
            detail = f"{len(listed)} observations are listed, not {self.terms.config.quorum}"
            raise RefusedError(Reason.OTHER_REPORT, detail)
        for observation in listed:
            try:
                self.receive(observation)
            except RefusedError as refusal:
                # Of an equivocator's observations any one will do: to insist on ours would cost every such view.
                if refusal.reason is not Reason.EQUIVOCATION:
                    raise
            except ParkedError as error:
                raise RefusedError(Reason.PARKED, str(error)) from None

    def _note_readings(self, observation: BackedObservation) -> None:
        """Notice facilities that signed two readings, also by what an equivocating oracle brings."""
        for facility, reading in enumerate(observation.readings):
            if reading is not None:
                first = self._readings.setdefault(facility, reading)
                if first.message != reading.message:
                    self._tell(Equivocation(facility, first, reading))

    def _tell(self, equivocation: Equivocation) -> None:
        """Once for each maker and kind: a flood of further ones adds nothing."""
        key = (equivocation.kind, equivocation.number)
        if key not in self._told:
            self._told.add(key)
            self._witness.saw_two(self.terms, equivocation)
