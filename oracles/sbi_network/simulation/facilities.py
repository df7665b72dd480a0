"""What facilities compute, report and offer, epoch by epoch: it depends on nothing in the loop, so it comes first.

Public output is the protocol's, exact: floor(Σ raw·weight · share / 160,000) for each group of facilities, summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbi_network.protocol.units import SHARE_ONE_BPS, WEIGHT_ONE
from sbi_network.simulation.errors import ScenarioError
from sbi_network.simulation.quantity import DAYS_A_YEAR
from sbi_network.simulation.scenario import Computing, Facilities, FacilitiesFail, OracleOutage, OutputJump, Scenario
from sbi_network.simulation.vault import Outcome

Floats = NDArray[np.float64]

_NGAICPH_A_DAY = 24e9
"""nGAICPh that one PFLOPS makes in a day."""

_MOST_NGAICPH = 1e30
"""Far beyond what a report can carry (2^64); an output above that counts as 2^64 - 1, as on chain."""

_WHOLE = WEIGHT_ONE * SHARE_ONE_BPS
_BLOCKS = 1_000
"""A group of more facilities than this fails in as many equal blocks."""

_LEAD = 10
"""Repair times that failures are drawn ahead of the start, so that the first day is like any other."""


@dataclass(frozen=True, slots=True)
class Output:
    """What is reported and what is on offer. By epoch; nGAICPh.

    `public` is the public output of a final report; `raw` (epochs, 3) what was reported, by class, unweighted;
    `offered` (epochs, 3) what may be bought, by class, weighted.
    """

    outcomes: list[Outcome]
    public: list[int]
    raw: Floats
    offered: Floats


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded readings: raw nGAICPh (epochs, facilities, 3), whole, and how each epoch stood."""

    raw: NDArray[Any]
    outcomes: Sequence[Outcome]


def output_of(scenario: Scenario, rng: np.random.Generator, recorded: Recorded | None = None) -> Output:
    """The path of one run, with its own failures and fluctuations, or with recorded readings in place of both."""
    installed = _installed(scenario)
    standing = np.stack([_standing(scenario, group, rng) for group in scenario.facilities], axis=1)
    used = _used(scenario, rng)
    for shock in scenario.shocks:
        if isinstance(shock, FacilitiesFail):
            standing[_within(scenario, shock)] *= 1 - float(shock.share)
    available = installed * standing[:, :, None]
    outcomes = [Outcome.FINAL] * scenario.epochs
    if recorded is None:
        raw = _reported(scenario, available * used[:, :, None])
    else:
        raw, outcomes = recorded.raw[: scenario.epochs], list(recorded.outcomes[: scenario.epochs])
    for shock in scenario.shocks:
        if isinstance(shock, OracleOutage):
            span = _within(scenario, shock)
            outcomes[span] = [Outcome.SKIPPED] * len(outcomes[span])
    shares = [int(scenario.facilities[place].public_share) for place in range(raw.shape[1])]
    weights = scenario.computing.weights_x16
    public = np.stack([public_output(raw[:, place], weights, share) for place, share in enumerate(shares)]).sum(axis=0)
    weighted = available.sum(axis=1) * np.array(weights) / WEIGHT_ONE
    return Output(
        outcomes=outcomes,
        public=[int(amount) for amount in public.tolist()],
        raw=raw.sum(axis=1).astype(np.float64),
        offered=weighted * float(scenario.exchange.offered),
    )


def public_output(raw: NDArray[Any], weights_x16: Sequence[int], share_bps: int) -> NDArray[Any]:
    """`protocol.units.public_output_down` of many readings (readings, 3) at once, exact: int64 where products fit.

    floor(W·s / 160,000) = q·s + floor(r·s / 160,000) for W = q·160,000 + r, which keeps the products small.
    """
    most = int(raw.max(initial=0)) * sum(weights_x16)
    whole = raw.astype(np.int64 if most * max(1, share_bps) // _WHOLE < 2**62 and most < 2**62 else object)
    weighted: NDArray[Any] = (whole * np.array(weights_x16, dtype=whole.dtype)).sum(axis=1)
    quotient = weighted // _WHOLE
    rest = weighted - quotient * _WHOLE
    public: NDArray[Any] = quotient * share_bps + rest * share_bps // _WHOLE
    return public


def _installed(scenario: Scenario) -> Floats:
    """(epochs, groups, 3) raw nGAICPh that would be computed if all stood and were used whole."""
    computing, days = scenario.computing, scenario.days
    classes = np.array([float(computing.general), float(computing.intelligent), float(computing.super)])
    shares = np.array([float(group.share) for group in scenario.facilities])
    middles = (np.arange(scenario.epochs) + 0.5) * days
    grown = _grown(computing, float(classes.sum()), middles)
    installed: Floats = grown[:, None, None] * shares[None, :, None] * classes * (_NGAICPH_A_DAY * days)
    if not installed.max(initial=0) < _MOST_NGAICPH:
        limit = f"expected less than {_MOST_NGAICPH:g} nGAICPh an epoch within the horizon"
        raise ScenarioError([f"{scenario.name}: computing: {limit}, given {installed.max():g}"])
    return installed


def _grown(computing: Computing, total: float, at: Floats) -> Floats:
    """How many times the first total there is at these days: geometric between milestones, at `growth` after them."""
    days = [0.0, *(float(milestone.at) for milestone in computing.milestones)]
    totals = [1.0, *(float(milestone.total) / total if total else 1.0 for milestone in computing.milestones)]
    between = np.exp(np.interp(at, days, np.log(totals)))
    beyond = np.maximum(at - days[-1], 0.0) / DAYS_A_YEAR
    grown: Floats = between * (1 + float(computing.growth)) ** beyond
    return grown


def _standing(scenario: Scenario, group: Facilities, rng: np.random.Generator) -> Floats:
    """The share of a group's facilities that stand in the middle of each epoch.

    Failures come at random at the group's frequency and last exponentially long.
    """
    blocks = min(int(group.count), _BLOCKS)
    repair, days = float(group.repair), scenario.days
    lead = _LEAD * repair
    span = scenario.epochs * days + lead
    failures = int(rng.poisson(blocks * float(group.failures) * span))
    starts = rng.uniform(-lead, span - lead, failures)
    ends = starts + rng.exponential(repair, failures)
    first = np.clip(np.ceil(starts / days - 0.5), 0, scenario.epochs).astype(np.int64)
    last = np.clip(np.ceil(ends / days - 0.5), 0, scenario.epochs).astype(np.int64)
    changes = np.bincount(first, minlength=scenario.epochs + 1) - np.bincount(last, minlength=scenario.epochs + 1)
    down = np.minimum(np.cumsum(changes[:-1]), blocks)
    standing: Floats = 1 - down / blocks
    return standing


def _used(scenario: Scenario, rng: np.random.Generator) -> Floats:
    """(epochs, groups) utilisation: the figure, with its fluctuation from epoch to epoch."""
    shape = (scenario.epochs, len(scenario.facilities))
    fluctuation = 1 + float(scenario.computing.noise) * rng.standard_normal(shape)
    used: Floats = np.clip(float(scenario.computing.utilisation) * fluctuation, 0, 1)
    return used


def _reported(scenario: Scenario, computed: Floats) -> NDArray[Any]:
    """Whole raw nGAICPh, rounded down, after what shocks make of the reports."""
    for shock in scenario.shocks:
        if isinstance(shock, OutputJump):
            computed[_within(scenario, shock)] *= float(shock.factor)
    floor = np.floor(computed)
    if floor.max(initial=0) < 2**62:
        return floor.astype(np.int64)
    return np.array([int(amount) for amount in floor.ravel().tolist()], dtype=object).reshape(floor.shape)


def _within(scenario: Scenario, shock: FacilitiesFail | OracleOutage | OutputJump) -> slice:
    """The epochs that a shock lasts: one at least."""
    first = scenario.epoch_at(shock.at)
    return slice(first, first + max(1, scenario.epoch_at(shock.lasts)))
