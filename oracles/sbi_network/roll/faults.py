"""What can be wrong with the lines of a roll, and how it is told: by file and line, never by what is in the line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, TextIO

from sbi_network.roll.rows import PLACE_BITS

REPORT_SUFFIX: Final = ".faults.csv"

KEPT_A_TASK: Final = 20_000
"""Faults that one task remembers; beyond that it counts."""

_READ_BYTES: Final = 1 << 24


class FaultKind(IntEnum):
    """Everything a line can be refused for. The numbers are what the compiled parser returns."""

    NONE = 0
    COLUMNS = 1
    ACCOUNT = 2
    CHECKSUM = 3
    ZERO_ACCOUNT = 4
    REGION = 5
    PERSON = 6
    ZERO_PERSON = 7
    LINE_END = 8
    NOT_ASCII = 9
    BYTE_ORDER_MARK = 10
    NO_VALUE = 11
    ACCOUNT_TWICE = 12
    PERSON_TWICE = 13


EXPLANATIONS: Final = {
    FaultKind.COLUMNS: "is not account,region,person, without spaces or quotes",
    FaultKind.ACCOUNT: "the account is not 0x and 40 hexadecimal digits",
    FaultKind.CHECKSUM: "the account's EIP-55 checksum (its capitals) is wrong or missing",
    FaultKind.ZERO_ACCOUNT: "the account is the zero address",
    FaultKind.REGION: "the region is not a number from 0 to 4294967295 without leading zeros",
    FaultKind.PERSON: "the person is not 0x and 64 lower-case hexadecimal digits",
    FaultKind.ZERO_PERSON: "the person commitment is zero",
    FaultKind.LINE_END: "the line ends otherwise than the header's (LF here, CRLF there), or holds a lone CR",
    FaultKind.NOT_ASCII: "holds bytes that are no ASCII: a part in another encoding?",
    FaultKind.BYTE_ORDER_MARK: "begins with a byte-order mark: two files joined?",
    FaultKind.NO_VALUE: "a value is missing (null)",
    FaultKind.ACCOUNT_TWICE: "the same account as",
    FaultKind.PERSON_TWICE: "the same person as",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the line at `source`; of a repeat also where it was `first`: a source, or words."""

    kind: FaultKind
    source: int
    first: int | str | None = None

    def to_json(self) -> list[Any]:
        """As a task records it."""
        return [int(self.kind), self.source, self.first]

    @classmethod
    def from_json(cls, given: Sequence[Any]) -> Fault:
        """As a task recorded it."""
        return cls(FaultKind(given[0]), given[1], given[2])


@dataclass(frozen=True, slots=True)
class ToldFault:
    """A fault as people read it. `line` counts from 1, of a Parquet file the rows."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def tell(faults: Sequence[Fault], files: Sequence[Path]) -> list[ToldFault]:
    """Faults with their files and lines, in order of these. Reads each file once, as far as the last fault in it."""
    places = {fault.source for fault in faults} | {fault.first for fault in faults if isinstance(fault.first, int)}
    lines = _lines(places, files)

    def where(source: int) -> tuple[str, int]:
        return str(files[source >> PLACE_BITS]), lines[source]

    def told(fault: Fault) -> ToldFault:
        text = EXPLANATIONS[fault.kind]
        if fault.first is not None:
            text += " " + (fault.first if isinstance(fault.first, str) else ":".join(map(str, where(fault.first))))
        return ToldFault(*where(fault.source), text)

    return sorted((told(fault) for fault in faults), key=lambda fault: (fault.file, fault.line, fault.text))


def write_report(stream: TextIO, faults: Iterable[ToldFault]) -> None:
    """As CSV, one fault a line."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("file", "line", "fault"))
    writer.writerows((fault.file, fault.line, fault.text) for fault in faults)


def is_parquet(path: Path) -> bool:
    """By its name: what a file begins with is checked when it is read."""
    return path.suffix.lower() in {".parquet", ".pq"}


def _lines(sources: Iterable[int], files: Sequence[Path]) -> dict[int, int]:
    by_file: dict[int, list[int]] = {}
    for source in sorted(sources):
        by_file.setdefault(source >> PLACE_BITS, []).append(source & ((1 << PLACE_BITS) - 1))
    lines = {}
    for number, places in by_file.items():
        counted = (place + 1 for place in places) if is_parquet(files[number]) else _count_lines(files[number], places)
        for place, line in zip(places, counted, strict=True):
            lines[number << PLACE_BITS | place] = line
    return lines


def _count_lines(path: Path, offsets: Sequence[int]) -> Iterator[int]:
    with path.open("rb") as file:
        line, position = 1, 0
        for offset in offsets:
            while position < offset:
                text = file.read(min(_READ_BYTES, offset - position))
                if not text:
                    break  # the file has shrunk since it was read
                line += text.count(b"\n")
                position += len(text)
            yield line
