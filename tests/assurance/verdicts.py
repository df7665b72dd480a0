"""What became of each mutant, kept under `build`, so that a campaign that was stopped goes on where it was.

A kill is kept for the contracts as they are, and holds while the test that did it is still there, by its name: no
mutant comes to life by other tests that are added. Nor does one that does not compile. A survivor is kept for the tests
too: another test may kill it, and so it is judged anew as soon as any of them changes, unless it is argued that none
can.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from scripts._tools import ROOT, digest

# What kills a mutant that does not end.
TIMELESS = "the limit of time"

Mutant = dict[str, Any]


class Verdict(NamedTuple):
    """`killed` by a test (`file:test`, `file:` where its set-up fails, `TIMELESS`), `survived` all tests, `equivalent`
    by its code, or `stillborn`: it does not compile."""

    outcome: str
    by: str = ""


class Verdicts:
    """Verdicts on mutants of the contracts as they are now, a file each."""

    def __init__(self, place: Path, root: Path = ROOT) -> None:
        self._root = root
        self._place = place / digest([root / "contracts"], root=root)
        self._tests = digest([root / "tests" / "foundry"], ("default",), root)
        self._place.mkdir(parents=True, exist_ok=True)

    def find(self, mutant: Mutant, *, argued: bool = False) -> Verdict | None:
        """What is known of a mutant and still holds; `argued`: that it is equivalent, whatever the tests."""
        path = self._path(mutant)
        if not path.exists():
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        verdict = Verdict(kept["outcome"], kept["by"])
        holds = {
            "killed": self._is_there(verdict.by),
            "survived": argued or kept["tests"] == self._tests,
            "equivalent": True,
            "stillborn": True,
        }
        return verdict if holds[verdict.outcome] else None

    def keep(self, mutant: Mutant, verdict: Verdict) -> None:
        """Whole or not at all."""
        path = self._path(mutant)
        begun = path.with_suffix(".begun")
        kept = {**verdict._asdict(), "tests": self._tests, "mutant": mutant}
        begun.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
        begun.rename(path)

    def _path(self, mutant: Mutant) -> Path:
        place = f"{mutant['file']} {mutant['start']} {mutant['end']} {mutant['new']}"
        return self._place / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"

    def _is_there(self, test: str) -> bool:
        if test == TIMELESS:
            return True
        file, _, name = test.partition(":")
        path = self._root / file
        return path.is_file() and (not name or f"function {name}(" in path.read_text(encoding="utf-8"))
