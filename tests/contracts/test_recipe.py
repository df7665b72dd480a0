"""What a recipe may say. Nothing here needs a chain: a bad recipe is refused before there is one.

That the limits are the contracts' own is for `test_deployment.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from scripts._recipe import RECIPES, RecipeError, load_recipe

LOCAL = (RECIPES / "local.yaml").read_text(encoding="utf-8")
ZERO = "0x" + "0" * 40
OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
FACILITY: dict[str, Any] = {
    "operator": OTHER,
    "reading_key": OTHER,
    "region": 1,
    "capacities": [0, 0, 2**56 - 1],
    "public_share_bps": 0,
}
FLEET = {"compute_class": "super", "devices": 1, "rate": 10**9, "pace": 10**9, "m": 64, "n": 64, "k": 64}


@pytest.fixture(scope="module", autouse=True)
def _deployed_first() -> None:
    """Nothing is deployed for these tests."""


def addresses(count: int) -> list[str]:
    """Distinct ones. Spelled in digits alone, they are their own checksums."""
    return [f"0x{number:040d}" for number in range(1, count + 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {"oracles": addresses(7)},
        {"oracles": addresses(31)},
        {"weights_x16": [1, 1, 1024]},
        {"policy.rate_wei_per_ngaicph": 1, "vault.max_rate_wei_per_ngaicph": 1},
        {"policy.release_bps": 100},
        {"policy.release_bps": 10_000},
        {"vault.release_floor_wei": 10**6 * 2**40},
        {"vault.min_notice_epochs": 2**32 - 1},
        {"vault.expiry_age_s": 60 + 2 + 12 + 120 + 1},
        {"vault.expiry_age_s": 60 + 2 + 12 + 1, "vault.halt_span_s": 0},
        {"vault.brake_span_s": 0, "vault.jump_floor_ngaicph": 2**64 - 1},
        {"citizens.jump_floor": 0, "citizens.jump_bps": 0},
        {"governance.quorum_bps": 5_000, "governance.objections_needed": 4},
        {"vault.expiry_age_s": 256 * 12 - 1},
        {
            "clock.ring_epochs": 8,
            "vault.expiry_age_s": 8 * 12 - 1,
            "vault.halt_span_s": 0,
            "disputes.evidence_horizon_s": 8 * 12 - 1,
        },
        {"exchange.fee_bps": 3_000, "exchange.recirculate_bps": 7_000},
        {"exchange.fee_bps": 0, "exchange.recirculate_bps": 10_000},
        {
            "regions": {
                0: {"cap": 1, "turnover_cap": 0},
                1: {"cap": 2**40 - 1, "turnover_cap": 0},
                2**32 - 1: {"cap": 1, "turnover_cap": 0},
            }
        },
        {"facilities": [FACILITY, FACILITY]},
        {"governance.seats.oracles": ZERO},
        {"registrars": [], "facilities": [], "regions": {}},
    ],
    ids=str,
)
def test_load_recipe__values_at_their_limits__read(changes: dict[str, Any]) -> None:
    load_recipe("local", changes)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "registrars",
            ["0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc"],
            r"registrars\.0: expected a checksummed address",
        ),
        ("registrars", ["0x9965"], r"registrars\.0: expected a checksummed address, got '0x9965'"),
        ("registrars", [ZERO], r"registrars\.0: expected an address other than zero"),
        ("registrars", [OTHER, ZERO.replace("0x0", "0x1"), OTHER], "registrars: expected distinct.* places 0 and 2"),
        ("clock.epoch_length_s", 0, r"clock\.epoch_length_s: .*greater than 0 \(given 0\)"),
        ("clock.epoch_length_s", True, r"clock\.epoch_length_s: .*valid integer \(given True\)"),
        ("clock.epoch_length_s", "12", r"clock\.epoch_length_s: .*valid integer \(given '12'\)"),
        ("clock.report_window_s", 0, r"clock\.report_window_s: .*greater than 0 \(given 0\)"),
        ("clock.ring_epochs", 1, r"clock\.ring_epochs: .*greater than 1 \(given 1\)"),
        ("oracles", [], r"oracles: expected 3f \+ 1 oracles, one of 4, 7, .*31; 0 are listed"),
        ("oracles", addresses(5), r"oracles: expected 3f \+ 1 .*; 5 are listed"),
        ("oracles", addresses(34), r"oracles: expected 3f \+ 1 .*; 34 are listed"),
        ("oracles", [*addresses(3), addresses(1)[0]], "oracles: expected distinct addresses.* places 0 and 3"),
        ("oracles", [*addresses(3), ZERO], r"oracles\.3: expected an address other than zero"),
        ("weights_x16", [1, 2], r"weights_x16\.2: Field required"),
        ("weights_x16", [32, 0, 64], r"weights_x16\.1: .*greater than or equal to 1 \(given 0\)"),
        ("weights_x16", [32, 16, 1025], r"weights_x16\.2: .*less than or equal to 1024 \(given 1025\)"),
        ("policy.rate_wei_per_ngaicph", 0, r"policy\.rate_wei_per_ngaicph: .*greater than or equal to 1 \(given 0\)"),
        ("policy.rate_wei_per_ngaicph", 10**18 + 1, r"policy\.rate_wei_per_ngaicph: .*less than or equal to 10{18} "),
        ("policy.release_bps", 99, r"policy\.release_bps: .*greater than or equal to 100 \(given 99\)"),
        ("policy.release_bps", 10_001, r"policy\.release_bps: .*less than or equal to 10000 \(given 10001\)"),
        ("vault.growth_bps", 2**32, r"vault\.growth_bps: .*less than 4294967296 \(given 4294967296\)"),
        ("vault.max_rate_wei_per_ngaicph", 2**96, r"vault\.max_rate_wei_per_ngaicph: .*less than"),
        ("disputes.reward_bps", 5_000, r"disputes\.reward_bps: .*less than or equal to 4999 \(given 5000\)"),
        ("vault.growth_bps", 9_999, r"vault\.growth_bps: .*greater than or equal to 10000 \(given 9999\)"),
        ("vault.release_floor_wei", 10**6 * 2**40 - 1, r"vault\.release_floor_wei: .*greater than or equal to 1099511"),
        ("vault.min_notice_epochs", 0, r"vault\.min_notice_epochs: .*greater than or equal to 1 \(given 0\)"),
        ("vault.min_notice_epochs", 2**32, r"vault\.min_notice_epochs: .*less than 4294967296"),
        ("vault.min_notice_epochs", "soon", r"vault\.min_notice_epochs: .*integer \(given 'soon'\)"),
        ("exchange.fee_bps", 3_001, r"exchange\.fee_bps: .*less than or equal to 3000 \(given 3001\)"),
        ("exchange.recirculate_bps", -1, r"exchange\.recirculate_bps: .*greater than or equal to 0 \(given -1\)"),
        ("vault.jump_bps", 9_999, r"vault\.jump_bps: .*greater than or equal to 10000 \(given 9999\)"),
        ("governance.founder", ZERO, r"governance\.founder: expected an address other than zero"),
        ("governance.timelock_delay_s", 0, r"governance\.timelock_delay_s: .*greater than 0 \(given 0\)"),
        ("governance.voting_period_s", 2**30, r"governance\.voting_period_s: .*less than 1073741824"),
        ("governance.quorum_bps", 5_001, r"governance\.quorum_bps: .*less than or equal to 5000 \(given 5001\)"),
        ("governance.quorum_floor", 0, r"governance\.quorum_floor: .*greater than or equal to 1 \(given 0\)"),
        ("governance.objections_needed", 1, r"governance\.objections_needed: .*greater than or equal to 2"),
        ("regions", {2**32: {"cap": 1, "turnover_cap": 0}}, r"regions\.4294967296\.\[key\]: .*less than 4294967296"),
        (
            "regions",
            {1: {"cap": 2**40, "turnover_cap": 0}},
            r"regions\.1\.cap: .*less than 1099511627776 \(given 1099511627776\)",
        ),
        (
            "facilities",
            [{**FACILITY, "operator": ZERO}],
            r"facilities\.0\.operator: expected an address other than zero",
        ),
        ("facilities", [{**FACILITY, "reading_key": ZERO}], r"facilities\.0\.reading_key: expected an address other"),
        ("facilities", [{**FACILITY, "capacities": [0, 0, 2**56]}], r"facilities\.0\.capacities\.2: .*less than 72057"),
        ("audits.audit_bps", 0, r"audits\.audit_bps: .*greater than or equal to 1 \(given 0\)"),
        ("audits.confidence_ppm", 499_999, r"audits\.confidence_ppm: .*greater than or equal to 500000"),
        ("audits.tally_epochs", 0, r"audits\.tally_epochs: .*greater than or equal to 1 \(given 0\)"),
        ("audits.unbacked_bps", [0, 0, 10_001], r"audits\.unbacked_bps\.2: .*less than or equal to 10000"),
        ("facilities", [{**FACILITY, "fleets": [{**FLEET, "m": 100}]}], r"fleets\.0\.m: expected a power of two"),
        (
            "facilities",
            [{**FACILITY, "fleets": [{**FLEET, "rate": 0}]}],
            r"fleets\.0\.rate: .*greater than or equal",
        ),
        ("facilities", [{**FACILITY, "records_count": "1"}], r"facilities\.0\.records_count: .*valid boolean"),
        ("clock.genesis_delay_s", 2**39, r"clock\.genesis_delay_s: .*less than 549755813888"),
        ("clock.ring_epochs", 2**128, r"clock\.ring_epochs: .*less than 34028"),
        ("disputes.lock_time_s", 2**128, r"disputes\.lock_time_s: .*less than 34028"),
        ("disputes.required_bond_wei", 2**256, r"disputes\.required_bond_wei: .*less than 34028"),
        ("governance.founding_s", 2**256, r"governance\.founding_s: .*less than 34028"),
        ("vault.release_floor_wei", 2**256, r"vault\.release_floor_wei: .*less than 34028"),
        ("facilities", [{**FACILITY, "public_share_bps": 10_001}], r"facilities\.0\.public_share_bps: .*10000 \(given"),
    ],
)
def test_load_recipe__impossible_value__says_where_and_what(key: str, value: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("local", {key: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"policy.rate_wei_per_ngaicph": 8, "vault.max_rate_wei_per_ngaicph": 7},
            r"policy\.rate_wei_per_ngaicph: expected at most vault\.max_rate_wei_per_ngaicph, 7 \(given 8\)",
        ),
        (
            {"vault.expiry_age_s": 194},
            r"vault\.expiry_age_s: expected more than .*vault.brake_span_s: 194 s \(given 194\)",
        ),
        ({"vault.brake_span_s": 1_680}, r"vault\.expiry_age_s: expected more than .*: 1800 s \(given 1800\)"),
        (
            {"disputes.evidence_horizon_s": 73},
            r"disputes\.evidence_horizon_s: expected at least .* 74 s, .*\(given 73\)",
        ),
        ({"disputes.evidence_horizon_s": 3072}, r"disputes\.evidence_horizon_s: expected .* 3072 s \(given 3072\)"),
        ({"disputes.lock_time_s": 611}, r"disputes\.lock_time_s: expected at least .* 612 s \(given 611\)"),
        ({"disputes.reveal_window_s": 11}, r"disputes\.reveal_window_s: expected at most .* 10 s \(given 11\)"),
        ({"vault.expiry_age_s": 3072}, r"vault\.expiry_age_s: expected less than .*keeps, 3072 s \(given 3072\)"),
        (
            {"clock.dispute_window_s": 0, "clock.ring_epochs": 6},
            r"clock\.ring_epochs: expected at least 8, .* 84 s \(given 6\)",
        ),
        (
            {"exchange.fee_bps": 3_000, "exchange.recirculate_bps": 7_001},
            r"exchange\.recirculate_bps: expected at most what exchange\.fee_bps leaves, 7000 \(given 7001\)",
        ),
        (
            {"facilities": [FACILITY, {**FACILITY, "region": 3}]},
            r"facilities\.1\.region: expected one of regions: 1, 2 \(given 3\)",
        ),
        ({"audits.slots": 13}, r"audits\.slots: expected at most one a second: 12 \(given 13\)"),
        (
            {"facilities": [{**FACILITY, "fleets": [FLEET, {**FLEET, "rate": 1, "pace": 1}]}]},
            r"facilities\.0\.fleets\.1: expected a product whose deadline is within a slot of 12000 ms",
        ),
        (
            {"facilities": [{**FACILITY, "fleets": [{**FLEET, "pace": 10**9 - 1}]}]},
            r"facilities\.0\.fleets\.0\.pace: expected at least the rate, 1000000000 \(given 999999999\)",
        ),
        ({"regions": {}}, r"facilities\.0\.region: expected one of regions: there are none \(given 1\)"),
    ],
)
def test_load_recipe__values_that_contradict__says_where_and_what(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("local", changes)


def test_load_recipe__several_contradictions__told_together() -> None:
    with pytest.raises(RecipeError, match=r"vault\.expiry_age_s: .*; exchange\.recirculate_bps: "):
        load_recipe("local", {"vault.expiry_age_s": 62, "exchange.recirculate_bps": 10_000})


def test_load_recipe__no_such_recipe__says_which_there_are() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'mars'.*local"):
        load_recipe("mars")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping of sections, given nothing"),
        ("- clock\n", "expected a mapping of sections, given list"),
        ("clock: {", "expected YAML: while parsing"),
        ("clock: \x00", "expected YAML: unacceptable character"),
        ("clock: 2026-02-30", "expected YAML: day"),
        ("? [clock]\n: 1", "expected YAML: .*unhashable key"),
        (LOCAL + "\nextra: 1\n", r"extra: Extra inputs are not permitted \(given 1\)"),
        (LOCAL + "\nclock: {}\n", "expected YAML: the key clock is given twice"),
        (LOCAL.replace("  fee_bps:", "  fee_bps: 1\n  fee_bps:"), "expected YAML: the key fee_bps is given twice"),
        (
            LOCAL.replace("regions:", "regions:\n  0x1: {cap: 5, turnover_cap: 1}"),
            "expected YAML: the key 1 is given twice",
        ),
        (LOCAL.replace("vault:\n", "vault:\nother:\n"), r"vault: .*dictionary or instance of Vault \(given None\)"),
        (LOCAL.replace("\noracles:", "\noracles: 1\nother:"), r"oracles: Input should be a valid list \(given 1\)"),
    ],
)
def test_load_recipe__not_a_recipe__says_where_and_what(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"(?s)^odd\.yaml: .*{message}"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("clock.epoch_len", r"override clock\.epoch_len: the recipe has no such key"),
        ("clocks.epoch_length_s", r"override clocks\.epoch_length_s: the recipe has no such key"),
        ("facilities.0.region", r"override facilities\.0\.region: expected a mapping that holds '0', given list"),
        ("exchange.fee_bps.x", r"override exchange\.fee_bps\.x: expected a mapping that holds 'x', given int"),
    ],
)
def test_load_recipe__override_leads_nowhere__named(key: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("local", {key: 1})


def test_load_recipe__override_in_a_section_without_content__named(tmp_path: Path) -> None:
    path = tmp_path / "hollow.yaml"
    path.write_text("clock:\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="expected a mapping that holds 'ring_epochs', given nothing"):
        load_recipe(str(path), {"clock.ring_epochs": 3})


PUBLIC = sorted(path.stem for path in RECIPES.glob("*.yaml") if path.stem != "local")
PEOPLE: dict[str, Any] = {
    "oracles": addresses(4),
    "governance.founder": addresses(5)[4],
    "governance.guardian": addresses(6)[5],
    "registrars": addresses(7)[6:],
    "facilities": [{**FACILITY, "operator": addresses(8)[7], "reading_key": addresses(9)[8]}],
}
"""Whom a public network's recipe leaves open."""


@pytest.mark.parametrize("name", PUBLIC)
def test_load_recipe__public_network__wants_people_and_nothing_else(name: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(name)
    for key in ("oracles.3", "governance.founder", "governance.guardian", "registrars.0", "facilities.0.reading_key"):
        assert f"{key}: expected a checksummed address, got 'set me" in str(caught.value)
    recipe = load_recipe(name, PEOPLE)
    assert recipe.network.public
    assert recipe.network.confirmations > 0


@pytest.mark.parametrize("name", PUBLIC)
def test_load_recipe__development_account_on_a_public_network__refused(name: str) -> None:
    with pytest.raises(RecipeError, match=r"governance\.guardian: expected an account of somebody's own"):
        load_recipe(name, {**PEOPLE, "governance.guardian": OTHER})


@pytest.mark.parametrize("name", PUBLIC)
def test_load_recipe__genesis_before_set_up_ends__refused(name: str) -> None:
    with pytest.raises(RecipeError, match=r"clock\.genesis_delay_s: expected at least governance\.set_up_s, 86400"):
        load_recipe(name, {**PEOPLE, "clock.genesis_delay_s": 86_399})


def test_recipes__all__say_which_network_once() -> None:
    assert {"sepolia", "hoodi", "base-sepolia"} <= set(PUBLIC)
    numbers = [load_recipe(name, PEOPLE).network.chain_ids for name in PUBLIC]
    assert sorted(map(tuple, numbers)) == sorted(set(map(tuple, numbers)))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes__each_figure__has_its_reason_beside_it(path: Path) -> None:
    bare = re.findall(r"^ +(\w+): [\d_]+ *$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(bare) <= {"region"}
