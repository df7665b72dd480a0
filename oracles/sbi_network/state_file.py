"""SQLite files that daemons rely on: whose they are, which form they have, and what is said when they cannot be used.

A kind of file is a subclass with its `Form`; what it keeps is on disk when the method that keeps it returns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from sbi_network.errors import SBIError

_OWNER: Final = (
    "CREATE TABLE IF NOT EXISTS owner (only INTEGER PRIMARY KEY CHECK (only = 1), identity TEXT NOT NULL) STRICT"
)
_WAIT_SECONDS: Final = 5.0
"""How long to wait for another process that writes the same file."""

MAX_KEPT_INTEGER: Final = 2**63 - 1
"""SQLite's largest."""


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of file: the version of its `schema` (statements that may be run again), and the `error` of its kind."""

    version: int
    schema: str
    error: type[SBIError]


class StateFile:
    """A file of one owner, in one version of its form.

    Raises the form's error, with the file's name, wherever it cannot be read or written, is another's, or is of another
    version; such a file is left as it is.
    """

    FORM: ClassVar[Form]

    def __init__(self, path: Path | str, identity: str) -> None:
        self._path = path
        self._open()
        try:
            self._claim(identity)
        except BaseException:
            self._db.close()
            raise

    @classmethod
    def existing(cls, path: Path) -> Self:
        """A file that is there, whoever's it is."""
        file = cls.__new__(cls)
        file._path = path
        if not path.is_file():
            raise cls.FORM.error(f"{path}: there is no such file")
        file._open()
        try:
            with file.failures():
                file._check_version()
        except BaseException:
            file._db.close()
            raise
        return file

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def identity(self) -> str:
        """Whose it is, in words."""
        return str(self.rows("SELECT identity FROM owner")[0][0])

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
        """SQLite's errors as the form's, with the file's name."""
        try:
            yield
        except sqlite3.Error as error:
            raise self.FORM.error(f"{self._path}: {error}") from error

    def check_fits(self, *values: int) -> None:
        """Raises the form's error for what SQLite cannot hold."""
        for value in values:
            if not 0 <= value <= MAX_KEPT_INTEGER:
                raise self.FORM.error(f"{self._path}: {value} is beyond what it can hold")

    def _open(self) -> None:
        with self.failures():
            self._db = sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")

    def _claim(self, identity: str) -> None:
        with self.transaction() as db:
            (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables:
                self._check_version()
            for statement in (_OWNER, *self.FORM.schema.split(";")):  # executescript would commit the transaction
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {self.FORM.version:d}")
            db.execute("INSERT OR IGNORE INTO owner VALUES (1, ?)", (identity,))
            (owner,) = db.execute("SELECT identity FROM owner").fetchone()
            if owner != identity:
                raise self.FORM.error(f"{self._path} belongs to {owner}; this is {identity}")

    def _check_version(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found != self.FORM.version:
            raise self.FORM.error(f"{self._path}: is of version {found}, expected {self.FORM.version}")
