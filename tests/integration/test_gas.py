"""The gas benchmark's own rules, without a chain.

grown
├── a larger figure, of gas or of code: named, with both values
└── smaller, equal or new: nothing
floor_of
├── a call's own cost is what neither it nor its callee's steps account for
└── a trace that does not add up to the receipt: refused
docs/gas.md
├── shows the committed figures
└── no figure passes its reach, and none is below its floor
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from benchmarks.breakdown import Floor, floor_of, grown

from tests.integration.shadow import ROOT

pytestmark = pytest.mark.integration

COMMITTED = {"transfer": 34_000, "code_size": {"SBIToken": 10_000}, "about": {}}


def test_grown__a_larger_figure__is_named() -> None:
    assert grown({**COMMITTED, "transfer": 34_001}, COMMITTED) == ["transfer: 34000 -> 34001"]
    larger = {**COMMITTED, "code_size": {"SBIToken": 10_001}}
    assert grown(larger, COMMITTED) == ["code_size.SBIToken: 10000 -> 10001"]


def test_grown__smaller_equal_or_new__is_not() -> None:
    assert grown({**COMMITTED, "transfer": 33_999, "another": 1}, COMMITTED) == []


def step(op: str, gas: int, cost: int, depth: int = 1) -> dict[str, Any]:
    """One entry of `structLogs`."""
    return {"op": op, "gas": gas, "gasCost": cost, "depth": depth}


# A cold read, a cold call whose callee reads cold and returns, a warm read, an ecrecover, an event, the end.
TRACE = [
    step("SLOAD", 50_000, 2_100),
    step("STATICCALL", 47_900, 40_000),
    step("SLOAD", 40_000, 2_100, depth=2),
    step("RETURN", 37_900, 3, depth=2),
    step("SLOAD", 43_197, 100),
    step("STATICCALL", 43_097, 43_000),
    step("LOG1", 39_997, 750),
    step("STOP", 39_247, 0),
]
SPENT = 21_000 + 2 * 4 + 16 + (50_000 - 39_247)


def test_floor_of__calls_and_slots__each_counted_once() -> None:
    floor = floor_of(b"\0\1\0", TRACE, SPENT)
    assert floor == Floor(calldata=24, slots=4_200, accounts=2_600, logs=750, precompiles=3_000)
    assert SPENT - floor.total == 3 + 100 + 100


@pytest.mark.parametrize("figure", [SPENT + 1, SPENT * 4 // 5 - 1])
def test_floor_of__a_receipt_of_something_else__refused(figure: int) -> None:
    with pytest.raises(AssertionError, match="does not add up"):
        floor_of(b"\0\1\0", TRACE, figure)


def test_document__its_tables__show_the_committed_figures() -> None:
    committed = json.loads((ROOT / "benchmarks" / "gas.json").read_text(encoding="utf-8"))
    figures = {name: figure for name, figure in committed.items() if isinstance(figure, int)}
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", (ROOT / "docs" / "gas.md").read_text(encoding="utf-8"), re.MULTILINE)
    what, where = dict(rows[: len(figures)]), dict(rows[len(figures) :])
    assert list(what) == list(where) == list(figures)
    for name, figure in figures.items():
        _, gas, reach, floor = (cell.strip().replace(",", "") for cell in what[name].replace(",", "").split("|"))
        shares = [int(cell) for cell in where[name].replace(",", "").split("|")]
        assert int(floor) < int(gas) == figure == sum(shares[:-1]) == shares[-1]
        assert not reach or figure <= int(reach)
