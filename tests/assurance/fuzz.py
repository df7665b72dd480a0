"""The stateful campaign, `make fuzz`: invariants 1 to 11 after every act of random sequences.

Writes `benchmarks/fuzz.json`.

`tests/foundry/invariants` has the acts of everybody and the invariants. The campaign fails if one breaks, and if an act
succeeds in less than a tenth of its calls: sequences of refusals show nothing. `--runs` and `--depth` make it shorter.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from typing import Any

from scripts._tools import FORGE, ROOT, attempt

OUT = ROOT / "benchmarks" / "fuzz.json"
SUITE = "tests/foundry/invariants/Invariants.t.sol"
RUNS, DEPTH = 1_000, 500
LEAST_SUCCESS = 0.1


def campaign(runs: int, depth: int, seed: str | None) -> dict[str, Any]:
    """Forge's report of one campaign, by invariant."""
    env = {"FOUNDRY_INVARIANT_RUNS": str(runs), "FOUNDRY_INVARIANT_DEPTH": str(depth)}
    if seed is not None:
        env["FOUNDRY_FUZZ_SEED"] = seed
    done = attempt(str(FORGE), "test", "--match-path", SUITE, "--json", env=env)
    reports = [line for line in done.stdout.splitlines() if line.startswith('{"')]
    if not reports:
        sys.exit(f"fuzz: forge gave no report\n{done.stdout[-3000:]}")
    (suite,) = json.loads(reports[-1]).values()
    results: dict[str, Any] = suite["test_results"]
    if set(results) == {"setUp()"}:
        sys.exit(f"fuzz: {results['setUp()']['reason']}")
    return results


def by_act(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Calls and reverts of every act, over all invariants, and the share that succeeded."""
    calls: Counter[str] = Counter()
    reverts: Counter[str] = Counter()
    for result in results.values():
        for name, counted in result["kind"]["Invariant"]["metrics"].items():
            act = name.rpartition(".")[2]
            calls[act] += counted["calls"]
            reverts[act] += counted["reverts"] + counted["discards"]
    return {
        act: {
            "calls": calls[act],
            "reverts": reverts[act],
            "succeeded": round(1 - reverts[act] / calls[act], 4) if calls[act] else 0.0,
        }
        for act in sorted(calls)
    }


def main() -> None:
    """Run the campaign, write what came of it, fail where it shows a fault or too little."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS, help="sequences per invariant (default: %(default)s)")
    parser.add_argument("--depth", type=int, default=DEPTH, help="acts per sequence (default: %(default)s)")
    parser.add_argument("--seed", help="another seed than the one in foundry.toml, 0x…")
    options = parser.parse_args()
    started = time.monotonic()
    results = campaign(options.runs, options.depth, options.seed)
    seconds = time.monotonic() - started
    acts = by_act(results)
    broken = {name: result["reason"] for name, result in results.items() if result["status"] != "Success"}
    result = {
        "calls_per_invariant": min(entry["kind"]["Invariant"]["calls"] for entry in results.values()),
        "failures": len(broken),
        "invariants": {
            name.removesuffix("()"): {
                "runs": entry["kind"]["Invariant"]["runs"],
                "calls": entry["kind"]["Invariant"]["calls"],
                "holds": entry["status"] == "Success",
            }
            for name, entry in sorted(results.items())
        },
        "acts": acts,
        "about": {
            "command": "make fuzz",
            "runs": options.runs,
            "depth": options.depth,
            "seconds": round(seconds),
        },
    }
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for act, counted in acts.items():
        print(f"{act:28} {counted['calls']:>9,} calls, {100 * counted['succeeded']:5.1f} % succeeded")
    print(f"{len(results)} invariants, {result['calls_per_invariant']:,} calls each, {seconds:,.0f} s")
    for name, reason in broken.items():
        print(f"{name}: {reason}")
    rare = [act for act, counted in acts.items() if counted["succeeded"] < LEAST_SUCCESS]
    if broken or rare:
        sys.exit(f"fuzz: broken: {', '.join(broken) or 'none'}; acts that hardly succeed: {', '.join(rare) or 'none'}")


if __name__ == "__main__":
    main()
