"""Whether a published roll is what its manifest says: every file against every other, down to the last byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from sbi_network.errors import RollError
from sbi_network.roll.compiled import compiled
from sbi_network.roll.keccak_lanes import hash_leaves, hash_pairs
from sbi_network.roll.layout import (
    LEAF_WIDTH,
    LEAVES,
    NODE_WIDTH,
    PERSONS,
    PERSONS_WIDTH,
    TREE,
    BatchEntry,
    Manifest,
    batch_folder,
    check_root,
    read_manifest,
)
from sbi_network.roll.rows import ACCOUNT_BYTES, PERSON_BYTES, number_column
from sbi_network.roll.sorting import Rows, mapped, read_rows
from sbi_network.roll.work import Progress

ROWS_A_CHECK: Final = 1 << 18

Check = Callable[[], None]


@compiled
def _first_disorder(rows: Any, key_bytes: int, sign: int) -> int:
    """The first row whose key does not come after the one before (ascending: sign 1); -1 if all do."""
    for row in range(1, rows.shape[0]):
        order = 0
        for byte in range(key_bytes):
            if rows[row, byte] != rows[row - 1, byte]:
                order = 1 if rows[row, byte] > rows[row - 1, byte] else -1
                break
        if order != sign:
            return row
    return -1


@compiled
def _above(rows: Any, row: int, sought: Any) -> bool:
    for byte in range(32):
        if rows[row, byte] != sought[byte]:
            return bool(rows[row, byte] > sought[byte])
    return False


@compiled
def _first_missing(level: Any, hashes: Any) -> int:
    """The first hash that is not in the descending level; -1 if all are.

    Hashes are even over their range, so that the search begins close by.
    """
    size = level.shape[0]
    for number in range(hashes.shape[0]):
        leading = np.uint64(0)
        for byte in range(8):
            leading = leading << np.uint64(8) | np.uint64(hashes[number, byte])
        place = min(int((1.0 - float(leading) / 18446744073709551616.0) * size), size - 1)
        low, high, step = place, place, 1
        while low > 0 and not _above(level, low - 1, hashes[number]):
            high, low = low, max(0, low - step)
            step *= 2
        high, step = max(high, low), 1
        while high < size and _above(level, high, hashes[number]):
            low, high = high, min(size, high + step)
            step *= 2
        while low < high:
            middle = (low + high) // 2
            if _above(level, middle, hashes[number]):
                low = middle + 1
            else:
                high = middle
        if low == size:
            return number
        for byte in range(32):
            if level[low, byte] != hashes[number, byte]:
                return number
    return -1


def verify_files(roll: Path, progress: Progress, workers: int) -> Manifest:
    """The manifest, when everything agrees with it. Raises RollError at the first thing that does not."""
    manifest = read_manifest(roll)
    checks = [check for batch in manifest.batches for check in _batch_checks(roll, batch)]
    checks += list(_person_checks(roll, manifest))
    progress.begin("checking the roll", len(checks), 0)
    with ThreadPoolExecutor(workers) as pool:
        try:
            for _ in pool.map(lambda check: check(), checks):
                progress.advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return manifest


def _batch_checks(roll: Path, batch: BatchEntry) -> Iterator[Check]:
    folder = batch_folder(roll, batch.number)
    leaves, tree = folder / LEAVES, folder / TREE
    yield lambda: check_root(roll, batch)
    for begin, end in _slices(batch.size):
        yield lambda begin=begin, end=end: _check_leaves(leaves, tree, batch.size, begin, end)  # type: ignore[misc]
    for begin, end in _slices(batch.size - 1):
        yield lambda begin=begin, end=end: _check_nodes(tree, begin, end)  # type: ignore[misc]


def _person_checks(roll: Path, manifest: Manifest) -> Iterator[Check]:
    for begin, end in _slices(manifest.size):
        yield lambda begin=begin, end=end: _check_persons(roll, manifest, begin, end)  # type: ignore[misc]


def _slices(size: int) -> Iterable[tuple[int, int]]:
    return ((begin, min(begin + ROWS_A_CHECK, size)) for begin in range(0, size, ROWS_A_CHECK))


def _check_leaves(leaves: Path, tree: Path, size: int, begin: int, end: int) -> None:
    """Accounts ascend, hence none is there twice; the tree's leaves descend; each leaf is one of them."""
    rows = _in_order(leaves, LEAF_WIDTH, ACCOUNT_BYTES, begin, end)
    _in_order(tree, NODE_WIDTH, NODE_WIDTH, size - 1 + begin, size - 1 + end, sign=-1, lowest=size - 1)
    hashes = np.empty((end - begin, 4), np.uint64)
    hash_leaves(begin, rows.view(np.uint32), hashes)
    missing = _first_missing(mapped(tree, NODE_WIDTH)[size - 1 :], hashes.view(np.uint8))
    if missing >= 0:
        raise RollError(f"{leaves}: the citizen at index {begin + missing} is not in the tree")


def _check_nodes(tree: Path, begin: int, end: int) -> None:
    parents = np.empty((end - begin, 4), np.uint64)
    hash_pairs(read_rows(tree, NODE_WIDTH, 2 * begin + 1, 2 * end + 1).view(np.uint64), parents)
    wrong = np.flatnonzero((parents.view(np.uint8) != read_rows(tree, NODE_WIDTH, begin, end)).any(axis=1))
    if len(wrong):
        raise RollError(f"{tree}: node {begin + int(wrong[0])} is not the hash of its children")


def _check_persons(roll: Path, manifest: Manifest, begin: int, end: int) -> None:
    """Persons ascend, hence none is there twice; each is that of the leaf it names, hence every leaf's is there."""
    rows = _in_order(roll / PERSONS, PERSONS_WIDTH, PERSON_BYTES, begin, end)
    batches, indices = number_column(rows, 32, 4), number_column(rows, 36, 4)
    sizes = np.array([batch.size for batch in manifest.batches])
    right = batches < len(sizes)
    right[right] = indices[right] < sizes[batches[right]]
    for number in np.unique(batches[right]).tolist():
        mine = right & (batches == number)
        leaves = mapped(batch_folder(roll, number) / LEAVES, LEAF_WIDTH)
        right[mine] = (leaves[indices[mine], ACCOUNT_BYTES:] == rows[mine, :PERSON_BYTES]).all(axis=1)
    if not right.all():
        raise RollError(
            f"{roll / PERSONS}: row {begin + int(np.flatnonzero(~right)[0])} names a leaf of another person"
        )


def _in_order(path: Path, width: int, key_bytes: int, begin: int, end: int, sign: int = 1, lowest: int = 0) -> Rows:
    """Rows of a file, seen to be in order with the one before the first."""
    before = 1 if begin > lowest else 0
    rows = read_rows(path, width, begin - before, end)
    disorder = _first_disorder(rows, key_bytes, sign)
    if disorder >= 0:
        raise RollError(f"{path}: row {begin - before + disorder} is out of order, or the same as the one before")
    return rows[before:]
