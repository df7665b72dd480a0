"""The outbox's file: intents, the transactions signed for them, and the last final block that was seen.

Each method is one transaction of SQLite, on disk when it returns.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eth_typing import ChecksumAddress

from sbi_network.chain.errors import OutboxError
from sbi_network.chain.intent import (
    FREES_KEY,
    IN_FLIGHT,
    TRANSITIONS,
    UNSETTLED,
    Attempt,
    Inclusion,
    Intent,
    Order,
    State,
)
from sbi_network.chain.transaction import Call, Fees
from sbi_network.protocol.address import check_address
from sbi_network.state_file import Form, StateFile


def _listed(states: Sequence[State]) -> str:
    return ", ".join(f"'{state}'" for state in states)


_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS broken (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    why TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS anchor (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    block_number INTEGER NOT NULL,
    block_hash TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS intents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    callee TEXT NOT NULL,
    data TEXT NOT NULL,
    value TEXT NOT NULL,
    deadline INTEGER,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    nonce INTEGER,
    tx_hash TEXT,
    block_number INTEGER,
    block_hash TEXT,
    gas_used INTEGER,
    succeeded INTEGER,
    is_blank INTEGER,
    reason TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_for_a_key ON intents (key) WHERE state NOT IN ({_listed(FREES_KEY)});
CREATE UNIQUE INDEX IF NOT EXISTS one_for_a_nonce ON intents (nonce) WHERE state IN ({_listed(IN_FLIGHT)});
CREATE INDEX IF NOT EXISTS by_state ON intents (state);
CREATE TABLE IF NOT EXISTS attempts (
    tx_hash TEXT PRIMARY KEY,
    intent INTEGER NOT NULL REFERENCES intents (number) ON DELETE CASCADE,
    nonce INTEGER NOT NULL,
    gas INTEGER NOT NULL,
    max_fee INTEGER NOT NULL,
    tip INTEGER NOT NULL,
    raw BLOB NOT NULL,
    is_blank INTEGER NOT NULL,
    sent_at_block INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS by_intent ON attempts (intent)
"""

_INTENT: Final = (
    "number, key, callee, data, value, deadline, created_at, state, nonce, "
    "tx_hash, block_number, block_hash, gas_used, succeeded, is_blank, reason"
)
_ATTEMPT: Final = "tx_hash, intent, nonce, gas, max_fee, tip, raw, is_blank, sent_at_block"


def identity_of(account: ChecksumAddress, chain_id: int) -> str:
    """Whose outbox it is, in words."""
    return f"account {account}, chain {chain_id}"


class OutboxStore(StateFile):
    """An outbox file of one account on one chain. Raises OutboxError wherever it cannot be read or written."""

    FORM = Form(1, _SCHEMA, OutboxError)

    def __init__(self, path: Path | str, chain_id: int, account: ChecksumAddress) -> None:
        super().__init__(path, identity_of(account, chain_id))

    def put(self, call: Call, order: Order, now: int) -> Intent:
        """Keep an intent, unless one runs already: then that one. `now` is seconds since the Unix epoch."""
        with self.transaction():
            found = self._same(call, order)
            if found is not None:
                return found
            return self._insert(call, order.key or uuid.uuid4().hex, order.deadline, now, State.QUEUED)

    def put_blank(self, key: str, call: Call, nonce: int, now: int) -> Intent:
        """Keep an intent that only takes a nonce which nobody has. It still has to be signed."""
        with self.transaction():
            blank = self._insert(call, key, None, now, State.SIGNED)
            self._db.execute("UPDATE intents SET nonce = ? WHERE number = ?", (nonce, blank.number))
            return self._one("number = ?", blank.number)

    def get(self, number: int) -> Intent:
        """An intent by its number. Raises OutboxError for one that is not, or no longer, kept."""
        with self.failures():
            return self._one("number = ?", number)

    def find(self, key: str) -> Intent | None:
        """The newest intent under a key."""
        with self.failures():
            row = self._rows("key = ? ORDER BY number DESC LIMIT 1", key)
        return row[0] if row else None

    def queued(self) -> list[Intent]:
        """Intents without a nonce: the most pressing first."""
        with self.failures():
            return self._rows("state = ? ORDER BY deadline IS NULL, deadline, number", State.QUEUED)

    def in_flight(self) -> list[Intent]:
        """Intents with a nonce that are not settled, by nonce."""
        with self.failures():
            return self._rows(f"state IN ({_listed(IN_FLIGHT)}) ORDER BY nonce")

    def newest(self, limit: int) -> list[Intent]:
        """The newest intents, the last one first."""
        with self.failures():
            return self._rows("TRUE ORDER BY number DESC LIMIT ?", limit)

    def final(self, limit: int) -> list[Intent]:
        """Intents that are final, the highest block first."""
        with self.failures():
            return self._rows("state = ? ORDER BY block_number DESC LIMIT ?", State.FINAL, limit)

    def attempts(self, intent: Intent) -> list[Attempt]:
        """What was signed for an intent under its present nonce, the latest first."""
        query = f"SELECT {_ATTEMPT} FROM attempts WHERE intent = ? AND nonce = ? ORDER BY rowid DESC"  # noqa: S608
        with self.failures():
            return [_attempt(row) for row in self._db.execute(query, (intent.number, intent.nonce))]

    def next_nonce(self) -> int:
        """One above every nonce that was ever signed for; 0 in a new file."""
        with self.failures():
            (highest,) = self._db.execute("SELECT MAX(nonce) FROM attempts").fetchone()
        return 0 if highest is None else int(highest) + 1

    def keep_attempt(self, intent: Intent, attempt: Attempt, state: State) -> None:
        """Keep a signed transaction, and with the first of a nonce, the nonce."""
        columns = (attempt.gas, attempt.fees.max_fee, attempt.fees.tip, attempt.raw, attempt.is_blank)
        with self.transaction():
            self._move(intent, state)
            self._db.execute("UPDATE intents SET nonce = ? WHERE number = ?", (attempt.nonce, intent.number))
            self._db.execute(
                f"INSERT INTO attempts ({_ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608
                (attempt.transaction, intent.number, attempt.nonce, *columns),
            )

    def mark_sent(self, intent: Intent, attempt: Attempt, block: int) -> None:
        """An endpoint has the transaction. The block is kept of the first time."""
        with self.transaction():
            if self._state_of(intent) is State.SIGNED:
                self._move(intent, State.SENT)
            update = "UPDATE attempts SET sent_at_block = COALESCE(sent_at_block, ?) WHERE tx_hash = ?"
            self._db.execute(update, (block, attempt.transaction))

    def mark_included(self, intent: Intent, inclusion: Inclusion) -> None:
        """A transaction of the intent is in a block."""
        place = (inclusion.transaction, inclusion.block_number, inclusion.block_hash, inclusion.gas_used)
        with self.transaction():
            if self._state_of(intent) is not State.INCLUDED:
                self._move(intent, State.INCLUDED)
            self._db.execute(
                "UPDATE intents SET tx_hash = ?, block_number = ?, block_hash = ?, gas_used = ?, succeeded = ?, "
                "is_blank = ? WHERE number = ?",
                (*place, inclusion.succeeded, inclusion.is_blank, intent.number),
            )

    def mark_dropped(self, intent: Intent) -> None:
        """The block is no longer part of the chain: send again."""
        with self.transaction():
            self._move(intent, State.SENT)
            self._db.execute("UPDATE intents SET block_number = NULL WHERE number = ?", (intent.number,))
            self._db.execute("UPDATE attempts SET sent_at_block = NULL WHERE intent = ?", (intent.number,))

    def mark_displaced(self, intent: Intent) -> None:
        """Another's transaction took the nonce, finally: begin again with another nonce."""
        with self.transaction():
            self._move(intent, State.QUEUED)
            self._db.execute("UPDATE intents SET nonce = NULL WHERE number = ?", (intent.number,))

    def settle(self, intent: Intent, state: State, reason: str | None = None) -> None:
        """Nothing more happens to it."""
        with self.transaction():
            self._move(intent, state)
            if reason is not None:
                self._db.execute("UPDATE intents SET reason = ? WHERE number = ?", (reason, intent.number))

    def anchor(self) -> tuple[int, str] | None:
        """Number and hash of the last final block that was seen."""
        with self.failures():
            row = self._db.execute("SELECT block_number, block_hash FROM anchor").fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def keep_anchor(self, number: int, block_hash: str) -> None:
        """A later final block was seen."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO anchor VALUES (1, ?, ?)", (number, block_hash))

    def broken(self) -> str | None:
        """What was seen when finality was broken; None while it holds, or after an operator resumed."""
        found = self.rows("SELECT why FROM broken")
        return str(found[0][0]) if found else None

    def keep_broken(self, text: str, dropped: Sequence[Intent]) -> None:
        """Finality was broken: nothing is signed until an operator resumes. What was dropped is unsettled again."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO broken VALUES (1, ?)", (text,))
            for intent in dropped:
                self._move(intent, State.SENT)
                self._db.execute("UPDATE attempts SET sent_at_block = NULL WHERE intent = ?", (intent.number,))

    def resume(self) -> None:
        """The operator has looked at what happened: go on from the chain as it is now."""
        with self.transaction():
            self._db.execute("DELETE FROM broken")
            self._db.execute("DELETE FROM anchor")

    def counts(self) -> dict[State, int]:
        """How many intents are in each state."""
        with self.failures():
            rows = self._db.execute("SELECT state, COUNT(*) FROM intents GROUP BY state")
            found = {State(state): int(count) for state, count in rows}
        return {state: found.get(state, 0) for state in State}

    def oldest_unsettled(self) -> int | None:
        """When the oldest unsettled intent was put here, seconds; None if all are settled."""
        query = f"SELECT MIN(created_at) FROM intents WHERE state IN ({_listed(UNSETTLED)})"  # noqa: S608
        with self.failures():
            (oldest,) = self._db.execute(query).fetchone()
        return None if oldest is None else int(oldest)

    def forget_settled(self, before: int) -> int:
        """Drop what was put here before a time (seconds) and is settled; how many."""
        query = f"DELETE FROM intents WHERE created_at < ? AND state NOT IN ({_listed(UNSETTLED)})"  # noqa: S608
        with self.transaction():
            # The highest nonce is kept with its attempt: the account's own count must not fall.
            keep = " AND number NOT IN (SELECT intent FROM attempts ORDER BY nonce DESC LIMIT 1)"
            return self._db.execute(query + keep, (before,)).rowcount

    def _same(self, call: Call, order: Order) -> Intent | None:
        if order.key is not None:
            rows = self._rows(f"key = ? AND state NOT IN ({_listed(FREES_KEY)})", order.key)
        else:
            condition = f"callee = ? AND data = ? AND value = ? AND state IN ({_listed(UNSETTLED)}) LIMIT 1"
            rows = self._rows(condition, call.to, call.data, str(call.value))
        return rows[0] if rows else None

    def _insert(self, call: Call, key: str, deadline: int | None, now: int, state: State) -> Intent:
        self.check_fits(now, deadline or 0)
        insert = (
            "INSERT INTO intents (key, callee, data, value, deadline, created_at, state) VALUES (?, ?, ?, ?, ?, ?, ?)"
        )
        row = (key, call.to, call.data, str(call.value), deadline, now, state)
        return self._one("number = ?", self._db.execute(insert, row).lastrowid)

    def _move(self, intent: Intent, state: State) -> None:
        """One step along the table of transitions. A replacement keeps its intent where it is."""
        present = self._state_of(intent)
        if state is present and state in (State.SIGNED, State.SENT, State.WITHDRAWN):
            return
        if state not in TRANSITIONS[present]:
            raise AssertionError(f"intent {intent.number}: {state} does not follow {present}")
        self._db.execute("UPDATE intents SET state = ? WHERE number = ?", (state, intent.number))

    def _state_of(self, intent: Intent) -> State:
        return self._one("number = ?", intent.number).state

    def _one(self, condition: str, *values: Any) -> Intent:
        rows = self._rows(condition, *values)
        if not rows:
            raise OutboxError(f"{self._path}: no intent with {condition} {values}")
        return rows[0]

    def _rows(self, condition: str, *values: Any) -> list[Intent]:
        query = f"SELECT {_INTENT} FROM intents WHERE {condition}"  # noqa: S608 - conditions are of this module
        return [_intent(row) for row in self._db.execute(query, values)]


def _intent(row: tuple[Any, ...]) -> Intent:
    number, key, to, data, value, deadline, created_at, state, nonce, *place, reason = row
    call = Call(check_address("callee", to), data, int(value))
    return Intent(number, key, call, deadline, created_at, State(state), nonce, _inclusion(place), reason)


def _inclusion(place: Sequence[Any]) -> Inclusion | None:
    transaction, block_number, block_hash, gas_used, succeeded, is_blank = place
    if block_number is None:
        return None
    return Inclusion(transaction, block_number, block_hash, gas_used, bool(succeeded), bool(is_blank))


def _attempt(row: tuple[Any, ...]) -> Attempt:
    transaction, intent, nonce, gas, max_fee, tip, raw, is_blank, sent_at_block = row
    return Attempt(transaction, intent, nonce, gas, Fees(max_fee, tip), raw, bool(is_blank), sent_at_block)
