"""Writes the locks: `make lock`, or `make lock UPGRADE=1` to take every newer version that fits.

The Python lock is resolved by uv, in an environment of its own that is thrown away, for every platform and with hashes.
The npm lock is npm's, completed by hand for platforms whose Foundry tools the answering registry does not carry: `npm
ci` refuses a lock that leaves an optional package out, and npm fetches none that is for another platform.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON_LOCK = ROOT / "requirements.lock"
NODE_LOCK = ROOT / "package-lock.json"

UV = "uv==0.13.8"
LEAST_PYTHON = "3.11"
HEADER = "# Every Python package of the project, run time and development, with hashes. Written by `make lock`.\n"

FOUNDRY_TOOLS = ("anvil", "cast", "forge")
# Node's names for what Foundry's packages call otherwise.
NODE_CPU = {"amd64": "x64", "arm64": "arm64"}


def main() -> None:
    """Both locks, from pyproject.toml and package.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions that fit, not only what changed")
    upgrade = bool(parser.parse_args().upgrade)
    try:
        _lock_python(upgrade=upgrade)
        _lock_node(upgrade=upgrade)
    except subprocess.CalledProcessError as error:
        sys.exit(f"lock: `{Path(error.cmd[0]).name} …` failed with status {error.returncode}")


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def _lock_python(*, upgrade: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.EnvBuilder(with_pip=True).create(folder)
        binaries = Path(folder) / "bin"
        _run(binaries / "pip", "--disable-pip-version-check", "install", "--quiet", UV)
        resolved = Path(folder) / "requirements.lock"
        if PYTHON_LOCK.exists() and not upgrade:
            shutil.copy(PYTHON_LOCK, resolved)  # uv keeps the versions that its output file names
        _run(
            *(binaries / "uv", "pip", "compile", "pyproject.toml", "--extra", "dev", "--quiet", "--no-header"),
            *("--no-config", "--universal", "--python-version", LEAST_PYTHON, "--generate-hashes"),
            *("--output-file", resolved),
        )
        PYTHON_LOCK.write_text(HEADER + resolved.read_text())


def _lock_node(*, upgrade: bool) -> None:
    if upgrade:
        NODE_LOCK.unlink(missing_ok=True)
    _run("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    lock: dict[str, Any] = json.loads(NODE_LOCK.read_text())
    packages: dict[str, Any] = lock["packages"]
    for tool in FOUNDRY_TOOLS:
        for name, version in packages[f"node_modules/@foundry-rs/{tool}"]["optionalDependencies"].items():
            packages.setdefault(f"node_modules/{name}", _platform_package(tool, name, version))
    lock["packages"] = dict(sorted(packages.items()))
    NODE_LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


def _platform_package(tool: str, name: str, version: str) -> dict[str, Any]:
    """What npm would have written, but for the hash that only the registry could tell."""
    system, cpu = name.rsplit("-", 2)[1:]
    return {
        "version": version,
        "cpu": [NODE_CPU[cpu]],
        "dev": True,
        "license": "MIT OR Apache-2.0",
        "optional": True,
        "os": [system],
        "bin": {tool: f"bin/{tool}.exe" if system == "win32" else f"bin/{tool}"},
        "engines": {"node": ">=20"},
    }


if __name__ == "__main__":
    main()
