"""What may bear on a reading besides the meter's own counters: audits, other witnesses, unannounced probes.

Everything is by compute class and for one epoch, in integers or exact fractions. Where it comes from is another
module's: proof of compute fills `AuditResult` and `Probe`, `witnesses` reads energy, schedulers and the exchange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from sbi_network.errors import RangeError
from sbi_network.meter.bounds import CONFIDENCE_PPM, MAX_CHALLENGES, PPM, failure_share_up
from sbi_network.protocol.figure import check_uint
from sbi_network.protocol.units import ComputeClass

_MAX_RATE: Final = 2**96
_MAX_WORK: Final = 2**128
"""Operations a second, and operations: beyond anything, and short of where figures stop fitting into a report."""


class Witness(StrEnum):
    """Who says how much of the capacity was used."""

    COUNTERS = "counters"
    """The devices' own, read by their owner."""

    ENERGY = "energy"
    """A power meter, which a third party can own."""

    SCHEDULE = "schedule"
    """Records of a scheduler: devices given to tasks, by time."""

    DELIVERIES = "deliveries"
    """Computing that buyers signed for at the exchange."""


BACKING: Final = frozenset({Witness.SCHEDULE, Witness.DELIVERIES})
"""The witnesses that tell of somebody who wanted the work, not only of work."""


@dataclass(frozen=True, slots=True)
class Statement:
    """At most this share of the class's capacity was used, over the whole epoch. `said` is why, in plain words."""

    witness: Witness
    compute_class: ComputeClass
    share: Fraction
    said: str

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise RangeError(f"share by {self.witness}", self.share, "a fraction from 0 to 1")


@dataclass(frozen=True, slots=True)
class AuditResult:
    """Random audits of one class by proof of compute, over whatever window the auditor keeps.

    `challenges` is how many were drawn, `failures` how many were not answered rightly in time, and `proven` the
    operations per second that all devices of the class together have sustained in those they passed, rounded down.
    """

    compute_class: ComputeClass
    challenges: int
    failures: int
    proven: int

    def __post_init__(self) -> None:
        check_uint("challenges", self.challenges, MAX_CHALLENGES)
        check_uint("failures", self.failures, self.challenges)
        check_uint("proven", self.proven, _MAX_RATE)

    def bound_ppm(self, confidence_ppm: int) -> int:
        """Upper bound of the share of the capacity that would fail, in millionths, rounded up."""
        return failure_share_up(self.challenges, self.failures, confidence_ppm)

    def capacity_down(self, confidence_ppm: int) -> int:
        """Operations per second that the audits vouch for, rounded down."""
        return self.proven * (PPM - self.bound_ppm(confidence_ppm)) // PPM


@dataclass(frozen=True, slots=True)
class Probe:
    """An unannounced challenge that may not displace other work: between `start` and `end` it found `free_ppm`
    millionths of the class's capacity free. Seconds of Unix time."""

    compute_class: ComputeClass
    start: int
    end: int
    free_ppm: int

    def __post_init__(self) -> None:
        check_uint("free_ppm", self.free_ppm, PPM)
        if not 0 <= self.start < self.end:
            raise RangeError("end of a probe", self.end, f"a second after its start, {self.start}")

    @property
    def most_used(self) -> Fraction:
        """The share that can have been in use meanwhile: measured free share plus use may not exceed one."""
        return Fraction(PPM - self.free_ppm, PPM)


@dataclass(frozen=True, slots=True)
class ProofWork:
    """Operations that proofs and probes themselves did, ending at second `end`: real work that nobody asked for."""

    compute_class: ComputeClass
    end: int
    operations: int

    def __post_init__(self) -> None:
        check_uint("operations", self.operations, _MAX_WORK)


@dataclass(frozen=True, slots=True)
class Terms:
    """How evidence is weighed: the same for all facilities, and so for governance to set.

    `unbacked_ppm` is the share of a class's capacity that counts in an epoch without a witness of `backing`.
    """

    confidence_ppm: int = CONFIDENCE_PPM
    probe_tolerance_ppm: int = 20_000
    unbacked_ppm: tuple[int, int, int] = (500_000, 500_000, 500_000)
    backing: frozenset[Witness] = BACKING

    def unbacked(self, compute_class: ComputeClass) -> Fraction:
        """The cap of a class, as a share of its capacity."""
        return Fraction(self.unbacked_ppm[compute_class], PPM)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that bears on one epoch, besides the measurement itself."""

    audits: Mapping[ComputeClass, AuditResult] = field(default_factory=dict)
    proving: Mapping[ComputeClass, int] = field(default_factory=dict)
    """Operations that proofs did within the epoch."""

    statements: Sequence[Statement] = ()
    contradicted: Mapping[ComputeClass, Probe] = field(default_factory=dict)
    """By class, the probe that contradicts the claim most."""


def contradicts(probe: Probe, claimed: Fraction, tolerance_ppm: int) -> bool:
    """Whether a probe refutes a claimed utilisation of the same seconds, beyond the tolerance for measuring."""
    return probe.most_used + Fraction(tolerance_ppm, PPM) < claimed
