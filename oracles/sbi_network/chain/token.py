"""Typed reads of SBIToken."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """What an account's slot holds: settled wei, the dividend index it is settled to, and whether income accrues."""

    settled: int
    index: int
    accruing: bool


class Token(BoundContract):
    """An SBIToken."""

    NAME = "SBIToken"

    async def balance_of(self, account: ChecksumAddress, block: Block = LATEST) -> int:
        """Settled and accrued, wei."""
        return int(await self.read("balanceOf", account, block=block))

    async def account_of(self, account: ChecksumAddress, block: Block = LATEST) -> TokenAccount:
        """What the account's slot holds."""
        return TokenAccount(*await self.read("accountOf", account, block=block))

    async def total_supply(self, block: Block = LATEST) -> int:
        """Issued less recycled, wei."""
        return int(await self.read("totalSupply", block=block))

    async def recycled(self, block: Block = LATEST) -> int:
        """All that was ever destroyed, wei."""
        return int(await self.read("recycled", block=block))

    async def permit_number(self, owner: ChecksumAddress, block: Block = LATEST) -> int:
        """The nonce of the owner's next ERC-2612 permit."""
        return int(await self.read("nonces", owner, block=block))

    async def is_authorization_used(self, authorizer: ChecksumAddress, nonce: bytes, block: Block = LATEST) -> bool:
        """Whether an ERC-3009 nonce is spent."""
        return bool(await self.read("authorizationState", authorizer, nonce, block=block))
