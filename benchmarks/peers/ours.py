"""Our own side of each work, by the same contracts and steps as `make gas`."""

from __future__ import annotations

from typing import Final

from ape.api import ReceiptAPI
from eth_utils.crypto import keccak

from benchmarks import gas
from benchmarks.peers.node import Figure
from benchmarks.peers.works import CITIZENS

SMALLER: Final = 16
"""Of so many oracles, 11 sign."""


def measure() -> dict[str, Figure]:
    """Every work, on the chain that Ape is connected to."""
    smaller = gas.start(CITIZENS, oracles=SMALLER)
    town = gas.start(CITIZENS)
    dividend, report = _used(town.dividend), _used(town.report)
    batch = _used(town.enrol(keccak(text="another batch"), CITIZENS))
    payers = gas.enrol_payers(town)
    relayed = gas.payment_rows(town, payers)
    own = gas.own_rows(town, payers)
    activated = _used(gas.activation(town, 20))
    many = f"{CITIZENS:,}"
    together = _share(_used(relayed["relayed_batch100_per_head"]), gas.PAYERS)
    return {
        "epoch": Figure(dividend, f"`distribute` among {many}; every balance counts it at once"),
        "epoch_transaction": Figure(dividend, "`distribute`: reads a final report, issues, keeps the epoch's books"),
        "receive": Figure(0, "the balance counts it; no transaction"),
        "spend_income": Figure(_used(own["spend_settling"]), "`transfer`, which settles the income first"),
        "transfer": Figure(_used(own["transfer"]), "`transfer` out of the settled balance"),
        "relayed": Figure(_used(relayed["relayed_single"]), "`transferWithAuthorization`, the payer's nonces in use"),
        "relayed_100": Figure(together, "a hundredth of `transferWithAuthorizations` of 100"),
        "enrol": Figure(batch, f"`enrol`: the root of a batch of {many}, or of any number"),
        "join": Figure(
            activated + _share(batch, CITIZENS), f"`activate` from 2^20 leaves, and its part of a batch of {many}"
        ),
        "report": Figure(report, f"`submitReport`: {gas.QUORUM} signatures of {gas.ORACLES}"),
        "report_11": Figure(_used(smaller.report), f"`submitReport`: {smaller.quorum} signatures of {SMALLER}"),
    }


def _used(receipt: ReceiptAPI | None) -> int:
    assert receipt is not None
    return int(receipt.gas_used)


def _share(total: int, heads: int) -> int:
    """One head's part, rounded up."""
    return -(-total // heads)
