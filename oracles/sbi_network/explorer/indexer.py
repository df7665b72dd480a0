"""Follows the chain: final blocks in wide ranges, newer ones one by one, reorgs undone to where the chains part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from sbi_network.chain.citizens import Citizens
from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import EndpointError
from sbi_network.chain.exchange import Exchange
from sbi_network.chain.registry import Registry
from sbi_network.explorer.deployment import Deployment
from sbi_network.explorer.errors import DatabaseError, UnsettledChainError
from sbi_network.explorer.events import Event, EventDecoder, Log
from sbi_network.explorer.feed import Feed, Header
from sbi_network.explorer.store import IndexedBlock, Store, Tip
from sbi_network.explorer.work import Terms, VoteSpans
from sbi_network.govern.governor import Chamber, Governor, Votes

FIRST_SPAN: Final = 256
WIDEST_SPAN: Final = 65_536
"""Final blocks asked for at once: doubled while answers are short, halved where a node refuses."""

EVENTS_AT_ONCE: Final = 10_000
"""What an answer is aimed at: more, and the span is halved."""

FOLLOWED_AT_ONCE: Final = 16
"""Blocks that are not final, in one transaction."""

_HEADERS_AT_ONCE: Final = 16

T = TypeVar("T")

_log = structlog.get_logger("sbi.explorer.indexer")


async def read_terms(chain: Chain, deployment: Deployment) -> Terms:
    """What never changes about a suite. Raises ChainError."""
    registry = Registry(chain, deployment.address_of("oracles"))
    exchange = Exchange(chain, deployment.address_of("exchange"))
    citizens = Citizens(chain, deployment.address_of("citizens"))
    return Terms(
        genesis=await registry.genesis(),
        epoch_length=await registry.epoch_length(),
        report_window=await registry.report_window(),
        dispute_window=await registry.dispute_window(),
        settlement_window=int(await exchange.read("settlementWindow")),
        turnover_period=int(await citizens.read("turnoverPeriod")),
        exchange=exchange.address,
        votes=await _read_vote_spans(chain, deployment) if deployment.has_votes else None,
    )


async def _read_vote_spans(chain: Chain, deployment: Deployment) -> VoteSpans:
    votes = Votes(chain, deployment.address_of("votes"))
    governor = Governor(chain, deployment.address_of("governor"))
    chamber = Chamber(chain, deployment.address_of("chamber"))
    return VoteSpans(
        ripening=int(await votes.read("ripening")),
        grace=int(await governor.read("grace")),
        chamber_delay=int(await chamber.read("delay")),
        objections_needed=int(await chamber.read("objectionsNeeded")),
    )


@dataclass(frozen=True, slots=True)
class _Range:
    """Final blocks whose logs were asked for, both ends included."""

    first: int
    last: int
    logs: asyncio.Task[list[Log]]


class Indexer:
    """Brings a store up to the chain's head, and keeps it there. `on_tip` hears of each tip, after it is stored."""

    def __init__(self, feed: Feed, store: Store, decoder: EventDecoder, terms: Terms) -> None:
        self._feed = feed
        self._store = store
        self._decoder = decoder
        self._terms = terms
        self._span = FIRST_SPAN
        self._ahead: _Range | None = None
        # The one thread that writes: what it has begun is ended before the process is.
        self._writer = ThreadPoolExecutor(1, "explorer-writer")
        self.on_tip: Callable[[Tip], None] = lambda tip: None
        self.head: Header | None = None
        self.trouble = ""

    def close(self) -> None:
        """Wait for what is being written."""
        self._writer.shutdown(wait=True)

    async def run(self, poll_seconds: float) -> None:
        """Follow the chain until cancelled. What a node or the database gets wrong is logged, and tried again."""
        while True:
            try:
                caught_up = await self.step()
                self.trouble = ""
            except (EndpointError, UnsettledChainError, DatabaseError) as error:
                self.trouble = str(error)
                _log.warning("not_indexed", reason=self.trouble)
                caught_up = True
            if caught_up:
                await asyncio.sleep(poll_seconds)

    async def catch_up(self, progress: Callable[[Tip, Header], None] = lambda tip, head: None) -> Tip:
        """Index up to the head. Raises ChainError."""
        while True:
            try:
                caught_up = await self.step()
            except UnsettledChainError:
                continue
            tip = await self._wait(self._store.tip)
            if self.head is not None:
                progress(tip, self.head)
            if caught_up:
                return tip

    async def step(self) -> bool:
        """One transaction's worth. True where the head is reached. Raises EndpointError or UnsettledChainError."""
        tip: Tip = await self._wait(self._store.tip)
        self.head = head = await self._feed.head()
        if tip.hash is not None and not await self._stands(tip.number, tip.hash):
            tip = await self._undo()
        if tip.number >= head.number:
            return True
        final = await self._feed.final_number(head)
        if tip.number < final:
            tip = await self._index_final(tip, final)
        else:
            tip = await self._follow(tip, head)
        self.on_tip(tip)
        return tip.number >= head.number

    async def _index_final(self, tip: Tip, final: int) -> Tip:
        ahead = self._take_ahead(tip.number + 1) or self._ask(tip.number + 1, final)
        try:
            logs = await ahead.logs
        except EndpointError:
            if self._span == 1:
                raise
            self._span //= 2
            return tip
        if len(logs) > 2 * EVENTS_AT_ONCE and self._span > 1:
            self._span //= 2
        elif len(logs) < EVENTS_AT_ONCE // 2:
            self._span = min(2 * self._span, WIDEST_SPAN)
        headers = await self._headers_of(logs, ahead.last)
        if ahead.last < final:  # the node looks for the next while these are written
            self._ahead = self._ask(ahead.last + 1, final)
        return await self._write(headers, logs, final=True)

    def _ask(self, first: int, final: int) -> _Range:
        last = min(final, first + self._span - 1)
        return _Range(first, last, asyncio.create_task(self._feed.logs_between(first, last)))

    def _take_ahead(self, first: int) -> _Range | None:
        """What was asked for ahead, if it begins here: else a reorg came between, and it is not wanted."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.first == first:
            return ahead
        ahead.logs.cancel()
        return None

    async def _headers_of(self, logs: Sequence[Log], last: int) -> list[Header]:
        """The blocks of these logs, and the last of the range. The node's own word is taken for the time of a log."""
        known: dict[int, Header] = {}
        unknown = {last}
        for log in logs:
            if log.timestamp is None:
                unknown.add(log.block)
            elif log.block not in known:
                known[log.block] = Header(log.block, log.block_hash, "", log.timestamp)
        numbers = sorted(unknown)
        for start in range(0, len(numbers), _HEADERS_AT_ONCE):
            part = numbers[start : start + _HEADERS_AT_ONCE]
            for number, header in zip(part, await asyncio.gather(*map(self._feed.header, part)), strict=True):
                if header is None:
                    raise UnsettledChainError(f"block {number} is gone")
                known[number] = header
        for log in logs:
            if known[log.block].hash != log.block_hash:
                raise UnsettledChainError(f"block {log.block} changed while it was read")
        return [known[number] for number in sorted(known)]

    async def _follow(self, tip: Tip, head: Header) -> Tip:
        last = min(head.number, tip.number + FOLLOWED_AT_ONCE)
        headers: list[Header] = []
        logs: list[Log] = []
        for number in range(tip.number + 1, last + 1):
            header = await self._feed.header(number)
            parent = headers[-1].hash if headers else tip.hash
            if header is None or (parent is not None and header.parent != parent):
                break
            logs += await self._feed.logs_of(header)
            headers.append(header)
        if not headers:
            raise UnsettledChainError(f"block {tip.number + 1} does not follow block {tip.number}")
        return await self._write(headers, logs, final=False)

    async def _write(self, headers: Sequence[Header], logs: Sequence[Log], *, final: bool) -> Tip:
        def write() -> Tip:
            found: dict[int, list[Event]] = {header.number: [] for header in headers}
            for log in logs:
                decoded = self._decoder.decode(log)
                if decoded is not None:
                    found[log.block].append(decoded)
            blocks = [IndexedBlock(each.number, each.hash, each.timestamp, found[each.number]) for each in headers]
            return self._store.write(blocks, self._terms, final=final)

        return await self._wait(write)

    async def _stands(self, number: int, block_hash: str) -> bool:
        header = await self._feed.header(number)
        return header is not None and header.hash == block_hash

    async def _undo(self) -> Tip:
        """Undo to the newest block kept that the chain still has: search by doubling, then by halving."""
        reach = 1
        while not await self._kept_stands(reach):
            reach *= 2
        gone, stands = reach // 2, reach
        while stands - gone > 1:
            middle = (gone + stands) // 2
            if await self._kept_stands(middle):
                stands = middle
            else:
                gone = middle
        kept = await self._wait(lambda: self._store.kept_block(stands))
        number = -1 if kept is None else kept[0]
        tip: Tip = await self._wait(lambda: self._store.undo_above(number, self._terms))
        _log.info("reorg_undone", block=tip.number)
        self.on_tip(tip)
        return tip

    async def _kept_stands(self, offset: int) -> bool:
        """Whether the block kept at an offset from the newest is still the chain's. Beyond the oldest all stands."""
        kept = await self._wait(lambda: self._store.kept_block(offset))
        return kept is None or await self._stands(*kept)

    async def _wait(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)
