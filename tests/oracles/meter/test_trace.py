"""Reading accounting files: everything that is refused or left out is told with its file and line.

read_trace ── file: missing, not UTF-8, wrong columns ── device table ── tasks: refused | said
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sbi_network.meter.errors import TraceError
from sbi_network.meter.trace import Trace, read_trace

HEADER = "task,device_model,devices,share_milli,start,end"
DEVICES = "device_model,compute_class,devices,ops_per_second\ncpu,general,4,1000\ngpu,intelligent,2,5000\n"


def read(folder: Path, *lines: str, header: str = HEADER, devices: str = DEVICES, seconds: int = 100) -> Trace:
    (folder / "tasks.csv").write_text("\n".join([header, *lines]) + "\n")
    (folder / "devices.csv").write_text(devices)
    return read_trace(folder / "tasks.csv", folder / "devices.csv", seconds)


def test_read_trace__good_lines__are_all_counted(tmp_path: Path) -> None:
    trace = read(tmp_path, "a,cpu,2,1000,0,50", "b,cpu,2,1000,0,50", "a,gpu,1,250,10,20", "a,cpu,1,1000,50,60")
    assert [(task.name, task.model, task.line) for task in trace.tasks] == [
        ("a", "cpu", 2),
        ("b", "cpu", 3),
        ("a", "gpu", 4),
        ("a", "cpu", 5),
    ]
    assert trace.notes == ()


def test_read_trace__columns_in_another_order__are_read_by_name(tmp_path: Path) -> None:
    trace = read(tmp_path, "9,0,1000,1,cpu,a", header="end,start,share_milli,devices,device_model,task")
    assert (trace.tasks[0].start, trace.tasks[0].end, trace.tasks[0].name) == (0, 9, "a")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a,tpu,1,1000,0,9", "device model 'tpu' is not in the device table"),
        (",cpu,1,1000,0,9", "task is empty"),
        ("a,cpu,1,1000,9,3", "task 'a' ends at 3, before its start at 9"),
        ("a,cpu,0,1000,0,9", "devices is '0', expected an integer from 1 to 4"),
        ("a,cpu,5,1000,0,9", "devices is '5', expected an integer from 1 to 4"),
        ("a,cpu,1,1001,0,9", "share_milli is '1001', expected an integer from 1 to 1000"),
        ("a,cpu,1,0,0,9", "share_milli is '0', expected an integer from 1 to 1000"),
        ("a,cpu,1,1000,0.5,9", "start is '0.5', expected an integer from"),
        ("a,cpu,1,1000,,9", "start is '', expected an integer from"),
        ("a,cpu,1,1000,0,1e3", "end is '1e3', expected an integer from"),
        ("a,cpu,1,1000,0,٩", "end is '٩', expected an integer from"),
        ("a,cpu,1,1000,0," + "9" * 5000, "end is '9999999999999999999999999999999999999999', expected"),
        ("a,cpu,1,1000,0", "5 fields, expected 6"),
        ("a,cpu,1,1000,0,9,9", "7 fields, expected 6"),
    ],
)
def test_read_trace__a_line_that_cannot_count__is_refused_with_its_place(
    tmp_path: Path, line: str, reason: str
) -> None:
    with pytest.raises(TraceError) as error:
        read(tmp_path, "ok,cpu,1,1000,0,9", line)
    assert len(error.value.faults) == 1
    assert error.value.faults[0].startswith(f"{tmp_path / 'tasks.csv'}:3: {reason}")


def test_read_trace__a_quote_left_open__is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"tasks\.csv:2: unexpected end of data"):
        read(tmp_path, '"a,cpu,1,1000,0,9')


def test_read_trace__several_faults__are_told_together(tmp_path: Path) -> None:
    with pytest.raises(TraceError) as error:
        read(tmp_path, *[f"t{n},tpu,1,1000,0,9" for n in range(30)])
    assert len(error.value.faults) == 30
    assert str(error.value).splitlines()[-1] == "and 10 more"


def test_read_trace__a_task_that_overlaps_itself__is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"tasks\.csv:4: task 'a' on 'cpu' overlaps itself in line 2"):
        read(tmp_path, "a,cpu,1,1000,0,50", "a,cpu,1,1000,60,70", "a,cpu,1,500,49,51")


def test_read_trace__more_devices_in_use_than_there_are__is_refused_where_it_begins(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"tasks\.csv:4: at second 20 the tasks hold 4.001 of 4 devices 'cpu'"):
        read(tmp_path, "a,cpu,2,1000,0,30", "b,cpu,2,1000,10,30", "c,cpu,1,1,20,30", "d,cpu,4,1000,30,40")


def test_read_trace__a_repeated_line__counts_once_and_is_said(tmp_path: Path) -> None:
    trace = read(tmp_path, "a,cpu,1,1000,0,9", "a,cpu,1,1000,0,9")
    assert len(trace.tasks) == 1
    assert trace.notes == (f"{tmp_path / 'tasks.csv'}:3: repeats line 2 exactly: counted once",)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("a,cpu,1,1000,5,", "task 'a' has no end: not counted"),
        ("a,cpu,1,1000,5,5", "task 'a' has no length: not counted"),
        ("a,cpu,1,1000,100,120", "task 'a' reaches out of the trace's 100 s: not counted"),
        ("a,cpu,1,1000,-9,0", "task 'a' reaches out of the trace's 100 s: not counted"),
    ],
)
def test_read_trace__nothing_to_count_in_a_line__is_said(tmp_path: Path, line: str, note: str) -> None:
    trace = read(tmp_path, line)
    assert trace.tasks == ()
    assert trace.notes == (f"{tmp_path / 'tasks.csv'}:2: {note}",)


def test_read_trace__a_task_across_the_edges__counts_within_and_is_said(tmp_path: Path) -> None:
    trace = read(tmp_path, "a,cpu,1,1000,-10,200")
    assert (trace.tasks[0].start, trace.tasks[0].end) == (0, 100)
    assert trace.notes == (
        f"{tmp_path / 'tasks.csv'}:2: task 'a' reaches out of the trace's 100 s: the part within counts",
    )


def test_read_trace__lines_out_of_order__are_sorted_and_said_once(tmp_path: Path) -> None:
    trace = read(tmp_path, "a,cpu,1,1000,50,60", "b,cpu,1,1000,40,50", "c,cpu,1,1000,30,40")
    assert [task.name for task in trace.tasks] == ["c", "b", "a"]
    assert trace.notes == (
        f"{tmp_path / 'tasks.csv'}:3: starts before line 2: the file is not in order, and was sorted",
    )


def test_read_trace__wrong_columns__names_the_expected(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=rf"tasks\.csv:1: the columns are 'task,end', expected {HEADER}"):
        read(tmp_path, header="task,end")


def test_read_trace__an_empty_file__is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"tasks\.csv:1: the columns are ''"):
        read(tmp_path, header="")


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("", "1: no device model in the table"),
        ("cpu,general,4,1\ncpu,general,4,1", "3: device model 'cpu' is in the table already"),
        ("cpu,quantum,4,1", "2: compute_class is 'quantum', expected one of general, intelligent, super"),
        ("cpu,general,0,1", "2: devices is '0', expected an integer from 1 to"),
        ("cpu,general,1,0", "2: ops_per_second is '0', expected an integer from 1 to"),
        (" ,general,1,1", "2: device_model is empty"),
    ],
)
def test_read_trace__a_wrong_device_table__is_refused_with_its_place(tmp_path: Path, table: str, fault: str) -> None:
    with pytest.raises(TraceError) as error:
        read(tmp_path, devices=DEVICES.splitlines()[0] + "\n" + table + "\n")
    assert str(error.value).startswith(f"{tmp_path / 'devices.csv'}:{fault}")


def test_read_trace__a_missing_file__names_it(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"devices\.csv: cannot be read \(No such file"):
        read_trace(tmp_path / "tasks.csv", tmp_path / "devices.csv", 100)


def test_read_trace__bytes_that_are_no_text__are_refused(tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(TraceError, match=r"devices\.csv: is not UTF-8 text"):
        read_trace(tmp_path / "tasks.csv", tmp_path / "devices.csv", 100)
