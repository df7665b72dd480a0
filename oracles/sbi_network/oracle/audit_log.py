"""What this oracle saw of facilities' proofs: kept for the tallies, for a restart, and for whoever disputes.

seen        the products that came, and when: at most two for a challenge, since two are evidence
failures    the challenges that were not passed, with the reason
wrong       wrong products, each with one entry that the chain can be shown, and whether it was
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_typing import ChecksumAddress

from sbi_network.meter.proof import Sizes, Verdict, WrongEntry
from sbi_network.meter.proof.obligations import Asked, Fleet
from sbi_network.oracle.errors import OracleStateError
from sbi_network.oracle.identity import identity_of
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import Signed, decode_signed, encode_signed
from sbi_network.protocol.messages import Product
from sbi_network.protocol.typed_data import Domain
from sbi_network.protocol.units import ComputeClass
from sbi_network.state_file import Form, StateFile

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seen (
    epoch INTEGER NOT NULL,
    facility INTEGER NOT NULL,
    device BLOB NOT NULL,
    signed TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (epoch, facility, device, signed)
) STRICT;
CREATE TABLE IF NOT EXISTS failures (
    epoch INTEGER NOT NULL,
    facility INTEGER NOT NULL,
    device BLOB NOT NULL,
    fleet TEXT NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (epoch, facility, device)
) STRICT;
CREATE TABLE IF NOT EXISTS wrong (
    digest BLOB PRIMARY KEY,
    epoch INTEGER NOT NULL,
    facility INTEGER NOT NULL,
    signed TEXT NOT NULL,
    entry TEXT NOT NULL,
    ending TEXT
) STRICT
"""
_MOST_SHOWN: Final = 20
"""Wrong products that are shown at once: each comes with a segment of up to 16 KiB."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A signed product, and one entry of it that is wrong. `ending` says what came of it on chain."""

    signed: Signed[Product]
    entry: WrongEntry
    ending: str | None

    def as_object(self) -> dict[str, Any]:
        """All that `disprove` and `slashForProduct` take, as JSON."""
        return {
            "product": json.loads(encode_signed(self.signed)),
            "entry": json.loads(_entry_text(self.entry)),
            "ending": self.ending,
        }


class AuditLog(StateFile):
    """An oracle's audit log. Raises OracleStateError wherever it cannot be read or written."""

    FORM = Form(1, _SCHEMA, OracleStateError)

    def __init__(self, path: Path | str, signer: ChecksumAddress, domain: Domain) -> None:
        super().__init__(path, identity_of("audits", signer, domain))

    def note_seen(self, signed: Signed[Product], at_ms: int) -> None:
        """A product came. Of a challenge two are kept: a third adds nothing."""
        product = signed.message
        query = "SELECT signed FROM seen WHERE (epoch, facility, device) = (?, ?, ?)"
        known = [text for (text,) in self.rows(query, product.epoch, product.facility, product.device)]
        messages = {decode_signed(Product, text).message for text in known}
        if product not in messages and len(messages) < 2:
            insert = "INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?, ?)"
            self.write(insert, product.epoch, product.facility, product.device, encode_signed(signed), at_ms)

    def seen(self, epoch: int, facility: int, device: bytes) -> list[tuple[Signed[Product], int]]:
        """The products of a challenge that came, in order, and when."""
        query = "SELECT signed, at_ms FROM seen WHERE (epoch, facility, device) = (?, ?, ?) ORDER BY at_ms, rowid"
        return [(decode_signed(Product, text), at) for text, at in self.rows(query, epoch, facility, device)]

    def note_failure(self, asked: Asked, verdict: Verdict) -> None:
        """A challenge was not passed."""
        challenge = asked.challenge
        insert = "INSERT OR IGNORE INTO failures VALUES (?, ?, ?, ?, ?)"
        place = challenge.epoch, challenge.facility, challenge.device
        self.write(insert, *place, _fleet_text(asked.fleet), verdict.name)

    def failed(self, facility: int, first: int, last: int) -> dict[int, list[Fleet]]:
        """By epoch, the fleet of each device of a facility that did not pass."""
        query = "SELECT epoch, fleet FROM failures WHERE facility = ? AND epoch BETWEEN ? AND ?"
        failed: dict[int, list[Fleet]] = {}
        for epoch, text in self.rows(query, facility, first, last):
            failed.setdefault(epoch, []).append(_fleet_from(text))
        return failed

    def keep_wrong(self, digest: bytes, signed: Signed[Product], entry: WrongEntry) -> None:
        """A product is wrong, and this entry shows it."""
        product = signed.message
        insert = "INSERT OR IGNORE INTO wrong VALUES (?, ?, ?, ?, ?, NULL)"
        self.write(insert, digest, product.epoch, product.facility, encode_signed(signed), _entry_text(entry))

    def close_wrong(self, digest: bytes, ending: str) -> None:
        """What came of it on chain."""
        self.write("UPDATE wrong SET ending = ? WHERE digest = ?", ending, digest)

    def wrong(self, *, only_open: bool = False) -> list[Wrong]:
        """Wrong products, the newest first: all that anybody needs to dispute them."""
        where = "WHERE ending IS NULL" if only_open else ""
        query = f"SELECT signed, entry, ending FROM wrong {where} ORDER BY epoch DESC LIMIT ?"  # noqa: S608 - constant
        return [
            Wrong(decode_signed(Product, signed), _entry_from(entry), ending)
            for signed, entry, ending in self.rows(query, _MOST_SHOWN)
        ]

    def prune(self, oldest_failure: int, oldest_evidence: int) -> None:
        """Forget what no tally reaches back to, and evidence that no contract takes."""
        with self.transaction() as db:
            db.execute("DELETE FROM failures WHERE epoch < ?", (oldest_failure,))
            db.execute("DELETE FROM seen WHERE epoch < ?", (oldest_evidence,))
            db.execute("DELETE FROM wrong WHERE epoch < ?", (oldest_evidence,))


def _fleet_text(fleet: Fleet) -> str:
    sizes = fleet.sizes
    return json.dumps([int(fleet.compute_class), fleet.devices, fleet.rate, fleet.pace, sizes.m, sizes.n, sizes.k])


def _fleet_from(text: str) -> Fleet:
    compute_class, devices, rate, pace, m, n, k = json.loads(text)
    return Fleet(ComputeClass(compute_class), devices, rate, pace, Sizes(m, n, k))


def _entry_text(entry: WrongEntry) -> str:
    return json.dumps(
        {
            "row": entry.row,
            "column": entry.column,
            "segment": hex_of(entry.segment),
            "path": [hex_of(each) for each in entry.path],
            "claimed": entry.claimed,
            "computed": entry.computed,
        }
    )


def _entry_from(text: str) -> WrongEntry:
    given = json.loads(text)
    segment, path = bytes.fromhex(given["segment"][2:]), tuple(bytes.fromhex(each[2:]) for each in given["path"])
    return WrongEntry(given["row"], given["column"], segment, path, given["claimed"], given["computed"])
