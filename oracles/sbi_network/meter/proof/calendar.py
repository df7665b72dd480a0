"""When which facility is challenged for what, read from the chain: the same for oracles and meters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.connection import Chain, asked
from sbi_network.chain.disputes import Disputes
from sbi_network.chain.errors import EndpointError, WrongChainError
from sbi_network.chain.registry import Registry
from sbi_network.meter.proof.obligations import Obligation, Rules
from sbi_network.meter.proof.on_chain import AuditTerms, Products
from sbi_network.meter.proof.schedule import slots_of
from sbi_network.protocol.address import ZERO_ADDRESS

_READS_AT_ONCE: Final = 16

_log = structlog.get_logger("sbi.audit_calendar")
T = TypeVar("T")


async def until_known(ask: Callable[[], Awaitable[T | None]], poll_seconds: float) -> T:
    """What the chain has to say, once it says it. An endpoint that fails is asked again, and said once."""
    told = ""
    while True:
        try:
            found = await ask()
            if found is not None:
                return found
        except EndpointError as error:
            if str(error) != told:
                told = str(error)
                _log.warning("chain_not_read", reason=told)
        await asyncio.sleep(poll_seconds)


@dataclass(frozen=True, slots=True)
class Beacon:
    """A block's `prevrandao`, and its time in seconds."""

    block: int
    timestamp: int
    word: bytes


@dataclass(frozen=True, slots=True)
class EpochAudit:
    """An epoch's audit: the rules, what each facility with devices must prove, and in which slot."""

    epoch: int
    rules: Rules
    obligations: Mapping[int, Obligation]
    slots: Mapping[int, int]

    def longest_ms(self, slot: int) -> int:
        """From a slot's beacon to the last deadline in it, milliseconds: some of each fleet are always challenged."""
        fleets = [
            fleet for number, each in self.obligations.items() if self.slots[number] == slot for fleet in each.fleets
        ]
        return max((fleet.terms(self.rules).allowed_ms for fleet in fleets), default=0)


class AuditCalendar:
    """When which facility is challenged, read from the chain. Everything may raise ChainError."""

    def __init__(self, registry: Registry, terms: AuditTerms, products: Products, clock: EpochClock) -> None:
        self.registry: Final = registry
        self.terms: Final = terms
        self.products: Final = products
        self.clock: Final = clock
        self._chain = registry.chain

    def start_of_slot(self, epoch: int, slot: int, slots: int) -> int:
        """The second at which a slot begins."""
        return self.clock.start_of(epoch) + slot * self.clock.epoch_seconds // slots

    async def rules_at(self, epoch: int) -> Rules:
        """The rules of an epoch that has begun."""
        return await self.terms.rules_at(epoch)

    async def first_beacon(self, audit: EpochAudit, slot: int) -> Beacon | None:
        """What a slot's challenges follow from; None while its block is not there."""
        return await self.beacon_since(self.start_of_slot(audit.epoch, slot, audit.rules.slots))

    async def second_beacon(self, audit: EpochAudit, slot: int, first: Beacon) -> Beacon | None:
        """What picks the rows that a slot's devices open: of the first block after the slot's last deadline."""
        return await self.beacon_since((first.timestamp * 1000 + audit.longest_ms(slot)) // 1000 + 1)

    async def audit_of(self, epoch: int) -> EpochAudit | None:
        """The audit of an epoch that has begun; None until the block is there that its first beacon is in."""
        rules = await self.rules_at(epoch)
        if not rules.asked:
            return EpochAudit(epoch, rules, {}, {})
        beacon = await self.beacon_since(self.clock.start_of(epoch))
        if beacon is None:
            return None
        limit = asyncio.Semaphore(_READS_AT_ONCE)

        async def one(number: int) -> tuple[Obligation, int]:
            async with limit:
                obligation = await self.terms.obligation_of(number, epoch)
                return obligation, (await self.registry.facility(number)).region

        found = await asyncio.gather(*[one(number) for number in range(await self.registry.facility_count())])
        bound = {number: each for number, each in enumerate(found) if each[0].fleets}
        slots = slots_of({number: region for number, (_, region) in bound.items()}, beacon.word, rules.slots)
        return EpochAudit(epoch, rules, {number: obligation for number, (obligation, _) in bound.items()}, slots)

    async def beacon_since(self, moment: float) -> Beacon | None:
        """That of the first block whose time is not before `moment`; None while there is none."""
        head = await self._chain.head()
        if head.timestamp < moment:
            return None
        # Beacons are asked for in the order of time, and nearly always of the newest blocks: from there backwards.
        low, high, step = 0, head.number, 1
        while step <= high and (await self._chain.head(high - step)).timestamp >= moment:
            high, step = high - step, 2 * step
        low = max(low, high - step)
        while low < high:
            middle = (low + high) // 2
            if (await self._chain.head(middle)).timestamp < moment:
                low = middle + 1
            else:
                high = middle
        block = await asked(self._chain.web3.eth.get_block(low))
        word = bytes(block["mixHash"]) if "mixHash" in block else b""
        if len(word) != 32:
            raise WrongChainError(f"block {low} has no prevrandao: proofs of compute need a chain after the Merge")
        return Beacon(low, int(block["timestamp"]), word)


async def open_calendar(chain: Chain, clock: EpochClock) -> AuditCalendar | None:
    """The audit calendar of a registry, found through its disputes contract; None where there is none.

    Raises ChainError.
    """
    registry = Registry(chain, clock.registry)
    disputes = Disputes(chain, await registry.disputes_at(max(0, clock.epoch_at(clock.now()))))
    at = await disputes.products()
    if at == ZERO_ADDRESS:
        return None
    products = Products(chain, at)
    audits = await products.audits()
    return None if audits == ZERO_ADDRESS else AuditCalendar(registry, AuditTerms(chain, audits), products, clock)
