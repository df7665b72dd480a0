"""What this oracle saw others sign, kept as evidence: two messages meet here wherever they were sent."""

from __future__ import annotations

import structlog

from sbi_network.oracle.archive import Archive, Equivocation
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.terms import EpochTerms
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Report

_log = structlog.get_logger("sbi.oracle")


class Testimony:
    """The witness of all epochs. Evidence against this oracle's own key parks it: the key signs elsewhere."""

    def __init__(self, archive: Archive, desk: SigningDesk) -> None:
        self._archive = archive
        self._desk = desk

    def saw_report(self, terms: EpochTerms, oracle: int, signed: Signed[Report]) -> None:
        """Keep it; should another one of this view be known, both are evidence."""
        seen = self._archive.note(oracle, signed)
        if seen is not None:
            self._tell(terms, seen)

    def saw_two(self, terms: EpochTerms, seen: Equivocation) -> None:
        """Keep both."""
        self._archive.note(seen.number, seen.first)
        if self._archive.note(seen.number, seen.second) is not None:
            self._tell(terms, seen)

    def _tell(self, terms: EpochTerms, seen: Equivocation) -> None:
        domain = terms.config.domain
        first, second = (hex_of(each.message.digest(domain)) for each in (seen.first, seen.second))
        _log.error("equivocation", epoch=terms.epoch, kind=seen.kind, number=seen.number, first=first, second=second)
        if seen.kind != "reading" and terms.config.signers[seen.number] == self._desk.address:
            self._archive.close_case(seen, "is this oracle's own")
            self._desk.park(f"another process signs with this key: two of one {seen.kind} of epoch {seen.epoch}")
