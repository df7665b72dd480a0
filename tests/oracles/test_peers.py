"""The comparison with peers, without a chain: page and chart follow the committed figures, its parts do as they say.

docs/peers.md and its chart
├── are what the committed figures give
└── mark and explain each work in which a peer is ahead, and no other
rows
├── a peer ahead without a reason: refused
└── a reason for a peer that is not ahead: refused
differences: every other figure, lost row and changed version is named
linked: addresses go where the artifact says; a library without one is refused
tree: each leaf's proof leads to the root, odd levels too
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from benchmarks.peers import works
from benchmarks.peers.differences import differences
from benchmarks.peers.merkle import parent, proof, tree
from benchmarks.peers.node import Figure
from benchmarks.peers.packages import linked
from benchmarks.peers.page import BEGIN, CHART, END, PAGE, RESULT, digest, tables
from PIL import Image

COMMITTED: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))


def test_page__its_tables__are_what_the_committed_figures_give() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert shown == tables(COMMITTED)


def test_chart__the_picture__is_of_the_committed_figures() -> None:
    with Image.open(CHART) as picture:
        assert picture.info["Description"] == digest(COMMITTED)


def test_page__peers_ahead__are_marked_and_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    behind = [(row, name) for row in COMMITTED["rows"] for name, gas in row["peers"].items() if gas < row["ours"]]
    assert page.count("**ahead of ours**") == len({row["work"] for row, _ in behind})
    assert page.count("Ours is behind ") == len(behind)
    for row, name in behind:
        assert f"Ours is behind {name} here: {row['ahead'][name]}." in page


def test_committed__every_work__has_ours_and_a_peer() -> None:
    assert [row["work"] for row in COMMITTED["rows"]] == list(works.WORKS)
    for row in COMMITTED["rows"]:
        assert row["peers"]
        assert row["did"].keys() == {"ours", *row["peers"]}


def figures(gas: int) -> dict[str, Figure]:
    """The same figure for every work."""
    return dict.fromkeys(works.WORKS, Figure(gas, "did it"))


def peers_that_are_ahead() -> dict[str, dict[str, Figure]]:
    """Just those that the reasons name."""
    found: dict[str, dict[str, Figure]] = {}
    for work, name in works.AHEAD:
        found.setdefault(name, {})[work] = Figure(99, "did it")
    return found


def test_rows__a_peer_ahead_with_its_reason__is_kept() -> None:
    kept = {row["work"]: row for row in works.rows(figures(100), peers_that_are_ahead())}
    for (work, name), why in works.AHEAD.items():
        assert kept[work]["peers"] == {name: 99}
        assert kept[work]["ahead"] == {name: why}


def test_rows__a_peer_ahead_without_a_reason__is_refused() -> None:
    with pytest.raises(ValueError, match=r"enrol: ahead of ours are \['Another'\]; reasons are given for \[\]"):
        works.rows(figures(100), {**peers_that_are_ahead(), "Another": {"enrol": Figure(99, "did it")}})


def test_rows__a_reason_for_one_that_is_not_ahead__is_refused() -> None:
    with pytest.raises(ValueError, match=r"ahead of ours are \[\]"):
        works.rows(figures(99), peers_that_are_ahead())


def changed(**row: Any) -> dict[str, Any]:
    """The committed result with the first row changed."""
    first, *others = COMMITTED["rows"]
    return {**COMMITTED, "rows": [{**first, **row}, *others]}


def test_differences__the_same__are_none() -> None:
    assert list(differences(COMMITTED, COMMITTED)) == []


def test_differences__any_other_figure__is_named() -> None:
    first = COMMITTED["rows"][0]
    work, ours = first["work"], first["ours"]
    name, gas = next(iter(first["peers"].items()))
    assert list(differences(changed(ours=ours - 1), COMMITTED)) == [f"{work}, ours: {ours} -> {ours - 1}"]
    another = changed(peers={**first["peers"], name: gas + 1})
    assert list(differences(another, COMMITTED)) == [f"{work}, {name}: {gas} -> {gas + 1}"]
    without = {key: value for key, value in first["peers"].items() if key != name}
    assert list(differences(changed(peers=without), COMMITTED)) == [f"{work}, {name}: {gas} -> None"]


def test_differences__a_lost_row_or_another_version__is_named() -> None:
    fewer = {**COMMITTED, "rows": COMMITTED["rows"][1:]}
    assert list(differences(fewer, COMMITTED)) == [f"{COMMITTED['rows'][0]['work']}: gone"]
    assert list(differences({**COMMITTED, "packages": {}}, COMMITTED)) == ["packages: changed"]
    assert list(differences(changed(did={}), COMMITTED)) == [f"{COMMITTED['rows'][0]['work']}: did changed"]


def test_linked__a_library__gets_its_address_where_the_artifact_says() -> None:
    code = "60" + "__$" + 34 * "a" + "$__" + "61"
    links = {"Library.sol": {"Library": [{"start": 1, "length": 20}]}}
    address = "0x" + 20 * "Ab"
    assert linked(code, links, {"Library": address}) == "60" + 20 * "ab" + "61"
    with pytest.raises(KeyError, match="Library"):
        linked(code, links, {})
    with pytest.raises(ValueError, match="does not name"):
        linked(code, None, {})


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 11])
def test_tree__every_leaf__its_proof_leads_to_the_root(count: int) -> None:
    leaves = [bytes([i]) * 32 for i in range(count)]
    levels = tree(leaves)
    for i, node in enumerate(leaves):
        for sibling in proof(levels, i):
            node = parent(node, sibling)
        assert node == levels[-1][0]


def test_readme__its_figures__are_those_of_the_page() -> None:
    readme = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    told = readme.partition("## Beside its peers")[2].partition("\n## ")[0]
    figures = set(re.findall(r"\d{1,3}(?:,\d{3})+|(?<=by )\d{3}", told))
    assert len(figures) > 10
    page = PAGE.read_text(encoding="utf-8")
    assert [figure for figure in sorted(figures) if not re.search(rf"(?<![\d,]){figure}(?![\d,]*\d)", page)] == []
