"""The `accounting` meter: a facility's scheduler records, as they come or replayed as if they came now.

By class, rounded down once:

    operations = floor( Σ over models: busy thousandths of device-seconds × ops/s of the model / 1000 )

*Live*, the records' times are Unix time, and the file is read again whenever it changed: whoever writes it (a timer
that runs `sacct`, say) writes it anew soon after each epoch. What lies after the file was written is not observed yet,
and counts as no output. *Replayed*, epoch e shows `span` seconds of the trace from second (offset + e × span), wrapping
around at its end. By default `span` is the epoch's length, so that a second of the trace is a second of life. Another
span is another speed, and the measurement then says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sbi_network.meter.errors import NotMeasuredError, TraceError
from sbi_network.meter.evidence import Witness
from sbi_network.meter.measurement import Capacity, ClassFigures, EpochSpan, Figures, Measurement
from sbi_network.meter.record_files import Columns, RecordForm, read_csv, read_sacct
from sbi_network.meter.records import WHOLE_SHARE_MILLI, DeviceModel, Record, Records, Summary, counted_records
from sbi_network.protocol.units import ComputeClass

Window = tuple[int, int]
"""Seconds [start, end) of the records' time."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Where an epoch lies in a trace of `seconds`. `span` None: as long as the epoch."""

    seconds: int
    offset: int = 0
    span: int | None = None

    def windows(self, span: EpochSpan) -> list[Window]:
        """The parts of the trace that an epoch replays: two where it wraps around, more where it is longer."""
        length = self.span if self.span is not None else span.seconds
        start = (self.offset + span.epoch * length) % self.seconds
        windows = []
        while length > 0:
            end = min(start + length, self.seconds)
            windows.append((start, end))
            length -= end - start
            start = 0
        return windows


class RecordSource(Protocol):
    """Where records come from."""

    @property
    def models(self) -> Mapping[str, DeviceModel]:
        """The device table."""

    def current(self) -> tuple[Records, int]:
        """The records as they are now, and the second at which they were written. Raises TraceError."""


class RecordFile:
    """A file of records, read again when it changed. `columns` of a CSV file; None for sacct's output."""

    def __init__(
        self, path: Path, columns: Columns | None, tres: str, form: RecordForm, trace_seconds: int | None
    ) -> None:
        self._path, self._columns, self._tres, self._form = path, columns, tres, form
        self._trace_seconds = trace_seconds
        self._read: tuple[tuple[int, int], Records] | None = None

    @property
    def models(self) -> Mapping[str, DeviceModel]:
        """The device table."""
        return self._form.models

    def current(self) -> tuple[Records, int]:
        """The records as they are now, and the second at which they were written. Raises TraceError."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise TraceError([f"{self._path}: cannot be read ({error.strerror})"]) from None
        version = (status.st_mtime_ns, status.st_size)
        if self._read is None or self._read[0] != version:
            self._read = version, self._records(int(status.st_mtime))
        return self._read[1], int(status.st_mtime)

    def _records(self, written: int) -> Records:
        summary = Summary()
        form = RecordForm(
            self._form.models,
            self._form.aliases,
            self._form.zone,
            running_until=None if self._trace_seconds is not None else written,
        )
        given = self._lines(form, summary)
        return counted_records(given, form.models, summary, self._path.name, self._trace_seconds)

    def _lines(self, form: RecordForm, summary: Summary) -> Iterable[Record]:
        if self._columns is None:
            return read_sacct(self._path, self._tres, form, summary)
        return read_csv(self._path, self._columns, form, summary)


class AccountingMeter:
    """Meters a facility by its scheduler's records. Without a `replay` their times are the network's own, `now`."""

    kind = "accounting"

    def __init__(
        self,
        source: RecordSource,
        replay: Replay | None,
        now: Callable[[], float] | None = None,
        settle_seconds: float = 0.0,
    ) -> None:
        self._source = source
        self._replay = replay
        self._now = now
        self._settle_seconds = settle_seconds

    def capacity(self) -> Capacity:
        """What the devices of the table sustain together."""
        models = self._source.models.values()
        return _by_class({m.name: m.devices * m.ops_per_second for m in models}, self._source.models)

    async def run(self, stop: asyncio.Event) -> None:
        """There is nothing to observe: the scheduler does."""
        await stop.wait()

    async def measure(self, span: EpochSpan) -> Measurement:
        """The output of a span by the records. Raises NotMeasuredError and TraceError."""
        if self._now is not None:
            await asyncio.sleep(max(0.0, span.end + self._settle_seconds - self._now()))
        records, written = await asyncio.to_thread(self._source.current)
        if self._replay is not None:
            windows, covered = self._replay.windows(span), span.seconds
            notes = _speed_notes(sum(end - start for start, end in windows), span.seconds)
        else:
            covered = min(span.end, written) - span.start
            if covered <= 0:
                raise NotMeasuredError(f"epoch {span.epoch}: the records were written before it began")
            windows, notes = [(span.start, span.start + covered)], _late_notes(covered, span.seconds)
        return Measurement(
            span=span,
            method=f"accounting: {records.count:,} task records; {_said(windows)}",
            figures=self._figures(records, windows),
            covered_ms=covered * 1000,
            samples=sum(curve.records(*window) for curve in records.curves.values() for window in windows),
            notes=(*notes, *records.notes),
            witness=Witness.SCHEDULE,
        )

    async def offer(self) -> Sequence[str]:
        """The records, what is left out of them, and the devices."""
        records, _ = await asyncio.to_thread(self._source.current)
        models = self._source.models.values()
        devices = [
            f"{m.devices:,} × {m.name}: {m.compute_class.name.lower()}, {m.ops_per_second / 1e12:,.3f} Top/s each"
            for m in models
        ]
        return [f"{records.count:,} task records that count", *records.notes, *devices]

    def _figures(self, records: Records, windows: Sequence[Window]) -> Figures:
        """From thousandths of device-seconds by model. The division is the last step."""
        seconds = sum(end - start for start, end in windows)
        milli_operations = {
            model: sum(curve.milli_seconds(*window) for window in windows) * records.models[model].ops_per_second
            for model, curve in records.curves.items()
        }
        general, intelligent, super_ = (
            ClassFigures(
                capacity=capacity,
                utilisation_ppm=milli * 1000 // (capacity * seconds) if capacity else 0,
                operations=milli // WHOLE_SHARE_MILLI,
            )
            for capacity, milli in zip(self.capacity(), _by_class(milli_operations, records.models), strict=True)
        )
        return general, intelligent, super_


def _by_class(figures: Mapping[str, int], models: Mapping[str, DeviceModel]) -> Capacity:
    """Figures by device model, summed over each class."""
    sums = [0, 0, 0]
    for name, figure in figures.items():
        sums[models[name].compute_class] += figure
    return sums[ComputeClass.GENERAL], sums[ComputeClass.INTELLIGENT], sums[ComputeClass.SUPER]


def _said(windows: Sequence[Window]) -> str:
    return "seconds " + " and ".join([f"{start} to {end}" for start, end in windows])


def _speed_notes(replayed: int, lived: int) -> tuple[str, ...]:
    if replayed == lived:
        return ()
    return (f"{replayed} s of the trace are replayed in {lived} s: {replayed / lived:g} times the speed of life",)


def _late_notes(covered: int, seconds: int) -> tuple[str, ...]:
    if covered >= seconds:
        return ()
    return (f"the records were written {seconds - covered} s before the epoch's end: that time counts as no output",)
