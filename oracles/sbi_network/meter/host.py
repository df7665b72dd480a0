"""The `host` meter: the computing that this machine really does.

    raw general output = floor( capacity ops/s × utilisation × covered seconds / 3.6e9 )

Capacity comes from timed FP32 matrix products (`capacity`), utilisation and covered time from the operating system's
counters (`utilisation`). Two things keep the product below what the machine did: on a busy machine capacity is
measured *beside* the other work and comes out low; and the meter's own work is taken off. Work in FP16 or FP64, which
a CPU may do as well, is counted as FP32 at the same silicon: once, in class general.

Neither counter says whether the work was useful, or FP32 at all: this is what the machine's owner can tell about
itself. Proof against the owner is another module's.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from sbi_network.meter.capacity import CapacitySample, CapacityWindow, MatrixBench, median_rate
from sbi_network.meter.errors import NotMeasuredError
from sbi_network.meter.measurement import Capacity, ClassFigures, EpochSpan, Measurement, in_class, paused
from sbi_network.meter.utilisation import CounterSource, OsCounters, Usage, UsageLog
from sbi_network.protocol.units import ComputeClass

_NS = 1_000_000_000
_log = structlog.get_logger("sbi.meter.host")


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How a host is sampled. Times in seconds.

    A capacity sample costs the machine `sample_seconds` of all its cores, so at the default interval 1.7 % of it.
    """

    matrix_size: int = 2048
    sample_seconds: float = 1.0
    window: int = 5
    capacity_interval: float = 60.0
    counter_interval: float = 1.0
    max_gap: float = 5.0

    @property
    def max_age(self) -> float:
        """Age at which a capacity sample no longer counts: the time for a window of samples, twice over, and more."""
        return 2 * self.window * (self.capacity_interval + self.sample_seconds) + 60.0


class HostMeter:
    """Meters this machine. `now` is the network's time in Unix seconds; `retain` how long samples are kept."""

    kind = "host"

    def __init__(
        self,
        settings: HostSettings,
        now: Callable[[], float],
        retain: float,
        bench: MatrixBench | None = None,
        counters: CounterSource | None = None,
    ) -> None:
        self._settings = settings
        self._now = now
        self._retain_ns = int(retain * _NS)
        self._bench = bench or MatrixBench(settings.matrix_size, settings.sample_seconds)
        self._source = counters or OsCounters(self._now_ns)
        self._usage = UsageLog(self._source.cores, int(settings.max_gap * _NS))
        self._window = CapacityWindow(settings.window, int(settings.max_age * _NS))

    def capacity(self) -> Capacity:
        """The median of the samples that count now; zero until the window is full."""
        now = self._now_ns()
        samples = self._window.used(now, now)
        return (median_rate(samples) if samples else 0, 0, 0)

    async def run(self, stop: asyncio.Event) -> None:
        """Sample counters and capacity until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_counters(stop))
            tasks.create_task(self._watch_capacity(stop))

    async def fill_window(self, stop: asyncio.Event) -> None:
        """Take as many capacity samples as the window needs, one after the other."""
        for number in range(1, self._settings.window + 1):
            if stop.is_set():
                return
            sample = await self._take_sample()
            _log.info("capacity_sampled", sample=number, of=self._settings.window, ops_per_second=sample.rate)

    def observe(self) -> None:
        """Read the counters once, now."""
        self._usage.add(self._source.read())
        self._usage.drop_before(self._now_ns() - self._retain_ns)

    async def offer(self) -> Sequence[str]:
        """The machine, and what its products came to so far."""
        rate = self.capacity()[ComputeClass.GENERAL]
        known = f"{rate / 1e9:,.1f} Gop/s in FP32 products" if rate else "its capacity is measured once `run` has begun"
        machine = f"this machine ({platform.machine()}), {self._usage.cores} cores, class general"
        return [f"{machine}: {known}"]

    async def measure(self, span: EpochSpan) -> Measurement:
        """The output of a span that is over. Raises NotMeasuredError."""
        start, end = span.start * _NS, span.end * _NS
        if self._usage.last_ns < end:
            self.observe()
        usage = self._usage.usage(start, end)
        if not usage.covered_ns:
            raise NotMeasuredError(_said(span, "the machine was not observed", usage))
        samples = self._window.used(start, end)
        if not samples:
            few = f"capacity is not known: fewer than {self._settings.window} samples that are recent at its end"
            raise NotMeasuredError(_said(span, few, usage))
        return self._measurement(span, usage, samples)

    def _measurement(self, span: EpochSpan, usage: Usage, samples: Sequence[CapacitySample]) -> Measurement:
        capacity, cores = median_rate(samples), self._usage.cores
        # utilisation × covered time = work of all cores / number of cores: exact integers until the one division.
        operations = capacity * usage.work_core_ns // (cores * _NS)
        utilisation = usage.work_core_ns * 1_000_000 // (cores * usage.covered_ns)
        figures = in_class(ComputeClass.GENERAL, ClassFigures(capacity, utilisation, operations))
        size = self._settings.matrix_size
        method = (
            f"host: median of {len(samples)} timed FP32 products of size {size}; busy time of {cores} cores by the "
            "operating system, less the meter's own"
        )
        return Measurement(span, method, figures, usage.covered_ns // 1_000_000, usage.samples, usage.notes)

    async def _watch_counters(self, stop: asyncio.Event) -> None:
        self.observe()
        while not await paused(stop, self._settings.counter_interval):
            self.observe()

    async def _watch_capacity(self, stop: asyncio.Event) -> None:
        await self.fill_window(stop)
        while not await paused(stop, self._settings.capacity_interval):
            sample = await self._take_sample()
            _log.debug("capacity_sampled", ops_per_second=sample.rate)

    async def _take_sample(self) -> CapacitySample:
        """In a thread of its own: BLAS lets the interpreter go on, so counters and requests are served meanwhile."""
        sample = await asyncio.to_thread(self._bench.sample, self._now_ns())
        self._window.add(sample)
        self._window.drop_before(self._now_ns() - self._retain_ns)
        return sample

    def _now_ns(self) -> int:
        return int(self._now() * _NS)


def _said(span: EpochSpan, reason: str, usage: Usage) -> str:
    return "; ".join([f"epoch {span.epoch}: {reason}", *usage.notes])
