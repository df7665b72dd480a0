"""What a meter is, and what it says: the one interface between metering sources and the service.

A metering source knows nothing of chains, keys or HTTP. It is asked for the output of a span of time and answers
with whole nano-GAICP-hours, rounded down, and with the plain figures that they follow from.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from sbi_network.protocol.units import ComputeClass

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

    `utilisation_ppm` (millionths, rounded down) is for people to read; `raw`, in nGAICPh, follows from unrounded
    figures.
    """

    capacity: int = 0
    utilisation_ppm: int = 0
    raw: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """A span's output by class, with its evidence in plain figures.

    `figures` holds general, intelligent and super, by their numbers. `covered_ms` is the part of the span that was
    observed: what was not observed counts as no output. `samples` is how many counter intervals (host) or records
    (accounting) the figures rest on. `notes` say what lowered them, or what a reader must know.
    """

    span: EpochSpan
    method: str
    figures: tuple[ClassFigures, ClassFigures, ClassFigures]
    covered_ms: int
    samples: int
    notes: tuple[str, ...] = ()

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
                }
                for compute_class, figures in zip(ComputeClass, self.figures, strict=True)
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

    def measure(self, span: EpochSpan) -> Measurement:
        """The output of a span that is over. Raises NotMeasuredError where nothing at all is known of it."""


async def paused(stop: asyncio.Event, seconds: float) -> bool:
    """Sleep for `seconds`, or until `stop` is set. Whether it is."""
    try:
        await asyncio.wait_for(stop.wait(), timeout=max(0.0, seconds))
    except TimeoutError:
        return False
    return True


def _class_words(compute_class: ComputeClass, figures: ClassFigures) -> str:
    used, gigaops = figures.utilisation_ppm / 10_000, figures.capacity / 1e9
    return f"{compute_class.name.lower()} {figures.raw:,} nGAICPh raw ({used:.1f} % of {gigaops:,.1f} Gop/s)"
