"""What buyers have signed for at the exchange, read from the chain: the deliveries of one facility, by epoch and class.

A voucher's facility, epoch and class never change, so each is read once; of those of the epoch asked for, what was
delivered is read again. Vouchers of ended epochs are forgotten. Deliveries that are settled after a reading was signed
come too late for it, so that sellers settle before the epoch ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from sbi_network.chain.exchange import Exchange, Voucher
from sbi_network.meter.measurement import EpochSpan

_AT_ONCE = 20

Open = Callable[[], AbstractAsyncContextManager[Exchange]]
"""Opens the exchange for a while."""


class ExchangeDeliveries:
    """The deliveries of a facility. Calling it reads the chain, and raises SBIError where that fails."""

    def __init__(self, exchange: Open, facility: int) -> None:
        self._exchange = exchange
        self._facility = facility
        self._next = 0
        self._ours: dict[int, int] = {}

    async def __call__(self, span: EpochSpan) -> tuple[int, int, int]:
        """Raw nGAICPh of each class that buyers of the epoch's vouchers have signed for by now."""
        async with self._exchange() as exchange:
            await self._catch_up(exchange)
            self._ours = {number: epoch for number, epoch in self._ours.items() if epoch >= span.epoch}
            numbers = [number for number, epoch in self._ours.items() if epoch == span.epoch]
            delivered = [0, 0, 0]
            for place in range(0, len(numbers), _AT_ONCE):
                for voucher in await _read(exchange, numbers[place : place + _AT_ONCE]):
                    delivered[voucher.compute_class] += voucher.delivered
        return delivered[0], delivered[1], delivered[2]

    async def _catch_up(self, exchange: Exchange) -> None:
        """Read the vouchers sold since the last time."""
        count = await exchange.voucher_count()
        while self._next < count:
            numbers = list(range(self._next, min(self._next + _AT_ONCE, count)))
            for number, voucher in zip(numbers, await _read(exchange, numbers), strict=True):
                if voucher.units and voucher.facility == self._facility:
                    self._ours[number] = voucher.epoch
            self._next = numbers[-1] + 1


async def _read(exchange: Exchange, numbers: list[int]) -> list[Voucher]:
    return await asyncio.gather(*(exchange.voucher(number) for number in numbers))
