"""Everything that a simulation found, as CSV and Parquet: the same tables in both, and the same bytes for the same run.

Amounts of money and output are exact: whole wei and nGAICPh, in Parquet as decimals of 38 digits.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sbi_network.simulation.ensemble import SERIES, Ensemble
from sbi_network.simulation.loop import Row, Run
from sbi_network.simulation.measures import MEASURES
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.sensitivity import Sensitivity
from sbi_network.simulation.vault import Outcome

Table = Mapping[str, Sequence[Any]]
"""Columns by name: integers, floats or text."""

_WHOLE = pa.decimal128(38, 0)
_COUNTS = ("epoch", "held", "headcount", "active", "passed", "expired", "run", "cohort")
"""Whole columns that fit 64 bits; other integers are amounts."""

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def write_table(folder: Path, name: str, table: Table) -> None:
    """Writes `name`.csv and `name`.parquet."""
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    arrays = {column: _array(column, values) for column, values in table.items()}
    pq.write_table(pa.table(arrays), folder / f"{name}.parquet", compression="zstd")


def epochs_table(run: Run) -> Table:
    """Every epoch of a run: one column a field of `loop.Row`."""
    table: dict[str, Sequence[Any]] = dict(zip(Row._fields, zip(*run.rows, strict=True), strict=True))
    table["outcome"] = [Outcome(outcome).name.lower() for outcome in table["outcome"]]
    return table


def cohorts_table(run: Run) -> Table:
    """The cohorts at the end: heads, other income (CNY a day a head), what they hold (wei, float64)."""
    groups = [group.name for group in run.case.scenario.citizens.groups for _ in range(group.cohorts)]
    return {
        "cohort": list(range(len(groups))),
        "group": groups,
        "heads": run.heads.tolist(),
        "income": run.incomes.tolist(),
        "held_by_all": run.held.tolist(),
    }


def figures_table(scenario: Scenario) -> Table:
    """Every figure of a scenario, in canonical units, with band and source."""
    figures = scenario.figures()
    return {
        "figure": list(figures),
        "value": [float(figure) for figure in figures.values()],
        "low": [float((f.band or (f.value, f.value))[0]) for f in figures.values()],
        "high": [float((f.band or (f.value, f.value))[1]) for f in figures.values()],
        "unit": [figure.dimension.unit for figure in figures.values()],
        "source": [scenario.sources[figure.source] for figure in figures.values()],
        "note": [figure.note for figure in figures.values()],
    }


def runs_table(ensemble: Ensemble) -> Table:
    """Every run of an ensemble: its figures as drawn, in canonical units, and its measures."""
    table: dict[str, Sequence[Any]] = {"run": list(range(1, len(ensemble.samples) + 1))}
    for place, figure in enumerate(ensemble.figures):
        table[figure] = ensemble.drawn[:, place].tolist()
    for measure in MEASURES:
        table[measure.name] = ensemble.measure(measure.name).tolist()
    return table


def bands_table(ensemble: Ensemble) -> Table:
    """The ensemble's series over time, at five quantiles."""
    table: dict[str, Sequence[Any]] = {"day": ensemble.days.tolist()}
    for series in SERIES:
        for quantile, values in zip(_QUANTILES, ensemble.band(series, _QUANTILES), strict=True):
            table[f"{series}_p{round(quantile * 100):02d}"] = values.tolist()
    return table


def sensitivity_table(sensitivity: Sensitivity) -> Table:
    """Every effect; what `first` and `second` are depends on the method: see `sensitivity.Effect`."""
    effects = sensitivity.effects
    return {
        "method": [sensitivity.method] * len(effects),
        "figure": [effect.figure for effect in effects],
        "measure": [effect.measure for effect in effects],
        "first": [effect.first for effect in effects],
        "second": [effect.second for effect in effects],
        "margin": [effect.margin for effect in effects],
    }


def write_json(path: Path, given: Mapping[str, Any]) -> None:
    """A small JSON file, keys in the order given."""
    path.write_text(json.dumps(given, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _array(column: str, values: Sequence[Any]) -> pa.Array:
    if values and isinstance(values[0], int) and column not in _COUNTS:
        return pa.array([Decimal(value) for value in values], _WHOLE)
    return pa.array(values)
