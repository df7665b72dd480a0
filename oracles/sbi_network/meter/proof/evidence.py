"""The `evidence` of a reading: which products prove it, as an OpenZeppelin Merkle tree of their digests."""

from __future__ import annotations

from collections.abc import Iterable

from sbi_network.errors import ProofError
from sbi_network.protocol.figure import ZERO_WORD, check_word
from sbi_network.protocol.keccak import keccak256


class Evidence:
    """The products behind a reading, by their EIP-712 digests. `root` is zero if there are none. Raises RangeError."""

    def __init__(self, digests: Iterable[bytes]) -> None:
        self.digests = tuple(sorted({check_word("digest", digest) for digest in digests}))
        # Hashed once more, so that no digest passes for a node's two hashes.
        self._levels = [[keccak256(digest) for digest in self.digests]]
        while len(self._levels[-1]) > 1:
            self._levels.append(_above(self._levels[-1]))
        self.root = self._levels[-1][0] if self.digests else ZERO_WORD

    def path(self, digest: bytes) -> tuple[bytes, ...]:
        """The siblings from a digest's leaf up. Raises ProofError for one that is not among them."""
        if digest not in self.digests:
            raise ProofError(f"no product with digest 0x{digest.hex()} is among the evidence")
        place = self.digests.index(digest)
        siblings = []
        for level in self._levels[:-1]:
            if place ^ 1 < len(level):
                siblings.append(level[place ^ 1])
            place >>= 1
        return tuple(siblings)


def lists(root: bytes, digest: bytes, path: Iterable[bytes]) -> bool:
    """Whether the evidence with this root lists a product."""
    node = keccak256(digest)
    for sibling in path:
        node = _pair(node, sibling)
    return node == root


def _above(level: list[bytes]) -> list[bytes]:
    pairs = [_pair(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _pair(one: bytes, other: bytes) -> bytes:
    return keccak256(one + other if one < other else other + one)
