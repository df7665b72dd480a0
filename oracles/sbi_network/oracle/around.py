"""What those parts of an oracle share that look after reports once the chain has them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from eth_typing import ChecksumAddress

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.disputes import Disputes
from sbi_network.chain.errors import EndpointError
from sbi_network.chain.registry import Registry
from sbi_network.chain.sender import TransactionSender
from sbi_network.oracle.archive import Archive
from sbi_network.oracle.config import Timings
from sbi_network.oracle.peers import Peers
from sbi_network.protocol.oracle_set import OracleConfig

_log = structlog.get_logger("sbi.oracle")


@dataclass(frozen=True, slots=True)
class Reach:
    """Seconds. The first two count from an epoch's end: until then something can still come of it."""

    finality: int
    """Parts of its tree can be demanded."""

    evidence: int
    """Evidence about it is taken."""

    reveal: int
    """What is demanded has to be shown within that time from the demand."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """This oracle, whom it deals with, and the times that count."""

    address: ChecksumAddress
    registry: Registry
    archive: Archive
    peers: Peers
    sender: TransactionSender
    clock: EpochClock
    timings: Timings
    reach: Reach

    async def disputes_at(self, epoch: int) -> Disputes:
        """The disputes contract of an epoch. Raises ChainError."""
        return Disputes(self.registry.chain, await self.registry.disputes_at(epoch))

    def is_over(self, epoch: int, seconds: int) -> bool:
        """Whether so much time has passed since an epoch's end."""
        return self.clock.now() > self.clock.end_of(epoch) + seconds

    def oldest_within(self, seconds: int) -> int:
        """The oldest epoch of whose end that much time has not passed."""
        return max(0, self.clock.epoch_at(self.clock.now() - seconds) - 1)

    def rank(self, config: OracleConfig, turn: int) -> int:
        """This oracle's place in the order in which all do the same thing: another one is first at each turn."""
        count = len(config.signers)
        return (config.signers.index(self.address) - turn) % count if self.address in config.signers else count


async def read_reach(registry: Registry, clock: EpochClock, retry_seconds: float) -> Reach:
    """As the contracts have it now. An endpoint that fails is asked again; other contracts raise WrongChainError."""
    while True:
        try:
            return await _reach(registry, clock)
        except EndpointError as error:
            _log.warning("chain_not_read", reason=str(error))
        await asyncio.sleep(retry_seconds)


async def _reach(registry: Registry, clock: EpochClock) -> Reach:
    running = max(0, clock.epoch_at(clock.now()))
    disputes = Disputes(registry.chain, await registry.disputes_at(running))
    return Reach(await registry.finality(), await disputes.evidence_horizon(), await disputes.reveal_window())
