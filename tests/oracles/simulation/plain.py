"""A scenario so plain that its answers can be worked out by hand, and small enough to run in a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.scenario_file import load_scenario, scenario_of

FOLDER = Path(__file__).parents[3] / "scenarios"
SOURCE = {"source": "assumption"}

PLAIN = {
    "computing.growth": "0 %/a",
    "computing.noise": "0 %",
    "computing.utilisation": "50 %",
    "computing.general": "0 PFLOPS",
    "computing.intelligent": "2 PFLOPS",
    "computing.super": "0 PFLOPS",
    "facilities.hall.public_share": "100 %",
    "facilities.school.public_share": "100 %",
    "facilities.hall.failures": "0 /a",
    "facilities.school.failures": "0 /a",
    "citizens.people": "100 people",
    "citizens.enrolled": "100 %",
    "citizens.activated": "100 %",
    "citizens.arrivals": "0 %/a",
    "citizens.retirements": "0 %/a",
    "citizens.dormant": "0 %",
    "policy.release": "100 %",
    "vault.release_floor": "1000000 SBI",
    "vault.finality": "1 h",
    "brakes.jump_floor": "30 GAICPh",
    "brakes.hold": "3 d",
    "exchange.mix.0": "0 %",
    "exchange.mix.1": "100 %",
    "exchange.offered": "100 %",
    "exchange.recirculated": "0 %",
    "exchange.delivered": "100 %",
}
"""24 GAICPh a day, all of it public: 24 SBI a day for a hundred people, released at once."""


def plain(horizon: str = "30 d", shocks: list[dict[str, Any]] | None = None, /, **changes: str) -> Scenario:
    """The plain scenario: four cohorts, a day an epoch, no bands. Changes by path, two underscores for a dot."""
    given: dict[str, Any] = load_scenario(FOLDER / "town.yaml").as_given()
    given |= {"name": "plain", "horizon": horizon, "epoch": "1 d", "runs": 1, "shocks": shocks or []}
    given["citizens"]["groups"][0]["cohorts"] = 4
    for path, text in {**PLAIN, **{path.replace("__", "."): text for path, text in changes.items()}}.items():
        place: Any = given
        *way, last = path.split(".")
        for step in way:
            place = place[int(step)] if step.isdigit() else _named(place, step)
        figure = place[int(last)] if last.isdigit() else place[last]
        figure |= {"value": text, "band": None}
    scenario = scenario_of(given, "plain")
    return scenario.with_values({path: figure.value for path, figure in scenario.figures().items()})


def _named(place: Any, step: str) -> Any:
    return place[step] if isinstance(place, dict) else next(item for item in place if item["name"] == step)


def shock(kind: str, **fields: str) -> dict[str, Any]:
    """A shock, as a file has it."""
    return {"kind": kind, **fields, **SOURCE}
