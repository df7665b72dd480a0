"""The Merkle tree over a product: leaves are segments of rows of C, hashed with SHA-256 as the chain can."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from sbi_network.meter.proof.challenge import Sizes

HASH_BYTES = 32

_TASK_BYTES = 1 << 20
"""Bytes of C that one thread converts and hashes at a time: they stay in its cache."""

CBlock = npt.NDArray[np.int32] | npt.NDArray[np.float32] | npt.NDArray[np.float64]
"""Whole rows of C, integers in whatever type they were computed."""


def row_bytes(rows: CBlock) -> npt.NDArray[np.uint8]:
    """Rows of C as they are hashed and sent: (rows, 4n) bytes, an entry a little-endian 32-bit integer."""
    return np.ascontiguousarray(rows, dtype="<i4").view(np.uint8)


def segment_hashes(row: memoryview, sizes: Sizes) -> list[bytes]:
    """The leaves of one row, given as its bytes."""
    step = 4 * sizes.segment
    return [sha256(row[at : at + step]).digest() for at in range(0, sizes.row_bytes, step)]


def top_of(level: Sequence[bytes]) -> bytes:
    """The node above all of these; their number is a power of two."""
    while len(level) > 1:
        level = _above(level)
    return level[0]


def _above(level: Sequence[bytes]) -> list[bytes]:
    return [sha256(left + right).digest() for left, right in zip(level[::2], level[1::2], strict=True)]


class Tree:
    """The tree above the rows of C. A row's own node is the top of its segments."""

    def __init__(self, row_nodes: Sequence[bytes]) -> None:
        self._levels = levels_of(row_nodes)

    @property
    def root(self) -> bytes:
        """What a `Product` names: 32 bytes."""
        return self._levels[-1][0]

    def path(self, row: int) -> tuple[bytes, ...]:
        """From a row's node up, the sibling of each node on the way to the root."""
        return path_in(self._levels, row)


def path_in(levels: Sequence[Sequence[bytes]], place: int) -> tuple[bytes, ...]:
    """The siblings on the way up from a place of the lowest level; the highest level, a single node, has none."""
    return tuple([level[place >> height ^ 1] for height, level in enumerate(levels[:-1])])


def levels_of(leaves: Sequence[bytes]) -> list[Sequence[bytes]]:
    """All levels of a tree, the leaves first; their number is a power of two."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
    return levels


def root_from_path(node: bytes, place: int, path: Sequence[bytes]) -> bytes:
    """The root to which a path leads from a node."""
    for sibling in path:
        node = sha256(sibling + node if place & 1 else node + sibling).digest()
        place >>= 1
    return node


class RowHasher:
    """Hashes rows of C on all cores: hashlib and numpy let other threads run while they work."""

    def __init__(self, sizes: Sizes, threads: int | None = None) -> None:
        self._sizes = sizes
        self._step = max(1, _TASK_BYTES // sizes.row_bytes)
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="product-hash")

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def nodes(self, block: CBlock) -> list[bytes]:
        """The node of each row of a block."""
        parts = [block[at : at + self._step] for at in range(0, len(block), self._step)]
        return [node for nodes in self._pool.map(self._nodes_of, parts) for node in nodes]

    def _nodes_of(self, part: CBlock) -> list[bytes]:
        return [top_of(segment_hashes(memoryview(row), self._sizes)) for row in row_bytes(part)]
