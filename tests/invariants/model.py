"""The rules of the loop in prose, as plain bookkeeping.

Nothing here knows of indices, packed fields, lazy settlement or basis-point arithmetic on totals: every citizen has an
explicit list of incomes, the supply is a pile of what was issued and a pile of what was destroyed, an equal share is
found by dealing out coins to everybody, and rates are exact fractions. What the rules round, they round here in the
words of the interfaces: a dividend to whole coins of 1e6 wei, public output and what is due for a delivery down to
whole units, a price up. The part about the roll stands in `citizenry`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from math import ceil, floor

from tests.invariants.brakes import BrakeRules, Brakes
from tests.invariants.citizenry import Citizenry, Fate
from tests.invariants.sureties import Demand, OracleSet, Sureties
from tests.invariants.trees import Tree

COIN = 10**6
"""The smallest amount that a dividend deals in, wei."""

MOST_EPOCHS_A_CALL = 64


class Standing(IntEnum):
    """How an epoch stands, in the numbers of the interface; `EXPIRED` is the vault's own word."""

    OPEN = 0
    PENDING = 1
    FINAL = 2
    SKIPPED = 3
    VOID = 4
    EXPIRED = -1


@dataclass(frozen=True)
class Rules:
    """What the recipe fixes. Times in seconds, amounts in wei."""

    genesis: int
    epoch_length: int
    report_window: int
    dispute_window: int
    max_extension: int
    expiry_age: int
    settlement_window: int
    release_floor: int
    growth: Fraction
    max_rate: int
    min_notice: int
    weights: tuple[Fraction, Fraction, Fraction]
    public_shares: tuple[Fraction, ...]
    capacities: tuple[tuple[int, int, int], ...]
    region_caps: dict[int, int]
    turnover_caps: dict[int, int]
    objection_delay: int
    turnover_period: int
    offices: dict[int, str]
    rush_floor: int
    rush: Fraction
    brakes: BrakeRules


@dataclass(frozen=True)
class Terms:
    """The policy in force from an epoch on."""

    from_epoch: int
    rate: int
    released_share: Fraction


@dataclass
class Told:
    """A report that was accepted."""

    claimed: int
    accepted_at: int
    signers: frozenset[int]
    tree: Tree
    of: OracleSet
    taken_out: set[int] = field(default_factory=set)
    void: bool = False
    slashed: bool = False
    extension: int = 0
    demands: dict[tuple[int, int], Demand] = field(default_factory=dict)
    unanswered: int = 0
    """Demands that nobody answered, those closed otherwise included."""

    @property
    def output(self) -> int:
        """What was claimed, less what was taken out."""
        return self.claimed - sum(self.tree.counted(facility) for facility in self.taken_out)

    @property
    def open_demands(self) -> list[tuple[int, int]]:
        """Places that are yet to be shown."""
        return [place for place, demand in self.demands.items() if demand.open]


@dataclass
class Ticket:
    """A voucher."""

    facility: int
    compute_class: int
    epoch: int
    units: int
    price: int
    fee_share: Fraction
    recirculated_share: Fraction
    holder: str
    delivered: int = 0
    paid_out: int = 0
    hands: int = 0


@dataclass
class Dividend:
    """What one epoch brought."""

    epoch: int
    output: int
    entitlement: int
    share: int
    heads: int


class Model(Citizenry):
    """Who holds what, and why."""

    def __init__(self, rules: Rules, terms: Terms, shares: tuple[Fraction, Fraction], sureties: Sureties) -> None:
        super().__init__(
            rules.objection_delay, rules.turnover_period, dict(rules.offices), rules.rush_floor, rules.rush
        )
        self.region_caps |= rules.region_caps
        self.turnover_caps |= rules.turnover_caps
        self.rules = rules
        self.brakes = Brakes(rules.brakes)
        self.sureties = sureties
        self.prizes: Counter[str] = Counter()
        self.terms = [terms]
        self.fee_share, self.recirculated_share = shares
        self.destroyed: list[int] = []
        self.entitled: list[int] = []
        self.given_to_all: list[int] = []
        self.waiting_gifts = 0
        self.last_release = 0
        self.next_epoch = 0
        self.dividends: list[Dividend] = []
        self.passed: dict[int, Standing] = {}
        self.told: dict[int, Told] = {}
        self.allowances: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.permits: Counter[str] = Counter()
        self.spent: set[tuple[str, bytes]] = set()
        self.offers: dict[tuple[int, int, int], int] = {}
        self.sold: Counter[tuple[int, int, int]] = Counter()
        self.tickets: dict[int, Ticket] = {}
        self.tickets_sold = 0

    # Time

    def epoch_at(self, time: int) -> int:
        """The epoch running; before genesis the first one, not begun."""
        return max(0, (time - self.rules.genesis) // self.rules.epoch_length)

    def end_of(self, epoch: int) -> int:
        """The second at which an epoch is over."""
        return self.rules.genesis + (epoch + 1) * self.rules.epoch_length

    def deadline_of(self, epoch: int) -> int:
        """Last second for an epoch's report."""
        return self.end_of(epoch) + self.rules.report_window

    def expiry_of(self, epoch: int) -> int:
        """Last second for deliveries of an epoch."""
        return self.end_of(epoch) + self.rules.settlement_window

    def terms_at(self, epoch: int) -> Terms:
        """The policy in force at an epoch."""
        return max((t for t in self.terms if t.from_epoch <= epoch), key=lambda t: t.from_epoch)

    def standing(self, epoch: int, time: int) -> Standing:
        """How an epoch stands for the vault."""
        if time > self.end_of(epoch) + self.rules.expiry_age:
            return Standing.EXPIRED
        return self.standing_of(epoch, time)

    def standing_of(self, epoch: int, time: int) -> Standing:
        """How an epoch stands for the registry."""
        told = self.told.get(epoch)
        if told is None:
            return Standing.SKIPPED if time > self.deadline_of(epoch) else Standing.OPEN
        if told.void:
            return Standing.VOID
        window = told.accepted_at + self.rules.dispute_window
        if time <= window + told.extension:
            return Standing.PENDING
        if not told.unanswered:
            return Standing.FINAL
        # Every demand could have been answered by then.
        return Standing.PENDING if time <= window + self.rules.max_extension else Standing.VOID

    # Output and income

    def public_output(self, raws: list[tuple[int, int, int]]) -> int:
        """The sum over facilities of the public part of their weighted output, each rounded down."""
        total = 0
        for raw, share in zip(raws, self.rules.public_shares, strict=True):
            total += self.public_part(raw, share)
        return total

    def public_part(self, raw: Sequence[int], share: Fraction) -> int:
        """The public part of one facility's weighted output, rounded down."""
        return floor(sum(amount * weight for amount, weight in zip(raw, self.rules.weights, strict=True)) * share)

    def why_not_distribute(self, time: int) -> tuple[str, dict[str, int | None]] | None:
        """Why a call gets nowhere: the error and its values."""
        epoch = self.next_epoch
        standing = self.standing(epoch, time)
        if not self.heads:
            return "NoCitizens", {"epoch": epoch}
        if self.brakes.is_halted(time):
            return "IssuanceIsHalted", {"until": self.brakes.halted_until}
        if standing in (Standing.OPEN, Standing.PENDING):
            return "EpochNotFinal", {"epoch": epoch, "outcome": int(standing)}
        if standing is Standing.FINAL and epoch in self.brakes.seen and self.waits(epoch, time):
            return "EpochHeld", {"epoch": epoch, "until": self.end_of(epoch) + self.rules.brakes.brake_span}
        return None

    def waits(self, epoch: int, time: int) -> bool:
        """Whether the brake holds an epoch that is final."""
        return self.brakes.waits(epoch, self.told[epoch].output, self.end_of(epoch), time)

    def distribute(self, time: int) -> int:
        """Deals with the next epochs until one brought a dividend, or has to wait. Answers how many were dealt with."""
        dealt = 0
        while dealt < MOST_EPOCHS_A_CALL:
            standing = self.standing(self.next_epoch, time)
            if standing in (Standing.OPEN, Standing.PENDING):
                break
            if standing is Standing.FINAL and self.waits(self.next_epoch, time):
                self.brakes.seen[self.next_epoch] = False
                break
            if standing is Standing.FINAL:
                self._pay_out(self.next_epoch)
            else:
                self.passed[self.next_epoch] = standing
            self.next_epoch += 1
            dealt += 1
            if standing is Standing.FINAL:
                break
        return dealt

    def _pay_out(self, epoch: int) -> None:
        terms = self.terms_at(epoch)
        output = self.told[epoch].output
        entitlement = output * terms.rate
        self.entitled.append(entitlement)
        self.reserve += entitlement
        release = min(
            floor(self.reserve * terms.released_share),
            max(self.rules.release_floor, floor(self.last_release * self.rules.growth)),
        )
        everybody = self.heads
        share = deal_out(release + self.waiting_gifts, len(everybody))
        for leaf in everybody:
            leaf.incomes[epoch] = share
            if leaf.fate is Fate.HELD:
                self.purses[str(self.holder_of(leaf))] += share
        # Each share is a token issue of its own; gifts are used up first, the reserve pays the rest.
        shares = [share] * len(everybody)
        self.issued.extend(shares)
        from_gifts = min(sum(shares), self.waiting_gifts)
        self.waiting_gifts -= from_gifts
        from_reserve = sum(shares) - from_gifts
        self.reserve -= from_reserve
        self.last_release = in_coins(from_reserve)
        self.brakes.count(output)
        self.dividends.append(Dividend(epoch, output, entitlement, share, len(everybody)))

    # Money

    @property
    def supply(self) -> int:
        """All that was issued and not destroyed."""
        return sum(self.issued) - sum(self.destroyed)

    def pay(self, payer: str, payee: str, amount: int) -> None:
        self.purses[payer] -= amount
        self.purses[payee] += amount

    def destroy(self, holder: str, amount: int) -> None:
        self.purses[holder] -= amount
        self.destroyed.append(amount)

    def give_to_all(self, holder: str, amount: int) -> None:
        self.destroy(holder, amount)
        self.given_to_all.append(amount)
        self.waiting_gifts += amount

    # Computing

    def price(self, compute_class: int, units: int, time: int) -> int:
        """What computing costs now: its weight times the rate at which it is issued, rounded up."""
        return ceil(units * self.rules.weights[compute_class] * self.terms_at(self.epoch_at(time)).rate)

    def remaining(self, place: tuple[int, int, int]) -> int:
        """Units still on offer."""
        return self.offers.get(place, 0) - self.sold[place]

    def sell(self, place: tuple[int, int, int], units: int, price: int, buyer: str, exchange: str) -> int:
        """The buyer's money goes into escrow against a new voucher, whose number is answered."""
        self.sold[place] += units
        self.pay(buyer, exchange, price)
        number = self.tickets_sold
        self.tickets_sold += 1
        self.tickets[number] = Ticket(*place, units, price, self.fee_share, self.recirculated_share, buyer)
        return number

    def deliver(self, ticket: Ticket, delivered: int, operator: str, exchange: str) -> tuple[int, int, int]:
        """Pays out what is due for all deliveries so far: the operator's fee, a gift to all, the rest destroyed."""
        due = floor(Fraction(ticket.price) * delivered / ticket.units) - ticket.paid_out
        fee = floor(due * ticket.fee_share)
        gift = floor(due * ticket.recirculated_share)
        ticket.delivered = delivered
        ticket.paid_out += due
        self.pay(exchange, operator, fee)
        if gift:
            self.give_to_all(exchange, gift)
        self.destroy(exchange, due - fee - gift)
        return fee, gift, due - fee - gift

    def refund(self, number: int, exchange: str) -> int:
        """The holder gets back what was not delivered; the voucher is gone."""
        ticket = self.tickets.pop(number)
        left = ticket.price - ticket.paid_out
        self.pay(exchange, ticket.holder, left)
        return left

    @property
    def in_escrow(self) -> int:
        """What outstanding vouchers are still worth."""
        return sum(ticket.price - ticket.paid_out for ticket in self.tickets.values())


def in_coins(amount: int) -> int:
    """An amount in whole coins, what is smaller left out."""
    return amount - amount % COIN


def deal_out(pot: int, people: int) -> int:
    """What each gets when a pot is dealt out evenly: round by round a coin to everybody, large coins first."""
    coin = COIN
    while coin * people <= pot:
        coin *= 2
    each = 0
    while coin >= COIN:
        if coin * people <= pot:
            pot -= coin * people
            each += coin
        coin //= 2
    return each
