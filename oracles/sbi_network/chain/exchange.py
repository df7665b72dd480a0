"""Typed reads of ComputeExchange."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract


@dataclass(frozen=True, slots=True)
class Voucher:
    """A right to computing. Units in raw nGAICPh, amounts in wei, shares in basis points."""

    units: int
    delivered: int
    facility: int
    epoch: int
    compute_class: int
    fee_bps: int
    recirculate_bps: int
    price: int
    released: int
    transfer_count: int


@dataclass(frozen=True, slots=True)
class Offer:
    """Raw nGAICPh offered, sold ones included, and sold."""

    offered: int
    sold: int


class Exchange(BoundContract):
    """A ComputeExchange."""

    NAME = "ComputeExchange"

    async def offer_of(self, facility: int, compute_class: int, epoch: int, block: Block = LATEST) -> Offer:
        """What a facility offers of a class in an epoch."""
        return Offer(*await self.read("offerOf", facility, compute_class, epoch, block=block))

    async def price_of(self, compute_class: int, units: int, block: Block = LATEST) -> int:
        """What raw units of a class cost now, wei."""
        return int(await self.read("priceOf", compute_class, units, block=block))

    async def voucher(self, number: int, block: Block = LATEST) -> Voucher:
        """A voucher. Raises ContractRefused for one that does not exist."""
        return Voucher(*await self.read("voucherOf", number, block=block))

    async def holder_of(self, voucher: int, block: Block = LATEST) -> ChecksumAddress:
        """Who holds a voucher. Raises ContractRefused for one that does not exist."""
        holder: ChecksumAddress = await self.read("ownerOf", voucher, block=block)
        return holder

    async def voucher_count(self, block: Block = LATEST) -> int:
        """How many vouchers were ever sold."""
        return int(await self.read("voucherCount", block=block))

    async def escrow(self, block: Block = LATEST) -> int:
        """What covers all outstanding vouchers, wei."""
        return int(await self.read("escrow", block=block))

    async def expiry_of(self, epoch: int, block: Block = LATEST) -> int:
        """The last second at which vouchers of an epoch can be settled."""
        return int(await self.read("expiryOf", epoch, block=block))
