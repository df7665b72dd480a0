"""What a deployment has signed so far, on disk before anybody is sent it: what a resumed one goes by."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from scripts._strict import Address, Strict, Whole, faults


class ProgressError(RuntimeError):
    """The notes of a deployment that was begun do not fit what is to be done now; says in what."""


class Begun(Strict):
    """What decides every byte of a deployment, noted before its first transaction."""

    chain_id: Whole
    chain_start: str
    deployer: Address
    first_nonce: Whole
    started: Whole
    genesis: Whole
    first_audited: Annotated[tuple[Whole, ...], Field(min_length=1)]
    recipe_sha256: str
    sources_sha256: str
    plan_sha256: str


class _Notes(Strict):
    begun: Begun
    signed: dict[int, list[str]]


class Progress:
    """A deployment's notes: one file, replaced whole at each change."""

    def __init__(self, path: Path, begun: Begun, signed: dict[int, list[bytes]] | None = None) -> None:
        self.path = path
        self.begun = begun
        self._signed = signed or {}

    @classmethod
    def read(cls, path: Path) -> Progress | None:
        """The notes at a path, or None where there are none. Raises ProgressError for a file that is something else."""
        if not path.is_file():
            return None
        try:
            notes = _Notes.model_validate_json(path.read_bytes())
            signed = {nonce: [bytes.fromhex(each) for each in each_time] for nonce, each_time in notes.signed.items()}
        except ValidationError as error:
            raise ProgressError(f"{path}: not the notes of a deployment: {faults(error)}") from None
        except ValueError as error:
            raise ProgressError(f"{path}: not the notes of a deployment: {error}") from None
        return cls(path, notes.begun, signed)

    def signed(self, nonce: int) -> list[bytes]:
        """The signed transactions of a nonce, oldest first: more than one if its fees were raised."""
        return list(self._signed.get(nonce, ()))

    def note(self, nonce: int, transaction: bytes) -> None:
        """Keeps a signed transaction; once this returns it is on disk."""
        self._signed.setdefault(nonce, []).append(transaction)
        self.write()

    def write(self) -> None:
        """The whole file, in one replacement."""
        signed = {nonce: [each.hex() for each in every] for nonce, every in self._signed.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace(self.path, _Notes(begun=self.begun, signed=signed).model_dump_json(indent=1) + "\n")

    def done(self) -> None:
        """The deployment is recorded: its notes go."""
        self.path.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else deploys by the notes at a path within the block, for two would take each other's nonces; the system
    lets go of it with the process, however that ends. Raises ProgressError if somebody does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProgressError(f"{path}: another process deploys by these notes; wait until it ends") from None
        yield


def replace(path: Path, text: str) -> None:
    """A file's new content: whole or not at all, also if the power fails."""
    fresh = path.with_suffix(".part")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
