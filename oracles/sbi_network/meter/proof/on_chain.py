"""The contracts that proof of compute deals with: what must be proved, and where a wrong product is shown."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract
from sbi_network.chain.sender import Call
from sbi_network.meter.proof.challenge import Sizes
from sbi_network.meter.proof.obligations import Fleet, Obligation, Rules
from sbi_network.meter.proof.wrong_entry import WrongEntry
from sbi_network.protocol.address import check_address
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Product
from sbi_network.protocol.signature import COMPACT_BYTES
from sbi_network.protocol.units import ComputeClass


class AuditTerms(BoundContract):
    """An AuditTerms."""

    NAME = "AuditTerms"

    async def exchange(self) -> ChecksumAddress:
        """Whose receipts show demand."""
        return check_address("exchange", await self.read("exchange"))

    async def rules_at(self, epoch: int, block: Block = LATEST) -> Rules:
        """The rules of an epoch; all zero before there are any."""
        *figures, unbacked = await self.read("rulesAt", epoch, block=block)
        slots, audit_bps, from_epoch, since, grace_ms, tally_epochs, confidence = figures
        general, intelligent, super_ = unbacked
        caps = (general, intelligent, super_)
        return Rules(slots, audit_bps, from_epoch, since, grace_ms, tally_epochs, confidence, caps)

    async def obligation_of(self, facility: int, epoch: int, block: Block = LATEST) -> Obligation:
        """What a facility must prove in an epoch."""
        fleets, records_count, from_epoch = await self.read("fleetsAt", facility, epoch, block=block)
        made = [
            Fleet(ComputeClass(c), devices, rate, pace, Sizes(m, n, k)) for rate, pace, devices, m, n, k, c in fleets
        ]
        return Obligation(tuple(made), records_count, from_epoch)


class Products(BoundContract):
    """A ProductDisputes."""

    NAME = "ProductDisputes"

    async def audits(self) -> ChecksumAddress:
        """Where it is said what facilities must prove; zero where nothing is."""
        return check_address("audits", await self.read("audits"))

    async def is_disproved(self, digest: bytes) -> bool:
        """Whether somebody has shown that a product is wrong."""
        return int(await self.read("reporterOf", digest), 16) != 0

    def disprove(self, product: Product, entry: WrongEntry) -> Call:
        """The call that shows one wrong entry."""
        shown = (entry.row, entry.column, entry.segment, list(entry.path))
        return Call(self.address, self.call_data("disprove", product.values(), shown))

    def slash_for_product(self, signed: Signed[Product]) -> Call:
        """The call that slashes who signed a disproved product."""
        return Call(self.address, self.call_data("slashForProduct", signed.message.values(), _compact(signed)))

    def slash_for_two(self, first: Signed[Product], second: Signed[Product]) -> Call:
        """The call that slashes who signed two products of one challenge."""
        messages = first.message.values(), second.message.values()
        data = self.call_data("slashForTwoProducts", *messages, _compact(first), _compact(second))
        return Call(self.address, data)


def _compact(signed: Signed[Product]) -> tuple[bytes, bytes]:
    data = signed.signature.to_compact()
    return data[: COMPACT_BYTES // 2], data[COMPACT_BYTES // 2 :]
