"""Task records of a scheduler, from whatever file, made fit to be counted: what each model's devices were busy with.

A record says that a task held so many thousandths of devices of one model from one second to another. Records come in
any order and quality; what cannot count is left out, and a summary says how often and why, with the first line of each
kind.

| found | then |
|---|---|
| no start: the task never ran | left out |
| no end: still running, or its end was lost | left out, unless the record says that it runs |
| `end` equal to `start`, or before it | left out |
| a device model that the device table does not have | left out |
| no device held, or a figure that is no number | left out |
| the same task on the same model twice at one time | that time counts once, at what the earlier line holds |
| more devices in use than the table has | those of the table count |
| a line that repeats another exactly | counts once |
| a part outside the trace | that part is left out |
| lines in any order | sorted |
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from sbi_network.protocol.units import ComputeClass

WHOLE_SHARE_MILLI = 1000
MOST_DEVICES = 10_000_000
MOST_SECONDS = 2**40

OVERLAP = "the task is on the same model already: that time counts once"
REPEAT = "repeats another line: counted once"
OTHER = "for other reasons: left out"
_MOST_REASONS = 40


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One line of the device table."""

    name: str
    compute_class: ComputeClass
    devices: int
    ops_per_second: int


class Record(NamedTuple):
    """One task held `held_milli` thousandths of devices of a model in [start, end); `line` is where that was said."""

    task: str
    model: str
    start: int
    end: int
    held_milli: int
    line: int


@dataclass(slots=True)
class Summary:
    """How often something was left out or cut, by reason, and where first."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    lines: int = 0

    def add(self, reason: str, line: int) -> None:
        """One more case. Reasons quote the file, so there could be as many as lines: the rest are told together."""
        if reason not in self.counts and len(self.counts) >= _MOST_REASONS:
            reason = OTHER
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.first[reason] = min(line, self.first.get(reason, line))

    def notes(self, name: str) -> tuple[str, ...]:
        """In words, the most frequent first."""
        order = sorted(self.counts, key=lambda reason: (-self.counts[reason], reason))
        return tuple(
            f"{name}: {self.counts[reason]:,} of {self.lines:,} lines, the first is {self.first[reason]}: {reason}"
            for reason in order
        )


@dataclass(frozen=True, slots=True)
class BusyCurve:
    """How many thousandths of one model's devices were busy, over time: a step function and its integral."""

    times: Sequence[int]
    levels: Sequence[int]
    integral: Sequence[int]
    starts: Sequence[int]
    ends: Sequence[int]
    excess_milli_seconds: int

    def milli_seconds(self, start: int, end: int) -> int:
        """Thousandths of device-seconds busy in [start, end)."""
        return self._until(end) - self._until(start)

    def records(self, start: int, end: int) -> int:
        """How many records reach into [start, end)."""
        return bisect_left(self.starts, end) - bisect_right(self.ends, start)

    def _until(self, second: int) -> int:
        place = bisect_right(self.times, second) - 1
        return self.integral[place] + self.levels[place] * (second - self.times[place]) if place >= 0 else 0


@dataclass(frozen=True, slots=True)
class Records:
    """All that a file of records has to say."""

    curves: Mapping[str, BusyCurve]
    models: Mapping[str, DeviceModel]
    count: int
    notes: tuple[str, ...]


def counted_records(
    given: Iterable[Record], models: Mapping[str, DeviceModel], summary: Summary, name: str, seconds: int | None = None
) -> Records:
    """The curves of all models. `summary` holds what the reader left out already; `seconds` is a trace's length."""
    kept = list(_once(_within(sorted(given), seconds, summary), summary))
    by_model: dict[str, list[Record]] = defaultdict(list)
    for record in kept:
        by_model[record.model].append(record)
    curves = {model: _curve(records, models[model].devices) for model, records in by_model.items()}
    excess = [
        f"{name}: {curve.excess_milli_seconds / 3_600_000:,.2f} device-hours beyond the {models[model].devices:,} "
        f"devices {model!r} that the table has: not counted"
        for model, curve in sorted(curves.items())
        if curve.excess_milli_seconds
    ]
    return Records(curves, models, len(kept), (*summary.notes(name), *excess))


def _within(records: Iterable[Record], seconds: int | None, summary: Summary) -> Iterator[Record]:
    if seconds is None:
        yield from records
        return
    for record in records:
        start, end = max(record.start, 0), min(record.end, seconds)
        if start >= end:
            summary.add(f"lies outside the trace's {seconds} s: left out", record.line)
        else:
            if (start, end) != (record.start, record.end):
                summary.add(f"reaches out of the trace's {seconds} s: the part within counts", record.line)
            yield record._replace(start=start, end=end)


def _once(records: Iterable[Record], summary: Summary) -> Iterator[Record]:
    """Records in order of task, model and time: each moment of a task on a model counts once."""
    last: Record | None = None
    for record in records:
        if last is None or (record.task, record.model) != (last.task, last.model) or record.start >= last.end:
            last = record
            yield record
        elif record[:5] == last[:5]:
            summary.add(REPEAT, record.line)
        else:
            summary.add(OVERLAP, record.line)
            if record.end > last.end:
                rest = record._replace(start=last.end)
                last = record
                yield rest


def _curve(records: Sequence[Record], devices: int) -> BusyCurve:
    """Levels are cut at what is installed, and what was cut is told."""
    starts = np.fromiter((record.start for record in records), dtype=np.int64, count=len(records))
    ends = np.fromiter((record.end for record in records), dtype=np.int64, count=len(records))
    held = np.fromiter((record.held_milli for record in records), dtype=np.int64, count=len(records))
    times, places = np.unique(np.concatenate([starts, ends]), return_inverse=True)
    changes = np.zeros(len(times), dtype=np.int64)
    np.add.at(changes, places, np.concatenate([held, -held]))
    wanted = np.cumsum(changes)
    most = devices * WHOLE_SHARE_MILLI
    levels = np.minimum(wanted, most).tolist()
    lengths = np.diff(times).tolist()
    # Python's integers: a large facility's year is beyond 64 bits.
    integral = [0, *accumulate(level * length for level, length in zip(levels, lengths, strict=False))]
    beyond = np.maximum(wanted - most, 0).tolist()
    excess = sum(level * length for level, length in zip(beyond, lengths, strict=False))
    return BusyCurve(times.tolist(), levels, integral, sorted(starts.tolist()), sorted(ends.tolist()), excess)
