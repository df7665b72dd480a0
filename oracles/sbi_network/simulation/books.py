"""The exact books of one run: where every wei of SBI is, in Python integers, and that none comes or goes by itself.

Holders in aggregate: citizens who have activated, those who have not (their income is entitlement: invariant 2),
enterprises, the facilities' operators, and the exchange's escrow. What people choose comes in as float64 and is rounded
down to whole wei here, and never exceeds what is held: rounding leaves money where it was.
"""

from __future__ import annotations

from sbi_network.simulation.errors import ConservationError
from sbi_network.simulation.exchange import Settled, Vouchers, part_of
from sbi_network.simulation.vault import Braked, Issue, NotYetError, Passed, Source, Vault


class Books:
    """One run's money. Amounts are wei."""

    __slots__ = (
        "citizens",
        "enterprises",
        "entitled",
        "expired",
        "fees",
        "inactive",
        "operators",
        "passed",
        "recirculated",
        "recycled",
        "vault",
        "vouchers",
    )

    def __init__(self, vault: Vault, vouchers: Vouchers) -> None:
        self.vault = vault
        self.vouchers = vouchers
        self.citizens = 0
        self.inactive = 0
        self.enterprises = 0
        self.operators = 0
        self.entitled = 0
        self.recirculated = 0
        self.recycled = 0
        self.fees = 0
        self.passed = 0
        self.expired = 0

    @property
    def supply(self) -> int:
        """`totalSupply`: what was issued, less what was destroyed."""
        return self.vault.issued - self.recycled

    def activate(self, amount: float, *, all_active: bool) -> None:
        """Income of people who activate becomes theirs to spend."""
        moved = self.inactive if all_active else min(self.inactive, int(amount))
        self.inactive -= moved
        self.citizens += moved

    def set_headcount(self, heads: int) -> None:
        """The roll as it stands. Who retires keeps what accrued: nothing is un-issued."""
        change = heads - self.vault.headcount
        if change > 0:
            self.vault.admit(change)
        elif change < 0:
            self.vault.dismiss(self.vault.index, -change)

    def distribute(self, now: int, until: int, source: Source, active: int) -> tuple[int, Braked | None]:
        """Every dividend that is due for epochs before `until`, wei a head, and the jump that waits from now on.

        `active` heads have activated.
        """
        dividends, braked = 0, None
        vault = self.vault
        while vault.next_epoch < until and vault.headcount:
            try:
                events = vault.distribute(now, source)
            except NotYetError:
                break
            for event in events:
                if isinstance(event, Issue):
                    dividends += event.dividend
                    self.entitled += event.entitlement
                    self._check_issue(event)
                elif isinstance(event, Passed):
                    self._count(event)
                else:
                    braked = event
            if braked:
                break
        self.citizens += dividends * active
        self.inactive += dividends * (vault.headcount - active)
        return dividends, braked

    def settle(self, epoch: int, delivered: float) -> Settled:
        """Vouchers that fall due: fees to operators, a part to everyone, the rest destroyed; refunds to who paid."""
        settled = self.vouchers.settle(epoch, delivered)
        fee, recirculated, recycled = settled.split
        self.operators += fee
        self.fees += fee
        # Recirculated tokens are destroyed too, and issued again with the next dividend.
        self.recycled += recirculated + recycled
        self.recirculated += recirculated
        if recirculated:
            self.vault.note_recirculated(recirculated)
        self.citizens += settled.refunded_citizens
        self.enterprises += settled.refunded_enterprises
        return settled

    def pay_wages(self, share: float) -> int:
        """Enterprises pay a share of what they hold to citizens."""
        wages = part_of(self.enterprises, share)
        self.enterprises -= wages
        self.citizens += wages
        return wages

    def spend_fees(self, share: float) -> None:
        """Operators buy from enterprises for a share of what they hold."""
        spent = part_of(self.operators, share)
        self.operators -= spent
        self.enterprises += spent

    def trade(self, epoch: int, goods: float, computing: float, enterprises_computing: float) -> None:
        """Citizens pay enterprises for goods; both pay the exchange for computing."""
        goods_wei = min(self.citizens, int(goods))
        paid = min(self.citizens - goods_wei, int(computing))
        paid_too = min(self.enterprises, int(enterprises_computing))
        self.citizens -= goods_wei + paid
        self.enterprises += goods_wei - paid_too
        self.vouchers.sell(epoch, paid, paid_too)

    def check(self, epoch: int) -> None:
        """The invariants, in aggregate and exact. Raises ConservationError."""
        vault, escrow = self.vault, self.vouchers.escrow
        held = self.citizens + self.inactive + self.enterprises + self.operators + escrow
        if vault.issued - self.recycled != held:
            raise ConservationError(epoch, "1: supply = issued − recycled = all that is held")
        if min(self.citizens, self.inactive, self.enterprises, self.operators, escrow, vault.reserve) < 0:
            raise ConservationError(epoch, "2, 5: no balance below zero")
        if self.entitled + self.recirculated != vault.issued + vault.reserve + vault.recirculated:
            raise ConservationError(epoch, "3: entitled + recirculated = issued + reserve + still to be issued again")
        if escrow != self.vouchers.outstanding():
            raise ConservationError(epoch, "11: escrow = all outstanding vouchers")

    def _check_issue(self, issue: Issue) -> None:
        if issue.issued != issue.dividend * issue.headcount:
            raise ConservationError(issue.epoch, "4: issued = dividend × headcount")
        if issue.entitlement > issue.output * self.vault.bounds.max_rate:
            raise ConservationError(issue.epoch, "6: entitlement ≤ output × ceiling")

    def _count(self, event: Passed) -> None:
        self.passed += 1
        self.expired += event.outcome is None
