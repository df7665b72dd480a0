"""Numbers with units: what they are worth, and what is refused.

parse ── each unit's worth, exact ── bare numbers, other dimensions, nan, inf, out of range
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from sbi_network.simulation import quantity
from sbi_network.simulation.quantity import Dimension


@pytest.mark.parametrize(
    ("dimension", "text", "worth"),
    [
        (quantity.CAPACITY, "906 EFLOPS", 906_000),
        (quantity.CAPACITY, "3 ZFLOPS", 3 * 10**6),
        (quantity.SHARE, "3.3 ‰", Fraction(33, 10_000)),
        (quantity.CHANGE, "-20 %/a", Fraction(-1, 5)),
        (quantity.RATE, "1 SBI/GAICPh", 10**9),
        (quantity.RATE, "7 wei/nGAICPh", 7),
        (quantity.MONEY, "0.000000000000000001 SBI", 1),
        (quantity.SPAN, "36 h", Fraction(3, 2)),
        (quantity.PEOPLE, "1.4 billion people", 1_400_000_000),
        (quantity.PEOPLE, "10_000 people", 10_000),
        (quantity.BPS, "12.5 %", 1_250),
        (quantity.HAZARD, "365 %/a", Fraction(1, 100)),
        (quantity.TURNOVER, "4.5 trillion CNY/a", Fraction(45 * 10**11, 365)),
    ],
)
def test_parse__a_number_with_its_unit__worth_it_exactly(
    dimension: Dimension, text: str, worth: int | Fraction
) -> None:
    assert dimension.parse(text) == worth


@pytest.mark.parametrize(
    "given",
    ["", "30", 30, 0.3, None, True, "% 30", "nan %", "inf %", "30 EFLOPS", "30 % /a", "1e999 %", "-1 %", "101 %",
     "3O %", "1,5 %", "٣ %", "1" * 80 + " %", ["30 %"], "1__0 %x"],
)  # fmt: skip
def test_parse__not_a_share__refused_with_what_was_expected(given: object) -> None:
    with pytest.raises(ValueError, match="expected a share"):
        quantity.SHARE.parse(given)


def test_dimensions__each__has_one_canonical_unit() -> None:
    dimensions = [each for each in vars(quantity).values() if isinstance(each, Dimension)]
    assert len(dimensions) > 12
    for dimension in dimensions:
        assert [worth for worth in dimension.units.values() if worth == 1] == [1], dimension.name
