"""Limits.

visitors   └── by address; IPv6 by /64; what is no address is one and the same
allowance  ├── a burst, then at the rate; others are not concerned (hypothesis: never more than burst + rate × time)
           └── visitors beyond the memory → the longest unseen are forgotten
places     └── bounded in all and for each; given back
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network import limits
from sbi_network.limits import Allowance, Places, visitor_of


@pytest.mark.parametrize(
    ("host", "visitor"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("x" * 60_000, "unknown"),
        ("", "unknown"),
    ],
)
def test_visitor_of__any_host__is_told_from_others(host: str, visitor: str) -> None:
    assert visitor_of(host) == visitor


@given(
    burst=st.integers(1, 20),
    rate=st.floats(0.1, 50),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_allowance__whatever_the_pauses__is_burst_and_rate(burst: int, rate: float, pauses: list[float]) -> None:
    now = 0.0
    allowance = Allowance(rate, burst, lambda: now)
    granted = 0
    for pause in pauses:
        now += pause
        wait = allowance.wait_for("ada")
        granted += wait == 0
        assert 0 <= wait <= 1 / rate
        assert granted <= burst + rate * now + 1e-6
    assert allowance.wait_for("bob") == 0


def test_allowance__after_the_wait_it_named__grants() -> None:
    now = 0.0
    allowance = Allowance(2, 1, lambda: now)
    assert allowance.wait_for("ada") == 0
    wait = allowance.wait_for("ada")
    now += wait
    assert wait == pytest.approx(0.5)
    assert allowance.wait_for("ada") == 0


def test_allowance__after_a_long_pause__is_one_burst() -> None:
    now = 0.0
    allowance = Allowance(10, 2, lambda: now)
    allowance.wait_for("ada")
    now = 1_000.0
    assert [allowance.wait_for("ada") == 0 for _ in range(3)] == [True, True, False]


def test_allowance__more_visitors_than_memory__forgets_the_longest_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_REMEMBERED", 2)
    allowance = Allowance(0.001, 1, lambda: 0.0)
    assert [allowance.wait_for(name) for name in ("ada", "bob", "eve")] == [0, 0, 0]
    assert allowance.wait_for("eve") > 0
    assert allowance.wait_for("ada") == 0


def test_places__taken__are_bounded_and_come_back() -> None:
    places = Places(most=3, most_each=2)
    assert [places.enter("ada") for _ in range(3)] == [True, True, False]
    assert [places.enter("bob") for _ in range(2)] == [True, False]
    places.leave("ada")
    with places.place("bob") as entered:
        assert entered
        assert places.total == 3
    assert places.total == 2
    with places.place("eve") as entered:
        assert entered
