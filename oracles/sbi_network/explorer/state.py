"""Derived state while a transaction is open: rows are read once, changed in memory, and written together at its end.

Every first change of a row in a block that may be reorganised keeps the row before it in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from sbi_network.explorer import schema

Row = dict[str, Any]
Key = tuple[Any, ...]

_ROWS_AT_ONCE: Final = 200
"""Rows a statement: times the columns, below every database's limit of parameters."""


class State:
    """The state tables in one open transaction. `journaling` is off where no reorg is to be feared."""

    def __init__(self, connection: Connection, *, journaling: bool) -> None:
        self._connection = connection
        self.journaling = journaling
        self._rows: dict[str, dict[Key, Row | None]] = {table.name: {} for table in schema.STATE}
        self._changed: dict[str, set[Key]] = {table.name: set() for table in schema.STATE}
        self._journal: list[Row] = []
        self._kept: set[tuple[str, Key]] = set()
        self._block = -1
        self._place = 0

    def begin_block(self, number: int) -> None:
        """What changes from now on is of this block."""
        self._block = number
        self._kept.clear()
        self._place = 0

    def get(self, table: Table, *key: Any) -> Row | None:
        """A row, not to be changed: `put` a new one."""
        known = self._rows[table.name]
        if key not in known:
            found = self._connection.execute(select(table).where(_is(table, key))).mappings().first()
            known[key] = None if found is None else dict(found)
        return known[key]

    def put(self, table: Table, row: Row) -> None:
        """Set a row, whole."""
        self._set(table, _key_of(table, row), row)

    def remove(self, table: Table, *key: Any) -> None:
        """Delete a row, if it is there."""
        self._set(table, key, None)

    def rows(self, table: Table, is_meant: Callable[[Row], bool], *, of: tuple[str, Any] | None = None) -> list[Row]:
        """All rows that are meant, in the order of their keys; `of` names a column and the value it must have. For
        small tables, or small parts of large ones."""
        query = select(table) if of is None else select(table).where(table.c[of[0]] == of[1])
        self.flush()
        found = self._connection.execute(query.order_by(*table.primary_key.columns)).mappings()
        return [row for row in map(dict, found) if is_meant(row)]

    def preload(self, table: Table, keys: Iterable[Key]) -> None:
        """Read many rows at once."""
        known = self._rows[table.name]
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        for part in _parts(missing):
            for row in self._connection.execute(select(table).where(_among(table, part))).mappings():
                known[_key_of(table, row)] = dict(row)
            for key in part:
                known.setdefault(key, None)

    def flush(self) -> None:
        """Write what has changed."""
        for table in schema.STATE:
            changed, rows = self._changed[table.name], self._rows[table.name]
            upsert(self._connection, table, [row for key in changed if (row := rows[key]) is not None])
            for part in _parts([key for key in changed if rows[key] is None]):
                self._connection.execute(delete(table).where(_among(table, part)))
            changed.clear()
        if self._journal:
            self._connection.execute(schema.journal.insert(), self._journal)
            self._journal = []

    def _set(self, table: Table, key: Key, row: Row | None) -> None:
        before = self.get(table, *key)
        if before == row:
            return
        if self.journaling and (table.name, key) not in self._kept:
            self._kept.add((table.name, key))
            kept = None if before is None else json.dumps(before)
            noted = {"block": self._block, "place": self._place, "table": table.name, "key": json.dumps(key)}
            self._journal.append({**noted, "before": kept})
            self._place += 1
        self._rows[table.name][key] = row
        self._changed[table.name].add(key)


def undo_state(connection: Connection, above: int) -> None:
    """Write back the rows as they were after block `above`, by the journal."""
    journal = schema.journal
    tables = {table.name: table for table in schema.STATE}
    later = select(journal).where(journal.c.block > above).order_by(journal.c.block.desc(), journal.c.place.desc())
    for noted in connection.execute(later).mappings().all():
        table = tables[noted["table"]]
        if noted["before"] is None:
            connection.execute(delete(table).where(_is(table, tuple(json.loads(noted["key"])))))
        else:
            upsert(connection, table, [json.loads(noted["before"])])
    connection.execute(delete(journal).where(journal.c.block > above))


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or replace those with the same keys."""
    if not rows:
        return
    keys = {column.name for column in table.primary_key.columns}
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=sorted(keys), set_=others), list(rows))


def _key_of(table: Table, row: Any) -> Key:
    return tuple(row[column.name] for column in table.primary_key.columns)


def _is(table: Table, key: Key) -> Any:
    return and_(*(column == value for column, value in zip(table.primary_key.columns, key, strict=True)))


def _among(table: Table, keys: Sequence[Key]) -> Any:
    columns = list(table.primary_key.columns)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return tuple_(*columns).in_(keys)


def _parts(keys: Sequence[Key]) -> Iterable[Sequence[Key]]:
    return (keys[start : start + _ROWS_AT_ONCE] for start in range(0, len(keys), _ROWS_AT_ONCE))
