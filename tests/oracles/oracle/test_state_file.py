"""Files of an oracle.

open      ├── another oracle's, another version's, no database, cut short → OracleStateError, unchanged
locked    └── a second process → refused; after the first one's end → not
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sbi_network.chain.errors import LockedError
from sbi_network.chain.locking import locked
from sbi_network.oracle.errors import OracleStateError
from tests.oracles.oracle.simulated import archive_of, guard_of, oracle_key

HOLD = """
import sys, time
from pathlib import Path
from sbi_network.chain.locking import locked
with locked(Path(sys.argv[1]), "state file"):
    print("held", flush=True)
    time.sleep(60)
"""


def _damaged(path: Path) -> dict[str, bytes]:
    guard = guard_of(oracle_key(0), path)
    with guard.transaction() as db:
        rows = [(bytes(32), 7, view, bytes(32)) for view in range(200)]
        db.executemany("INSERT INTO reports VALUES (?, ?, ?, ?)", rows)
    guard.close()
    whole = path.read_bytes()
    half = whole[: len(whole) // 2]
    return {"nothing like it": b"x" * 5000, "cut short": half, "its head overwritten": bytes(100) + whole[100:]}


@pytest.mark.parametrize("how", ["nothing like it", "cut short", "its head overwritten"])
def test_open__damaged_file__is_refused_by_name_and_left_as_it_is(tmp_path: Path, how: str) -> None:
    path = tmp_path / "oracle.sqlite"
    damaged = _damaged(path)[how]
    path.write_bytes(damaged)
    with pytest.raises(OracleStateError, match=r"oracle\.sqlite"):
        guard_of(oracle_key(0), path).claim_report(b"\x01" * 32, 8, 0, bytes(32))
    assert path.read_bytes() == damaged


def test_open__another_version__is_refused_with_both(tmp_path: Path) -> None:
    path = tmp_path / "oracle.sqlite"
    guard_of(oracle_key(0), path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(OracleStateError, match="is of version 9, expected 1"):
        guard_of(oracle_key(0), path)


def test_open__another_oracles_archive__is_refused(tmp_path: Path) -> None:
    archive_of(oracle_key(0), tmp_path / "archive").close()
    with pytest.raises(OracleStateError, match="belongs to"):
        archive_of(oracle_key(1), tmp_path / "archive")


def test_locked__by_another_process__is_refused_until_that_one_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "oracle.sqlite"
    guard_of(oracle_key(0), path).close()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, env=dict(os.environ))
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        with pytest.raises(LockedError, match="state file: another process uses"), locked(path, "state file"):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    with locked(path, "state file"):
        guard = guard_of(oracle_key(0), path)
        guard.claim_report(b"\x01" * 32, 7, 0, bytes(32))
        guard.close()
