"""Counters to usage: what counts, and everything that must not.

usage ── whole span ── edges ── gaps ── counters backwards ── clock set ── own work ── bounds
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.meter.utilisation import CpuCounters, OsCounters, Usage, UsageLog

S = 1_000_000_000
CORES = 2


def log_of(*samples: CpuCounters, max_gap: int = 5 * S) -> UsageLog:
    log = UsageLog(CORES, max_gap)
    for sample in samples:
        log.add(sample)
    return log


def at(
    second: float, user: float, own: float = 0.0, system: float = 0.0, monotonic: float | None = None
) -> CpuCounters:
    steady = second if monotonic is None else monotonic
    return CpuCounters(int(second * S), int(steady * S), (int(user * S), int(system * S)), int(own * S))


def steady(start: int, end: int, busy_per_second: float) -> list[CpuCounters]:
    return [at(second, second * busy_per_second) for second in range(start, end + 1)]


def test_usage__a_steady_load__is_covered_and_counted_whole() -> None:
    usage = log_of(*steady(0, 20, 1.5)).usage(5 * S, 15 * S)
    assert usage == Usage(10 * S, 15 * S, 10, ())


def test_usage__edges_within_an_interval__count_by_their_part() -> None:
    usage = log_of(at(0, 0), at(4, 4)).usage(1 * S, 2 * S)
    assert usage == Usage(1 * S, 1 * S, 1, ())


def test_usage__observed_only_for_a_part__the_rest_is_no_output_and_said() -> None:
    usage = log_of(*steady(7, 20, 2.0)).usage(0, 10 * S)
    assert usage == Usage(3 * S, 6 * S, 3, ("7.0 s were not observed and count as no output",))


def test_usage__a_gap_between_samples__covers_nothing_and_is_said() -> None:
    usage = log_of(*steady(0, 2, 2.0), *steady(9, 10, 2.0)).usage(0, 10 * S)
    assert usage.work_core_ns == 3 * 2 * S
    assert usage.notes == (
        "1 intervals do not count: samples too far apart",
        "7.0 s were not observed and count as no output",
    )


@pytest.mark.parametrize(
    "second",
    [at(1, 49), at(1, 500, system=-1), at(1, 500, own=-1)],
    ids=["busy", "one kind of busy while another leaps", "own"],
)
def test_usage__counters_that_go_backwards__create_no_output(second: CpuCounters) -> None:
    usage = log_of(at(0, 50), second).usage(0, 1 * S)
    assert usage.work_core_ns == 0
    assert usage.covered_ns == 0
    assert usage.notes[0] == "1 intervals do not count: counters went backwards"


def test_usage__after_a_reset__goes_on_from_the_new_counters() -> None:
    usage = log_of(at(0, 1000), at(1, 0), at(2, 1), at(3, 2)).usage(0, 3 * S)
    assert (usage.covered_ns, usage.work_core_ns) == (2 * S, 2 * S)


def test_usage__the_clock_set_forward__voids_the_interval() -> None:
    usage = log_of(at(0, 0), at(4, 1, monotonic=1)).usage(0, 4 * S)
    assert (usage.covered_ns, usage.work_core_ns) == (0, 0)
    assert usage.notes[0] == "1 intervals do not count: the clock was set"


def test_usage__the_clock_set_back__counts_no_second_twice() -> None:
    first = [at(second, 2 * second) for second in range(11)]
    again = [at(5 + second, 20 + 2 * second, monotonic=11 + second) for second in range(6)]
    usage = log_of(*first, *again).usage(0, 10 * S)
    assert (usage.covered_ns, usage.work_core_ns) == (10 * S, 20 * S)
    assert usage.notes == ("5 intervals do not count: the clock was set back",)


def test_usage__the_meters_own_work__is_taken_off() -> None:
    usage = log_of(at(0, 0), at(1, 2.0, own=1.5)).usage(0, 1 * S)
    assert usage.work_core_ns == S // 2


def test_usage__own_work_beyond_what_the_machine_shows__is_no_negative_output() -> None:
    assert log_of(at(0, 0), at(1, 1.0, own=1.5)).usage(0, 1 * S).work_core_ns == 0


def test_usage__ticks_that_come_late__even_out_over_the_span() -> None:
    """An idle machine but for the meter: busy ticks show in the second after the one that did them."""
    samples = [at(0, 0), at(1, 0, own=1), at(2, 1, own=1), at(3, 1, own=2), at(4, 2, own=2)]
    assert log_of(*samples).usage(0, 4 * S).work_core_ns == 0


def test_usage__more_than_all_cores_can_do__is_bounded() -> None:
    assert log_of(at(0, 0), at(1, 99)).usage(0, 1 * S).work_core_ns == CORES * S


def test_usage__nothing_sampled__covers_nothing() -> None:
    assert log_of(at(0, 0)).usage(0, S) == Usage(0, 0, 0, ("1.0 s were not observed and count as no output",))


def test_drop_before__old_intervals__are_forgotten() -> None:
    log = log_of(*steady(0, 20, 1.0))
    log.drop_before(10 * S)
    assert log.usage(0, 9 * S).covered_ns == 0
    assert log.usage(10 * S, 20 * S).covered_ns == 10 * S


SAMPLES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 30), st.integers(0, 10)), min_size=2, max_size=15
)


@given(SAMPLES, st.integers(0, 20), st.integers(1, 20))
def test_usage__whatever_the_counters_say__is_bounded_by_time_and_cores(
    samples: list[tuple[int, int, int, int]], start: int, length: int
) -> None:
    log = log_of(*[at(second, user, own, monotonic=mono) for second, mono, user, own in samples])
    usage = log.usage(start * S, (start + length) * S)
    assert 0 <= usage.covered_ns <= length * S
    assert 0 <= usage.work_core_ns <= CORES * usage.covered_ns


@given(st.lists(st.integers(0, 2 * S), min_size=4, max_size=30), st.data())
def test_usage__neighbouring_spans__never_add_up_to_more_than_the_whole(busy: list[int], data: st.DataObject) -> None:
    log, total = UsageLog(CORES, 5 * S), 0
    for second, work in enumerate([0, *busy]):
        total += work
        log.add(CpuCounters(second * S, second * S, (total,), 0))
    cut = data.draw(st.integers(1, len(busy) * S - 1))
    parts = [log.usage(0, cut), log.usage(cut, len(busy) * S)]
    assert sum(part.work_core_ns for part in parts) <= total
    assert sum(part.covered_ns for part in parts) == len(busy) * S


def test_read__the_real_counters__go_forward_and_have_cores() -> None:
    source = OsCounters()
    first, second = source.read(), source.read()
    assert source.cores >= 1
    assert all(later >= earlier for earlier, later in zip(first.busy_ns, second.busy_ns, strict=True))
    assert second.own_ns >= first.own_ns > 0
