"""The `prometheus` meter: devices whose counters a Prometheus server collects, by any exporter.

    operations = ops/s of one device × busy device-seconds in the epoch, rounded down

What is read is either a counter of busy seconds (`reads = "busy-seconds"`, such as node_exporter's CPU time) or a gauge
of busy devices (`reads = "busy-devices"`, such as dcgm-exporter's pipe activity, 0 to 1 a card). All series that match
are added up. Between two samples a counter adds its rise, a gauge the lower of its two values times the time between.

| found | then |
|---|---|
| samples further apart than `max_gap` | that time counts as no output, said |
| a counter that goes backwards or is reset | the time between the two samples counts as no output, said |
| a value that is no number, is negative, or is more than all devices can do | likewise |
| a series that is not there for all of the epoch | what is missing counts as no output, said |
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from sbi_network.meter.errors import NotMeasuredError
from sbi_network.meter.intervals import BACKWARDS, IntervalLog, Moment, Total, void_note
from sbi_network.meter.measurement import Capacity, ClassFigures, EpochSpan, Measurement, in_class
from sbi_network.meter.prometheus_api import BILLION, Labels, Prometheus, Series
from sbi_network.protocol.units import ComputeClass

_NS: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_JITTER_PERCENT: Final = 110
"""A scrape's time is when it began, a counter's when it was read: between two of them it may seem to run fast."""

Reads = Literal["busy-seconds", "busy-devices"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A ready selector for a well-known exporter; `{}` is where the operator's own label matchers go."""

    series: str
    reads: Reads
    compute_class: ComputeClass


PRESETS: Final[Mapping[str, Preset]] = {
    # CPU time by kind, a series for each core and kind; idle, iowait and steal are not this machine's work.
    "node-exporter": Preset(
        'node_cpu_seconds_total{{mode=~"user|nice|system|irq|softirq"{}}}', "busy-seconds", ComputeClass.GENERAL
    ),
    # The part of all cycles in which the tensor pipe was active, 0 to 1 a card.
    "dcgm-exporter": Preset('DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{{gpu!=""{}}}', "busy-devices", ComputeClass.INTELLIGENT),
    "dcgm-exporter-fp64": Preset('DCGM_FI_PROF_PIPE_FP64_ACTIVE{{gpu!=""{}}}', "busy-devices", ComputeClass.SUPER),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a server: `series`, a plain selector, or else `query`, any expression, every `step` seconds."""

    series: str | None
    query: str | None
    counter: bool
    step: int
    max_gap: float

    async def of(self, server: Prometheus, start: int, end: int) -> Mapping[Labels, Series]:
        """The samples around [start, end): beyond both edges by a gap, so that what crosses them is seen."""
        margin = int(self.max_gap) + 1
        if self.series is not None:
            return await server.series(self.series, start - margin, end + margin)
        return await server.query(self.query or "", start - self.step, end + self.step, self.step)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All series together: `work` in ns × what was read, the longest time that any series covers, and what was left."""

    covered_ns: int
    work: int
    intervals: int
    series: int
    notes: tuple[str, ...]


def gathered(found: Mapping[Labels, Series], asked: Asked, start_ns: int, end_ns: int, most: int) -> Gathered:
    """Add up all series over [start, end). `most` is what all of them can be together at any moment."""
    totals = [_logged(series, asked, most).total(start_ns, end_ns) for series in found.values()]
    covered = max((total.covered_ns for total in totals), default=0)
    work = min(sum(total.work for total in totals), covered * most)
    notes = _notes(totals, end_ns - start_ns)
    return Gathered(covered, work, sum(total.intervals for total in totals), len(totals), notes)


def _logged(series: Series, asked: Asked, most: int) -> IntervalLog:
    log = IntervalLog(int(asked.max_gap * _NS))
    samples = series.in_order()
    for (before, earlier), (at, later) in pairwise(samples):
        passed = (at - before) * _NS_PER_MS
        work, void = _between(earlier, later, passed, counter=asked.counter)
        if work * 100 > most * passed * _JITTER_PERCENT:
            work, void = 0, "more than all devices can do"
        log.add(_moment(before), _moment(at), work, void)
    return log


def _between(earlier: int | None, later: int | None, passed_ns: int, *, counter: bool) -> tuple[int, str]:
    """The work between two samples in ns × what was read, or why there is none."""
    if earlier is None or later is None or min(earlier, later) < 0:
        return 0, "a value that is no number of busy devices or seconds"
    if not counter:
        return min(earlier, later) * passed_ns // BILLION, ""
    if later < earlier:
        return 0, BACKWARDS
    return (later - earlier) * _NS // BILLION, ""


def _moment(at_ms: int) -> Moment:
    """Prometheus has one clock, so that nothing can be said of its being set."""
    return Moment(at_ms * _NS_PER_MS, at_ms * _NS_PER_MS)


def _notes(totals: Sequence[Total], span_ns: int) -> tuple[str, ...]:
    """What lowered the figure, over all series together: there may be thousands."""
    voids = sum((Counter(total.voids) for total in totals), Counter[str]())
    short = [total.covered_ns for total in totals if total.covered_ns < span_ns]
    lines = [void_note(reason, count) for reason, count in sorted(voids.items())]
    if short:
        missing = (span_ns - min(short)) / _NS
        lines.append(
            f"{len(short)} of {len(totals)} series lack samples, up to {missing:.1f} s, which count as no output"
        )
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """What is metered: `devices` of one kind, `ops_per_second` each, and how long to wait for the last scrapes."""

    asked: Asked
    compute_class: ComputeClass
    devices: int
    ops_per_second: int
    settle_seconds: float


class PrometheusMeter:
    """Meters what a Prometheus server knows. `now` is the network's time in Unix seconds."""

    kind = "prometheus"

    def __init__(self, settings: PrometheusSettings, server: Prometheus, now: Callable[[], float]) -> None:
        self._settings = settings
        self._server = server
        self._now = now

    def capacity(self) -> Capacity:
        """All devices together, as the settings tell."""
        capacity = [0, 0, 0]
        capacity[self._settings.compute_class] = self._settings.devices * self._settings.ops_per_second
        return capacity[0], capacity[1], capacity[2]

    async def run(self, stop: asyncio.Event) -> None:
        """There is nothing to observe: the server does."""
        await stop.wait()

    async def measure(self, span: EpochSpan) -> Measurement:
        """The output of a span, once its last scrapes are in. Raises NotMeasuredError and SourceError."""
        await asyncio.sleep(max(0.0, span.end + self._settings.settle_seconds - self._now()))
        asked, devices, rate = self._settings.asked, self._settings.devices, self._settings.ops_per_second
        found = await asked.of(self._server, span.start, span.end)
        total = gathered(found, asked, span.start * _NS, span.end * _NS, devices)
        if not total.covered_ns:
            reason = "; ".join(total.notes) or "no series matches"
            raise NotMeasuredError(
                f"epoch {span.epoch}: Prometheus has no two samples that could be counted ({reason})"
            )
        utilisation = total.work * 1_000_000 // (devices * total.covered_ns)
        figures = ClassFigures(devices * rate, utilisation, rate * total.work // _NS)
        return Measurement(
            span=span,
            method=f"prometheus: {total.series} series of {asked.series or asked.query}; {devices} devices",
            figures=in_class(self._settings.compute_class, figures),
            covered_ms=total.covered_ns // _NS_PER_MS,
            samples=total.intervals,
            notes=total.notes,
            counts_proofs=True,
        )

    async def offer(self) -> Sequence[str]:
        """The server, and how many series it has of what is asked, in the last few minutes."""
        asked, now = self._settings.asked, int(self._now())
        version = await self._server.version()
        found = await asked.of(self._server, now - int(asked.max_gap) * 2 - asked.step, now)
        name, tera = self._settings.compute_class.name.lower(), self._settings.ops_per_second / 1e12
        devices = f"{self._settings.devices} devices of {tera:,.3f} Top/s, class {name}"
        return [f"Prometheus {version} has {len(found)} series of {asked.series or asked.query}", devices]
