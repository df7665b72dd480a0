"""The archive.

trees       ├── kept → the same, also after a restart; another commitment → none
            └── altered on disk → OracleStateError; other views' are dropped; old ones are pruned
signed      ├── two for one place → a pair, once; a third is not kept
            └── other view, config, maker → no pair; open until it is closed, also after a restart
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sbi_network.oracle.errors import OracleStateError
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Report
from sbi_network.protocol.sumtree import Leaf, Sums, SumTree
from tests.oracles.oracle.simulated import EPOCH, archive_of, observed, oracle_key, reading, readings, terms_of

TERMS = terms_of()
TREE = SumTree([Leaf(0, Sums(1, 2, 3, 4), b"\x01" * 32), Leaf(1)])
OTHER = SumTree([Leaf(0)])


def _report(output: int, view: int = 0) -> Signed[Report]:
    report = Report(TERMS.config.digest, EPOCH, view, 1, 2, bytes(32), output, 0, 0, output)
    return Signed(report, report.sign(oracle_key(0), TERMS.config.domain))


def _present(value: Any) -> Any:
    assert value is not None
    return value


def test_tree__kept__is_the_same_after_a_restart(tmp_path: Path) -> None:
    archive = archive_of(oracle_key(0), tmp_path / "archive")
    archive.keep_tree(EPOCH, TREE)
    archive.keep_tree(EPOCH, TREE)
    archive.close()
    again = archive_of(oracle_key(0), tmp_path / "archive")
    assert _present(again.tree(EPOCH, TREE.commitment)).leaves == TREE.leaves
    assert again.tree(EPOCH, OTHER.commitment) is None
    assert again.tree(EPOCH + 1, TREE.commitment) is None


def test_tree__altered_on_disk__is_refused(tmp_path: Path) -> None:
    archive = archive_of(oracle_key(0), tmp_path / "archive")
    archive.keep_tree(EPOCH, TREE)
    for leaves in (bytes(128), b"short"):
        with sqlite3.connect(tmp_path / "archive") as database:
            database.execute("UPDATE trees SET leaves = ?", (leaves,))
        with pytest.raises(OracleStateError, match="archive"):
            archive.tree(EPOCH, TREE.commitment)


def test_drop_other_trees_and_prune__leave_what_can_be_demanded() -> None:
    archive = archive_of(oracle_key(0))
    for epoch in (EPOCH, EPOCH + 1):
        archive.keep_tree(epoch, TREE)
        archive.keep_tree(epoch, OTHER)
    archive.drop_other_trees(EPOCH, TREE.commitment)
    assert archive.leaves(EPOCH, OTHER.commitment) is None
    assert archive.leaves(EPOCH, TREE.commitment)
    assert archive.leaves(EPOCH + 1, OTHER.commitment)
    archive.prune(EPOCH + 1, 0)
    assert archive.leaves(EPOCH, TREE.commitment) is None
    assert archive.leaves(EPOCH + 1, TREE.commitment)


def test_note__second_of_a_place__is_a_pair_once_and_a_third_is_not_kept() -> None:
    archive = archive_of(oracle_key(0))
    assert archive.note(0, _report(1)) is None
    assert archive.note(0, _report(1)) is None
    pair = _present(archive.note(0, _report(2)))
    assert (pair.first, pair.second) == (_report(1), _report(2))
    assert archive.note(0, _report(2)) is None
    assert archive.note(0, _report(3)) is None
    assert len(archive.seen_reports(EPOCH)) == 2


def test_note__another_view_config_or_maker__is_no_pair() -> None:
    archive = archive_of(oracle_key(0))
    elsewhere = _report(2)
    others = (
        (0, _report(2, view=1)),
        (1, elsewhere),
        (0, Signed(replace(elsewhere.message, config_digest=b"\x07" * 32), elsewhere.signature)),
        (0, Signed(replace(elsewhere.message, epoch=EPOCH + 1), elsewhere.signature)),
    )
    archive.note(0, _report(1))
    assert [archive.note(number, signed) for number, signed in others] == [None] * 4
    assert archive.open_cases() == ()


def test_open_cases__every_kind__are_open_until_closed_and_one_for_a_maker(tmp_path: Path) -> None:
    archive = archive_of(oracle_key(0), tmp_path / "archive")
    for signed in (_report(1), _report(2), _report(1, view=3), _report(2, view=3)):
        archive.note(0, signed)
    for output in (1, 2):
        archive.note(2, observed(TERMS, 2, readings(TERMS, output)).signed)
        archive.note(1, reading(TERMS, 1, output))
    archive.close()
    again = archive_of(oracle_key(0), tmp_path / "archive")
    cases = again.open_cases()
    assert [(case.kind, case.number) for case in cases] == [("observation", 2), ("reading", 1), ("report", 0)]
    for case in cases:
        assert case.first.message != case.second.message
        again.close_case(case, "brought")
        again.close_case(case, "brought")
    assert again.open_cases() == ()
    again.prune(0, EPOCH + 1)
    assert again.seen_reports(EPOCH) == ()
