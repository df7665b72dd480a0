"""Scenario files: what they may say, what is refused and where, bands, changes.

files ── every committed one reads, each figure sourced ── refusals, each with its path ── extends ── changes
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from sbi_network.simulation.errors import ScenarioError
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.scenario_file import changed, load_scenario, scenario_of
from tests.oracles.simulation.plain import FOLDER, plain, shock

FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_load_scenario__each_committed__reads_and_names_its_sources(path: Path) -> None:
    scenario = load_scenario(path)
    assert scenario.name == path.stem
    assert len(scenario.uncertain()) > 10
    for figure in scenario.figures().values():
        assert len(scenario.sources[figure.source]) > 20


def test_load_scenario__the_issue__its_baselines_and_shocks_are_there() -> None:
    world, nation = load_scenario(FOLDER / "world.yaml"), load_scenario(FOLDER / "nation.yaml")
    classes = (world.computing.general, world.computing.intelligent, world.computing.super)
    assert [int(each) for each in classes] == [440_000, 451_000, 16_000]
    assert world.computing.growth.value == Fraction(47, 100)
    assert [int(m.total) for m in world.computing.milestones] == [3_000_000, 20_000_000]
    assert nation.citizens.people.value == 1_400_000_000
    assert nation.citizens.cohorts >= 100
    assert float(nation.economy.gdp_per_point) == pytest.approx(0.0018)
    assert float(nation.economy.digital_economy_per_point) == pytest.approx(0.0033)
    assert float(nation.economy.computing_economy) * 365 == pytest.approx(4.5e12)
    kinds = {shock.kind for path in FILES for shock in load_scenario(path).shocks}
    assert kinds >= {
        "facilities_fail", "output_jump", "oracle_outage", "activation", "hoarding", "computing_run", "guardian_halt",
        "policy", "disputes_upheld",
    }  # fmt: skip


def given() -> dict[str, Any]:
    """What a file could hold."""
    plain_: dict[str, Any] = plain().as_given()
    return plain_


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("citizens.people", {"value": "nan people", "source": "pilot"}, "citizens.people: expected a number of people"),
        ("citizens.people", {"value": "-5 people", "source": "pilot"}, "citizens.people: expected a number of people"),
        ("citizens.people", {"value": "5.5 people", "source": "pilot"}, "citizens.people: expected a whole number"),
        ("policy.release", {"value": "50 EFLOPS", "source": "pilot"}, "policy.release: expected a share"),
        ("policy.release", {"value": "0.5 %", "source": "pilot"}, "policy: release: expected 100 to 10000 bps"),
        ("policy.release", {"value": "5 %"}, "policy.release.source: is missing"),
        ("policy.release", {"value": "5 %", "source": "nobody"}, "policy.release.source: 'nobody' is not among"),
        ("policy.release", "5 %", "policy.release: expected a mapping with value and source"),
        ("policy.release", {"value": "5 %", "source": "pilot", "band": ["6 %", "7 %"]}, "policy.release: band: expect"),
        ("policy.release", {"value": "5 %", "source": "pilot", "band": "6 %"}, "policy.release: band: expected ["),
        ("policy.speed", {"value": "5 %", "source": "pilot"}, "policy.speed: unknown key"),
        ("policy.rate", {"value": "0.5 wei/nGAICPh", "source": "pilot"}, "policy.rate: expected a rate of issue"),
        ("policy.rate", {"value": "99 SBI/GAICPh", "source": "pilot"}, "policy.rate: expected at most vault.max_rate"),
        ("vault.growth", {"value": "99 %", "source": "pilot"}, "vault.growth: expected a bound on growth"),
        ("vault.expiry_age", {"value": "1 h", "source": "pilot"}, "vault.expiry_age: expected more than"),
        ("exchange.fee", {"value": "31 %", "source": "pilot"}, "exchange: fee, recirculated: expected a fee"),
        ("horizon", "1 h", "horizon: expected 1 to 100000 epochs"),
        ("horizon", "30 %", "horizon: expected a span of time"),
        ("epoch", "0.5 s", "epoch: expected whole seconds"),
        ("seed", -1, "seed: Input should be greater than or equal to 0"),
        ("name", "../x", "name: String should match pattern"),
        ("facilities", [], "facilities: Tuple should have at least 1 item"),
        ("shocks", [shock("facilities_fail", at="31 d", lasts="1 d", share="50 %")], "shocks.0.at: expected a time"),
        ("shocks", [shock("facilities_fail", at="1 d", lasts="1 d", share="150 %")], "shocks.0.facilities_fail.share"),
        ("shocks", [shock("miracle", at="1 d")], "shocks.0: Input tag 'miracle'"),
        ("shocks", [shock("policy", at="1 d", rate="99 SBI/GAICPh", release="5 %")], "shocks.0.rate: expected at most"),
    ],
)  # fmt: skip
def test_scenario_of__something_wrong__refused_with_its_path(path: str, value: Any, where: str) -> None:
    wrong = given()
    *way, last = path.split(".")
    place = wrong
    for step in way:
        place = place[step]
    place[last] = value
    with pytest.raises(ScenarioError) as refusal:
        scenario_of(wrong, "file.yaml")
    assert any(where in fault and fault.startswith("file.yaml: ") for fault in refusal.value.faults), (
        refusal.value.faults
    )


def test_scenario_of__several_faults__all_told() -> None:
    wrong = given()
    wrong["policy"]["rate"]["value"] = "one"
    wrong["vault"]["growth"]["value"] = 5
    wrong["extra"] = 1
    with pytest.raises(ScenarioError) as refusal:
        scenario_of(wrong, "f")
    assert len(refusal.value.faults) == 3


def test_scenario_of__shares_that_do_not_add_up__refused() -> None:
    wrong = given()
    wrong["facilities"][0]["share"]["value"] = "60 %"
    with pytest.raises(ScenarioError, match="facilities: expected shares that add up to 100 %, given 90 %"):
        scenario_of(wrong, "f")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not YAML"),
        ("a: 1\na: 2\n", "'a' stands twice"),
        ("a: !!python/object:os.system {}", "is not YAML"),
        ("- 1\n", "expected a mapping"),
        ("extends: 3\n", "extends: expected the name of a file"),
        ("extends: self.yaml\n", "extends itself"),
        ("extends: nowhere.yaml\n", "cannot be read"),
        ("#" * 1_000_001, "expected at most 1000000 bytes"),
        ("[" * 1200, "is not YAML"),
    ],
    ids=lambda text: text[:20],
)
def test_load_scenario__not_a_scenario_file__said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "self.yaml").write_text(text)
    with pytest.raises(ScenarioError, match=said):
        load_scenario(tmp_path / "self.yaml")


def test_load_scenario__not_text__said(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="is not UTF-8"):
        load_scenario(tmp_path / "x.yaml")


def test_load_scenario__extends__laid_over_key_by_key(tmp_path: Path) -> None:
    over = {"extends": str(FOLDER / "nation.yaml"), "name": "mine", "policy": {"release": {"value": "7 %"}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(over))
    mine, nation = load_scenario(tmp_path / "mine.yaml"), load_scenario(FOLDER / "nation.yaml")
    assert int(mine.policy.release) == 700
    assert mine.policy.release.band == nation.policy.release.band
    assert mine.citizens == nation.citizens


def test_changed__a_figure__has_the_value_and_no_band() -> None:
    nation = load_scenario(FOLDER / "nation.yaml")
    other = changed(nation, ["policy.release = 80 %", "facilities.east.repair=3 d"], "x")
    assert int(other.policy.release) == 8_000
    assert other.policy.release.band is None
    assert other.facilities[0].repair.value == 3
    differing = [path for path, figure in other.figures().items() if figure != nation.figures()[path]]
    assert differing == ["facilities.east.repair", "policy.release"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("policy.release", "is no figure"),
        ("release=5 %", r"is no figure of the scenario \(there is policy.release\)"),
        ("policy.release=5", "expected a share"),
        ("policy.rate=99 SBI/GAICPh", "expected at most vault.max_rate"),
    ],
)
def test_changed__not_a_change__said(change: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        changed(load_scenario(FOLDER / "nation.yaml"), [change], "x")


def test_with_values__whole_figures__rounded_to_the_nearest() -> None:
    drawn = plain().with_values({"policy.release": 1234.56, "computing.utilisation": 0.25})
    assert int(drawn.policy.release) == 1_235
    assert drawn.computing.utilisation.value == Fraction(1, 4)


def test_as_given__read_again__the_same() -> None:
    for path in FILES:
        scenario: Scenario = load_scenario(path)
        assert scenario_of(scenario.as_given(), "again") == scenario
