"""Theorems about the contracts, proven by halmos for every value: `make prove`. Writes `benchmarks/prove.json`.

Each theorem is a `check_` function under `tests/prove`, its prose above it. One that finds a counterexample, runs out
of time, or was not explored whole because a loop was cut short, fails the campaign: only what holds for all paths
counts. What a theorem is told about integers is itself proven: a `.smt2` file beside it, its prose on top, asks z3 for
a counterexample.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from scripts._tools import FORGE, ROOT, attempt, python_tool, run

from tests.assurance import LOCKS

OUT = ROOT / "benchmarks" / "prove.json"
SOURCES = ROOT / "tests" / "prove"
BUILT = ROOT / "build" / "forge" / "prove"
# For a solver and a question: as many as a busy machine may need for what an idle one answers in one.
SECONDS = 1_200
WORKERS = 2
PROFILE = {"FOUNDRY_PROFILE": "prove"}
# As halmos builds: it then finds it done.
BUILD = ("--ast", "--extra-output", "storageLayout", "metadata")
# Longer than any loop of what is proven: 32 bytes of a word, 31 oracles.
LOOPS = 40
THEOREM = re.compile(r"((?:^ *///.*\n)+)\s*function (check_\w+)", re.M)
LEMMA = re.compile(r"\A((?:^; .*\n)+)", re.M)
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


def lemmas() -> dict[Path, str]:
    """The prose of every lemma by its file. Raises ValueError where one has none."""
    found: dict[Path, str] = {}
    for path in sorted(SOURCES.glob("*.smt2")):
        prose = LEMMA.match(path.read_text(encoding="utf-8"))
        if prose is None:
            raise ValueError(f"{path.name} has no prose")
        found[path] = " ".join(re.findall(r"; (.*)", prose[1]))
    return found


def prove_lemma(z3: Path, path: Path) -> dict[str, Any]:
    """What z3 says of a lemma: there must be no counterexample to it, and there must be cases that it speaks of."""
    started = time.monotonic()
    said = attempt(str(z3), f"-T:{SECONDS}", str(path)).stdout.split()
    print(f"{path.name}: {' '.join(said)}")
    return {
        "result": "pass" if said == ["sat", "unsat"] else "fail",
        "seconds": round(time.monotonic() - started, 2),
    }


def prove(halmos: Path, contract: str) -> dict[str, dict[str, Any]]:
    """What halmos says of a contract's theorems."""
    done = attempt(
        *(str(halmos), "--contract", contract, "--loop", str(LOOPS), "--forge-build-out", str(BUILT.relative_to(ROOT))),
        *("--solver-timeout-assertion", str(1000 * SECONDS)),
        env={**PROFILE, "NO_COLOR": "1", "COLUMNS": "400"},
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
    programs = python_tool(LOCKS / "halmos")
    halmos = programs / "halmos"
    # Built anew: what is proven of an artifact that is not the contract's is worth nothing.
    for built in (BUILT, BUILT.with_name("prove-cache")):
        shutil.rmtree(built, ignore_errors=True)
    expected = theorems()
    started = time.monotonic()
    results: dict[str, dict[str, Any]] = {}
    run(str(FORGE), "build", *BUILD, env=PROFILE)
    with ThreadPoolExecutor(WORKERS) as pool:
        for part in pool.map(partial(prove, halmos), sorted({name.partition(".")[0] for name in expected})):
            results |= part
    rows = [
        {"theorem": name, "says": says, **results.get(name, {"result": "not run", "seconds": 0.0})}
        for name, says in expected.items()
    ]
    rows += [
        {"theorem": path.name, "says": says, **prove_lemma(programs / "z3", path)} for path, says in lemmas().items()
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
