"""Typed reads of CitizenRegistry."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract


@dataclass(frozen=True, slots=True)
class EnrolledBatch:
    """Citizens enrolled together. `entry_index` is in units of 1e6 wei, `enrolled_at` in seconds."""

    root: bytes
    entry_index: int
    size: int
    region: int
    registrar: int
    enrolled_at: int


@dataclass(frozen=True, slots=True)
class Citizen:
    """A citizen's standing, times in seconds; `since` is zero for an account that never activated."""

    since: int
    until: int
    batch: int
    leaf: int
    region: int


@dataclass(frozen=True, slots=True)
class Region:
    """A region's roll: citizens enrolled, and the most there may be."""

    headcount: int
    cap: int


class Citizens(BoundContract):
    """A CitizenRegistry."""

    NAME = "CitizenRegistry"

    async def citizen(self, account: ChecksumAddress, block: Block = LATEST) -> Citizen:
        """An account's standing."""
        return Citizen(*await self.read("citizenOf", account, block=block))

    async def batch(self, number: int, block: Block = LATEST) -> EnrolledBatch:
        """A batch. Raises ContractRefused (UnknownBatch)."""
        return EnrolledBatch(*await self.read("batchOf", number, block=block))

    async def batch_count(self, block: Block = LATEST) -> int:
        """How many batches were enrolled."""
        return int(await self.read("batchCount", block=block))

    async def region(self, number: int, block: Block = LATEST) -> Region:
        """A region's headcount and cap."""
        return Region(*await self.read("regionOf", number, block=block))

    async def is_leaf_used(self, batch: int, index: int, block: Block = LATEST) -> bool:
        """Whether a leaf has been used."""
        return bool(await self.read("isLeafUsed", batch, index, block=block))
