"""A temporary cluster of Debian's `postgresql`: a folder and a port of its own, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.integration.shadow import HOST, free_port


def _programs() -> Path | None:
    """Where the newest version's programs are: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


POSTGRES: Final = _programs()
"""The folder of its programs; None where it is not installed."""

_USER: Final = "postgres"


@contextmanager
def temporary_cluster(folder: Path) -> Iterator[str]:
    """The URL of a database in a cluster that listens on this machine alone."""
    assert POSTGRES is not None
    # Not in pytest's own folder, which others than its owner cannot enter: the server does not run as root.
    with tempfile.TemporaryDirectory(prefix="sbi-postgres-") as name:
        home, port = Path(name), free_port()
        _give_away(home)
        _run("initdb", "-D", str(home / "data"), "-A", "trust", "-U", "sbi", "--no-sync")
        flags = f"-h {HOST} -p {port} -k {home} -c fsync=off"
        _run("pg_ctl", "-D", str(home / "data"), "-w", "-l", str(home / "log"), "-o", flags, "start")
        try:
            yield f"postgresql://sbi@{HOST}:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", str(home / "data"), "-m", "immediate", "stop")


def _give_away(folder: Path) -> None:
    if os.getuid() == 0:
        owner = pwd.getpwnam(_USER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)


def _run(program: str, *arguments: str) -> None:
    assert POSTGRES is not None
    user = _USER if os.getuid() == 0 else None
    command = [str(POSTGRES / program), *arguments]
    done = subprocess.run(
        command,
        user=user,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
