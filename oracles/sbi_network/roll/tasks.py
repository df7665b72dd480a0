"""The tasks of a build, stage by stage. Each reads what the stages before left in the work folder.

read      a chunk of an input          → runs of citizens, sorted by account
accounts  a part of all runs           → citizens in order; twice the same account?
number    the same                     → leaves with their indices; runs of persons
persons   a part of those              → persons in order; twice the same person?
hash      a slice of a batch's leaves  → runs of leaf hashes
place     a part of those              → the leaf hashes in the trees
trees     a subtree                    → its nodes; `roots`: what joins the subtrees
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sbi_network.protocol.figure import hex_of
from sbi_network.roll.faults import KEPT_A_TASK, Fault, FaultKind
from sbi_network.roll.keccak_lanes import hash_leaves
from sbi_network.roll.layout import (
    LEAF_WIDTH,
    LEAVES,
    PERSONS,
    PERSONS_WIDTH,
    TREE,
    batch_folder,
    read_manifest,
)
from sbi_network.roll.rows import (
    ACCOUNT_BYTES,
    BATCH_HASH_KEY,
    CITIZEN_WIDTH,
    HASH_BYTES,
    HASH_WIDTH,
    PERSON_BYTES,
    PERSON_WIDTH,
    number_column,
    person_rows,
    put_numbers,
    regions_of,
    sources_of,
)
from sbi_network.roll.sorting import (
    Rows,
    choose_splitters,
    cut,
    gather,
    lower_bounds,
    mapped,
    put_rows,
    read_rows,
    repeats,
    sort_rows,
    write_rows,
)
from sbi_network.roll.source import Chunk, digest_of, read_chunk
from sbi_network.roll.tree_file import close_subtree, level_begin, split_depth, tree_height
from sbi_network.roll.work import Result, read_json, write_json

PLAN: Final = "plan.json"
OUT: Final = "out"
BATCHES: Final = "batches.json"
_BASES: Final = "bases.npy"
_RUNS: Final = "runs.json"
_CUTS: Final = "cuts.npy"
_SAMPLES_A_RUN: Final = 2048


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What a build is about: its inputs cut into chunks, earlier rolls, and how many rows a task handles."""

    rows: int
    files: tuple[Path, ...]
    chunks: tuple[Chunk, ...]
    earlier: tuple[Path, ...]
    earlier_roots: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As the work folder keeps it."""
        return {
            "rows": self.rows,
            "files": [str(path) for path in self.files],
            "chunks": [chunk.to_json() for chunk in self.chunks],
            "earlier": [str(path) for path in self.earlier],
            "earlier_roots": list(self.earlier_roots),
        }


@lru_cache(maxsize=4)
def _read_plan(path: Path, _modified: int) -> BuildPlan:
    given = read_json(path)
    return BuildPlan(
        given["rows"],
        tuple(Path(file) for file in given["files"]),
        tuple(Chunk(**chunk) for chunk in given["chunks"]),
        tuple(Path(roll) for roll in given["earlier"]),
        tuple(given["earlier_roots"]),
    )


def read_plan(work: Path) -> BuildPlan:
    """The plan in a work folder."""
    path = work / PLAN
    return _read_plan(path, path.stat().st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of a build: their regions, ascending, and their sizes."""

    regions: tuple[int, ...]
    sizes: tuple[int, ...]

    def slices(self, rows: int) -> list[tuple[int, int, int]]:
        """Every batch cut into slices of so many leaves: batch, first index, end."""
        return [
            (batch, begin, min(begin + rows, size))
            for batch, size in enumerate(self.sizes)
            for begin in range(0, size, rows)
        ]

    def subtrees(self, rows: int) -> list[tuple[int, int]]:
        """The trees cut into subtrees of about so many leaves: batch, top node."""
        return [
            (batch, level_begin(depth) + place)
            for batch, size in enumerate(self.sizes)
            for depth in (split_depth(size, rows),)
            for place in range(1 << depth)
        ]


def read_batches(work: Path) -> Batches:
    """The batches, once `accounts` has counted them."""
    given = read_json(work / BATCHES)
    return Batches(tuple(given["regions"]), tuple(given["sizes"]))


def prepare_batches(work: Path, counts: list[dict[str, int]]) -> Batches:
    """From the counts by region of each part of `accounts` to the batches and where each part's leaves go."""
    regions = sorted({int(region) for part in counts for region in part})
    table = np.array([[part.get(str(region), 0) for region in regions] for part in counts], np.int64)
    sizes = tuple(table.sum(axis=0).tolist())
    np.save(work / _BASES, np.cumsum(table, axis=0) - table)
    out = work / OUT
    for number, size in enumerate(sizes):
        batch_folder(out, number).mkdir(parents=True, exist_ok=True)
        _make_file(batch_folder(out, number) / LEAVES, size * LEAF_WIDTH)
        _make_file(batch_folder(out, number) / TREE, (2 * size - 1) * HASH_BYTES)
    _make_file(out / PERSONS, sum(sizes) * PERSONS_WIDTH)
    write_json(work / BATCHES, {"regions": regions, "sizes": sizes})
    return Batches(tuple(regions), sizes)


def prepare_parts(work: Path, stage: str, runs: list[str], width: int, key_bytes: int) -> int:
    """Cut sorted runs into the parts of a stage. Returns how many there are; made once, and kept for a resume."""
    folder = work / stage
    if not (folder / _RUNS).exists():
        folder.mkdir(exist_ok=True)
        paths = [work / run for run in runs]
        total = sum(path.stat().st_size for path in paths) // width
        parts = max(1, -(-total // read_plan(work).rows))
        stride = max(1, read_plan(work).rows // _SAMPLES_A_RUN)
        np.save(folder / _CUTS, cut(paths, width, choose_splitters(paths, width, key_bytes, parts, stride)))
        write_json(folder / _RUNS, runs)
    return int(np.load(folder / _CUTS, mmap_mode="r").shape[1]) - 1


def _gather_part(work: Path, stage: str, width: int, part: int) -> tuple[Rows, int]:
    """A part, sorted, and how many rows are in the parts before."""
    cuts = np.load(work / stage / _CUTS, mmap_mode="r")
    begins, ends = np.array(cuts[:, part]), np.array(cuts[:, part + 1])
    return gather((work / run for run in read_json(work / stage / _RUNS)), width, begins, ends), int(begins.sum())


def read(work: Path, number: int) -> Result:
    """One chunk of the input."""
    plan = read_plan(work)
    chunk = plan.chunks[number]
    path = plan.files[chunk.file]
    digest = digest_of(path, chunk)
    runs: list[str] = []
    rows_read, tally = 0, _Tally()

    def write_run(portions: list[Rows]) -> None:
        rows = tally.without_repeats(sort_rows(np.concatenate(portions)), ACCOUNT_BYTES, FaultKind.ACCOUNT_TWICE)
        runs.append(f"read/{number:06}-{len(runs)}.rows")
        write_rows(work / runs[-1], rows)

    waiting: list[Rows] = []
    for parsed in read_chunk(path, chunk, plan.rows):
        tally.add(parsed.faulty, parsed.faults)
        rows_read += len(parsed.rows)
        waiting.append(parsed.rows)
        if sum(map(len, waiting)) >= plan.rows:
            write_run(waiting)
            waiting = []
    if any(map(len, waiting)):
        write_run(waiting)
    return {"rows": rows_read, "runs": runs, "digest": digest, **tally.to_json()}


def reread(work: Path, number: int) -> Result:
    """Whether a chunk that was read before the build was interrupted is still the same."""
    plan = read_plan(work)
    chunk = plan.chunks[number]
    return {"digest": digest_of(plan.files[chunk.file], chunk)}


def accounts(work: Path, part: int) -> Result:
    """One part of the citizens, in order of their accounts."""
    rows, _ = _gather_part(work, "accounts", CITIZEN_WIDTH, part)
    tally = _Tally()
    rows = tally.without_repeats(rows, ACCOUNT_BYTES, FaultKind.ACCOUNT_TWICE)
    for roll in read_plan(work).earlier:
        for batch in read_manifest(roll).batches:
            folder = batch_folder(roll, batch.number)
            for row, index in _found(mapped(folder / LEAVES, LEAF_WIDTH), rows[:, :ACCOUNT_BYTES]):
                source = int(sources_of(rows[row : row + 1])[0])
                tally.add(1, [Fault(FaultKind.ACCOUNT_TWICE, source, f"index {index} of {folder}")])
    write_rows(work / "accounts" / f"{part:06}.rows", rows)
    regions, counts = np.unique(regions_of(rows), return_counts=True)
    by_region = {str(region): count for region, count in zip(regions.tolist(), counts.tolist(), strict=True)}
    return {"regions": by_region, **tally.to_json()}


def number(work: Path, part: int) -> Result:
    """The same part: each citizen's index is its rank in its batch."""
    rows = read_rows(work / "accounts" / f"{part:06}.rows", CITIZEN_WIDTH)
    batches = read_batches(work)
    bases = np.load(work / _BASES, mmap_mode="r")[part].tolist()
    of_batch = np.searchsorted(np.array(batches.regions), regions_of(rows))
    order = np.argsort(of_batch, kind="stable")
    rows, of_batch = np.take(rows, order, axis=0), of_batch[order]
    persons = []
    for batch in np.unique(of_batch).tolist():
        begin, end = np.searchsorted(of_batch, [batch, batch + 1]).tolist()
        citizens = rows[begin:end]
        put_rows(batch_folder(work / OUT, batch) / LEAVES, citizens[:, :LEAF_WIDTH], bases[batch])
        persons.append(person_rows(citizens, batch, bases[batch]))
    tally, runs = _Tally(), []
    if persons:
        runs.append(f"number/{part:06}.rows")
        ordered = sort_rows(np.concatenate(persons))
        write_rows(work / runs[0], tally.without_repeats(ordered, PERSON_BYTES, FaultKind.PERSON_TWICE))
    return {"runs": runs, **tally.to_json()}


def persons(work: Path, part: int) -> Result:
    """One part of the persons, in order."""
    rows, before = _gather_part(work, "persons", PERSON_WIDTH, part)
    tally = _Tally()
    tally.without_repeats(rows, PERSON_BYTES, FaultKind.PERSON_TWICE)
    for roll in read_plan(work).earlier:
        known = mapped(roll / PERSONS, PERSONS_WIDTH)
        for row, place in _found(known, rows[:, :PERSON_BYTES]):
            batch, index = (int(number_column(known[place : place + 1], begin, 4)[0]) for begin in (32, 36))
            source = int(sources_of(rows[row : row + 1])[0])
            tally.add(1, [Fault(FaultKind.PERSON_TWICE, source, f"index {index} of {batch_folder(roll, batch)}")])
    put_rows(work / OUT / PERSONS, rows[:, :PERSONS_WIDTH], before)
    return {"rows": len(rows), **tally.to_json()}


def hash_slice(work: Path, number: int) -> Result:
    """The leaf hashes of one slice of a batch."""
    batch, begin, end = read_batches(work).slices(read_plan(work).rows)[number]
    leaves = read_rows(batch_folder(work / OUT, batch) / LEAVES, LEAF_WIDTH, begin, end)
    hashes = np.empty((len(leaves), 4), np.uint64)
    hash_leaves(begin, leaves.view(np.uint32), hashes)
    rows = np.empty((len(leaves), HASH_WIDTH), np.uint8)
    put_numbers(rows, 0, 4, np.full(len(rows), batch))
    rows[:, 4:] = hashes.view(np.uint8)
    run = f"hash/{number:06}.rows"
    write_rows(work / run, sort_rows(rows))
    return {"runs": [run]}


def place(work: Path, part: int) -> Result:
    """One part of the leaf hashes, put where the trees have them: from the end, in descending order."""
    rows, before = _gather_part(work, "place", HASH_WIDTH, part)
    first = 0
    for batch, size in enumerate(read_batches(work).sizes):
        begin, end = max(first, before), min(first + size, before + len(rows))
        if begin < end:
            hashes = rows[begin - before : end - before, 4:]
            put_rows(batch_folder(work / OUT, batch) / TREE, hashes[::-1], 2 * size - 1 - (end - first))
        first += size
    return {}


def close_tree(work: Path, number: int) -> Result:
    """One subtree."""
    batches = read_batches(work)
    batch, root = batches.subtrees(read_plan(work).rows)[number]
    size = batches.sizes[batch]
    levels = tree_height(size) - ((root + 1).bit_length() - 1)
    close_subtree(batch_folder(work / OUT, batch) / TREE, size, root, levels)
    return {}


def close_root(work: Path, batch: int) -> Result:
    """What joins the subtrees of a batch, up to its root."""
    size = read_batches(work).sizes[batch]
    depth = split_depth(size, read_plan(work).rows)
    top = close_subtree(batch_folder(work / OUT, batch) / TREE, size, 0, depth)
    return {"root": hex_of(top.tobytes())}


BATCH_HASH = (HASH_WIDTH, BATCH_HASH_KEY)
"""Width and key of the runs of leaf hashes."""


class _Tally:
    """Faults of one task: all counted, the first of them kept."""

    def __init__(self) -> None:
        self._count = 0
        self._kept: list[Fault] = []

    def add(self, count: int, faults: Iterable[Fault]) -> None:
        self._count += count
        self._kept += list(faults)[: KEPT_A_TASK - len(self._kept)]

    def without_repeats(self, rows: Rows, key_bytes: int, kind: FaultKind) -> Rows:
        """Of sorted rows, for each key the one that comes first in the inputs; the others are faults."""
        again = repeats(rows, key_bytes)
        if not again.any():
            return rows
        involved = np.flatnonzero(again | np.append(again[1:], False))
        group, sources = np.cumsum(~again)[involved], sources_of(rows[involved])
        order = np.lexsort((sources, group))
        group, sources, involved = group[order], sources[order], involved[order]
        is_first = np.append(True, group[1:] != group[:-1])
        firsts = sources[is_first][np.cumsum(is_first) - 1]
        pairs = zip(sources[~is_first][:KEPT_A_TASK].tolist(), firsts[~is_first].tolist(), strict=False)
        self.add(int((~is_first).sum()), [Fault(kind, source, first) for source, first in pairs])
        return np.delete(rows, involved[~is_first], axis=0)

    def to_json(self) -> dict[str, Any]:
        return {"faulty": self._count, "faults": [fault.to_json() for fault in self._kept]}


def _found(known: Rows, keys: Rows) -> Iterator[tuple[int, int]]:
    """Which of the ascending keys begin a row of the sorted file, and which row: pairs of numbers."""
    if len(known) == 0 or len(keys) == 0:
        return
    places: npt.NDArray[np.int64] = np.minimum(lower_bounds(known, keys), len(known) - 1)
    size = keys.shape[1]
    for begin in range(0, len(keys), 1 << 16):
        end = begin + (1 << 16)
        same = (known[places[begin:end], :size] == keys[begin:end]).all(axis=1)
        for row in np.flatnonzero(same).tolist():
            yield begin + row, int(places[begin + row])


def _make_file(path: Path, size: int) -> None:
    with path.open("ab") as file:
        file.truncate(size)
