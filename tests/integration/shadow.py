"""What the integration tests share: a shadow of the project, free ports, and a look at which processes are left.

A shadow is a folder that looks like the project and links to it, but has a `build/` and deployment records of its own:
scripts run in it as their user runs them, and disturb no demo or record of the real folder.
"""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv" / "bin"
HOST = "127.0.0.1"
TAIL_CHARS = 3_000

_LINKED = ("ape-config.yaml", "ape_console_extras.py", "contracts", "node_modules", "oracles", "pyproject.toml")
_OWN_SCRIPTS = ("_deployments", "__pycache__")
_DEMO_OFFSETS = (0, 101, 102, 103, 104, 201, 202, 301)
"""Where the demo's processes listen, counted from `--port-base`."""

_BELOW_EPHEMERAL = range(20_000, 32_000)


def make_shadow(folder: Path) -> Path:
    """Makes `folder` a shadow of the project. What Ape compiled is shared, so that nothing is compiled twice."""
    scripts = folder / "scripts"
    scripts.mkdir(parents=True)
    (ROOT / ".build").mkdir(exist_ok=True)
    for name in (*_LINKED, ".build"):
        (folder / name).symlink_to(ROOT / name)
    for path in (ROOT / "scripts").iterdir():
        if path.name not in _OWN_SCRIPTS:
            (scripts / path.name).symlink_to(path)
    return folder.resolve()


def free_port_base() -> int:
    """A base from which on every port of a demo is free."""
    for base in random.sample(_BELOW_EPHEMERAL, 100):
        if all(_is_free(base + offset) for offset in _DEMO_OFFSETS):
            return base
    raise AssertionError("no free ports: a hundred bases tried")


def free_port() -> int:
    """A port that nobody listens on."""
    return free_port_base()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def processes_in(folder: Path) -> list[psutil.Process]:
    """The processes that work in a folder, however they were started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == folder:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until(what: str, ready: Callable[[], bool], seconds: float) -> None:
    """Waits for a condition; fails the test when it does not come in time."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.1)


@contextmanager
def anvil(folder: Path, *flags: str) -> Iterator[str]:
    """The URL of an Anvil of its own, with these flags beside the usual, which ends with the block."""
    port = free_port()
    with (folder / "anvil.log").open("wb") as log:
        command: list[str | Path] = [BIN / "anvil", "--host", HOST, "--port", str(port), "--hardfork", "prague", *flags]
        node = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    try:
        wait_until(f"Anvil on port {port}", lambda: not _is_free(port), 30)
        yield f"http://{HOST}:{port}"
    finally:
        node.terminate()
        node.wait(10)


def run(command: Sequence[str | Path], folder: Path = ROOT, *, seconds: float = 120, **options: Any) -> str:
    """Runs a command that must succeed; returns what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command[:3]))}: status {done.returncode}\n{_tail(done)}"
    return str(done.stdout)


def deploy(rpc_url: str, folder: Path) -> None:
    """Deploys the suite by the recipe `local`, as a script does: compiling included, should sources have changed."""
    at = ("--network", f"ethereum:local:{rpc_url}", "--account", "TEST::0")
    run((BIN / "ape", "run", "deploy", *at, "--recipe", "local", "--yes"), folder, seconds=600)


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr)[-TAIL_CHARS:]
