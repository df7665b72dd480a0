"""One process at a time for a state file or a key file.

A lock of the kernel (flock): gone with the process, however that ends. It needs a local file system.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sbi_network.chain.errors import LockedError


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is not there. Raises LockedError where another process has it."""
    # A file that is there may lie where nothing can be made: keystores often do.
    making = 0 if path.exists() else os.O_CREAT
    try:
        # Never closed while SQLite has the file open in this block: closing would give up SQLite's own locks.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | making, 0o600)
    except OSError as error:
        raise LockedError(f"{what}: {path} cannot be opened ({error.strerror})") from None
    try:
        _take(file, path, what)
        yield
    finally:
        os.close(file)


def _take(file: int, path: Path, what: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise LockedError(f"{what}: another process uses {path}") from None
        raise LockedError(f"{what}: {path} cannot be locked ({error.strerror}); it needs a local file system") from None
