"""The demo's processes: started, watched, and gone when the demo is, whatever ends it."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, TracebackType

STOP_SECONDS = 5.0
POLL_SECONDS = 0.2
LOG_TAIL_LINES = 12

_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, being stopped from outside, a terminal that closes: all of them mean to clean up and end."""


class DemoError(RuntimeError):
    """The demo cannot go on; the text says why, for a person."""


class Process:
    """One child process with its own log file, in its own process group."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path) -> None:
        self.name = name
        self.log = log
        self.stopped = False
        with log.open("wb") as sink:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._child.poll()

    def stop(self) -> None:
        """Asks it to end, then ends it."""
        self.stopped = True
        if self.exit_status is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def last_lines(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])


class Processes:
    """All of them. Leaving the context stops every one, the last started first.

    An interruption raises KeyboardInterrupt, but never while a process is being started or while all are being stopped:
    there it would leave one behind that nobody knows of.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, Process] = {}
        self._interrupted = False
        self._undisturbed = False

    def __enter__(self) -> Processes:
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in _INTERRUPTIONS:
            signal.signal(number, self._on_interruption)
        return self

    def _on_interruption(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        if not self._undisturbed:
            raise KeyboardInterrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undisturbed = True
        for process in reversed(list(self._running.values())):
            process.stop()

    def start(self, name: str, command: Sequence[str | Path]) -> Process:
        """Starts a process; its log is `<folder>/<name>.log`."""
        self._undisturbed = True
        try:
            process = Process(name, command, self._folder / f"{name}.log")
            self._running[name] = process
        finally:
            self._undisturbed = False
        if self._interrupted:
            raise KeyboardInterrupt
        return process

    def check(self) -> None:
        """Raises if a process that was not told to stop has ended."""
        for process in self._running.values():
            if process.exit_status is not None and not process.stopped:
                raise DemoError(
                    f"{process.name} ended by itself with status {process.exit_status}; "
                    f"the end of {process.log}:\n{process.last_lines()}"
                )

    def wait_until(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Waits for a condition while all processes live. Raises when it does not come in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(POLL_SECONDS)


def require_free_ports(host: str, ports: Sequence[int]) -> None:
    """Raises with every port that somebody else listens on."""
    taken = []
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                taken.append(port)
    if taken:
        listed = ", ".join(map(str, taken))
        raise DemoError(f"in use on {host}: port {listed}. Stop what listens there, or choose others with --port-base")


def answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False
