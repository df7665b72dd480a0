"""The relayer's file: jobs, the bundles they were sent in, and the payers' places in their sequences of nonces.

Each method is one transaction of SQLite, on disk when it returns.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sbi_network.protocol.address import check_address
from sbi_network.protocol.typed_data import Address
from sbi_network.relay.errors import RelayError
from sbi_network.relay.jobs import OUTSTANDING, WAITING, FeeState, Job, JobState, Kind, Record
from sbi_network.relay.requests import read_kept
from sbi_network.state_file import Form, StateFile


def _listed(states: Iterable[str]) -> str:
    return ", ".join(f"'{state}'" for state in states)


_LIVE: Final = f"(state IN ({_listed(WAITING)}) OR fee_state IN ({_listed(OUTSTANDING)}))"
"""Jobs whose payer's balance is spoken for."""

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS seal (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    quote_key BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS payers (
    payer TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS bundles (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    intent INTEGER,
    block_hash TEXT,
    is_open INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS open_bundles ON bundles (number) WHERE is_open;
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    payer TEXT NOT NULL,
    value TEXT NOT NULL,
    fee TEXT NOT NULL,
    collector TEXT NOT NULL,
    body TEXT NOT NULL,
    is_wallet INTEGER NOT NULL,
    gas INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    accepted_block INTEGER NOT NULL,
    state TEXT NOT NULL,
    bundle INTEGER,
    reason TEXT,
    tx_hash TEXT,
    block_number INTEGER,
    is_final INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    fee_state TEXT NOT NULL,
    fee_bundle INTEGER,
    fee_tx_hash TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
CREATE INDEX IF NOT EXISTS jobs_by_fee_state ON jobs (fee_state);
CREATE INDEX IF NOT EXISTS live_jobs ON jobs (payer) WHERE {_LIVE};
CREATE INDEX IF NOT EXISTS withheld_fees ON jobs (payer) WHERE fee_state = 'withheld';
CREATE INDEX IF NOT EXISTS jobs_by_bundle ON jobs (bundle);
CREATE INDEX IF NOT EXISTS jobs_by_fee_bundle ON jobs (fee_bundle);
CREATE TABLE IF NOT EXISTS nonces (
    payer TEXT NOT NULL,
    nonce TEXT NOT NULL,
    job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    PRIMARY KEY (payer, nonce)
) STRICT;
CREATE INDEX IF NOT EXISTS nonces_by_job ON nonces (job)
"""

_KEY_BYTES: Final = 32
_RECORD: Final = (
    "number, name, kind, collector, body, is_wallet, gas, accepted_at, accepted_block, state, reason, tx_hash, "
    "block_number, is_final, tries, fee_state, fee_tx_hash"
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A job that passed the gate, and what was learned there. `position` is the payer's next, if it changed."""

    name: str
    job: Job
    collector: Address
    is_wallet: bool
    gas: int
    at: int
    block: int
    position: int | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is sent in one transaction: jobs whose deed it does, and jobs whose fee it collects."""

    number: int
    deeds: tuple[Record, ...]
    fees: tuple[Record, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All of them."""
        return (*self.deeds, *self.fees)


@dataclass(frozen=True, slots=True)
class OpenBundle:
    """How a bundle under way stands, without what is in it.

    `intent` is the outbox's number, None while it may not have it; `block_hash` that of the block which was looked at.
    """

    number: int
    intent: int | None
    block_hash: str | None


class RelayStore(StateFile):
    """A relayer's file. Raises RelayError wherever it cannot be read or written."""

    FORM = Form(1, _SCHEMA, RelayError)

    def __init__(self, path: Path | str, identity: str) -> None:
        super().__init__(path, identity)
        self.write("INSERT OR IGNORE INTO seal VALUES (1, ?)", secrets.token_bytes(_KEY_BYTES))
        self.quote_key = bytes(self.rows("SELECT quote_key FROM seal")[0][0])

    # Jobs

    def keep(self, admitted: Sequence[Admitted]) -> list[bool]:
        """Keep jobs, all of them or none; whether each was kept: a nonce of another live job's stands in the way."""
        with self.transaction():
            return [self._keep(each) for each in admitted]

    def find(self, name: str) -> Record | None:
        """A job by its name."""
        with self.failures():
            found = self._records("name = ?", name)
        return found[0] if found else None

    def queued(self, limit: int) -> list[Record]:
        """Jobs that wait to be sent, in the order in which they came."""
        with self.failures():
            return self._records("state = ? ORDER BY number LIMIT ?", JobState.QUEUED, limit)

    def due_fees(self, limit: int) -> list[Record]:
        """Jobs whose fee is due, in the order in which they came."""
        with self.failures():
            return self._records("fee_state = ? ORDER BY number LIMIT ?", FeeState.DUE, limit)

    def is_nonce_taken(self, payer: Address, nonce: str) -> bool:
        """Whether a live job has a nonce."""
        with self.failures():
            return self._live_with(payer, nonce) is not None

    def spoken_for(self, payer: Address) -> tuple[int, int]:
        """What a payer's live jobs will take, wei, and how many of them wait."""
        query = f"SELECT state, value, fee_state, fee FROM jobs WHERE payer = ? AND {_LIVE}"  # noqa: S608
        with self.failures():
            rows = self._db.execute(query, (payer,)).fetchall()
        waiting = [int(value) for state, value, _, _ in rows if state in WAITING]
        fees = [int(fee) for _, _, fee_state, fee in rows if fee_state in OUTSTANDING]
        return sum(waiting) + sum(fees), len(waiting)

    def position(self, payer: Address) -> int:
        """The next of a payer's nonces."""
        with self.failures():
            row = self._db.execute("SELECT position FROM payers WHERE payer = ?", (payer,)).fetchone()
        return 0 if row is None else int(row[0])

    def waiting(self) -> int:
        """How many jobs are not in a block yet."""
        return int(self.rows(f"SELECT COUNT(*) FROM jobs WHERE state IN ({_listed(WAITING)})")[0][0])  # noqa: S608

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state."""
        with self.failures():
            rows = self._db.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state")
            found = {JobState(state): int(count) for state, count in rows}
        return {state: found.get(state, 0) for state in JobState}

    def oldest(self, states: Iterable[JobState]) -> int | None:
        """When the oldest job in one of these states was accepted, seconds; None if there is none."""
        query = f"SELECT MIN(accepted_at) FROM jobs WHERE state IN ({_listed(states)})"  # noqa: S608
        found = self.rows(query)[0][0]
        return None if found is None else int(found)

    def fee_counts(self) -> dict[FeeState, int]:
        """How many fees are in each state."""
        with self.failures():
            rows = self._db.execute("SELECT fee_state, COUNT(*) FROM jobs GROUP BY fee_state")
            found = {FeeState(state): int(count) for state, count in rows}
        return {state: found.get(state, 0) for state in FeeState}

    def end(self, record: Record, state: JobState, reason: str) -> None:
        """A job that is not done: skipped or expired. What it would have cost is not asked."""
        with self.transaction():
            self._end(record, state, reason)

    def lapse_fee(self, record: Record) -> None:
        """A fee whose window closed before it could be collected."""
        with self.transaction():
            self._set(record, fee_state=FeeState.LAPSED, fee_bundle=None)

    def has_withheld(self, payer: Address) -> bool:
        """Whether a payer, as far as is remembered, had something done and kept its fee."""
        query = "SELECT EXISTS (SELECT 1 FROM jobs WHERE payer = ? AND fee_state = 'withheld')"
        return bool(self.rows(query, payer)[0][0])

    def forget_ended(self, before: int) -> int:
        """Drop jobs accepted before a time (seconds) of which nothing is open; how many."""
        query = f"DELETE FROM jobs WHERE accepted_at < ? AND NOT {_LIVE} AND (is_final OR state NOT IN ('made'))"  # noqa: S608
        with self.transaction():
            count = self._db.execute(query, (before,)).rowcount
            self._db.execute(
                "DELETE FROM bundles WHERE NOT is_open AND NOT EXISTS "
                "(SELECT 1 FROM jobs WHERE bundle = bundles.number OR fee_bundle = bundles.number)"
            )
        return count

    # Bundles

    def open_bundle(self, deeds: Sequence[Record], fees: Sequence[Record]) -> Bundle:
        """These go together now."""
        with self.transaction():
            number = self._db.execute("INSERT INTO bundles (is_open) VALUES (1)").lastrowid
            for record in deeds:
                self._set(record, state=JobState.SENT, bundle=number, tries=record.tries + 1, reason=None)
            for record in fees:
                self._set(record, fee_state=FeeState.SENT, fee_bundle=number)
        return Bundle(int(number or 0), tuple(deeds), tuple(fees))

    def open_bundles(self) -> list[OpenBundle]:
        """Those under way, in order."""
        rows = self.rows("SELECT number, intent, block_hash FROM bundles WHERE is_open ORDER BY number")
        return [OpenBundle(*row) for row in rows]

    def bundle(self, number: int) -> Bundle:
        """What is in a bundle."""
        with self.failures():
            return Bundle(number, self._part("bundle", number), self._part("fee_bundle", number))

    def keep_intent(self, bundle: Bundle, intent: int) -> None:
        """The outbox has it."""
        with self.transaction():
            self._db.execute("UPDATE bundles SET intent = ? WHERE number = ?", (intent, bundle.number))

    @contextmanager
    def outcome(self, bundle: Bundle, block_hash: str | None, *, is_open: bool) -> Iterator[Outcome]:
        """Write down what became of a bundle, in one transaction."""
        with self.transaction():
            update = "UPDATE bundles SET block_hash = ?, is_open = ? WHERE number = ?"
            self._db.execute(update, (block_hash, is_open, bundle.number))
            yield Outcome(self)

    # Inside a transaction

    def _keep(self, admitted: Admitted) -> bool:
        job = admitted.job
        old = self._records("name = ?", admitted.name)
        if any(self._live_with(job.payer, nonce) is not None for nonce in job.nonces):
            return False
        if old:
            self._db.execute("DELETE FROM jobs WHERE number = ?", (old[0].number,))
        fee_state = FeeState.NONE if job.fee is None else FeeState.AWAITED
        columns = (admitted.name, job.kind, job.payer, str(job.value), str(job.fee_value), admitted.collector, job.text)
        learned = (admitted.is_wallet, admitted.gas, admitted.at, admitted.block, JobState.QUEUED, fee_state)
        number = self._db.execute(
            "INSERT INTO jobs (name, kind, payer, value, fee, collector, body, is_wallet, gas, accepted_at, "
            "accepted_block, state, fee_state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*columns, *learned),
        ).lastrowid
        for nonce in job.nonces:
            self._db.execute("INSERT OR REPLACE INTO nonces VALUES (?, ?, ?)", (job.payer, nonce, number))
        if admitted.position is not None:
            keep = "INSERT INTO payers VALUES (?, ?) ON CONFLICT DO UPDATE SET position = MAX(position, ?)"
            self._db.execute(keep, (job.payer, admitted.position, admitted.position))
        return True

    def _live_with(self, payer: Address, nonce: str) -> int | None:
        query = f"SELECT job FROM nonces JOIN jobs ON job = number WHERE nonces.payer = ? AND nonce = ? AND {_LIVE}"  # noqa: S608
        row = self._db.execute(query, (payer, nonce)).fetchone()
        return None if row is None else int(row[0])

    def _end(self, record: Record, state: JobState, reason: str) -> None:
        self._set(record, state=state, reason=reason, tx_hash=None, block_number=None, bundle=None)
        if record.fee_state is FeeState.AWAITED:
            self._set(record, fee_state=FeeState.NONE)

    def _set(self, record: Record, **columns: Any) -> None:
        """Columns are named by this module."""
        places = ", ".join(f"{name} = ?" for name in columns)
        self._db.execute(f"UPDATE jobs SET {places} WHERE number = ?", (*columns.values(), record.number))  # noqa: S608

    def _part(self, column: str, number: int) -> tuple[Record, ...]:
        return tuple(self._records(f"{column} = ? ORDER BY number", number))

    def _records(self, condition: str, *values: Any) -> list[Record]:
        query = f"SELECT {_RECORD} FROM jobs WHERE {condition}"  # noqa: S608 - conditions are of this module
        return [_record(row) for row in self._db.execute(query, values).fetchall()]


class Outcome:
    """What became of the jobs of one bundle. Use it inside `RelayStore.outcome`."""

    def __init__(self, store: RelayStore) -> None:
        self._store = store

    def made(self, record: Record, transaction: str | None, block: int | None, *, is_final: bool) -> None:
        """Done; its fee is due, unless it was looked at before."""
        where = {"tx_hash": transaction, "block_number": block, "is_final": is_final, "reason": None}
        self._store._set(record, state=JobState.MADE, **where)
        if record.fee_state is FeeState.AWAITED:
            self._store._set(record, fee_state=FeeState.DUE)

    def ended(self, record: Record, state: JobState, reason: str) -> None:
        """Not done, for good."""
        self._store._end(record, state, reason)

    def again(self, record: Record) -> None:
        """Not done, and to be sent once more."""
        self._store._set(record, state=JobState.QUEUED, bundle=None, tx_hash=None, block_number=None)

    def taken_back(self, record: Record) -> None:
        """Done in a block that is no longer part of the chain: under way again. A fee that is due waits again."""
        self._store._set(record, state=JobState.SENT, tx_hash=None, block_number=None, is_final=False)
        if record.fee_state is FeeState.DUE:
            self._store._set(record, fee_state=FeeState.AWAITED)

    def fee_collected(self, record: Record, transaction: str | None) -> None:
        """The fee is there."""
        self._store._set(record, fee_state=FeeState.COLLECTED, fee_tx_hash=transaction)

    def fee_under_way(self, record: Record) -> None:
        """The fee was collected in a block that is no longer part of the chain."""
        self._store._set(record, fee_state=FeeState.SENT, fee_tx_hash=None)

    def fee_again(self, record: Record) -> None:
        """Not collected, and to be tried again."""
        self._store._set(record, fee_state=FeeState.DUE, fee_bundle=None, fee_tx_hash=None)

    def fee_withheld(self, record: Record) -> None:
        """Not to be had, by the payer's own act."""
        self._store._set(record, fee_state=FeeState.WITHHELD, fee_tx_hash=None)


def _record(row: tuple[Any, ...]) -> Record:
    number, name, kind, collector, body, is_wallet, gas, at, accepted_block, state, *rest = row
    reason, transaction, block, is_final, tries, fee_state, fee_transaction = rest
    job = read_kept(body, is_permit=kind == Kind.PERMIT, collector=check_address("collector", collector))
    return Record(
        number=number,
        name=name,
        job=job,
        is_wallet=bool(is_wallet),
        gas=gas,
        accepted_at=at,
        accepted_block=accepted_block,
        state=JobState(state),
        reason=reason,
        transaction=transaction,
        block=block,
        is_final=bool(is_final),
        tries=tries,
        fee_state=FeeState(fee_state),
        fee_transaction=fee_transaction,
    )
