"""Views by the clock: view 0 until gather_seconds and one view after the end, then one after the other.

at, end_of      each moment is in the view that ends next; after every f + 1 views they are longer, up to four times

first_unsigned  before the end → 0; later → beyond what a process that ended then can have been in, tolerance included
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sbi_network.oracle.config import Timings
from sbi_network.oracle.views import VIEW_TOLERANCE, Views
from tests.oracles.oracle.simulated import CLOCK, EPOCH

VIEWS = Views.of(EPOCH, CLOCK, Timings(gather_seconds=10, view_seconds=15), oracles=7)
END = CLOCK.end_of(EPOCH)


def test_at__each_moment__is_the_view_that_ends_next() -> None:
    assert [VIEWS.at(END + seconds) for seconds in (-5, 0, 10, 24.9, 25, 40)] == [0, 0, 0, 0, 1, 2]
    assert [VIEWS.end_of(view) - END for view in (0, 1, 2)] == [25, 40, 55]


def test_end_of__after_every_turn__views_are_longer() -> None:
    ends = [VIEWS.end_of(view) for view in range(12)]
    lengths = [later - earlier for earlier, later in zip([VIEWS.first_at, *ends], ends, strict=False)]
    assert lengths == [15] * 3 + [30] * 3 + [60] * 6


@given(st.integers(0, 10_000), st.floats(0.01, 0.99), st.sampled_from([4, 7, 16, 31]), st.floats(0.1, 3600))
def test_at__within_a_view__is_that_view(view: int, part: float, oracles: int, seconds: float) -> None:
    views = Views.of(EPOCH, CLOCK, Timings(gather_seconds=10, view_seconds=seconds), oracles)
    begin = views.end_of(view - 1) if view else views.first_at
    assert views.at(begin + part * (views.end_of(view) - begin)) == view


@given(st.floats(END - 100, END + 10_000), st.floats(0, 10_000))
def test_first_unsigned__whatever_a_process_that_ended_then_took__is_later(ended: float, before: float) -> None:
    first = VIEWS.first_unsigned(ended)
    if ended < END:
        assert first == 0
    else:
        assert VIEWS.at(ended - before) + VIEW_TOLERANCE < first <= VIEWS.at(ended) + VIEW_TOLERANCE + 1
