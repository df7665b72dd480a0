"""The npm compiler as a process that stays: a mutant then costs one compilation and no start of the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts._tools import ROOT

from tests.assurance import LOCKS

# What forge takes for the compiler. It reads nothing of the environment and no packages: it runs twice for each mutant.
LAUNCHER = """#!{python} -ISE
import os, socket, sys
os.chdir({place!r})
with socket.socket(socket.AF_UNIX) as server:
    server.connect("socket")
    if "--version" in sys.argv:
        server.sendall(b"version\\n")
    else:
        server.sendall(b"compile\\n")
        server.sendall(sys.stdin.buffer.read())
    server.shutdown(socket.SHUT_WR)
    while part := server.recv(1 << 20):
        sys.stdout.buffer.write(part)
"""


class Compiler:
    """A compiler that is running while it is needed; `launcher` stands for it."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.launcher = place / "solc"
        self._process: subprocess.Popen[str] | None = None

    def ensure(self) -> None:
        """Starts it, or starts it again if it broke."""
        if self._process is not None and self._process.poll() is None:
            return
        self._place.mkdir(parents=True, exist_ok=True)
        (self._place / "socket").unlink(missing_ok=True)
        # A socket's path holds a hundred bytes: both sides name it from the folder that it is in.
        self._process = subprocess.Popen(
            ("node", str(LOCKS / "solc_server.js"), "socket"),
            cwd=self._place,
            env={**os.environ, "NODE_PATH": str(ROOT / "node_modules")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise OSError(f"the compiler did not start: status {self._process.wait()}")
        self.launcher.write_text(LAUNCHER.format(python=sys.executable, place=str(self._place)), encoding="utf-8")
        self.launcher.chmod(0o755)

    def stop(self) -> None:
        """Ends it, if it runs. It ends with the program too: then nobody holds its input open."""
        if self._process is not None:
            self._process.communicate()
