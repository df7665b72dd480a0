"""What a meter is, and what it says: the one interface between metering sources and the service.

A metering source knows nothing of chains, keys or HTTP. It is asked for the output of a span of time and answers with
operations, rounded down, and with the plain figures that they follow from. `counting` then lowers them to what can be
counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from sbi_network.meter.evidence import AuditResult, Statement, Witness
from sbi_network.protocol.units import ComputeClass, raw_nano_down

Capacity = tuple[int, int, int]
"""Operations per second in each compute class, by its number."""


@dataclass(frozen=True, slots=True)
class EpochSpan:
    """The seconds of Unix time [start, end) that epoch `epoch` of the network covers."""

    epoch: int
    start: int
    end: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One compute class: the operations per second it could do, what part of that it did, and what that makes.

    `utilisation_ppm` (millionths, rounded down) is for people to read; `operations` follow from unrounded figures.
    """

    capacity: int = 0
    utilisation_ppm: int = 0
    operations: int = 0

    @property
    def raw(self) -> int:
        """Output in raw nGAICPh, rounded down."""
        return raw_nano_down(self.operations)

    def share_of(self, seconds: int) -> Fraction:
        """The part of a span's capacity that was used, never above one; what was not observed was not used."""
        most = self.capacity * seconds
        return min(Fraction(1), Fraction(self.operations, most)) if most else Fraction(0)


Figures = tuple[ClassFigures, ClassFigures, ClassFigures]
"""General, intelligent and super, by their numbers."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What one class's counted output rests on: published with the reading.

    `bound_ppm` is the Clopper–Pearson bound on the share of the capacity that would fail an audit.
    """

    audit: AuditResult | None
    bound_ppm: int
    statements: Sequence[Statement]

    def as_object(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        audits = None
        if self.audit is not None:
            audits = {
                "challenges": self.audit.challenges,
                "failures": self.audit.failures,
                "provenOpsPerSecond": self.audit.proven,
                "failureBoundPpm": self.bound_ppm,
            }
        said = [{"witness": str(t.witness), "sharePpm": int(t.share * 1_000_000)} for t in self.statements]
        return {"audits": audits, "utilisation": said}


@dataclass(frozen=True, slots=True)
class Measurement:
    """A span's output by class, with its evidence in plain figures.

    `covered_ms` is the part of the span that was observed: what was not observed counts as no output. `samples` is how
    many counter intervals or records the figures rest on. `notes` say what lowered them, or what a reader must know.
    `counts_proofs`: the counters see the work of proofs too, and it is still to be taken off.
    `basis` is there once the figures are counted: see `counting`.
    """

    span: EpochSpan
    method: str
    figures: Figures
    covered_ms: int
    samples: int
    notes: tuple[str, ...] = ()
    witness: Witness = Witness.COUNTERS
    counts_proofs: bool = False
    basis: tuple[Basis | None, Basis | None, Basis | None] = (None, None, None)

    @property
    def raw(self) -> tuple[int, int, int]:
        """Raw output by class, in nGAICPh."""
        general, intelligent, super_ = self.figures
        return general.raw, intelligent.raw, super_.raw

    def as_object(self) -> dict[str, Any]:
        """The evidence, ready for `json.dumps`."""
        return {
            "epoch": self.span.epoch,
            "start": self.span.start,
            "end": self.span.end,
            "method": self.method,
            "classes": {
                compute_class.name.lower(): {
                    "capacityOpsPerSecond": figures.capacity,
                    "utilisationPpm": figures.utilisation_ppm,
                    "rawNanoGaicph": figures.raw,
                    **(basis.as_object() if basis else {}),
                }
                for compute_class, figures, basis in zip(ComputeClass, self.figures, self.basis, strict=True)
            },
            "coveredMs": self.covered_ms,
            "samples": self.samples,
            "notes": list(self.notes),
        }

    def words(self) -> str:
        """One sentence for people."""
        named = zip(ComputeClass, self.figures, strict=True)
        classes = [_class_words(compute_class, figures) for compute_class, figures in named if figures.capacity]
        covered = f"{self.covered_ms / 1000:.1f} of {self.span.seconds} s observed in {self.samples} samples"
        return f"epoch {self.span.epoch}: {'; '.join([*classes, covered, *self.notes])}"


class Meter(Protocol):
    """A metering source."""

    @property
    def kind(self) -> str:
        """Its name in meter.toml."""

    def capacity(self) -> Capacity:
        """As known now; zero in a class that it does not have or has not measured yet."""

    async def run(self, stop: asyncio.Event) -> None:
        """Observe until `stop` is set, and return soon after. Raises MeterError where observing became impossible."""

    async def measure(self, span: EpochSpan) -> Measurement:
        """The output of a span that is over. Raises NotMeasuredError where nothing at all is known of it."""

    async def offer(self) -> Sequence[str]:
        """What there is to meter, in plain words, a line each. Raises MeterError where it cannot be reached."""


async def paused(stop: asyncio.Event, seconds: float) -> bool:
    """Sleep for `seconds`, or until `stop` is set. Whether it is."""
    try:
        await asyncio.wait_for(stop.wait(), timeout=max(0.0, seconds))
    except TimeoutError:
        return False
    return True


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, but leave it where it waits once `stop` is set. Raises what it raises."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        doing.cancel()  # without effect where it is done
    await asyncio.wait([doing])
    if not doing.cancelled():
        doing.result()


def in_class(compute_class: ComputeClass, figures: ClassFigures) -> Figures:
    """Figures of one class, the other two empty."""
    general, intelligent, super_ = (figures if known is compute_class else ClassFigures() for known in ComputeClass)
    return general, intelligent, super_


def _class_words(compute_class: ComputeClass, figures: ClassFigures) -> str:
    used, gigaops = figures.utilisation_ppm / 10_000, figures.capacity / 1e9
    return f"{compute_class.name.lower()} {figures.raw:,} nGAICPh raw ({used:.1f} % of {gigaops:,.1f} Gop/s)"
