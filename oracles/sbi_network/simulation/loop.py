"""The closed loop: monitor, calculate, distribute, recycle, epoch by epoch, for several runs side by side.

    an epoch e:   facilities compute and report (known beforehand: `facilities`)
                  people enrol and activate                                                          `citizens`, `books`
                  vouchers sold some epochs ago are delivered: fee, recirculated part, recycling     `exchange`
                  wages and fees are spent
                  guardian and votes act; the vault distributes what is final and not held   `brakes`, `vault`, `policy`
                  citizens and enterprises order goods and computing; orders are filled up to capacity, at parity
                  every invariant is checked

What a run depends on is its scenario, its seed and its number alone: not on which runs stand beside it, nor on the
number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation.books import Books
from sbi_network.simulation.brakes import Acts, Waits, with_void
from sbi_network.simulation.citizens import Citizens
from sbi_network.simulation.exchange import Vouchers
from sbi_network.simulation.facilities import Output, Recorded, output_of
from sbi_network.simulation.policy import IssuancePolicy
from sbi_network.simulation.scenario import PolicyChange, Scenario
from sbi_network.simulation.vault import Bounds, Vault

Floats = NDArray[np.float64]

LONGEST_QUEUE_DAYS = 9_999.0
"""What a queue is said to be where nothing, or next to nothing, is on offer."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run: a scenario, with figures already drawn, and the number of its stream of random numbers."""

    scenario: Scenario
    number: int = 0
    recorded: Recorded | None = None


class Row(NamedTuple):
    """An epoch as it ended. Totals are since the start. Amounts: whole wei; heads: people.

    `output` is the public output of a final report, nGAICPh; nothing where there is none.
    `filled` is the share of orders that computing was sold for, at the rate of issue: parity holds where it is 1.
    """

    epoch: int
    outcome: int
    held: int
    output: int
    dividend: int
    issued: int
    entitled: int
    reserve: int
    headcount: int
    active: int
    supply: int
    recycled: int
    recirculated: int
    fees: int
    citizens: int
    inactive: int
    enterprises: int
    operators: int
    escrow: int
    passed: int
    expired: int
    rate: int
    ordered: float
    offered: float
    filled: float
    queue_days: float


@dataclass(frozen=True, slots=True)
class Run:
    """What a run leaves. Daily series are (epochs,) float64.

    `rows` holds every `every`-th epoch and the last. `held` and `heads` are the cohorts at the end; `incomes` their
    other income, CNY a day a head.
    """

    case: Case
    every: int
    rows: list[Row]
    dividends: Floats
    filled: Floats
    queue_days: Floats
    waits: Waits
    held: Floats
    heads: Floats
    incomes: Floats


def simulate(cases: Sequence[Case], every: int = 1) -> list[Run]:
    """Run cases of one shape (epochs, cohorts, groups) side by side. Raises ScenarioError, ConservationError."""
    return _Loop(cases, every).run()


class OneRun:
    """What is one run's own: its output, its brakes, its books."""

    def __init__(self, case: Case) -> None:
        scenario = case.scenario
        rng = np.random.default_rng(np.random.SeedSequence(scenario.seed, spawn_key=(case.number,)))
        self.output = with_void(scenario, output_of(scenario, rng, case.recorded))
        self.acts, self.waits = Acts(scenario), Waits([False] * scenario.epochs)
        self.policies = _policies(scenario)
        self.bounds = _bounds(scenario)
        delay = max(1, -int(-scenario.exchange.delivery.value // scenario.epoch))
        fee, recirculated = int(scenario.exchange.fee), int(scenario.exchange.recirculated)
        self.books = Books(Vault(self.bounds, self.policies.__getitem__), Vouchers(delay, fee, recirculated))
        self.delivered = _delivered(self.output, float(scenario.exchange.delivered), delay)
        self.rates = [policy.rate for policy in self.policies]
        self.finality = int(scenario.vault.finality.value * 86_400)
        self.wages = _over(float(scenario.enterprises.wages), scenario.days)
        self.orders = _over(float(scenario.enterprises.computing), scenario.days)
        self.fees = _over(float(scenario.exchange.operators_spend), scenario.days)
        self.patience = float(scenario.citizens.patience)
        self.backlog = 0.0
        self.reported = 0

    def outcome_of(self, epoch: int) -> tuple[Outcome, int]:
        """What the report source answers: nothing yet of epochs from `reported` on."""
        if epoch >= self.reported:
            return Outcome.OPEN, 0
        return self.output.outcomes[epoch], self.output.public[epoch]

    def open(self, epoch: int, heads: int, active: int, activated: float) -> tuple[int, int, float]:
        """The first half of an epoch: dividends a head, what citizens get otherwise, what enterprises order. Wei."""
        books = self.books
        books.activate(activated, all_active=heads == active)
        books.set_headcount(heads)
        settled = books.settle(epoch, self.delivered[epoch])
        books.spend_fees(self.fees)
        wages = books.pay_wages(self.wages)
        self.reported = epoch + 1
        now = self.bounds.end_of(epoch) + self.finality
        self.acts.happen(epoch, books.vault, now, self.waits)
        dividends, braked = books.distribute(now, epoch + 1, self.outcome_of, active)
        # Without citizens epochs wait too, for other reasons.
        self.waits.held[epoch] = books.vault.next_epoch <= epoch and heads > 0
        if braked:
            self.waits.trips.append(braked.epoch)
        wanted = min(float(books.enterprises), books.enterprises * self.orders + self.backlog)
        return dividends, wages + settled.refunded_citizens, wanted

    def close(self, epoch: int, goods: float, computing: float, wanted: float, filled: float) -> None:
        """The second half: what was chosen is paid, and every invariant is looked at."""
        bought = wanted * filled
        self.backlog = (wanted - bought) * self.patience
        self.books.trade(epoch, goods, computing, bought)
        self.books.check(epoch)


class _Loop:
    def __init__(self, cases: Sequence[Case], every: int) -> None:
        self._cases = cases
        self._every = every
        self._singles = [OneRun(case) for case in cases]
        self._citizens = Citizens([case.scenario for case in cases])
        first = cases[0].scenario
        self._epochs, self._days = first.epochs, first.days
        worth = [np.array(single.rates, dtype=np.float64) for single in self._singles]
        offered = [single.output.offered * rate[:, None] for single, rate in zip(self._singles, worth, strict=True)]
        self._offered = np.stack(offered, axis=1)
        """(epochs, runs, 3): what all that is on offer costs, wei."""
        self._mix = np.array([[float(share) for share in case.scenario.exchange.mix] for case in cases])
        shape = (self._epochs, len(cases))
        self._dividends, self._filled, self._queues = np.zeros(shape), np.ones(shape), np.zeros(shape)
        self._rows: list[list[Row]] = [[] for _ in cases]

    def run(self) -> list[Run]:
        for epoch in range(self._epochs):
            self._step(epoch)
        return [self._run(place) for place in range(len(self._cases))]

    def _step(self, epoch: int) -> None:
        singles, citizens = self._singles, self._citizens
        activated = citizens.enter(epoch).tolist()
        heads = citizens.enrolled.sum(axis=1).tolist()
        active = citizens.active.sum(axis=1).tolist()
        opened = [
            single.open(epoch, int(all_), int(some), moved)
            for single, all_, some, moved in zip(singles, heads, active, activated, strict=True)
        ]
        dividends = [dividend for dividend, _, _ in opened]
        self._dividends[epoch] = dividends
        citizens.receive(self._dividends[epoch], np.array([float(others) for _, others, _ in opened]))
        goods, orders = citizens.choose(epoch)
        wanted = np.array([order for _, _, order in opened])
        filled = share_filled(orders + wanted, self._offered[epoch], self._mix)
        paid = citizens.buy(filled)
        halves = zip(singles, goods.tolist(), paid.tolist(), wanted.tolist(), filled.tolist(), strict=True)
        for single, spent, bought, order, share in halves:
            single.close(epoch, spent, bought, order, share)
        books = [single.books for single in singles]
        citizens.tie(epoch, [b.citizens for b in books], [b.inactive for b in books], goods + orders)
        offered = self._offered[epoch].sum(axis=1)
        queues = (citizens.backlog.sum(axis=1) + [single.backlog for single in singles]) * self._days
        self._filled[epoch] = filled
        longest = LONGEST_QUEUE_DAYS
        self._queues[epoch] = np.where(
            queues < longest * offered, queues / np.where(offered > 0, offered, 1), np.where(queues > 0, longest, 0)
        )
        if epoch % self._every == 0 or epoch == self._epochs - 1:
            self._note(epoch, dividends, (orders + wanted).tolist(), offered.tolist())

    def _note(self, epoch: int, dividends: list[int], ordered: list[float], offered: list[float]) -> None:
        active = self._citizens.active.sum(axis=1).tolist()
        for place, single in enumerate(self._singles):
            books, vault, outcome = single.books, single.books.vault, single.output.outcomes[epoch]
            self._rows[place].append(
                Row(
                    epoch=epoch,
                    outcome=int(outcome),
                    held=int(single.waits.held[epoch]),
                    output=single.output.public[epoch] if outcome is Outcome.FINAL else 0,
                    dividend=dividends[place],
                    issued=vault.issued,
                    entitled=books.entitled,
                    reserve=vault.reserve,
                    headcount=vault.headcount,
                    active=int(active[place]),
                    supply=books.supply,
                    recycled=books.recycled,
                    recirculated=books.recirculated,
                    fees=books.fees,
                    citizens=books.citizens,
                    inactive=books.inactive,
                    enterprises=books.enterprises,
                    operators=books.operators,
                    escrow=books.vouchers.escrow,
                    passed=books.passed,
                    expired=books.expired,
                    rate=single.rates[epoch],
                    ordered=ordered[place],
                    offered=offered[place],
                    filled=float(self._filled[epoch, place]),
                    queue_days=float(self._queues[epoch, place]),
                )
            )

    def _run(self, place: int) -> Run:
        citizens = self._citizens
        return Run(
            case=self._cases[place],
            every=self._every,
            rows=self._rows[place],
            dividends=self._dividends[:, place].copy(),
            filled=self._filled[:, place].copy(),
            queue_days=self._queues[:, place].copy(),
            waits=self._singles[place].waits,
            held=citizens.held[place].copy(),
            heads=citizens.active[place].copy(),
            incomes=citizens.incomes[place].copy(),
        )


def share_filled(ordered: Floats, offered: Floats, mix: Floats) -> Floats:
    """The share of orders that can be filled, by run: each class up to what is on offer, all buyers alike."""
    known = np.where(ordered > 0, ordered, 1.0)
    share = np.minimum(mix, offered / known[:, None]).sum(axis=1)
    filled: Floats = np.where(ordered > 0, np.minimum(share, 1.0), 1.0)
    return filled


def _delivered(output: Output, reliability: float, delay: int) -> list[float]:
    """By epoch: the share of what was sold `delay` epochs ago that there is capacity for now."""
    now = output.offered.sum(axis=1)
    then = np.concatenate([now[:1].repeat(delay), now])[: len(now)]
    share = reliability * np.minimum(1.0, now / np.where(then > 0, then, 1.0))
    found: list[float] = share.tolist()
    return found


def _policies(scenario: Scenario) -> list[IssuancePolicy]:
    """The policy in force at each epoch."""
    policies = [IssuancePolicy(int(scenario.policy.rate), int(scenario.policy.release))] * scenario.epochs
    changes = [shock for shock in scenario.shocks if isinstance(shock, PolicyChange)]
    for change in sorted(changes, key=lambda shock: shock.at.value):
        first = scenario.epoch_at(change.at)
        policies[first:] = [IssuancePolicy(int(change.rate), int(change.release))] * len(policies[first:])
    return policies


def _bounds(scenario: Scenario) -> Bounds:
    vault = scenario.vault
    return Bounds(
        genesis=0,
        epoch_length=int(scenario.epoch * 86_400),
        expiry_age=int(vault.expiry_age.value * 86_400),
        max_rate=int(vault.max_rate),
        release_floor=int(vault.release_floor),
        growth_bps=int(vault.growth),
        halt_span=int(scenario.brakes.halt.value * 86_400),
        brake_span=int(scenario.brakes.hold.value * 86_400),
        jump_floor=int(scenario.brakes.jump_floor),
        jump_bps=int(scenario.brakes.jump),
    )


def _over(share: float, days: float) -> float:
    """What a share a day makes of an epoch."""
    return float(1 - (1 - share) ** days)
