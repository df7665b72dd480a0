"""Capacity samples, the rule that turns samples into a figure, and a real machine under load.

MatrixBench ── settings refused ── a real sample ── a wrong product ── under competing load (slow)
CapacityWindow.used ── too few ── last five ── all within the span ── too old
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import numpy.typing as npt
import pytest

from sbi_network.meter.capacity import CapacitySample, CapacityWindow, MatrixBench, median_rate
from sbi_network.meter.errors import CapacityError

S = 1_000_000_000


def sample(second: float, rate: int = 100) -> CapacitySample:
    return CapacitySample(int(second * S), rate, S)


def window_of(*seconds: float, max_age: int = 100) -> CapacityWindow:
    window = CapacityWindow(5, max_age * S)
    for second in seconds:
        window.add(sample(second))
    return window


def used(window: CapacityWindow, start: int, end: int) -> list[int]:
    return [taken.at_ns // S for taken in window.used(start * S, end * S)]


def test_used__fewer_than_five__is_none() -> None:
    assert used(window_of(1, 2, 3, 4), 0, 10) == []


def test_used__none_within_the_span__takes_the_last_five_before_its_end() -> None:
    assert used(window_of(1, 2, 3, 4, 5, 6, 7), 20, 30) == [3, 4, 5, 6, 7]


def test_used__more_than_five_within_the_span__takes_them_all() -> None:
    assert used(window_of(1, 2, 3, 4, 5, 6, 7, 8, 9), 3, 8) == [3, 4, 5, 6, 7, 8]


def test_used__samples_after_the_span__do_not_count() -> None:
    assert used(window_of(1, 2, 3, 4, 5, 11, 12), 0, 10) == [1, 2, 3, 4, 5]


def test_used__samples_too_old__do_not_count() -> None:
    assert used(window_of(1, 2, 3, 4, 5), 100, 102) == []
    assert used(window_of(1, 2, 3, 4, 5), 100, 101) == [1, 2, 3, 4, 5]


def test_drop_before__old_samples__leaves_the_last_five() -> None:
    window = window_of(1, 2, 3, 4, 5, 6, 7)
    window.drop_before(5 * S)
    assert used(window, 0, 50) == [3, 4, 5, 6, 7]
    window.drop_before(50 * S)
    assert len(window) == 5


def test_median_rate__odd_and_even__is_the_middle_or_the_lower_of_two() -> None:
    assert median_rate([sample(0, rate) for rate in (9, 1, 5, 7, 3)]) == 5
    assert median_rate([sample(0, rate) for rate in (9, 1, 5, 7, 3, 8)]) == 5


def test_capacity_window__fewer_than_five__is_refused() -> None:
    with pytest.raises(CapacityError, match="a window of 4 samples"):
        CapacityWindow(4, S)


@pytest.mark.parametrize("size", [63, 65_537])
def test_matrix_bench__a_size_at_which_fp32_is_not_exact__is_refused(size: int) -> None:
    with pytest.raises(CapacityError, match=f"matrix size {size}"):
        MatrixBench(size)


def test_matrix_bench__a_sample_below_a_second__is_refused() -> None:
    with pytest.raises(CapacityError, match=r"a sample of 0\.5 s"):
        MatrixBench(64, 0.5)


def test_sample__this_machine__takes_a_second_and_counts_whole_products() -> None:
    taken = MatrixBench(256).sample(5 * S)
    assert taken.elapsed_ns >= S
    assert taken.at_ns == 5 * S + taken.elapsed_ns
    assert taken.operations % (2 * 256**3) == 0
    assert taken.rate == taken.operations * S // taken.elapsed_ns
    assert taken.rate > 100_000_000  # a tenth of one Gop/s: any machine that runs Python


def test_sample__a_product_that_is_wrong__is_no_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    def nearly(a: object, b: object, out: npt.NDArray[np.float32]) -> None:
        out.fill(1.0)

    bench = MatrixBench(64)
    monkeypatch.setattr(np, "matmul", nearly)
    with pytest.raises(CapacityError, match="row 0 of a product of size 64 is wrong"):
        bench.sample()


@contextmanager
def competitors(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that do nothing but work; stopped to begin with."""
    with ExitStack() as stack:
        running = []
        for _ in range(count):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(process.kill)
            process.send_signal(signal.SIGSTOP)
            running.append(process)
        yield running


@pytest.mark.slow
def test_sample__all_cores_busy_with_other_work__falls() -> None:
    """Idle and loaded samples take turns, so that whatever else this machine does falls on both alike.

    Two competitors for each core leave the products about a third of the time; any figure below 85 % is taken.
    """
    bench = MatrixBench(1024)
    idle, loaded = [], []
    with competitors(2 * (os.cpu_count() or 1)) as others:
        for _ in range(5):
            idle.append(bench.sample().rate)
            for other in others:
                other.send_signal(signal.SIGCONT)
            loaded.append(bench.sample().rate)
            for other in others:
                other.send_signal(signal.SIGSTOP)
    ratio = statistics.median(loaded) / statistics.median(idle)
    print(f"idle {statistics.median(idle) / 1e9:.1f} Gop/s, loaded {statistics.median(loaded) / 1e9:.1f}, {ratio:.2f}")
    assert ratio < 0.85
