"""A published roll: a folder that holds all its batches and everything that a proof needs.

    roll.json                     the manifest: batches, and the earlier ones that it was checked against
    persons.bin                   every person, sorted:  person 32 | batch 4 | index 4     (40 bytes each, big-endian)
    batch-0000/leaves.bin         citizens by index:     account 20 | person 32            (52 bytes each)
    batch-0000/tree.bin           the tree's nodes:      2 × size - 1 hashes of 32 bytes

An index is the account's rank in its batch: the order says nothing about the register that the roll came from, and an
account is found by searching the leaves. `tree.bin` is the array of `@openzeppelin/merkle-tree`: the root is node 0,
the children of node i are 2i + 1 and 2i + 2, and the leaf hashes stand at the end, in descending order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbi_network.errors import FormatError, RollError
from sbi_network.protocol.figure import UINT32_MAX, WORD_BYTES, bytes_of_hex, hex_of

MANIFEST: Final = "roll.json"
PERSONS: Final = "persons.bin"
LEAVES: Final = "leaves.bin"
TREE: Final = "tree.bin"
FORMAT: Final = "sbi-roll-1"

LEAF_WIDTH: Final = 52
NODE_WIDTH: Final = 32
PERSONS_WIDTH: Final = 40

_MAX_MANIFEST_BYTES: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """A batch of a roll, as its manifest has it. `number` counts within the roll; the chain gives another."""

    number: int
    region: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a roll, and the roots of the earlier batches that it was checked against for duplicates."""

    batches: tuple[BatchEntry, ...]
    earlier: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Citizens in all batches."""
        return sum(batch.size for batch in self.batches)


class _Batch(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    region: int = Field(ge=0, le=UINT32_MAX)
    size: int = Field(ge=1, le=UINT32_MAX)
    root: str


class _Roll(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: str
    batches: list[_Batch] = Field(min_length=1)
    earlier: list[str]


def batch_folder(roll: Path, number: int) -> Path:
    """Where a batch's files are."""
    return roll / f"batch-{number:04}"


def write_manifest(roll: Path, manifest: Manifest) -> None:
    """Write `roll.json`."""
    text: dict[str, Any] = {
        "format": FORMAT,
        "batches": [
            {"region": batch.region, "size": batch.size, "root": hex_of(batch.root)} for batch in manifest.batches
        ],
        "earlier": [hex_of(root) for root in manifest.earlier],
    }
    (roll / MANIFEST).write_text(json.dumps(text, indent=1) + "\n", encoding="ascii")


def read_manifest(roll: Path) -> Manifest:
    """Read `roll.json`, and see that the files it speaks of have the sizes that follow. Raises RollError."""
    path = roll / MANIFEST
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_MANIFEST_BYTES)
        given = _Roll.model_validate_json(text)
        manifest = Manifest(
            tuple(
                BatchEntry(number, batch.region, batch.size, bytes_of_hex("root", batch.root, WORD_BYTES))
                for number, batch in enumerate(given.batches)
            ),
            tuple(bytes_of_hex("earlier", root, WORD_BYTES) for root in given.earlier),
        )
    except FileNotFoundError:
        raise RollError(f"{roll}: is no published roll: there is no {MANIFEST} in it") from None
    except OSError as error:
        raise RollError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValidationError, FormatError) as error:
        raise RollError(f"{path}: is no manifest of a roll: {error}") from None
    if given.format != FORMAT:
        raise RollError(f"{path}: format {given.format[:40]!r}, expected {FORMAT!r}")
    _check_sizes(roll, manifest)
    return manifest


def check_root(roll: Path, batch: BatchEntry) -> None:
    """Raises RollError if the tree's root is not the manifest's: the least to know before it goes on chain."""
    tree = batch_folder(roll, batch.number) / TREE
    with tree.open("rb") as file:
        if file.read(NODE_WIDTH) != batch.root:
            raise RollError(f"{tree}: the root is another than the manifest's")


def _check_sizes(roll: Path, manifest: Manifest) -> None:
    expected = {roll / PERSONS: manifest.size * PERSONS_WIDTH}
    for batch in manifest.batches:
        folder = batch_folder(roll, batch.number)
        expected[folder / LEAVES] = batch.size * LEAF_WIDTH
        expected[folder / TREE] = (2 * batch.size - 1) * NODE_WIDTH
    for path, size in expected.items():
        try:
            given = path.stat().st_size
        except OSError as error:
            raise RollError(f"{path}: cannot be read ({error.strerror})") from None
        if given != size:
            raise RollError(f"{path}: {given} bytes, expected {size}: the roll is not whole")
