"""Second witnesses of how much of a facility was used, beside its meter: energy, the scheduler, buyers' receipts.

What a witness tells is a share of the class's capacity over the whole epoch, as an exact fraction. `counting` takes the
least. A witness that is configured and cannot be asked fails the measurement: leaving it out would raise the reading.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from sbi_network.meter.evidence import Statement, Witness
from sbi_network.meter.measurement import EpochSpan, Measurement, Meter
from sbi_network.meter.prometheus import Asked, gathered
from sbi_network.meter.prometheus_api import Prometheus
from sbi_network.protocol.units import ComputeClass, operations_from_nano

_NS: Final = 1_000_000_000
_MOST_WATTS: Final = 10**11


@dataclass(frozen=True, slots=True)
class PowerModel:
    """What a class's devices draw together, by a meter before them: watts idle and under a full load of products, and
    the site's PUE in thousandths (total energy over the machines'; 1000 where the meter is the machines' own)."""

    idle_watts: int
    load_watts: int
    pue_milli: int = 1000

    def used_share(self, joules: int, covered_seconds: Fraction, seconds: int) -> Fraction:
        """The share in use at most, over `seconds`, when so much was drawn in the covered part: linear between idle
        and full load, and nothing for what was not covered."""
        drawn = Fraction(joules * 1000, self.pue_milli)
        used = (drawn - self.idle_watts * covered_seconds) / ((self.load_watts - self.idle_watts) * seconds)
        return min(max(used, Fraction(0)), covered_seconds / seconds)


@dataclass(frozen=True, slots=True)
class EnergyWitness:
    """A power meter that Prometheus collects: a counter of joules, or a gauge of watts."""

    server: Prometheus
    asked: Asked
    compute_class: ComputeClass
    model: PowerModel

    async def testify(self, measured: Measurement) -> Sequence[Statement]:
        """What the energy of the epoch allows. Raises SourceError."""
        span = measured.span
        found = await self.asked.of(self.server, span.start, span.end)
        total = gathered(found, self.asked, span.start * _NS, span.end * _NS, _MOST_WATTS)
        joules = total.work // _NS
        share = self.model.used_share(joules, Fraction(total.covered_ns, _NS), span.seconds)
        said = f"{joules:,} J drawn in {total.covered_ns / _NS:.1f} s"
        return [Statement(Witness.ENERGY, self.compute_class, share, said)]

    async def offer(self) -> Sequence[str]:
        """Where it is read."""
        version, watts = (
            await self.server.version(),
            f"{self.model.idle_watts} W idle, {self.model.load_watts} W at load",
        )
        name = self.compute_class.name.lower()
        return [
            f"witness of class {name}: energy, by Prometheus {version}: {watts}, PUE {self.model.pue_milli / 1000:g}"
        ]


@dataclass(frozen=True, slots=True)
class ScheduleWitness:
    """The scheduler's records of the same devices, read by an accounting meter.

    What tasks held is a share of the larger of the two capacities, the meter's and that of the records' own table: a
    scheduler of one busy device in a hundred must not speak for the hundred.
    """

    records: Meter

    async def testify(self, measured: Measurement) -> Sequence[Statement]:
        """The share that tasks held. Raises TraceError and NotMeasuredError."""
        said = await self.records.measure(measured.span)
        statements = []
        for compute_class, figures in zip(ComputeClass, said.figures, strict=True):
            whole = max(figures.capacity, measured.figures[compute_class].capacity)
            if figures.capacity:
                share = replace(figures, capacity=whole).share_of(said.span.seconds)
                statements.append(Statement(Witness.SCHEDULE, compute_class, share, said.method))
        return statements

    async def offer(self) -> Sequence[str]:
        """What the records are."""
        return [f"witness: the scheduler's records, {line}" for line in await self.records.offer()]


Delivered = Callable[[EpochSpan], Awaitable[tuple[int, int, int]]]
"""Raw nGAICPh of each class that buyers signed for, of vouchers of that epoch and of this facility."""


@dataclass(frozen=True, slots=True)
class DeliveryWitness:
    """The exchange: what buyers have signed for by now, of all that was sold for the epoch."""

    delivered: Delivered

    async def testify(self, measured: Measurement) -> Sequence[Statement]:
        """The delivered part of the capacity. Raises SBIError where the chain cannot be read."""
        statements = []
        for compute_class, units in zip(ComputeClass, await self.delivered(measured.span), strict=True):
            most = measured.figures[compute_class].capacity * measured.span.seconds
            if most:
                share = min(Fraction(1), Fraction(operations_from_nano(units), most))
                said = f"{units:,} raw nGAICPh signed for at the exchange"
                statements.append(Statement(Witness.DELIVERIES, compute_class, share, said))
        return statements

    async def offer(self) -> Sequence[str]:
        """What it is."""
        return ["witness: deliveries signed by buyers at the exchange"]
