"""Sets the project up inside its own folder: `make setup`, or `python3 scripts/_setup.py`.

Needs Python 3.11, Node 20 and a connection to the package registries the first time. Each step leaves a stamp with the
hash of what it was made from: a second run finds the stamps and does nothing; a step that was interrupted left none.
Only the standard library is used: this runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TOOLCHAIN = ROOT / ".toolchain"
SOLCX = TOOLCHAIN / "solcx"
FORGE_SETTINGS = ROOT / "build" / "toolchain" / "foundry.toml"
NODE_MODULES = ROOT / "node_modules"

BUILD_TOOLS = ("setuptools", "wheel")
FOUNDRY_TOOLS = ("anvil", "forge", "cast")
LEAST_PYTHON = (3, 11)
LAST_PYTHON = (3, 12)  # newer ones have no wheel of the NumPy that Ape asks for
LEAST_NODE = (20, 0)
DOWNLOAD_SECONDS = 60
LOG_TAIL_LINES = 20


# The open lock, handed to every command that is run: the lock is held until the last of them ends.
_HELD: list[int] = []


class SetupError(RuntimeError):
    """Set-up cannot go on; the text says what was found and what is needed."""


def main() -> None:
    """Every step, in order."""
    started = time.monotonic()
    try:
        with _alone():
            _check_tools()
            redone = False
            for step in _STEPS:
                redone = _done_again(step, forced=redone)
    except SetupError as error:
        sys.exit(f"setup: {error}")
    if redone:
        _say(f"ready in {time.monotonic() - started:.0f} s")
    else:
        _say("everything is in place")


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Two set-ups of one folder wait for each other; also for what a killed one left running (see `_run`)."""
    TOOLCHAIN.mkdir(exist_ok=True)
    with (TOOLCHAIN / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another set-up is at work here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        _HELD.append(lock.fileno())
        yield


def _check_tools() -> None:
    found = sys.version_info[:2]
    if not LEAST_PYTHON <= found <= LAST_PYTHON:
        versions = " to ".join(".".join(map(str, version)) for version in (LEAST_PYTHON, LAST_PYTHON))
        raise SetupError(f"Python {versions} is needed, this is {sys.version.split()[0]}: {sys.executable}")
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise SetupError(f"`{tool}` is not on the PATH; Node.js {LEAST_NODE[0]} or newer is needed")
    text = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    match = re.fullmatch(r"v(\d+)\.(\d+).*", text)
    if match is None or (int(match[1]), int(match[2])) < LEAST_NODE:
        raise SetupError(f"Node.js {LEAST_NODE[0]} or newer is needed, `node --version` says {text}")


@dataclass(frozen=True)
class Step:
    """Work that makes `output` from `sources`."""

    name: str
    sources: tuple[str, ...]
    output: Path
    work: Callable[[], None]


def _done_again(step: Step, *, forced: bool) -> bool:
    """Does a step unless its output and a stamp say that it was done from these very sources. True if it was done.

    A step that was done forces those after it: they build on it.
    """
    stamp = TOOLCHAIN / f"{step.name}.stamp"
    digest = hashlib.sha256(f"{ROOT} {sys.version} {platform.system()} {platform.machine()}".encode())
    for source in (*step.sources, "scripts/_setup.py"):
        digest.update((ROOT / source).read_bytes())
    made = stamp.is_file() and stamp.read_text() == digest.hexdigest() and step.output.exists()
    if made and not forced:
        return False
    stamp.unlink(missing_ok=True)
    step.work()
    stamp.write_text(digest.hexdigest())
    return True


def _run(*command: str | Path) -> None:
    """Runs a command; what it prints goes to a log, whose end is shown if the command fails."""
    log = TOOLCHAIN / "setup.log"
    with log.open("w") as sink:
        done = subprocess.run(
            [str(part) for part in command], cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, pass_fds=_HELD
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        raise SetupError(f"`{Path(command[0]).name} …` failed with status {done.returncode}:\n{tail}")


def _install_python() -> None:
    _say("making .venv and installing the locked Python packages (a minute or two)")
    venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(VENV)
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--no-deps")
    locked = (*pip, "--require-hashes", "--no-build-isolation", "-r")
    # Some packages come as source: what builds them comes from the lock too, and first.
    tools = TOOLCHAIN / "build-tools.txt"
    tools.write_text("".join(_locked(name) for name in BUILD_TOOLS))
    _run(*locked, tools)
    _run(*locked, ROOT / "requirements.lock")
    _run(*pip, "--no-build-isolation", "--no-index", "--editable", ROOT)


def _locked(name: str) -> str:
    """A package's lines in the lock: version and hashes."""
    lock = (ROOT / "requirements.lock").read_text()
    entry = re.search(rf"^{re.escape(name)}==.*\n(?:    --hash=.*\n)+", lock, re.MULTILINE)
    if entry is None:
        raise SetupError(f"requirements.lock does not hold {name}")
    return entry[0]


def _install_node() -> None:
    _say("installing the locked npm packages")
    _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def _link_foundry() -> None:
    """The native binaries into the environment: the npm launchers exit 0 when forge tests fail."""
    _say("linking the native Foundry tools into .venv/bin")
    for tool in FOUNDRY_TOOLS:
        found = sorted((NODE_MODULES / "@foundry-rs").glob(f"{tool}-*/bin/{tool}*"))
        if not found:
            raise SetupError(f"npm installed no native `{tool}` for {platform.platform()}")
        link = VENV / "bin" / tool
        link.unlink(missing_ok=True)
        link.symlink_to(found[0])
        _run(link, "--version")


def _install_solc() -> None:
    """py-solc-x's native compiler where it can be downloaded, the npm compiler behind a launcher elsewhere."""
    version = _compiler_settings()["version"]
    SOLCX.mkdir(parents=True, exist_ok=True)
    target = SOLCX / f"solc-v{version}"
    target.unlink(missing_ok=True)
    if _download_solc(version) and target.is_file():
        _say(f"downloaded the native Solidity compiler {version}")
    else:
        script = ROOT / "scripts" / "_solc" / "solc.js"
        target.write_text(f'#!/bin/sh\nNODE_PATH="{NODE_MODULES}" exec node "{script}" "$@"\n')
        target.chmod(0o755)
        _say(f"no native Solidity compiler to be had; the npm one ({version}) serves")
    _write_environment()


def _download_solc(version: str) -> bool:
    code = "import sys, solcx; solcx.install_solc(sys.argv[1], show_progress=False)"
    try:
        subprocess.run(
            [PYTHON, "-c", code, version],
            check=True,
            capture_output=True,
            timeout=DOWNLOAD_SECONDS,
            env={**os.environ, "SOLCX_BINARY_PATH": str(SOLCX)},
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False
    return True


def _write_environment() -> None:
    """Every Python of the environment finds compiler and Foundry tools, activated or not."""
    site = next((VENV / "lib").glob("python*/site-packages"))
    path = f"{VENV / 'bin'}{os.pathsep}"
    line = (
        f"import os; os.environ.setdefault('SOLCX_BINARY_PATH', {str(SOLCX)!r}); "
        f"search = os.environ.get('PATH', os.defpath); "
        f"search.startswith({path!r}) or os.environ.update(PATH={path!r} + search)\n"
    )
    (site / "sbi_toolchain.pth").write_text(line)


def _write_forge_settings() -> None:
    settings = _compiler_settings()
    FORGE_SETTINGS.parent.mkdir(parents=True, exist_ok=True)
    FORGE_SETTINGS.write_text(
        "# Written by set-up from ape-config.yaml; change it there.\n"
        "[profile.default]\n"
        f'solc = "{SOLCX}/solc-v{settings["version"]}"\n'
        f'evm_version = "{settings["evm_version"]}"\n'
        "optimizer = true\n"
        f"optimizer_runs = {settings['optimization_runs']}\n"
        f"via_ir = {settings['via_ir']}\n"
    )


def _compiler_settings() -> dict[str, str]:
    """The `solidity:` section of ape-config.yaml; flat keys, read without a YAML library."""
    text = (ROOT / "ape-config.yaml").read_text()
    section = re.search(r"^solidity:\n((?:[ \t]+.*\n|\n)+)", text, re.MULTILINE)
    if section is None:
        raise SetupError("ape-config.yaml has no section `solidity:`")
    settings = dict(re.findall(r"^  (\w+): *([\w.]+) *$", section[1], re.MULTILINE))
    for key in ("version", "evm_version", "optimization_runs", "via_ir"):
        if key not in settings:
            raise SetupError(f"ape-config.yaml: solidity.{key} is missing")
    return settings


_STEPS = (
    Step("python", ("requirements.lock", "pyproject.toml"), VENV / "bin" / "sbi", _install_python),
    Step("node", ("package.json", "package-lock.json"), NODE_MODULES / ".package-lock.json", _install_node),
    Step("foundry", ("package-lock.json",), VENV / "bin" / "forge", _link_foundry),
    Step("solc", ("ape-config.yaml", "scripts/_solc/solc.js"), SOLCX, _install_solc),
    Step("forge", ("ape-config.yaml",), FORGE_SETTINGS, _write_forge_settings),
)


if __name__ == "__main__":
    main()
