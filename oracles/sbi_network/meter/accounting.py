"""The `accounting` meter: replays a facility's task accounting, as if it ran now.

Epoch e of the network replays `span` seconds of the trace from second (offset + e × span), wrapping around at the
trace's end. By class, rounded down once:

    raw = floor( Σ over tasks: overlap seconds × devices × share × ops/s of the model / 3.6e9 )

By default `span` is the epoch's length, so that a second of the trace is a second of life. Another span is another
speed; the measurement then says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sbi_network.meter.measurement import Capacity, ClassFigures, EpochSpan, Measurement
from sbi_network.meter.trace import WHOLE_SHARE_MILLI, Task, Trace
from sbi_network.protocol.units import ComputeClass, raw_nano_down

Window = tuple[int, int]
"""Seconds [start, end) of the trace."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Where an epoch lies in the trace. `span` None: as long as the epoch."""

    offset: int = 0
    span: int | None = None

    def windows(self, span: EpochSpan, trace_seconds: int) -> list[Window]:
        """The parts of the trace that an epoch replays: two where it wraps around, more where it is longer."""
        length = self.span if self.span is not None else span.seconds
        start = (self.offset + span.epoch * length) % trace_seconds
        windows = []
        while length > 0:
            end = min(start + length, trace_seconds)
            windows.append((start, end))
            length -= end - start
            start = 0
        return windows


class AccountingMeter:
    """Meters a facility by its accounting records."""

    kind = "accounting"

    def __init__(self, trace: Trace, replay: Replay) -> None:
        self._trace = trace
        self._replay = replay

    def capacity(self) -> Capacity:
        """What the devices of the table sustain together."""
        return _by_class({m.name: m.devices * m.ops_per_second for m in self._trace.models.values()}, self._trace)

    async def run(self, stop: asyncio.Event) -> None:
        """There is nothing to observe: the records are complete."""
        await stop.wait()

    def measure(self, span: EpochSpan) -> Measurement:
        """The output of the part of the trace that the epoch replays."""
        windows = self._replay.windows(span, self._trace.seconds)
        seconds = sum(end - start for start, end in windows)
        counted = [task for task in self._trace.tasks if any(_overlap(task, window) for window in windows)]
        figures = self._figures(held_milli_seconds(counted, windows), seconds)
        return Measurement(
            span=span,
            method=f"accounting: {len(self._trace.tasks)} task records, seconds {_said(windows)} of the trace",
            figures=figures,
            covered_ms=span.seconds * 1000,
            samples=len(counted),
            notes=_speed_notes(seconds, span.seconds),
        )

    def _figures(self, held: dict[str, int], seconds: int) -> tuple[ClassFigures, ClassFigures, ClassFigures]:
        """From thousandths of device-seconds by model. The one division is the last step."""
        models = self._trace.models
        done = _by_class({name: milli * models[name].ops_per_second for name, milli in held.items()}, self._trace)
        general, intelligent, super_ = (
            ClassFigures(
                capacity=capacity,
                utilisation_ppm=milli_operations * 1000 // (capacity * seconds) if capacity else 0,
                raw=raw_nano_down(milli_operations // WHOLE_SHARE_MILLI),
            )
            for capacity, milli_operations in zip(self.capacity(), done, strict=True)
        )
        return general, intelligent, super_


def held_milli_seconds(tasks: Sequence[Task], windows: Sequence[Window]) -> dict[str, int]:
    """Thousandths of device-seconds held by tasks within windows, by device model."""
    held: dict[str, int] = {}
    for task in tasks:
        seconds = sum(_overlap(task, window) for window in windows)
        held[task.model] = held.get(task.model, 0) + seconds * task.held_milli
    return held


def _overlap(task: Task, window: Window) -> int:
    return max(0, min(task.end, window[1]) - max(task.start, window[0]))


def _by_class(figures: dict[str, int], trace: Trace) -> Capacity:
    """Figures by device model, summed over each class."""
    sums = [0, 0, 0]
    for name, figure in figures.items():
        sums[trace.models[name].compute_class] += figure
    return sums[ComputeClass.GENERAL], sums[ComputeClass.INTELLIGENT], sums[ComputeClass.SUPER]


def _said(windows: Sequence[Window]) -> str:
    return " and ".join([f"{start} to {end}" for start, end in windows])


def _speed_notes(replayed: int, lived: int) -> tuple[str, ...]:
    if replayed == lived:
        return ()
    return (f"{replayed} s of the trace are replayed in {lived} s: {replayed / lived:g} times the speed of life",)
