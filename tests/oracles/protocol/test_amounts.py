"""Amounts with units: what is written reads back, and money and computing convert both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import FormatError, RangeError
from sbi_network.protocol.amounts import SBI, GAICPh


@given(st.integers(0, 2**112))
def test_amount__written_and_read__the_same(smallest: int) -> None:
    assert SBI(repr(SBI.of(smallest))) == smallest
    assert GAICPh(repr(GAICPh.of(smallest))) == smallest


@given(st.integers(0, 2**64), st.integers(1, 10**18))
def test_amount__to_money_and_back__exact(output: int, rate: int) -> None:
    assert GAICPh.of(output).at(rate).buys(rate) == output
    assert SBI.of(output * rate + rate - 1).buys(rate) == output


def test_amount__sum_and_difference__keep_the_unit() -> None:
    assert repr(SBI("1.5") + SBI.of(10**18)) == "2.5 SBI"
    assert repr(SBI("1") - SBI("2.5")) == "-1.5 SBI"
    assert repr(GAICPh("1,000") + 1) == "1,000.000000001 GAICPh"
    with pytest.raises(TypeError, match="expected an amount of SBI, given 1 GAICPh"):
        SBI("1") + GAICPh("1")


def test_amount__not_one__refused() -> None:
    with pytest.raises(FormatError):
        SBI("1 GAICPh")
    with pytest.raises(RangeError, match="a rate above zero"):
        SBI("1").buys(0)


def test_amount__less_than_nothing__written_as_it_prints() -> None:
    less = SBI("1") - SBI("2.5")
    assert str(less) == "-1.5 SBI"
    assert SBI(str(less)) == less
    assert GAICPh("-0.000000001") == -1
    with pytest.raises(FormatError):
        SBI("--1")


def test_amount__no_text__says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r'SBI: expected text, such as SBI\("1.5"\), given 3; SBI.of\(n\) counts'):
        SBI(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float"):
        GAICPh.of(1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="str"):
        GAICPh("1").at("7")  # type: ignore[arg-type]
