"""The readings that this meter has signed: written before they are served, and never signed twice.

A facility that signs two different readings for one epoch is slashed, so this file is as precious as the key. What
holds that off:

- what a reading says is fixed on the disk (`synchronous=FULL`) *before* it is signed, once for each epoch: whoever
  measures the epoch again, this process after a crash or another one with the same file, is given what was fixed
  first, and can sign nothing else;
- the signed text is on the disk too before anybody sees it, and the very same text is served for ever;
- the file belongs to one facility, registry, chain and signer, and is refused to any other;
- the file remembers when it was made. An epoch that had ended by then is never signed: should the file be lost, the
  new one cannot contradict what the old one may have said.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from sbi_network.meter.errors import ReadingStateError
from sbi_network.meter.measurement import Measurement
from sbi_network.protocol.json_form import Signed, encode_signed, message_from_object, message_to_object
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.typed_data import Domain

_SCHEMA = """
CREATE TABLE IF NOT EXISTS owner (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    identity TEXT NOT NULL,
    made_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS readings (
    epoch INTEGER PRIMARY KEY,
    reading TEXT NOT NULL,
    evidence TEXT NOT NULL,
    words TEXT NOT NULL,
    signed TEXT
) STRICT;
"""
_LOCK_SECONDS = 5.0
MAX_EPOCH = 2**63 - 1
"""SQLite's largest integer."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose readings a file holds."""

    facility: int
    signer: ChecksumAddress
    domain: Domain

    def text(self) -> str:
        """As the file keeps it."""
        registry, chain = self.domain.verifying_contract, self.domain.chain_id
        return f"facility {self.facility}, signer {self.signer}, registry {registry}, chain {chain}"


@dataclass(frozen=True, slots=True)
class KeptReading:
    """`signed` is the JSON text that is served; `evidence` and `words` say what it rests on."""

    epoch: int
    signed: str
    evidence: dict[str, Any]
    words: str


class ReadingStore:
    """A state file. Raises ReadingStateError wherever it cannot be read or written, or is another meter's."""

    def __init__(self, path: Path, identity: Identity, now: float) -> None:
        self._path = path
        with self._failures():
            self._db = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
            self._db.execute("PRAGMA synchronous=FULL")
            self.made_at = self._claim(identity, now)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def get(self, epoch: int) -> KeptReading | None:
        """The signed reading of an epoch, if there is one."""
        select = "SELECT epoch, signed, evidence, words FROM readings WHERE epoch = ? AND signed NOTNULL"
        found = self._rows(select, epoch)
        return _kept(found[0]) if found else None

    def last(self, count: int) -> list[KeptReading]:
        """The latest signed readings, newest first."""
        select = "SELECT epoch, signed, evidence, words FROM readings WHERE signed NOTNULL ORDER BY epoch DESC LIMIT ?"
        return [_kept(row) for row in self._rows(select, count)]

    def fixed(self, epoch: int) -> Reading | None:
        """What an epoch's reading says, once that is fixed: nothing else may ever be signed for it."""
        found = self._rows("SELECT reading FROM readings WHERE epoch = ?", epoch)
        return message_from_object(Reading, json.loads(found[0][0])) if found else None

    def fix(self, reading: Reading, measurement: Measurement) -> Reading:
        """Fix what an epoch's reading says, unless it is fixed already. Either way, what is fixed."""
        insert = "INSERT OR IGNORE INTO readings (epoch, reading, evidence, words) VALUES (?, ?, ?, ?)"
        said, evidence = json.dumps(message_to_object(reading)), json.dumps(measurement.as_object())
        self._rows(insert, reading.epoch, said, evidence, measurement.words())
        fixed = self.fixed(reading.epoch)
        if fixed is None:
            raise ReadingStateError(f"{self._path}: the reading of epoch {reading.epoch} was not kept")
        return fixed

    def keep(self, signed: Signed[Reading]) -> KeptReading:
        """Keep the signature of a fixed reading, unless there is one already. Either way, the reading to serve.

        Raises ReadingStateError for a reading that is not what was fixed.
        """
        epoch = signed.message.epoch
        if self.fixed(epoch) != signed.message:
            raise ReadingStateError(f"{self._path}: another reading of epoch {epoch} is fixed than the one signed")
        self._rows("UPDATE readings SET signed = ? WHERE epoch = ? AND signed IS NULL", encode_signed(signed), epoch)
        kept = self.get(epoch)
        if kept is None:
            raise ReadingStateError(f"{self._path}: the reading of epoch {epoch} was not kept")
        return kept

    def _rows(self, statement: str, *parameters: int | str) -> list[Any]:
        """Every statement is a transaction of its own."""
        with self._failures():
            return self._db.execute(statement, parameters).fetchall()

    def _claim(self, identity: Identity, now: float) -> float:
        """When the file was made, which is now if it is new. Refuses a file of another identity."""
        self._db.executescript(_SCHEMA)
        self._db.execute("INSERT OR IGNORE INTO owner VALUES (1, ?, ?)", (identity.text(), now))
        found, made_at = self._db.execute("SELECT identity, made_at FROM owner").fetchone()
        if found != identity.text():
            raise ReadingStateError(f"{self._path} belongs to {found}; this meter is {identity.text()}")
        return float(made_at)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ReadingStateError(f"{self._path}: {error}") from error


def _kept(row: tuple[int, str, str, str]) -> KeptReading:
    epoch, signed, evidence, words = row
    return KeptReading(epoch, signed, json.loads(evidence), words)
