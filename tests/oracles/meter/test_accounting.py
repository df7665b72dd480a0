"""The accounting meter: its arithmetic against a sum second by second; records live and replayed; a real trace.

measure ── windows: one, wrapped, several turns ── tasks: none, partly within, shares ── classes
live ── the file written anew ── written too early ── not there
the bundled sample ── the public trace of 2023, where it is at hand
"""

from __future__ import annotations

import asyncio
import csv
import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.meter.accounting import AccountingMeter, RecordFile, Replay
from sbi_network.meter.device_table import read_device_table
from sbi_network.meter.errors import NotMeasuredError, TraceError
from sbi_network.meter.evidence import Witness
from sbi_network.meter.measurement import EpochSpan, Measurement
from sbi_network.meter.record_files import Columns, RecordForm
from sbi_network.meter.records import DeviceModel, Record, Records, Summary, counted_records
from sbi_network.meter.samples import generate
from sbi_network.meter.sources import SAMPLE_FOLDER, RecordsSection
from sbi_network.protocol.units import ComputeClass

MODELS = {
    "cpu": DeviceModel("cpu", ComputeClass.GENERAL, 8, 123_456_789_011),
    "gpu": DeviceModel("gpu", ComputeClass.INTELLIGENT, 4, 7_777_777_777_777),
    "npu": DeviceModel("npu", ComputeClass.INTELLIGENT, 4, 1),
    "fp64": DeviceModel("fp64", ComputeClass.SUPER, 1, 3_600_000_000),
}
LENGTH = 60


class Given:
    """Records that are at hand."""

    def __init__(self, records: list[Record], seconds: int | None = LENGTH) -> None:
        self.models = MODELS
        self._records = counted_records(records, MODELS, Summary(), "given", seconds)

    def current(self) -> tuple[Records, int]:
        return self._records, 0


@st.composite
def records_of(draw: st.DrawFn) -> list[Record]:
    """Tasks of different names: none overlaps itself."""
    return [
        Record(f"t{number}", model, start, draw(st.integers(start + 1, LENGTH)), draw(st.integers(1, 8000)), 2)
        for number, (model, start) in enumerate(
            draw(st.lists(st.tuples(st.sampled_from(sorted(MODELS)), st.integers(0, LENGTH - 1)), max_size=6))
        )
    ]


def second_by_second(records: list[Record], first: int, seconds: int) -> list[int]:
    done = [Fraction(0)] * 3
    for second in range(first, first + seconds):
        for name, model in MODELS.items():
            held = sum(r.held_milli for r in records if r.model == name and second % LENGTH in range(r.start, r.end))
            done[model.compute_class] += Fraction(min(held, model.devices * 1000) * model.ops_per_second, 1000)
    return [int(operations / 3_600_000_000) for operations in done]


def span(epoch: int, seconds: int = 10) -> EpochSpan:
    return EpochSpan(epoch, epoch * seconds, (epoch + 1) * seconds)


def replayed(records: list[Record], epoch: int, replay: Replay | None = None) -> Measurement:
    return asyncio.run(AccountingMeter(Given(records), replay or Replay(LENGTH)).measure(span(epoch)))


@settings(deadline=None)
@given(records_of(), st.integers(0, 500), st.integers(0, 200), st.integers(1, 150))
def test_measure__any_trace_and_epoch__equals_a_sum_second_by_second(
    records: list[Record], epoch: int, offset: int, length: int
) -> None:
    measured = replayed(records, epoch, Replay(LENGTH, offset, length))
    assert list(measured.raw) == second_by_second(records, offset + epoch * length, length)


@given(records_of())
@settings(deadline=None)
def test_measure__epochs_of_a_whole_turn__lose_less_than_one_unit_each(records: list[Record]) -> None:
    parts = [replayed(records, epoch, Replay(LENGTH, offset=7)).raw for epoch in range(LENGTH // 10)]
    whole = second_by_second(records, 0, LENGTH)
    for compute_class in ComputeClass:
        lost = whole[compute_class] - sum(part[compute_class] for part in parts)
        assert 0 <= lost < len(parts)


def test_measure__a_worked_example__gives_the_figures_by_hand() -> None:
    # 4 s within the epoch × half of a device × 3.6e9 ops/s / 3.6e9 = 2 nGAICPh, of 10 s × 1 device = 10.
    measured = replayed([Record("a", "fp64", 16, 30, 500, 2)], 1)
    assert measured.raw == (0, 0, 2)
    assert measured.figures[ComputeClass.SUPER].utilisation_ppm == 200_000
    assert (measured.samples, measured.covered_ms, measured.notes) == (1, 10_000, ())
    assert measured.witness is Witness.SCHEDULE


def test_measure__no_task_in_the_span__is_zero_with_the_capacity_told() -> None:
    measured = replayed([], 1)
    assert measured.raw == (0, 0, 0)
    assert measured.figures[ComputeClass.GENERAL].capacity == 8 * 123_456_789_011


def test_measure__another_span_than_the_epoch__says_the_speed() -> None:
    assert replayed([], 1, Replay(LENGTH, span=30)).notes == (
        "30 s of the trace are replayed in 10 s: 3 times the speed of life",
    )


def test_windows__an_epoch_across_the_end__wraps_around() -> None:
    assert Replay(LENGTH, offset=55).windows(span(0)) == [(55, 60), (0, 5)]
    assert Replay(LENGTH, offset=60).windows(span(0)) == [(0, 10)]
    assert Replay(LENGTH, span=130).windows(span(0)) == [(0, 60), (0, 60), (0, 10)]


T0 = 1_700_000_000


def live(path: Path, *lines: str, written: int) -> AccountingMeter:
    path.write_text("\n".join(["JobIDRaw|State|Start|End|AllocTRES", *lines]) + "\n")
    os.utime(path, (written, written))
    return AccountingMeter(RecordFile(path, None, "gres/gpu", RecordForm(MODELS), None), None, lambda: T0 + 100.0)


def test_measure__live_records__count_jobs_that_run_and_are_read_again_when_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "sacct.txt"
    meter = live(path, f"1|RUNNING|{T0}|Unknown|gres/gpu:gpu=1", written=T0 + 20)
    spans = [EpochSpan(0, T0, T0 + 10), EpochSpan(1, T0 + 10, T0 + 30), EpochSpan(2, T0 + 30, T0 + 40)]
    rate = 7_777_777_777_777
    first = asyncio.run(meter.measure(spans[0]))
    assert (first.figures[1].operations, first.notes) == (rate * 10, ())
    second = asyncio.run(meter.measure(spans[1]))
    assert (second.figures[1].operations, second.covered_ms) == (rate * 10, 10_000)
    assert second.notes == ("the records were written 10 s before the epoch's end: that time counts as no output",)
    with pytest.raises(NotMeasuredError, match="epoch 2: the records were written before it began"):
        asyncio.run(meter.measure(spans[2]))
    live(path, f"1|COMPLETED|{T0}|{T0 + 25}|gres/gpu:gpu=1", written=T0 + 60)
    assert asyncio.run(meter.measure(spans[1])).figures[1].operations == rate * 15


def test_measure__live_records_that_are_gone__say_so(tmp_path: Path) -> None:
    meter = live(tmp_path / "sacct.txt", written=T0)
    (tmp_path / "sacct.txt").unlink()
    with pytest.raises(TraceError, match=r"sacct\.txt: cannot be read \(No such file"):
        asyncio.run(meter.measure(span(0)))


def sample_meter() -> AccountingMeter:
    return RecordsSection(sample="small-facility").accounting(lambda: 0.0)


def test_sample__written_again__is_the_same_to_the_byte(tmp_path: Path) -> None:
    generate.write(tmp_path)
    for name in ("tasks.csv", "devices.csv"):
        assert (tmp_path / name).read_bytes() == (SAMPLE_FOLDER / name).read_bytes()


def test_sample__as_bundled__needs_no_note_and_uses_all_classes() -> None:
    measured = asyncio.run(sample_meter().measure(EpochSpan(0, 0, 86_400)))
    assert measured.notes == ()
    assert all(measured.raw)
    assert measured.samples == len((SAMPLE_FOLDER / "tasks.csv").read_text().splitlines()) - 1


def test_sample__any_ten_seconds_of_the_day__are_of_the_order_of_a_small_machine() -> None:
    meter = sample_meter()

    async def outputs() -> list[int]:
        return [sum((await meter.measure(span(epoch))).raw) for epoch in range(0, 8640, 20)]

    found = asyncio.run(outputs())
    assert min(found) > 1_000
    assert max(found) < 20_000


TRACE = Path(os.environ.get("SBI_GPU_TRACE_2023", Path(__file__).parents[4] / "shared/data/gpu-cluster-trace-2023"))
"""The public trace `cluster-trace-gpu-v2023` of alibaba/clusterdata: `tasks.csv` (its task list) and `nodes.csv`."""

TRACE_GPU_HOURS = Fraction("51470.67")
"""Over its scheduled tasks, the sum of (deletion − scheduled) × num_gpu × gpu_milli / 1000, as its source gives it."""

TRACE_SECONDS = 12_902_961
"""Beyond its last deletion."""

FP16_PEAK = {"T4": 65, "P100": 21, "V100M16": 125, "V100M32": 125, "A10": 125, "G2": 125, "G3": 312}
"""Tflop/s, of G2 and G3 assumed: their models are not disclosed."""


@pytest.fixture
def trace(tmp_path: Path) -> RecordFile:
    if not (TRACE / "tasks.csv").is_file():
        pytest.skip(f"no trace at {TRACE}: set SBI_GPU_TRACE_2023 to a folder with its tasks.csv and nodes.csv")
    installed: dict[str, int] = {}
    with (TRACE / "nodes.csv").open(newline="") as file:
        for node in csv.DictReader(file):
            if node["model"]:
                installed[node["model"]] = installed.get(node["model"], 0) + int(node["gpu"])
    table = tmp_path / "devices.csv"
    lines = [f"{name},intelligent,{count},{FP16_PEAK[name]}000000000000" for name, count in installed.items()]
    table.write_text("\n".join(["device_model,compute_class,devices,ops_per_second", *lines]) + "\n")
    columns = Columns("name", "gpu_spec", "num_gpu", "gpu_milli", "scheduled_time", "deletion_time")
    # A task that may run on any model surely held one of the least.
    form = RecordForm(read_device_table(table), {"": "T4", "V100M16|V100M32": "V100M16"})
    return RecordFile(TRACE / "tasks.csv", columns, "gres/gpu", form, TRACE_SECONDS)


def test_trace_of_2023__all_scheduled_tasks__add_up_to_its_checksum(trace: RecordFile) -> None:
    records, _ = trace.current()
    print(*records.notes, sep="\n")
    held = sum(curve.milli_seconds(0, TRACE_SECONDS) + curve.excess_milli_seconds for curve in records.curves.values())
    assert abs(Fraction(held, 3_600_000) - TRACE_GPU_HOURS) <= Fraction("0.005")


def test_trace_of_2023__read_by_the_hour__is_the_readings_of_a_facility(trace: RecordFile) -> None:
    hours = TRACE_SECONDS // 3600 + 1
    meter = AccountingMeter(trace, Replay(hours * 3600))

    async def readings() -> list[Measurement]:
        return [await meter.measure(EpochSpan(hour, hour * 3600, hour * 3600 + 3600)) for hour in range(hours)]

    measured = asyncio.run(readings())
    records, _ = trace.current()
    whole = sum(
        curve.milli_seconds(0, TRACE_SECONDS) * trace.models[name].ops_per_second // 1000
        for name, curve in records.curves.items()
    )
    told = sum(reading.figures[ComputeClass.INTELLIGENT].operations for reading in measured)
    assert 0 <= whole - told < hours + len(records.curves)
    assert all(figures.operations <= figures.capacity * 3600 for reading in measured for figures in reading.figures)
    busiest = max(reading.raw[ComputeClass.INTELLIGENT] for reading in measured)
    print(
        f"{hours} hours, busiest {busiest / 1e9:,.2f} GAICPh of {meter.capacity()[1] * 3600 / 3.6e18:,.2f} in an hour"
    )
