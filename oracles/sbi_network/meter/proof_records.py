"""What this meter was asked to prove and how it answered: kept on disk, so that a restarted meter signs nothing else.

asked       the rules and the obligation of each epoch, as they were read from the chain
products    what was signed for each challenge: a second product of one challenge would cost the bond
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sbi_network.meter.audit_file import AuditFile
from sbi_network.meter.errors import ReadingStateError
from sbi_network.meter.evidence import BACKING, AuditResult, Probe, ProofWork, Terms, Witness
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.proof.challenge import Sizes
from sbi_network.meter.proof.evidence import Evidence
from sbi_network.meter.proof.obligations import Asked, Fleet, Obligation, Rules, audit_of
from sbi_network.meter.store import Identity
from sbi_network.protocol.json_form import Signed, decode_signed, encode_signed
from sbi_network.protocol.messages import Product
from sbi_network.protocol.typed_data import Domain
from sbi_network.protocol.units import ComputeClass
from sbi_network.state_file import Form, StateFile

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS asked (epoch INTEGER PRIMARY KEY, terms TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS products (
    epoch INTEGER NOT NULL,
    device BLOB NOT NULL,
    fleet TEXT NOT NULL,
    signed TEXT,
    ended_at INTEGER,
    passed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, device)
) STRICT
"""
_PPM_IN_BPS: Final = 100


@dataclass(frozen=True, slots=True)
class Duty:
    """What was asked of this facility in an epoch."""

    epoch: int
    rules: Rules
    obligation: Obligation


class ProofRecords(StateFile):
    """The file of one facility, and the auditor that it makes for the meter. `file` adds probes and other work.

    Raises ReadingStateError wherever it cannot be read or written, or is another meter's.
    """

    FORM = Form(1, _SCHEMA, ReadingStateError)
    file: AuditFile | None = None

    def __init__(self, path: Path | str, identity: Identity, file: AuditFile | None = None) -> None:
        super().__init__(path, identity.text())
        self.file = file

    def ask(self, duty: Duty, asked: Sequence[Asked]) -> None:
        """Note what an epoch asks, before it is answered: what is not answered has failed."""
        self.write("INSERT OR REPLACE INTO asked VALUES (?, ?)", duty.epoch, _encoded(duty))
        for each in asked:
            insert = "INSERT OR IGNORE INTO products (epoch, device, fleet) VALUES (?, ?, ?)"
            self.write(insert, duty.epoch, each.challenge.device, json.dumps(_fleet_object(each.fleet)))

    def keep(self, signed: Signed[Product], ended_at: int) -> Signed[Product]:
        """Keep what was signed for a challenge, unless there is something already. Either way, what may be served."""
        epoch, device = signed.message.epoch, signed.message.device
        update = "UPDATE products SET signed = ?, ended_at = ? WHERE epoch = ? AND device = ? AND signed IS NULL"
        self.write(update, encode_signed(signed), ended_at, epoch, device)
        return decode_signed(Product, self.rows(_SIGNED + " AND device = ?", epoch, device)[0][0])

    def signed_root(self, epoch: int, device: bytes) -> bytes | None:
        """The root that was signed for a challenge, if one was: nothing else may ever be."""
        found = self.rows(_SIGNED + " AND device = ?", epoch, device)
        return decode_signed(Product, found[0][0]).message.root if found else None

    def passed(self, epoch: int, device: bytes) -> None:
        """A product was in time, and its opening is good."""
        self.write("UPDATE products SET passed = 1 WHERE epoch = ? AND device = ?", epoch, device)

    def products(self, epoch: int) -> list[str]:
        """The signed products of an epoch, as JSON."""
        return [row[0] for row in self.rows(_SIGNED + " ORDER BY device", epoch)]

    def evidence(self, epoch: int, domain: Domain) -> Evidence:
        """What goes into an epoch's reading: the products whose opening was good."""
        found = self.rows(_SIGNED + " AND passed", epoch)
        return Evidence(decode_signed(Product, text).message.digest(domain) for (text,) in found)

    def duty(self, epoch: int | None = None) -> Duty | None:
        """What an epoch asked; without one, the latest."""
        query = "SELECT epoch, terms FROM asked WHERE epoch = ifnull(?, (SELECT max(epoch) FROM asked))"
        found = self.rows(query, epoch)
        return _decoded(*found[0]) if found else None

    def of_latest(self) -> LatestProofs:
        """The same auditor as of the last epoch that asked for anything, whatever the span."""
        return LatestProofs(self)

    def audits(self, span: EpochSpan) -> Sequence[AuditResult]:
        """The audits that hold for an epoch, one a class that was asked for."""
        duty = self.duty(span.epoch)
        if duty is None:
            return self.file.audits(span) if self.file and self.duty() is None else ()
        if not duty.rules.asked:
            return self.file.audits(span) if self.file else ()
        failed = self._failed(duty)
        # A class of which nothing is asked has nothing proved: it is audited with no challenge, and so counts nothing.
        return [audit_of(duty.obligation, duty.rules, duty.epoch, c, failed) for c in ComputeClass]

    def probes(self, span: EpochSpan) -> Sequence[Probe]:
        """Those of the file. Raises SourceError."""
        return self.file.probes(span) if self.file else ()

    def proving(self, span: EpochSpan) -> Sequence[ProofWork]:
        """The products that ended within a span, and what the file says. Raises SourceError."""
        query = "SELECT fleet, ended_at FROM products WHERE ended_at > ? AND ended_at <= ?"
        own = [(_fleet_from(json.loads(text)), at) for text, at in self.rows(query, span.start, span.end)]
        work = [ProofWork(fleet.compute_class, at, fleet.sizes.operations) for fleet, at in own]
        return [*work, *(self.file.proving(span) if self.file else ())]

    def terms(self, span: EpochSpan, own: Terms) -> Terms:
        """The network's, where proof is asked for."""
        duty = self.duty(span.epoch)
        return own if duty is None or not duty.rules.asked else weighed_by(duty, own)

    def prune(self, before: int) -> None:
        """Forget epochs that no tally reaches back to."""
        self.write("DELETE FROM products WHERE epoch < ?", before)
        self.write("DELETE FROM asked WHERE epoch < ?", before)

    def _failed(self, duty: Duty) -> dict[int, list[Fleet]]:
        first = duty.epoch - duty.rules.tally_epochs
        failed: dict[int, list[Fleet]] = {}
        query = "SELECT epoch, fleet FROM products WHERE NOT passed AND epoch > ? AND epoch <= ?"
        for epoch, text in self.rows(query, first, duty.epoch):
            failed.setdefault(epoch, []).append(_fleet_from(json.loads(text)))
        return failed


_SIGNED: Final = "SELECT signed FROM products WHERE epoch = ? AND signed NOTNULL"


class LatestProofs:
    """What is known of the last epoch that was asked, for whoever measures outside of epochs."""

    def __init__(self, records: ProofRecords) -> None:
        self._records = records

    def audits(self, span: EpochSpan) -> Sequence[AuditResult]:
        """As of that epoch."""
        return self._records.audits(self._at(span))

    def probes(self, span: EpochSpan) -> Sequence[Probe]:
        """Those of the span itself."""
        return self._records.probes(span)

    def proving(self, span: EpochSpan) -> Sequence[ProofWork]:
        """What ended within the span itself."""
        return self._records.proving(span)

    def terms(self, span: EpochSpan, own: Terms) -> Terms:
        """As of that epoch."""
        return self._records.terms(self._at(span), own)

    def _at(self, span: EpochSpan) -> EpochSpan:
        duty = self._records.duty()
        return span if duty is None else EpochSpan(duty.epoch, span.start, span.end)


def weighed_by(duty: Duty, own: Terms) -> Terms:
    """How evidence is weighed by the network's rules. Only the tolerance for measuring stays the facility's own."""
    general, intelligent, super_ = (bps * _PPM_IN_BPS for bps in duty.rules.unbacked_bps)
    backing = BACKING if duty.obligation.records_count else frozenset({Witness.DELIVERIES})
    return Terms(duty.rules.confidence_ppm, own.probe_tolerance_ppm, (general, intelligent, super_), backing)


def _encoded(duty: Duty) -> str:
    rules, obligation = duty.rules, duty.obligation
    return json.dumps(
        {
            "rules": {name: getattr(rules, name) for name in rules.__slots__},
            "fleets": [_fleet_object(fleet) for fleet in obligation.fleets],
            "recordsCount": obligation.records_count,
            "fromEpoch": obligation.from_epoch,
        }
    )


def _decoded(epoch: int, text: str) -> Duty:
    given = json.loads(text)
    caps = given["rules"].pop("unbacked_bps")
    rules = Rules(**given["rules"], unbacked_bps=(caps[0], caps[1], caps[2]))
    fleets = tuple(_fleet_from(each) for each in given["fleets"])
    return Duty(epoch, rules, Obligation(fleets, given["recordsCount"], given["fromEpoch"]))


def _fleet_object(fleet: Fleet) -> list[int]:
    sizes = fleet.sizes
    return [int(fleet.compute_class), fleet.devices, fleet.rate, fleet.pace, sizes.m, sizes.n, sizes.k]


def _fleet_from(given: Sequence[int]) -> Fleet:
    compute_class, devices, rate, pace, m, n, k = given
    return Fleet(ComputeClass(compute_class), devices, rate, pace, Sizes(m, n, k))
