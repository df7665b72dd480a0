"""Mutation testing of the production contracts: `make mutate`. Writes `benchmarks/mutation.json`.

Slither's operators make the mutants (`mutants.py`). A seeded sample, stratified by contract and operator, is put one by
one into copies of the tree, where forge, the native one, runs the tests that are about that contract, and if those
pass, all of them. A mutant that does not compile counts for nothing, and another is drawn in its place; one that all
tests pass has survived. A bug planted first must be caught, and the sound tree must pass: else nothing is shown.

A mutant of which the compiler makes the same code is equivalent; survivors that change nothing anybody could see for
another reason are argued in `docs/security/mutants.md`, by their name there. What was judged is kept (`verdicts.py`): a
campaign that is stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import filecmp
import itertools
import json
import queue
import random
import re
import shutil
import signal
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts._tools import ARTIFACTS, FORGE, ROOT, attempt, digest, python_tool, run

from tests.assurance import LOCKS
from tests.assurance.compiler import Compiler
from tests.assurance.verdicts import TIMELESS, Mutant, Verdict, Verdicts

OUT = ROOT / "benchmarks" / "mutation.json"
ARGUED = ROOT / "docs" / "security" / "mutants.md"
BUILD = ROOT / "build" / "mutation"
LEAST_KILLED = 0.95
# Of processor time, of the compiler and of the tests each: a mutant that does not end is one that is noticed, and how
# busy the machine is must not decide it. The whole suite takes a tenth of that.
SECONDS = 900
# Inputs for each fuzz test of the suites about a contract; who survives meets all tests, with as many as they have.
FUZZ_RUNS = 32
# Of a change, in the name of a mutant: so many characters before and after it.
CONTEXT = 40
SOURCES = ("contracts", "tests/foundry", "tests/vectors", "foundry.toml")
LINKS = ("node_modules", ".venv", ".toolchain")
# Which sequences of acts are drawn depends on every detail; they say little about a mutant, and take long.
LEFT_OUT = "tests/foundry/invariants"
ALL = "*"

# In what solc appends to the code, and to code within it: CBOR of "ipfs", and 34 bytes.
SOURCES_DIGEST = re.compile("64697066735822[0-9a-f]{68}")

# Which tests are about a contract; for the rest, those that bear its name.
TESTS = {
    "AccountLib": "TokenLibraries,SBIToken",
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
    "SumTreeLib": "Libraries,SumProofLib",
}
# Paying more than there is: no tree of tests worth the name lets it pass.
PLANTED = ("contracts/SBIToken.sol", "SBIToken", "if (held.settled() < amount) revert", "if (false) revert")


def stratified(mutants: list[Mutant], seed: int) -> Iterator[Mutant]:
    """All mutants, one of each contract and operator in turn, so that the rare kinds are in every part of them."""
    chance = random.Random(seed)  # no secret: an order that can be had again
    strata: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        strata[mutant["contract"], mutant["operator"]].append(mutant)
    order = sorted(strata)
    for key in order:
        chance.shuffle(strata[key])
    while any(strata.values()):
        for key in order:
            if strata[key]:
                yield strata[key].pop()


class Copy:
    """A copy of what forge reads, with the tools linked, in which one mutant at a time is judged.

    Artifacts of the sound tree are built once and put back after every mutant, so that forge compiles what the next
    mutant changes and nothing else. Suites that are not wanted are put out of forge's sight rather than filtered out:
    to apply a filter, forge would compile all of them first.
    """

    def __init__(self, number: int) -> None:
        self._root = BUILD / f"copy-{number}"
        self._tests = self._root / "tests" / "foundry"
        self._built = self._root / "build" / "forge"
        self._sound = self._root / "build" / "sound"
        self._compiler = Compiler(self._root / "build" / "solc") if _compiler_is_a_script() else None

    def prepare(self) -> None:
        """Makes the copy what the tree is, and builds it. Ends the program where the tests fail on it."""
        for name in SOURCES:
            _mirror(ROOT / name, self._root / name)
        shutil.rmtree(self._root / LEFT_OUT)
        for name in LINKS:
            if not (self._root / name).is_symlink():
                (self._root / name).symlink_to((ROOT / name).resolve())
        _mirror(ROOT / "build" / "toolchain", self._root / "build" / "toolchain")
        stamp = self._root / "build" / "sound.stamp"
        current = digest([ROOT / name for name in SOURCES])
        if stamp.is_file() and stamp.read_text() == current:
            _mirror(self._sound, self._built)
            return
        if not self._built.exists() and (ROOT / "build" / "forge").exists():
            shutil.copytree(ROOT / "build" / "forge", self._built)
        verdict = self._tests_say(ALL)
        if verdict.outcome != "survived":
            sys.exit(f"mutate: the tests fail on the sound contracts: {verdict.outcome} {verdict.by}")
        _mirror(self._built, self._sound)
        stamp.write_text(current)

    def follow(self, prepared: Copy) -> None:
        """Makes the copy what one is that was prepared."""
        for name in (*SOURCES, *LINKS, "build/toolchain", "build/sound", "build/sound.stamp"):
            _mirror(prepared._root / name, self._root / name)
        _mirror(self._sound, self._built)

    def judge(self, mutant: Mutant) -> Verdict:
        """What becomes of a mutant."""
        if re.sub(r"\s*=\s*0$", "", mutant["old"].strip()) == mutant["new"].strip():
            return Verdict("equivalent", "a variable begins at zero")
        path = self._root / mutant["file"]
        sound = path.read_bytes()
        path.write_bytes(sound[: mutant["start"]] + mutant["new"].encode() + sound[mutant["end"] :])
        try:
            verdict = self._tests_say(_suites_about(mutant), FUZZ_RUNS)
            if verdict.outcome != "survived":
                return verdict
            code = self._other_code()
            if not code:
                return Verdict("equivalent", "the compiler makes the same code of it")
            # All other suites deploy what forge has built: they meet the mutant without being compiled anew for it.
            path.write_bytes(sound)
            _mirror(self._sound, self._built)
            for artifact, text in code.items():
                artifact.write_bytes(text)
            return self._tests_say(ALL)
        finally:
            path.write_bytes(sound)
            _mirror(self._sound, self._built)

    def _other_code(self) -> dict[Path, bytes]:
        """What was built last of production contracts that have, but for the digest of sources, other code by that."""
        production = {path.name for path in (ROOT / "contracts").rglob("*.sol")}
        folders = [path for path in (self._sound / "out").iterdir() if path.name in production]
        pairs = [
            (path, self._built / path.relative_to(self._sound)) for folder in folders for path in folder.glob("*.json")
        ]
        return {
            built: built.read_bytes()
            for sound, built in pairs
            if not filecmp.cmp(sound, built) and _code_in(sound) != _code_in(built)
        }

    def close(self) -> None:
        """Ends what the copy has running."""
        if self._compiler is not None:
            self._compiler.stop()

    def _tests_say(self, suites: str, fuzz_runs: int | None = None) -> Verdict:
        env = {} if fuzz_runs is None else {"FOUNDRY_FUZZ_RUNS": str(fuzz_runs)}
        if self._compiler is not None:
            self._compiler.ensure()
            env["FOUNDRY_SOLC"] = str(self._compiler.launcher)
        self._show(suites)
        limited = ("sh", "-c", f'ulimit -S -t {SECONDS}; exec "$@"', "sh")
        done = attempt(*limited, str(FORGE), "test", "--fail-fast", cwd=self._root, env=env)
        if done.returncode == 0:
            return Verdict("survived")
        if "Compiler run failed" in done.stdout:
            return Verdict("stillborn")
        failed = re.search(r"^Encountered .* in (\S+?):\w+\n\[FAIL.*?\] (\w+)\(", done.stdout, re.M)
        if failed:
            file, test = failed.groups()
            return Verdict("killed", f"{file}:{'' if test == 'setUp' else test}")
        if done.returncode == -signal.SIGXCPU:
            return Verdict("killed", TIMELESS)
        # No verdict on the mutant: it counts as one that nothing noticed, until somebody has looked.
        return Verdict("survived", f"forge ended with status {done.returncode}: {done.stdout[-200:]}")

    def _show(self, suites: str) -> None:
        for hidden in self._tests.glob("*.t.sol.hidden"):
            hidden.rename(hidden.with_suffix(""))
        wanted = {path for each in _alternatives(suites) for path in self._tests.glob(f"{each}.t.sol")}
        if not wanted:
            sys.exit(f"mutate: no tests match {suites}")
        for path in self._tests.glob("*.t.sol"):
            if path not in wanted:
                path.rename(path.with_name(f"{path.name}.hidden"))


def _suites_about(mutant: Mutant) -> str:
    """Those that the list names, and those that call the functions of a library themselves."""
    contract = mutant["contract"]
    suites = TESTS.get(contract, f"{contract}*")
    if mutant["file"].startswith("contracts/libraries/"):
        texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "foundry").glob("*.t.sol")}
        callers = [path.name.removesuffix(".t.sol") for path, text in texts.items() if f"{contract}." in text]
        suites = ",".join((suites, *sorted(callers)))
    return suites


def _code_in(artifact: Path) -> list[str]:
    found = json.loads(artifact.read_text(encoding="utf-8"))
    return [SOURCES_DIGEST.sub("", found[kind]["object"]) for kind in ("bytecode", "deployedBytecode")]


def _alternatives(suites: str) -> list[str]:
    return suites.split(",")


def _compiler_is_a_script() -> bool:
    settings = tomllib.loads((ROOT / "build" / "toolchain" / "foundry.toml").read_text(encoding="utf-8"))
    with Path(settings["profile"]["default"]["solc"]).open("rb") as compiler:
        return compiler.read(2) == b"#!"


def _mirror(source: Path, target: Path) -> None:
    """Makes one file or folder what another is, without touching what is the same."""
    if source.is_symlink():
        if not target.is_symlink():
            target.symlink_to(source.readlink())
        return
    if source.is_file():
        if not target.exists() or not filecmp.cmp(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        return
    target.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in source.iterdir()}
    for path in target.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in names:
        _mirror(source / name, target / name)


def planted() -> Mutant:
    """A bug that must be caught."""
    file, contract, old, new = PLANTED
    text = (ROOT / file).read_bytes()
    assert text.count(old.encode()) == 1
    start = text.index(old.encode())
    end = start + len(old.encode())
    return {"file": file, "contract": contract, "start": start, "end": end, "old": old, "new": new}


def all_mutants() -> list[Mutant]:
    """Everything that slither's operators make of this tree; listed once for the contracts as they are."""
    listed = BUILD / f"mutants-{digest([ROOT / 'contracts', LOCKS / 'mutants.py'])}.json"
    if not listed.exists():
        python = python_tool(LOCKS / "slither") / "python"
        shutil.rmtree(ARTIFACTS / "build-info", ignore_errors=True)
        run(str(FORGE), "build", "--build-info", "--ast", "--force", env={"FOUNDRY_PROFILE": "contracts"})
        BUILD.mkdir(parents=True, exist_ok=True)
        run(str(python), str(LOCKS / "mutants.py"), str(ROOT), str(ARTIFACTS.relative_to(ROOT)), str(listed))
    mutants: list[Mutant] = json.loads(listed.read_text(encoding="utf-8"))
    return mutants


def arguments() -> dict[str, str]:
    """What `mutants.md` says a mutant is, by its name."""
    text = ARGUED.read_text(encoding="utf-8") if ARGUED.exists() else ""
    return dict(re.findall(r"^\| (.+) \| (equivalent|tolerated) \| ", text, re.MULTILINE))


def campaign(
    mutants: list[Mutant], count: int, seed: int, workers: int, argued: dict[str, str]
) -> list[tuple[Mutant, Verdict]]:
    """The first so many of the order that compile, with their verdicts; the stillborn among them come with them."""
    verdicts = Verdicts(BUILD / "verdicts")
    ready = [Copy(number) for number in range(workers)]
    copies: queue.Queue[Copy] = queue.Queue()
    pool = ThreadPoolExecutor(workers)
    found: list[tuple[Mutant, Verdict]] = []
    try:
        print("the tests on the sound contracts", flush=True)
        ready[0].prepare()
        for copy in ready:
            if copy is not ready[0]:
                copy.follow(ready[0])
            copies.put(copy)
        if _judged(planted(), copies, verdicts).outcome != "killed":
            sys.exit("mutate: the planted bug was not caught")
        order = stratified(mutants, seed)
        # Where some do not compile, others are drawn in their place.
        while drawn := list(itertools.islice(order, count - _compiled(found))):
            judged = pool.map(lambda mutant: _judged(mutant, copies, verdicts, _is_equivalent(mutant, argued)), drawn)
            for mutant, verdict in zip(drawn, judged, strict=True):
                found.append((mutant, verdict))
                print(f"{_compiled(found)}/{count} {verdict.outcome}: {name_of(mutant)} {verdict.by}", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
        for copy in ready:
            copy.close()
    return found


def _is_equivalent(mutant: Mutant, argued: dict[str, str]) -> bool:
    return argued.get(name_of(mutant)) == "equivalent"


def _judged(mutant: Mutant, copies: queue.Queue[Copy], verdicts: Verdicts, argued: bool = False) -> Verdict:
    kept = verdicts.find(mutant, argued=argued)
    if kept is not None:
        return kept
    copy = copies.get()
    try:
        verdict = copy.judge(mutant)
    finally:
        copies.put(copy)
    verdicts.keep(mutant, verdict)
    return verdict


def _compiled(found: list[tuple[Mutant, Verdict]]) -> int:
    return sum(verdict.outcome != "stillborn" for _, verdict in found)


def name_of(mutant: Mutant) -> str:
    """How a survivor is called in `mutants.md`: the function it is in, what it replaces and what it puts there."""
    old, new = _around_the_change(*(" ".join(str(mutant[side]).split()) for side in ("old", "new")))
    # Slither has functions of its own for what is initialised outside any.
    function = "" if mutant["function"].startswith("slitherConstructor") else mutant["function"]
    place = ".".join(name for name in (mutant["contract"], function) if name)
    return f"{place} {mutant['operator']} `{old}` → `{new}`".replace("|", "\\|")


def _around_the_change(old: str, new: str) -> tuple[str, str]:
    """Both without what they have in common far from where they differ."""
    before = max(_common(old, new) - CONTEXT, 0)
    after = max(_common(old[:before:-1], new[:before:-1]) - CONTEXT, 0)
    start, end = "…" if before else "", "…" if after else ""
    return f"{start}{old[before : len(old) - after]}{end}", f"{start}{new[before : len(new) - after]}{end}"


def _common(one: str, other: str) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def main() -> None:
    """Draw, judge, write; fail where too many live or one is not argued."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000, help="mutants that compile (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=11, help="of the draw (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="copies of the tree to work in (default: %(default)s)")
    options = parser.parse_args()
    mutants = all_mutants()
    argued = arguments()
    found = campaign(mutants, options.count, options.seed, options.workers, argued)
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("killed", "survived", "equivalent"), 0))
    unargued = []
    for mutant, verdict in found:
        outcome = verdict.outcome
        if outcome == "stillborn":
            continue
        if outcome == "survived":
            if name_of(mutant) not in argued:
                unargued.append(name_of(mutant))
            elif _is_equivalent(mutant, argued):
                outcome = "equivalent"
        counts[mutant["contract"]][outcome] += 1
    result = _result(counts)
    result["about"] = {
        "command": "make mutate",
        "seed": options.seed,
        "made": len(mutants),
        "judged": _compiled(found),
        "stillborn": len(found) - _compiled(found),
    }
    OUT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"killed {result['killed_share']:.1%} of those that are not equivalent")
    if result["killed_share"] < LEAST_KILLED or unargued:
        sys.exit("mutate: survivors that are not argued:\n" + "\n".join(unargued))


def _result(counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    def share(killed: int, survived: int) -> float:
        return killed * 10_000 // (killed + survived) / 10_000 if killed + survived else 1.0

    killed = sum(each["killed"] for each in counts.values())
    survived = sum(each["survived"] for each in counts.values())
    return {
        "killed_share": share(killed, survived),
        "contracts": {
            name: {"killed_share": share(each["killed"], each["survived"]), **each}
            for name, each in sorted(counts.items())
        },
    }


if __name__ == "__main__":
    main()
