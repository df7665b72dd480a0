"""Inputs: CSV and Parquet, cut anywhere.

csv       any chunk size and any end of line → the same citizens; a byte-order mark at the beginning
          a line that is no citizen → its kind of fault, at its line, and the lines around it are read
          another header, UTF-16, a line without end → the file is refused
parquet   text or bytes, small row groups, dictionaries → the same citizens as CSV; faulty values by row
          truncated, no Parquet, other columns → the file is refused
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import RollError
from sbi_network.roll.faults import Fault, FaultKind, tell
from sbi_network.roll.parsing import LONGEST_LINE
from sbi_network.roll.source import Chunk, digest_of, find_inputs, plan_chunks, read_chunk

from .registers import HEADER, Registered, csv_text, register, registered, write_csv

CITIZEN = registered(0)
ZERO_ACCOUNT = "0x" + "0" * 40


def read_all(path: Path, rows: int = 1 << 16) -> tuple[list[Registered], list[Fault]]:
    citizens, faults = [], []
    for chunk in plan_chunks([path], rows):
        for parsed in read_chunk(path, chunk, rows):
            citizens += [_registered(bytes(row)) for row in parsed.rows]
            faults += parsed.faults
            assert parsed.faulty == len(parsed.faults)
    return citizens, faults


def _registered(row: bytes) -> Registered:
    from sbi_network.protocol.address import address_of

    return Registered(address_of(row[:20]), int.from_bytes(row[52:56], "big"), "0x" + row[20:52].hex())


def told(path: Path, faults: Sequence[Fault]) -> list[tuple[int, FaultKind]]:
    lines = [fault.line for fault in tell(faults, [path])]
    return list(zip(lines, [fault.kind for fault in sorted(faults, key=lambda f: f.source)], strict=True))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 30), st.integers(1, 40), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_read_csv__cut_anywhere__every_citizen_once(
    tmp_path_factory: pytest.TempPathFactory, size: int, rows: int, end: str, marked: bool, ended: bool
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    citizens = [registered(number, 10 ** (number % 9)) for number in range(size)]
    text = csv_text(citizens, end)
    path.write_bytes((b"\xef\xbb\xbf" if marked else b"") + (text if ended else text.removesuffix(end)).encode())
    assert read_all(path, rows) == (citizens, [])


LINES = [
    ("", FaultKind.COLUMNS),
    (CITIZEN.line + ",", FaultKind.COLUMNS),
    (CITIZEN.line.replace(",", ";"), FaultKind.COLUMNS),
    (" " + CITIZEN.line, FaultKind.ACCOUNT),
    (CITIZEN.account + "," + CITIZEN.person, FaultKind.COLUMNS),
    ('"' + CITIZEN.account + '",1,' + CITIZEN.person, FaultKind.ACCOUNT),
    (CITIZEN.line.replace("0x", "0X", 1), FaultKind.ACCOUNT),
    ("0x" + "g" * 40 + ",1," + CITIZEN.person, FaultKind.ACCOUNT),
    (CITIZEN.account.lower() + ",1," + CITIZEN.person, FaultKind.CHECKSUM),
    ("0x" + CITIZEN.account[2:].swapcase() + ",1," + CITIZEN.person, FaultKind.CHECKSUM),
    (f"{ZERO_ACCOUNT},1,{CITIZEN.person}", FaultKind.ZERO_ACCOUNT),
    (dataclasses.replace(CITIZEN, region=2**32).line, FaultKind.REGION),
    (CITIZEN.account + ",01," + CITIZEN.person, FaultKind.REGION),
    (CITIZEN.account + ",," + CITIZEN.person, FaultKind.REGION),
    (CITIZEN.account + ",-1," + CITIZEN.person, FaultKind.REGION),
    (CITIZEN.account + ",9" + "0" * 30 + "," + CITIZEN.person, FaultKind.REGION),
    (CITIZEN.line[:-1], FaultKind.PERSON),
    (CITIZEN.line + "0", FaultKind.PERSON),
    (CITIZEN.line + " ", FaultKind.PERSON),
    (CITIZEN.line[:-1] + "G", FaultKind.PERSON),
    (CITIZEN.account + ",1,0x" + "A" * 64, FaultKind.PERSON),
    (CITIZEN.account + ",1,0x" + "0" * 64, FaultKind.ZERO_PERSON),
    (CITIZEN.line + "\r", FaultKind.LINE_END),
    (CITIZEN.line[:50] + "\r" + CITIZEN.line[50:], FaultKind.LINE_END),
    (CITIZEN.line[:-1] + "\u00e9", FaultKind.NOT_ASCII),
    (CITIZEN.line[:-1] + "\0", FaultKind.NOT_ASCII),
    ("\ufeff" + CITIZEN.line, FaultKind.BYTE_ORDER_MARK),
]


@pytest.mark.parametrize("rows", [1, 1_000])
@pytest.mark.parametrize(("line", "kind"), LINES)
def test_read_csv__line_that_is_no_citizen__is_told_by_line(
    tmp_path: Path, line: str, kind: FaultKind, rows: int
) -> None:
    before, after = register(3), [registered(7), registered(8)]
    path = tmp_path / "a.csv"
    path.write_bytes((csv_text(before) + line + "\n" + "".join(each.line + "\n" for each in after)).encode())
    citizens, faults = read_all(path, rows)
    assert citizens == [*before, *after]
    assert told(path, faults) == [(5, kind)]


def test_read_csv__line_feed_where_the_header_has_crlf__is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes((csv_text(register(2), "\r\n") + CITIZEN.line + "\n").encode())
    assert told(path, read_all(path)[1]) == [(4, FaultKind.LINE_END)]


@pytest.mark.parametrize("last", [CITIZEN.line + "\r", CITIZEN.line[:-3], "0x"])
def test_read_csv__file_cut_within_its_last_line__is_told(tmp_path: Path, last: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes((csv_text(register(2)) + last).encode())
    assert [line for line, _ in told(path, read_all(path)[1])] == [4]


def test_read_csv__nothing_but_ends_of_lines__counts_what_it_does_not_keep(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes((HEADER + "\n" * 50_001).encode())
    (parsed,) = (each for chunk in plan_chunks([path], 1 << 16) for each in read_chunk(path, chunk, 1 << 16))
    assert parsed.faulty == 50_000
    assert 0 < len(parsed.faults) < 50_000


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "line 1 is not the header"),
        (b"account,region,person;\n", "line 1 is not the header"),
        (b"account;region;person\n", "line 1 is not the header"),
        (b"\xef\xbb\xbf\xef\xbb\xbfaccount,region,person\n", "line 1 is not the header"),
        ("account,region,person\n".encode("utf-16"), "UTF-16"),
        ("account,region,person\n".encode("utf-16-le"), "UTF-16"),
    ],
)
def test_plan_chunks__another_beginning__is_refused(tmp_path: Path, head: bytes, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(head)
    with pytest.raises(RollError, match=reason):
        plan_chunks([path], 10)


def test_read_csv__line_without_end__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER}\n{'x' * (2 * LONGEST_LINE)}".encode())
    with pytest.raises(RollError, match=f"a line of more than {LONGEST_LINE} bytes"):
        read_all(path, 10)


def table(citizens: Sequence[Registered], **columns: Any) -> pa.Table:
    given = {
        "account": pa.array([each.account for each in citizens]),
        "region": pa.array([each.region for each in citizens], pa.uint32()),
        "person": pa.array([each.person for each in citizens]),
        "note": pa.array(["not read"] * len(citizens)),
    }
    return pa.table({**given, **columns})


@pytest.mark.parametrize("persons", ["text", "large text", "bytes"])
@pytest.mark.parametrize("group", [1, 7, 1_000])
def test_read_parquet__any_row_groups__every_citizen_once(tmp_path: Path, persons: str, group: int) -> None:
    citizens = register(20, 3)
    words = [bytes.fromhex(each.person[2:]) for each in citizens]
    column = {
        "text": pa.array([each.person for each in citizens]),
        "large text": pa.array([each.person for each in citizens], pa.large_string()),
        "bytes": pa.array(words, pa.binary(32)),
    }[persons]
    path = tmp_path / "a.parquet"
    pq.write_table(table(citizens, person=column, region=pa.array([each.region for each in citizens])), path,
                   row_group_size=group)  # fmt: skip
    assert read_all(path, 4) == (citizens, [])


def test_read_parquet__values_that_are_no_citizen__are_told_by_row(tmp_path: Path) -> None:
    accounts = [registered(number).account for number in range(7)]
    persons: list[str | None] = [registered(number).person for number in range(7)]
    regions: list[int | None] = [1] * 7
    accounts[1], accounts[2] = accounts[1].lower(), accounts[2][:-1]
    persons[3], regions[4], regions[5] = None, -1, 2**40
    persons[6] = str(persons[6]).upper()
    path = tmp_path / "a.parquet"
    columns = {"account": pa.array(accounts), "region": pa.array(regions, pa.int64()), "person": pa.array(persons)}
    pq.write_table(pa.table(columns), path)
    citizens, faults = read_all(path)
    assert citizens == [registered(0)]
    assert told(path, faults) == [
        (2, FaultKind.CHECKSUM),
        (3, FaultKind.ACCOUNT),
        (4, FaultKind.NO_VALUE),
        (5, FaultKind.REGION),
        (6, FaultKind.REGION),
        (7, FaultKind.PERSON),
    ]


@pytest.mark.parametrize("kept", [0.2, 0.9, 0.999])
def test_read_parquet__truncated__is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table(register(500)), path, row_group_size=100)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(RollError, match="is not a whole Parquet file"):
        read_all(path)


def test_read_parquet__bytes_lost_in_the_middle__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table(register(500)), path, row_group_size=100)
    whole = path.read_bytes()
    path.write_bytes(whole[:2_000] + whole[6_000:])
    with pytest.raises(RollError, match="is not a whole Parquet file"):
        read_all(path)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_plan_chunks__file_that_is_gone__says_that_it_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(RollError, match=rf"{name}: cannot be read \(.*No such file or directory"):
        plan_chunks([tmp_path / name], 100)


_HUGE_PAGE = """
import pathlib, resource, sys
from sbi_network.errors import RollError
from sbi_network.roll.source import plan_chunks, read_chunk
whole, huge = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
def read(path):
    try:
        return sum(len(parsed.rows) for chunk in plan_chunks([path], 100) for parsed in read_chunk(path, chunk, 100))
    except RollError:
        return 0
assert read(whole) == 5
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert read(huge) == 0
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


_DAMAGE = """
import pathlib, sys
from sbi_network.errors import RollError
from sbi_network.roll.source import plan_chunks, read_chunk
path = pathlib.Path(sys.argv[1])
whole, refused = path.read_bytes(), 0
for place in range(len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"), len(whole)):
    path.write_bytes(whole[:place] + bytes([(whole[place] + 44) % 256]) + whole[place + 1 :])
    try:
        for chunk in plan_chunks([path], 100):
            list(read_chunk(path, chunk, 100))
    except RollError:
        refused += 1
print(refused)
"""


def test_read_parquet__any_byte_of_its_metadata_damaged__is_read_or_refused(tmp_path: Path) -> None:
    """In a process of its own: Arrow used to end it."""
    path = tmp_path / "a.parquet"
    pq.write_table(table(register(5)), path)
    done = subprocess.run([sys.executable, "-c", _DAMAGE, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


def test_read_parquet__a_page_larger_than_the_file__takes_no_memory(tmp_path: Path) -> None:
    """A file of 2 kB, of which one page says that it had 780 MB."""
    path = tmp_path / "a.parquet"
    pq.write_table(table(register(5)), path)
    huge = Path(__file__).with_name("huge_page.parquet")
    command = [sys.executable, "-c", _HUGE_PAGE, str(path), str(huge)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"account": pa.array([1])}, "column account is int64"),
        ({"region": pa.array(["1"])}, "column region is string"),
        ({"person": pa.array([1.5])}, "column person is double"),
        ({"person": pa.array([b"x"])}, "column person is binary"),
    ],
)
def test_plan_chunks__columns_of_other_types__are_refused(tmp_path: Path, columns: dict[str, Any], reason: str) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table([CITIZEN], **columns), path)
    with pytest.raises(RollError, match=reason):
        plan_chunks([path], 10)


def test_plan_chunks__column_missing__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(table([CITIZEN]).drop_columns(["person"]), path)
    with pytest.raises(RollError, match="expected one called person"):
        plan_chunks([path], 10)


def test_find_inputs__folder__is_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.csv", "a.parquet", "c.txt", "roll.faults.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in find_inputs([tmp_path])] == ["a.parquet", "b.csv"]


def test_find_inputs__missing_twice_or_empty__is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(1))
    with pytest.raises(RollError, match="no such file"):
        find_inputs([tmp_path / "b.csv"])
    with pytest.raises(RollError, match="given twice"):
        find_inputs([path, tmp_path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(RollError, match=r"no .csv or .parquet"):
        find_inputs([tmp_path / "empty"])


def test_digest_of__a_byte_changed_in_the_chunk__is_another(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"0123456789")
    chunk = Chunk(0, 2, 6, 1)
    before = digest_of(path, chunk)
    path.write_bytes(b"01x3456789")
    assert digest_of(path, chunk) != before
    path.write_bytes(b"xx2345xxxx")
    assert digest_of(path, chunk) == before
