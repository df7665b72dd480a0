"""A demo as its user runs it, for tests: in a shadow of the project, looked at from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.integration.shadow import processes_in

STOP_SECONDS = 30.0
RUN_SECONDS = 300.0
PROCESSES = {"anvil", "meter-0", "meter-1", "meter-2", "oracle-0", "oracle-1", "oracle-2", "oracle-3"}


class Demo:
    """A demo that runs in a folder of its own; what it prints goes to a file."""

    def __init__(self, folder: Path, port_base: int, *flags: str) -> None:
        self.folder = folder
        self.log = folder / "demo.log"
        command = [sys.executable, "-m", "scripts.demo", "--port-base", str(port_base), *flags]
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT
            )

    @property
    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def started(self) -> bool:
        """Whether the last of its processes has begun to log. Fails the test if the demo ended."""
        assert self.process.poll() is None, self.printed
        logs = self.folder / "build" / "demo" / "logs"
        return {path.stem for path in logs.glob("*.log")} == PROCESSES

    def child(self, name: str) -> psutil.Process:
        """One of its processes, by the configuration that it runs with."""
        (found,) = [each for each in processes_in(self.folder) if f"/{name}/" in " ".join(each.cmdline())]
        return found

    def end(self, seconds: float = STOP_SECONDS) -> int:
        """Waits for its end; its status."""
        return self.process.wait(seconds)

    def left_behind(self) -> list[list[str]]:
        """The command lines of what still runs in its folder."""
        return [each.cmdline() for each in processes_in(self.folder)]


@contextmanager
def running_demo(folder: Path, port_base: int, *flags: str) -> Iterator[Demo]:
    """A demo that has been started; whatever of it still runs at the end is killed."""
    demo = Demo(folder, port_base, *flags)
    try:
        yield demo
    finally:
        for process in processes_in(folder):
            process.kill()
        demo.process.wait(STOP_SECONDS)
