"""What a facility must prove in an epoch, and what its reading may say at most: pure, the same for oracles and meters.

    obligation ── drawn by the slot's beacon ──▶ challenges ── verdicts ──▶ audits by class ──▶ allowance by class

The rules and fleets are those of `AuditTerms` on chain, as of the epoch; `docs/units.md` gives the formula.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sbi_network.errors import RangeError
from sbi_network.meter.bounds import MAX_CHALLENGES
from sbi_network.meter.evidence import AuditResult
from sbi_network.meter.proof.challenge import Challenge, Sizes
from sbi_network.meter.proof.keystream import BLOCK_BYTES, stream_of
from sbi_network.meter.proof.schedule import Terms
from sbi_network.protocol.figure import UINT32_MAX, WORD_BYTES, check_uint, check_word
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.units import ComputeClass, raw_nano_down

WHOLE_BPS: Final = 10_000
_TAG_DRAW: Final = keccak256(b"SBI product draw")

Raw = tuple[int, int, int]
"""nGAICPh by class, by its number."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How all facilities are audited in an epoch. With no slots, no proof is asked for."""

    slots: int
    audit_bps: int
    from_epoch: int
    since: int
    grace_ms: int
    tally_epochs: int
    confidence_ppm: int
    unbacked_bps: tuple[int, int, int]

    @property
    def asked(self) -> bool:
        """Whether readings count only where they are proved."""
        return self.slots > 0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Devices of one kind: how many, the operations a second that each counts for, and the product it is asked for.

    `pace` is what the product must show: the device's fastest arithmetic that is exact on the entries.
    """

    compute_class: ComputeClass
    devices: int
    rate: int
    pace: int
    sizes: Sizes

    def terms(self, rules: Rules) -> Terms:
        """How long each may take."""
        return Terms(self.sizes, self.pace, rules.grace_ms)

    def drawn(self, rules: Rules) -> int:
        """How many are challenged in an epoch: the share of all, rounded up."""
        return -(-self.devices * rules.audit_bps // WHOLE_BPS)


@dataclass(frozen=True, slots=True)
class Obligation:
    """What one facility must prove. `records_count`: its scheduler's records show demand, as receipts do."""

    fleets: tuple[Fleet, ...]
    records_count: bool
    from_epoch: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One device that is challenged: of which fleet, for which product, and how long it may take."""

    fleet: Fleet
    challenge: Challenge
    terms: Terms


def device_name(fleet: int, device: int) -> bytes:
    """The 32 bytes by which a product names the device of this number in the fleet of that place."""
    return (check_uint("fleet", fleet, UINT32_MAX) << 32 | check_uint("device", device, UINT32_MAX)).to_bytes(
        WORD_BYTES
    )


def challenges(facility: int, epoch: int, beacon: bytes, obligation: Obligation, rules: Rules) -> tuple[Asked, ...]:
    """Every device of a facility that is challenged by this beacon, in order of fleets and devices."""
    return tuple(
        Asked(
            fleet,
            Challenge(facility, epoch, device_name(place, device), beacon, fleet.sizes),
            fleet.terms(rules),
        )
        for place, fleet in enumerate(obligation.fleets)
        for device in _drawn(beacon, facility, place, fleet, rules)
    )


def _drawn(beacon: bytes, facility: int, place: int, fleet: Fleet, rules: Rules) -> Sequence[int]:
    """The numbers of the devices that are challenged: the first different ones that the beacon's key stream names."""
    count = fleet.drawn(rules)
    if count == fleet.devices:
        return range(count)
    words = check_word("beacon", beacon), facility.to_bytes(WORD_BYTES), place.to_bytes(WORD_BYTES)
    seed = keccak256(_TAG_DRAW + b"".join(words))
    drawn: dict[int, None] = {}
    start = 0
    while len(drawn) < count:
        # A fleet is far smaller than 2^64: no device is preferred by more than 2^-32.
        drawn |= dict.fromkeys((stream_of(seed, start, BLOCK_BYTES).view("<u8") % fleet.devices).tolist())
        start += BLOCK_BYTES
    return sorted(tuple(drawn)[:count])


def tallied_epochs(obligation: Obligation, rules: Rules, epoch: int, compute_class: ComputeClass) -> int:
    """Over how many epochs, the given one included, the challenges of a class are counted: as many as the rules say and
    there have been under these terms, and as the bound can take."""
    drawn = _drawn_in(obligation, rules, compute_class)
    since = max(rules.since, obligation.from_epoch)
    known = min(rules.tally_epochs, max(0, epoch - since + 1))
    return min(known, max(1, MAX_CHALLENGES // drawn)) if drawn else 0


def _drawn_in(obligation: Obligation, rules: Rules, compute_class: ComputeClass) -> int:
    return sum(fleet.drawn(rules) for fleet in obligation.fleets if fleet.compute_class is compute_class)


def audit_of(
    obligation: Obligation, rules: Rules, epoch: int, compute_class: ComputeClass, failed: Mapping[int, Sequence[Fleet]]
) -> AuditResult:
    """One class's audits as of an epoch. `failed`: by epoch, the fleet of each device that is known to have failed.

    How many challenges there were follows from the rules; a failure that was not seen does not count as one, so that
    who was away does not refuse what the others accept. What failed in the epoch itself is not counted as proven.
    """
    epochs = tallied_epochs(obligation, rules, epoch, compute_class)
    drawn = epochs * _drawn_in(obligation, rules, compute_class)
    failures = sum(
        fleet.compute_class is compute_class
        for at in range(epoch - epochs + 1, epoch + 1)
        for fleet in failed.get(at, ())
    )
    failures = min(failures, drawn)
    if drawn > MAX_CHALLENGES:
        drawn, failures = MAX_CHALLENGES, -(-failures * MAX_CHALLENGES // drawn)
    claimed = sum(fleet.rate * fleet.devices for fleet in obligation.fleets if fleet.compute_class is compute_class)
    missing = sum(fleet.rate for fleet in failed.get(epoch, ()) if fleet.compute_class is compute_class)
    return AuditResult(compute_class, drawn, failures, max(0, claimed - missing))


def allowance(
    obligation: Obligation, rules: Rules, audits: Collection[AuditResult], seconds: int, delivered: Raw
) -> Raw:
    """The most raw output that an epoch's reading may say, by class, rounded down.

    Of the capacity that the audits vouch for, the governed share counts; beyond it what buyers signed for, or all where
    the facility's records count. Raises RangeError.
    """
    if seconds < 1:
        raise RangeError("seconds", seconds, "1 or more")
    most = [0, 0, 0]
    for audit in audits:
        number = int(audit.compute_class)
        capacity = audit.capacity_down(rules.confidence_ppm)
        full = raw_nano_down(capacity * seconds)
        share = Fraction(rules.unbacked_bps[number], WHOLE_BPS)
        capped = raw_nano_down(int(capacity * share * seconds)) + delivered[number]
        most[number] = full if obligation.records_count else min(full, capped)
    return most[0], most[1], most[2]


def excess(raw: Raw, allowed: Raw) -> str | None:
    """Why a reading says more than is proved; None where it does not."""
    for compute_class, claimed, most in zip(ComputeClass, raw, allowed, strict=True):
        if claimed > most:
            return f"{compute_class.name.lower()}: {claimed:,} nGAICPh claimed, {most:,} proved"
    return None
