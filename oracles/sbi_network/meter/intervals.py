"""Intervals between two samples of a counter, and what they add up to over a span of time.

An interval counts only if it is no longer than `max_gap_ns` (a longer one says that work was done, but not when), its
sampler found nothing wrong with it, and the meter's clock was not set within it. Whatever no such interval covers is
uncovered, and counts as no work. An interval across the edge of a span counts by its part within, rounded down.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

BACKWARDS = "counters went backwards"
_SET_BACK = "the clock was set back"
_CLOCK_TOLERANCE_NS = 250_000_000
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """When a sample was taken, on two clocks."""

    at_ns: int
    """On the meter's clock, in Unix time: it places the sample in an epoch."""

    monotonic_ns: int
    """On a clock that nobody sets: it shows whether the meter's was set."""


@dataclass(frozen=True, slots=True)
class Total:
    """What the intervals say of a span: the time they cover, the work in it, how many they are, and by reason how many
    were left out."""

    span_ns: int
    covered_ns: int
    work: int
    intervals: int
    voids: Mapping[str, int]

    @property
    def notes(self) -> tuple[str, ...]:
        """What lowered it, in words."""
        left_out = tuple(void_note(reason, count) for reason, count in sorted(self.voids.items()))
        if self.covered_ns >= self.span_ns:
            return left_out
        return (*left_out, f"{(self.span_ns - self.covered_ns) / _NS:.1f} s were not observed and count as no output")


def void_note(reason: str, count: int) -> str:
    """That intervals were left out, in words."""
    return f"{count} intervals do not count: {reason}"


@dataclass(frozen=True, slots=True)
class _Interval:
    """Between two samples. With a `void` reason it covers nothing."""

    start_ns: int
    end_ns: int
    work: int = 0
    void: str = ""

    def overlap_ns(self, start_ns: int, end_ns: int) -> int:
        return max(0, min(self.end_ns, end_ns) - max(self.start_ns, start_ns))


class IntervalLog:
    """Intervals in the order in which they were seen. The unit of work is the sampler's."""

    def __init__(self, max_gap_ns: int) -> None:
        self._max_gap_ns = max_gap_ns
        self._intervals: deque[_Interval] = deque()

    def add(self, earlier: Moment, later: Moment, work: int, void: str = "") -> None:
        """Take in the work done between two moments; with a `void` reason, that there is none to count.

        A clock set back leaves an interval of no length, which no span touches: what came before it is void too.
        """
        if later.at_ns <= earlier.at_ns:
            self._void_from(later.at_ns)
            self._intervals.append(_Interval(later.at_ns, later.at_ns, void=_SET_BACK))
            return
        reason = void or self._void_reason(earlier, later)
        self._intervals.append(_Interval(earlier.at_ns, later.at_ns, 0 if reason else work, reason))

    def drop_before(self, at_ns: int) -> None:
        """Forget the intervals that ended before `at_ns`."""
        while self._intervals and self._intervals[0].end_ns < at_ns:
            self._intervals.popleft()

    def total(self, start_ns: int, end_ns: int) -> Total:
        """What the intervals say of [start, end)."""
        touched = [interval for interval in self._intervals if interval.overlap_ns(start_ns, end_ns)]
        counted = [interval for interval in touched if not interval.void]
        covered = min(sum(interval.overlap_ns(start_ns, end_ns) for interval in counted), end_ns - start_ns)
        work = sum(i.work * i.overlap_ns(start_ns, end_ns) // (i.end_ns - i.start_ns) for i in counted)
        voids = Counter(interval.void for interval in touched if interval.void)
        return Total(end_ns - start_ns, covered, work, len(counted), voids)

    def _void_reason(self, earlier: Moment, later: Moment) -> str:
        passed = later.at_ns - earlier.at_ns
        if abs(passed - (later.monotonic_ns - earlier.monotonic_ns)) > _CLOCK_TOLERANCE_NS:
            return "the clock was set"
        return "samples too far apart" if passed > self._max_gap_ns else ""

    def _void_from(self, at_ns: int) -> None:
        """Time that passes twice is not counted twice: what was seen at or after `at_ns` no longer counts."""
        for place, interval in enumerate(self._intervals):
            if interval.end_ns > at_ns:
                self._intervals[place] = _Interval(interval.start_ns, interval.end_ns, void=_SET_BACK)
