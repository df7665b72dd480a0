"""The host meter: its arithmetic on known counters and samples, and this machine's real figures.

measure ── by hand ── never above what was done ── not observed ── capacity unknown ── real (slow)
"""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import time

import pytest

from sbi_network.meter.capacity import CapacitySample
from sbi_network.meter.errors import CapacityError, NotMeasuredError
from sbi_network.meter.host import HostMeter, HostSettings
from sbi_network.meter.measurement import EpochSpan, Measurement
from sbi_network.meter.utilisation import CpuCounters

S = 1_000_000_000
T0 = 1_700_000_000


class FakeBench:
    """Samples of rates given beforehand, the last one again and again."""

    def __init__(self, *rates: int) -> None:
        self._rates = list(rates)

    def sample(self, clock_ns: int | None = None) -> CapacitySample:
        rate = self._rates.pop(0) if len(self._rates) > 1 else self._rates[0]
        assert clock_ns is not None
        return CapacitySample(clock_ns, rate, S)


class FakeCounters:
    """A machine of two cores whose others keep `load` cores busy, by the test's clock."""

    cores = 2

    def __init__(self, clock: list[float], load: float) -> None:
        self._clock, self._load = clock, load

    def read(self) -> CpuCounters:
        now = int(self._clock[0] * S)
        return CpuCounters(now, now, (int((self._clock[0] - T0) * self._load * S),), 0)


def host(clock: list[float], load: float, *rates: int) -> HostMeter:
    return HostMeter(HostSettings(), lambda: clock[0], 100.0, FakeBench(*rates), FakeCounters(clock, load))  # type: ignore[arg-type]


def observed(clock: list[float], meter: HostMeter, seconds: int) -> None:
    asyncio.run(meter.fill_window(asyncio.Event()))
    meter.observe()
    for _ in range(seconds):
        clock[0] += 1
        meter.observe()


def test_measure__known_counters_and_samples__gives_the_figures_by_hand() -> None:
    # 360 Gop/s × 0.75 (1.5 of 2 cores) × 10 s / 3.6e9 = 750 nGAICPh; the median of the five is 360.
    clock = [float(T0)]
    meter = host(clock, 1.5, 100 * S, 900 * S, 360 * S, 350 * S, 370 * S)
    observed(clock, meter, 10)
    measured = asyncio.run(meter.measure(EpochSpan(0, T0, T0 + 10)))
    assert measured.raw == (750, 0, 0)
    assert measured.figures[0].capacity == 360 * S
    assert measured.figures[0].utilisation_ppm == 750_000
    assert (measured.covered_ms, measured.samples, measured.notes) == (10_000, 10, ())
    assert measured.method.startswith("host: median of 5 timed FP32 products of size 2048; busy time of 2 cores")


def test_measure__started_within_the_epoch__counts_only_what_was_seen() -> None:
    clock = [float(T0 + 6)]
    meter = host(clock, 2.0, 360 * S)
    observed(clock, meter, 4)
    measured = asyncio.run(meter.measure(EpochSpan(0, T0, T0 + 10)))
    assert measured.raw == (400, 0, 0)
    assert measured.notes == ("6.0 s were not observed and count as no output",)


def test_measure__at_the_very_end__takes_a_last_sample_first() -> None:
    clock = [float(T0)]
    meter = host(clock, 2.0, 360 * S)
    observed(clock, meter, 9)
    clock[0] += 1
    assert asyncio.run(meter.measure(EpochSpan(0, T0, T0 + 10))).raw == (1000, 0, 0)


def test_measure__an_idle_machine__is_zero() -> None:
    clock = [float(T0)]
    meter = host(clock, 0.0, 360 * S)
    observed(clock, meter, 10)
    assert asyncio.run(meter.measure(EpochSpan(0, T0, T0 + 10))).raw == (0, 0, 0)


def test_measure__an_epoch_before_the_start__is_not_measured() -> None:
    clock = [float(T0 + 10)]
    meter = host(clock, 2.0, 360 * S)
    observed(clock, meter, 5)
    with pytest.raises(NotMeasuredError, match="epoch 0: the machine was not observed"):
        asyncio.run(meter.measure(EpochSpan(0, T0, T0 + 10)))


def test_measure__fewer_than_five_samples__is_not_measured() -> None:
    clock = [float(T0)]
    meter = host(clock, 2.0, 360 * S)
    for _ in range(11):
        meter.observe()
        clock[0] += 1
    with pytest.raises(NotMeasuredError, match="capacity is not known: fewer than 5 samples"):
        asyncio.run(meter.measure(EpochSpan(0, T0, T0 + 10)))


def test_capacity__before_and_after_the_window_is_full__is_zero_then_the_median() -> None:
    clock = [float(T0)]
    meter = host(clock, 1.0, 5 * S)
    assert meter.capacity() == (0, 0, 0)
    asyncio.run(meter.fill_window(asyncio.Event()))
    assert meter.capacity() == (5 * S, 0, 0)


def test_run__told_to_stop__returns() -> None:
    async def started_and_stopped() -> HostMeter:
        clock, stop = [float(T0)], asyncio.Event()
        meter = host(clock, 1.0, 5 * S)
        asyncio.get_running_loop().call_later(0.1, stop.set)
        await asyncio.wait_for(meter.run(stop), timeout=5)
        return meter

    assert asyncio.run(started_and_stopped()).capacity() == (5 * S, 0, 0)


def test_run__a_sample_that_fails__ends_it_with_the_error() -> None:
    class BrokenBench:
        def sample(self, clock_ns: int | None = None) -> CapacitySample:
            raise CapacityError("row 0 is wrong")

    clock = [float(T0)]
    meter = HostMeter(HostSettings(), lambda: clock[0], 100.0, BrokenBench(), FakeCounters(clock, 1.0))  # type: ignore[arg-type]
    with pytest.raises(ExceptionGroup) as error:
        asyncio.run(asyncio.wait_for(meter.run(asyncio.Event()), timeout=5))
    assert error.group_contains(CapacityError, match="row 0 is wrong")


async def _measured_here(seconds: int) -> Measurement:
    settings = HostSettings(matrix_size=1024, capacity_interval=2.0, counter_interval=0.25)
    meter, stop = HostMeter(settings, time.time, 60.0), asyncio.Event()
    running = asyncio.create_task(meter.run(stop))
    while not any(meter.capacity()):
        await asyncio.wait([running], timeout=0.1)
    start = math.ceil(time.time())
    await asyncio.sleep(start + seconds - time.time())
    measured = await meter.measure(EpochSpan(0, start, start + seconds))
    stop.set()
    await running
    return measured


@pytest.mark.slow
def test_measure__this_machine_with_one_busy_process__credits_it_and_not_the_meter() -> None:
    """One process spins; the meter samples its capacity meanwhile and must not add that to the output."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        measured = asyncio.run(_measured_here(6))
        other.kill()
    general = measured.figures[0]
    print(measured.words())
    assert measured.covered_ms == 6_000
    assert general.capacity > 100_000_000
    assert general.utilisation_ppm > 100_000
    most = general.capacity * 6 // 3_600_000_000
    assert 0 < general.raw <= most
