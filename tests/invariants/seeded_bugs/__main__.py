"""Seeds each bug in a copy of the project, runs the stateful model there, and requires it to fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
BUGS = Path(__file__).parent / "bugs"
COPIED = ("contracts", "scripts", "tests", ".build")
"""What the copy has of its own; the rest it shares with the project."""

NEVER = (".git", "build", ".hypothesis", ".pytest_cache")
NETWORK = "ethereum:local:foundry"
SEED = "20260101"
FAILURE = re.compile(r"^E\s+((?:AssertionError: .*|assert .*|[\w.]+(?:Error|Exception|Revert)\b.*))$", re.MULTILINE)


@dataclass(frozen=True)
class Bug:
    """A search and its replacement in one contract."""

    name: str
    what: str
    invariant: int
    file: str
    search: str
    replace: str

    @classmethod
    def load(cls, path: Path) -> Bug:
        return cls(name=path.stem, **tomllib.loads(path.read_text(encoding="utf-8")))

    def seed(self, project: Path) -> None:
        """Puts the bug into a copy. Raises ValueError if the place is not found exactly once."""
        path = project / self.file
        path.write_text(self.seeded(path.read_text(encoding="utf-8")), encoding="utf-8")

    def seeded(self, source: str) -> str:
        """A source with the bug in it. Raises ValueError if the place is not found exactly once."""
        if (found := source.count(self.search)) != 1:
            raise ValueError(f"{self.name}: {self.file} holds {self.search!r} {found} times, expected once")
        return source.replace(self.search, self.replace)


def all_bugs() -> list[Bug]:
    """Every bug that is described."""
    return [Bug.load(path) for path in sorted(BUGS.glob("*.toml"))]


def main(names: list[str]) -> int:
    bugs = all_bugs()
    if unknown := set(names) - {bug.name for bug in bugs}:
        print(f"no such bug: {', '.join(sorted(unknown))}; known: {', '.join(bug.name for bug in bugs)}")
        return 2
    missed = []
    if not names:
        verdict, seconds, last = run(None)
        print(f"{'passes' if verdict else 'FAILS':7} {seconds:4.0f} s  the sound contracts  {'' if verdict else last}")
        if not verdict:
            return 1
    for bug in bugs:
        if names and bug.name not in names:
            continue
        passed, seconds, last = run(bug)
        caught = not passed and last != ""
        print(f"{'caught' if caught else 'MISSED':7} {seconds:4.0f} s  {bug.name}: {bug.what}")
        print(f"{'':16}{last or 'the model saw nothing'}", flush=True)
        if not caught:
            missed.append(bug.name)
    if missed:
        print(f"not caught: {', '.join(missed)}")
    return 1 if missed else 0


def run(bug: Bug | None) -> tuple[bool, float, str]:
    """Runs the model on a copy with this bug: whether it passed, how long it took, what the failure said.

    A failure that is not the test's own (a contract that does not compile, a fixture that breaks) says nothing.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sbi-seeded-") as folder:
        project = Path(folder) / "project"
        copy(project)
        if bug is not None:
            bug.seed(project)
        environment = {
            **os.environ,
            "SBI_LOOP": "short" if bug is None else "hunt",
            "SBI_SEED": SEED,
            "PYTHONPATH": os.pathsep.join([str(project), str(project / "oracles")]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "APE_FOUNDRY_HOST": "auto",  # an Anvil of its own, whatever else runs here
        }
        ape = Path(sys.executable).parent / "ape"
        command = [str(ape), "test", "tests/invariants/test_loop.py", "--network", NETWORK]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode == 0:
        return True, seconds, ""
    by_the_test = re.search(r"^FAILED tests/invariants/test_loop\.py::", done.stdout, re.MULTILINE)
    said = FAILURE.search(done.stdout)
    if by_the_test is None or said is None:
        print(done.stdout[-3000:] + done.stderr[-1000:])
        return False, seconds, ""
    return False, seconds, said[1][:200]


def copy(project: Path) -> None:
    """A project of its own where the contracts are, links where nothing changes."""
    project.mkdir()
    for entry in ROOT.iterdir():
        if entry.name in NEVER:
            continue
        if entry.name in COPIED:
            shutil.copytree(entry, project / entry.name, ignore=shutil.ignore_patterns("__pycache__", ".cache"))
        else:
            (project / entry.name).symlink_to(entry)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
