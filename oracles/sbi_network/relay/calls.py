"""What a job is on chain: the one call that does it, or its part of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sbi_network.chain.citizens import Citizens
from sbi_network.chain.token import SignedTransfer, Token
from sbi_network.chain.transaction import Call
from sbi_network.protocol.signature import SIGNATURE_BYTES, Signature
from sbi_network.relay.jobs import Job, SignedPermit


@dataclass(frozen=True, slots=True)
class Contracts:
    """The token, and the citizen registry where first spends are carried."""

    token: Token
    citizens: Citizens | None

    def alone(self, job: Job) -> Call:
        """The call that does one job, and reverts if it cannot be done."""
        deed = job.deed
        if isinstance(deed, SignedPermit):
            return Call(self.token.address, self.token.permit(deed.message, deed.signature))
        if job.activation is None or self.citizens is None:
            return self.paying(deed)
        return Call(self.citizens.address, self.citizens.activate_and_pay(job.activation.leaf(job.payer), deed))

    def paying(self, transfer: SignedTransfer) -> Call:
        """The call that makes one payment, or collects one fee, or reverts."""
        return Call(self.token.address, self.token.transfer_signed(transfer))

    def together(self, transfers: Sequence[SignedTransfer]) -> Call:
        """The call that makes many, and skips those that it cannot make. All signed by ordinary keys."""
        return Call(self.token.address, self.token.transfer_all_signed([compacted(each) for each in transfers]))


def compacted(transfer: SignedTransfer) -> SignedTransfer:
    """With an ordinary key's signature in its short form (ERC-2098): a word less of calldata."""
    if len(transfer.signature) != SIGNATURE_BYTES:
        return transfer
    return replace(transfer, signature=Signature.from_bytes(transfer.signature).to_compact())
