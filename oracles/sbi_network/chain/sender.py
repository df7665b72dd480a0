"""Sending transactions.

`TransactionSender` is what the oracle and the keeper know. A daemon's is the outbox, which remembers; `Sender` is for a
command that sends one transaction while its user looks on, as `sbi govern` does. Such a command has no file to remember
by, nor a need for one: its user sees what became of it, and the governor refuses whoever repeats a vote, a proposal or
its execution. Where a second time would cost something, as with a bond, it is the outbox there too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from eth_typing import ChecksumAddress
from web3.exceptions import TransactionNotFound

from sbi_network.chain.calling import gas_for, simulate
from sbi_network.chain.chain_view import market, nonce_at
from sbi_network.chain.connection import Chain, asked
from sbi_network.chain.errors import EndpointError, TransactionRevertedError, TransactionTimeoutError
from sbi_network.chain.fees import FeeRule
from sbi_network.chain.intent import Order
from sbi_network.chain.keys import Signer
from sbi_network.chain.transaction import Call, Receipt, Transaction
from sbi_network.protocol.figure import hex_of

__all__ = ["Call", "FeeRule", "Order", "Patience", "Receipt", "Sender", "TransactionSender"]

_log = structlog.get_logger("sbi.chain.sender")


class TransactionSender(Protocol):
    """Whoever brings calls onto the chain."""

    @property
    def address(self) -> ChecksumAddress:
        """The account that pays."""

    async def simulate(self, call: Call) -> None:
        """Try a call without sending. Raises ContractRefused."""

    async def send(self, call: Call, order: Order | None = None) -> Receipt:
        """Bring a call into a block. Raises ContractRefused, TransactionError or EndpointError."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a receipt, and how often to look, in seconds."""

    limit: float = 120.0
    poll: float = 0.5


class Sender:
    """Simulates, signs, sends, and waits for the receipt, one transaction at a time. Remembers nothing."""

    def __init__(
        self, chain: Chain, chain_id: int, signer: Signer, fees: FeeRule | None = None, patience: Patience | None = None
    ) -> None:
        self._chain = chain
        self._chain_id = chain_id
        self._signer = signer
        self._fees = fees or FeeRule()
        self._patience = patience or Patience()
        self._one_at_a_time = asyncio.Lock()

    @property
    def address(self) -> ChecksumAddress:
        """The account that pays."""
        return self._signer.address

    async def simulate(self, call: Call) -> None:
        """Try a call without sending. Raises ContractRefused or EndpointError."""
        await simulate(self._chain, self.address, call)

    async def send(self, call: Call, order: Order | None = None) -> Receipt:
        """Bring a call into a block. Raises ContractRefused, TransactionError or EndpointError."""
        async with self._one_at_a_time:
            await self.simulate(call)
            transaction = await self._transaction(call)
            raw = transaction.signed(await self._signer.sign(transaction.preimage()))
            sent = hex_of(bytes(await asked(self._chain.web3.eth.send_raw_transaction(raw))))
            _log.info("transaction_sent", transaction=sent, to=call.to)
            return await self._included(call, sent)

    async def _transaction(self, call: Call) -> Transaction:
        gas = await gas_for(self._chain, self.address, call)
        fees = self._fees.first(await market(self._chain, await self._chain.head()))
        return Transaction(self._chain_id, await nonce_at(self._chain, self.address), fees, gas, call)

    async def _included(self, call: Call, sent: str) -> Receipt:
        try:
            async with asyncio.timeout(self._patience.limit):
                receipt = await self._receipt(sent)
        except TimeoutError:
            raise TransactionTimeoutError(sent) from None
        if receipt["status"] != 1:
            # Tried again where it failed, the call mostly says why; where it does not, the cause is gone.
            await simulate(self._chain, self.address, call, int(receipt["blockNumber"]))
            raise TransactionRevertedError(sent)
        return Receipt(sent, int(receipt["blockNumber"]), int(receipt["gasUsed"]))

    async def _receipt(self, sent: str) -> Any:
        while True:
            try:
                return await asked(self._chain.web3.eth.get_transaction_receipt(sent))  # type: ignore[arg-type]
            except EndpointError as error:
                if error.kind != TransactionNotFound.__name__:
                    _log.warning("receipt_not_read", transaction=sent, reason=str(error))
            await asyncio.sleep(self._patience.poll)
