"""contracts/ComputeExchange.sol in aggregate: prices, the split of a payment, and vouchers until they are settled.

All orders of an epoch are one voucher here, so that what the contract rounds down once a settlement is rounded down
once an epoch. A differential test holds `price_of` and `split` to the deployed contract.
"""

from __future__ import annotations

from typing import NamedTuple

from sbi_network.protocol.units import WEIGHT_ONE
from sbi_network.simulation.policy import part_down


class Split(NamedTuple):
    """What becomes of a payment, wei: the three add up to it."""

    fee: int
    recirculated: int
    recycled: int


class Settled(NamedTuple):
    """What becomes of an epoch's vouchers, wei."""

    split: Split
    refunded_citizens: int
    refunded_enterprises: int


def price_of(units: int, weight_x16: int, rate: int) -> int:
    """Wei for raw nGAICPh of a class at a rate, rounded up."""
    return -(-units * weight_x16 * rate // WEIGHT_ONE)


def split(amount: int, fee_bps: int, recirculate_bps: int) -> Split:
    """Fee and recirculated part are rounded down; the rest is recycled."""
    fee, recirculated = part_down(amount, fee_bps), part_down(amount, recirculate_bps)
    return Split(fee, recirculated, amount - fee - recirculated)


def part_of(amount: int, share: float) -> int:
    """A share that people or machines choose, of an exact amount: rounded down, never more than there is."""
    return amount if share >= 1.0 else min(amount, int(amount * share))


class Vouchers:
    """What lies in escrow, by the epoch of sale; settled `delay` epochs later, wei."""

    __slots__ = ("_fee_bps", "_recirculate_bps", "_sold", "delay", "escrow")

    def __init__(self, delay: int, fee_bps: int, recirculate_bps: int) -> None:
        self.delay = delay
        self.escrow = 0
        self._fee_bps = fee_bps
        self._recirculate_bps = recirculate_bps
        self._sold: list[tuple[int, int]] = [(0, 0)] * delay

    def sell(self, epoch: int, citizens: int, enterprises: int) -> None:
        """Takes payments of an epoch into escrow."""
        self._sold[epoch % self.delay] = (citizens, enterprises)
        self.escrow += citizens + enterprises

    def settle(self, epoch: int, delivered: float) -> Settled:
        """Settles what was sold `delay` epochs ago: the delivered share is split, the rest returns to who paid."""
        citizens, enterprises = self._sold[epoch % self.delay]
        self._sold[epoch % self.delay] = (0, 0)
        self.escrow -= citizens + enterprises
        kept, kept_too = part_of(citizens, delivered), part_of(enterprises, delivered)
        done = split(kept + kept_too, self._fee_bps, self._recirculate_bps)
        return Settled(done, citizens - kept, enterprises - kept_too)

    def outstanding(self) -> int:
        """The sum of all that is sold and not settled."""
        return sum(citizens + enterprises for citizens, enterprises in self._sold)
