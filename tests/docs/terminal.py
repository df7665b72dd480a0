"""A reader's terminal: a bash in the project's folder that runs a page's commands, one after the other.

It has a network of its own where the system allows that (`unshare`), so that the ports that pages name are always free,
and a home folder of its own. What keeps its terminal runs beside it until the terminal is closed.
"""

from __future__ import annotations

import itertools
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import psutil

from tests.docs.blocks import ROOT
from tests.integration.shadow import processes_in

COMMAND_SECONDS: Final = 600.0
STOP_SECONDS: Final = 60.0
TAIL_CHARS: Final = 4_000

_READY: Final = (
    (re.compile(r"anvil\b"), "Listening on"),
    (re.compile(r"make demo"), "Ctrl-C stops everything."),
    (re.compile(r"sbi\b"), "{"),
)
"""What a daemon has printed once it is at work: those of `sbi` log JSON."""


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class PageError(AssertionError):
    """What a page says is not so."""


class Terminal:
    """A bash that stays; each command's output, with its errors, is kept."""

    def __init__(self, project: Path, home: Path, *, offline: bool) -> None:
        self.project = project
        self._files = home / "terminal"
        self._files.mkdir(parents=True)
        self._numbers = itertools.count()
        self._daemons: dict[int, tuple[str, Path]] = {}
        self._is_open = False
        self._shell = subprocess.Popen(
            [*(_own_network() if offline else ()), "bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=project,
            env=_environment(home),
            start_new_session=True,
        )
        self._write("exec 3>&1\n")  # where the terminal tells how a command ended: its output goes elsewhere
        if offline and _own_network():
            self.run("ip link set lo up", echo=False)

    def begin(self) -> None:
        """Another window, in the project's folder: what a page before this one set is not set here."""
        if self._is_open:
            self._write("exit\n")
        self._is_open = True
        self._write("bash --noprofile --norc\n")

    def run(self, command: str, *, echo: bool = True) -> str:
        """Runs a command that must succeed; returns what it printed. Raises PageError."""
        number = next(self._numbers)
        script, log = self._files / f"{number}.sh", self._files / f"{number}.log"
        script.write_text(command + "\n", encoding="utf-8")
        if echo:
            print(f"$ {command}", flush=True)
        status = self._status(f"set -e -o pipefail; . {script} > {log} 2>&1 < /dev/null; set +e", number)
        printed = _COLOURS.sub("", log.read_text(encoding="utf-8", errors="replace"))
        if echo and printed:
            print(printed[-TAIL_CHARS:], flush=True)
        if status != 0:
            raise PageError(f"`{command}` failed with status {status}:\n{printed[-TAIL_CHARS:]}")
        self._require_daemons()
        return printed

    def stay(self, command: str) -> str:
        """Runs a command in a window of its own until it is at work; returns what it printed. Raises PageError."""
        number = next(self._numbers)
        log, pid_file = self._files / f"{number}.log", self._files / f"{number}.pid"
        print(f"$ {command}    (stays)", flush=True)
        script = self._files / f"{number}.sh"
        script.write_text(command + "\n", encoding="utf-8")
        log.touch()
        self._status(f"( . {script} ) > {log} 2>&1 3>&- < /dev/null & echo $! > {pid_file}", number)
        pid = int(pid_file.read_text())
        self._daemons[pid] = (command, log)
        sign = next(text for pattern, text in _READY if pattern.match(command))
        deadline = time.monotonic() + COMMAND_SECONDS
        while sign not in (printed := log.read_text(encoding="utf-8", errors="replace")):
            self._require_daemons()
            if time.monotonic() > deadline:
                raise PageError(f"`{command}`: waited in vain for {sign!r}:\n{printed[-TAIL_CHARS:]}")
            time.sleep(0.2)
        print(printed[-TAIL_CHARS:], flush=True)
        return printed

    def close(self) -> None:
        """Ends everything that was started here, the last first. Raises PageError if something does not end."""
        for pid in reversed(self._daemons):
            self._end(pid)
        if self._shell.poll() is None:
            os.killpg(self._shell.pid, signal.SIGTERM)
        psutil.wait_procs(self._group(), timeout=STOP_SECONDS)
        left = [*self._group(), *processes_in(self.project)]
        for process in left:
            process.kill()
        self._shell.wait(STOP_SECONDS)
        if left:
            raise PageError(f"left running: {[process.pid for process in left]}")

    def _end(self, pid: int) -> None:
        """Tells what runs in a daemon's window to stop, as Ctrl-C there would, and waits for it and what it started."""
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for each in [each for each in family if _group_of(each) == self._shell.pid]:
            with suppress(psutil.NoSuchProcess):
                each.terminate()
        psutil.wait_procs(family, timeout=STOP_SECONDS)

    def _group(self) -> list[psutil.Process]:
        return [each for each in psutil.process_iter() if _group_of(each) == self._shell.pid]

    def _require_daemons(self) -> None:
        for pid, (command, log) in self._daemons.items():
            if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                raise PageError(f"`{command}` ended by itself:\n{log.read_text(errors='replace')[-TAIL_CHARS:]}")

    def _status(self, line: str, number: int) -> int:
        self._write(f"trap 'echo @@{number} $? >&3' EXIT\n{line}\ntrap - EXIT\necho @@{number} 0 >&3\n")
        deadline = time.monotonic() + COMMAND_SECONDS
        for told in self._lines(deadline):
            if found := re.fullmatch(rf"@@{number} (\d+)", told.strip()):
                return int(found[1])
        raise PageError("the terminal has gone")

    def _lines(self, deadline: float) -> Iterator[str]:
        assert self._shell.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._shell.stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, deadline - time.monotonic())):
                line = _read_line(self._shell.stdout)
                if not line:
                    return
                yield line
        raise PageError(f"a command took more than {COMMAND_SECONDS:.0f} s")

    def _write(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text.encode())
        self._shell.stdin.flush()


def _read_line(stream: IO[bytes]) -> str:
    """A line, byte by byte: what a buffer held back could not be waited for."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(stream.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode(errors="replace")


def _group_of(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid) if process.status() != psutil.STATUS_ZOMBIE else 0
    except (ProcessLookupError, psutil.NoSuchProcess):
        return 0


def _own_network() -> tuple[str, ...]:
    """What starts a program with a network of its own; nothing where that is not allowed."""
    command = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--net")
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return command if tried.returncode == 0 else ()


def _environment(home: Path) -> dict[str, str]:
    """A reader's: nothing of the environment that runs the tests."""
    of_the_tests = str(ROOT / ".venv" / "bin")
    path = [part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != Path(of_the_tests)]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "SOLCX"))
    }
    return {**kept, "HOME": str(home), "PATH": os.pathsep.join(path), "COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1"}


@contextmanager
def opened(project: Path, home: Path, *, offline: bool) -> Iterator[Terminal]:
    """A terminal that is closed at the end, with all that runs in it."""
    terminal = Terminal(project, home, offline=offline)
    try:
        yield terminal
    finally:
        terminal.close()
