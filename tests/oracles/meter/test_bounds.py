"""The Clopper–Pearson bound against scipy's beta quantiles, and against what it promises.

failure_share_up ── known figures ── any audits ── nothing audited ── range ── coverage by counting
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import RangeError
from sbi_network.meter.bounds import MAX_CHALLENGES, PPM, failure_share_up


@pytest.mark.parametrize(
    ("challenges", "failures", "percent_95", "percent_99"),
    [(59, 0, 4.95, 7.51), (299, 0, 1.00, 1.53), (300, 3, 2.56, 3.31), (1000, 10, 1.69, 2.00), (3000, 30, 1.35, 1.51)],
)
def test_failure_share_up__known_audits__is_the_known_bound(
    challenges: int, failures: int, percent_95: float, percent_99: float
) -> None:
    assert failure_share_up(challenges, failures) / 10_000 == pytest.approx(percent_95, abs=0.006)
    assert failure_share_up(challenges, failures, 990_000) / 10_000 == pytest.approx(percent_99, abs=0.006)


@st.composite
def audits(draw: st.DrawFn, most: int = 400) -> tuple[int, int]:
    challenges = draw(st.integers(0, most))
    return challenges, draw(st.integers(0, challenges))


@settings(deadline=None)
@given(audits(), st.integers(1, PPM - 1))
def test_failure_share_up__any_audits__is_scipys_bound_rounded_up(audit: tuple[int, int], confidence: int) -> None:
    beta = pytest.importorskip("scipy.stats", reason="scipy is not installed").beta
    challenges, failures = audit
    exact = beta.ppf(confidence / PPM, failures + 1, challenges - failures) if failures < challenges else 1.0
    bound = failure_share_up(challenges, failures, confidence)
    assert bound == pytest.approx(math.ceil(exact * PPM), abs=1)
    assert bound >= exact * PPM - 1e-3  # scipy's own precision


@given(st.integers(1, 60), st.integers(0, PPM))
@settings(deadline=None)
def test_failure_share_up__a_true_share_above_the_bound__is_as_rare_as_promised(challenges: int, truth: int) -> None:
    """By counting: the chance of audits whose bound lies below the true share is at most 5 %."""
    true_share = truth / PPM
    missed = sum(
        math.comb(challenges, failures) * true_share**failures * (1 - true_share) ** (challenges - failures)
        for failures in range(challenges + 1)
        if failure_share_up(challenges, failures) < truth
    )
    assert missed <= 0.05 + 1e-9


@given(audits(100))
def test_failure_share_up__one_more_failure__never_lowers_it(audit: tuple[int, int]) -> None:
    challenges, failures = audit
    if failures < challenges:
        assert failure_share_up(challenges, failures) <= failure_share_up(challenges, failures + 1)
    assert failure_share_up(challenges + 1, failures) <= failure_share_up(challenges, failures)


def test_failure_share_up__no_audit_or_all_failed__is_everything() -> None:
    assert failure_share_up(0, 0) == PPM
    assert failure_share_up(10, 10) == PPM


@pytest.mark.parametrize(
    ("challenges", "failures", "confidence", "told"),
    [
        (MAX_CHALLENGES + 1, 0, 950_000, "challenges: given 4001, expected an integer from 0 to 4000"),
        (-1, 0, 950_000, "challenges: given -1"),
        (5, 6, 950_000, "failures: given 6, expected an integer from 0 to 5"),
        (5, 0, 0, "confidence_ppm: given 0"),
        (5, 0, PPM, "confidence_ppm: given 1000000"),
    ],
)
def test_failure_share_up__out_of_range__is_refused(challenges: int, failures: int, confidence: int, told: str) -> None:
    with pytest.raises(RangeError, match=told):
        failure_share_up(challenges, failures, confidence)
