"""Agreement on one epoch's report, as one oracle sees it: docs/protocol.md, 'Agreement'.

A state machine: messages in, messages out. It knows no network and no clock; which view it is, its driver says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sbi_network.errors import ProtocolError, SignatureError
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.errors import Reason, RefusedError, SecondDigestError
from sbi_network.oracle.observation import BackedObservation, Readings, check_backed, check_binding
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.wire import Proposal
from sbi_network.protocol.agreement import AgreedReport, report_from_observations
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Observation, Reading, Report
from sbi_network.protocol.oracle_set import pack_signatures
from sbi_network.protocol.signature import Signature

VIEW_TOLERANCE = 1
"""Views by which a leader's clock may be ahead of or behind ours."""


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Two different signed messages where one is allowed: of a facility (reading) or an oracle (the others)."""

    number: int
    first: Signed[Reading] | Signed[Observation] | Signed[Report]
    second: Signed[Reading] | Signed[Observation] | Signed[Report]

    @property
    def kind(self) -> str:
        """What was signed twice."""
        return type(self.first.message).__name__.lower()


Witness = Callable[[Equivocation], None]
"""Is told of each equivocation once. Disputes will be filed from here."""


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
    """One oracle's part in one epoch. `own` is its number in the epoch's set."""

    def __init__(self, terms: EpochTerms, own: int, desk: SigningDesk, witness: Witness) -> None:
        self.terms = terms
        self.own = own
        self._desk = desk
        self._witness = witness
        self._observations: dict[int, BackedObservation] = {}
        self._readings: dict[int, Signed[Reading]] = {}
        self._proposed: dict[int, Signed[Report]] = {}
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

    async def observe(self, readings: Readings) -> BackedObservation:
        """Sign what this oracle saw: what it signed before a restart, if it did. Raises SecondDigestError."""
        kept = self._desk.kept_readings(self.terms)
        own = await self._desk.sign_observation(self.own, readings if kept is None else kept, self.terms)
        self._observations[self.own] = own
        self._note_readings(own)
        return own

    def receive(self, observation: BackedObservation) -> bool:
        """Take a peer's observation; whether it is news. Raises RefusedError, also for an oracle's second one."""
        known = self._observations.get(observation.oracle)
        if known == observation:
            return False
        check_backed(observation, self.terms)
        self._note_readings(observation)
        if known is not None and known.signed.message != observation.signed.message:
            self._tell(Equivocation(observation.oracle, known.signed, observation.signed))
            raise RefusedError(Reason.EQUIVOCATION, f"oracle {observation.oracle} has sent another observation before")
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
        signature = await self._desk.sign_report(agreed.report, self.terms)
        self._collections[view] = Collection(agreed, {self.own: signature})
        return Proposal(Signed(agreed.report, signature), listed)

    async def cosign(self, proposal: Proposal, current_view: int) -> Signature:
        """Recompute a leader's report and sign it. Raises RefusedError, which says why not."""
        self._check_leader(proposal.signed, current_view)
        self._check_list(proposal.observations)
        try:
            expected = self._report(proposal.observations, proposal.signed.message.view_number).report
        except ProtocolError as error:
            raise RefusedError(Reason.OTHER_REPORT, f"no report follows from what is listed: {error}") from None
        if expected != proposal.signed.message:
            raise RefusedError(Reason.OTHER_REPORT, "another report follows from what is listed")
        try:
            return await self._desk.sign_report(expected, self.terms)
        except SecondDigestError as error:
            raise RefusedError(Reason.SECOND_DIGEST, str(error)) from None

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

    def completed(self, view: int) -> SignedReport | None:
        """The report of a view, once a quorum has signed it. No more signatures than needed: each costs gas."""
        collection = self._collections.get(view)
        if collection is None or len(collection.signatures) < self.terms.config.quorum:
            return None
        needed = dict(sorted(collection.signatures.items())[: self.terms.config.quorum])
        return SignedReport(collection.agreed.report, pack_signatures(needed), tuple(needed))

    def _report(self, listed: tuple[BackedObservation, ...], view: int) -> AgreedReport:
        config = self.terms.config
        observations = [each.listed(config.domain) for each in listed]
        return report_from_observations(observations, config, self.terms.epoch, view, self.terms.public_shares_bps)

    def _check_leader(self, signed: Signed[Report], current_view: int) -> None:
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
        first = self._proposed.setdefault(view, signed)
        if first.message != report:
            self._tell(Equivocation(leader, first, signed))

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
            self._witness(equivocation)
