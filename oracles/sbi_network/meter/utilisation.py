"""Utilisation: what part of this machine's cores worked, from the operating system's own counters.

**The meter's own work is not output.** Timing capacity is real FP32 work, and it shows in the counters; but nobody
asked for it. A meter that credited it would be paid for measuring, the more so the more often it measured. So the CPU
time of the meter's process, with all its threads, is taken off the machine's busy time; what remains was done by
others. (While a sample is timed it also competes with their work. That lowers the reading a little and never raises
it.)

Counters are those of the operating system that the meter sees: in a container usually the whole host's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import psutil

from sbi_network.meter.intervals import BACKWARDS, IntervalLog, Moment

_BUSY = ("user", "nice", "system", "irq", "softirq")
"""Busy time by psutil's names. `guest` is within `user` already; idle, iowait and steal are not this machine's work."""

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CpuCounters:
    """CPU time since start in ns: of the whole machine by kind, and of this process; with the time on two clocks."""

    at_ns: int
    monotonic_ns: int
    """The meter's clock, and one that nobody sets: see `intervals.Moment`."""

    busy_ns: tuple[int, ...]
    own_ns: int

    @property
    def moment(self) -> Moment:
        """When they were read."""
        return Moment(self.at_ns, self.monotonic_ns)


class CounterSource(Protocol):
    """Where counters are read from."""

    @property
    def cores(self) -> int:
        """The cores that `busy_ns` adds up over."""

    def read(self) -> CpuCounters:
        """The counters now."""


class OsCounters:
    """The operating system's counters. `clock_ns` is the meter's clock."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self.cores = psutil.cpu_count(logical=True) or 1

    def read(self) -> CpuCounters:
        """The counters now."""
        times = psutil.cpu_times()
        busy = tuple(int(getattr(times, kind, 0.0) * _NS) for kind in _BUSY)
        return CpuCounters(self._clock_ns(), time.monotonic_ns(), busy, time.process_time_ns())


@dataclass(frozen=True, slots=True)
class Usage:
    """What the counters say of a span: the time they cover, the work done in it by others, in core-ns."""

    covered_ns: int
    work_core_ns: int
    samples: int
    notes: tuple[str, ...]


class UsageLog:
    """Counter samples over time, and what they say of a span: see `intervals` for what counts.

    An interval in which any counter went backwards is void: neither a reset nor a leap makes work.
    """

    def __init__(self, cores: int, max_gap_ns: int) -> None:
        self.cores = cores
        self._intervals = IntervalLog(max_gap_ns)
        self._last: CpuCounters | None = None

    @property
    def last_ns(self) -> int:
        """When the last sample was taken, on the meter's clock; 0 before the first."""
        return self._last.at_ns if self._last else 0

    def add(self, counters: CpuCounters) -> None:
        """Take in a sample."""
        last, self._last = self._last, counters
        if last is not None:
            work = sum(counters.busy_ns) - sum(last.busy_ns) - (counters.own_ns - last.own_ns)
            self._intervals.add(last.moment, counters.moment, work, BACKWARDS if _backwards(last, counters) else "")

    def drop_before(self, at_ns: int) -> None:
        """Forget the intervals that ended before `at_ns`."""
        self._intervals.drop_before(at_ns)

    def usage(self, start_ns: int, end_ns: int) -> Usage:
        """What the samples say of [start, end)."""
        total = self._intervals.total(start_ns, end_ns)
        # Bounded over the whole span, not by interval: the noise of 10 ms ticks must not become work by being clipped.
        work = min(max(total.work, 0), total.covered_ns * self.cores)
        return Usage(total.covered_ns, work, total.intervals, total.notes)


def _backwards(earlier: CpuCounters, later: CpuCounters) -> bool:
    kinds = zip(later.busy_ns, earlier.busy_ns, strict=True)
    return later.own_ns < earlier.own_ns or any(new < old for new, old in kinds)
