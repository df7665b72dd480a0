"""Sums in four lanes, and the Merkle-sum tree that commits a report to every facility's reading."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sbi_network.errors import FormatError, ProofError, RangeError, SumOverflowError
from sbi_network.protocol.figure import UINT32_MAX, UINT64_MAX, WORD_BYTES, ZERO_WORD, check_uint, check_word
from sbi_network.protocol.keccak import keccak256

LANES = ("general", "intelligent", "super", "publicOutput")
_PACKED = struct.Struct(">4Q")

_LEAF_TAG = b"\x00"
_NODE_TAG = b"\x01"
_COMMITMENT_TAG = b"\x02"
_NUMBER_BYTES = 4


@dataclass(frozen=True, slots=True)
class Sums:
    """Raw output in three classes and public output, in nGAICPh, each below 2**64. Raises RangeError."""

    general: int = 0
    intelligent: int = 0
    super_: int = 0
    public_output: int = 0

    def __post_init__(self) -> None:
        for lane, value in zip(LANES, self.lanes, strict=True):
            check_uint(lane, value, UINT64_MAX)

    @property
    def lanes(self) -> tuple[int, int, int, int]:
        """The four figures in the order of their lanes."""
        return (self.general, self.intelligent, self.super_, self.public_output)

    def pack(self) -> bytes:
        """One 32-byte word, general output most significant."""
        return _PACKED.pack(*self.lanes)

    @classmethod
    def unpack(cls, word: bytes) -> Sums:
        """The sums in a 32-byte word; any word holds some. Raises FormatError for another length."""
        if len(word) != WORD_BYTES:
            raise FormatError("sums", bytes(word), f"{WORD_BYTES} bytes")
        return cls(*_PACKED.unpack(word))

    def __add__(self, other: Sums) -> Sums:
        """Lane by lane. Raises SumOverflowError."""
        return total_of((self, other))


def total_of(parts: Iterable[Sums]) -> Sums:
    """The sum of all parts, lane by lane. Raises SumOverflowError."""
    totals = [0, 0, 0, 0]
    for part in parts:
        for i, value in enumerate(part.lanes):
            totals[i] += value
    for lane, total in zip(LANES, totals, strict=True):
        if total > UINT64_MAX:
            raise SumOverflowError(lane, total)
    return Sums(*totals)


class Node(NamedTuple):
    """A node of the tree as proofs list it: its hash (32 bytes) and its sums packed in a word (32 bytes)."""

    hash: bytes
    sums: bytes


PADDING = Node(ZERO_WORD, ZERO_WORD)
"""What stands at positions beyond the last facility."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the tree says of one facility: sums, and the digest of the reading they come from.

    A facility without an accepted reading has zero sums and a zero digest. Raises RangeError.
    """

    facility: int
    sums: Sums = Sums()
    reading_digest: bytes = ZERO_WORD

    def __post_init__(self) -> None:
        check_uint("facility", self.facility, UINT32_MAX)
        check_word("readingDigest", self.reading_digest)

    def preimage(self) -> bytes:
        """The 69 bytes whose hash stands in the tree."""
        return _LEAF_TAG + self.facility.to_bytes(_NUMBER_BYTES) + self.sums.pack() + self.reading_digest

    def node(self) -> Node:
        """The bottom node of this leaf."""
        return Node(keccak256(self.preimage()), self.sums.pack())


Proof = tuple[Node, ...]
"""From the bottom up, the sibling of each node on the way to the top."""


def depth_of(facility_count: int) -> int:
    """Levels above the leaves: the least depth with room for every facility. Raises RangeError for no facility."""
    if check_uint("facilityCount", facility_count, UINT32_MAX) == 0:
        raise RangeError("facilityCount", facility_count, "at least one facility")
    return (facility_count - 1).bit_length()


def commitment_of(facility_count: int, top: Node) -> bytes:
    """The 32-byte commitment to a tree: its count and its top."""
    number = check_uint("facilityCount", facility_count, UINT32_MAX).to_bytes(_NUMBER_BYTES)
    return keccak256(_COMMITMENT_TAG + number + top.hash + top.sums)


class SumTree:
    """The Merkle-sum tree over all facilities of an epoch. Padding is never stored, only known for each level."""

    __slots__ = ("_levels", "_padding", "commitment", "leaves", "sums", "top")

    leaves: tuple[Leaf, ...]
    sums: Sums
    top: Node
    commitment: bytes

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        """Build from one leaf for each facility, in order of their numbers from 0.

        Raises RangeError for no leaf or one out of place, SumOverflowError for sums that pass 2**64 - 1.
        """
        for position, leaf in enumerate(leaves):
            if leaf.facility != position:
                raise RangeError(f"facility of leaf {position}", leaf.facility, f"{position}")
        depth = depth_of(len(leaves))
        # No lane of any node exceeds the same lane of the total, so this one check lets the levels add whole words.
        self.sums = total_of([leaf.sums for leaf in leaves])
        self.leaves = tuple(leaves)
        self._padding = [PADDING]
        self._levels = [[leaf.node() for leaf in leaves]]
        for _ in range(depth):
            self._levels.append(_level_above(self._levels[-1], self._padding[-1]))
            self._padding.append(_joined(self._padding[-1], self._padding[-1]))
        self.top = self._levels[-1][0]
        self.commitment = commitment_of(self.count, self.top)

    @property
    def count(self) -> int:
        """Number of facilities."""
        return len(self.leaves)

    @property
    def root(self) -> bytes:
        """Hash of the top node."""
        return self.top.hash

    @property
    def depth(self) -> int:
        """Levels above the leaves."""
        return len(self._levels) - 1

    def node(self, level: int, position: int) -> Node:
        """What stands at a place, padding included. Raises RangeError for a place that the tree has not."""
        self._check_place(level, position)
        known = self._levels[level]
        return known[position] if position < len(known) else self._padding[level]

    def siblings(self, level: int, position: int) -> Proof:
        """From a place up, the sibling of each node on the way to the top. Raises RangeError, as `node`."""
        self._check_place(level, position)
        return tuple(self.node(at, position >> at - level ^ 1) for at in range(level, self.depth))

    def proof(self, position: int) -> Proof:
        """The proof of the leaf of a facility. Raises RangeError for a number that is not in the tree."""
        check_uint("position", position, self.count - 1)
        return self.siblings(0, position)

    def _check_place(self, level: int, position: int) -> None:
        check_uint("level", level, self.depth)
        check_uint("position", position, (1 << self.depth - level) - 1)


def top_from_proof(leaf: Leaf, proof: Proof, facility_count: int) -> Node:
    """The top node to which a proof leads from a leaf.

    Raises ProofError for a proof of the wrong length, a leaf that is beyond the count, or siblings of wrong sizes;
    SumOverflowError where a lane would pass 2**64 - 1.
    """
    depth = depth_of(facility_count)
    if leaf.facility >= facility_count:
        raise ProofError(f"facility {leaf.facility} is not among {facility_count}")
    if len(proof) != depth:
        raise ProofError(f"the proof has {len(proof)} siblings; {facility_count} facilities need {depth}")
    node, position = leaf.node(), leaf.facility
    for sibling in proof:
        if len(sibling.hash) != WORD_BYTES or len(sibling.sums) != WORD_BYTES:
            raise ProofError("a sibling is not a hash and sums of 32 bytes each")
        node = join(sibling, node) if position & 1 else join(node, sibling)
        position >>= 1
    return node


def verify_proof(leaf: Leaf, proof: Proof, facility_count: int, commitment: bytes) -> bool:
    """Whether the tree with this count and commitment holds this leaf."""
    try:
        top = top_from_proof(leaf, proof, facility_count)
    except (ProofError, SumOverflowError):
        return False
    return commitment_of(facility_count, top) == commitment


def _level_above(level: list[Node], padding: Node) -> list[Node]:
    if len(level) % 2:
        level = [*level, padding]
    return [_joined(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]


def node_preimage(left: Node, right: Node) -> bytes:
    """The 129 bytes whose hash stands above two nodes."""
    return _NODE_TAG + left.hash + left.sums + right.hash + right.sums


def join(left: Node, right: Node) -> Node:
    """The node above two. Raises SumOverflowError where a lane would pass 2**64 - 1."""
    total_of((Sums.unpack(left.sums), Sums.unpack(right.sums)))
    return _joined(left, right)


def _joined(left: Node, right: Node) -> Node:
    """The node above two whose lanes are known not to overflow: whole words can then be added."""
    sums = (int.from_bytes(left.sums) + int.from_bytes(right.sums)).to_bytes(WORD_BYTES)
    return Node(keccak256(node_preimage(left, right)), sums)
