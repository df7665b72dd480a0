"""Sorting more rows than memory holds.

Rows are of a fixed width and sorted as bytes, from the left. Many tasks each write a sorted *run*; splitters taken from
samples at regular places of all runs cut every run into parts; another task each gathers one part from all runs and
sorts it (parallel sorting by regular sampling, Shi and Schaeffer 1992). However the input is distributed, a part of
distinct rows is at most one `stride` a run larger than its even share.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sbi_network.roll.compiled import compiled

Rows = npt.NDArray[np.uint8]
"""Rows of bytes: shape (rows, width)."""

_SMALL_TIE: Final = 32


@compiled
def _first_words(rows: Any, words: Any) -> None:
    for row in range(rows.shape[0]):
        word = np.uint64(0)
        for byte in range(8):
            word = word << np.uint64(8) | np.uint64(rows[row, byte])
        words[row] = word


@compiled
def _compare(left: Any, right: Any) -> int:
    for byte in range(right.shape[0]):
        if left[byte] != right[byte]:
            return -1 if left[byte] < right[byte] else 1
    return 0


@compiled
def _settle_ties(rows: Any, words: Any, order: Any, limit: int) -> bool:
    """Put rows of equal first words in order by what follows. False if there are more in a tie than `limit`."""
    start = 0
    for place in range(1, order.shape[0]):
        if words[order[place]] != words[order[place - 1]]:
            start = place
            continue
        if place - start >= limit:
            return False
        moving, hole = order[place], place
        while hole > start and _compare(rows[order[hole - 1]], rows[moving]) > 0:
            order[hole] = order[hole - 1]
            hole -= 1
        order[hole] = moving
    return True


def sort_rows(rows: Rows) -> Rows:
    """The rows in ascending order. At least 8 bytes wide."""
    words = np.empty(len(rows), np.uint64)
    _first_words(rows, words)
    order = np.argsort(words)
    if not _settle_ties(rows, words, order, _SMALL_TIE):
        order = _order_by_all(rows)
    return np.take(rows, order, axis=0)


def _order_by_all(rows: Rows) -> npt.NDArray[np.intp]:
    """Slower, and fast enough where many rows begin alike."""
    width = -(-rows.shape[1] // 8) * 8
    padded = np.zeros((len(rows), width), np.uint8)
    padded[:, : rows.shape[1]] = rows
    columns = padded.view(">u8").astype(np.uint64)
    order: npt.NDArray[np.intp] = np.lexsort(columns.T[::-1])
    return order


@compiled
def _repeats(rows: Any, key_bytes: int, found: Any) -> int:
    count = 0
    for row in range(1, rows.shape[0]):
        found[row] = _compare(rows[row], rows[row - 1, :key_bytes]) == 0
        count += found[row]
    return count


def repeats(rows: Rows, key_bytes: int) -> npt.NDArray[np.bool_]:
    """Of sorted rows: whether each has the key of the one before. The key is the row's first bytes."""
    found = np.zeros(len(rows), np.bool_)
    _repeats(rows, key_bytes, found)
    return found


@compiled
def _lower_bound(rows: Any, key: Any, low: int, high: int) -> int:
    """The first row from `low` to `high` that is not below the key."""
    while low < high:
        middle = (low + high) // 2
        if _compare(rows[middle], key) < 0:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _lower_bounds(rows: Any, keys: Any, found: Any) -> None:
    low = 0
    for place in range(keys.shape[0]):
        # Keys ascend: the next one is looked for from the last one on, in steps that double.
        step, high = 1, low
        while high < rows.shape[0] and _compare(rows[high], keys[place]) < 0:
            low = high + 1
            high += step
            step *= 2
        low = _lower_bound(rows, keys[place], low, min(high, rows.shape[0]))
        found[place] = low


def lower_bounds(rows: Rows, keys: Rows) -> npt.NDArray[np.int64]:
    """For each of the ascending keys: how many of the sorted rows begin with less."""
    found = np.empty(len(keys), np.int64)
    _lower_bounds(rows, keys, found)
    return found


def mapped(path: Path, width: int) -> Rows:
    """A file of rows, read where it is looked at."""
    if path.stat().st_size == 0:
        return np.empty((0, width), np.uint8)
    return np.asarray(np.memmap(path, np.uint8, "r")).reshape(-1, width)


def read_rows(path: Path, width: int, begin: int = 0, end: int | None = None) -> Rows:
    """Rows `begin` to `end` of a file."""
    stop = path.stat().st_size // width if end is None else end
    rows = np.empty((stop - begin, width), np.uint8)
    with path.open("rb", buffering=0) as file:
        _read_into(file.fileno(), rows, begin * width)
    return rows


def write_rows(path: Path, rows: Rows) -> None:
    """Write a file of rows; it is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with unfinished.open("wb", buffering=0) as file:
        _write_all(file.fileno(), rows, 0)
    unfinished.replace(path)


def put_rows(path: Path, rows: Rows, first: int) -> None:
    """Write rows into a file that is there, from row `first` on."""
    with path.open("r+b", buffering=0) as file:
        _write_all(file.fileno(), rows, first * rows.shape[1])


def choose_splitters(runs: Sequence[Path], width: int, key_bytes: int, parts: int, stride: int) -> Rows:
    """At most `parts` - 1 ascending keys that cut all runs together into even parts. Samples: every `stride`-th row."""
    samples = [mapped(run, width)[stride // 2 :: stride, :key_bytes] for run in runs]
    ordered = sort_rows(np.concatenate(samples)) if samples else np.empty((0, key_bytes), np.uint8)
    places = np.arange(1, parts) * len(ordered) // parts
    chosen = ordered[places] if len(ordered) else ordered
    return chosen[~repeats(chosen, key_bytes)]


def cut(runs: Sequence[Path], width: int, splitters: Rows) -> npt.NDArray[np.int64]:
    """Where each run is cut: shape (runs, parts + 1), from 0 to the run's rows."""
    cuts = np.empty((len(runs), len(splitters) + 2), np.int64)
    for number, run in enumerate(runs):
        rows = mapped(run, width)
        cuts[number, 0], cuts[number, -1] = 0, len(rows)
        cuts[number, 1:-1] = lower_bounds(rows, splitters)
    return cuts


def gather(runs: Iterable[Path], width: int, begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Rows:
    """One part, sorted: of each run the rows from `begins` to `ends`."""
    rows = np.empty((int((ends - begins).sum()), width), np.uint8)
    done = 0
    for run, begin, end in zip(runs, begins.tolist(), ends.tolist(), strict=True):
        if begin < end:
            with run.open("rb", buffering=0) as file:
                _read_into(file.fileno(), rows[done : done + end - begin], begin * width)
            done += end - begin
    return sort_rows(rows)


def _read_into(file: int, rows: Rows, offset: int) -> None:
    view = rows.reshape(-1).data
    while view:
        read = os.preadv(file, [view], offset)
        if read == 0:
            raise EOFError(f"a file of rows ends {len(view)} bytes early")
        view, offset = view[read:], offset + read


def _write_all(file: int, rows: Rows, offset: int) -> None:
    view = np.ascontiguousarray(rows).reshape(-1).data
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
