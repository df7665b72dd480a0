"""The exchange: offers, vouchers, what is delivered and what returns."""

from __future__ import annotations

from typing import Final

from sbi_network.explorer import schema
from sbi_network.explorer.events import Event
from sbi_network.explorer.state import Row
from sbi_network.explorer.work import Handler, Work, placed
from sbi_network.protocol.address import ZERO_ADDRESS


def _offer_changed(work: Work, event: Event) -> None:
    row = _offer(work, *(event.integer(name) for name in ("facility", "computeClass", "epoch")))
    work.state.put(schema.offers, {**row, "offered": event.integer("offered")})


def _offer(work: Work, facility: int, compute_class: int, epoch: int) -> Row:
    none = {"facility": facility, "compute_class": compute_class, "epoch": epoch, "offered": 0, "sold": 0}
    return work.state.get(schema.offers, facility, compute_class, epoch) or none


def _bought(work: Work, event: Event) -> None:
    facility, compute_class, epoch = (event.integer(name) for name in ("facility", "computeClass", "epoch"))
    units, price = event.integer("units"), event.integer("price")
    offer = _offer(work, facility, compute_class, epoch)
    work.state.put(schema.offers, {**offer, "sold": offer["sold"] + units})
    row = {
        "voucher": event.integer("voucher"),
        "holder": event.address("buyer"),
        "facility": facility,
        "compute_class": compute_class,
        "epoch": epoch,
        "units": units,
        "delivered": 0,
        "price": price,
        "released": 0,
        "transfer_count": 0,
        "refunded": False,
    }
    work.state.put(schema.vouchers, {**row, **placed(event)})
    work.add_totals(escrow=price)
    work.add_flow(bought=price)


def _delivered(work: Work, event: Event) -> None:
    voucher = work.must(schema.vouchers, event.integer("voucher"))
    amount = sum(event.integer(name) for name in ("fee", "recirculated", "recycled"))
    released = voucher["released"] + amount
    work.change(schema.vouchers, voucher["voucher"], delivered=event.integer("delivered"), released=released)
    work.add_totals(escrow=-amount)
    work.add_flow(delivered=amount)
    work.exchange_pays[event.transaction] = "fee"


def _refunded(work: Work, event: Event) -> None:
    work.change(schema.vouchers, event.integer("voucher"), refunded=True, holder=event.address("holder"))
    work.add_totals(escrow=-event.integer("amount"))
    work.exchange_pays[event.transaction] = "refunded"


def _changed_hands(work: Work, event: Event) -> None:
    """A new voucher is told of by `ComputeBought`, one that is gone by `VoucherRefunded`."""
    if ZERO_ADDRESS in (event.address("from"), event.address("to")):
        return
    voucher = work.must(schema.vouchers, event.integer("tokenId"))
    count = voucher["transfer_count"] + 1
    work.change(schema.vouchers, voucher["voucher"], holder=event.address("to"), transfer_count=count)


HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "exchange": {
        "OfferChanged": _offer_changed,
        "ComputeBought": _bought,
        "ComputeDelivered": _delivered,
        "VoucherRefunded": _refunded,
        "Transfer": _changed_hands,
    }
}
