"""Reading files of task records and device tables: what is refused, what is left out, and that it is said.

read_csv ── columns, mapped ── every kind of bad line ── times ── names of models
read_sacct ── jobs, steps, running, types of GPU ── what is no record
counted_records ── order, repeats, overlaps ── more than is installed ── edges of a trace ── a million lines
read_device_table ── each fault by its place
"""

from __future__ import annotations

import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.meter.device_table import read_device_table
from sbi_network.meter.errors import TraceError
from sbi_network.meter.record_files import Columns, RecordForm, read_csv, read_sacct
from sbi_network.meter.records import DeviceModel, Record, Records, Summary, counted_records
from sbi_network.protocol.units import ComputeClass

HEADER = "task,device_model,devices,share_milli,start,end"
MODELS = {
    "cpu": DeviceModel("cpu", ComputeClass.GENERAL, 4, 1000),
    "gpu": DeviceModel("gpu", ComputeClass.INTELLIGENT, 4, 5000),
    "a100": DeviceModel("a100", ComputeClass.INTELLIGENT, 8, 9000),
}
FORM = RecordForm(MODELS)


def records_of(
    folder: Path,
    *lines: str,
    header: str = HEADER,
    columns: Columns | None = None,
    form: RecordForm = FORM,
    seconds: int | None = 100,
) -> Records:
    path = folder / "tasks.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    summary = Summary()
    return counted_records(read_csv(path, columns or Columns(), form, summary), MODELS, summary, "tasks.csv", seconds)


def busy(records: Records, model: str = "cpu", start: int = 0, end: int = 100) -> int:
    """Thousandths of device-seconds."""
    curve = records.curves.get(model)
    return curve.milli_seconds(start, end) if curve else 0


def test_read_csv__good_lines__are_all_counted(tmp_path: Path) -> None:
    records = records_of(tmp_path, "a,cpu,2,1000,0,50", "b,cpu,2,1000,0,50", "a,gpu,1,250,10,20", "a,cpu,1,1000,50,60")
    assert (records.count, records.notes) == (4, ())
    assert busy(records) == (2 * 50 + 2 * 50 + 10) * 1000
    assert busy(records, "gpu") == 250 * 10
    assert busy(records, start=45, end=55) == (4 * 5 + 5) * 1000


def test_read_csv__columns_in_another_order_and_more_of_them__are_read_by_name(tmp_path: Path) -> None:
    records = records_of(tmp_path, "x,9,0,1000,1,cpu,a", header="extra,end,start,share_milli,devices,device_model,task")
    assert busy(records) == 9000


def test_read_csv__columns_mapped_and_some_missing__take_the_defaults(tmp_path: Path) -> None:
    columns = Columns(task="job", model="kind", devices=None, share_milli=None, start="from", end="to")
    records = records_of(tmp_path, "a,cpu,0,10", "b,cpu,5,10", header="job,kind,from,to", columns=columns)
    assert busy(records) == (10 + 5) * 1000


def test_read_csv__what_records_call_a_model__is_turned_into_the_tables(tmp_path: Path) -> None:
    form = RecordForm(MODELS, {"": "cpu", "V100M16|V100M32": "gpu"})
    records = records_of(tmp_path, "a,,1,1000,0,10", "b,V100M16|V100M32,1,1000,0,10", form=form)
    assert (busy(records), busy(records, "gpu")) == (10_000, 10_000)


LEFT_OUT = [
    ("a,tpu,1,1000,0,9", "device model 'tpu' is not in the device table: left out"),
    ("a,,1,1000,0,9", "device model '' is not in the device table: left out"),
    ("a,cpu,1,1000,9,3", "ends before it starts: left out"),
    ("a,cpu,1,1000,5,5", "ends when it starts: left out"),
    ("a,cpu,1,1000,5,", "has no end: left out"),
    ("a,cpu,1,1000,5,Unknown", "has no end: left out"),
    ("a,cpu,1,1000,,9", "never started: left out"),
    ("a,cpu,0,1000,0,9", "holds no device: left out"),
    ("a,cpu,1,0,0,9", "holds no device: left out"),
    ("a,cpu,-1,1000,0,9", "has a figure that is no number in its range: left out"),
    ("a,cpu,1,1001,0,9", "has a figure that is no number in its range: left out"),
    ("a,cpu,1.5,1000,0,9", "has a figure that is no number in its range: left out"),
    ("a,cpu,1,1000,0,1e3", "has a figure that is no number in its range: left out"),
    ("a,cpu,1,1000,0,٩", "has a figure that is no number in its range: left out"),
    ("a,cpu,1,1000,0," + "9" * 5000, "has a figure that is no number in its range: left out"),
    ("a,cpu,1,1000,0,9999999999999", "has a figure that is no number in its range: left out"),
    ("a,cpu,1,1000,0,2026-01-01T00:00:00", "has a time without a zone, and none is configured: left out"),
    ("a,cpu,1,1000,0", "has another number of fields than the header: left out"),
    ("a,cpu,1,1000,0,9,9", "has another number of fields than the header: left out"),
    ('a,"cpu,1,1000,0,9', "has another number of fields than the header: left out"),
    ("a,cpu,1,1000,100,120", "lies outside the trace's 100 s: left out"),
    ("a,cpu,1,1000,-9,0", "lies outside the trace's 100 s: left out"),
]


@pytest.mark.parametrize(("line", "reason"), LEFT_OUT)
def test_read_csv__a_line_that_cannot_count__is_left_out_and_said(tmp_path: Path, line: str, reason: str) -> None:
    records = records_of(tmp_path, "ok,cpu,1,1000,0,9", line)
    assert busy(records) == 9000
    assert records.notes == (f"tasks.csv: 1 of 2 lines, the first is 3: {reason}",)


def test_read_csv__many_bad_lines__are_told_together_the_most_frequent_first(tmp_path: Path) -> None:
    lines = ["a,cpu,1,1000,9,3"] * 3 + ["a,cpu,1,1000,5,"] * 5 + ["ok,cpu,1,1000,0,9"]
    assert records_of(tmp_path, *lines).notes == (
        "tasks.csv: 5 of 9 lines, the first is 5: has no end: left out",
        "tasks.csv: 3 of 9 lines, the first is 2: ends before it starts: left out",
    )


def test_read_csv__a_new_reason_on_every_line__does_not_grow_without_end(tmp_path: Path) -> None:
    notes = records_of(tmp_path, *[f"a,m{number},1,1000,0,9" for number in range(500)]).notes
    assert len(notes) == 41
    assert notes[0] == "tasks.csv: 460 of 500 lines, the first is 42: for other reasons: left out"


def test_read_csv__bytes_that_are_no_text__spoil_only_their_line(tmp_path: Path) -> None:
    path, summary = tmp_path / "tasks.csv", Summary()
    path.write_bytes(HEADER.encode() + b"\na,c\xffpu,1,1000,0,9\nb,cpu,1,1000,0,9\n\x00\nc,cpu,1,1000,9,10\n")
    assert [record.task for record in read_csv(path, Columns(), FORM, summary)] == ["b", "c"]


def test_read_csv__fractions_of_a_second__are_rounded_into_the_span(tmp_path: Path) -> None:
    assert busy(records_of(tmp_path, "a,cpu,1,1000,0.5,9.9", "b,cpu,1,1000,1.0,2.0")) == (8 + 1) * 1000
    assert busy(records_of(tmp_path, "a,cpu,1,1000,-3.5,1.5", seconds=None), start=-10) == 4000


def test_read_csv__times_in_iso__are_placed_by_their_zone_or_the_configured(tmp_path: Path) -> None:
    line = "a,cpu,1,1000,2026-01-01T01:00:00,2026-01-01T00:00:30.5Z"
    form = RecordForm(MODELS, zone=ZoneInfo("Europe/Paris"))
    records = records_of(tmp_path, line, form=form, seconds=None)
    assert busy(records, start=1_767_225_600, end=1_767_225_630) == 30_000


@pytest.mark.parametrize("header", ["task,end", ""])
def test_read_csv__wrong_columns__names_what_lacks(tmp_path: Path, header: str) -> None:
    with pytest.raises(
        TraceError, match=r"tasks\.csv:1: the columns are .*, which lack (task, )?device_model, devices"
    ):
        records_of(tmp_path, header=header)


def test_read_csv__a_missing_file__names_it(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.csv: cannot be read \(No such file"):
        list(read_csv(tmp_path / "none.csv", Columns(), FORM, Summary()))


SACCT = """JobIDRaw|State|Start|End|AllocTRES
1|COMPLETED|100|200|billing=8,cpu=8,gres/gpu:a100=2,gres/gpu=2,mem=64G,node=1
1.batch|COMPLETED|100|200|cpu=8,gres/gpu:a100=2,gres/gpu=2,mem=64G,node=1
1.0|COMPLETED|100|200|cpu=8,gres/gpu:a100=2,gres/gpu=2,mem=64G,node=1
2|RUNNING|150|Unknown|billing=1,cpu=1,gres/gpu=1,node=1
3|PENDING|Unknown|Unknown|
4|CANCELLED by 1000|None|190|
5|COMPLETED|160|170|cpu=4,mem=1G,node=1
6|TIMEOUT|160|170|cpu=4,gres/gpu:h100=1,gres/gpu=1,node=1
7|FAILED|100|Unknown|cpu=4,gres/gpu:a100=1,gres/gpu=1,node=1
8|COMPLETED|100|110|gres/gpu:a100=1,gres/gpu=3,node=1
"""


def sacct(folder: Path, text: str, running_until: int | None = 300, tres: str = "gres/gpu") -> Records:
    path, summary = folder / "sacct.txt", Summary()
    path.write_text(text)
    aliases = {"gres/gpu": "gpu", "cpu": "cpu"}
    given = read_sacct(path, tres, RecordForm(MODELS, aliases, running_until=running_until), summary)
    return counted_records(given, MODELS, summary, "sacct.txt")


def test_read_sacct__jobs_of_all_states__count_what_ran_and_say_the_rest(tmp_path: Path) -> None:
    records = sacct(tmp_path, SACCT)
    assert busy(records, "a100", 0, 1000) == (2 * 100 + 10) * 1000
    assert busy(records, "gpu", 0, 1000) == (150 + 2 * 10) * 1000
    assert records.notes == (
        "sacct.txt: 2 of 10 lines, the first is 3: is a step of a job, counted with the job: left out",
        "sacct.txt: 2 of 10 lines, the first is 6: never started: left out",
        "sacct.txt: 1 of 10 lines, the first is 9: device model 'h100' is not in the device table: left out",
        "sacct.txt: 1 of 10 lines, the first is 10: has no end: left out",
        "sacct.txt: 1 of 10 lines, the first is 8: holds no device: left out",
    )


def test_read_sacct__a_replayed_trace__does_not_guess_when_running_jobs_ended(tmp_path: Path) -> None:
    records = sacct(tmp_path, SACCT, running_until=None)
    assert busy(records, "gpu", 0, 1000) == 20_000


def test_read_sacct__cpus__are_counted_instead(tmp_path: Path) -> None:
    assert busy(sacct(tmp_path, SACCT, tres="cpu"), "cpu", 160, 170) == 4 * 10_000  # 21 are held, 4 are installed


def test_read_sacct__not_enough_columns__names_what_lacks(tmp_path: Path) -> None:
    with pytest.raises(
        TraceError, match=r"sacct\.txt:1: the columns are 'JobID,Start', which lack State, End, AllocTRES"
    ):
        sacct(tmp_path, "JobID|Start\n")


def test_counted__lines_in_any_order__give_the_same(tmp_path: Path) -> None:
    lines = ["a,cpu,1,1000,50,60", "b,cpu,1,1000,40,55", "c,cpu,1,1000,30,45", "a,cpu,2,500,55,70"]
    expected = records_of(tmp_path, *lines)
    random.Random(7).shuffle(lines)
    shuffled = records_of(tmp_path, *lines)
    assert [busy(shuffled, end=second) for second in range(100)] == [
        busy(expected, end=second) for second in range(100)
    ]


def test_counted__a_repeated_line__counts_once_and_is_said(tmp_path: Path) -> None:
    records = records_of(tmp_path, *["a,cpu,1,1000,0,9"] * 3)
    assert busy(records) == 9000
    assert records.notes == ("tasks.csv: 2 of 3 lines, the first is 3: repeats another line: counted once",)


def test_counted__a_task_that_overlaps_itself__counts_each_moment_once(tmp_path: Path) -> None:
    records = records_of(
        tmp_path, "a,cpu,1,1000,0,50", "a,cpu,2,1000,40,60", "a,cpu,1,1000,10,20", "a,cpu,1,1000,60,70"
    )
    assert busy(records) == (50 + 2 * 10 + 10) * 1000
    assert records.notes == (
        "tasks.csv: 2 of 4 lines, the first is 3: the task is on the same model already: that time counts once",
    )


def test_counted__more_devices_than_installed__those_installed_count_and_the_rest_is_said(tmp_path: Path) -> None:
    records = records_of(tmp_path, "a,cpu,3,1000,0,3600", "b,cpu,2,1000,0,3600", seconds=None)
    assert busy(records, end=3600) == 4 * 3_600_000
    assert records.notes == ("tasks.csv: 1.00 device-hours beyond the 4 devices 'cpu' that the table has: not counted",)


def test_counted__a_task_across_the_edges_of_a_trace__counts_within_and_is_said(tmp_path: Path) -> None:
    records = records_of(tmp_path, "a,cpu,1,1000,-10,200")
    assert busy(records) == 100_000
    assert records.notes == (
        "tasks.csv: 1 of 1 lines, the first is 2: reaches out of the trace's 100 s: the part within counts",
    )


RECORD = st.builds(
    lambda task, model, start, length, held, line: Record(task, model, start, start + length, held, line),
    st.sampled_from("abc"),
    st.sampled_from(sorted(MODELS)),
    st.integers(-5, 30),
    st.integers(1, 20),
    st.integers(1, 3000),
    st.integers(2, 99),
)


@settings(deadline=None)
@given(st.lists(RECORD, max_size=12))
def test_counted__any_records__are_what_a_count_second_by_second_gives(given_records: list[Record]) -> None:
    counted = counted_records(given_records, MODELS, Summary(), "f", 25)
    for model, table in MODELS.items():
        for second in range(-6, 55):
            holding: dict[str, Record] = {}
            for record in sorted(given_records):
                if record.model == model and record.start <= second < record.end and 0 <= second < 25:
                    holding.setdefault(record.task, record)
            installed = table.devices * 1000
            found = busy(counted, model, second, second + 1)
            # Of two records of one task either may count, never both; what is installed is never passed.
            candidates = [r.held_milli for r in given_records if r.model == model and r.start <= second < r.end]
            assert found <= min(installed, sum(candidates))
            assert (found > 0) == bool(holding)
            if len(candidates) == len(holding):
                assert found == min(installed, sum(candidates))


def test_counted__a_large_facilitys_years__are_exact_beyond_64_bits() -> None:
    models = {"cpu": DeviceModel("cpu", ComputeClass.GENERAL, 10_000_000, 1)}
    end = 2**40 - 1
    curve = counted_records([Record("a", "cpu", 0, end, 10_000_000_000, 2)], models, Summary(), "f").curves["cpu"]
    assert curve.milli_seconds(0, end) == 10_000_000_000 * end


@pytest.mark.slow
def test_counted__a_million_lines__are_read_and_add_up(tmp_path: Path) -> None:
    path, summary = tmp_path / "tasks.csv", Summary()
    total = 0
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for number in range(1_000_000):  # some order that is none, without a costly draw
            start, length, share = number * 7919 % 31_000_000, 1 + number * 31 % 3999, 1 + number * 17 % 1000
            kind = number % 100
            end = "" if kind == 0 else start if kind == 1 else start - 5 if kind == 2 else start + length
            model = "nobody" if kind == 3 else "many"
            file.write(f"t{number},{model},2,{share},{start},{end}\n")
            total += 2 * share * length if kind > 3 else 0
    models = {"many": DeviceModel("many", ComputeClass.INTELLIGENT, 1_000_000, 1)}
    records = counted_records(read_csv(path, Columns(), RecordForm(models), summary), models, summary, "tasks.csv")
    assert records.count == 960_000
    assert records.curves["many"].milli_seconds(0, 2**40) == total
    hours = [
        records.curves["many"].milli_seconds(hour * 3600, hour * 3600 + 3600) for hour in range(31_010_000 // 3600)
    ]
    assert sum(hours) == total
    assert len(records.notes) == 4
    assert all("10,000 of 1,000,000 lines" in note for note in records.notes)


TABLE = "device_model,compute_class,devices,ops_per_second"


def test_read_device_table__good_lines__are_the_models(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text(f"{TABLE}\ncpu,general,4,1000\ngpu,Intelligent,4,5000\n")
    assert read_device_table(path) == {name: MODELS[name] for name in ("cpu", "gpu")}


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("", "1: no device model in the table"),
        ("cpu,general,4,1\ncpu,general,4,1", "3: device model 'cpu' is in the table already"),
        ("cpu,quantum,4,1", "2: compute_class is 'quantum', expected one of general, intelligent, super"),
        ("cpu,general,0,1", "2: devices is '0', expected an integer from 1 to"),
        ("cpu,general,1,0", "2: ops_per_second is '0', expected an integer from 1 to"),
        ("cpu,general,1,1e9", "2: ops_per_second is '1e9', expected an integer from 1 to"),
        (" ,general,1,1", "2: device_model is empty"),
        ("cpu,general,1", "2: 3 fields, expected 4"),
    ],
)
def test_read_device_table__a_fault__is_refused_with_its_place(tmp_path: Path, table: str, fault: str) -> None:
    path = tmp_path / "devices.csv"
    path.write_text(f"{TABLE}\n{table}\n")
    with pytest.raises(TraceError) as error:
        read_device_table(path)
    assert str(error.value).startswith(f"{path}:{fault}")


def test_read_device_table__several_faults__are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("\n".join([TABLE, *["cpu,general,0,1"] * 30]))
    with pytest.raises(TraceError) as error:
        read_device_table(path)
    assert len(error.value.faults) == 30
    assert str(error.value).splitlines()[-1] == "and 10 more"


@pytest.mark.parametrize(("data", "fault"), [(b"\xff\xfe", "is not UTF-8 text"), (b"", ":1: the columns are ''")])
def test_read_device_table__no_table__is_refused(tmp_path: Path, data: bytes, fault: str) -> None:
    path = tmp_path / "devices.csv"
    path.write_bytes(data)
    with pytest.raises(TraceError, match=fault):
        read_device_table(path)
