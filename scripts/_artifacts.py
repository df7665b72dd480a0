"""What the compiler makes of the suite: one standard-JSON input for all of it, and what came out.

Sources are named as their imports name them, never by where they lie on a disk: the compiler puts their names into the
code's metadata, and so the same sources give the same code, to the byte, on every machine. What is deployed is this
code, and the input is what source verification services are given.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import solcx
import yaml
from eth_abi.abi import encode
from eth_utils.abi import collapse_if_tuple, function_abi_to_4byte_selector

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "artifacts"
"""Not in `.build`, which Ape empties when it compiles."""

_PACKAGES = {"@openzeppelin/": ROOT / "node_modules" / "@openzeppelin"}
_IMPORT = re.compile(r'^\s*import\s+(?:[^"\';]*\sfrom\s+)?["\']([^"\']+)["\']', re.MULTILINE)
_OUTPUTS = (
    "abi",
    "devdoc",
    "userdoc",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
)


class CompilationError(RuntimeError):
    """The compiler would not have the sources; says what it said."""


@dataclass(frozen=True)
class Artifact:
    """One compiled contract. `immutables` are the spans (start, length) of its code that its constructor fills in."""

    name: str
    source: str
    abi: list[dict[str, Any]]
    devdoc: dict[str, Any]
    userdoc: dict[str, Any]
    initcode: bytes
    code: bytes
    immutables: tuple[tuple[int, int], ...]

    @property
    def qualified_name(self) -> str:
        """As verification services name it: `contracts/SBIToken.sol:SBIToken`."""
        return f"{self.source}:{self.name}"

    def creation(self, arguments: Sequence[Any]) -> bytes:
        """The data of the transaction that creates it. Raises `EncodingError` for arguments that do not fit."""
        return self.initcode + self.constructor_arguments(arguments)

    def constructor_arguments(self, arguments: Sequence[Any]) -> bytes:
        """The encoded arguments alone. Raises `EncodingError`."""
        constructor: dict[str, Any] = next((item for item in self.abi if item["type"] == "constructor"), {"inputs": []})
        return _encoded(constructor["inputs"], arguments)

    def call(self, function: str, arguments: Sequence[Any]) -> bytes:
        """The data of a call. Raises `EncodingError`, and KeyError for a function that it does not have."""
        item = next((i for i in self.abi if i["type"] == "function" and i["name"] == function), None)
        if item is None:
            raise KeyError(f"{self.name} has no function {function}")
        return bytes(function_abi_to_4byte_selector(item)) + _encoded(item["inputs"], arguments)  # type: ignore[arg-type]

    def masked(self, code: bytes) -> bytes:
        """Code with zeros where immutables lie."""
        blank = bytearray(code)
        for start, length in self.immutables:
            blank[start : start + length] = bytes(len(blank[start : start + length]))
        return bytes(blank)

    def matches(self, code: bytes) -> bool:
        """Whether code on a chain is this contract's, its immutables aside."""
        return self.masked(code) == self.masked(self.code)


@dataclass(frozen=True)
class Compiled:
    """Every contract of the suite, and the input that it was compiled from."""

    compiler: str
    settings: dict[str, Any]
    standard_input: bytes
    contracts: dict[str, Artifact]

    @property
    def digest(self) -> str:
        """SHA-256 of the input: the sources and the settings, whatever the machine."""
        return hashlib.sha256(self.standard_input).hexdigest()

    def __getitem__(self, contract: str) -> Artifact:
        try:
            return self.contracts[contract]
        except KeyError:
            known = ", ".join(sorted(self.contracts))
            raise CompilationError(f"expected a contract of the suite, one of {known}; given {contract}") from None


def compile_suite() -> Compiled:
    """What the sources give now. The first call after a change takes the compiler's time, later ones none."""
    return _compiled(standard_input(_settings()))


def standard_input(configured: dict[str, Any], root: Path = ROOT) -> bytes:
    """The compiler's input, as bytes that depend on nothing but sources and settings."""
    settings = {
        "optimizer": {"enabled": True, "runs": configured["optimization_runs"]},
        "evmVersion": configured["evm_version"],
        "viaIR": configured["via_ir"],
        "outputSelection": {"*": {"*": list(_OUTPUTS)}},
    }
    sources = {name: {"content": text} for name, text in sorted(_sources(root).items())}
    whole = {"language": "Solidity", "sources": sources, "settings": settings}
    return (json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def compiler_version() -> str:
    """The long version, with the commit, as verification services want it."""
    return _compiler_version(str(_settings()["version"]))


def _settings() -> dict[str, Any]:
    """The `solidity:` section of ape-config.yaml: the one home of the compiler's settings."""
    section: dict[str, Any] = yaml.safe_load((ROOT / "ape-config.yaml").read_bytes())["solidity"]
    return section


def _sources(root: Path) -> dict[str, str]:
    """Contracts and everything they import, by the names that imports give them."""
    folder = root / "contracts"
    found: dict[str, str] = {}
    open_ends = [
        path.relative_to(root).as_posix() for path in sorted(folder.rglob("*.sol")) if "mocks" not in path.parts
    ]
    while open_ends:
        name = open_ends.pop()
        if name not in found:
            found[name] = _where(root, name).read_text(encoding="utf-8")
            open_ends += [_resolved(name, target) for target in _IMPORT.findall(found[name])]
    return found


def _resolved(importer: str, target: str) -> str:
    if target.startswith("."):
        return posixpath.normpath(posixpath.join(posixpath.dirname(importer), target))
    return target


def _where(root: Path, name: str) -> Path:
    for prefix, folder in _PACKAGES.items():
        if name.startswith(prefix):
            return folder / name.removeprefix(prefix)
    return root / name


@cache
def _compiler_version(version: str) -> str:
    told = subprocess.run([_compiler(version), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Version: (\d+\.\d+\.\d+\+commit\.[0-9a-f]+)", told)
    if found is None:
        raise CompilationError(f"expected a Solidity compiler's version, given {told.strip()!r}")
    return found[1]


def _compiler(version: str) -> str:
    return str(solcx.install.get_executable(version))


@cache
def _compiled(given: bytes) -> Compiled:
    configured = _settings()
    version = _compiler_version(str(configured["version"]))
    kept = CACHE / f"suite-{hashlib.sha256(given + version.encode()).hexdigest()[:24]}.json"
    if not kept.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        for older in CACHE.glob("suite-*.json"):
            older.unlink(missing_ok=True)
        fresh = kept.with_suffix(".part")
        fresh.write_text(json.dumps(compile_input(given)), encoding="utf-8")
        fresh.replace(kept)
    output = json.loads(kept.read_bytes())
    settings = json.loads(given)["settings"]
    settings.pop("outputSelection")
    contracts = {
        name: _artifact(source, name, made)
        for source, by_name in output["contracts"].items()
        for name, made in by_name.items()
        if source.startswith("contracts/") and made["evm"]["bytecode"]["object"]
    }
    return Compiled(version, settings, given, contracts)


def compile_input(given: bytes) -> dict[str, Any]:
    """What the compiler answers to a standard-JSON input. Raises CompilationError with its errors."""
    command = [_compiler(str(_settings()["version"])), "--standard-json"]
    done = subprocess.run(command, input=given, capture_output=True, check=False, cwd=CACHE)
    if done.returncode != 0:
        raise CompilationError(done.stderr.decode(errors="replace").strip())
    output: dict[str, Any] = json.loads(done.stdout)
    errors = [fault["formattedMessage"] for fault in output.get("errors", []) if fault["severity"] == "error"]
    if errors:
        raise CompilationError("\n".join(errors))
    return output


def _artifact(source: str, name: str, made: dict[str, Any]) -> Artifact:
    deployed = made["evm"]["deployedBytecode"]
    spans = sorted(
        (span["start"], span["length"]) for each in deployed["immutableReferences"].values() for span in each
    )
    return Artifact(
        name,
        source,
        made["abi"],
        made["devdoc"],
        made["userdoc"],
        bytes.fromhex(made["evm"]["bytecode"]["object"]),
        bytes.fromhex(deployed["object"]),
        tuple(spans),
    )


def _encoded(inputs: Sequence[Any], arguments: Sequence[Any]) -> bytes:
    return encode([collapse_if_tuple(each) for each in inputs], list(arguments))
