"""Which fees a transaction offers: first, and when it replaces another of its nonce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sbi_network.chain.transaction import Fees

GWEI: Final = 10**9

_RAISE_NUMERATOR: Final = 9
_RAISE_DENOMINATOR: Final = 8
"""A replacement offers an eighth more. Nodes ask for a tenth (go-ethereum, `txpool.pricebump`), some for an eighth."""


@dataclass(frozen=True, slots=True)
class Market:
    """What the newest block's base fee was and what tip an endpoint suggests, wei."""

    base_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class FeeRule:
    """Fees, wei: the highest total fee is a multiple of the base fee, plus the tip, and never above `most`."""

    base_fee_factor: int = 2
    least_tip: int = 1_000_000
    most: int = 300 * GWEI

    def first(self, market: Market) -> Fees:
        """For a nonce that nothing was offered for. Below the base fee where the cap says so: then it waits."""
        tip = max(market.tip, self.least_tip)
        max_fee = min(market.base_fee * self.base_fee_factor + tip, self.most)
        return Fees(max_fee, min(tip, max_fee))

    def raised(self, last: Fees, market: Market) -> Fees | None:
        """For a replacement: both fees up by an eighth at least, rounded up. None where the cap leaves no room."""
        now = self.first(market)
        least = _raised(last.max_fee)
        if least > self.most:
            return None
        max_fee = max(least, now.max_fee)
        tip = max(_raised(last.tip), now.tip)
        return Fees(max_fee, tip) if tip <= max_fee else None


def _raised(fee: int) -> int:
    return -(-fee * _RAISE_NUMERATOR // _RAISE_DENOMINATOR)
