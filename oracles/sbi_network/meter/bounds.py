"""How sure a share can be when it was only sampled: the one-sided Clopper–Pearson bound, in exact integers.

Of `challenges` independent random audits `failures` failed. The bound is the largest share of failures under which so
few would still be seen with a probability of at least 1 − confidence; the true share is above it in at most that many
cases (Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26, 1934). It is exact for every number of audits: no normal approximation, which promises too much just
where failures are few.

Everything here is integers: shares in millionths, the binomial tail as one fraction with the denominator 10^(6·n). No
rounding happens before the last step, which is upwards, against the facility.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sbi_network.errors import RangeError
from sbi_network.protocol.figure import check_uint

PPM: Final = 1_000_000
"""Shares are in millionths."""

MAX_CHALLENGES: Final = 4_000
"""The most audits that are counted, the newest ones: 4,000 leave the bound within two permille of what was seen where
failures are few, and half of them failing is the slowest case, which takes about a second."""

CONFIDENCE_PPM: Final = 950_000
"""One-sided 95 %: with it 59 audits without a failure vouch for 95 % of the capacity."""


@lru_cache(maxsize=64)
def failure_share_up(challenges: int, failures: int, confidence_ppm: int = CONFIDENCE_PPM) -> int:
    """Upper bound of the share of failures, in millionths, rounded up. Without any audit it is everything.

    Raises RangeError.
    """
    check_uint("challenges", challenges, MAX_CHALLENGES)
    check_uint("failures", failures, challenges)
    if not 0 < confidence_ppm < PPM:
        raise RangeError("confidence_ppm", confidence_ppm, f"an integer from 1 to {PPM - 1}")
    low, high = -1, PPM  # at `high` the tail is small enough, at `low` it is not
    while high - low > 1:
        middle = (low + high) // 2
        if _tail_is_at_most(challenges, failures, middle, PPM - confidence_ppm):
            high = middle
        else:
            low = middle
    return high


def _tail_is_at_most(challenges: int, failures: int, share: int, limit: int) -> bool:
    """Whether P(at most `failures` of `challenges` fail), each with `share`, is at most `limit`; all in millionths.

    P = Σ C(n, i) · s^i · (M − s)^(n − i) / M^n for i from 0 to `failures`. The common factor (M − s)^(n − failures) is
    taken out, and the rest evaluated as a polynomial in s and M − s by Horner's rule.
    """
    if failures == challenges:
        return False  # all of them failed: any share could be the true one
    passing = PPM - share
    binomial, power_of_share, tail = 1, 1, 1
    for i in range(1, failures + 1):
        binomial = binomial * (challenges - i + 1) // i
        power_of_share *= share
        tail = tail * passing + binomial * power_of_share
    return bool(tail * passing ** (challenges - failures) * PPM <= limit * PPM**challenges)
