"""Token and vault: balances, income, totals.

An account's row is what the token's slot holds: settled wei, the dividend index settled to, whether income accrues.
The token says by a `Transfer` from nobody that it settled an account; by the same event it pays the income of an
earlier leaf, which `LeafReplaced` in the same transaction announces.
"""

from __future__ import annotations

from typing import Final

from sbi_network.explorer import schema
from sbi_network.explorer.errors import InconsistentError
from sbi_network.explorer.events import Event
from sbi_network.explorer.state import Row
from sbi_network.explorer.work import ONLY, Handler, Work, blank, placed
from sbi_network.protocol.address import ZERO_ADDRESS

INDEX_UNIT: Final = 10**6
"""Wei per unit of the dividend index; `INDEX_UNIT` of token and vault."""

_MOST_RELEASE_UNITS: Final = 2**80 - 1
"""The vault keeps the last release in 80 bits of that unit."""

_OUTCOMES: Final = {3: "skipped", 4: "void"}

NO_ACCOUNT: Final[Row] = blank(schema.accounts, settled=0, index=0, accruing=False, since=0, until=0)
NO_EPOCH: Final[Row] = blank(schema.epochs, is_void=False, demands=0)


def balance_of(account: Row, dividend_index: int) -> int:
    """Settled and accrued, wei: the token's `balanceOf`."""
    accrued = (dividend_index - account["index"]) * INDEX_UNIT if account["accruing"] else 0
    return int(account["settled"]) + accrued


def account_row(work: Work, address: str) -> Row:
    """An account's row, blank for one never heard of."""
    return work.state.get(schema.accounts, address) or {**NO_ACCOUNT, "address": address}


def epoch_row(work: Work, epoch: int) -> Row:
    """An epoch's row, blank for one never heard of."""
    return work.state.get(schema.epochs, epoch) or {**NO_EPOCH, "epoch": epoch}


def _transfer(work: Work, event: Event) -> None:
    payer, payee, amount = event.address("from"), event.address("to"), event.integer("value")
    if payer == ZERO_ADDRESS:
        _minted(work, event, payee, amount)
        return
    relayed = (event.transaction, payer) in work.signed
    work.signed.discard((event.transaction, payer))
    _add_settled(work, payer, -amount)
    if payee == ZERO_ADDRESS:
        work.add_totals(recycled=amount)
        work.add_flow(recycled=amount)
        _enter(work, event, payer, "recycled", -amount, relayed=relayed)
        return
    _add_settled(work, payee, amount)
    out, into = _kinds(work, event, payer, payee)
    _enter(work, event, payer, out, -amount, payee, relayed=relayed)
    if payee != payer:
        _enter(work, event, payee, into, amount, payer, relayed=relayed)
    if out == "paid" and amount:
        work.add_totals(payments=1)
        work.add_flow(payments=1, volume=amount)


def _kinds(work: Work, event: Event, payer: str, payee: str) -> tuple[str, str]:
    """What a payment is to who pays and to who is paid."""
    if payee == work.terms.exchange:
        return "bought", "received"
    if payer == work.terms.exchange:
        return "paid_out", work.exchange_pays.get(event.transaction, "received")
    return ("paid", "received") if payee != payer else ("paid_self", "paid_self")


def _minted(work: Work, event: Event, account: str, amount: int) -> None:
    row = account_row(work, account)
    if (event.transaction, account) in work.paid_ranges:
        work.paid_ranges.discard((event.transaction, account))
        work.state.put(schema.accounts, {**row, "settled": row["settled"] + amount})
        _enter(work, event, account, "earlier", amount)
        return
    index = work.totals["dividend_index"]
    if not row["accruing"] or (index - row["index"]) * INDEX_UNIT != amount:
        raise InconsistentError(f"block {event.block}, log {event.index}: {account} settled {amount} wei, unexpectedly")
    ended = row["until"] != 0
    ends = {"accruing": False, "end_index": index} if ended else {}
    work.state.put(schema.accounts, {**row, "settled": row["settled"] + amount, "index": index, **ends})


def _add_settled(work: Work, account: str, amount: int) -> None:
    row = account_row(work, account)
    settled = row["settled"] + amount
    if settled < 0:
        raise InconsistentError(f"{account} would hold {settled} wei")
    work.state.put(schema.accounts, {**row, "settled": settled})


def _enter(
    work: Work, event: Event, account: str, kind: str, amount: int, other: str | None = None, *, relayed: bool = False
) -> None:
    """An entry in an account's history. A payment of nothing is none: anybody can send those, in anybody's name."""
    if amount == 0:
        return
    work.entries.append(
        {
            "account": account,
            "block": event.block,
            "log_index": event.index,
            "kind": kind,
            "amount": amount,
            "counterparty": other,
            "relayed": relayed,
            "transaction": event.transaction,
        }
    )


def _authorization_used(work: Work, event: Event) -> None:
    work.signed.add((event.transaction, event.address("authorizer")))


def _recirculated(work: Work, event: Event) -> None:
    """The token has just said that it destroyed them: the last entry is this one's."""
    amount = event.integer("amount")
    work.add_totals(recirculated=amount)
    work.add_flow(recycled=-amount, recirculated=amount)
    if amount:
        last = work.entries[-1]
        if (last["account"], last["kind"], last["amount"]) != (event.address("account"), "recycled", -amount):
            raise InconsistentError(f"block {event.block}, log {event.index}: recirculated what was not destroyed")
        last["kind"] = "recirculated"


def _distributed(work: Work, event: Event) -> None:
    epoch, issued, dividend = event.integer("epoch"), event.integer("issued"), event.integer("dividend")
    totals = work.totals
    from_given = min(issued, totals["recirculated"])
    index = totals["dividend_index"] + dividend // INDEX_UNIT
    work.set_totals(
        dividend_index=index,
        issued=totals["issued"] + issued,
        reserve=event.integer("reserve"),
        recirculated=totals["recirculated"] - from_given,
        last_release=min((issued - from_given) // INDEX_UNIT, _MOST_RELEASE_UNITS) * INDEX_UNIT,
        next_epoch=epoch + 1,
    )
    names = ("entitlement", "issued", "dividend", "headcount", "reserve")
    figures = {name: event.integer(name) for name in names}
    told = {"index_after": index, "distributed_at": work.timestamp, **placed(event, "dividend_")}
    work.state.put(schema.epochs, {**epoch_row(work, epoch), **figures, **told})


def _passed(work: Work, event: Event) -> None:
    epoch = event.integer("epoch")
    how = _OUTCOMES[event.integer("outcome")] if event.name == "EpochPassed" else "expired"
    work.set_totals(next_epoch=epoch + 1)
    work.state.put(schema.epochs, {**epoch_row(work, epoch), "passed_as": how})


def _heads_admitted(work: Work, event: Event) -> None:
    work.set_totals(headcount=event.integer("headcount"))


def _head_dismissed(work: Work, event: Event) -> None:
    issued = work.totals["issued"] - event.integer("returned")
    work.set_totals(headcount=event.integer("headcount"), issued=issued, reserve=event.integer("reserve"))


def _unissued(work: Work, event: Event) -> None:
    issued = work.totals["issued"] - event.integer("returned")
    work.set_totals(issued=issued, reserve=event.integer("reserve"))


HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "token": {"Transfer": _transfer, "AuthorizationUsed": _authorization_used, "Recirculated": _recirculated},
    "vault": {
        "DividendDistributed": _distributed,
        "EpochPassed": _passed,
        "EpochExpired": _passed,
        "HeadsAdmitted": _heads_admitted,
        "HeadDismissed": _head_dismissed,
        "IncomeUnissued": _unissued,
    },
}

__all__ = ["HANDLERS", "INDEX_UNIT", "ONLY", "account_row", "balance_of", "epoch_row"]
