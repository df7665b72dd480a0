"""docs/simulation.md tells what the scenarios say, and its commands and keys are the command's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from benchmarks import year

from sbi_network.simulation import scenario as schema
from sbi_network.simulation.loop import Case, Run, simulate
from sbi_network.simulation.measures import measured
from sbi_network.simulation.scenario import Scenario, Section
from sbi_network.simulation.scenario_file import load_scenario
from tests.oracles.simulation.plain import FOLDER

PAGE = Path(__file__).parents[3] / "docs" / "simulation.md"
FAILURE = 400


def half_fail(*changes: str) -> Scenario:
    return load_scenario(FOLDER / "half-fail.yaml", changes)


def test_docs__policy_question__its_table_is_what_comes_out() -> None:
    lines = re.findall(r"^\| ([0-9]+) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    releases = [release for release, _ in lines]
    assert releases == ["1", "2", "5", "20", "100"]
    scenarios = [half_fail(f"policy.release={release} %") for release in releases]
    spared = [scenario.model_copy(update={"shocks": ()}) for scenario in scenarios]
    runs = simulate([Case(scenario) for scenario in scenarios + spared])
    for (_, told), failing, without in zip(lines, runs[:5], runs[5:], strict=True):
        assert told == " | ".join(_row(failing, without))


def _row(failing: Run, without: Run) -> list[str]:
    values = measured(failing)
    after, before = failing.rows[FAILURE - 1], failing.rows[FAILURE - 2]
    return [
        f"{failing.dividends[FAILURE + 10] / without.dividends[FAILURE + 10] * 100:.1f}",
        f"{values['worst_month']:.1f}",
        f"{after.reserve / (after.entitled - before.entitled):.1f}",
        f"{values['income_total']:.3f}",
    ]


def test_docs__a_tighter_brake__takes_the_repair_for_a_jump() -> None:
    given, tight = simulate([Case(half_fail()), Case(half_fail("brakes.jump=150 %"))])
    assert given.waits.trips == []
    assert (given.dividends > 0).all()
    assert tight.waits.trips == [FAILURE + 30]
    assert (tight.dividends[FAILURE + 30 : FAILURE + 33] == 0).all()


def test_policy_page__a_year__is_as_it_says() -> None:
    failing = simulate([year.made_up()])[0]
    a_day, at = 6, 200 * 6
    entitled = np.diff([0.0, *(float(row.entitled) for row in failing.rows)])
    before, after = entitled[at - 10 * a_day : at].mean(), entitled[at : at + 10 * a_day].mean()
    fell = failing.dividends / failing.dividends[at - 1]
    assert 0.4 < after / before < 0.6
    assert 1 - fell[at + a_day - 1] == pytest.approx(1 / 6, abs=0.01)
    assert fell[at : at + 10 * a_day].min() > after / before

    traced = simulate([year.traced()])[0]
    assert traced.case.scenario.epochs == 365 * a_day
    swing = np.diff([0.0, *(float(row.entitled) for row in traced.rows)])[-a_day:]
    shown = traced.dividends[-a_day:]
    assert (shown.max() / shown.min() - 1) * 5 < swing.max() / swing.min() - 1


def test_policy_page__its_pictures__are_there() -> None:
    page = PAGE.with_name("policy.md")
    names = re.findall(r"\]\((images/policy-[a-z-]+\.png)\)", page.read_text(encoding="utf-8"))
    assert len(names) == 2
    assert all((page.parent / name).read_bytes().startswith(b"\x89PNG") for name in names)


def test_docs__every_key_of_the_schema__is_named() -> None:
    page = PAGE.read_text(encoding="utf-8")
    sections = [each for each in vars(schema).values() if isinstance(each, type) and issubclass(each, Section)]
    for section in sections:
        if section.__module__ == schema.__name__ and not issubclass(section, schema.Figure):
            for name in section.model_fields:
                assert re.search(rf"\b{name}\b", page), f"{section.__name__}.{name}"
