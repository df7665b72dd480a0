"""The project as a newcomer has it: a clone with nothing installed, set up by `make setup`.

It lies in `build/newcomer` and is kept, so that a second run finds what was installed: its files are brought up to
date, and whatever the pages left in it is removed.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.docs.blocks import ROOT

PLACE: Final = ROOT / "build" / "newcomer"
PROJECT: Final = PLACE / "suite"
SETUP_SECONDS: Final = 1_800

_KEPT: Final = (".venv", "node_modules", ".toolchain", ".build", ".tools", "build")
"""What set-up and the compilers make, which is what takes minutes."""

_LEFT: Final = ("build/demo", "build/simulate", "build/verification", "build/docs", "build/docs-source")
"""What pages leave in `build`."""


def newcomer() -> Path:
    """A clone of the project as it is now, tracked or not yet, set up."""
    PROJECT.mkdir(parents=True, exist_ok=True)
    if not (PROJECT / ".git").exists():
        _git("init", "--quiet", "--initial-branch=main")
    for name in _git("ls-files", "-z").split("\0"):
        if name:
            (PROJECT / name).unlink(missing_ok=True)
    for name in _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (PROJECT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, PROJECT / name)
    _git("add", "--all")
    author = ("-c", "user.name=newcomer", "-c", "user.email=newcomer@example.com")
    _git(*author, "commit", "--quiet", "--allow-empty", "--message", "The project as it is")
    subprocess.run(["make", "setup"], cwd=PROJECT, check=True, timeout=SETUP_SECONDS)
    return PROJECT


def tidy() -> None:
    """Removes what a page left."""
    _git("checkout", "--quiet", "--force", ".")
    _git("clean", "-fdxq", *(part for name in _KEPT for part in ("--exclude", f"/{name}")))
    for name in _LEFT:
        shutil.rmtree(PROJECT / name, ignore_errors=True)


def _git(*arguments: str, folder: Path = PROJECT) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout
