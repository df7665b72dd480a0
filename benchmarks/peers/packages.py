"""The peers' packages from npm: their published bytecode, or their sources compiled as they say.

`package.json` beside this file pins each version, its lock the hashes. What the packages themselves depend on is
replaced there by one small package: contracts need none of it, and npm cannot get all of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from scripts._tools import ROOT, TOOLS, node_tool

HERE: Final = Path(__file__).parent
LAUNCHER: Final = ROOT / "scripts" / "_solc" / "solc.js"
OURS: Final = "0.8.35"
"""Our own compiler: for libraries of sources alone, which say no version."""

_NODE: Final = shutil.which("node") or "node"
_IMPORT: Final = re.compile(r"""^\s*import\s[^;]*?["']([^"']+)["']\s*;""", re.MULTILINE)
_VERSIONED: Final = re.compile(r"^(@openzeppelin/contracts)@([\d.]+)")
"""How Chainlink's sources name the versions that they mean; its package.json has them as `contracts-<version>`."""
_UNLINKED: Final = re.compile(r"__\$[0-9a-f]{34}\$__")


Links: TypeAlias = Mapping[str, Mapping[str, list[dict[str, int]]]]
"""Where a library's address goes, in bytes, by file and library."""


@dataclass(frozen=True)
class Built:
    """A contract that can be deployed: its ABI, and its code with what is left to be linked."""

    abi: list[dict[str, Any]]
    creation: str
    links: Links | None = None


@cache
def modules() -> Path:
    """The folder of the installed packages."""
    return node_tool(HERE)


def version(package: str) -> str:
    """The version that is installed."""
    return str(json.loads((modules() / package / "package.json").read_text(encoding="utf-8"))["version"])


def published(path: str) -> Built:
    """An artifact of Hardhat or Waffle in a package, with its bytecode as it was published."""
    artifact = json.loads((modules() / path).read_text(encoding="utf-8"))
    return Built(artifact["abi"], artifact["bytecode"].removeprefix("0x"), artifact.get("linkReferences"))


def published_factory(path: str) -> Built:
    """A contract in a factory of TypeChain: JavaScript that holds its ABI and its bytecode as it was published."""
    code = f"const f = Object.values(require({json.dumps(str(modules() / path))}))[0]; "
    # What the factory is derived from is of no use here, and not installed.
    stub = (
        "const M = require('module'), load = M._load; "
        "M._load = (n, ...r) => n === 'ethers' ? { ContractFactory: class {} } : load(n, ...r); "
    )
    script = stub + code + "console.log(JSON.stringify([f.abi, f.bytecode]))"
    done = subprocess.run([_NODE, "-e", script], check=True, capture_output=True, text=True)
    abi, bytecode = json.loads(done.stdout)
    return Built(abi, bytecode.removeprefix("0x"))


def compiled(entry: str, compiler: str, settings: Mapping[str, Any]) -> dict[str, Built]:
    """The contracts of one source, named from the packages' folder or ours, by name. Raises on any compiler error.

    What a compiler answered is kept: the same sources are not compiled again.
    """
    sources = {name: {"content": content} for name, content in _sources(entry)}
    chosen = {"outputSelection": {entry: {"*": ["abi", "evm.bytecode"]}}, **settings}
    task = json.dumps({"language": "Solidity", "sources": sources, "settings": chosen})
    kept = TOOLS / "peers" / "built" / f"{hashlib.sha256(f'{compiler} {task}'.encode()).hexdigest()[:24]}.json"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        fresh = kept.with_suffix(".part")
        fresh.write_text(_compile(entry, compiler, task), encoding="utf-8")
        fresh.replace(kept)
    answer = json.loads(kept.read_text(encoding="utf-8"))
    return {
        name: Built(found["abi"], found["evm"]["bytecode"]["object"], found["evm"]["bytecode"]["linkReferences"])
        for name, found in answer["contracts"][entry].items()
    }


def _compile(entry: str, compiler: str, task: str) -> str:
    command = [_NODE, str(_launcher(compiler)), "--standard-json"]
    answer = subprocess.run(command, input=task, check=True, capture_output=True, text=True).stdout
    errors = [fault for fault in json.loads(answer).get("errors", ()) if fault["severity"] == "error"]
    if errors:
        raise RuntimeError(f"{entry} does not compile with {compiler}: {errors[0]['formattedMessage']}")
    return answer


def _launcher(compiler: str) -> Path:
    """The project's launcher of the compiler, where it finds that version of it."""
    if compiler == OURS:
        return LAUNCHER
    place = TOOLS / "peers" / "compilers" / compiler
    (place / "node_modules").mkdir(parents=True, exist_ok=True)
    link = place / "node_modules" / "solc"
    if not link.exists():
        link.symlink_to(modules() / f"solc-{compiler}")
    return Path(shutil.copy(LAUNCHER, place))


def _sources(entry: str) -> Iterator[tuple[str, str]]:
    """A source and all it imports, each once."""
    waiting, seen = [entry], {entry}
    while waiting:
        name = waiting.pop()
        here = HERE / "contracts" / name
        there = modules() / _VERSIONED.sub(r"\1-\2", name)
        content = (here if here.is_file() else there).read_text(encoding="utf-8")
        yield name, content
        for found in _IMPORT.findall(content):
            target = os.path.normpath(Path(name).parent / found) if found.startswith(".") else found
            if target not in seen:
                seen.add(target)
                waiting.append(target)


def linked(code: str, links: Links | None, at: Mapping[str, str]) -> str:
    """Code with the addresses of the libraries that it calls. Raises KeyError for one that has none."""
    for library, places in ((name, places) for file in (links or {}).values() for name, places in file.items()):
        address = at[library].removeprefix("0x").lower()
        for place in places:
            start = 2 * place["start"]
            code = code[:start] + address + code[start + 2 * place["length"] :]
    if _UNLINKED.search(code):
        raise ValueError("the code has a library that its artifact does not name")
    return code
