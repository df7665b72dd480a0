"""What a run answers: one number for each question that a policy maker asks of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sbi_network.protocol.units import GAICPH_DECIMALS, SBI_DECIMALS
from sbi_network.simulation.loop import Run
from sbi_network.simulation.quantity import DAYS_A_YEAR
from sbi_network.simulation.scenario import Scenario

Floats = NDArray[np.float64]

SBI = float(10**SBI_DECIMALS)
_NGAICPH = float(10**GAICPH_DECIMALS)
_MONTH_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A question's short name, its words and its unit."""

    name: str
    words: str
    unit: str


MEASURES = (
    Measure("income_month", "income a head in the last 30 days", "SBI"),
    Measure("income_total", "income a head since the start", "SBI"),
    Measure("income_value", "what the last 30 days' income buys of computing elsewhere", "CNY"),
    Measure("income_share", "that, as a part of other income", "%"),
    Measure("volatility", "volatility: standard deviation of the change from month to month", "%"),
    Measure("worst_month", "the worst change from one month to the next", "%"),
    Measure("supply", "supply at the end", "SBI"),
    Measure("supply_growth", "growth of supply over the last year", "%/a"),
    Measure("parity", "parity: share of orders filled at the rate of issue, mean", "%"),
    Measure("parity_worst", "parity on its worst day", "%"),
    Measure("queue_longest", "the longest queue at the exchange", "d"),
    Measure("recycled_share", "recycled, as a part of all that was issued", "%"),
    Measure("recirculated_share", "recirculated, as a part of all that was issued", "%"),
    Measure("held_days", "brakes and halts held issuance", "d"),
    Measure("passed", "epochs passed without a dividend", "epochs"),
    Measure("holdings_gini", "Gini coefficient of what citizens hold at the end", "1"),
    Measure("economy_share", "the last month's issue, as a part of the computing economy", "%"),
    Measure("gdp_effect", "GDP that goes with the index by then (a prior, not a result)", "%"),
    Measure("digital_effect", "digital economy that goes with it (likewise)", "%"),
)

SENSITIVE = ("income_month", "volatility", "supply_growth", "parity", "queue_longest", "recycled_share")
"""The measures that sensitivity is looked at for."""


def measured(run: Run) -> dict[str, float]:
    """Every measure of a run, by name; finite numbers all."""
    scenario, last = run.case.scenario, run.rows[-1]
    monthly = by_month(scenario, run.dividends)
    income = float(monthly[-1])
    value = income * value_of_sbi(scenario, last.rate)
    others = _mean_income(run) * _MONTH_DAYS
    issued = float(last.issued) or 1.0
    points = float(scenario.economy.points) * _years(scenario)
    turnover = float(scenario.economy.computing_economy) * (
        (1 + float(scenario.economy.computing_economy_growth)) ** _years(scenario) * _MONTH_DAYS
    )
    return {
        "income_month": income,
        "income_total": float(run.dividends.sum()) / SBI,
        "income_value": value,
        "income_share": _percent(value, others),
        **_steadiness(monthly),
        "supply": last.supply / SBI,
        "supply_growth": _supply_growth(run),
        "parity": float(run.filled.mean()) * 100,
        "parity_worst": float(run.filled.min()) * 100,
        "queue_longest": float(run.queue_days.max()),
        "recycled_share": _percent(float(last.recycled), issued),
        "recirculated_share": _percent(float(last.recirculated), issued),
        "held_days": sum(run.waits.held) * scenario.days,
        "passed": float(last.passed),
        "holdings_gini": gini(run.held, run.heads),
        "economy_share": _percent(value * last.headcount, turnover),
        "gdp_effect": points * float(scenario.economy.gdp_per_point) * 100,
        "digital_effect": points * float(scenario.economy.digital_economy_per_point) * 100,
    }


def by_month(scenario: Scenario, dividends: Floats) -> Floats:
    """Income a head, SBI, in each full span of 30 days, the last one ending at the end.

    A horizon of less than two such spans is cut in twelve instead, as far as there are epochs.
    """
    epochs = max(1, round(_MONTH_DAYS / scenario.days))
    if len(dividends) < 2 * epochs:
        epochs = max(1, len(dividends) // 12)
    months = len(dividends) // epochs
    whole: Floats = dividends[len(dividends) - months * epochs :].reshape(months, epochs).sum(axis=1) / SBI
    return whole


def value_of_sbi(scenario: Scenario, rate: int) -> float:
    """What one SBI is worth at parity at the end, CNY: the computing it was issued for, at its price elsewhere."""
    economy = scenario.economy
    price = float(economy.market_price) * math.pow(1 + float(economy.market_price_change), _years(scenario))
    return price * SBI / rate / _NGAICPH


def gini(held: Floats, heads: Floats) -> float:
    """The Gini coefficient of holdings, between cohorts; 0 where nobody holds anything."""
    shares, people = lorenz(held, heads)
    return float(1 - np.sum((shares[1:] + shares[:-1]) * np.diff(people)))


def lorenz(held: Floats, heads: Floats) -> tuple[Floats, Floats]:
    """The Lorenz curve of holdings between cohorts: shares held by, and shares of, those who hold least."""
    some = heads > 0
    total = held[some].sum()
    if total <= 0:
        return np.array([0.0, 1.0]), np.array([0.0, 1.0])
    order = np.argsort(held[some] / heads[some], kind="stable")
    shares = np.concatenate([[0.0], np.cumsum(held[some][order]) / total])
    people = np.concatenate([[0.0], np.cumsum(heads[some][order]) / heads[some].sum()])
    return shares, people


def _steadiness(monthly: Floats) -> dict[str, float]:
    paid = monthly[np.flatnonzero(monthly)[0] :] if monthly.any() else monthly[:0]
    # The first month is a part of one, the vault growing into its release: changes count from the second on.
    before = np.where(paid[1:-1] > 0, paid[1:-1], np.inf)
    changes = paid[2:] / before - 1 if len(paid) >= 3 else np.zeros(1)
    return {"volatility": float(changes.std()) * 100, "worst_month": min(0.0, float(changes.min())) * 100}


def _supply_growth(run: Run) -> float:
    """Over the last year, or over the second half where that is shorter, as a rate a year."""
    scenario = run.case.scenario
    span = min(DAYS_A_YEAR / scenario.days, scenario.epochs / 2)
    last = run.rows[-1]
    first = min(run.rows, key=lambda row: abs(last.epoch - span - row.epoch))
    years = (last.epoch - first.epoch) * scenario.days / DAYS_A_YEAR
    if first.supply <= 0 or last.supply <= 0 or years <= 0:
        return 0.0
    growth = np.log(last.supply / first.supply) / years
    return float(np.expm1(min(growth, _MOST_LOG_GROWTH))) * 100


_MOST_LOG_GROWTH = 50.0
"""A supply that starts from next to nothing grows beyond any number; this keeps it one."""


def _mean_income(run: Run) -> float:
    heads = run.heads.sum()
    return float((run.incomes * run.heads).sum() / heads) if heads > 0 else 0.0


def _percent(part: float, whole: float) -> float:
    return part / whole * 100 if whole > 0 else 0.0


def _years(scenario: Scenario) -> float:
    return scenario.epochs * scenario.days / DAYS_A_YEAR
