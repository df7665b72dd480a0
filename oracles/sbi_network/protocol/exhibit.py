"""Parts of a Merkle-sum tree as the disputes contract is shown them: docs/protocol.md, 'Places'.

A place is a level, leaves at 0, and a position in it. What stands there need not be true: liars may have made the tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbi_network.errors import ProofError, RangeError, SumOverflowError
from sbi_network.protocol.figure import WORD_BYTES, check_word
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.sumtree import (
    PADDING,
    Leaf,
    Node,
    Proof,
    Sums,
    SumTree,
    commitment_of,
    depth_of,
    join,
    node_preimage,
    total_of,
)
from sbi_network.protocol.units import public_output_down

_LEAF_BYTES = 69
_NODE_BYTES = 129
_FIRST_WORD = 5
"""Where a leaf's sums begin: after the tag and the facility's number."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in the tree of an epoch."""

    epoch: int
    level: int
    position: int


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What stands at a place, the bytes whose hash it is (none for padding), the tree's leaves, and the way up."""

    node: Node
    preimage: bytes
    facility_count: int
    siblings: Proof


@dataclass(frozen=True, slots=True)
class LeafTerms:
    """What a leaf is judged by: the facility's terms and the weights, as of the epoch."""

    active: bool
    capacities: tuple[int, int, int]
    weights_x16: tuple[int, int, int]
    public_share_bps: int

    def allow(self, sums: Sums) -> bool:
        """Whether a leaf may have these sums."""
        raw = (sums.general, sums.intelligent, sums.super_)
        if not self.active:
            return sums == Sums()
        if any(figure > capacity for figure, capacity in zip(raw, self.capacities, strict=True)):
            return False
        try:
            return sums.public_output == public_output_down(raw, self.weights_x16, self.public_share_bps)
        except RangeError:  # more than a lane holds
            return False


def exhibit_of(tree: SumTree, level: int, position: int) -> Exhibit:
    """A place of a tree that one has. Raises RangeError for a place that it has not."""
    node = tree.node(level, position)
    return Exhibit(node, _preimage(tree, level, position), tree.count, tree.siblings(level, position))


def commitment_from(place: Place, shown: Exhibit) -> bytes:
    """The commitment to which an exhibit leads. Raises ProofError, RangeError, or SumOverflowError on the way up."""
    depth = depth_of(shown.facility_count)
    if place.level > depth or place.position >> (depth - place.level):
        raise ProofError(f"{shown.facility_count} facilities have no place {place.position} at level {place.level}")
    if len(shown.siblings) != depth - place.level:
        raise ProofError(f"given {len(shown.siblings)} siblings, expected {depth - place.level}")
    node, position = shown.node, place.position
    for sibling in shown.siblings:
        node = join(sibling, node) if position & 1 else join(node, sibling)
        position >>= 1
    return commitment_of(shown.facility_count, node)


def is_unsound(place: Place, shown: Exhibit) -> bool:
    """Whether a place has other sums than those below it: what `disputeStructure` takes. Raises ProofError for bytes
    that are not what was hashed there."""
    if place.level == 0 and place.position >= shown.facility_count:
        return shown.node != PADDING
    _check_preimage(place, shown)
    if place.level == 0:
        return _leaf_sums(shown.preimage) != shown.node.sums
    left, right = shown.preimage[33:65], shown.preimage[97:129]
    try:
        return total_of((Sums.unpack(left), Sums.unpack(right))).pack() != shown.node.sums
    except SumOverflowError:
        return True


def is_faulty_leaf(place: Place, shown: Exhibit, terms: LeafTerms) -> bool:
    """Whether a sound leaf is out of place or not what its facility's terms allow: what `disputeLeaf` takes.

    Raises ProofError for bytes that are not what was hashed there.
    """
    _check_preimage(place, shown)
    if int.from_bytes(shown.preimage[1:_FIRST_WORD]) != place.position:
        return True
    return not terms.allow(Sums.unpack(_leaf_sums(shown.preimage)))


def encode_leaves(leaves: Sequence[Leaf]) -> bytes:
    """The leaves of all facilities, in order: sums ‖ reading digest, 64 bytes each."""
    return b"".join([leaf.sums.pack() + leaf.reading_digest for leaf in leaves])


def decode_leaves(data: bytes) -> SumTree:
    """The tree over what `encode_leaves` wrote. Raises ProofError, or SumOverflowError for leaves of no tree."""
    if not data or len(data) % (2 * WORD_BYTES):
        raise ProofError(f"given {len(data)} bytes of leaves, expected a multiple of {2 * WORD_BYTES}")
    words = [data[start : start + WORD_BYTES] for start in range(0, len(data), WORD_BYTES)]
    parts = zip(words[::2], words[1::2], strict=True)
    return SumTree([Leaf(facility, Sums.unpack(sums), digest) for facility, (sums, digest) in enumerate(parts)])


def _preimage(tree: SumTree, level: int, position: int) -> bytes:
    if level == 0:
        return tree.leaves[position].preimage() if position < tree.count else b""
    return node_preimage(tree.node(level - 1, 2 * position), tree.node(level - 1, 2 * position + 1))


def _check_preimage(place: Place, shown: Exhibit) -> None:
    expected = _NODE_BYTES if place.level else _LEAF_BYTES
    if len(shown.preimage) != expected or shown.preimage[0] != min(place.level, 1):
        raise ProofError(
            f"given {len(shown.preimage)} bytes, expected the {expected} of a place at level {place.level}"
        )
    if keccak256(shown.preimage) != check_word("hash", shown.node.hash):
        raise ProofError("the bytes are not those that were hashed")


def _leaf_sums(preimage: bytes) -> bytes:
    return preimage[_FIRST_WORD : _FIRST_WORD + WORD_BYTES]
