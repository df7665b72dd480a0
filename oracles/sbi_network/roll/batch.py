"""A batch of citizens as the OpenZeppelin standard Merkle tree, laid out as `@openzeppelin/merkle-tree` lays it out.

The tree is an array of 2n - 1 hashes: the children of i are 2i + 1 and 2i + 2, the root is 0, and the leaves, sorted
by hash, stand from the end. A pair is hashed in ascending order, so that a proof needs no directions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sbi_network.errors import RollError
from sbi_network.protocol.figure import check_uint
from sbi_network.protocol.keccak import keccak256
from sbi_network.roll.leaf import CitizenLeaf


class Batch:
    """A built batch. `root` is 32 bytes; `leaves` are in order of their indices, from 0 to `size` - 1."""

    __slots__ = ("_nodes", "_places", "leaves", "root", "size")

    leaves: tuple[CitizenLeaf, ...]
    root: bytes
    size: int

    def __init__(self, leaves: Sequence[CitizenLeaf]) -> None:
        """Build from leaves that are in order and free of repeats: see `build_batch`."""
        self.leaves = tuple(leaves)
        self.size = len(self.leaves)
        hashes = [leaf.hash() for leaf in self.leaves]
        self._places = [0] * self.size
        self._nodes = [b""] * (2 * self.size - 1)
        place = len(self._nodes)
        for index in sorted(range(self.size), key=hashes.__getitem__):
            place -= 1
            self._places[index] = place
            self._nodes[place] = hashes[index]
        for node in range(self.size - 2, -1, -1):
            self._nodes[node] = _pair_hash(self._nodes[2 * node + 1], self._nodes[2 * node + 2])
        self.root = self._nodes[0]

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The siblings, of 32 bytes each, from the leaf with this index up. Raises RangeError if there is none."""
        place = self._places[check_uint("index", index, self.size - 1)]
        siblings = []
        while place:
            siblings.append(self._nodes[place + 1 if place % 2 else place - 1])
            place = (place - 1) // 2
        return tuple(siblings)


def build_batch(leaves: Iterable[CitizenLeaf]) -> Batch:
    """The batch of these citizens, given in any order.

    Raises RollError unless the indices are exactly 0 to size - 1 and every account and every person appears once: a
    second leaf of one account could never be activated, a second of one person never should.
    """
    ordered = sorted(leaves, key=lambda leaf: leaf.index)
    if not ordered:
        raise RollError("a batch needs at least one citizen")
    accounts: dict[str, int] = {}
    persons: dict[bytes, int] = {}
    for place, leaf in enumerate(ordered):
        if leaf.index != place:
            fault = "twice" if leaf.index < place else f"where {place} is missing"
            raise RollError(f"the indices are not 0 to {len(ordered) - 1}: {leaf.index} appears {fault}")
        if (other := accounts.setdefault(leaf.account, place)) != place:
            raise RollError(f"account {leaf.account} appears at index {other} and at index {place}")
        if (other := persons.setdefault(leaf.person, place)) != place:
            raise RollError(f"person 0x{leaf.person.hex()} appears at index {other} and at index {place}")
    return Batch(ordered)


def root_from_proof(leaf: CitizenLeaf, proof: Iterable[bytes]) -> bytes:
    """The root to which a proof leads from a leaf."""
    node = leaf.hash()
    for sibling in proof:
        node = _pair_hash(node, sibling)
    return node


def verify_proof(leaf: CitizenLeaf, proof: Iterable[bytes], root: bytes) -> bool:
    """Whether the batch with this root holds this leaf."""
    return root_from_proof(leaf, proof) == root


def _pair_hash(left: bytes, right: bytes) -> bytes:
    return keccak256(left + right if left < right else right + left)
