"""Compares endpoints: their chain, how far behind they are, and whether they have the same final blocks."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import structlog

from sbi_network.chain.endpoints import Endpoint, EndpointPool, Reply

_MOST_LAG_SECONDS: Final = 60.0
"""An endpoint whose newest block is older than another's by more is stale."""

_log = structlog.get_logger("sbi.chain.endpoints")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What an endpoint knows: its chain, its newest block's time (seconds), its last final block's number."""

    endpoint: Endpoint
    chain_id: int
    head_time: int
    final: int


@dataclass(frozen=True, slots=True)
class FinalBlock:
    """A final block on which endpoints agreed."""

    number: int
    hash: str


class EndpointWatch:
    """Looks at all endpoints again and again. `disagreement` says what they could not be told apart by, if anything."""

    def __init__(self, pool: EndpointPool, most_lag_seconds: float = _MOST_LAG_SECONDS) -> None:
        self._pool = pool
        self._most_lag = most_lag_seconds
        self._agreed: FinalBlock | None = None
        self.disagreement: str | None = None

    async def run(self, seconds: float) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Set aside who is wrong, take back who is right again. Who does not answer is left as it is."""
        sightings = await self._sightings()
        wrong = {each.endpoint: reason for each in sightings if (reason := self._fault_of(each, sightings))}
        fit = [each for each in sightings if each.endpoint not in wrong]
        wrong |= await self._in_minority(fit)
        for sighting in sightings:
            reason = wrong.get(sighting.endpoint)
            if reason is None:
                self._pool.take_back(sighting.endpoint)
            else:
                self._pool.set_aside(sighting.endpoint, reason)

    async def _sightings(self) -> list[Sighting]:
        chains = await self._pool.ask_each("eth_chainId", [])
        heads = await self._pool.ask_each("eth_getBlockByNumber", ["latest", False])
        finals = await self._pool.ask_each("eth_getBlockByNumber", ["finalized", False])
        return [
            Sighting(chain.endpoint, int(chain.result, 16), _figure(head, "timestamp"), _figure(final, "number"))
            for chain, head, final in zip(chains, heads, finals, strict=True)
            if chain.result and head.result and final.result
        ]

    def _fault_of(self, sighting: Sighting, sightings: list[Sighting]) -> str | None:
        if self._pool.chain_id is not None and sighting.chain_id != self._pool.chain_id:
            return f"answers for chain {sighting.chain_id}, not {self._pool.chain_id}"
        ours = [each.head_time for each in sightings if each.chain_id == self._pool.chain_id]
        lag = max(ours, default=sighting.head_time) - sighting.head_time
        return f"is {lag} s behind" if lag > self._most_lag else None

    async def _in_minority(self, sightings: list[Sighting]) -> dict[Endpoint, str]:
        """Who has another block than most at the highest height that is final for all."""
        self.disagreement = None
        if len(sightings) < 2:
            return {}
        height = min(each.final for each in sightings)
        hashes = await self._hashes_at(height, sightings)
        right = await self._right_one(height, hashes)
        if right is None:
            return {}
        self._agreed = FinalBlock(height, right)
        return {
            endpoint: f"has block {height} as {found}, others as {right}"
            for endpoint, found in hashes.items()
            if found != right
        }

    async def _right_one(self, height: int, hashes: dict[Endpoint, str]) -> str | None:
        """The hash that most have; of equally many, that of whoever still has the block agreed on before."""
        (first, most), *others = Counter(hashes.values()).most_common() or [("", 0)]
        if most == 0:
            return None
        if not others or others[0][1] < most:
            return first
        faithful = await self._faithful(list(hashes))
        kept = {hashes[endpoint] for endpoint in faithful}
        if len(kept) == 1:
            return kept.pop()
        self.disagreement = f"endpoints {sorted(each.number for each in hashes)} have different blocks {height}"
        _log.error("endpoints_disagree", height=height, hashes={each.number: found for each, found in hashes.items()})
        # Nobody can tell: the order of the configuration decides, loudly, rather than that nothing works.
        return hashes[min(hashes, key=lambda each: each.number)]

    async def _faithful(self, endpoints: list[Endpoint]) -> list[Endpoint]:
        if self._agreed is None:
            return []
        replies = await self._pool.ask_each("eth_getBlockByNumber", [hex(self._agreed.number), False])
        same = [each.endpoint for each in replies if _hash(each) == self._agreed.hash]
        return [each for each in endpoints if each in same]

    async def _hashes_at(self, height: int, sightings: list[Sighting]) -> dict[Endpoint, str]:
        replies = await self._pool.ask_each("eth_getBlockByNumber", [hex(height), False])
        asked = {each.endpoint for each in sightings}
        return {each.endpoint: found for each in replies if each.endpoint in asked and (found := _hash(each))}


def _figure(reply: Reply, name: str) -> int:
    return int(reply.result[name], 16)


def _hash(reply: Reply) -> str | None:
    block: Any = reply.result
    return str(block["hash"]).lower() if block else None
