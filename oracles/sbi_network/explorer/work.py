"""What a handler is given: the state to change, what never changes about the suite, and where in the chain it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Table

from sbi_network.explorer import schema
from sbi_network.explorer.errors import InconsistentError
from sbi_network.explorer.events import Event
from sbi_network.explorer.state import Row, State

ONLY: Final = 1
"""Key of tables with one row."""

DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class VoteSpans:
    """What is immutable about votes, seconds; and how many of the second chamber must object for its delay."""

    ripening: int
    grace: int
    chamber_delay: int
    objections_needed: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What is immutable about a suite: its clock (seconds) and where its exchange is; None where nobody votes."""

    genesis: int
    epoch_length: int
    report_window: int
    dispute_window: int
    settlement_window: int
    turnover_period: int
    exchange: str
    votes: VoteSpans | None = None

    def epoch_at(self, timestamp: int) -> int:
        """The epoch that runs at a time; 0 before the first, as the contracts have it."""
        return max(0, (timestamp - self.genesis) // self.epoch_length)

    def end_of(self, epoch: int) -> int:
        """The second at which an epoch is over."""
        return self.genesis + (epoch + 1) * self.epoch_length


@dataclass(slots=True)
class Work:
    """One block's worth of deriving."""

    state: State
    terms: Terms
    timestamp: int = 0
    entries: list[Row] = field(default_factory=list)
    signed: set[tuple[str, str]] = field(default_factory=set)
    """(transaction, payer) of authorisations whose payment is still to come."""
    paid_ranges: set[tuple[str, str]] = field(default_factory=set)
    """(transaction, account) of whom the token will still pay the income of an earlier leaf."""
    exchange_pays: dict[str, str] = field(default_factory=dict)
    """Transaction to the reason for which the exchange pays next."""
    scheduled: tuple[str, str] = ("", "")
    """(transaction, operation) that the timelock scheduled last: the governor's own word of it follows."""
    place: Row = field(default_factory=dict)
    """The columns that say where the present event is."""

    def begin_block(self, number: int, timestamp: int) -> None:
        """What follows is of this block."""
        self.state.begin_block(number)
        self.timestamp = timestamp
        self.signed.clear()
        self.paid_ranges.clear()
        self.exchange_pays.clear()

    def change(self, table: Table, *key: Any, **values: Any) -> Row:
        """Change a row that must be there. Returns it as it is then."""
        row = {**self.must(table, *key), **values}
        self.state.put(table, row)
        return row

    def must(self, table: Table, *key: Any) -> Row:
        """A row that must be there. Raises InconsistentError."""
        row = self.state.get(table, *key)
        if row is None:
            raise InconsistentError(f"{table.name}: an event speaks of {key}, of which none has told before")
        return row

    @property
    def totals(self) -> Row:
        """The one row of totals."""
        return self.state.get(schema.totals, ONLY) or NO_TOTALS

    def add_totals(self, **amounts: int) -> None:
        """Add to totals; amounts may be negative. Raises InconsistentError for a total below zero."""
        totals = self.totals
        self.set_totals(**{name: totals[name] + amount for name, amount in amounts.items()})

    def set_totals(self, **values: int) -> None:
        """Set totals. Raises InconsistentError for one below zero."""
        below = {name: value for name, value in values.items() if value < 0}
        if below:
            raise InconsistentError(f"totals: below zero: {below}")
        before = self.totals
        self.state.put(schema.totals, {**before, **values})
        self._prove(name for name, value in values.items() if before[name] != value)

    def add_flow(self, **amounts: int) -> None:
        """Add to what people do in the running epoch."""
        epoch = self.terms.epoch_at(self.timestamp)
        flow = self.state.get(schema.flows, epoch) or {**NO_FLOW, "epoch": epoch}
        self.state.put(schema.flows, {**flow, **{name: flow[name] + amount for name, amount in amounts.items()}})
        self._prove(FLOW + name for name in amounts)

    def _prove(self, figures: Iterable[str]) -> None:
        """The present event is what these figures are as they are by."""
        for figure in figures:
            self.state.put(schema.changes, {"figure": figure, **self.place})


FLOW: Final = "flow."
"""Before the name of a flow, among figures."""

Handler = Callable[[Work, Event], None]

NO_TOTALS: Final[Row] = {column.name: 0 for column in schema.totals.columns} | {"only": ONLY}
NO_FLOW: Final[Row] = {column.name: 0 for column in schema.flows.columns}


def blank(table: Table, **values: Any) -> Row:
    """A row with nothing but these values."""
    return {column.name: None for column in table.columns} | values


def placed(event: Event, prefix: str = "") -> Row:
    """The columns that say where an event is."""
    return {
        f"{prefix}block": event.block,
        f"{prefix}log_index": event.index,
        f"{prefix}transaction": event.transaction,
    }
