"""Person commitments.

commit       the same person under one key → the same, however spelt; another key, person or kind → another
key files    made once, for the owner alone; open to others, of another form, missing → refused, never shown
commit_file  streams into a file for `build`; faulty lines by number, and no file then; identifiers never shown
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import FormatError, RollError, RollFormatError
from sbi_network.roll.commitment import canonical_identifier, commit, commit_file, key_name, make_key, read_key
from tests.oracles.roll.registers import registered

KEY, OTHER_KEY = b"\1" * 32, b"\2" * 32
IDENTIFIER = "NATIONALID:11010519491231002X"


@pytest.mark.parametrize(
    "spelt",
    [IDENTIFIER, IDENTIFIER.lower(), " national-id: 110105 19491231 002x ", "NATIONALID:１１０１０５1949.1231/002X"],
)
def test_commit__however_spelt__is_the_same(spelt: str) -> None:
    assert commit(KEY, spelt) == commit(KEY, IDENTIFIER)


def test_commit__one_identifier__is_keyed_blake2b() -> None:
    expected = hashlib.blake2b(IDENTIFIER.encode(), key=KEY, digest_size=32, person=b"SBI person v1").digest()
    assert commit(KEY, IDENTIFIER) == expected


def test_commit__another_key_person_or_kind__is_another() -> None:
    others = [
        commit(OTHER_KEY, IDENTIFIER),
        commit(KEY, IDENTIFIER[:-1] + "1"),
        commit(KEY, "PASSPORT" + IDENTIFIER[10:]),
    ]
    assert len({commit(KEY, IDENTIFIER), *others}) == 4


@given(st.text(max_size=30))
def test_canonical_identifier__any_text__is_refused_or_stays_as_it_then_is(text: str) -> None:
    try:
        spelt = canonical_identifier(text)
    except FormatError:
        return
    assert canonical_identifier(spelt) == spelt


@pytest.mark.parametrize(
    "text", ["", "1234567", ":1234567", "ID:", "ID:123", "ID:1234:5", "ID:12é4", "1D:12345", "ID:" + "1" * 65]
)
def test_canonical_identifier__no_kind_or_number__is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="a kind, a colon and a number"):
        canonical_identifier(text)


def test_make_key__new_file__is_read_back_by_its_owner_alone(tmp_path: Path) -> None:
    name = make_key(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert key_name(read_key(tmp_path / "key")) == name
    with pytest.raises(RollError, match="File exists"):
        make_key(tmp_path / "key")


def test_read_key__open_to_others__is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(RollError, match="chmod 600"):
        read_key(tmp_path / "key")


@pytest.mark.parametrize("text", [b"", b"ab" * 31, b"AB" * 32, b"ab" * 33, b"\xff" * 64])
def test_read_key__of_another_form__is_refused_and_not_shown(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(RollError, match="is not a key") as caught:
        read_key(path)
    assert text.decode("latin-1") not in str(caught.value) or not text


def test_read_key__missing__is_refused(tmp_path: Path) -> None:
    with pytest.raises(RollError, match="cannot be read"):
        read_key(tmp_path / "key")


def test_commit_file__register_as_spreadsheets_write_it__is_ready_for_build(tmp_path: Path) -> None:
    citizen = registered(0)
    text = f'account,region,identifier\r\n{citizen.account},7,"{IDENTIFIER}"\r\n'
    (tmp_path / "in.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert commit_file(KEY, tmp_path / "in.csv", tmp_path / "out.csv") == 1
    expected = f"account,region,person\n{citizen.account},7,0x{commit(KEY, IDENTIFIER).hex()}\n"
    assert (tmp_path / "out.csv").read_text() == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0x1,1,nonsense-that-is-secret", "identifier"),
        ("0x1,1", "2 columns"),
        (f'"0x1,5",1,{IDENTIFIER}', "signs that neither has"),
        (f'"0x1\n",1,{IDENTIFIER}', "signs that neither has"),
        (f'"0x1,1,{IDENTIFIER}', "unexpected end"),
    ],
)
def test_commit_file__faulty_line__is_told_by_number_and_leaves_nothing(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "in.csv").write_text(f"account,region,identifier\n0x1,1,{IDENTIFIER}\n{line}\n")
    with pytest.raises(RollFormatError, match=reason) as caught:
        commit_file(KEY, tmp_path / "in.csv", tmp_path / "out.csv")
    assert caught.value.line in {3, 4}
    assert "secret" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_commit_file__other_bytes_than_text__are_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"account,region,identifier\n\xff\xfe,1,2\n")
    with pytest.raises(RollFormatError, match="UTF-8"):
        commit_file(KEY, tmp_path / "in.csv", tmp_path / "out.csv")


def test_commit_file__another_header_or_a_file_there__is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("account,region,person\n")
    with pytest.raises(RollFormatError, match="account,region,identifier"):
        commit_file(KEY, tmp_path / "in.csv", tmp_path / "out.csv")
    (tmp_path / "out.csv").touch()
    with pytest.raises(RollError, match="is there already"):
        commit_file(KEY, tmp_path / "in.csv", tmp_path / "out.csv")
    with pytest.raises(RollError, match="No such file"):
        commit_file(KEY, tmp_path / "none.csv", tmp_path / "none-out.csv")
