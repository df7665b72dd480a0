"""What the chain is shown of a wrong product: one entry, in its leaf, with the way up to the root."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sbi_network.meter.proof.challenge import Challenge, Doubles
from sbi_network.meter.proof.opening import OpenedRow
from sbi_network.meter.proof.tree import levels_of, path_in, segment_hashes

_COLUMNS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class WrongEntry:
    """`ProductDisputes.disprove` takes these: where the entry is, the bytes of its segment, the siblings up to the
    root. `claimed` is what stands there, `computed` what should."""

    row: int
    column: int
    segment: bytes
    path: tuple[bytes, ...]
    claimed: int
    computed: int


def find_wrong_entry(challenge: Challenge, row: int, opened: OpenedRow) -> WrongEntry | None:
    """The first entry of an opened row that is wrong; None if none is. It takes one row's product: 1/m of the whole."""
    claimed = np.frombuffer(opened.data, dtype="<i4")
    computed = row_of_product(challenge, row)
    wrong = np.flatnonzero(claimed != computed)
    return None if not len(wrong) else entry_of(challenge, row, int(wrong[0]), opened, int(computed[wrong[0]]))


def row_of_product(challenge: Challenge, row: int) -> Doubles:
    """(n,) entries of a row of A·B, by FP64, which is exact for every k."""
    a = challenge.a.rows(row, 1)[0].astype(np.float64)
    n = challenge.sizes.n
    step = min(_COLUMNS_AT_ONCE, n)
    parts = [challenge.b.rows(first, step).astype(np.float64) @ a for first in range(0, n, step)]
    return np.concatenate(parts)


def entry_of(challenge: Challenge, row: int, column: int, opened: OpenedRow, computed: int) -> WrongEntry:
    """An entry of an opened row, as the chain is shown it."""
    sizes = challenge.sizes
    number, place = divmod(column, sizes.segment)
    within = path_in(levels_of(segment_hashes(memoryview(opened.data), sizes)), number)
    size = 4 * sizes.segment
    segment = opened.data[number * size : (number + 1) * size]
    claimed = int.from_bytes(segment[4 * place : 4 * place + 4], "little", signed=True)
    return WrongEntry(row, column, segment, within + opened.path, claimed, computed)
