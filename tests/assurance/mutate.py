"""Mutation testing of the production contracts: `make mutate`. Writes `benchmarks/mutation.json`.

Slither's operators make the mutants (`mutants.py`). A seeded sample, stratified by contract and operator, is put one by
one into a copy of the tree, where forge, the native one, runs the tests that are about that contract, and if those
pass, all of them. A mutant that does not compile counts for nothing; one that all tests pass has survived. A bug
planted first must be caught, and the sound tree must pass: else nothing is shown.

Survivors that change nothing anybody could see are argued in `docs/security/mutants.md`, by their number there.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
import time
from collections import defaultdict
from typing import Any

from scripts._tools import ARTIFACTS, FORGE, ROOT, attempt, python_tool, run

from tests.assurance import LOCKS

OUT = ROOT / "benchmarks" / "mutation.json"
ARGUED = ROOT / "docs" / "security" / "mutants.md"
COPY = ROOT / "build" / "mutation"
LEAST_KILLED = 0.95
SECONDS = 600
SOURCES = ("contracts", "tests", "foundry.toml")
LINKS = ("node_modules", ".venv", ".toolchain")

# Which tests are about a contract; for the rest, those that bear its name.
TESTS = {
    "AccountLib": "{TokenLibraries,SBIToken}",
    "AuthorizationLib": "SBITokenAuthorization",
    "BitLib": "Libraries",
    "BpsLib": "Libraries",
    "ChaChaLib": "ProductLib",
    "CodeBlobLib": "Libraries",
    "ConfigBlobLib": "Libraries",
    "EcrecoverLib": "EcdsaVerifier",
    "EpochLib": "Libraries",
    "FieldLib": "Libraries",
    "FloatLib": "Libraries",
    "IndexLib": "SBIToken",
    "PullPayments": "SignerBonds",
    "RangeLib": "SuiteGovernor",
    "SecondChamber": "SuiteGovernor",
    "SuiteAccessManager": "Governance",
    "SuiteTimelock": "Governance",
    "SumTreeLib": "{Libraries,SumProofLib}",
}
# Paying more than there is: no tree of tests worth the name lets it pass.
PLANTED = {
    "file": "contracts/SBIToken.sol",
    "contract": "SBIToken",
    "operator": "planted",
    "old": "if (held.settled() < amount) revert",
    "new": "if (false) revert",
}

Mutant = dict[str, Any]


def sample(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many mutants, one of each contract and operator in turn, so that the rare kinds are there too."""
    chance = random.Random(seed)  # no secret: a sample that can be drawn again
    strata: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        strata[mutant["contract"], mutant["operator"]].append(mutant)
    order = sorted(strata)
    for key in order:
        chance.shuffle(strata[key])
    chosen: list[Mutant] = []
    while len(chosen) < count and any(strata.values()):
        for key in order:
            if strata[key] and len(chosen) < count:
                chosen.append(strata[key].pop())
    return chosen


def prepare() -> None:
    """A copy of what forge reads, with the tools linked and the artifacts that forge keeps between mutants."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, COPY / name)
    for name in LINKS:
        (COPY / name).symlink_to((ROOT / name).resolve())
    (COPY / "build").mkdir()
    for name in ("toolchain", "forge"):
        if (ROOT / "build" / name).exists():
            shutil.copytree(ROOT / "build" / name, COPY / "build" / name)


def judge(mutant: Mutant) -> str:
    """What becomes of a mutant: `killed`, `survived`, or `stillborn` if it does not compile."""
    path = COPY / mutant["file"]
    sound = path.read_bytes()
    if "start" in mutant:
        path.write_bytes(sound[: mutant["start"]] + mutant["new"].encode() + sound[mutant["end"] :])
    else:
        assert sound.count(mutant["old"].encode()) == 1
        path.write_bytes(sound.replace(mutant["old"].encode(), mutant["new"].encode()))
    try:
        about = TESTS.get(mutant["contract"], mutant["contract"] + "*")
        verdict = _tests_say("--match-path", f"tests/foundry/{about}.t.sol")
        return verdict if verdict != "survived" else _tests_say("--no-match-path", "tests/foundry/invariants/*")
    finally:
        path.write_bytes(sound)


def _tests_say(*which: str) -> str:
    # A mutant that never ends is one that is noticed.
    done = attempt("timeout", str(SECONDS), str(FORGE), "test", "--fail-fast", *which, cwd=COPY)
    if "Compiler run failed" in done.stdout:
        return "stillborn"
    if done.returncode == 0 and "No tests" in done.stdout:
        sys.exit(f"mutate: no tests match {which[-1]}")
    return "survived" if done.returncode == 0 else "killed"


def all_mutants() -> list[Mutant]:
    """Everything that slither's operators make of this tree."""
    python = python_tool(LOCKS / "slither") / "python"
    shutil.rmtree(ARTIFACTS / "build-info", ignore_errors=True)
    run(str(FORGE), "build", "--build-info", "--ast", "--force", env={"FOUNDRY_PROFILE": "contracts"})
    listed = ROOT / "build" / "mutants.json"
    run(str(python), str(LOCKS / "mutants.py"), str(ROOT), str(ARTIFACTS.relative_to(ROOT)), str(listed))
    mutants: list[Mutant] = json.loads(listed.read_text(encoding="utf-8"))
    return mutants


def name_of(mutant: Mutant) -> str:
    """How a survivor is called in `mutants.md`: its place and what it puts there."""
    return f"{mutant['contract']} {mutant['operator']} `{mutant['old'].strip()}` → `{mutant['new'].strip()}`"


def main() -> None:
    """Draw, judge, write; fail where too many live or one is not argued."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_100, help="mutants to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=11, help="of the draw (default: %(default)s)")
    options = parser.parse_args()
    started = time.monotonic()
    mutants = all_mutants()
    prepare()
    if _tests_say("--no-match-path", "tests/foundry/invariants/*") != "survived":
        sys.exit("mutate: the tests fail on the sound contracts")
    if judge(PLANTED) != "killed":
        sys.exit("mutate: the planted bug was not caught")
    argued = ARGUED.read_text(encoding="utf-8") if ARGUED.exists() else ""
    verdicts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("killed", "survived", "equivalent"), 0))
    unargued = []
    stillborn = 0
    drawn = sample(mutants, options.count, options.seed)
    for number, mutant in enumerate(drawn, 1):
        verdict = judge(mutant)
        print(f"{number}/{len(drawn)} {verdict}: {mutant['file']}:{mutant['line']} {name_of(mutant)}", flush=True)
        if verdict == "stillborn":
            stillborn += 1
            continue
        if verdict == "survived":
            entry = re.search(rf"^\| {re.escape(name_of(mutant))} \| (equivalent|tolerated)", argued, re.M)
            if entry is None:
                unargued.append(name_of(mutant))
            elif entry[1] == "equivalent":
                verdict = "equivalent"
        verdicts[mutant["contract"]][verdict] += 1
    result = _result(verdicts)
    result["about"] = {
        "command": "make mutate",
        "seed": options.seed,
        "made": len(mutants),
        "drawn": len(drawn),
        "stillborn": stillborn,
        "seconds": round(time.monotonic() - started),
    }
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"killed {result['killed_share']:.1%} of those that are not equivalent")
    if result["killed_share"] < LEAST_KILLED or unargued:
        sys.exit("mutate: survivors that are not argued:\n" + "\n".join(unargued))


def _result(verdicts: dict[str, dict[str, int]]) -> dict[str, Any]:
    def share(killed: int, survived: int) -> float:
        return killed * 10_000 // (killed + survived) / 10_000 if killed + survived else 1.0

    killed = sum(counts["killed"] for counts in verdicts.values())
    survived = sum(counts["survived"] for counts in verdicts.values())
    return {
        "killed_share": share(killed, survived),
        "contracts": {
            name: {"killed_share": share(counts["killed"], counts["survived"]), **counts}
            for name, counts in sorted(verdicts.items())
        },
    }


if __name__ == "__main__":
    main()
