"""Theorems about the contracts, proven by halmos for every value: `make prove`. Writes `benchmarks/prove.json`.

Each theorem is a `check_` function under `tests/prove`, its prose above it. One that finds a counterexample, runs out
of time, or was not explored whole because a loop was cut short, fails the campaign: only what holds for all paths
counts.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from scripts._tools import ROOT, attempt, python_tool

from tests.assurance import LOCKS

OUT = ROOT / "benchmarks" / "prove.json"
SOURCES = ROOT / "tests" / "prove"
BUILT = ROOT / "build" / "forge" / "prove"
# For a solver and a question: as many as a busy machine may need for what an idle one answers in one.
SECONDS = 1_200
# Longer than any loop of what is proven: 32 bytes of a word, 31 oracles.
LOOPS = 40
THEOREM = re.compile(r"((?:^ *///.*\n)+)\s*function (check_\w+)", re.M)
VERDICT = re.compile(r"\[(PASS|FAIL|ERROR|TIMEOUT)\]\S* (\w+)\(.*?time: ([0-9.]+)s")
CUT_SHORT = re.compile(r"WARNING +(\w+)\([^)]*\)?", re.M)


def theorems() -> dict[str, str]:
    """Every theorem's prose by its name, `Contract.check_name`. Raises ValueError where one has none."""
    found: dict[str, str] = {}
    for path in sorted(SOURCES.glob("*.t.sol")):
        text = path.read_text(encoding="utf-8")
        contract = re.findall(r"^contract (\w+Proof) is", text, re.M)[-1]
        prose = {name: " ".join(re.findall(r"/// (.*)", lines)) for lines, name in THEOREM.findall(text)}
        for name in re.findall(r"function (check_\w+)", text):
            if name not in prose:
                raise ValueError(f"{path.name}: {name} has no prose")
            found[f"{contract}.{name}"] = prose[name]
    return found


def prove(halmos: Path, contract: str) -> dict[str, dict[str, Any]]:
    """What halmos says of a contract's theorems."""
    done = attempt(
        *(str(halmos), "--contract", contract, "--loop", str(LOOPS), "--forge-build-out", str(BUILT.relative_to(ROOT))),
        *("--solver-timeout-assertion", str(1000 * SECONDS)),
        env={"FOUNDRY_PROFILE": "prove", "NO_COLOR": "1", "COLUMNS": "400"},
    )
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    print(said)
    cut_short = set(CUT_SHORT.findall(said)) if "loop-bound" in said else set()
    return {
        f"{contract}.{name}": {
            "result": "cut short" if name in cut_short and verdict == "PASS" else verdict.lower(),
            "seconds": float(seconds),
        }
        for verdict, name, seconds in VERDICT.findall(said)
    }


def main() -> None:
    """All theorems, contract by contract."""
    halmos = python_tool(LOCKS / "halmos") / "halmos"
    # Built anew: what is proven of an artifact that is not the contract's is worth nothing.
    for built in (BUILT, BUILT.with_name("prove-cache")):
        shutil.rmtree(built, ignore_errors=True)
    expected = theorems()
    started = time.monotonic()
    results: dict[str, dict[str, Any]] = {}
    for contract in sorted({name.partition(".")[0] for name in expected}):
        results |= prove(halmos, contract)
    rows = [
        {"theorem": name, "says": says, **results.get(name, {"result": "not run", "seconds": 0.0})}
        for name, says in expected.items()
    ]
    proven = sum(row["result"] == "pass" for row in rows)
    result = {
        "proven": proven,
        "theorems": rows,
        "about": {"command": "make prove", "seconds": round(time.monotonic() - started)},
    }
    OUT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{proven} of {len(rows)} theorems proven")
    if proven != len(rows):
        sys.exit("prove: " + ", ".join(row["theorem"] for row in rows if row["result"] != "pass"))


if __name__ == "__main__":
    main()
