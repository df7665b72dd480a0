"""Fetches the readings behind reports from the facilities, and keeps those that give the reported root: the facilities'
own signatures, and the chain's commitment, are all that is believed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import select

from sbi_network.errors import ProtocolError
from sbi_network.explorer import schema
from sbi_network.explorer.errors import DatabaseError
from sbi_network.explorer.state import Row, upsert
from sbi_network.explorer.store import Store
from sbi_network.oracle.transport import NoAnswerError, Transport
from sbi_network.protocol.agreement import NO_ENTRY, Entry, tree_of
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import MAX_TEXT_CHARS, Signed, decode_signed
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.typed_data import Domain

EPOCHS_BACK: Final = 32
"""How far back readings are still looked for."""

_TRIES: Final = 5
_MOST_FACILITIES: Final = 10_000

_log = structlog.get_logger("sbi.explorer.readings")


@dataclass(frozen=True, slots=True)
class _Report:
    """What the index knows of a report whose readings are wanted."""

    epoch: int
    root: str
    weights: tuple[int, int, int]
    shares_bps: tuple[int, ...]
    reading_keys: tuple[str, ...]


class ReadingCollector:
    """Looks for the readings of the latest reports, some times each."""

    def __init__(self, store: Store, transport: Transport, urls: Mapping[int, str], domain: Domain) -> None:
        self._store = store
        self._transport = transport
        self._urls = urls
        self._domain = domain
        self._tried: dict[str, int] = {}
        self.on_found: Callable[[], None] = lambda: None

    async def run(self, poll_seconds: float) -> None:
        """Collect until cancelled."""
        while True:
            try:
                await self.collect()
            except DatabaseError as error:
                _log.warning("readings_not_kept", reason=str(error))
            await asyncio.sleep(poll_seconds)

    async def collect(self) -> int:
        """One round over the latest reports. Returns how many of them now have their readings."""
        found = 0
        for report in await asyncio.to_thread(self._wanted):
            self._tried[report.root] = self._tried.get(report.root, 0) + 1
            readings = await self._fetch_all(report)
            rows = _rows_of(report, readings, self._domain)
            if rows is not None:
                await asyncio.to_thread(self._keep, rows)
                found += 1
            elif self._tried[report.root] == _TRIES:
                _log.warning("readings_do_not_give_root", epoch=report.epoch, fetched=sum(map(bool, readings)))
        if found:
            self.on_found()
        while len(self._tried) > 2 * EPOCHS_BACK:
            del self._tried[next(iter(self._tried))]
        return found

    def _wanted(self) -> list[_Report]:
        epochs, readings = schema.epochs, schema.readings
        reported = select(epochs).where(epochs.c.root.isnot(None), epochs.c.facility_count <= _MOST_FACILITIES)
        with self._store.reading() as connection:
            latest = connection.execute(reported.order_by(epochs.c.epoch.desc()).limit(EPOCHS_BACK)).mappings().all()
            wanted = []
            for row in latest:
                known = connection.execute(select(readings.c.root).where(readings.c.root == row["root"]).limit(1))
                if known.first() is None and self._tried.get(row["root"], 0) < _TRIES:
                    wanted.append(_report_of(connection, row))
        return wanted

    async def _fetch_all(self, report: _Report) -> list[Signed[Reading] | None]:
        facilities = range(len(report.shares_bps))
        return list(await asyncio.gather(*(self._fetch(report, facility) for facility in facilities)))

    async def _fetch(self, report: _Report, facility: int) -> Signed[Reading] | None:
        url = self._urls.get(facility)
        if url is None:
            return None
        try:
            answer = await self._transport.get(f"{url}/v1/readings/{report.epoch}", MAX_TEXT_CHARS)
            if not answer.is_ok:
                return None
            signed = decode_signed(Reading, answer.body)
            is_own = (signed.message.epoch, signed.message.facility) == (report.epoch, facility)
            return signed if is_own and signed.signer(self._domain) == report.reading_keys[facility] else None
        except (NoAnswerError, ProtocolError):
            return None

    def _keep(self, rows: Sequence[Row]) -> None:
        with self._store.writing() as connection:
            upsert(connection, schema.readings, rows)


def _report_of(connection: Any, row: Any) -> _Report:
    configs, terms, facilities = schema.configs, schema.facility_terms, schema.facilities
    weights = connection.execute(
        select(configs.c.weights).where(configs.c.version == row["config_version"])
    ).scalar_one()
    shares, keys = [], []
    for facility in range(row["facility_count"]):
        in_force = select(terms.c.public_share_bps).where(
            terms.c.facility == facility, terms.c.from_epoch <= row["epoch"]
        )
        shares.append(connection.execute(in_force.order_by(terms.c.from_epoch.desc()).limit(1)).scalar() or 0)
        keys.append(
            connection.execute(select(facilities.c.reading_key).where(facilities.c.facility == facility)).scalar()
        )
    general, intelligent, super_ = json.loads(weights)
    return _Report(row["epoch"], row["root"], (general, intelligent, super_), tuple(shares), tuple(keys))


def _rows_of(report: _Report, readings: Sequence[Signed[Reading] | None], domain: Domain) -> list[Row] | None:
    """The leaves that give the reported root; None where these readings do not."""
    entries = [_entry_of(each, domain) for each in readings]
    for chosen in _choices(entries):
        try:
            tree = tree_of(chosen, report.weights, report.shares_bps)
        except ProtocolError:
            continue
        if hex_of(tree.root) != report.root:
            continue
        return [
            {
                "root": report.root,
                "facility": leaf.facility,
                "epoch": report.epoch,
                "raw_general": leaf.sums.general,
                "raw_intelligent": leaf.sums.intelligent,
                "raw_super": leaf.sums.super_,
                "public_output": leaf.sums.public_output,
                "digest": hex_of(leaf.reading_digest),
                "signature": hex_of(signed.signature.to_compact()) if signed and any(leaf.reading_digest) else None,
            }
            for leaf, signed in zip(tree.leaves, readings, strict=True)
        ]
    return None


def _entry_of(signed: Signed[Reading] | None, domain: Domain) -> Entry:
    return Entry(*signed.message.raw, signed.message.digest(domain)) if signed else NO_ENTRY


def _choices(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """All of them; then, since oracles may not have had a reading that came late, all but one."""
    yield list(entries)
    for missing, entry in enumerate(entries):
        if entry != NO_ENTRY:
            yield [NO_ENTRY if place == missing else each for place, each in enumerate(entries)]
