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


def test_proof_json__has_the_asked_figures_and_is_within_reach() -> None:
    found = json.loads((ROOT / "benchmarks" / "proof.json").read_text(encoding="utf-8"))
    keys = {"backend", "m", "n", "k", "product_s", "overhead_pct", "shared_check_pct", "check_pct", "response_bytes"}
    keys |= {"false_accepts", "false_rejects", "trials"}
    assert found["rows"]
    for row in found["rows"]:
        assert keys <= row.keys()
        assert (row["false_accepts"], row["false_rejects"]) == (0, 0) != row["trials"]
    on_cpu = [row for row in found["rows"] if "cuda" not in row["backend"]]
    sizes = {(row["m"], row["n"], row["k"]) for row in on_cpu if row["backend"] == "numpy"}
    assert sizes == {(4096, 4096, 16384), (8192, 8192, 8192)}
    reach = found["about"]["reach"]
    assert all(row["overhead_pct"] <= reach["overhead_pct"] for row in on_cpu)
    assert all(row["check_pct"] <= reach["check_pct"] for row in on_cpu)
