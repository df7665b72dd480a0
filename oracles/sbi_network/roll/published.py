"""A citizen's proof out of a published roll, reading only what it takes: some hundred places of the files."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_typing import ChecksumAddress
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbi_network.errors import ProtocolError, RollError
from sbi_network.protocol.address import address_bytes, check_address
from sbi_network.protocol.figure import UINT32_MAX, WORD_BYTES, bytes_of_hex, hex_of
from sbi_network.roll.batch import verify_proof
from sbi_network.roll.layout import (
    LEAF_WIDTH,
    LEAVES,
    NODE_WIDTH,
    TREE,
    BatchEntry,
    Manifest,
    batch_folder,
    read_manifest,
)
from sbi_network.roll.leaf import CitizenLeaf


@dataclass(frozen=True, slots=True)
class CitizenProof:
    """Everything a citizen needs to activate, but the number that the chain gave the batch."""

    batch: BatchEntry
    leaf: CitizenLeaf
    proof: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """As `sbi roll prove` prints it."""
        return {
            "root": hex_of(self.batch.root),
            "region": self.batch.region,
            "size": self.batch.size,
            "index": self.leaf.index,
            "account": self.leaf.account,
            "person": hex_of(self.leaf.person),
            "proof": [hex_of(sibling) for sibling in self.proof],
        }


_MAX_PROOF_BYTES: Final = 1 << 16


class _Proof(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    root: str
    region: int = Field(ge=0, le=UINT32_MAX)
    size: int = Field(ge=1, le=UINT32_MAX)
    index: int = Field(ge=0, le=UINT32_MAX)
    account: str
    person: str
    proof: list[str] = Field(max_length=40)


def read_proof(path: Path) -> CitizenProof:
    """A proof from a file that `sbi roll prove` printed, seen to lead to its root. Raises RollError."""
    try:
        with path.open("rb") as file:
            given = _Proof.model_validate_json(file.read(_MAX_PROOF_BYTES))
        root, person = (bytes_of_hex(name, getattr(given, name), WORD_BYTES) for name in ("root", "person"))
        leaf = CitizenLeaf(given.index, check_address("account", given.account), person)
        proof = tuple(bytes_of_hex("proof", sibling, WORD_BYTES) for sibling in given.proof)
    except OSError as error:
        raise RollError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValidationError, ProtocolError) as error:
        raise RollError(f"{path}: is no proof: {error}") from None
    if given.index >= given.size or not verify_proof(leaf, proof, root):
        raise RollError(f"{path}: the proof does not lead from {leaf.account} to the root {given.root}")
    return CitizenProof(BatchEntry(0, given.region, given.size, root), leaf, proof)


class PublishedRoll:
    """A roll on disk. Its files are mapped, not read. Use `open_roll`."""

    def __init__(self, folder: Path, manifest: Manifest, leaves: list[mmap.mmap], trees: list[mmap.mmap]) -> None:
        self.folder = folder
        self.manifest = manifest
        self._leaves = leaves
        self._trees = trees

    def find(self, account: ChecksumAddress) -> tuple[BatchEntry, CitizenLeaf] | None:
        """An account's batch and leaf; None if the roll does not hold it."""
        key = address_bytes(check_address("account", account))
        for batch, leaves in zip(self.manifest.batches, self._leaves, strict=True):
            index = _lower_bound(leaves, LEAF_WIDTH, 0, batch.size, key)
            row = leaves[index * LEAF_WIDTH : (index + 1) * LEAF_WIDTH]
            if row[: len(key)] == key:
                return batch, CitizenLeaf(index, account, bytes(row[len(key) :]))
        return None

    def prove(self, account: ChecksumAddress) -> CitizenProof:
        """An account's proof. Raises RollError if the roll does not hold it, or is damaged where it should."""
        found = self.find(account)
        if found is None:
            raise RollError(f"account {account} is not on this roll of {self.manifest.size:,} citizens")
        batch, leaf = found
        proof = self._siblings(batch, leaf.hash())
        if proof is None or not verify_proof(leaf, proof, batch.root):
            raise RollError(
                f"{batch_folder(self.folder, batch.number)}: the leaf of {account} does not lead to the root"
            )
        return CitizenProof(batch, leaf, proof)

    def _siblings(self, batch: BatchEntry, leaf_hash: bytes) -> tuple[bytes, ...] | None:
        tree, nodes = self._trees[batch.number], 2 * batch.size - 1
        node = _descending_place(tree, batch.size - 1, nodes, leaf_hash)
        if node is None:
            return None
        siblings = []
        while node:
            sibling = node + 1 if node % 2 else node - 1
            siblings.append(tree[sibling * NODE_WIDTH : (sibling + 1) * NODE_WIDTH])
            node = (node - 1) // 2
        return tuple(siblings)


@contextmanager
def open_roll(folder: Path) -> Iterator[PublishedRoll]:
    """A published roll, for the time of the block. Raises RollError."""
    manifest = read_manifest(folder)
    with ExitStack() as stack:

        def mapped(path: Path) -> mmap.mmap:
            file = stack.enter_context(path.open("rb"))
            return stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

        folders = [batch_folder(folder, batch.number) for batch in manifest.batches]
        leaves, trees = [mapped(each / LEAVES) for each in folders], [mapped(each / TREE) for each in folders]
        yield PublishedRoll(folder, manifest, leaves, trees)


def _lower_bound(rows: mmap.mmap, width: int, low: int, high: int, key: bytes) -> int:
    """The first row from `low` to `high` that does not begin with less than `key`."""
    while low < high:
        middle = (low + high) // 2
        if rows[middle * width : middle * width + len(key)] < key:
            low = middle + 1
        else:
            high = middle
    return low


def _descending_place(tree: mmap.mmap, low: int, end: int, leaf_hash: bytes) -> int | None:
    high = end
    while low < high:
        middle = (low + high) // 2
        if tree[middle * NODE_WIDTH : (middle + 1) * NODE_WIDTH] > leaf_hash:
            low = middle + 1
        else:
            high = middle
    return low if low < end and tree[low * NODE_WIDTH : (low + 1) * NODE_WIDTH] == leaf_hash else None
