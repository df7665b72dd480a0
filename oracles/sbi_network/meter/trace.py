"""Task accounting from CSV files: strict in what it counts, and it says what it does not count.

Two files. The tasks, in any order, with times in whole seconds from the start of the trace, `end` being the first
second that the task no longer ran, `share_milli` the thousandths of each device that it held:

    task,device_model,devices,share_milli,start,end

and the devices installed, with what one of them sustains at its class's precision:

    device_model,compute_class,devices,ops_per_second

| found | then |
|---|---|
| missing or unknown column, a line of another length, a figure that is no integer or out of range | refused |
| a device model that the table does not have, or has twice | refused |
| `end` before `start` | refused |
| the same task twice on the same model at the same time, in lines that differ | refused |
| more devices in use at one time than the table has | refused |
| a line that repeats another exactly | counted once, said |
| no `end` (the task was still running, or its end was lost) | not counted, said |
| `end` equal to `start` | not counted, said |
| a part before second 0 or after the trace's length | that part is not counted, said |
| lines not in order of `start` | sorted, said once |

All faults of a file are reported at once, each as `file:line: reason`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from sbi_network.meter.errors import TraceError
from sbi_network.protocol.units import ComputeClass

TASK_COLUMNS = ("task", "device_model", "devices", "share_milli", "start", "end")
DEVICE_COLUMNS = ("device_model", "compute_class", "devices", "ops_per_second")

WHOLE_SHARE_MILLI = 1000
_MAX_FIGURE = 2**63 - 1
_MAX_DIGITS = 19


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """One line of the device table."""

    name: str
    compute_class: ComputeClass
    devices: int
    ops_per_second: int


@dataclass(frozen=True, slots=True)
class Task:
    """One line of accounting that counts, within the trace: `devices` × `share_milli` held in [start, end)."""

    name: str
    model: str
    devices: int
    share_milli: int
    start: int
    end: int
    line: int

    @property
    def held_milli(self) -> int:
        """Thousandths of a device held at any moment of it."""
        return self.devices * self.share_milli


@dataclass(frozen=True, slots=True)
class Trace:
    """Accounting that can be counted. `tasks` are in order of start; `notes` say what was left out, by line."""

    tasks: tuple[Task, ...]
    models: Mapping[str, DeviceModel]
    seconds: int
    notes: tuple[str, ...]


def read_trace(tasks: Path, devices: Path, seconds: int) -> Trace:
    """Read both files of a trace of this length. Raises TraceError."""
    models = _read_models(devices)
    reader = _TaskReader(tasks, models, seconds)
    return Trace(reader.read(), models, seconds, tuple(reader.notes))


class _FaultError(Exception):
    """Why one line is refused."""


def _read_models(path: Path) -> dict[str, DeviceModel]:
    models: dict[str, DeviceModel] = {}
    faults: list[str] = []
    for line, row in _rows(path, DEVICE_COLUMNS, faults):
        try:
            model = _model(row)
            if model.name in models:
                raise _FaultError(f"device model {model.name!r} is in the table already")
            models[model.name] = model
        except _FaultError as fault:
            faults.append(f"{path}:{line}: {fault}")
    if not models and not faults:
        faults.append(f"{path}:1: no device model in the table")
    if faults:
        raise TraceError(faults)
    return models


def _model(row: Mapping[str, str]) -> DeviceModel:
    try:
        compute_class = ComputeClass[row["compute_class"].upper()]
    except KeyError:
        known = ", ".join(c.name.lower() for c in ComputeClass)
        raise _FaultError(f"compute_class is {row['compute_class']!r}, expected one of {known}") from None
    devices, ops = _figure(row, "devices", 1), _figure(row, "ops_per_second", 1)
    return DeviceModel(_name(row, "device_model"), compute_class, devices, ops)


class _TaskReader:
    """Reads one file of tasks; collects faults and notes on the way."""

    def __init__(self, path: Path, models: Mapping[str, DeviceModel], seconds: int) -> None:
        self._path = path
        self._models = models
        self._seconds = seconds
        self._faults: list[str] = []
        self._first_lines: dict[tuple[str, ...], int] = {}
        self.notes: list[str] = []

    def read(self) -> tuple[Task, ...]:
        """The tasks that count, in order of start. Raises TraceError."""
        tasks = list(self._counted(_rows(self._path, TASK_COLUMNS, self._faults)))
        self._note_disorder(tasks)
        tasks.sort(key=lambda task: (task.start, task.line))
        self._refuse_doubles(tasks)
        self._refuse_excess(tasks)
        if self._faults:
            raise TraceError(self._faults)
        return tuple(tasks)

    def _counted(self, rows: Iterable[tuple[int, Mapping[str, str]]]) -> Iterator[Task]:
        for line, row in rows:
            first = self._first_lines.setdefault(tuple(row.values()), line)
            if first != line:
                self._note(line, f"repeats line {first} exactly: counted once")
                continue
            try:
                task = self._task(line, row)
            except _FaultError as fault:
                self._fault(line, str(fault))
                continue
            if task is not None:
                yield task

    def _task(self, line: int, row: Mapping[str, str]) -> Task | None:
        """The task of a line; None, with a note, where there is nothing to count."""
        name, model = _name(row, "task"), self._models.get(row["device_model"])
        if model is None:
            raise _FaultError(f"device model {row['device_model']!r} is not in the device table")
        devices = _figure(row, "devices", 1, model.devices)
        share = _figure(row, "share_milli", 1, WHOLE_SHARE_MILLI)
        start = _figure(row, "start", -_MAX_FIGURE)
        if row["end"] == "":
            self._note(line, f"task {name!r} has no end: not counted")
            return None
        end = _figure(row, "end", -_MAX_FIGURE)
        if end < start:
            raise _FaultError(f"task {name!r} ends at {end}, before its start at {start}")
        if end == start:
            self._note(line, f"task {name!r} has no length: not counted")
            return None
        return self._within(Task(name, model.name, devices, share, start, end, line))

    def _within(self, task: Task) -> Task | None:
        start, end = max(task.start, 0), min(task.end, self._seconds)
        if (start, end) == (task.start, task.end):
            return task
        part = "the part within counts" if start < end else "not counted"
        self._note(task.line, f"task {task.name!r} reaches out of the trace's {self._seconds} s: {part}")
        if start >= end:
            return None
        return Task(task.name, task.model, task.devices, task.share_milli, start, end, task.line)

    def _note_disorder(self, tasks: Sequence[Task]) -> None:
        for earlier, later in pairwise(tasks):
            if later.start < earlier.start:
                self._note(later.line, f"starts before line {earlier.line}: the file is not in order, and was sorted")
                return

    def _refuse_doubles(self, tasks: Sequence[Task]) -> None:
        """A task counts once at a time on a model; it may use several models at a time, and come back later."""
        running: dict[tuple[str, str], Task] = {}
        for task in tasks:
            last = running.get((task.name, task.model))
            if last is not None and task.start < last.end:
                self._fault(task.line, f"task {task.name!r} on {task.model!r} overlaps itself in line {last.line}")
            if last is None or task.end > last.end:
                running[(task.name, task.model)] = task

    def _refuse_excess(self, tasks: Sequence[Task]) -> None:
        by_model: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            by_model[task.model].append(task)
        for name, using in by_model.items():
            self._refuse_excess_of(self._models[name], using)

    def _refuse_excess_of(self, model: DeviceModel, tasks: Sequence[Task]) -> None:
        """Walk through starts and ends in order of time, ends first; the fault is at the line that goes too far."""
        changes = [(task.end, 0, -task.held_milli, task.line) for task in tasks]
        changes += [(task.start, 1, task.held_milli, task.line) for task in tasks]
        held = 0
        for at, _, change, line in sorted(changes):
            held += change
            if change > 0 and held > model.devices * WHOLE_SHARE_MILLI:
                used = f"{held / WHOLE_SHARE_MILLI:g} of {model.devices} devices {model.name!r}"
                self._fault(line, f"at second {at} the tasks hold {used}")
                return

    def _fault(self, line: int, reason: str) -> None:
        self._faults.append(f"{self._path}:{line}: {reason}")

    def _note(self, line: int, reason: str) -> None:
        self.notes.append(f"{self._path}:{line}: {reason}")


def _rows(path: Path, columns: tuple[str, ...], faults: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines with their numbers, counted from 1 as editors do. Lines that are no rows go to `faults`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from _rows_of(file, path, columns, faults)
    except OSError as error:
        raise TraceError([f"{path}: cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise TraceError([f"{path}: is not UTF-8 text ({error.reason})"]) from error


def _rows_of(
    file: Iterable[str], path: Path, columns: tuple[str, ...], faults: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(file, strict=True)
    try:
        header = tuple(next(reader, ()))
        if sorted(header) != sorted(columns):
            raise TraceError([f"{path}:1: the columns are {','.join(header)!r}, expected {','.join(columns)}"])
        for fields in reader:
            if len(fields) == len(header):
                yield reader.line_num, dict(zip(header, fields, strict=True))
            elif fields:
                faults.append(f"{path}:{reader.line_num}: {len(fields)} fields, expected {len(header)}")
    except csv.Error as error:
        faults.append(f"{path}:{reader.line_num}: {error}")


def _name(row: Mapping[str, str], column: str) -> str:
    if not row[column].strip():
        raise _FaultError(f"{column} is empty")
    return row[column]


def _figure(row: Mapping[str, str], column: str, least: int, most: int = _MAX_FIGURE) -> int:
    text = row[column]
    digits = text.removeprefix("-")
    # isdecimal alone also takes digits of other scripts; a length limit keeps int() quick.
    value = int(text) if digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS else None
    if value is None or not least <= value <= most:
        raise _FaultError(f"{column} is {text[:40]!r}, expected an integer from {least} to {most}")
    return value
