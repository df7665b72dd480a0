"""The tables.

Two kinds. *Facts* (`blocks`, `events`, `entries`) are only ever added, each with its block: what a reorg takes back is
deleted by block. *State* is what follows from all events so far, one row a thing: every change keeps the row before it
in `journal`, so that a reorg is undone by writing those back. `readings` comes from the facilities, not from the chain.

Figures that may pass 63 bits are decimal text (`Uint`): exact in every database, and nothing is added up in SQL.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, String, Table, Text, types
from sqlalchemy.engine import Dialect

SCHEMA_VERSION: Final = 2
"""Written into each database; another version is refused with a word on what to do."""


class Uint(types.TypeDecorator[int]):
    """An integer of any size, kept as decimal text."""

    impl = String(80)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


metadata = MetaData()

_ADDRESS = String(42)
_WORD = String(66)
_Big = types.BigInteger().with_variant(Integer(), "sqlite")


def _key(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _needed(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _place(prefix: str = "") -> list[Column[Any]]:
    """Where in the chain something happened; empty until it has."""
    columns = ((f"{prefix}block", _Big), (f"{prefix}log_index", Integer), (f"{prefix}transaction", _WORD))
    return [Column(name, kind) for name, kind in columns]


# ---- who this is

cursor = Table(
    "cursor",
    metadata,
    _key("only", Integer),
    _needed("schema_version", Integer),
    _needed("identity", Text),
    _needed("block", _Big),
    Column("hash", _WORD),
    _needed("timestamp", _Big),
    _needed("journal_from", _Big),  # blocks from here on can be undone by the journal; below, by deriving all anew
    _needed("events", _Big),
)

# ---- facts

blocks = Table("blocks", metadata, _key("number", _Big), _needed("hash", _WORD), _needed("timestamp", _Big))

events = Table(
    "events",
    metadata,
    _key("block", _Big),
    _key("log_index", Integer),
    _needed("transaction", _WORD),
    _needed("role", String(32)),
    _needed("name", String(64)),
    _needed("args", Text),
    Index("events_by_name", "role", "name", "block", "log_index"),
    Index("events_by_transaction", "transaction"),
)

entries = Table(
    "entries",
    metadata,
    _key("account", _ADDRESS),
    _key("block", _Big),
    _key("log_index", Integer),
    _needed("kind", String(16)),
    _needed("amount", Uint()),
    Column("counterparty", _ADDRESS),
    _needed("relayed", Boolean),
    _needed("transaction", _WORD),
    Index("entries_by_block", "block", "log_index"),
)
"""What changed an account's balance, other than dividends, which change all at once."""

FACTS: Final = ((entries, entries.c.block), (events, events.c.block), (blocks, blocks.c.number))

# ---- state

totals = Table(
    "totals",
    metadata,
    _key("only", Integer),
    _needed("dividend_index", Uint()),
    _needed("headcount", _Big),
    _needed("issued", Uint()),
    _needed("reserve", Uint()),
    _needed("recirculated", Uint()),
    _needed("recycled", Uint()),
    _needed("last_release", Uint()),
    _needed("next_epoch", _Big),
    _needed("escrow", Uint()),
    _needed("activated", _Big),
    _needed("active", _Big),
    _needed("payments", _Big),
)

changes = Table("changes", metadata, _key("figure", String(32)), *_place())
"""What last changed each total, and each flow of an epoch: the proof of a figure that many events add up to."""

accounts = Table(
    "accounts",
    metadata,
    _key("address", _ADDRESS),
    _needed("settled", Uint()),
    _needed("index", Uint()),
    _needed("accruing", Boolean),
    _needed("since", _Big),
    _needed("until", _Big),
    Column("batch", _Big),
    Column("leaf", _Big),
    Column("region", _Big),
    Column("entry_index", Uint()),  # dividends above it, up to end_index, are the account's
    Column("end_index", Uint()),
    Column("successor", _ADDRESS),
)

epochs = Table(
    "epochs",
    metadata,
    _key("epoch", _Big),
    Column("config_version", _Big),
    Column("signers", _Big),
    Column("view", Uint()),
    Column("weights_version", Integer),
    Column("facility_count", _Big),
    Column("root", _WORD),
    Column("raw_general", Uint()),
    Column("raw_intelligent", Uint()),
    Column("raw_super", Uint()),
    Column("reported_output", Uint()),
    Column("public_output", Uint()),
    Column("accepted_at", _Big),
    *_place("report_"),
    _needed("is_void", Boolean),
    _needed("demands", Integer),
    Column("disputable_until", _Big),
    Column("passed_as", String(8)),  # skipped, void or expired
    Column("entitlement", Uint()),
    Column("issued", Uint()),
    Column("dividend", Uint()),
    Column("headcount", _Big),
    Column("reserve", Uint()),
    Column("index_after", Uint()),
    Column("distributed_at", _Big),
    *_place("dividend_"),
    Index("epochs_by_dividend", "dividend_block", "dividend_log_index"),
)

flows = Table(
    "flows",
    metadata,
    _key("epoch", _Big),
    _needed("recycled", Uint()),
    _needed("recirculated", Uint()),
    _needed("payments", _Big),
    _needed("volume", Uint()),
    _needed("bought", Uint()),
    _needed("delivered", Uint()),
)
"""What people did while an epoch ran, wei; `delivered` is what left the escrow for computing."""

facilities = Table(
    "facilities",
    metadata,
    _key("facility", _Big),
    _needed("operator", _ADDRESS),
    _needed("reading_key", _ADDRESS),
    _needed("region", _Big),
    *_place(),
)

facility_terms = Table(
    "facility_terms",
    metadata,
    _key("facility", _Big),
    _key("from_epoch", _Big),
    _needed("capacity_general", Uint()),
    _needed("capacity_intelligent", Uint()),
    _needed("capacity_super", Uint()),
    _needed("public_share_bps", Integer),
    _needed("active", Boolean),
    *_place(),
)

configs = Table(
    "configs",
    metadata,
    _key("version", _Big),
    _needed("from_epoch", _Big),
    _needed("digest", _WORD),
    _needed("weights_version", Integer),
    _needed("weights", Text),
    _needed("oracles", Text),
    Column("replaced_by", _Big),
    *_place(),
)

signers = Table(
    "signers",
    metadata,
    _key("address", _ADDRESS),
    Column("owner", _ADDRESS),
    _needed("bond", Uint()),
    _needed("unlocks_at", _Big),
    _needed("slashed", Boolean),
    _needed("stands", Boolean),
    _needed("signed", _Big),
    Column("last_epoch", _Big),
    *_place(),
)
"""The place is where the signer's bond or standing last changed."""

demands = Table(
    "demands",
    metadata,
    _key("epoch", _Big),
    _key("level", Integer),
    _key("position", _Big),
    _needed("demander", _ADDRESS),
    _needed("bond", Uint()),
    _needed("deadline", _Big),
    _needed("status", String(8)),  # open, revealed, lapsed or refunded
    *_place(),
)

batches = Table(
    "batches",
    metadata,
    _key("batch", _Big),
    _needed("registrar", _ADDRESS),
    _needed("region", _Big),
    _needed("root", _WORD),
    _needed("size", _Big),
    _needed("entry_index", Uint()),
    _needed("enrolled_at", _Big),
    _needed("used", _Big),
    *_place(),
)

regions = Table(
    "regions",
    metadata,
    _key("region", _Big),
    _needed("headcount", _Big),
    _needed("cap", _Big),
    _needed("turnover_cap", _Big),
    *_place(),
)
"""The place is where the headcount or a cap last changed."""

registrars = Table(
    "registrars", metadata, _key("number", _Big), _needed("address", _ADDRESS), _needed("in_office", Boolean)
)

acts = Table(
    "acts",
    metadata,
    _key("batch", _Big),
    _key("leaf", _Big),
    _needed("kind", Integer),
    _needed("due_at", _Big),
    _needed("objected", Boolean),
    _needed("referred", Boolean),
    Column("successor", _ADDRESS),
)

offers = Table(
    "offers",
    metadata,
    _key("facility", _Big),
    _key("compute_class", Integer),
    _key("epoch", _Big),
    _needed("offered", Uint()),
    _needed("sold", Uint()),
)

vouchers = Table(
    "vouchers",
    metadata,
    _key("voucher", _Big),
    Column("holder", _ADDRESS),
    _needed("facility", _Big),
    _needed("compute_class", Integer),
    _needed("epoch", _Big),
    _needed("units", Uint()),
    _needed("delivered", Uint()),
    _needed("price", Uint()),
    _needed("released", Uint()),
    _needed("transfer_count", _Big),
    _needed("refunded", Boolean),
    *_place(),
    Index("vouchers_by_holder", "holder", "voucher"),
)

operations = Table(
    "operations",
    metadata,
    _key("id", _WORD),
    _needed("calls", Text),  # JSON: pairs of target and data
    _needed("ready_at", Uint()),
    _needed("status", String(9)),  # scheduled, executed or cancelled
    *_place(),
)
"""Changes that governance has scheduled in the timelock."""

proposals = Table(
    "proposals",
    metadata,
    _key("proposal", Uint()),
    _needed("proposer", _ADDRESS),
    _needed("description", Text),  # JSON: whatever a proposer wrote, no database is upset by it
    _needed("calls", Text),  # JSON: pairs of target and data
    _needed("vote_start", _Big),
    _needed("vote_end", _Big),
    _needed("against", _Big),
    _needed("in_favour", _Big),
    _needed("abstaining", _Big),
    _needed("objections", Integer),
    Column("queued_until", _Big),  # the end of the timelock's delay, without the second chamber's
    Column("operation", _WORD),  # in the timelock
    Column("ended_as", String(9)),  # executed or cancelled
    *_place(),
)

votes = Table(
    "votes",
    metadata,
    _key("proposal", Uint()),
    _key("voter", _ADDRESS),
    _needed("support", Integer),
    _needed("weight", _Big),
    *_place(),
    Index("votes_by_voter", "voter", "block", "log_index"),
)

vote_terms = Table(
    "vote_terms",
    metadata,
    _key("since", _Big),
    _needed("quorum_floor", _Big),
    _needed("quorum_bps", Integer),
    *_place(),
)
"""What makes a quorum, by the second from which it does."""

active_counts = Table("active_counts", metadata, _key("day", _Big), _needed("active", _Big))
"""How many citizens were active at the end of each day (since 1970) that changed it: a quorum is a share of it."""

seats = Table("seats", metadata, _key("seat", Integer), _needed("holder", _ADDRESS), *_place())

brakes = Table(
    "brakes",
    metadata,
    _key("kind", String(8)),  # halt, output or region
    _key("subject", _Big),  # an epoch, a region; 0 of a halt
    Column("reached", Uint()),
    Column("most", Uint()),
    _needed("until", _Big),
    _needed("spent", Boolean),  # of a halt: there is none again until a vote re-arms it
    *_place(),
)
"""The last halt, and what the automatic brakes held, each with the second at which it ends."""

STATE: Final = (
    totals,
    accounts,
    epochs,
    flows,
    facilities,
    facility_terms,
    configs,
    signers,
    demands,
    batches,
    regions,
    registrars,
    acts,
    offers,
    vouchers,
    operations,
    proposals,
    votes,
    vote_terms,
    active_counts,
    seats,
    brakes,
    changes,
)

journal = Table(
    "journal",
    metadata,
    _key("block", _Big),
    _key("place", Integer),
    _needed("table", String(32)),
    _needed("key", Text),
    Column("before", Text),  # the row as JSON; empty where there was none
)

# ---- from the facilities

readings = Table(
    "readings",
    metadata,
    _key("root", _WORD),
    _key("facility", _Big),
    _needed("epoch", _Big),
    _needed("raw_general", Uint()),
    _needed("raw_intelligent", Uint()),
    _needed("raw_super", Uint()),
    _needed("public_output", Uint()),
    _needed("digest", _WORD),
    Column("signature", String(132)),
    Index("readings_by_facility", "facility", "epoch"),
)
"""Kept by the reported root that they were found to give, so that no reorg makes them wrong."""
