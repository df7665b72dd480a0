"""The device's side: compute the product, commit to it, open what is asked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sbi_network.meter.proof.backends import Backend
from sbi_network.meter.proof.challenge import Challenge, opened_rows
from sbi_network.meter.proof.opening import OpenedRow, Opening
from sbi_network.meter.proof.tree import CBlock, RowHasher, Tree, row_bytes
from sbi_network.meter.proof.verifier import SharedCheck
from sbi_network.protocol.messages import Product


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds that the stages of a proof took. Where a backend works beside the hashing, `multiplying` is what it was
    waited for."""

    generating: float
    multiplying: float
    hashing: float


class Proof:
    """A computed product: `product` is what is to be signed. It keeps C until it is dropped, to open it."""

    def __init__(self, challenge: Challenge, blocks: list[CBlock], tree: Tree, stages: Stages) -> None:
        self.challenge = challenge
        self.product: Product = challenge.product(tree.root)
        self.stages = stages
        self._blocks = blocks
        self._tree = tree

    def open(self, second_beacon: bytes) -> Opening:
        """The rows that the second beacon picks, as they are: see `checked_opening`."""
        picked = opened_rows(self.challenge.a, second_beacon)
        return Opening(tuple([self.opened_row(row) for row in picked]))

    def opened_row(self, row: int) -> OpenedRow:
        """A row of C with its path."""
        block, place = divmod(row, len(self._blocks[0]))
        return OpenedRow(row_bytes(self._blocks[block][place]).tobytes(), self._tree.path(row))


def prove(challenge: Challenge, backend: Backend, *, has_b: bool = False) -> Proof:
    """Compute a challenge's product, all at once or in panels of rows. `has_b`: the backend holds its B already.

    A device that works by itself multiplies one panel while the next is generated, and the next while it is hashed.
    """
    sizes = challenge.sizes
    panel = min(backend.panel or sizes.m, sizes.m)
    hasher = RowHasher(sizes)
    clock = _Clock()
    blocks: list[CBlock] = []
    nodes: list[bytes] = []

    def fetch(running: Any) -> None:
        blocks.append(backend.fetch(running))
        clock.lap("multiplying")

    def hash_last() -> None:
        nodes.extend(hasher.nodes(blocks[-1]))
        clock.lap("hashing")

    try:
        if not has_b:
            backend.load_b(challenge.b)
        running: Any = None
        for first in range(0, sizes.m, panel):
            backend.load_a(challenge.a, first, panel)
            clock.lap("generating")
            # Fetched before more is begun: what a device is told it does in order, and a copy would wait for that.
            if first:
                fetch(running)
            running = backend.multiply()
            clock.lap("multiplying")
            if first:
                hash_last()
        fetch(running)
        hash_last()
        tree = Tree(nodes)
        clock.lap("hashing")
    finally:
        hasher.close()
    return Proof(challenge, blocks, tree, Stages(**clock.seconds))


def checked_opening(proof: Proof, second_beacon: bytes) -> Opening:
    """The opening, for sending: checked as oracles do. It takes their pass over B, after the deadline.

    Raises WrongProductError where a row is wrong. Whoever then keeps the opening back is not credited; whoever sends it
    hands out the proof that costs the bond, and a flipped bit of memory is enough for that.
    """
    opening = proof.open(second_beacon)
    SharedCheck(proof.challenge.b, second_beacon).check(proof.product, opening)
    return opening


class _Clock:
    def __init__(self) -> None:
        self.seconds = {"generating": 0.0, "multiplying": 0.0, "hashing": 0.0}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now
