"""Accounting replay: the arithmetic against a sum second by second; the bundled sample.

measure ── windows: one, wrapped, several turns ── tasks: none, partly within, shares ── classes
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.meter.accounting import AccountingMeter, Replay
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.samples import generate
from sbi_network.meter.settings import SAMPLE_FOLDER
from sbi_network.meter.trace import DeviceModel, Task, Trace, read_trace
from sbi_network.protocol.units import ComputeClass

MODELS = {
    "cpu": DeviceModel("cpu", ComputeClass.GENERAL, 8, 123_456_789_011),
    "gpu": DeviceModel("gpu", ComputeClass.INTELLIGENT, 4, 7_777_777_777_777),
    "npu": DeviceModel("npu", ComputeClass.INTELLIGENT, 4, 1),
    "fp64": DeviceModel("fp64", ComputeClass.SUPER, 1, 3_600_000_000),
}
LENGTH = 60


@st.composite
def task_of(draw: st.DrawFn) -> Task:
    start = draw(st.integers(0, LENGTH - 1))
    end = draw(st.integers(start + 1, LENGTH))
    model = draw(st.sampled_from(sorted(MODELS)))
    return Task("t", model, draw(st.integers(1, 8)), draw(st.integers(1, 1000)), start, end, 2)


def second_by_second(tasks: list[Task], first: int, seconds: int) -> list[int]:
    done = [Fraction(0)] * 3
    for second in range(first, first + seconds):
        for task in tasks:
            if second % LENGTH in range(task.start, task.end):
                model = MODELS[task.model]
                done[model.compute_class] += Fraction(task.devices * task.share_milli * model.ops_per_second, 1000)
    return [int(operations / 3_600_000_000) for operations in done]


def span(epoch: int, seconds: int = 10) -> EpochSpan:
    return EpochSpan(epoch, epoch * seconds, (epoch + 1) * seconds)


@settings(deadline=None)
@given(st.lists(task_of(), max_size=6), st.integers(0, 500), st.integers(0, 200), st.integers(1, 150))
def test_measure__any_trace_and_epoch__equals_a_sum_second_by_second(
    tasks: list[Task], epoch: int, offset: int, length: int
) -> None:
    meter = AccountingMeter(Trace(tuple(tasks), MODELS, LENGTH, ()), Replay(offset, length))
    expected = second_by_second(tasks, offset + epoch * length, length)
    assert list(meter.measure(span(epoch)).raw) == expected


@given(st.lists(task_of(), max_size=6))
@settings(deadline=None)
def test_measure__epochs_of_a_whole_turn__lose_less_than_one_unit_each(tasks: list[Task]) -> None:
    meter = AccountingMeter(Trace(tuple(tasks), MODELS, LENGTH, ()), Replay(offset=7))
    parts = [meter.measure(span(epoch)).raw for epoch in range(LENGTH // 10)]
    whole = second_by_second(tasks, 0, LENGTH)
    for compute_class in ComputeClass:
        lost = whole[compute_class] - sum(part[compute_class] for part in parts)
        assert 0 <= lost < len(parts)


def test_measure__a_worked_example__gives_the_figures_by_hand() -> None:
    # 4 s within the epoch × 2 devices × 0.5 × 3.6e9 ops/s / 3.6e9 = 4 nGAICPh, of 10 s × 1 device = 10.
    trace = Trace((Task("a", "fp64", 2, 500, 16, 30, 2),), MODELS, LENGTH, ())
    measured = AccountingMeter(trace, Replay()).measure(span(1))
    assert measured.raw == (0, 0, 4)
    assert measured.figures[ComputeClass.SUPER].utilisation_ppm == 400_000
    assert measured.samples == 1
    assert measured.covered_ms == 10_000
    assert measured.notes == ()


def test_measure__no_task_in_the_span__is_zero_with_the_capacity_told() -> None:
    measured = AccountingMeter(Trace((), MODELS, LENGTH, ()), Replay()).measure(span(1))
    assert measured.raw == (0, 0, 0)
    assert measured.figures[ComputeClass.GENERAL].capacity == 8 * 123_456_789_011


def test_measure__another_span_than_the_epoch__says_the_speed() -> None:
    measured = AccountingMeter(Trace((), MODELS, LENGTH, ()), Replay(span=30)).measure(span(1))
    assert measured.notes == ("30 s of the trace are replayed in 10 s: 3 times the speed of life",)


def test_windows__an_epoch_across_the_end__wraps_around() -> None:
    assert Replay(offset=55).windows(span(0), LENGTH) == [(55, 60), (0, 5)]
    assert Replay(offset=60).windows(span(0), LENGTH) == [(0, 10)]
    assert Replay(span=130).windows(span(0), LENGTH) == [(0, 60), (0, 60), (0, 10)]


@pytest.fixture(scope="module")
def sample() -> Trace:
    return read_trace(SAMPLE_FOLDER / "tasks.csv", SAMPLE_FOLDER / "devices.csv", generate.DAY_SECONDS)


def test_sample__written_again__is_the_same_to_the_byte(tmp_path: Path) -> None:
    generate.write(tmp_path)
    for name in ("tasks.csv", "devices.csv"):
        assert (tmp_path / name).read_bytes() == (SAMPLE_FOLDER / name).read_bytes()


def test_sample__as_bundled__needs_no_note_and_uses_all_classes(sample: Trace) -> None:
    assert sample.notes == ()
    assert {sample.models[task.model].compute_class for task in sample.tasks} == set(ComputeClass)


def test_sample__any_ten_seconds_of_the_day__are_of_the_order_of_a_small_machine(sample: Trace) -> None:
    meter = AccountingMeter(sample, Replay())
    outputs = [sum(meter.measure(span(epoch)).raw) for epoch in range(0, 8640, 20)]
    assert min(outputs) > 1_000
    assert max(outputs) < 20_000
