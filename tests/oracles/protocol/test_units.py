"""Units.

operations and nGAICPh   one unit, one short of it, a GAICPh, widths
public_output_down       published examples, bounds by rationals, out of range
format and parse         examples, round trip, garbage
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import FormatError, RangeError
from sbi_network.protocol.units import (
    FIRST_WEIGHTS_X16,
    ComputeClass,
    format_gaicph,
    format_sbi,
    operations_from_nano,
    parse_gaicph,
    parse_sbi,
    public_output_down,
    raw_nano_down,
    weight_x16,
    weighted_nano_down,
)


def test_raw_nano_down__one_operation_short__is_rounded_down() -> None:
    assert raw_nano_down(3_600_000_000) == 1
    assert raw_nano_down(3_599_999_999) == 0
    assert raw_nano_down(3_600_000_000_000_000_000) == 10**9


def test_operations_from_nano__one_gaicph__is_a_petaflop_for_an_hour() -> None:
    assert operations_from_nano(10**9) == 10**15 * 3600


@pytest.mark.parametrize(("bits", "sixteenths"), [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)])
def test_weight_x16__operand_width__is_width_over_16(bits: int, sixteenths: int) -> None:
    assert weight_x16(bits) == sixteenths


@pytest.mark.parametrize("bits", [0, -8, 65, True, 16.0])
def test_weight_x16__no_operand_width__refused(bits: object) -> None:
    with pytest.raises(RangeError, match="operand_bits"):
        weight_x16(bits)  # type: ignore[arg-type]


def test_weighted_nano_down__int8__counts_half() -> None:
    assert weighted_nano_down(2 * 3_600_000_000, 8) == 1
    assert weighted_nano_down(3_600_000_000, 64) == 4


def test_first_weights__by_class__are_those_of_the_precisions() -> None:
    assert FIRST_WEIGHTS_X16[ComputeClass.GENERAL] == weight_x16(32)
    assert FIRST_WEIGHTS_X16[ComputeClass.INTELLIGENT] == weight_x16(16)
    assert FIRST_WEIGHTS_X16[ComputeClass.SUPER] == weight_x16(64)


@pytest.mark.parametrize(
    ("raw", "share", "output"),
    [
        ((1000, 0, 0), 10_000, 2000),
        ((0, 1000, 0), 10_000, 1000),
        ((0, 0, 1000), 10_000, 4000),
        ((0, 1, 0), 9_999, 0),
        ((1, 1, 1), 5_000, 3),  # 7 / 2, rounded once: each class by itself would give 1 + 0 + 2
        ((1, 1, 1), 0, 0),
    ],
)
def test_public_output_down__examples__as_worked_by_hand(raw: tuple[int, int, int], share: int, output: int) -> None:
    assert public_output_down(raw, (32, 16, 64), share) == output


@given(st.tuples(*[st.integers(0, 2**60)] * 3), st.tuples(*[st.integers(0, 64)] * 3), st.integers(0, 10_000))
def test_public_output_down__any_figures__less_than_one_below_the_exact(
    raw: tuple[int, int, int], weights: tuple[int, int, int], share: int
) -> None:
    exact = sum(Fraction(r * w, 16) for r, w in zip(raw, weights, strict=True)) * Fraction(share, 10_000)
    assert 0 <= exact - public_output_down(raw, weights, share) < 1


@pytest.mark.parametrize(
    ("raw", "weights", "share"),
    [
        ((2**64, 0, 0), (0, 0, 0), 1),
        ((-1, 0, 0), (16, 16, 16), 1),
        ((2**64 - 1, 0, 0), (17, 16, 16), 10_000),
        ((1, 0, 0), (16, 16, 16), 10_001),
        ((1, 0, 0), (-16, 16, 16), 1),
    ],
)
def test_public_output_down__out_of_range__refused(
    raw: tuple[int, int, int], weights: tuple[int, int, int], share: int
) -> None:
    with pytest.raises(RangeError):
        public_output_down(raw, weights, share)


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0 GAICPh"),
        (1, "0.000000001 GAICPh"),
        (10**9, "1 GAICPh"),
        (1_234_500_000_000, "1,234.5 GAICPh"),
        (10**11, "100 GAICPh"),
    ],
)
def test_format_gaicph__examples__as_people_read_it(nano: int, text: str) -> None:
    assert format_gaicph(nano) == text


def test_format_sbi__one_wei__eighteen_decimals() -> None:
    assert format_sbi(1) == "0.000000000000000001 SBI"
    assert format_sbi(1_234_567 * 10**18 + 10**17) == "1,234,567.1 SBI"


@given(st.integers(0, 2**256 - 1))
def test_parse__what_format_wrote__is_exact(amount: int) -> None:
    assert parse_sbi(format_sbi(amount)) == amount
    assert parse_gaicph(format_gaicph(amount)) == amount


@pytest.mark.parametrize(
    ("text", "wei"), [("1.5", 15 * 10**17), ("1,000", 10**21), ("007", 7 * 10**18), ("2 SBI", 2 * 10**18)]
)
def test_parse_sbi__what_people_write__read(text: str, wei: int) -> None:
    assert parse_sbi(text) == wei


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "-1",
        "+1",
        "1.",
        ".5",
        "1e3",
        "1,00",
        "1,0000",
        "1 GAICPh",
        "1  SBI",
        "1sbi",
        "0x1",
        "\u0661",
        "1_000",
        "NaN",
        "0." + "0" * 18 + "1",
        "9" * 5000,
        str(2**256),
    ],
)
def test_parse_sbi__garbage__refused(text: str) -> None:
    with pytest.raises(FormatError, match="SBI"):
        parse_sbi(text)
