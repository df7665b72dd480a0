"""Capacity: how many FP32 operations a second this machine really does, by doing them against the clock.

A product of an m × k by a k × n matrix is 2·m·n·k operations (a multiplication and an addition for each of the m·n·k
terms), whatever algorithm the library uses inside.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sbi_network.meter.errors import CapacityError

MIN_SAMPLE_SECONDS = 1.0
MIN_WINDOW = 5
MIN_SIZE = 64

_ENTRY_LIMIT = 16
MAX_SIZE = 2**24 // _ENTRY_LIMIT**2
"""Entries are integers in [-16, 16), so a partial sum of k terms is at most 256·k in size, and FP32 holds integers up
to 2^24 exactly: up to k = 65,536 the product is exact in any order of summation, and can be checked to the bit."""


@dataclass(frozen=True, slots=True, order=True)
class CapacitySample:
    """`operations` done within `elapsed_ns`; `at_ns` is when it ended, on the meter's clock."""

    at_ns: int
    operations: int
    elapsed_ns: int

    @property
    def rate(self) -> int:
        """Operations per second, rounded down."""
        return self.operations * 1_000_000_000 // self.elapsed_ns


class MatrixBench:
    """Timed FP32 products of two integer-valued square matrices, by numpy's BLAS on all the threads it takes.

    The time is the wall clock's, not the process's: where other programs hold the cores, fewer products fit into it
    and the figure falls. That is meant. It is what the machine could give now, a lower bound of what it has.
    """

    def __init__(self, size: int, seconds: float = MIN_SAMPLE_SECONDS) -> None:
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise CapacityError(f"matrix size {size}: given outside {MIN_SIZE} to {MAX_SIZE}, where FP32 is exact")
        if seconds < MIN_SAMPLE_SECONDS:
            raise CapacityError(f"a sample of {seconds} s: at least {MIN_SAMPLE_SECONDS} s is needed")
        self._size = size
        self._least_ns = int(seconds * 1e9)
        self._a, self._b = _integer_matrices(size)
        self._c: npt.NDArray[np.float32] = np.zeros((size, size), dtype=np.float32)
        self._row = 0
        self._multiply()  # starts the threads and touches the pages before any clock runs

    def sample(self, clock_ns: int | None = None) -> CapacitySample:
        """Take one sample: blocks for at least its length. Raises CapacityError where the product is wrong.

        `clock_ns` is the meter's clock at the start (the system's, if not given).
        """
        begin = time.time_ns() if clock_ns is None else clock_ns
        products, elapsed = 0, 0
        started = time.perf_counter_ns()
        while elapsed < self._least_ns:
            self._multiply()
            products += 1
            elapsed = time.perf_counter_ns() - started
        self._check_a_row()
        return CapacitySample(begin + elapsed, 2 * self._size**3 * products, elapsed)

    def _multiply(self) -> None:
        np.matmul(self._a, self._b, out=self._c)

    def _check_a_row(self) -> None:
        """One row, another each time, against 64-bit integers: fast but wrong products are no capacity."""
        row = self._row
        self._row = (row + 1) % self._size
        expected = self._a[row].astype(np.int64) @ self._b.astype(np.int64)
        if not np.array_equal(self._c[row], expected):
            raise CapacityError(f"row {row} of a product of size {self._size} is wrong: this BLAS cannot be trusted")


class CapacityWindow:
    """The samples that the capacity of a span follows from.

    **The rule.** All samples taken within the span, and in any case the last `window` (five or more) before its end;
    none older than `max_age_ns` at the end. Capacity is their median, the lower of the middle two where their number
    is even. With fewer than `window` of them capacity is unknown, and the span gets no reading.
    """

    def __init__(self, window: int, max_age_ns: int) -> None:
        if window < MIN_WINDOW:
            raise CapacityError(f"a window of {window} samples: at least {MIN_WINDOW} are needed")
        self.window = window
        self._max_age_ns = max_age_ns
        self._samples: list[CapacitySample] = []

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, sample: CapacitySample) -> None:
        """Take in a sample."""
        insort(self._samples, sample)

    def drop_before(self, at_ns: int) -> None:
        """Forget the samples before `at_ns`, but never the last `window`."""
        spare = max(0, len(self._samples) - self.window)
        del self._samples[: min(spare, self._place(at_ns))]

    def used(self, start_ns: int, end_ns: int) -> Sequence[CapacitySample]:
        """The samples that count for a span by the rule; none where they are too few."""
        until = bisect_right(self._samples, end_ns, key=_taken_at)
        first = max(min(self._place(start_ns), until - self.window), self._place(end_ns - self._max_age_ns))
        used = self._samples[max(first, 0) : until]
        return used if len(used) >= self.window else []

    def _place(self, at_ns: int) -> int:
        return bisect_left(self._samples, at_ns, key=_taken_at)


def median_rate(samples: Sequence[CapacitySample]) -> int:
    """The lower median of the samples' rates. There is one sample at least."""
    rates = sorted(sample.rate for sample in samples)
    return rates[(len(rates) - 1) // 2]


def _taken_at(sample: CapacitySample) -> int:
    return sample.at_ns


def _integer_matrices(size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    generator = np.random.default_rng(size)
    a = generator.integers(-_ENTRY_LIMIT, _ENTRY_LIMIT, (size, size), dtype=np.int8)
    b = generator.integers(-_ENTRY_LIMIT, _ENTRY_LIMIT, (size, size), dtype=np.int8)
    return a.astype(np.float32), b.astype(np.float32)
