"""The ported rules by themselves: hypothesis over bounds, and the refusals of the constructors.

tests/contracts/test_simulation.py holds them to the deployed contracts.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import RangeError
from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation.exchange import Vouchers, part_of, price_of, split
from sbi_network.simulation.policy import IssuancePolicy, part_down
from sbi_network.simulation.vault import (
    INDEX_UNIT,
    MAX_PASSED,
    MIN_RELEASE_FLOOR,
    UINT112_MAX,
    Bounds,
    Issue,
    NotYetError,
    Passed,
    Vault,
)

NO_BRAKES = (0, 0, 2**64 - 1, 10_000)
BOUNDS = Bounds(0, 100, 1_000, 10**18, MIN_RELEASE_FLOOR, 11_000, *NO_BRAKES)


def final(output: int) -> tuple[Outcome, int]:
    return Outcome.FINAL, output


@given(
    st.lists(st.tuples(st.integers(0, 2**70), st.integers(0, 2**39)), min_size=1, max_size=12), st.integers(1, 10**18)
)
def test_distribute__any_outputs__bounded_and_conserved(epochs: list[tuple[int, int]], rate: int) -> None:
    vault = Vault(BOUNDS, lambda _: IssuancePolicy(rate, 5_000))
    vault.admit(1)
    entitled = 0
    for epoch, (output, heads) in enumerate(epochs):
        vault.admit(min(heads, 2**40 - 1 - vault.headcount))
        before = vault.last_release * INDEX_UNIT
        issue = vault.distribute(BOUNDS.end_of(epoch), lambda _, output=output: final(output))[0]  # type: ignore[misc]
        assert isinstance(issue, Issue)
        assert issue.issued == issue.dividend * issue.headcount
        assert issue.issued <= max(Fraction(BOUNDS.release_floor), Fraction(11, 10) * before)
        assert issue.entitlement <= min(output, 2**64 - 1) * rate
        entitled += issue.entitlement
    assert vault.issued + vault.reserve == entitled
    assert vault.issued <= UINT112_MAX
    assert vault.reserve <= UINT112_MAX


def test_distribute__a_long_backlog__bounded_steps() -> None:
    vault = Vault(BOUNDS, lambda _: IssuancePolicy(1, 10_000))
    vault.admit(1)
    passed = vault.distribute(10**6, lambda _: (Outcome.SKIPPED, 0))
    assert passed == [Passed(epoch, None) for epoch in range(MAX_PASSED)]


@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.PENDING])
def test_distribute__not_final__waits(outcome: Outcome) -> None:
    vault = Vault(BOUNDS, lambda _: IssuancePolicy(1, 10_000))
    vault.admit(1)
    with pytest.raises(NotYetError):
        vault.distribute(150, lambda _: (outcome, 0))
    assert vault.next_epoch == 0


def test_distribute__nobody__waits() -> None:
    vault = Vault(BOUNDS, lambda _: IssuancePolicy(1, 10_000))
    with pytest.raises(NotYetError):
        vault.distribute(150, lambda _: final(5))


def test_distribute__before_its_end__waits_whatever_the_source_says() -> None:
    vault = Vault(BOUNDS, lambda _: IssuancePolicy(1, 10_000))
    vault.admit(1)
    with pytest.raises(NotYetError):
        vault.distribute(99, lambda _: final(5))


def test_bounds__where_the_constructor_reverts__range_error() -> None:
    for change in (
        (10**18, MIN_RELEASE_FLOOR, 9_999),
        (10**18, MIN_RELEASE_FLOOR - 1, 10_000),
        (2**112, 10**19, 10_000),
    ):
        with pytest.raises(RangeError):
            Bounds(0, 100, 1_000, *change, *NO_BRAKES)
    with pytest.raises(RangeError):
        Bounds(0, 100, 1_000, 10**18, MIN_RELEASE_FLOOR, 10_000, 0, 0, 0, 9_999)
    for rate, release in ((0, 100), (10**18 + 1, 100), (1, 99), (1, 10_001)):
        with pytest.raises(RangeError):
            IssuancePolicy(rate, release)
    with pytest.raises(RangeError):
        Vault(BOUNDS, lambda _: IssuancePolicy(1, 100)).admit(2**40)


@given(st.integers(0, 2**112), st.integers(0, 3_000), st.integers(0, 7_000))
def test_split__any_amount__adds_up(amount: int, fee: int, recirculated: int) -> None:
    parts = split(amount, fee, recirculated)
    assert sum(parts) == amount
    assert parts.fee == part_down(amount, fee)
    assert min(parts) >= 0


@given(st.integers(0, 2**64), st.integers(0, 2**16 - 1), st.integers(1, 10**18))
def test_price_of__any__rounded_up(units: int, weight: int, rate: int) -> None:
    exact = Fraction(units * weight * rate, 16)
    assert exact <= price_of(units, weight, rate) < exact + 1


@given(st.integers(0, 2**112), st.floats(0, 1))
def test_part_of__any_share__within_and_rounded_down(amount: int, share: float) -> None:
    part = part_of(amount, share)
    assert 0 <= part <= amount
    assert part <= Fraction(share) * amount * (1 + Fraction(1, 2**50)) or part == amount


def test_vouchers__sold_and_settled__escrow_is_what_is_outstanding() -> None:
    vouchers = Vouchers(3, 1_000, 2_000)
    for epoch in range(9):
        settled = vouchers.settle(epoch, 0.75)
        vouchers.sell(epoch, 1_001, 7)
        assert vouchers.escrow == vouchers.outstanding() == 1_008 * min(epoch + 1, 3)
        if epoch >= 3:
            assert settled.refunded_citizens == 1_001 - 750
            assert sum(settled.split) + settled.refunded_citizens + settled.refunded_enterprises == 1_008
