"""Typed reads of DistributionVault."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract


@dataclass(frozen=True, slots=True)
class VaultState:
    """The vault's aggregates at one block. Amounts in wei, the dividend index in units of 1e6 wei."""

    next_epoch: int
    issued: int
    reserve: int
    recirculated: int
    headcount: int
    dividend_index: int
    last_release: int


class Vault(BoundContract):
    """A DistributionVault."""

    NAME = "DistributionVault"

    async def state(self, block: Block | None = None) -> VaultState:
        """All aggregates, at one block: the newest unless another is given."""
        at = (await self.chain.head()).number if block is None else block
        return VaultState(
            next_epoch=await self.next_epoch(at),
            issued=await self.issued(at),
            reserve=await self.reserve(at),
            recirculated=int(await self.read("recirculated", block=at)),
            headcount=await self.headcount(at),
            dividend_index=await self.dividend_index(at),
            last_release=int(await self.read("lastRelease", block=at)),
        )

    async def next_epoch(self, block: Block = LATEST) -> int:
        """The epoch that the next `distribute` deals with first."""
        return int(await self.read("nextEpoch", block=block))

    async def issued(self, block: Block = LATEST) -> int:
        """All that was ever issued, wei."""
        return int(await self.read("issued", block=block))

    async def reserve(self, block: Block = LATEST) -> int:
        """Attested entitlement not yet issued, wei."""
        return int(await self.read("reserve", block=block))

    async def headcount(self, block: Block = LATEST) -> int:
        """Citizens who share in the next dividend."""
        return int(await self.read("headcount", block=block))

    async def dividend_index(self, block: Block = LATEST) -> int:
        """Sum of all dividends, units of 1e6 wei."""
        return int(await self.read("dividendIndex", block=block))

    async def rate_at(self, epoch: int, block: Block = LATEST) -> int:
        """The rate in force at an epoch, wei per nGAICPh."""
        return int(await self.read("rateAt", epoch, block=block))

    async def policy_at(self, epoch: int, block: Block = LATEST) -> ChecksumAddress:
        """The policy in force at an epoch."""
        policy: ChecksumAddress = await self.read("policyAt", epoch, block=block)
        return policy

    async def source_at(self, epoch: int, block: Block = LATEST) -> ChecksumAddress:
        """The report source in force at an epoch."""
        source: ChecksumAddress = await self.read("sourceAt", epoch, block=block)
        return source

    def distribute(self) -> str:
        """The call that distributes the next epoch's dividend."""
        return self.call_data("distribute")
