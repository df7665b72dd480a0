"""The built wheel, as an operator has it: in an empty environment, without Ape, solc, Node or this folder.

Installs the wheel's own dependencies, in the locked versions, from the registry that pip is set up for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = {"eth-ape", "ape-foundry", "ape-solidity", "py-solc-x", "pytest", "hypothesis", "ruff", "mypy"}
RECORD = {"chain_id": 5, "genesis": 1, "contracts": {}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the sources, with a record of a network as a released version would have."""
    folder = tmp_path_factory.mktemp("build")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "oracles", folder / "oracles", ignore=ignored)
    (folder / "oracles" / "sbi_network" / "deployments" / "5.json").write_text(json.dumps(RECORD), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder / "out"), str(folder)], check=True, cwd=folder)
    return next((folder / "out").glob("sbi_network-*.whl"))


def test_wheel__contents__abis_pages_and_records_are_inside(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    packaged = {path.name for path in (ROOT / "oracles/sbi_network/protocol/abi").glob("*.json")}
    assert len(packaged) > 10
    assert {f"sbi_network/protocol/abi/{name}" for name in packaged} <= inside
    assert {
        "sbi_network/deployments/5.json",
        "sbi_network/explorer/static/index.html",
        "sbi_network/py.typed",
    } <= inside
    assert not [name for name in inside if name.startswith(("scripts", "tests", "contracts"))]


def test_wheel__requirements__no_tool_of_development(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        metadata = opened.read(next(name for name in opened.namelist() if name.endswith("/METADATA"))).decode()
    version = re.search(r"^Version: (.+)$", metadata, re.MULTILINE)
    assert version is not None
    assert version[1] in wheel.name
    always = {
        re.match(r"[A-Za-z0-9._-]+", line)[0]  # type: ignore[index]
        for line in re.findall(r"^Requires-Dist: (.+)$", metadata, re.MULTILINE)
        if "extra ==" not in line
    }
    assert "web3" in always
    assert not always & TOOLS


@pytest.fixture(scope="module")
def operator(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it asks for."""
    home = tmp_path_factory.mktemp("operator")
    venv.EnvBuilder(with_pip=True).create(home / "venv")
    locked = re.findall(r"^([A-Za-z0-9._-]+==[^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    (home / "constraints.txt").write_text("\n".join(locked), encoding="utf-8")
    pip = [str(home / "venv" / "bin" / "pip"), "install", "--quiet", "--constraint", str(home / "constraints.txt")]
    subprocess.run([*pip, str(wheel)], check=True, cwd=home)
    return home


def _sbi(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(home / "venv" / "bin" / "sbi"), *arguments],
        capture_output=True,
        text=True,
        cwd=home,
        env={"PATH": os.defpath, "HOME": str(home), "COLUMNS": "100"},
        check=False,
    )


def test_operator__empty_environment__every_part_starts(operator: Path) -> None:
    listed = subprocess.run(
        [str(operator / "venv" / "bin" / "pip"), "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    assert not {each["name"].lower() for each in json.loads(listed.stdout)} & TOOLS
    for part in ("meter", "oracle", "keeper", "roll", "key", "outbox", "signer", "govern", "deployment"):
        told = _sbi(operator, part, "--help")
        assert told.returncode == 0, f"sbi {part} --help: {told.stderr}"


def test_operator__asks_for_the_version__is_told_the_wheels(operator: Path, wheel: Path) -> None:
    assert _sbi(operator, "--version").stdout == f"sbi {wheel.name.split('-')[1]}\n"


def test_operator__empty_environment__works(operator: Path) -> None:
    assert _sbi(operator, "deployment", "list").stdout == "5\n"
    assert json.loads(_sbi(operator, "deployment", "show", "5").stdout) == RECORD
    missing = _sbi(operator, "deployment", "show", "6")
    assert (missing.returncode, "no deployment is recorded for chain 6; recorded: 5" in missing.stderr) == (1, True)
    made = _sbi(operator, "key", "new", "--keystore", "k.json", "--password-file", "k.password")
    assert made.returncode == 0, made.stderr
    shown = _sbi(operator, "key", "show", "--keystore", "k.json", "--password-file", "k.password")
    assert re.search(r"0x[0-9a-fA-F]{40}", shown.stdout), shown.stderr
    measured = _sbi(operator, "meter", "measure")
    assert measured.returncode == 0, measured.stderr
