"""Typed reads and calls of SignerBonds."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract
from sbi_network.chain.sender import Call


@dataclass(frozen=True, slots=True)
class HeldBond:
    """What is kept of a signer: whose the bond is, from when it can be withdrawn once given up (seconds), and wei."""

    owner: ChecksumAddress
    unlocks_at: int
    is_slashed: bool
    amount: int


class Bonds(BoundContract):
    """A SignerBonds."""

    NAME = "SignerBonds"

    async def required(self, block: Block = LATEST) -> int:
        """The bond that an oracle needs to stand, wei."""
        return int(await self.read("requiredBond", block=block))

    async def of(self, signer: ChecksumAddress, block: Block = LATEST) -> HeldBond:
        """A signer's bond; all zero if there is none."""
        bond = await self.read("bondOf", signer, block=block)
        return HeldBond(*bond)

    def put_up(self, signer: ChecksumAddress, consent: bytes, amount: int) -> Call:
        """The call that puts up `amount` wei for a signer who consented, or adds it."""
        return Call(self.address, self.call_data("bond", signer, consent), value=amount)
