"""Looks at the chain at intervals, so that health and metrics need not: the newest block's age, the balance."""

from __future__ import annotations

import asyncio
import time

import structlog
from eth_typing import ChecksumAddress

from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import ChainError

_log = structlog.get_logger("sbi.chain.pulse")


class Pulse:
    """What was seen last. `looked_at` is of `time.monotonic`; `balance` in wei."""

    def __init__(self, chain: Chain, account: ChecksumAddress) -> None:
        self._chain = chain
        self._account = account
        self.looked_at = time.monotonic()
        self.answered_at: float | None = None
        self.head_time: int | None = None
        self.balance: int | None = None

    async def run(self, seconds: float) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Once. A chain that fails is seen as that."""
        try:
            self.head_time = (await self._chain.head()).timestamp
            self.balance = await self._chain.ether_of(self._account)
            self.answered_at = time.monotonic()
        except ChainError as error:
            _log.debug("chain_not_read", reason=str(error))
        self.looked_at = time.monotonic()

    @property
    def head_age(self) -> float | None:
        """Seconds between the newest block and this machine's clock; None before a first look."""
        return None if self.head_time is None else time.time() - self.head_time
