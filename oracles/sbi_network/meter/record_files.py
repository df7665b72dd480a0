"""Files of task records: CSV with any columns, and what Slurm's `sacct --parsable2` prints.

Both are read line by line, a million lines in seconds; whatever is wrong with a line goes into the summary. Only a file
that cannot be read at all, or lacks a column, is refused.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final, TextIO

from sbi_network.meter.errors import TraceError
from sbi_network.meter.records import MOST_DEVICES, MOST_SECONDS, WHOLE_SHARE_MILLI, DeviceModel, Record, Summary

NO_START = "never started: left out"
NO_END = "has no end: left out"
NO_LENGTH = "ends when it starts: left out"
NEGATIVE = "ends before it starts: left out"
NO_DEVICE = "holds no device: left out"
NO_FIGURE = "has a figure that is no number in its range: left out"
WRONG_FIELDS = "has another number of fields than the header: left out"
STEP = "is a step of a job, counted with the job: left out"

_NONE: Final = frozenset({"", "unknown", "none", "null", "nan", "n/a", "-"})
_NUMBER: Final = re.compile(r"(-?[0-9]{1,15})(?:\.([0-9]{0,9}))?")
_MAX_DIGITS: Final = 15
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of a CSV file's columns. Without one for devices a line is one device; without a share, whole ones."""

    task: str = "task"
    model: str = "device_model"
    devices: str | None = "devices"
    share_milli: str | None = "share_milli"
    start: str = "start"
    end: str = "end"

    def needed(self) -> list[str]:
        """All that are named."""
        each = (self.task, self.model, self.devices, self.share_milli, self.start, self.end)
        return [name for name in each if name is not None]


@dataclass(frozen=True, slots=True)
class RecordForm:
    """How a file is read: `aliases` turn what it says into models of the table, `zone` places times without a zone,
    `running_until` is the second up to which a task that is said to run did so (None: it does not count)."""

    models: Mapping[str, DeviceModel]
    aliases: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None
    running_until: int | None = None

    def model_of(self, text: str) -> str | None:
        """The table's model for what a record says; None where there is none."""
        name = self.aliases.get(text, text)
        return name if name in self.models else None


class _LeftOutError(Exception):
    """Why a line is left out."""


def read_csv(path: Path, columns: Columns, form: RecordForm, summary: Summary) -> Iterator[Record]:
    """The records of a CSV file. Raises TraceError."""
    with _opened(path) as file:
        lines = _csv_lines(file)
        places = _places(path, next(lines, (1, []))[1], columns.needed())
        take = _csv_taker(places, columns, form)
        for number, fields in lines:
            yield from _tried(take, fields, len(places.header), number, summary)


def read_sacct(path: Path, tres: str, form: RecordForm, summary: Summary) -> Iterator[Record]:
    """The jobs in what `sacct --parsable2 --format=JobIDRaw,State,Start,End,AllocTRES` printed. Raises TraceError.

    `tres` is what counts as a device: `gres/gpu` (a model by its type, `gres/gpu:a100=2`), `cpu` or `node`. Steps of a
    job (`123.batch`) hold what the job holds and are left out.
    """
    with _opened(path) as file:
        header = next(file, "").rstrip("\r\n").split("|")
        job = "JobIDRaw" if "JobIDRaw" in header else "JobID"
        places = _places(path, header, [job, "State", "Start", "End", "AllocTRES"])
        take = _sacct_taker(places, job, tres, form)
        for number, line in enumerate(file, start=2):
            if line.strip():
                yield from _tried(take, line.rstrip("\r\n").split("|"), len(places.header), number, summary)


def _csv_lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Lines with their numbers. One that is no CSV has no fields, so that it is left out for that."""
    rows = csv.reader(file)
    while True:
        try:
            fields = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield rows.line_num, []
            continue
        if fields:
            yield rows.line_num, fields


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each column is."""

    header: Sequence[str]
    of: Mapping[str, int]


_Taker = Callable[[Sequence[str], int], Sequence[Record]]


def _places(path: Path, header: Sequence[str], needed: Sequence[str]) -> _Places:
    clean = [name.strip().lstrip("\ufeff") for name in header]
    missing = [name for name in needed if name not in clean]
    if missing:
        given = ",".join(clean)[:_LONGEST_NAME]
        raise TraceError([f"{path}:1: the columns are {given!r}, which lack {', '.join(missing)}"])
    return _Places(clean, {name: clean.index(name) for name in needed})


def _tried(take: _Taker, fields: Sequence[str], width: int, line: int, summary: Summary) -> Sequence[Record]:
    summary.lines += 1
    if len(fields) != width:
        summary.add(WRONG_FIELDS, line)
        return ()
    try:
        return take(fields, line)
    except _LeftOutError as reason:
        summary.add(str(reason), line)
        return ()


def _csv_taker(places: _Places, columns: Columns, form: RecordForm) -> _Taker:
    at = places.of
    task, model, start, end = at[columns.task], at[columns.model], at[columns.start], at[columns.end]
    devices = None if columns.devices is None else at[columns.devices]
    share = None if columns.share_milli is None else at[columns.share_milli]

    def take(fields: Sequence[str], line: int) -> Sequence[Record]:
        begin, finish = _span(fields[start], fields[end], form, runs=False)
        count = 1 if devices is None else _figure(fields[devices], MOST_DEVICES)
        milli = WHOLE_SHARE_MILLI if share is None else _figure(fields[share], WHOLE_SHARE_MILLI)
        if count * milli == 0:
            raise _LeftOutError(NO_DEVICE)
        name = _model(fields[model].strip(), form)
        return (Record(fields[task][:_LONGEST_NAME], name, begin, finish, count * milli, line),)

    return take


def _sacct_taker(places: _Places, job: str, tres: str, form: RecordForm) -> _Taker:
    at = places.of

    def take(fields: Sequence[str], line: int) -> Sequence[Record]:
        name = fields[at[job]][:_LONGEST_NAME]
        if "." in name:
            raise _LeftOutError(STEP)
        runs = fields[at["State"]].split(" ")[0] == "RUNNING"
        begin, finish = _span(fields[at["Start"]], fields[at["End"]], form, runs=runs)
        held = _held(fields[at["AllocTRES"]], tres)
        if not held:
            raise _LeftOutError(NO_DEVICE)
        return [
            Record(name, _model(kind, form), begin, finish, count * WHOLE_SHARE_MILLI, line)
            for kind, count in held.items()
        ]

    return take


def _held(text: str, tres: str) -> dict[str, int]:
    """Devices by type in `billing=8,cpu=8,gres/gpu:a100=2,gres/gpu=2`. What has no type goes by the name of `tres`."""
    typed: dict[str, int] = {}
    whole = 0
    for part in text.split(","):
        name, _, figure = part.partition("=")
        if name == tres:
            whole = _figure(figure, MOST_DEVICES)
        elif name.startswith(tres + ":"):
            kind = name.removeprefix(tres + ":")
            typed[kind] = typed.get(kind, 0) + _figure(figure, MOST_DEVICES)
    rest = whole - sum(typed.values())
    if rest > 0:
        typed[tres] = rest
    return {kind: count for kind, count in typed.items() if count}


def _span(start: str, end: str, form: RecordForm, *, runs: bool) -> tuple[int, int]:
    """Whole seconds within what the record says: the start rounded up, the end down."""
    begin, finish = _second(start, form, up=True), _second(end, form, up=False)
    if begin is None:
        raise _LeftOutError(NO_START)
    if finish is None:
        if not runs or form.running_until is None:
            raise _LeftOutError(NO_END)
        finish = form.running_until
    if finish < begin:
        raise _LeftOutError(NEGATIVE)
    if finish == begin:
        raise _LeftOutError(NO_LENGTH)
    return begin, finish


def _second(text: str, form: RecordForm, *, up: bool) -> int | None:
    """A time as a second: a number of seconds, or ISO 8601. None where there is none."""
    if _is_whole(text):  # as nearly all are
        return _in_range(int(text), MOST_SECONDS)
    text = text.strip()
    if text.lower() in _NONE:
        return None
    number = _NUMBER.fullmatch(text)
    if number is not None:
        whole, part = int(number[1]), int(number[2] or 0)
        second = whole + (0 if not part else _towards(text, up=up))
    else:
        second = _iso_second(text, form, up=up)
    if abs(second) > MOST_SECONDS:
        raise _LeftOutError(NO_FIGURE)
    return second


def _towards(text: str, *, up: bool) -> int:
    """What a fraction of a second adds to the integer part, which was cut towards zero."""
    negative = text.startswith("-")
    return (0 if negative else 1) if up else (-1 if negative else 0)


def _iso_second(text: str, form: RecordForm, *, up: bool) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _LeftOutError(NO_FIGURE) from None
    if moment.tzinfo is None:
        if form.zone is None:
            raise _LeftOutError("has a time without a zone, and none is configured: left out")
        moment = moment.replace(tzinfo=form.zone)
    second = int(moment.replace(microsecond=0).timestamp())
    return second + int(up and moment.microsecond > 0)


def _figure(text: str, most: int) -> int:
    if _is_whole(text):
        return _in_range(int(text), most)
    number = _NUMBER.fullmatch(text.strip())
    if number is None or int(number[2] or 0) or not int(number[1]) >= 0:
        raise _LeftOutError(NO_FIGURE)
    return _in_range(int(number[1]), most)


def _is_whole(text: str) -> bool:
    """Plain digits: isdecimal alone also takes those of other scripts, and a length limit keeps int() quick."""
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS


def _in_range(figure: int, most: int) -> int:
    if figure > most:
        raise _LeftOutError(NO_FIGURE)
    return figure


def _model(text: str, form: RecordForm) -> str:
    name = form.model_of(text)
    if name is None:
        raise _LeftOutError(f"device model {text[:40]!r} is not in the device table: left out")
    return name


def _opened(path: Path) -> TextIO:
    """Bytes that are no UTF-8 are no reason to refuse a file: they stand in names, if anywhere."""
    try:
        return path.open(encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise TraceError([f"{path}: cannot be read ({error.strerror})"]) from error
