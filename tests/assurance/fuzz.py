"""The stateful campaign, `make fuzz`: invariants 1 to 11 after every act of random sequences.

Writes `benchmarks/fuzz.json`.

`tests/foundry/invariants` has the acts of everybody and the invariants; all of these are held after each act of one
campaign, so that each is held as often as forge counts calls. The campaign fails if one breaks, and if an act succeeds
in less than a tenth of its calls: sequences of refusals show nothing.

It is run in shards, each with a seed of its own, `--workers` of them at a time. What a shard found is kept under
`build` by a digest of everything that it depends on: a campaign that was stopped goes on where it was. `--runs` and
`--depth` make it shorter.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts._tools import FORGE, ROOT, attempt, digest, run

OUT = ROOT / "benchmarks" / "fuzz.json"
KEPT = ROOT / "build" / "fuzz"
SUITE = "tests/foundry/invariants/Invariants.t.sol"
PROFILE = {"FOUNDRY_PROFILE": "fuzz"}
RUNS, DEPTH, WORKERS = 1_000, 500, 2
SHARD = 25
LEAST_SUCCESS = 0.1

Finding = dict[str, Any]


def campaign(runs: int, depth: int, seed: int, workers: int) -> list[Finding]:
    """What every shard found, in order."""
    run(str(FORGE), "build", env=PROFILE)
    kept = KEPT / digest(_sources(), ("default", "fuzz"))
    kept.mkdir(parents=True, exist_ok=True)
    shards = [(min(SHARD, runs - start), depth, seed + start // SHARD) for start in range(0, runs, SHARD)]
    with ThreadPoolExecutor(workers) as pool:
        findings = []
        for number, finding in enumerate(pool.map(lambda shard: _kept(kept, *shard), shards), 1):
            findings.append(finding)
            verdict = finding["reason"] or "all invariants hold"
            print(f"{number}/{len(shards)} {finding['calls']:,} calls, {finding['seconds']} s: {verdict}", flush=True)
    return findings


def _sources() -> list[Path]:
    tests = ROOT / "tests" / "foundry"
    helpers = [path for path in tests.glob("*.sol") if not path.name.endswith(".t.sol")]
    return [ROOT / "contracts", tests / "invariants", *helpers]


def _kept(kept: Path, runs: int, depth: int, seed: int) -> Finding:
    # A fault is looked for anew each time: whoever mends it wants to see it go.
    path = kept / f"{runs}x{depth}-{seed:#x}.json"
    if path.exists():
        found: Finding = json.loads(path.read_text(encoding="utf-8"))
        return found
    finding = shard(runs, depth, seed)
    if finding["reason"] is None:
        unfinished = path.with_suffix(".begun")
        unfinished.write_text(json.dumps(finding, indent=1), encoding="utf-8")
        unfinished.rename(path)
    return finding


def shard(runs: int, depth: int, seed: int) -> Finding:
    """What forge found in so many sequences of so many acts: runs, calls, acts, and the reason of a fault or None."""
    env = {
        **PROFILE,
        "FOUNDRY_INVARIANT_RUNS": str(runs),
        "FOUNDRY_INVARIANT_DEPTH": str(depth),
        "FOUNDRY_FUZZ_SEED": hex(seed),
        "FOUNDRY_INVARIANT_FAILURE_PERSIST_DIR": f"build/fuzz/failures/{seed:#x}",
    }
    started = time.monotonic()
    done = attempt(str(FORGE), "test", "--json", env=env)
    reports = [line for line in done.stdout.splitlines() if line.startswith('{"')]
    if not reports:
        sys.exit(f"fuzz: forge gave no report\n{done.stdout[-3000:]}")
    (suite,) = json.loads(reports[-1]).values()
    ((name, result),) = suite["test_results"].items()
    if name == "setUp()":
        sys.exit(f"fuzz: {result['reason']}")
    counted = result["kind"]["Invariant"]
    return {
        "runs": counted["runs"],
        "calls": counted["calls"],
        "acts": {
            act.rpartition(".")[2]: {"calls": each["calls"], "reverts": each["reverts"] + each["discards"]}
            for act, each in counted["metrics"].items()
        },
        "reason": None if result["status"] == "Success" else str(result["reason"]),
        "seconds": round(time.monotonic() - started),
    }


def by_act(findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """Calls and reverts of every act, over all shards, and the share that succeeded."""
    calls: Counter[str] = Counter()
    reverts: Counter[str] = Counter()
    for finding in findings:
        for act, counted in finding["acts"].items():
            calls[act] += counted["calls"]
            reverts[act] += counted["reverts"]
    return {
        act: {
            "calls": calls[act],
            "reverts": reverts[act],
            "succeeded": round(1 - reverts[act] / calls[act], 4) if calls[act] else 0.0,
        }
        for act in sorted(calls)
    }


def invariants() -> list[str]:
    """Their names, as the suite calls them one after the other."""
    text = (ROOT / SUITE).read_text(encoding="utf-8")
    return re.findall(r"function _(invariant_\w+)\(", text)


def main() -> None:
    """Run the campaign, write what came of it, fail where it shows a fault or too little."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="sequences (default: %(default)s)")
    parser.add_argument("--depth", type=int, default=DEPTH, help="acts per sequence (default: %(default)s)")
    parser.add_argument("--seed", type=lambda text: int(text, 0), default=0x5B1, help="of the first shard, 0x…")
    parser.add_argument("--workers", type=int, default=WORKERS, help="shards at a time (default: %(default)s)")
    options = parser.parse_args()
    findings = campaign(options.runs, options.depth, options.seed, options.workers)
    acts = by_act(findings)
    reasons = [finding["reason"] for finding in findings if finding["reason"] is not None]
    broken = {name: [reason for reason in reasons if re.search(rf"{name}\b", reason)] for name in invariants()}
    calls = sum(finding["calls"] for finding in findings)
    result = {
        "calls_per_invariant": calls,
        "failures": len(reasons),
        "invariants": {name: {"calls": calls, "holds": not found} for name, found in broken.items()},
        "acts": acts,
        "about": {
            "command": "make fuzz",
            "runs": sum(finding["runs"] for finding in findings),
            "depth": options.depth,
            "shards": len(findings),
            "seconds": sum(finding["seconds"] for finding in findings),
        },
    }
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for act, counted in acts.items():
        print(f"{act:28} {counted['calls']:>9,} calls, {100 * counted['succeeded']:5.1f} % succeeded")
    print(f"{len(broken)} invariants, {calls:,} calls each")
    for reason in reasons:
        print(reason)
    rare = [act for act, counted in acts.items() if counted["succeeded"] < LEAST_SUCCESS]
    if reasons or rare:
        names = [name for name, found in broken.items() if found]
        sys.exit(f"fuzz: broken: {', '.join(names or reasons) or 'none'}; hardly succeed: {', '.join(rare) or 'none'}")


if __name__ == "__main__":
    main()
