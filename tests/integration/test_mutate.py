"""How `make mutate` draws its mutants, and which verdicts it keeps."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.assurance.mutate import arguments, name_of, stratified
from tests.assurance.verdicts import Mutant, Verdict, Verdicts

SUITE = "tests/foundry/Token.t.sol"
MUTANT = {"file": "contracts/Token.sol", "start": 3, "end": 5, "new": "0"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    texts = {"contracts/Token.sol": "x += 1", SUITE: "function test_x()", "foundry.toml": "[profile.default]"}
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def kept(tree: Path, verdict: Verdict) -> None:
    Verdicts(tree / "build", tree).keep(MUTANT, verdict)


def found(tree: Path) -> Verdict | None:
    return Verdicts(tree / "build", tree).find(MUTANT)


def test_find__killed_and_a_test_added__stays_killed(tree: Path) -> None:
    kept(tree, Verdict("killed", f"{SUITE}:test_x"))
    (tree / SUITE).write_text("function test_x() function test_y()")
    assert found(tree) == Verdict("killed", f"{SUITE}:test_x")


def test_find__killed_by_a_test_that_is_gone__is_judged_anew(tree: Path) -> None:
    kept(tree, Verdict("killed", f"{SUITE}:test_x"))
    (tree / SUITE).write_text("function test_y()")
    assert found(tree) is None


def test_find__survived_and_a_test_added__is_judged_anew(tree: Path) -> None:
    kept(tree, Verdict("survived"))
    assert found(tree) == Verdict("survived")
    (tree / "tests" / "foundry" / "More.t.sol").write_text("function test_z()")
    assert found(tree) is None


def test_find__survived_and_argued_to_be_equivalent__whatever_the_tests(tree: Path) -> None:
    kept(tree, Verdict("survived"))
    (tree / "tests" / "foundry" / "More.t.sol").write_text("function test_z()")
    assert Verdicts(tree / "build", tree).find(MUTANT, argued=True) == Verdict("survived")


def test_arguments__the_page__each_survivor_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "mutants.md"
    page.write_text("| mutant | is | because |\n|---|---|---|\n| A.f BOR `a \\| b` → `a` | equivalent | x | y |\n")
    monkeypatch.setattr("tests.assurance.mutate.ARGUED", page)
    assert arguments() == {"A.f BOR `a \\| b` → `a`": "equivalent"}


@pytest.mark.parametrize("verdict", [Verdict("killed", f"{SUITE}:test_x"), Verdict("survived"), Verdict("stillborn")])
def test_find__contracts_changed__is_judged_anew(tree: Path, verdict: Verdict) -> None:
    kept(tree, verdict)
    (tree / "contracts" / "Token.sol").write_text("x += 2")
    assert found(tree) is None


def mutants(contract: str, operator: str, count: int) -> list[Mutant]:
    return [{"contract": contract, "operator": operator, "start": start} for start in range(count)]


def test_stratified__a_rare_kind_among_many__comes_in_the_first_round() -> None:
    many = mutants("Token", "AOR", 100) + mutants("Token", "RR", 1) + mutants("Vault", "AOR", 50)
    first = {(mutant["contract"], mutant["operator"]) for mutant in islice(stratified(many, seed=1), 3)}
    assert first == {("Token", "AOR"), ("Token", "RR"), ("Vault", "AOR")}


def test_stratified__same_seed__same_order_of_all() -> None:
    many = mutants("Token", "AOR", 20) + mutants("Vault", "RR", 20)
    order = list(stratified(many, seed=7))
    assert order == list(stratified(many, seed=7))
    assert order != list(stratified(many, seed=8))
    assert len(order) == 40


def test_name_of__code_on_two_lines_with_a_bar__is_one_cell_of_a_table() -> None:
    mutant = {"contract": "Token", "function": "pay", "operator": "AOR", "old": "a |\n  b", "new": "a"}
    assert name_of(mutant) == "Token.pay AOR `a \\| b` → `a`"


def test_name_of__long_code__shows_what_changes_and_what_is_around() -> None:
    old, new = (f"{'a' * 50} {word} {'z' * 50}" for word in ("pure", "view"))
    mutant = {"contract": "Token", "function": "", "operator": "FHR", "old": old, "new": new}
    around = f"…{'a' * 39} {{}} {'z' * 39}…"
    assert name_of(mutant) == f"Token FHR `{around.format('pure')}` → `{around.format('view')}`"
