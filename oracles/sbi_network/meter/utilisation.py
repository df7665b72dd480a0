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
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import psutil

_BUSY = ("user", "nice", "system", "irq", "softirq")
"""Busy time by psutil's names. `guest` is within `user` already; idle, iowait and steal are not this machine's work."""

_CLOCK_TOLERANCE_NS = 250_000_000
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CpuCounters:
    """CPU time since start in ns: of the whole machine by kind, and of this process; with the time on two clocks."""

    at_ns: int
    """On the meter's clock, in Unix time: it places the sample in an epoch."""

    monotonic_ns: int
    """On a clock that nobody sets: it shows whether the meter's was set."""

    busy_ns: tuple[int, ...]
    own_ns: int


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


@dataclass(frozen=True, slots=True)
class _Interval:
    """Between two samples. With a `void` reason it covers nothing."""

    start_ns: int
    end_ns: int
    work_ns: int = 0
    void: str = ""

    def overlap_ns(self, start_ns: int, end_ns: int) -> int:
        return max(0, min(self.end_ns, end_ns) - max(self.start_ns, start_ns))


class UsageLog:
    """Counter samples over time, and what they say of a span.

    An interval between two samples counts only if it is no longer than `max_gap_ns` (a longer one says that work was
    done, but not when), no counter went backwards in it, and the meter's clock was not set. Whatever no such interval
    covers is uncovered, and counts as no work. An interval across the edge of a span counts by its part within.
    """

    def __init__(self, cores: int, max_gap_ns: int) -> None:
        self.cores = cores
        self._max_gap_ns = max_gap_ns
        self._last: CpuCounters | None = None
        self._intervals: deque[_Interval] = deque()

    @property
    def last_ns(self) -> int:
        """When the last sample was taken, on the meter's clock; 0 before the first."""
        return self._last.at_ns if self._last else 0

    def add(self, counters: CpuCounters) -> None:
        """Take in a sample."""
        if self._last is not None:
            self._intervals.append(self._interval(self._last, counters))
        self._last = counters

    def drop_before(self, at_ns: int) -> None:
        """Forget the intervals that ended before `at_ns`."""
        while self._intervals and self._intervals[0].end_ns < at_ns:
            self._intervals.popleft()

    def usage(self, start_ns: int, end_ns: int) -> Usage:
        """What the samples say of [start, end)."""
        touched = [interval for interval in self._intervals if interval.overlap_ns(start_ns, end_ns)]
        counted = [interval for interval in touched if not interval.void]
        covered = min(sum(interval.overlap_ns(start_ns, end_ns) for interval in counted), end_ns - start_ns)
        work = sum(i.work_ns * i.overlap_ns(start_ns, end_ns) // (i.end_ns - i.start_ns) for i in counted)
        # Bounded over the whole span, not by interval: the noise of 10 ms ticks must not become work by being clipped.
        bounded = min(max(work, 0), covered * self.cores)
        voids = Counter(interval.void for interval in touched if interval.void)
        return Usage(covered, bounded, len(counted), _notes(covered, end_ns - start_ns, voids))

    def _interval(self, earlier: CpuCounters, later: CpuCounters) -> _Interval:
        """A clock set back leaves an interval of no length, which no span touches: what came before it is void too."""
        if later.at_ns <= earlier.at_ns:
            self._void_from(later.at_ns)
            return _Interval(later.at_ns, later.at_ns, void="the clock was set back")
        reason = self._void_reason(earlier, later)
        work = sum(later.busy_ns) - sum(earlier.busy_ns) - (later.own_ns - earlier.own_ns)
        return _Interval(earlier.at_ns, later.at_ns, 0 if reason else work, reason)

    def _void_reason(self, earlier: CpuCounters, later: CpuCounters) -> str:
        passed = later.at_ns - earlier.at_ns
        if any(new < old for new, old in zip(later.busy_ns, earlier.busy_ns, strict=True)):
            return "counters went backwards"
        if later.own_ns < earlier.own_ns:
            return "counters went backwards"
        if abs(passed - (later.monotonic_ns - earlier.monotonic_ns)) > _CLOCK_TOLERANCE_NS:
            return "the clock was set"
        return "samples too far apart" if passed > self._max_gap_ns else ""

    def _void_from(self, at_ns: int) -> None:
        """Time that passes twice is not counted twice: what was seen at or after `at_ns` no longer counts."""
        for place, interval in enumerate(self._intervals):
            if interval.end_ns > at_ns:
                self._intervals[place] = _Interval(interval.start_ns, interval.end_ns, void="the clock was set back")


def _notes(covered_ns: int, span_ns: int, voids: Counter[str]) -> tuple[str, ...]:
    dropped = [f"{count} intervals do not count: {reason}" for reason, count in sorted(voids.items())]
    if covered_ns >= span_ns:
        return tuple(dropped)
    return (*dropped, f"{(span_ns - covered_ns) / _NS:.1f} s were not observed and count as no output")
