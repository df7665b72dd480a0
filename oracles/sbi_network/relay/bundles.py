"""What is sent together: pure rules, no chain, no clock.

Ordinary payments and the fees that are due share a batch, which skips what it cannot do; whatever has to go alone does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbi_network.relay.jobs import Record
from sbi_network.relay.settings import BundleSettings

FEE_GAS = 62_000
"""Of a fee in a batch at most: its nonce may open a word (17,100 gas), the collector's account be new."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One bundle to be: jobs to do, jobs whose fee to collect. Together more than one go in a batch."""

    deeds: tuple[Record, ...]
    fees: tuple[Record, ...]


def planned(queued: Sequence[Record], fees: Sequence[Record], rules: BundleSettings, now: float) -> list[Plan]:
    """Bundles that are ready: those that go alone at once, a batch once it is full or its oldest has waited enough.

    `queued` and `fees` in the order in which they came; `now` in seconds, as `accepted_at` is.
    """
    alone = [Plan((record,), ()) for record in queued if record.goes_alone]
    alone += [Plan((), (record,)) for record in fees if record.is_wallet]
    plans, deeds, due, gas = list[Plan](), list[Record](), list[Record](), 0

    def close() -> None:
        nonlocal gas
        plans.append(Plan(tuple(deeds), tuple(due)))
        deeds.clear()
        due.clear()
        gas = 0

    def add(to: list[Record], record: Record, cost: int) -> None:
        nonlocal gas
        if (deeds or due) and (gas + cost > rules.gas or len(deeds) + len(due) >= rules.payments):
            close()
        to.append(record)
        gas += cost

    for record in fees:
        if not record.is_wallet:
            add(due, record, FEE_GAS)
    for record in queued:
        if not record.goes_alone:
            add(deeds, record, record.gas)
    # What is left is not full: it goes if somebody in it has waited long enough, and fees have waited already.
    is_old = any(now - record.accepted_at >= rules.wait_seconds for record in (*deeds, *due))
    if is_old or gas >= rules.gas or len(deeds) + len(due) >= rules.payments:
        close()
    return [*alone, *plans]
