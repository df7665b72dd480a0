"""Issue and dividend over a year of made-up and of traced output, as docs/policy.md shows them: `make policy-plots`.

Both are the town of 10,000 of `scenarios/town.yaml`, all on the roll from the first day, so that what moves is the
output. The made-up year has the scenario's modelled facilities, half of which fail for ten days; the traced one replays
the bundled day of task records, day after day, as an accounting meter reads them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.plots import policy_plot
from sbi_network.simulation.readings import fitted, replayed_records
from sbi_network.simulation.scenario_file import load_scenario, scenario_of

ROOT = Path(__file__).parents[1]
SCENARIO = ROOT / "scenarios" / "town.yaml"
IMAGES = ROOT / "docs" / "images"

EVERYBODY = ("citizens.enrolled=100 %", "citizens.activated=100 %")
FAILURE = {"kind": "facilities_fail", "at": "200 d", "lasts": "10 d", "share": "50 %", "source": "assumption"}
TRACED = (
    "policy.rate=1000 SBI/GAICPh",
    "vault.max_rate=1000 SBI/GAICPh",
    "brakes.jump_floor=1 GAICPh",
    "vault.release_floor=2 SBI",
)
"""The bundled facility is a few old machines: a higher rate gives its town a visible income."""


def made_up() -> Case:
    """The scenario's facilities, and a failure."""
    given = load_scenario(SCENARIO, EVERYBODY).as_given()
    return Case(scenario_of({**given, "title": "A town's made-up year", "shocks": [FAILURE]}, "made-up"))


def traced() -> Case:
    """The same town on the output of the bundled records."""
    scenario = load_scenario(SCENARIO, EVERYBODY + TRACED).model_copy(update={"title": "The town on recorded tasks"})
    with tempfile.TemporaryDirectory() as folder:
        records = Path(folder) / "records.toml"
        records.write_text('sample = "small-facility"\n')
        recorded, _ = replayed_records(records, scenario)
    return Case(fitted(scenario, recorded), 0, recorded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES, help="Folder of the pictures.")
    out: Path = parser.parse_args().out
    for name, case in (("policy-made-up", made_up()), ("policy-traced", traced())):
        path = out / f"{name}.png"
        path.write_bytes(policy_plot(simulate([case])[0]))
        print(path)


if __name__ == "__main__":
    main()
