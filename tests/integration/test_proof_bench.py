"""What docs/proof-of-compute.md says of gas and cost is what the benchmarks found."""

from __future__ import annotations

import json
import re

import pytest

from tests.integration.shadow import ROOT

pytestmark = pytest.mark.integration

PAGE = ROOT / "docs" / "proof-of-compute.md"


def test_document__its_gas__is_the_committed_one_and_within_reach() -> None:
    committed = json.loads((ROOT / "benchmarks" / "products.json").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {f"disprove_k{terms.replace(',', '')}": int(gas.replace(",", "")) for terms, gas in rows}
    assert told == {name: figure for name, figure in committed.items() if name.startswith("disprove")}
    assert all(committed[name] <= reach for name, reach in committed["reach"].items())
