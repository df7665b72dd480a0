"""The toolchain is what the documents say it is.

compilers
├── Ape and forge: the same code from the same compiler with the same settings
├── every contract fits the limit of code size
└── the packaged ABIs are the compiled ones
sources
├── no tracked file names a machine's path or a registry's host
└── locks name packages and hashes, not where they came from
package
├── `sbi --help` does not load Ape
└── no module of it needs what only development installs
set-up
└── a second run is quick and changes nothing
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.shadow import BIN, ROOT, run

pytestmark = [pytest.mark.slow, pytest.mark.integration]

SUITE = (
    "SBIToken",
    "DistributionVault",
    "ComputeOracleRegistry",
    "CitizenRegistry",
    "IssuancePolicy",
    "ComputeExchange",
    "SuiteAccessManager",
    "SuiteTimelock",
)
CODE_LIMIT = 24_576
"""Bytes of deployed code that a chain takes (EIP-170)."""

MACHINE_PATH = re.compile(r"(?<![\w.~}/-])/(?:home|root|Users|work|tmp|opt(?!/sbi\b)|mnt)/[\w.-]+")
REGISTRY_HOST = re.compile(r"registry\.(?:npm|yarn)|pypi\.(?:org|python)|python[h]osted|npm\.pkg\.github|artifactor[y]")
LOCKS = ("package-lock.json", "requirements.lock")
QUICK_SECONDS = 5
STALE = "Ape does not notice every change to a source: if settings are the same, try `ape compile --force`"


# Compilers


@dataclass(frozen=True)
class Compiled:
    """A contract's code by Ape and by forge, deployed and for deployment, without the compiler's metadata."""

    by_ape: tuple[bytes, bytes]
    by_forge: tuple[bytes, bytes]


@dataclass(frozen=True)
class Build:
    """What both tools made of the present sources."""

    ape: dict[str, Any]
    forge: dict[str, Any]

    def of(self, contract: str) -> Compiled:
        ape, forge = self.ape["contractTypes"][contract], self.forge[contract]
        return Compiled(
            (_code(ape["runtimeBytecode"]["bytecode"]), _code(ape["deploymentBytecode"]["bytecode"])),
            (_code(forge["deployedBytecode"]["object"]), _code(forge["bytecode"]["object"])),
        )


@pytest.fixture(scope="module")
def build() -> Build:
    """Both compile what changed since they last did: nothing, after `make test-foundry` and `make test-contracts`."""
    run((BIN / "ape", "compile"), seconds=400)
    run((BIN / "forge", "build", "contracts"), seconds=400)
    out = ROOT / "build" / "forge" / "out"
    forge = {name: json.loads((out / f"{name}.sol" / f"{name}.json").read_text()) for name in SUITE}
    return Build(json.loads((ROOT / ".build" / "__local__.json").read_text()), forge)


def _code(given: str) -> bytes:
    return bytes.fromhex(given.removeprefix("0x"))


def _without_metadata_hash(code: bytes) -> bytes:
    """Code whose CBOR metadata holds no hash: the hash takes in import remappings, of which forge needs one more."""
    start = len(code) - 2 - int.from_bytes(code[-2:])
    metadata, replaced = re.subn(rb"(?s)(\x64ipfs\x58\x22).{34}", rb"\1" + bytes(34), code[start:])
    assert replaced == 1, f"no metadata hash in {code[start:].hex()}"
    return code[:start] + metadata


@pytest.mark.parametrize("contract", SUITE)
def test_compile__by_ape_and_by_forge__the_same_code(build: Build, contract: str) -> None:
    compiled = build.of(contract)
    for ape, forge in zip(compiled.by_ape, compiled.by_forge, strict=True):
        assert _without_metadata_hash(ape) == _without_metadata_hash(forge), STALE


@pytest.mark.parametrize("contract", SUITE)
def test_compile__by_ape_and_by_forge__the_same_settings(build: Build, contract: str) -> None:
    compilers = [each for each in build.ape["compilers"] if contract in (each.get("contractTypes") or [])]
    assert compilers, f"Ape's record names no compiler of {contract}"
    metadata = build.forge[contract]["metadata"]
    settings = metadata["settings"]
    for compiler in compilers:
        assert compiler["version"] == metadata["compiler"]["version"]
        assert compiler["settings"]["optimizer"] == settings["optimizer"]
        assert compiler["settings"]["evmVersion"] == settings["evmVersion"]
        assert bool(compiler["settings"].get("viaIR")) == bool(settings.get("viaIR"))


@pytest.mark.parametrize("contract", SUITE)
def test_code_size__of_every_contract__under_the_limit(build: Build, contract: str) -> None:
    compiled = build.of(contract)
    assert 0 < len(compiled.by_ape[0]) < CODE_LIMIT


def test_export_abi__of_the_present_sources__package_is_current() -> None:
    assert run((BIN / "ape", "run", "export_abi", "--check")).splitlines()[-1] == "all current"


# Sources


def _tracked() -> list[Path]:
    """Files that git tracks or would, were they added."""
    listed = run(("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"))
    return [path for path in (ROOT / name for name in listed.split("\0") if name) if path.is_file()]


@pytest.mark.parametrize("forbidden", [MACHINE_PATH, REGISTRY_HOST, re.compile(re.escape(str(ROOT)) + r"\b")])
def test_sources__tracked__name_no_machine_path_and_no_registry(forbidden: re.Pattern[str]) -> None:
    found = []
    for path in _tracked():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        shown = path.relative_to(ROOT)
        found += [f"{shown}:{n}: {line.strip()[:120]}" for n, line in enumerate(lines, 1) if forbidden.search(line)]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock__of_packages__names_hashes_and_no_source(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert REGISTRY_HOST.findall(text) == []
    if lock.endswith(".json"):
        packages = json.loads(text)["packages"]
        assert [name for name, entry in packages.items() if "resolved" in entry] == []
        installed = {name: entry for name, entry in packages.items() if name and (ROOT / name).is_dir()}
        assert [name for name, entry in installed.items() if "integrity" not in entry] == []
    else:
        assert re.findall(r"^\s*(?:-[^-]|--(?!hash=)).*|.*://.*", text, re.MULTILINE) == []
        entries = re.findall(
            r"^[\w.-]+(?:\[.*?])?==\S+.*(?:\n +--hash=sha256:[0-9a-f]{64}(?: \\)?)+", text, re.MULTILINE
        )
        assert len(entries) == len(re.findall(r"^\w", text, re.MULTILINE)) > 0


# Package

_IMPORT_ALL = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"ape", "ape_foundry", "ape_solidity", "hypothesis", "mypy", "pytest", "solcx"}:
            raise ImportError(f"{name}: installed for development alone")

sys.meta_path.insert(0, Refuse())
import sbi_network
names = [module.name for module in pkgutil.walk_packages(sbi_network.__path__, "sbi_network.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_sbi__help__does_not_load_ape() -> None:
    modules = run((sys.executable, "-c", _HELP)).split()
    assert "sbi_network.cli" in modules
    assert sorted(name for name in modules if name.split(".")[0].startswith("ape")) == []


_HELP = """
import runpy, sys
from importlib.metadata import entry_points

(command,) = entry_points(group="console_scripts", name="sbi")
sys.argv = ["sbi", "--help"]
try:
    command.load()()
except SystemExit as end:
    assert not end.code, end
print(*sys.modules)
"""


def test_sbi_network__every_module__needs_no_development_package() -> None:
    assert int(run((sys.executable, "-c", _IMPORT_ALL), seconds=60)) > 50


# Set-up

_REFUSE_WORK = """
import dataclasses, pathlib, sys
from scripts import _setup

_setup.TOOLCHAIN = pathlib.Path(sys.argv[1])

def refuse(name):
    def work():
        raise _setup.SetupError(f"step {name!r} is not done: run `make setup` first")
    return work

_setup._STEPS = tuple(dataclasses.replace(step, work=refuse(step.name)) for step in _setup._STEPS)
_setup.main()
"""
"""Set-up on a copy of its stamps, with every step's work refused: were something not in place, the set-up itself would
tear down, under the tests, the environment that runs them."""


def test_setup__a_second_time__quick_and_changes_nothing(tmp_path: Path) -> None:
    for stamp in (ROOT / ".toolchain").glob("*.stamp"):
        (tmp_path / stamp.name).write_bytes(stamp.read_bytes())
    run((sys.executable, "-c", _REFUSE_WORK, tmp_path))
    before, started = _what_setup_makes(), time.monotonic()
    printed = run(("python3", "scripts/_setup.py"))
    assert time.monotonic() - started < QUICK_SECONDS
    assert printed == "setup: everything is in place\n"
    assert _what_setup_makes() == before


def _what_setup_makes() -> dict[str, int]:
    """When each file was last written, but for the lock that set-up takes."""
    folders = [
        (ROOT / ".toolchain", "**/*"),
        (BIN, "*"),
        (ROOT / "build" / "toolchain", "*"),
        (ROOT / "node_modules", "*"),
    ]
    files = [path for folder, pattern in folders for path in folder.glob(pattern) if path.name != "lock"]
    site = next((ROOT / ".venv" / "lib").glob("python*/site-packages"))
    files += [*site.glob("*.pth"), *site.glob("*.dist-info"), *ROOT.glob("*")]
    return {str(path): path.lstat().st_mtime_ns for path in files if path.name != "build"}
