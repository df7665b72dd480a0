"""Typed reads of CitizenRegistry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract
from sbi_network.chain.token import SignedTransfer


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
    chosen: bool


class ActKind(IntEnum):
    """What a registrar has started about a leaf's citizen."""

    NONE = 0
    RETIREMENT = 1
    RECOVERY = 2


@dataclass(frozen=True, slots=True)
class Act:
    """An act about a leaf: when it is due (seconds), and how the citizen's objections stand."""

    kind: ActKind
    due_at: int
    objected: bool
    referred: bool
    upheld: bool
    successor: ChecksumAddress


@dataclass(frozen=True, slots=True)
class Region:
    """A region's roll: citizens, and retirements and recoveries in a period, each with the most there may be; citizens
    enrolled in that period."""

    headcount: int
    cap: int
    turnover: int
    turnover_cap: int
    period: int
    enrolled: int


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
        """A region's roll."""
        return Region(*await self.read("regionOf", number, block=block))

    async def act(self, batch: int, index: int, block: Block = LATEST) -> Act:
        """The act about a leaf; its kind is NONE if there is none."""
        kind, *rest = await self.read("actOf", batch, index, block=block)
        return Act(ActKind(kind), *rest)

    async def is_leaf_used(self, batch: int, index: int, block: Block = LATEST) -> bool:
        """Whether a leaf has been used."""
        return bool(await self.read("isLeafUsed", batch, index, block=block))

    def activate_and_pay(
        self, leaf: tuple[int, int, ChecksumAddress, bytes, list[bytes]], payment: SignedTransfer
    ) -> str:
        """The call that activates a citizen (batch, index, account, person, proof) and makes a payment they signed."""
        return self.call_data("activateAndPay", *leaf, payment.as_argument())
