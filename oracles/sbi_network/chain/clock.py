"""The network's clock, read once from the registry: genesis and epoch length never change."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.registry import Registry
from sbi_network.protocol.messages import registry_domain
from sbi_network.protocol.typed_data import Domain


@dataclass(frozen=True, slots=True)
class EpochClock:
    """When epochs begin and end, in seconds since the Unix epoch, and what signatures are bound to."""

    chain_id: int
    registry: ChecksumAddress
    genesis: int
    epoch_seconds: int
    report_window: int

    @property
    def domain(self) -> Domain:
        """The registry's EIP-712 domain."""
        return registry_domain(self.chain_id, self.registry)

    def now(self) -> float:
        """This machine's time. `sbi oracle check` compares it with the chain's."""
        return time.time()

    def start_of(self, epoch: int) -> int:
        """When an epoch begins."""
        return self.genesis + epoch * self.epoch_seconds

    def end_of(self, epoch: int) -> int:
        """When an epoch is over."""
        return self.start_of(epoch + 1)

    def deadline_of(self, epoch: int) -> int:
        """The last second at which an epoch's report is accepted."""
        return self.end_of(epoch) + self.report_window

    def epoch_at(self, moment: float) -> int:
        """The epoch that runs at a moment; negative before genesis."""
        return int((moment - self.genesis) // self.epoch_seconds)


async def read_clock(chain: Chain, registry: ChecksumAddress) -> EpochClock:
    """The clock of a registry. Raises ChainError."""
    contract = Registry(chain, registry)
    await chain.require_code("registry", registry)
    return EpochClock(
        chain_id=await chain.chain_id(),
        registry=registry,
        genesis=await contract.genesis(),
        epoch_seconds=await contract.epoch_length(),
        report_window=await contract.report_window(),
    )


async def fetch_clock(rpc_urls: str | Sequence[str], registry: ChecksumAddress) -> EpochClock:
    """The clock of a registry, by a connection of its own. Raises ChainError."""
    async with connected(rpc_urls) as chain:
        return await read_clock(chain, registry)
