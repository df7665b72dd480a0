"""The citizen registry: batches, regions, registrars, who is active, and acts about them."""

from __future__ import annotations

from typing import Final

from sbi_network.explorer import schema
from sbi_network.explorer.events import Event
from sbi_network.explorer.handlers.brakes import REGION, pull, release
from sbi_network.explorer.handlers.money import account_row
from sbi_network.explorer.state import Row
from sbi_network.explorer.work import DAY_SECONDS, Handler, Work, blank, placed

NO_ACT: Final = 0
_NO_REGION: Final[Row] = blank(schema.regions, headcount=0, cap=0, turnover_cap=0)


def _enrolled(work: Work, event: Event) -> None:
    region, size = event.integer("region"), event.integer("size")
    row: Row = {
        "batch": event.integer("batch"),
        "registrar": event.address("registrar"),
        "region": region,
        "root": event.args["root"],
        "size": size,
        "entry_index": event.integer("entryIndex"),
        "enrolled_at": work.timestamp,
        "used": 0,
    }
    work.state.put(schema.batches, {**row, **placed(event)})
    _add_heads(work, region, size)


def _activated(work: Work, event: Event) -> None:
    batch = _use_leaf(work, event)
    account = account_row(work, event.address("account"))
    begun = {"index": batch["entry_index"], "entry_index": batch["entry_index"], "accruing": True}
    held = {"since": work.timestamp, "batch": batch["batch"], "leaf": event.integer("index"), "region": batch["region"]}
    work.state.put(schema.accounts, {**account, **begun, **held})
    work.add_totals(activated=1)
    _count_active(work, 1)


def _replaced(work: Work, event: Event) -> None:
    batch = _use_leaf(work, event)
    account = account_row(work, event.address("account"))
    previous = work.must(schema.batches, event.integer("previousBatch"))
    # Of a citizen one head too many in the region left; of one who ended, and is counted no more, in this one.
    _add_heads(work, account["region"] if account["until"] == 0 else batch["region"], -1)
    if batch["entry_index"] < previous["entry_index"]:
        work.paid_ranges.add((event.transaction, event.address("account")))
    held = {"batch": batch["batch"], "leaf": event.integer("index"), "region": batch["region"]}
    work.state.put(schema.accounts, {**account, **held})


def _returned(work: Work, event: Event) -> None:
    """Told just after `LeafReplaced`, which took it that the head of the leaf used counts no more. It does: income goes
    on where it ended."""
    account = work.must(schema.accounts, event.address("account"))
    _add_heads(work, account["region"], 1)
    lives = {"since": work.timestamp, "until": 0, "accruing": True, "end_index": None}
    work.state.put(schema.accounts, {**account, **lives})
    _count_active(work, 1)


def _voided(work: Work, event: Event) -> None:
    _add_heads(work, _use_leaf(work, event)["region"], -1)


def _retired(work: Work, event: Event) -> None:
    """Income ends with the settling that follows; see `money`."""
    batch = work.must(schema.batches, event.integer("batch"))
    work.change(schema.accounts, event.address("account"), until=work.timestamp)
    _count_active(work, -1)
    _add_heads(work, batch["region"], -1)
    work.state.remove(schema.acts, batch["batch"], event.integer("index"))


def _recovered(work: Work, event: Event) -> None:
    successor = event.address("successor")
    previous = work.change(schema.accounts, event.address("previous"), until=work.timestamp, successor=successor)
    index = work.totals["dividend_index"]
    begun = {"index": index, "entry_index": index, "accruing": True, "since": work.timestamp}
    held = {name: previous[name] for name in ("batch", "leaf", "region")}
    work.state.put(schema.accounts, {**account_row(work, successor), **begun, **held})
    work.state.remove(schema.acts, event.integer("batch"), event.integer("index"))


def _use_leaf(work: Work, event: Event) -> Row:
    batch = work.must(schema.batches, event.integer("batch"))
    return work.change(schema.batches, batch["batch"], used=batch["used"] + 1)


def _count_active(work: Work, change: int) -> None:
    """As the registry keeps it: by the day (UTC), for votes to take a share of."""
    work.add_totals(active=change)
    count = {"day": work.timestamp // DAY_SECONDS, "active": work.totals["active"]}
    work.state.put(schema.active_counts, count)


def _add_heads(work: Work, region: int, heads: int) -> None:
    row = _region(work, region)
    work.state.put(schema.regions, {**row, "headcount": row["headcount"] + heads, **work.place})


def _region(work: Work, region: int) -> Row:
    return work.state.get(schema.regions, region) or {**_NO_REGION, "region": region}


def _cap_changed(work: Work, event: Event) -> None:
    row = _region(work, event.integer("region"))
    work.state.put(schema.regions, {**row, "cap": event.integer("cap"), **work.place})
    release(work, REGION, row["region"])


def _turnover_cap_changed(work: Work, event: Event) -> None:
    row = _region(work, event.integer("region"))
    work.state.put(schema.regions, {**row, "turnover_cap": event.integer("cap"), **work.place})


def _braked(work: Work, event: Event) -> None:
    """Until the period is over; told before the batch that did it."""
    period = work.terms.turnover_period
    until = (work.timestamp // period + 1) * period
    pull(work, REGION, event.integer("region"), until, event.integer("enrolled"), event.integer("most"))


def _registrar_added(work: Work, event: Event) -> None:
    row = {"number": event.integer("number"), "address": event.address("registrar"), "in_office": True}
    work.state.put(schema.registrars, row)


def _registrar_removed(work: Work, event: Event) -> None:
    work.change(schema.registrars, event.integer("number"), in_office=False)


def _registrar_moved(work: Work, event: Event) -> None:
    work.change(schema.registrars, event.integer("number"), address=event.address("registrar"))


def _act_started(work: Work, event: Event) -> None:
    batch, leaf = event.integer("batch"), event.integer("index")
    before = work.state.get(schema.acts, batch, leaf)
    row: Row = {
        "batch": batch,
        "leaf": leaf,
        "kind": event.integer("kind"),
        "due_at": event.integer("dueAt"),
        "objected": bool(before and before["objected"]),
        "referred": False,
        "successor": event.address("successor"),
    }
    work.state.put(schema.acts, row)


def _act_objected(work: Work, event: Event) -> None:
    values = {"referred": True} if event.args["referred"] else {"kind": NO_ACT, "objected": True}
    work.change(schema.acts, event.integer("batch"), event.integer("index"), **values)


def _act_dropped(work: Work, event: Event) -> None:
    work.change(schema.acts, event.integer("batch"), event.integer("index"), kind=NO_ACT, referred=False)


def _act_upheld(work: Work, event: Event) -> None:
    work.change(schema.acts, event.integer("batch"), event.integer("index"), referred=False, due_at=work.timestamp)


HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "citizens": {
        "BatchEnrolled": _enrolled,
        "CitizenActivated": _activated,
        "LeafReplaced": _replaced,
        "CitizenReturned": _returned,
        "EnrolmentBraked": _braked,
        "LeafVoided": _voided,
        "CitizenRetired": _retired,
        "CitizenRecovered": _recovered,
        "RegionCapChanged": _cap_changed,
        "TurnoverCapChanged": _turnover_cap_changed,
        "RegistrarAdded": _registrar_added,
        "RegistrarRemoved": _registrar_removed,
        "RegistrarMoved": _registrar_moved,
        "ActStarted": _act_started,
        "ActObjected": _act_objected,
        "ActDropped": _act_dropped,
        "ActUpheld": _act_upheld,
    }
}
