"""The signing guard: what is about to be signed is on disk before it is signed, and nothing else takes its place.

One row for each (configuration, epoch) that was observed, one for each (configuration, epoch, view) whose report was
signed. An observation's readings are kept with it, so that an oracle that restarts sends the same one again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eth_typing import ChecksumAddress

from sbi_network.oracle.errors import OracleStateError, SecondDigestError
from sbi_network.protocol.typed_data import Domain

_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    identity TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS observations (
    config BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    digest BLOB NOT NULL,
    readings BLOB NOT NULL,
    PRIMARY KEY (config, epoch)
) STRICT;
CREATE TABLE IF NOT EXISTS reports (
    config BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    view INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (config, epoch, view)
) STRICT;
"""
_LOCK_SECONDS = 5.0
_MAX_INTEGER = 2**63 - 1
"""SQLite's largest; epochs and views beyond it are refused, as nothing honest comes near."""


class SigningGuard:
    """A state file. Raises OracleStateError wherever it cannot be read or written, or is another oracle's.

    Two processes with one file see each other's rows: the second is held to what the first has signed.
    """

    def __init__(self, path: Path | str, signer: ChecksumAddress, domain: Domain) -> None:
        self._path = path
        with self._failures():
            self._db = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
            self._db.execute("PRAGMA synchronous=FULL")
            self._claim_file(f"oracle {signer}, registry {domain.verifying_contract}, chain {domain.chain_id}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def observed(self, config: bytes, epoch: int) -> bytes | None:
        """The readings of the observation that was claimed for an epoch, as they were given."""
        with self._failures():
            query = "SELECT readings FROM observations WHERE config = ? AND epoch = ?"
            row = self._db.execute(query, (config, epoch)).fetchone()
        return bytes(row[0]) if row else None

    def claim_observation(self, config: bytes, epoch: int, digest: bytes, readings: bytes) -> None:
        """Keep what is about to be signed. Raises SecondDigestError if another observation was claimed."""
        _check_kept_integers(epoch)
        with self._failures(), self._transaction():
            insert = "INSERT OR IGNORE INTO observations (config, epoch, digest, readings) VALUES (?, ?, ?, ?)"
            self._db.execute(insert, (config, epoch, digest, readings))
            query = "SELECT digest FROM observations WHERE config = ? AND epoch = ?"
            kept = bytes(self._db.execute(query, (config, epoch)).fetchone()[0])
        if kept != digest:
            raise SecondDigestError(f"observation of epoch {epoch}", kept, digest)

    def claim_report(self, config: bytes, epoch: int, view: int, digest: bytes) -> None:
        """Keep what is about to be signed. Raises SecondDigestError if another report was claimed for this view."""
        _check_kept_integers(epoch, view)
        with self._failures(), self._transaction():
            insert = "INSERT OR IGNORE INTO reports (config, epoch, view, digest) VALUES (?, ?, ?, ?)"
            self._db.execute(insert, (config, epoch, view, digest))
            query = "SELECT digest FROM reports WHERE config = ? AND epoch = ? AND view = ?"
            kept = bytes(self._db.execute(query, (config, epoch, view)).fetchone()[0])
        if kept != digest:
            raise SecondDigestError(f"report of epoch {epoch}, view {view}", kept, digest)

    def _claim_file(self, identity: str) -> None:
        with self._transaction():
            for statement in _SCHEMA.split(";"):  # executescript would commit the transaction
                self._db.execute(statement)
            self._db.execute("INSERT OR IGNORE INTO owner VALUES (1, ?)", (identity,))
            (found,) = self._db.execute("SELECT identity FROM owner").fetchone()
        if found != identity:
            raise OracleStateError(f"{self._path} belongs to {found}; this is {identity}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OracleStateError(f"{self._path}: {error}") from error


def _check_kept_integers(*values: int) -> None:
    for value in values:
        if not 0 <= value <= _MAX_INTEGER:
            raise OracleStateError(f"{value} is beyond what a state file can hold")
