"""The rows that the build moves about, byte by byte, and what a citizen's source is.

    citizen   account 20 | person 32 | region 4 | source 8        sorted by account
    person    person 32  | batch 4   | index 4  | source 8        sorted by person
    hash      batch 4    | leaf hash 32                           sorted by batch, then hash

Numbers are big-endian, so that whole rows sort as numbers do. A source is one number: the input file (16 bits), and
where in it (48 bits): of a CSV file the byte at which the line begins, of a Parquet file the row, from 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from sbi_network.roll.sorting import Rows

ACCOUNT_BYTES: Final = 20
PERSON_BYTES: Final = 32
HASH_BYTES: Final = 32

CITIZEN_WIDTH: Final = 64
PERSON_WIDTH: Final = 48
HASH_WIDTH: Final = 36

BATCH_HASH_KEY: Final = 36

PLACE_BITS: Final = 48
MAX_FILES: Final = 1 << 16

Words = npt.NDArray[np.uint64]


def number_column(rows: Rows, begin: int, size: int) -> npt.NDArray[np.int64]:
    """The numbers in `size` bytes of each row, from byte `begin` on."""
    column = np.ascontiguousarray(rows[:, begin : begin + size]).view(f">u{size}")
    return column.reshape(-1).astype(np.int64)


def put_numbers(rows: Rows, begin: int, size: int, numbers: npt.NDArray[np.int64]) -> None:
    """Write numbers into `size` bytes of each row, from byte `begin` on."""
    rows[:, begin : begin + size] = numbers.astype(f">u{size}").view(np.uint8).reshape(-1, size)


def regions_of(citizens: Rows) -> npt.NDArray[np.int64]:
    """The region in each citizen's row."""
    return number_column(citizens, 52, 4)


def sources_of(rows: Rows) -> npt.NDArray[np.int64]:
    """The source in each citizen's or person's row: their last eight bytes."""
    return number_column(rows, rows.shape[1] - 8, 8)


def person_rows(citizens: Rows, batch: int, first_index: int) -> Rows:
    """Rows of the persons of citizens of one batch, whose indices run from `first_index`."""
    rows = np.empty((len(citizens), PERSON_WIDTH), np.uint8)
    rows[:, :32] = citizens[:, 20:52]
    put_numbers(rows, 32, 4, np.full(len(rows), batch))
    put_numbers(rows, 36, 4, np.arange(first_index, first_index + len(rows)))
    rows[:, 40:] = citizens[:, 56:]
    return rows
