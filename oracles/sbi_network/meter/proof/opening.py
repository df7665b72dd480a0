"""What a device sends once the second beacon is known, and its form on the wire.

An opening is its rows in the order in which they were picked, one after the other without a frame: the row's 4n bytes,
then its path, 32 bytes a level. Sizes and picks are known to both sides, so its length is, to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from sbi_network.meter.proof.challenge import OPENED_ROWS, Sizes
from sbi_network.meter.proof.errors import OpeningFormatError
from sbi_network.meter.proof.tree import HASH_BYTES


@dataclass(frozen=True, slots=True)
class OpenedRow:
    """A row of C: its bytes as hashed, and the siblings from its node up to the root."""

    data: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """The picked rows, in the order in which they were picked."""

    rows: tuple[OpenedRow, ...]

    def to_bytes(self) -> bytes:
        """Its form on the wire."""
        return b"".join([row.data + b"".join(row.path) for row in self.rows])

    @classmethod
    def from_bytes(cls, data: bytes, sizes: Sizes) -> Opening:
        """Read the opening of a product of these sizes. Raises OpeningFormatError for another length."""
        expected = opening_bytes(sizes)
        if len(data) != expected:
            raise OpeningFormatError(f"an opening of {len(data)} bytes: expected {expected}")
        step = expected // opened_count(sizes)
        return cls(tuple([_row(data[at : at + step], sizes) for at in range(0, expected, step)]))


def opened_count(sizes: Sizes) -> int:
    """How many rows are opened."""
    return min(OPENED_ROWS, sizes.m)


def opening_bytes(sizes: Sizes) -> int:
    """Bytes of an opening: whoever receives one need read no more."""
    return opened_count(sizes) * (sizes.row_bytes + HASH_BYTES * levels_above_rows(sizes))


def levels_above_rows(sizes: Sizes) -> int:
    """Length of a row's path."""
    return sizes.m.bit_length() - 1


def _row(data: bytes, sizes: Sizes) -> OpenedRow:
    path = data[sizes.row_bytes :]
    hashes = [path[at : at + HASH_BYTES] for at in range(0, len(path), HASH_BYTES)]
    return OpenedRow(data[: sizes.row_bytes], tuple(hashes))
