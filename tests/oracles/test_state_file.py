"""What all state files have in common, with a kind of file made for it.

open         ├── new, the same again → kept; another owner's, version's or program's → the form's error, unchanged
existing     └── whoever's it is → opened; none there → the form's error, and none is made
transaction  └── fails midway → nothing is kept, and the file can still be used
check_fits   └── beyond SQLite's integers → the form's error
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sbi_network.errors import SBIError
from sbi_network.state_file import MAX_KEPT_INTEGER, Form, StateFile


class NotesError(SBIError):
    """Of the kind below."""


class Notes(StateFile):
    """A kind of file."""

    FORM = Form(3, "CREATE TABLE IF NOT EXISTS notes (a INTEGER NOT NULL) STRICT", NotesError)


def test_open__the_same_owner_again__finds_what_was_kept(tmp_path: Path) -> None:
    with closing(Notes(tmp_path / "f", "somebody")) as file:
        file.write("INSERT INTO notes VALUES (?)", 7)
    with closing(Notes(tmp_path / "f", "somebody")) as file:
        assert file.rows("SELECT a FROM notes") == [(7,)]


def test_open__another_owner__is_refused_with_both(tmp_path: Path) -> None:
    Notes(tmp_path / "f", "somebody").close()
    before = (tmp_path / "f").read_bytes()
    with pytest.raises(NotesError, match="f belongs to somebody; this is another"):
        Notes(tmp_path / "f", "another")
    assert (tmp_path / "f").read_bytes() == before


@pytest.mark.parametrize("version", [0, 2, 4])
def test_open__another_version__is_refused_with_both_and_left_as_it_is(tmp_path: Path, version: int) -> None:
    Notes(tmp_path / "f", "somebody").close()
    with closing(sqlite3.connect(tmp_path / "f")) as database:
        database.execute(f"PRAGMA user_version = {version}")
    before = (tmp_path / "f").read_bytes()
    path = tmp_path / "f"
    ways: list[Callable[[], Notes]] = [lambda: Notes(path, "somebody"), lambda: Notes.existing(path)]
    for opened in ways:
        with pytest.raises(NotesError, match=f"is of version {version}, expected 3"):
            opened()
    assert (tmp_path / "f").read_bytes() == before


def test_existing__whoevers__is_opened_and_says_whose(tmp_path: Path) -> None:
    Notes(tmp_path / "f", "somebody").close()
    with closing(Notes.existing(tmp_path / "f")) as file:
        assert file.identity() == "somebody"


def test_existing__no_file__is_refused_and_none_made(tmp_path: Path) -> None:
    with pytest.raises(NotesError, match="there is no such file"):
        Notes.existing(tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_transaction__that_fails__leaves_nothing_and_the_file_usable(tmp_path: Path) -> None:
    file = Notes(tmp_path / "f", "somebody")

    def fail() -> None:
        with file.transaction() as db:
            db.execute("INSERT INTO notes VALUES (1)")
            db.execute("INSERT INTO notes VALUES ('no integer')")

    with closing(file):
        with pytest.raises(NotesError, match="f: cannot store TEXT value in INTEGER column"):
            fail()
        assert file.rows("SELECT * FROM notes") == []
        file.write("INSERT INTO notes VALUES (2)")
        assert file.rows("SELECT * FROM notes") == [(2,)]


@pytest.mark.parametrize("value", [-1, MAX_KEPT_INTEGER + 1])
def test_check_fits__beyond_what_is_kept__is_refused(tmp_path: Path, value: int) -> None:
    with closing(Notes(tmp_path / "f", "somebody")) as file:
        file.check_fits(0, MAX_KEPT_INTEGER)
        with pytest.raises(NotesError, match="beyond what it can hold"):
            file.check_fits(1, value)
