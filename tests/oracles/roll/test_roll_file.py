"""Rolls as files.

round trip      any batch; a file as spreadsheets write it; an empty roll
read_leaves     header missing; a line that is no citizen, named by number; anything at all; as a stream
"""

from __future__ import annotations

import itertools
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import RollFormatError
from sbi_network.roll import CitizenLeaf, read_leaves, read_roll, write_leaves, write_roll

from .test_batch import citizen, citizens

HEADER = "index,account,person"
LINE = f"0,{citizen(0).account},0x{citizen(0).person.hex()}"


@given(st.integers(0, 20))
def test_read_leaves__what_write_wrote__is_the_same(size: int) -> None:
    stream = StringIO()
    write_leaves(stream, citizens(size))
    stream.seek(0)
    assert list(read_leaves(stream)) == citizens(size)


def test_write_roll__one_citizen__is_header_and_line(tmp_path: Path) -> None:
    write_roll(tmp_path / "roll.csv", citizens(1))
    assert (tmp_path / "roll.csv").read_bytes() == f"{HEADER}\n{LINE}\n".encode()


def test_read_roll__byte_order_mark_and_crlf__read(tmp_path: Path) -> None:
    (tmp_path / "roll.csv").write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n{LINE}\r\n".encode())
    assert list(read_roll(tmp_path / "roll.csv")) == citizens(1)


def test_read_roll__bytes_that_are_no_text__refused_in_their_line(tmp_path: Path) -> None:
    (tmp_path / "roll.csv").write_bytes(f"{HEADER}\n{LINE}\n".encode() + b"1,\xff\xfe,0x\n")
    with pytest.raises(RollFormatError) as caught:
        list(read_roll(tmp_path / "roll.csv"))
    assert caught.value.line == 3


@pytest.mark.parametrize("lines", [[], [LINE], ["index;account;person"], [HEADER + ","], [" " + HEADER], [""]])
def test_read_leaves__header_missing__refused(lines: list[str]) -> None:
    with pytest.raises(RollFormatError, match=r"line 1: .* expected the header"):
        list(read_leaves(lines))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "1 columns"),
        (LINE + ",", "4 columns"),
        (LINE.replace(",", ";"), "1 columns"),
        ("x" + LINE, "index"),
        ("0" + LINE, "index"),
        ("-" + LINE, "index"),
        ("4294967296" + LINE[1:], "index"),
        ("99999999999" + LINE[1:], "index"),
        ("٣" + LINE[1:], "index"),
        (LINE.lower(), "EIP-55"),
        ("0," + "0x" + "0" * 40 + LINE[-67:], "account"),
        (LINE[:-1], "person"),
        (LINE + "0", "person"),
        (LINE + " ", "person"),
        (LINE[:-66] + '"' + LINE[-66:] + '"', "person"),
        (LINE[:-64] + "0" * 64, "person"),
    ],
)
def test_read_leaves__line_that_is_no_citizen__refused_by_number(line: str, reason: str) -> None:
    with pytest.raises(RollFormatError, match=reason) as caught:
        list(read_leaves([HEADER, LINE, line]))
    assert caught.value.line == 3
    assert str(caught.value).startswith("line 3: ")


@given(st.text(max_size=60))
def test_read_leaves__anything_at_all__refused_with_an_error_of_ours(line: str) -> None:
    with pytest.raises(RollFormatError):
        list(read_leaves([HEADER, line]))


def test_read_leaves__endless_lines__reads_no_further_than_asked() -> None:
    first: list[CitizenLeaf] = list(itertools.islice(read_leaves(itertools.chain([HEADER], itertools.repeat(LINE))), 3))
    assert first == [citizen(0)] * 3
