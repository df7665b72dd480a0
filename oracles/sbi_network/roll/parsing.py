"""From text to rows of citizens, compiled. What is refused, and why, is `FaultKind`.

A line has no choices but the region's length, so that the parser looks at fixed places and needs no general CSV reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sbi_network.roll.compiled import compiled
from sbi_network.roll.faults import KEPT_A_TASK, Fault, FaultKind
from sbi_network.roll.keccak_lanes import mark_capitals
from sbi_network.roll.rows import CITIZEN_WIDTH, sources_of
from sbi_network.roll.sorting import Rows

HEADER: Final = b"account,region,person"

_ACCOUNT_CHARS: Final = 42
_PERSON_CHARS: Final = 66
SHORTEST_LINE: Final = _ACCOUNT_CHARS + 1 + 1 + 1 + _PERSON_CHARS + 1
LONGEST_LINE: Final = 1 << 16
"""A line is looked for its end only this far."""

_COMMA, _LF, _CR, _ZERO = 0x2C, 0x0A, 0x0D, 0x30
_MAX_REGION = 2**32 - 1

_COLUMNS = int(FaultKind.COLUMNS)
_ACCOUNT = int(FaultKind.ACCOUNT)
_ZERO_ACCOUNT = int(FaultKind.ZERO_ACCOUNT)
_REGION = int(FaultKind.REGION)
_PERSON = int(FaultKind.PERSON)
_ZERO_PERSON = int(FaultKind.ZERO_PERSON)
_LINE_END = int(FaultKind.LINE_END)
_NOT_ASCII = int(FaultKind.NOT_ASCII)
_BOM = int(FaultKind.BYTE_ORDER_MARK)

_NO_DIGIT = 0xFF


def _digit_values() -> npt.NDArray[np.uint8]:
    values = np.full(256, _NO_DIGIT, np.uint8)
    for value, sign in enumerate(b"0123456789abcdef"):
        values[sign] = value
    for value, sign in enumerate(b"ABCDEF", start=10):
        values[sign] = value
    return values


_DIGITS: Final = _digit_values()


@dataclass(frozen=True, slots=True)
class Parsed:
    """Citizens' rows; how many lines are faulty, and of the first of them `Fault`s."""

    rows: Rows
    faulty: int
    faults: list[Fault]


@compiled
def _take_account(text: Any, at: int, row: Any, marks: Any, number: int) -> int:
    """Fills 20 bytes; notes which digits are letters and which of these capitals, for the checksum."""
    if text[at] != _ZERO or text[at + 1] != 0x78:
        return _ACCOUNT
    letters, capitals, some = np.uint64(0), np.uint64(0), np.uint8(0)
    for digit in range(40):
        sign = text[at + 2 + digit]
        value = _DIGITS[sign]
        if value == _NO_DIGIT:
            return _ACCOUNT
        bit = np.uint64(1) << np.uint64(digit)
        if value > 9:
            letters |= bit
            if sign < 0x60:
                capitals |= bit
        some |= value
        if digit % 2 == 0:
            row[digit // 2] = value << 4
        else:
            row[digit // 2] |= value
    marks[number, 0], marks[number, 1] = letters, capitals
    return 0 if some else _ZERO_ACCOUNT


@compiled
def _take_person(text: Any, at: int, row: Any) -> int:
    if text[at] != _ZERO or text[at + 1] != 0x78:
        return _PERSON
    some = np.uint8(0)
    for byte in range(32):
        high, low = text[at + 2 + 2 * byte], text[at + 3 + 2 * byte]
        first, second = _DIGITS[high], _DIGITS[low]
        # Capitals lie from 0x41 to 0x5a, small letters above: one spelling for each commitment.
        if first == _NO_DIGIT or second == _NO_DIGIT or 0x40 < high < 0x60 or 0x40 < low < 0x60:
            return _PERSON
        row[20 + byte] = first << 4 | second
        some |= first | second
    return 0 if some else _ZERO_PERSON


@compiled
def _put_number(row: Any, begin: int, size: int, number: int) -> None:
    for byte in range(size):
        row[begin + byte] = number >> (8 * (size - 1 - byte)) & 0xFF


@compiled
def _take_line(text: Any, at: int, end: int, row: Any, marks: Any, number: int) -> int:
    """One line without its end. The kind of fault, or zero."""
    if end - at < SHORTEST_LINE - 1 or text[at + _ACCOUNT_CHARS] != _COMMA:
        return _COLUMNS
    kind = _take_account(text, at, row, marks, number)
    if kind:
        return kind
    place = at + _ACCOUNT_CHARS + 1
    region, begin = 0, place
    while place < end and _ZERO <= text[place] <= 0x39 and place - begin < 11:
        region = 10 * region + text[place] - _ZERO
        place += 1
    if place == end or text[place] != _COMMA:
        return _COLUMNS if place < end and place > begin else _REGION
    if place == begin or (text[begin] == _ZERO and place - begin > 1) or region > _MAX_REGION:
        return _REGION
    if end - place - 1 != _PERSON_CHARS:
        for other in range(place + 1, end):
            if text[other] == _COMMA:
                return _COLUMNS
        return _PERSON
    _put_number(row, 52, 4, region)
    return _take_person(text, place + 1, row)


@compiled
def _wrong_column(text: Any, at: int, end: int) -> int:
    """Of three columns the first that has another length than it should."""
    commas, first, second = 0, end, end
    for place in range(at, end):
        if text[place] == _COMMA:
            commas += 1
            if commas == 1:
                first = place
            elif commas == 2:
                second = place
    if commas != 2:
        return _COLUMNS
    if first != at + _ACCOUNT_CHARS:
        return _ACCOUNT
    return _PERSON if 1 < second - first <= 11 else _REGION


@compiled
def _finer_kind(text: Any, at: int, end: int, kind: int) -> int:
    """Where a line is no citizen: the cause that lies deeper, if one is seen."""
    if end - at >= 3 and text[at] == 0xEF and text[at + 1] == 0xBB and text[at + 2] == 0xBF:
        return _BOM
    for place in range(at, end):
        if text[place] >= 0x80 or text[place] == 0:
            return _NOT_ASCII
    for place in range(at, end):
        if text[place] == _CR:
            return _LINE_END
    return _wrong_column(text, at, end) if kind == _COLUMNS else kind


@compiled
def _parse(text: Any, begin: int, end: int, has_crlf: Any, source: int, rows: Any, marks: Any, faults: Any) -> Any:
    """Counts of citizens and of faults. `faults`: (n, 2), kind and source, as many as fit."""
    count, faulty, at = 0, 0, begin
    while at < end:
        stop = at + SHORTEST_LINE - 1
        if stop > text.shape[0]:
            stop = at
        else:
            for place in range(at, stop):
                if text[place] == _LF:
                    stop = place
                    break
        while stop < text.shape[0] and text[stop] != _LF:
            stop += 1
        finish = stop
        ends_crlf = stop > at and text[stop - 1] == _CR
        if ends_crlf:
            finish -= 1
        kind = _LINE_END if ends_crlf != has_crlf and (ends_crlf or stop < text.shape[0]) else 0
        if kind == 0:
            kind = _take_line(text, at, finish, rows[count], marks, count)
        if kind == 0:
            _put_number(rows[count], 56, 8, source + at)
            count += 1
        else:
            if faulty < faults.shape[0]:
                faults[faulty, 0] = _finer_kind(text, at, finish, kind)
                faults[faulty, 1] = source + at
            faulty += 1
        at = stop + 1
    return count, faulty


@compiled
def _parse_columns(accounts: Any, persons: Any, rows: Any, marks: Any, kinds: Any) -> None:
    for row in range(accounts.shape[0]):
        kind = _take_account(accounts[row], 0, rows[row], marks, row)
        if kind == 0:
            kind = _take_person(persons[row], 0, rows[row])
        kinds[row] = kind


def parse_lines(text: npt.NDArray[np.uint8], begin: int, end: int, source: int, *, has_crlf: bool) -> Parsed:
    """The citizens in the lines that begin from `begin` to before `end`; the text holds the last one whole.

    `source` is that of the text's first byte.
    """
    room = (end - begin) // SHORTEST_LINE + 2
    rows, marks = np.empty((room, CITIZEN_WIDTH), np.uint8), np.empty((room, 2), np.uint64)
    found = np.empty((KEPT_A_TASK, 2), np.int64)
    count, faulty = _parse(text, begin, end, has_crlf, source, rows, marks, found)
    kept = found[: min(faulty, KEPT_A_TASK)].tolist()
    return _checked(rows[:count], marks[:count], faulty, [Fault(FaultKind(kind), where) for kind, where in kept])


def parse_columns(accounts: Rows, persons: Rows, rows: Rows) -> Parsed:
    """Citizens whose region and source are in `rows` already; their accounts (n × 42) and persons (n × 66) as text."""
    marks, kinds = np.zeros((len(rows), 2), np.uint64), np.empty(len(rows), np.uint8)
    _parse_columns(accounts, persons, rows, marks, kinds)
    good = kinds == 0
    faults = faults_of(kinds[~good], sources_of(rows[~good]))
    return _checked(rows[good], marks[good], int((~good).sum()), faults)


def faults_of(kinds: npt.NDArray[np.uint8], sources: npt.NDArray[np.int64]) -> list[Fault]:
    """Faults of lines, no more than a task keeps."""
    kept = zip(kinds[:KEPT_A_TASK].tolist(), sources[:KEPT_A_TASK].tolist(), strict=True)
    return [Fault(FaultKind(kind), source) for kind, source in kept]


def _checked(rows: Rows, marks: npt.NDArray[np.uint64], faulty: int, faults: list[Fault]) -> Parsed:
    """Part from the rows those whose accounts are spelt otherwise than EIP-55 has it."""
    letters, capitals, expected = marks[:, 0], marks[:, 1], np.empty(len(rows), np.uint64)
    mark_capitals(rows, expected)
    matches = (expected & letters) == capitals
    if matches.all():
        return Parsed(rows, faulty, faults)
    wrong = rows[~matches]
    kinds = np.full(len(wrong), int(FaultKind.CHECKSUM), np.uint8)
    return Parsed(rows[matches], faulty + len(wrong), faults + faults_of(kinds, sources_of(wrong)))
