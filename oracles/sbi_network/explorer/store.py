"""The database: every block's events, what follows from them, and the cursor, in one transaction each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, create_engine, delete, event, exists, func, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from sbi_network.explorer import schema
from sbi_network.explorer.deployment import Deployment
from sbi_network.explorer.errors import DatabaseError
from sbi_network.explorer.events import Event, encode_args
from sbi_network.explorer.handlers import derive
from sbi_network.explorer.state import State, undo_state
from sbi_network.explorer.work import ONLY, Terms, Work

JOURNAL_BLOCKS: Final = 1_024
"""How deep a reorg is undone row by row. A deeper one, which final blocks exclude, derives everything anew."""

_PRUNE_EVERY: Final = 64
_REPLAY_EVENTS: Final = 20_000
_BUSY_SECONDS: Final = 30
_READERS: Final = 8
_WRITES: Final = "sbi_writes"


@dataclass(frozen=True, slots=True)
class Tip:
    """The last block indexed. `hash` is None before the first."""

    number: int
    hash: str | None
    timestamp: int
    events: int


@dataclass(frozen=True, slots=True)
class IndexedBlock:
    """A block to write: its events in their order."""

    number: int
    hash: str
    timestamp: int
    events: Sequence[Event]


class Store:
    """One database of one deployment. Raises DatabaseError wherever it cannot be used."""

    def __init__(self, url: str, deployment: Deployment, from_block: int = 0) -> None:
        self._first = from_block
        with failures():
            self.engine: Final = _engine(url)
            schema.metadata.create_all(self.engine)
            self._claim(_identity(deployment))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the index, however long it reads."""
        with failures(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are all kept at the end of the block, or none. Writers wait for each other."""
        with failures(), self.engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    def tip(self) -> Tip:
        """The last block indexed."""
        with self.reading() as connection:
            return tip_of(connection)

    def kept_block(self, offset: int) -> tuple[int, str] | None:
        """Number and hash of a block that is kept, counted down from the newest."""
        newest = select(schema.blocks).order_by(schema.blocks.c.number.desc()).limit(1).offset(offset)
        with self.reading() as connection:
            found = connection.execute(newest).first()
        return None if found is None else (found.number, found.hash)

    def write(self, blocks: Sequence[IndexedBlock], terms: Terms, *, final: bool) -> Tip:
        """Write blocks that follow the tip; of final ones those without events may be left out, but not the last."""
        with self.writing() as connection:
            before, last = tip_of(connection), blocks[-1]
            tip = Tip(last.number, last.hash, last.timestamp, before.events + sum(len(b.events) for b in blocks))
            self._move(connection, before, tip)
            work = Work(State(connection, journaling=not final), terms)
            for block in blocks:
                work.begin_block(block.number, block.timestamp)
                for each in block.events:
                    derive(work, each)
            _add_facts(connection, blocks)
            _add_entries(connection, work)
            work.state.flush()
            if final:
                _set_journal_from(connection, last.number + 1)
            elif last.number // _PRUNE_EVERY != before.number // _PRUNE_EVERY:
                _prune(connection, last.number - JOURNAL_BLOCKS)
            return tip

    def undo_above(self, number: int, terms: Terms) -> Tip:
        """Take back every block above one that is kept, or all of them."""
        with self.writing() as connection:
            before = tip_of(connection)
            journal_from = connection.execute(select(schema.cursor.c.journal_from)).scalar_one()
            if number + 1 >= journal_from:
                undo_state(connection, number)
                _delete_facts(connection, number)
            else:
                _delete_facts(connection, number)
                _derive_anew(connection, terms)
                _set_journal_from(connection, number + 1)
            kept = connection.execute(select(schema.blocks).where(schema.blocks.c.number == number)).first()
            count = connection.execute(select(func.count()).select_from(schema.events)).scalar_one()
            tip = Tip(number, kept.hash, kept.timestamp, count) if kept else Tip(self._first - 1, None, 0, 0)
            self._move(connection, before, tip)
            return tip

    def derive_anew(self, terms: Terms) -> None:
        """Empty every derived table and fill it again from the events kept."""
        with self.writing() as connection:
            _derive_anew(connection, terms)
            _set_journal_from(connection, tip_of(connection).number + 1)

    def _claim(self, identity: str) -> None:
        cursor = schema.cursor
        with self.writing() as connection:
            found = connection.execute(select(cursor)).mappings().first()
            if found is None:
                figures = {"block": self._first - 1, "hash": None, "timestamp": 0, "journal_from": 0, "events": 0}
                who = {"only": ONLY, "schema_version": schema.SCHEMA_VERSION, "identity": identity}
                connection.execute(cursor.insert(), [{**who, **figures}])
                return
        if found["schema_version"] != schema.SCHEMA_VERSION:
            raise DatabaseError(
                f"the database has schema {found['schema_version']}, this is {schema.SCHEMA_VERSION}: "
                "begin with an empty one, everything in it comes from the chain"
            )
        if found["identity"] != identity:
            raise DatabaseError(f"the database belongs to {found['identity']}; the deployment record is {identity}")

    def _move(self, connection: Connection, before: Tip, tip: Tip) -> None:
        values = {"block": tip.number, "hash": tip.hash, "timestamp": tip.timestamp, "events": tip.events}
        cursor = schema.cursor
        moved = connection.execute(
            update(cursor).where(and_(cursor.c.block == before.number, cursor.c.events == before.events)).values(values)
        )
        if moved.rowcount != 1:
            raise DatabaseError("another explorer writes to this database: only one may")


def tip_of(connection: Connection) -> Tip:
    """The last block indexed, as a connection sees it."""
    found = connection.execute(select(schema.cursor)).one()
    return Tip(found.block, found.hash, found.timestamp, found.events)


@contextmanager
def failures() -> Iterator[None]:
    """What goes wrong in a database becomes a DatabaseError, without the statement, its values or the URL."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise DatabaseError(f"database: {type(cause).__name__}: {str(cause).splitlines()[0]}") from error


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed, isolation_level="REPEATABLE READ", pool_size=_READERS, pool_pre_ping=True)
    engine = create_engine(parsed, pool_size=_READERS, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, record: object) -> None:
    # The driver would begin transactions where it thinks fit, and reads outside of any.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    # Who means to write waits for its turn at once: one that read first, and then finds that another has written, is
    # refused without any waiting.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _identity(deployment: Deployment) -> str:
    parts = (f"{role} {address}" for role, address in sorted(deployment.roles()))
    return f"chain {deployment.chain_id}, {', '.join(parts)}"


def _add_facts(connection: Connection, blocks: Sequence[IndexedBlock]) -> None:
    rows = [{"number": block.number, "hash": block.hash, "timestamp": block.timestamp} for block in blocks]
    connection.execute(schema.blocks.insert(), rows)
    events = [
        {
            "block": each.block,
            "log_index": each.index,
            "transaction": each.transaction,
            "role": each.role,
            "name": each.name,
            "args": encode_args(each.args),
        }
        for block in blocks
        for each in block.events
    ]
    if events:
        connection.execute(schema.events.insert(), events)


def _add_entries(connection: Connection, work: Work) -> None:
    if work.entries:
        connection.execute(schema.entries.insert(), work.entries)
        work.entries = []


def _delete_facts(connection: Connection, above: int) -> None:
    for table, block in schema.FACTS:
        connection.execute(delete(table).where(block > above))


def _derive_anew(connection: Connection, terms: Terms) -> None:
    for table in (*schema.STATE, schema.journal, schema.entries):
        connection.execute(delete(table))
    work = Work(State(connection, journaling=False), terms)
    last = None
    for number, timestamp, each in _kept_events(connection):
        if number != last:
            if last is not None and len(work.entries) > _REPLAY_EVENTS:
                _add_entries(connection, work)
            work.begin_block(number, timestamp)
            last = number
        derive(work, each)
    _add_entries(connection, work)
    work.state.flush()


def _kept_events(connection: Connection) -> Iterator[tuple[int, int, Event]]:
    events, blocks = schema.events, schema.blocks
    after = (-1, -1)
    joined = select(events, blocks.c.timestamp).join_from(events, blocks, events.c.block == blocks.c.number)
    while True:
        block, index = after
        later = (events.c.block > block) | (events.c.block == block) & (events.c.log_index > index)
        query = joined.where(later).order_by(events.c.block, events.c.log_index).limit(_REPLAY_EVENTS)
        found = connection.execute(query).all()
        if not found:
            return
        for row in found:
            args = json.loads(row.args)
            yield (
                row.block,
                row.timestamp,
                Event(row.block, row.log_index, row.transaction, row.role, row.name, args),
            )
        after = (found[-1].block, found[-1].log_index)


def _set_journal_from(connection: Connection, number: int) -> None:
    connection.execute(update(schema.cursor).values(journal_from=number))


def _prune(connection: Connection, below: int) -> None:
    """Forget what could undo blocks that are long settled, and those of them in which nothing happened."""
    journal_from = connection.execute(select(schema.cursor.c.journal_from)).scalar_one()
    if below <= journal_from:
        return
    blocks, events = schema.blocks, schema.events
    connection.execute(delete(schema.journal).where(schema.journal.c.block < below))
    empty = ~exists().where(events.c.block == blocks.c.number)
    connection.execute(delete(blocks).where(blocks.c.number >= journal_from, blocks.c.number < below, empty))
    _set_journal_from(connection, below)
