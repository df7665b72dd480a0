"""SQLite files of an oracle: whose they are, which form they have, and what is said when they cannot be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from eth_typing import ChecksumAddress

from sbi_network.oracle.errors import OracleStateError
from sbi_network.protocol.typed_data import Domain

_OWNER: Final = (
    "CREATE TABLE IF NOT EXISTS owner (only INTEGER PRIMARY KEY CHECK (only = 1), identity TEXT NOT NULL) STRICT"
)
_WAIT_SECONDS: Final = 5.0
MAX_KEPT_INTEGER: Final = 2**63 - 1
"""SQLite's largest; epochs and views beyond it are refused, as nothing honest comes near."""


def identity_of(signer: ChecksumAddress, domain: Domain) -> str:
    """Whose file it is, in words."""
    return f"oracle {signer}, registry {domain.verifying_contract}, chain {domain.chain_id}"


class StateFile:
    """A file of one oracle for one registry, in one version of its form.

    Raises OracleStateError wherever it cannot be read or written, is another oracle's, or of another version.
    """

    def __init__(self, path: Path | str, identity: str, version: int, schema: str) -> None:
        self._path = path
        with self.failures():
            self._db = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
            try:
                self._db.execute("PRAGMA synchronous=FULL")
                self._claim(identity, version, schema)
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.failures():
            return self._db.execute(query, values).fetchall()

    def write(self, statement: str, *values: Any) -> None:
        """One statement, on disk when this returns."""
        with self.failures():
            self._db.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it on disk at its end, or nothing."""
        with self.failures():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk ends some transactions by itself.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def failures(self) -> Iterator[None]:
        """SQLite's errors as OracleStateError, with the file's name."""
        try:
            yield
        except sqlite3.Error as error:
            raise OracleStateError(f"{self._path}: {error}") from error

    def _claim(self, identity: str, version: int, schema: str) -> None:
        with self.transaction() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found not in (0, version):
                raise OracleStateError(f"{self._path}: is of version {found}, expected {version}")
            for statement in (_OWNER, *schema.split(";")):  # executescript would commit the transaction
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {version:d}")
            db.execute("INSERT OR IGNORE INTO owner VALUES (1, ?)", (identity,))
            (owner,) = db.execute("SELECT identity FROM owner").fetchone()
            if owner != identity:
                raise OracleStateError(f"{self._path} belongs to {owner}; this is {identity}")


def check_kept_integers(*values: int) -> None:
    """Raises OracleStateError for what SQLite cannot hold."""
    for value in values:
        if not 0 <= value <= MAX_KEPT_INTEGER:
            raise OracleStateError(f"{value} is beyond what a state file can hold")
