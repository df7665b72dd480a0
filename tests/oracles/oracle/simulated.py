"""A network of oracles without network or clock: keys, terms, facilities, and oracles that are honest or not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.registry import FacilityTerms
from sbi_network.oracle.agreement import EpochAgreement
from sbi_network.oracle.archive import Archive, Equivocation
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.observation import BackedObservation, Readings, observation_of
from sbi_network.oracle.terms import EpochTerms, FacilityAtEpoch
from sbi_network.oracle.testimony import Testimony
from sbi_network.protocol.address import check_address
from sbi_network.protocol.agreement import AgreedReport
from sbi_network.protocol.figure import ZERO_WORD
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.oracle_set import OracleConfig

REGISTRY = check_address("registry", "0x5FbDB2315678afecb367f032d93F642f64180aa3")
CHAIN_ID = 31337
EPOCH = 7
CAPACITY = 1_000_000
CLOCK = EpochClock(CHAIN_ID, REGISTRY, genesis=1_000, epoch_seconds=8, report_window=60)


def key(name: str) -> LocalAccount:
    """The same key for the same name."""
    account: LocalAccount = Account.from_key(sha256(name.encode()).digest())
    return account


def oracle_key(number: int) -> LocalAccount:
    return key(f"oracle {number}")


def facility_key(number: int) -> LocalAccount:
    return key(f"facility {number}")


def terms_of(oracles: int = 4, facilities: int = 2, epoch: int = EPOCH, version: int = 1) -> EpochTerms:
    signers = tuple(check_address("signer", oracle_key(number).address) for number in range(oracles))
    config = OracleConfig(CHAIN_ID, REGISTRY, version, 1, (32, 16, 64), signers)
    terms = FacilityTerms((CAPACITY, CAPACITY, CAPACITY), 0, 10_000, active=True)
    places = [FacilityAtEpoch(check_address("key", facility_key(each).address), terms) for each in range(facilities)]
    return EpochTerms(epoch, config, tuple(places))


def with_terms(terms: EpochTerms, facility: int, **changes: Any) -> EpochTerms:
    """The same with other terms for one facility."""
    places = list(terms.facilities)
    places[facility] = replace(places[facility], terms=replace(places[facility].terms, **changes))
    return replace(terms, facilities=tuple(places))


def reading(terms: EpochTerms, facility: int, output: int = 100, **changes: Any) -> Signed[Reading]:
    """A facility's signed reading; `signer` may be another key."""
    signer = changes.pop("signer", facility_key(facility))
    made = replace(Reading(facility, terms.epoch, output, 0, 0, ZERO_WORD), **changes)
    return Signed(made, made.sign(signer, terms.config.domain))


def readings(terms: EpochTerms, output: int = 100) -> Readings:
    return tuple(reading(terms, facility, output) for facility in range(len(terms.facilities)))


def observed(terms: EpochTerms, oracle: int, seen: Readings, signer: LocalAccount | None = None) -> BackedObservation:
    """An observation signed without any guard, as a liar does."""
    message = observation_of(seen, terms)
    return BackedObservation(
        oracle, Signed(message, message.sign(signer or oracle_key(oracle), terms.config.domain)), seen
    )


@dataclass
class RecordingGuard:
    """Every digest that was signed, by place: what no honest oracle may have two of."""

    signed: dict[tuple[Any, ...], set[bytes]] = field(default_factory=dict)

    def note(self, place: tuple[Any, ...], digest: bytes) -> None:
        self.signed.setdefault(place, set()).add(digest)


class RecordingDesk(SigningDesk):
    """A desk that notes what leaves it."""

    def __init__(
        self, account: LocalAccount, guard: SigningGuard, archive: Archive, record: RecordingGuard | None = None
    ) -> None:
        super().__init__(KeystoreSigner(account), guard, archive)
        self.record = record or RecordingGuard()

    async def sign_observation(
        self, oracle: int, readings: Readings, terms: EpochTerms, *, may_be_new: bool = True
    ) -> BackedObservation:
        made = await super().sign_observation(oracle, readings, terms, may_be_new=may_be_new)
        place = ("observation", terms.config.digest, terms.epoch)
        self.record.note(place, made.signed.message.digest(terms.config.domain))
        return made

    async def sign_report(self, agreed: AgreedReport, terms: EpochTerms, *, may_be_new: bool = True) -> Any:
        made = await super().sign_report(agreed, terms, may_be_new=may_be_new)
        place = ("report", terms.config.digest, terms.epoch, agreed.report.view_number)
        self.record.note(place, agreed.report.digest(terms.config.domain))
        return made


def guard_of(account: LocalAccount, path: Any = ":memory:") -> SigningGuard:
    return SigningGuard(path, check_address("signer", account.address), CLOCK.domain)


def archive_of(account: LocalAccount, path: Any = ":memory:") -> Archive:
    return Archive(path, check_address("signer", account.address), CLOCK.domain)


class RecordingWitness(Testimony):
    """A testimony that also keeps in mind what it was told of, once each."""

    def __init__(self, archive: Archive, desk: SigningDesk) -> None:
        super().__init__(archive, desk)
        self.seen: list[Equivocation] = []

    def _tell(self, terms: EpochTerms, seen: Equivocation) -> None:
        super()._tell(terms, seen)
        self.seen.append(seen)


class HonestOracle:
    """An agreement with its desk, and what it has witnessed. With a path its state outlives it."""

    def __init__(self, terms: EpochTerms, number: int, path: Any = None, *, first_view: int = 0) -> None:
        self.number = number
        account = oracle_key(number)
        self.archive = archive_of(account, ":memory:" if path is None else f"{path}-archive")
        self.guard = guard_of(account, ":memory:" if path is None else path)
        self.desk = RecordingDesk(account, self.guard, self.archive)
        self.witness = RecordingWitness(self.archive, self.desk)
        self.agreement = EpochAgreement(terms, number, self.desk, self.witness, first_view=first_view)

    def restarted(self, first_view: int, *, forgets: bool) -> HonestOracle:
        """The same oracle in a new process; with `forgets` its state file was put back from an old copy."""
        new = HonestOracle(self.agreement.terms, self.number, first_view=first_view)
        if not forgets:
            new.guard, new.archive = self.guard, self.archive
        new.desk = RecordingDesk(oracle_key(self.number), new.guard, new.archive, self.desk.record)
        new.witness = RecordingWitness(new.archive, new.desk)
        terms = self.agreement.terms
        new.agreement = EpochAgreement(terms, self.number, new.desk, new.witness, first_view=first_view)
        return new

    @property
    def witnessed(self) -> list[Equivocation]:
        return self.witness.seen

    @property
    def most_digests(self) -> int:
        return max([len(digests) for digests in self.desk.record.signed.values()], default=0)
