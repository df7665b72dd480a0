"""Processes whose JSON logs are read as they are written; all end with the block."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'oracles'}{os.pathsep}{REPOSITORY}"}
"""This tree's package, wherever the processes are started."""

_LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_LOCAL_PORT = 32_768
_LOWEST_PORT = 10_000
_given: set[int] = set()


class Child:
    """One process. Its standard error goes through a pipe: a limit on the size of its files does not meet its log."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.started_at = time.time()
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._text: list[str] = []
        self._log = (folder / f"{name}.log").open("a")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**ENVIRONMENT, **environment},
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name=f"log of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def tail(self) -> str:
        return "".join(self._text[-20:])

    def has_told(self, event: str, since: float = 0.0, **fields: Any) -> bool:
        """Whether its log has such a line."""
        return self.when_told(event, since, **fields) is not None

    def when_told(self, event: str, since: float = 0.0, **fields: Any) -> float | None:
        """When the first such line of its log was read."""
        for at, line in list(self.events):
            if at >= since and line.get("event") == event and fields.items() <= line.items():
                return at
        return None

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`, and wait for its end."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join(5)

    def end(self, seconds: float = 10) -> int:
        """Ask it to end; its status."""
        self.signal(signal.SIGTERM)
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL
        finally:
            self._reader.join(5)
            self._log.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._text.append(line)
            del self._text[:-200]
            if not self._log.closed:
                self._log.write(line)
                self._log.flush()
            if line.startswith("{"):
                with suppress(ValueError):
                    self.events.append((time.time(), json.loads(line)))


class Children:
    """All processes of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[Child] = []

    def __enter__(self) -> Children:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *exception: object) -> None:
        for child in self._started:
            child.signal(signal.SIGTERM)
        for child in reversed(self._started):
            child.end()

    def start(self, name: str, *command: str, **environment: str) -> Child:
        child = Child(name, command, self.folder, environment)
        self._started.append(child)
        return child

    def sbi(self, name: str, *arguments: str, **environment: str) -> Child:
        """`sbi` with this tree's code."""
        return self.start(name, sys.executable, "-m", "sbi_network.cli", *arguments, **environment)


def slowness(idle_seconds: float = 2.0) -> int:
    """How many times slower than an idle machine this one is now, 1 to 8: by what loading an oracle's code takes."""
    command = [sys.executable, "-c", "import sbi_network.oracle.process"]
    began = time.monotonic()
    subprocess.run(command, env=ENVIRONMENT, check=True)
    return min(8, max(1, round((time.monotonic() - began) / idle_seconds)))


def free_port() -> int:
    """A port that nobody listens on, nor gets for a connection of his own while its process is down."""
    lowest = int(_LOCAL_PORTS.read_text().split()[0]) if _LOCAL_PORTS.exists() else _LOWEST_LOCAL_PORT
    for port in random.sample(range(_LOWEST_PORT, lowest), 200):
        with socket.socket() as listening, suppress(OSError):
            listening.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port
    raise RuntimeError(f"no free port from {_LOWEST_PORT} to {lowest}")


def until(what: str, is_so: Callable[[], object], seconds: float) -> float:
    """Wait for something; how long that took. Raises TimeoutError."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.25)
    return time.monotonic() - began
