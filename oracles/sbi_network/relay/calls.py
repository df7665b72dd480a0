"""What a job is on chain: the one call that does it, or its part of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbi_network.chain.citizens import Citizens
from sbi_network.chain.token import SignedTransfer, Token
from sbi_network.chain.transaction import Call
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
        """The call that makes many, and skips those that it cannot make."""
        return Call(self.token.address, self.token.transfer_all_signed(transfers))
