"""Tools of single commands, each installed from its lock into a folder of its own under `.tools`.

They pin versions that the project's environment cannot have (halmos) or does not need (Sphinx): none gets into `.venv`
or `node_modules`. A second call finds what is installed from the same lock and does nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"
BINARIES = ROOT / ".venv" / "bin"
FORGE = BINARIES / "forge"
ARTIFACTS = ROOT / "build" / "forge" / "contracts"


def python_tool(locked: Path, name: str | None = None) -> Path:
    """The folder of a Python tool's programs, installed from `<locked>/requirements.lock`, hashes checked.

    It is named after the folder with its lock, unless told otherwise.
    """
    lock = locked / "requirements.lock"
    place = TOOLS / (name or locked.name)
    if not _is_installed(place, lock):
        _say(f"installing {place.name} into {place.relative_to(ROOT)}")
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(place)
        pip = (str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        run(*pip, "--no-input", "--require-hashes", "-r", str(lock))
        _note_installed(place, lock)
    return place / "bin"


def node_tool(manifest: Path) -> Path:
    """The `node_modules` of an npm tool, installed from the lock beside its `package.json`; no script of it is run."""
    lock = manifest / "package-lock.json"
    place = TOOLS / manifest.name
    if not _is_installed(place, lock):
        _say(f"installing {manifest.name} into {place.relative_to(ROOT)}")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(manifest / name, place)
        shutil.copy(ROOT / ".npmrc", place)
        run("npm", "ci", "--ignore-scripts", "--loglevel=error", cwd=place)
        _note_installed(place, lock)
    return place / "node_modules"


def run(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Runs a command; returns what it printed. Ends the program, with the end of that, where it fails."""
    done = attempt(*command, cwd=cwd, env=env)
    if done.returncode != 0:
        sys.exit(f"`{Path(command[0]).name} …` failed with status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def attempt(
    *command: str, cwd: Path = ROOT, env: dict[str, str] | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command with the project's programs on its path; output and errors come together."""
    surroundings = {**os.environ, "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}", **(env or {})}
    return subprocess.run(
        command,
        cwd=cwd,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
    )


def digest(paths: Iterable[Path], profiles: Iterable[str] = (), root: Path = ROOT) -> str:
    """Of files under `root`, of all in folders, names and contents, and of what `foundry.toml` says of some profiles: a
    key to keep by what was found of them."""
    found = hashlib.sha256()
    files = {file for path in paths for file in (path.rglob("*") if path.is_dir() else (path,)) if file.is_file()}
    for file in sorted(files):
        found.update(f"{file.relative_to(root)} {file.stat().st_size}\n".encode() + file.read_bytes())
    for profile in profiles:
        settings = tomllib.loads((root / "foundry.toml").read_text(encoding="utf-8"))["profile"][profile]
        found.update(json.dumps(settings, sort_keys=True).encode())
    return found.hexdigest()[:16]


def _say(text: str) -> None:
    print(f"tools: {text}", flush=True)


def _is_installed(place: Path, lock: Path) -> bool:
    stamp = place / "stamp"
    return stamp.is_file() and stamp.read_text() == _lock_digest(lock)


def _note_installed(place: Path, lock: Path) -> None:
    (place / "stamp").write_text(_lock_digest(lock))


def _lock_digest(lock: Path) -> str:
    return hashlib.sha256(f"{ROOT} {sys.version}".encode() + lock.read_bytes()).hexdigest()
