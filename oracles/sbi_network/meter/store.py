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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_typing import ChecksumAddress

from sbi_network.meter.errors import ReadingStateError
from sbi_network.meter.measurement import Measurement
from sbi_network.protocol.json_form import Signed, encode_signed, message_from_object, message_to_object
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.typed_data import Domain
from sbi_network.state_file import Form, StateFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS origin (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    made_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS readings (
    epoch INTEGER PRIMARY KEY,
    reading TEXT NOT NULL,
    evidence TEXT NOT NULL,
    words TEXT NOT NULL,
    signed TEXT
) STRICT
"""


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


class ReadingStore(StateFile):
    """A state file. Raises ReadingStateError wherever it cannot be read or written, or is another meter's."""

    FORM = Form(1, _SCHEMA, ReadingStateError)

    def __init__(self, path: Path, identity: Identity, now: float) -> None:
        super().__init__(path, identity.text())
        self.write("INSERT OR IGNORE INTO origin VALUES (1, ?)", now)
        self.made_at = float(self.rows("SELECT made_at FROM origin")[0][0])
        """When the file was made, which is now if it is new."""

    def get(self, epoch: int) -> KeptReading | None:
        """The signed reading of an epoch, if there is one."""
        select = "SELECT epoch, signed, evidence, words FROM readings WHERE epoch = ? AND signed NOTNULL"
        found = self.rows(select, epoch)
        return _kept(found[0]) if found else None

    def last(self, count: int) -> list[KeptReading]:
        """The latest signed readings, newest first."""
        select = "SELECT epoch, signed, evidence, words FROM readings WHERE signed NOTNULL ORDER BY epoch DESC LIMIT ?"
        return [_kept(row) for row in self.rows(select, count)]

    def fixed(self, epoch: int) -> Reading | None:
        """What an epoch's reading says, once that is fixed: nothing else may ever be signed for it."""
        found = self.rows("SELECT reading FROM readings WHERE epoch = ?", epoch)
        return message_from_object(Reading, json.loads(found[0][0])) if found else None

    def fix(self, reading: Reading, measurement: Measurement) -> Reading:
        """Fix what an epoch's reading says, unless it is fixed already. Either way, what is fixed."""
        insert = "INSERT OR IGNORE INTO readings (epoch, reading, evidence, words) VALUES (?, ?, ?, ?)"
        said, evidence = json.dumps(message_to_object(reading)), json.dumps(measurement.as_object())
        self.write(insert, reading.epoch, said, evidence, measurement.words())
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
        self.write("UPDATE readings SET signed = ? WHERE epoch = ? AND signed IS NULL", encode_signed(signed), epoch)
        kept = self.get(epoch)
        if kept is None:
            raise ReadingStateError(f"{self._path}: the reading of epoch {epoch} was not kept")
        return kept


def _kept(row: tuple[Any, ...]) -> KeptReading:
    epoch, signed, evidence, words = row
    return KeptReading(epoch, signed, json.loads(evidence), words)
