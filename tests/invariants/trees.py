"""Merkle-sum trees that need not be true: any leaf, any sums counted for it, any padding, any top.

Written after `docs/protocol.md` alone, so that honest trees of the protocol's own code meet it as a second opinion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_utils.crypto import keccak

Node = tuple[bytes, int]
"""Hash, and packed sums that the node above counts."""

NOTHING: Node = (bytes(32), 0)


def packed(raw: Sequence[int], public: int) -> int:
    """Four lanes of 64 bits."""
    return raw[0] << 192 | raw[1] << 128 | raw[2] << 64 | public


def lanes(sums: int) -> tuple[int, int, int, int]:
    """The four figures in a word."""
    general, intelligent, super_, public = ((sums >> shift) % 2**64 for shift in (192, 128, 64, 0))
    return general, intelligent, super_, public


def leaf_bytes(facility: int, sums: int, digest: bytes) -> bytes:
    return b"\x00" + facility.to_bytes(4) + sums.to_bytes(32) + digest


class Tree:
    """`leaves`: the bytes of each and the sums counted for it. `padding` and `top` are for lies."""

    def __init__(self, leaves: Sequence[tuple[bytes, int]], padding: Node = NOTHING, top: int | None = None) -> None:
        self.count = len(leaves)
        self.depth = (self.count - 1).bit_length()
        bottom: list[Node] = [(keccak(preimage), sums) for preimage, sums in leaves]
        bottom += [padding] * (2**self.depth - self.count)
        self._preimages = [[preimage for preimage, _ in leaves] + [b""] * (2**self.depth - self.count)]
        self._levels = [bottom]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = list(zip(below[::2], below[1::2], strict=True))
            pieces = [_node_bytes(left, right) for left, right in pairs]
            self._preimages.append(pieces)
            sums = [left[1] + right[1] for left, right in pairs]
            self._levels.append([(keccak(piece), each) for piece, each in zip(pieces, sums, strict=True)])
        if top is not None:
            self._levels[-1] = [(self.top[0], top)]

    @property
    def top(self) -> Node:
        return self._levels[-1][0]

    @property
    def commitment(self) -> bytes:
        return keccak(b"\x02" + self.count.to_bytes(4) + self.top[0] + self.top[1].to_bytes(32))

    @property
    def places(self) -> list[tuple[int, int]]:
        """Level and position of everything in it."""
        return [(level, position) for level, nodes in enumerate(self._levels) for position in range(len(nodes))]

    def counted(self, position: int) -> int:
        """Public output counted for a leaf."""
        return lanes(self._levels[0][position][1])[3]

    def exhibit(self, level: int, position: int) -> tuple[Any, ...]:
        """What stands at a place, as the disputes contract takes it."""
        siblings = [self._levels[at][(position >> (at - level)) ^ 1] for at in range(level, self.depth)]
        return self._levels[level][position], self._preimages[level][position], self.count, siblings


def _node_bytes(left: Node, right: Node) -> bytes:
    return b"\x01" + left[0] + left[1].to_bytes(32) + right[0] + right[1].to_bytes(32)
