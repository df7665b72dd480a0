"""What the tests of the proof of compute share: challenges small enough to be worked out in plain integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sbi_network.meter.proof import Challenge, Sizes
from sbi_network.meter.proof.opening import OpenedRow, Opening
from sbi_network.meter.proof.prover import Proof, Stages
from sbi_network.meter.proof.tree import RowHasher, Tree
from sbi_network.protocol.keccak import keccak256

BEACON = keccak256(b"first beacon")
SECOND = keccak256(b"second beacon")
SIZES = Sizes(128, 64, 256)


def challenge(facility: int = 3, beacon: bytes = BEACON, sizes: Sizes = SIZES, device: str = "gpu 0") -> Challenge:
    """A challenge of epoch 7."""
    return Challenge(facility, 7, keccak256(device.encode()), beacon, sizes)


def plain_product(asked: Challenge) -> npt.NDArray[np.int64]:
    """C in 64-bit integers."""
    a = asked.a.rows(0, asked.sizes.m).astype(np.int64)
    b = asked.b.rows(0, asked.sizes.n).astype(np.int64)
    return a @ b.T


def committed(asked: Challenge, c: npt.NDArray[Any]) -> Proof:
    """The proof of whoever commits to this C, whatever it is."""
    block = c.astype(np.int32)
    hasher = RowHasher(asked.sizes, threads=1)
    try:
        tree = Tree(hasher.nodes(block))
    finally:
        hasher.close()
    return Proof(asked, [block], tree, Stages(0, 0, 0))


def resized(opening: Opening, **changes: Any) -> Opening:
    """The same opening, its first row changed."""
    first, *rest = opening.rows
    return Opening((OpenedRow(**{"data": first.data, "path": first.path} | changes), *rest))
