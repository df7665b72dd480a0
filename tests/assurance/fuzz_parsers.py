"""The package's parsers under a coverage-guided fuzzer: `make fuzz-parsers`. Writes `benchmarks/fuzz_parsers.json`.

    --seconds 20       for each parser
    --only NAME        one parser alone, any number of times; nothing is written

Each parser of `parsers.py` runs in a process of its own under Atheris (libFuzzer for Python), which sees the branches
that the package and the TOML reader take, begins with what real programs write (`seeds.py`), and keeps what
reaches something new. A fault does not end the run: each kind is noted once, with the input that showed it first, in
`build/fuzz-parsers`. Fails on any fault: an exception that the parser does not declare, a refusal that cannot be told,
an input that takes more than a second of CPU, a process that grows by more than half a gigabyte. It begins with a
parser that has one bug of each kind planted (`fuzz_control.py`), and ends there if any is not found.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts._tools import ROOT, python_tool

from tests.assurance import LOCKS
from tests.assurance.parsers import MAX_BYTES, MAX_CPU_MS, MAX_MEMORY_MB, PARSERS
from tests.assurance.seeds import seeds_of

OUT = ROOT / "benchmarks" / "fuzz_parsers.json"
FOLDER = ROOT / "build" / "fuzz-parsers"
_DONE = re.compile(r"^stat::number_of_executed_units: (\d+)$", re.MULTILINE)
_STATS = re.compile(r"#\d+\s+(?:DONE|pulse|NEW|REDUCE|INITED)\s+cov: (\d+) ft: (\d+) corp: (\d+)")
CONTROL = "amount"
"""Whose place the control takes, and whose seeds it begins with: they lead to none of its bugs."""

CONTROL_SECONDS = 20
PLANTED = 3
_GRACE_S = 180
"""To start, compile what is compiled, and read the seeds."""


def main() -> None:
    """One parser after the other; then what was seen of each."""
    given = _arguments()
    names = given.only or list(PARSERS)
    python = python_tool(LOCKS / "atheris") / "python"
    control = campaign(python, CONTROL, CONTROL_SECONDS, "tests.assurance.fuzz_control")
    if len(control["faults"]) != PLANTED:
        sys.exit(f"fuzz-parsers: of {PLANTED} planted bugs it found {control['faults']}")
    print(f"control: {PLANTED} planted bugs found among {control['executions']} inputs", flush=True)
    results: dict[str, Any] = {}
    for name in names:
        results[name] = campaign(python, name, given.seconds)
        shown = {key: value for key, value in results[name].items() if key != "faults"}
        print(f"{name}: {json.dumps(shown)}", flush=True)
        for fault in results[name]["faults"]:
            print(f"  FAULT {fault}", flush=True)
    faults = sum(len(each["faults"]) for each in results.values())
    if not given.only:
        about = {
            "command": "make fuzz-parsers" + (f" SECONDS={given.seconds}" if given.seconds != _SECONDS else ""),
            "fuzzer": (ROOT / "tests/assurance/atheris/requirements.in").read_text(encoding="utf-8").strip(),
            "seconds_each": given.seconds,
            "limits": {"bytes": MAX_BYTES, "cpu_ms": MAX_CPU_MS, "memory_mb": MAX_MEMORY_MB},
        }
        summary = {
            "parsers_count": len(results),
            "executions": sum(each["executions"] for each in results.values()),
            "faults": faults,
            "planted_found": len(control["faults"]),
        }
        OUT.write_text(json.dumps({**summary, "parsers": results, "about": about}, indent=2) + "\n", encoding="utf-8")
    if faults:
        sys.exit(f"fuzz-parsers: {faults} faults; the inputs are in {FOLDER.relative_to(ROOT)}")


_SECONDS = 20


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=_SECONDS)
    parser.add_argument("--only", action="append", choices=list(PARSERS))
    return parser.parse_args()


def campaign(python: Path, name: str, seconds: int, module: str = "tests.assurance.fuzz_one") -> dict[str, Any]:
    """What fuzzing one parser for so long showed. `module` is what runs: `fuzz_one`, or a control of it."""
    home = FOLDER / name.replace(" ", "-")
    corpus, faults = home / "corpus", home / "faults"
    for folder in (corpus, faults):
        folder.mkdir(parents=True, exist_ok=True)
    for old in faults.iterdir():
        old.unlink()
    for number, seed in enumerate(seeds_of(name)):
        (corpus / f"seed-{number:03}").write_bytes(seed)
    report = home / "report.json"
    report.unlink(missing_ok=True)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "oracles", *map(Path, _site_packages()))))
    command = [
        *(str(python), "-m", module, name, str(faults), str(report), str(corpus)),
        *(f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", f"-artifact_prefix={faults}/", "-timeout=60"),
        *("-rss_limit_mb=4096", "-print_final_stats=1", "-seed=1"),
    ]
    # Numba's own check of every index, and a cache of its own for code that has it.
    surroundings = {"PYTHONPATH": path, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(FOLDER / "numba")}
    with (home / "log").open("wb") as log:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **surroundings},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=seconds + _GRACE_S,
        )
    said = (home / "log").read_text(encoding="utf-8", errors="replace")
    found, executions = _STATS.findall(said), _DONE.search(said)
    if not report.is_file() or not found or executions is None:
        return {"executions": 0, "faults": [f"the process ended with {done.returncode}: {said[-600:]}"]}
    told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    if done.returncode:
        told["faults"].append(f"the process ended with {done.returncode}: {said[-600:]}")
    edges, features, corpus_count = map(int, found[-1])
    return {"executions": int(executions[1]), **told, "edges": edges, "features": features, "corpus": corpus_count}


def _site_packages() -> list[str]:
    """Where the project's own packages are: the fuzzer's environment holds nothing but the fuzzer."""
    return [entry for entry in sys.path if entry.endswith("site-packages")]


if __name__ == "__main__":
    main()
