"""Citizens in cohorts, vectorised: who is on the roll, who has activated, what they hold and what they do with it.

Arrays are (runs, cohorts) float64: runs of an ensemble go side by side, so that a step costs one pass of NumPy for all
of them. Head counts are whole numbers in them. What is held is in wei, and follows the exact books (`books`) to within
float64's precision: `tie` checks that, and takes the difference out.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbi_network.simulation.errors import ConservationError, ScenarioError
from sbi_network.simulation.policy import WHOLE_BPS
from sbi_network.simulation.quantity import DAYS_A_YEAR
from sbi_network.simulation.scenario import (
    Activation,
    ComputingRun,
    Enrolment,
    Group,
    Hoarding,
    Lasting,
    Ramp,
    Scenario,
)
from sbi_network.simulation.vault import MOST_HEADS

Floats = NDArray[np.float64]

_TOLERANCE = 1e-9
"""How far the cohorts' sum may be from the exact books, as a part of what was held and moved."""


class Citizens:
    """The cohorts of several runs of scenarios of one shape."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        first = scenarios[0]
        self.incomes = np.stack([_incomes(scenario) for scenario in scenarios])
        sizes = [_each(s, lambda group: float(group.share) / group.cohorts) for s in scenarios]
        people = np.stack(
            [float(s.citizens.people) * size / size.sum() for s, size in zip(scenarios, sizes, strict=True)]
        )
        earned = self.incomes * people
        totals = earned.sum(axis=1, keepdims=True)
        self.wage_shares = np.where(
            totals > 0, earned / np.where(totals > 0, totals, 1), people / people.sum(1)[:, None]
        )
        awake = 1 - _column(scenarios, "dormant")
        spent, drawn = (
            np.stack([_ranked(s, getattr(s.citizens, name)) for s in scenarios]) for name in ("spent", "drawn")
        )
        drawn = 1 - (1 - drawn) ** first.days
        self._from_holdings = drawn * awake
        self._from_income = (spent - drawn) * awake
        self._computing = _column(scenarios, "computing")
        self._patience = _column(scenarios, "patience")
        self._roll = _Roll(scenarios, people)
        self._hoarding = _factors(scenarios, Hoarding, 1.0)
        self._run = _factors(scenarios, ComputingRun, 0.0)
        self.held = np.zeros_like(people)
        self.waiting = np.zeros_like(people)
        """Income of those who have not activated yet."""
        self.backlog = np.zeros_like(people)
        self.goods = self.orders = self.paid = np.zeros_like(people)

    @property
    def enrolled(self) -> Floats:
        """Heads on the roll."""
        return self._roll.enrolled

    @property
    def active(self) -> Floats:
        """Heads among them that have activated."""
        return self._roll.active

    def enter(self, epoch: int) -> Floats:
        """The roll moves on; who activates gets what had accrued. Wei that moved, by run."""
        share = self._roll.step(epoch)
        if share is None:
            return np.zeros(len(self.held))
        moved = self.waiting * share
        self.waiting -= moved
        self.held += moved
        total: Floats = moved.sum(axis=1)
        return total

    def receive(self, dividends: Floats, others: Floats) -> None:
        """Dividends (wei a head, by run) to everybody; what else citizens get, by run, as wages are earned."""
        self._income = self.active * dividends[:, None]
        self.held += self._income
        self.waiting += (self.enrolled - self.active) * dividends[:, None]
        self.held += self.wage_shares * others[:, None]

    def choose(self, epoch: int) -> tuple[Floats, Floats]:
        """What they spend on goods and want to spend on computing: wei, by run. Never more than they hold."""
        spending = self.held * self._from_holdings
        spending += self._income * self._from_income
        np.minimum(spending, self.held, out=spending)
        if epoch in self._hoarding:
            spending *= self._hoarding[epoch]
        orders = spending * self._computing
        self.goods = spending - orders
        orders += self.backlog
        if epoch in self._run:
            orders += (self.held - spending) * self._run[epoch]
        self.orders = np.minimum(orders, self.held - self.goods, out=orders)
        return self.goods.sum(axis=1), self.orders.sum(axis=1)

    def buy(self, filled: Floats) -> Floats:
        """They pay for goods, and for the share of their orders that is filled, by run. Wei paid for computing."""
        self.paid = self.orders * filled[:, None]
        self.backlog = (self.orders - self.paid) * self._patience
        self.held -= self.goods
        self.held -= self.paid
        total: Floats = self.paid.sum(axis=1)
        return total

    def tie(self, epoch: int, held: Sequence[int], waiting: Sequence[int], moved: Floats) -> None:
        """Takes rounding out against the exact books, by run. Raises ConservationError where it is more than that."""
        for name, cohorts, books in (("held", self.held, held), ("waiting", self.waiting, waiting)):
            sums = cohorts.sum(axis=1)
            exact = np.array(books, dtype=np.float64)
            if (np.abs(sums - exact) > _TOLERANCE * (exact + moved) + 100.0).any() or cohorts.min() < -_TOLERANCE * (
                exact.max() + 1e12
            ):
                raise ConservationError(epoch, f"what cohorts have {name} does not add up to the books")
            np.maximum(cohorts, 0.0, out=cohorts)
            np.multiply(cohorts, (exact / np.where(sums > 0, sums, 1))[:, None], out=cohorts)


class _Roll:
    """Enrolment, retirement and activation: fractions of people add up until they are whole heads."""

    def __init__(self, scenarios: Sequence[Scenario], people: Floats) -> None:
        days = scenarios[0].days
        years = days / DAYS_A_YEAR
        self._arrivals = people * _column(scenarios, "arrivals") * years
        _require_room(scenarios, people + self._arrivals * scenarios[0].epochs)
        self._retiring = _column(scenarios, "retirements") * years
        self._enrolment = 1 - (1 - _column(scenarios, "enrolment")) ** days
        self._activation = 1 - (1 - _column(scenarios, "activation")) ** days
        self._rush = _Rush(scenarios)
        self._people = people.copy()
        self._enrolled: Floats = people * _column(scenarios, "enrolled")
        self._active: Floats = self._enrolled * _column(scenarios, "activated")
        self._due = np.zeros_like(people)
        self._enrolments = _factors(scenarios, Enrolment, 0.0)
        self._activations = _factors(scenarios, Activation, 0.0)
        self._last_shock = max([*self._enrolments, *self._activations, -1])
        self.enrolled: Floats = np.floor(self._enrolled + _ALMOST)
        self.active: Floats = np.minimum(np.floor(self._active + _ALMOST), self.enrolled)
        self._still = False

    def step(self, epoch: int) -> Floats | None:
        """One epoch on. The share of inactive heads that activated, or None where nothing moves any more.

        All of it where nobody inactive is left: who retires without having activated does so in one step.
        """
        if self._still and epoch > self._last_shock:
            return None
        self._people += self._arrivals - self._people * self._retiring
        outside = np.maximum(self._people - self._enrolled, 0.0)
        if epoch in self._enrolments:
            self._due += outside * self._enrolments[epoch]
        joining = np.minimum(outside * self._enrolment + self._due, outside)
        joining *= self._rush.open(epoch, self.enrolled.sum(axis=1))[:, None]
        self._rush.count(joining.sum(axis=1))
        self._due = np.maximum(self._due - joining, 0.0)
        staying = 1 - self._retiring
        self._enrolled = self._enrolled * staying + joining
        self._active *= staying
        rate = self._activation
        if epoch in self._activations:
            rate = 1.0 - (1.0 - rate) * (1.0 - self._activations[epoch])
        self._active += (self._enrolled - self._active) * rate
        before_enrolled, before_active = self.enrolled, self.active
        self.enrolled = np.floor(self._enrolled + _ALMOST)
        self.active = np.minimum(np.floor(self._active + _ALMOST), self.enrolled)
        self._still = epoch > self._last_shock and self._is_still(before_enrolled, before_active)
        inactive = before_enrolled - before_active
        came = np.clip(self.active - before_active, 0.0, inactive)
        rest = self.enrolled > self.active
        share: Floats = np.where(
            rest & (inactive > 0), came / np.where(inactive > 0, inactive, 1), np.where(rest, 0, 1)
        )
        return share

    def _is_still(self, enrolled: Floats, active: Floats) -> bool:
        """Whether all that could still come is less than a head."""
        flows = np.abs(self._arrivals).max() + self._retiring.max()
        unsettled = (self._enrolment * (self._people - self._enrolled)).max() + self._due.max()
        waking = (self._activation * (self._enrolled - self._active)).max()
        same = bool((self.enrolled == enrolled).all() and (self.active == active).all())
        return same and flows == 0 and unsettled + waking < _ALMOST


def _require_room(scenarios: Sequence[Scenario], most: Floats) -> None:
    """Raises ScenarioError where so many people, by run and cohort, are more than a roll counts."""
    for scenario, people in zip(scenarios, most.sum(axis=1), strict=True):
        if people > MOST_HEADS:
            limit = f"expected at most {MOST_HEADS:,} people within the horizon"
            raise ScenarioError([f"{scenario.name}: citizens: {limit}, given {people:,.0f}"])


class _Rush:
    """contracts/CitizenRegistry.sol: a region that grows by too much in a period enrols nobody more in it.

    All people here are one region. By run; whole heads times basis points are exact in float64 to 9e11 heads.
    """

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._periods = np.array([float(s.brakes.rush_period.value / s.epoch) for s in scenarios])
        self._floor = np.array([float(s.brakes.rush_floor) for s in scenarios])
        self._bps = np.array([float(s.brakes.rush) for s in scenarios])
        self._began = np.full(len(scenarios), -1.0)
        self._joined = np.zeros(len(scenarios))

    def open(self, epoch: int, heads: Floats) -> NDArray[np.bool_]:
        """Whether anybody may be enrolled in an epoch that begins with these heads."""
        period = np.floor(epoch / self._periods + _ALMOST)
        self._joined[period != self._began] = 0.0
        self._began = period
        joined = np.floor(self._joined + _ALMOST)
        allowed: NDArray[np.bool_] = joined <= most_arrivals(heads, joined, self._floor, self._bps)
        return allowed

    def count(self, joining: Floats) -> None:
        """So many came."""
        self._joined += joining


def most_arrivals(heads: Floats, arrived: Floats, floor: Floats, bps: Floats) -> Floats:
    """How many may have come in a period before a region's enrolment rests: a share of those who were there."""
    settled = np.maximum(heads - arrived, 0.0)
    most: Floats = np.maximum(np.floor_divide(settled * bps, WHOLE_BPS), floor)
    return most


_ALMOST = 1e-6
"""What float64 may lack of a whole head."""


def _column(scenarios: Sequence[Scenario], name: str) -> Floats:
    """(runs, 1): one figure of the citizens, by run."""
    return np.array([[float(getattr(s.citizens, name))] for s in scenarios])


def _each(scenario: Scenario, of: Any) -> Floats:
    """(cohorts,): a figure of the groups, for each of their cohorts."""
    return np.concatenate([np.full(group.cohorts, of(group)) for group in scenario.citizens.groups])


def _ranked(scenario: Scenario, ramp: Ramp) -> Floats:
    """(cohorts,): a figure that runs from poorest to richest within each group."""
    low, high = float(ramp.poorest), float(ramp.richest)
    ranks = [(np.arange(group.cohorts) + 0.5) / group.cohorts for group in scenario.citizens.groups]
    values: Floats = low + (high - low) * np.concatenate(ranks)
    return values


def _incomes(scenario: Scenario) -> Floats:
    """(cohorts,): other income a head, CNY a day, lognormal within each group."""
    return np.concatenate([_lognormal_means(group) for group in scenario.citizens.groups])


def _lognormal_means(group: Group) -> Floats:
    """Mean income of equal slices of a lognormal distribution with the group's mean and Gini coefficient.

    Its Lorenz curve is Φ(Φ⁻¹(p) − σ) with σ = √2 Φ⁻¹((1 + Gini) / 2): Aitchison and Brown, The Lognormal Distribution.
    """
    normal = NormalDist()
    sigma = 2**0.5 * normal.inv_cdf((1 + float(group.inequality)) / 2)
    inner = [normal.cdf(normal.inv_cdf(place / group.cohorts) - sigma) for place in range(1, group.cohorts)]
    lorenz = np.array([0.0, *inner, 1.0])
    means: Floats = float(group.income) * group.cohorts * np.diff(lorenz)
    return means


Sharing = Activation | Enrolment | Hoarding | ComputingRun


def _factors(scenarios: Sequence[Scenario], kind: type[Sharing], idle: float) -> dict[int, Floats]:
    """By epoch (runs, 1): what shocks of a kind make of it. Lasting ones by every epoch they last."""
    found: dict[int, Floats] = {}
    for run, scenario in enumerate(scenarios):
        for shock in scenario.shocks:
            if not isinstance(shock, kind):
                continue
            first = scenario.epoch_at(shock.at)
            lasts = max(1, scenario.epoch_at(shock.lasts)) if isinstance(shock, Lasting) else 1
            for epoch in range(first, min(first + lasts, scenario.epochs)):
                column = found.setdefault(epoch, np.full((len(scenarios), 1), idle))
                column[run, 0] = float(shock.share)
    return found
