"""Sending transactions.

`TransactionSender` is what the oracle and the keeper know; `Sender` is its first form, which remembers nothing. A
durable outbox (intent, nonce, replacement, finality) takes the same place.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_typing import ChecksumAddress
from web3.exceptions import TransactionNotFound
from web3.types import TxParams

from sbi_network.chain.connection import LATEST, Block, Chain, asked
from sbi_network.chain.errors import EndpointError, TransactionRevertedError, TransactionTimeoutError
from sbi_network.chain.keys import Signer
from sbi_network.protocol.figure import hex_of

_log = structlog.get_logger("sbi.chain.sender")


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction is to do: call `to` with `data`, and pay `value` wei along."""

    to: ChecksumAddress
    data: str
    value: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that succeeded, and where."""

    transaction_hash: str
    block_number: int
    gas_used: int


class TransactionSender(Protocol):
    """Whoever brings calls onto the chain."""

    @property
    def address(self) -> ChecksumAddress:
        """The account that pays."""

    async def simulate(self, call: Call) -> None:
        """Try a call without sending. Raises ContractRefused."""

    async def send(self, call: Call) -> Receipt:
        """Bring a call into a block. Raises ContractRefused, TransactionError or EndpointError."""


@dataclass(frozen=True, slots=True)
class FeeRule:
    """EIP-1559 fees: the highest total fee is this many times the base fee, plus the tip, wei."""

    base_fee_factor: int = 2
    least_tip: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a receipt, and how often to look, in seconds."""

    limit: float = 120.0
    poll: float = 0.5


GAS_MARGIN_PERCENT: Final = 20
"""Gas beyond the estimate: storage that another transaction changes in between may cost more."""


class Sender:
    """Simulates, signs, sends, and waits for the receipt, one transaction at a time."""

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
        await self._simulate_at(call, LATEST)

    async def send(self, call: Call) -> Receipt:
        """Bring a call into a block. Raises ContractRefused, TransactionError or EndpointError."""
        async with self._one_at_a_time:
            await self.simulate(call)
            raw = await self._signed(await self._transaction(call))
            sent = hex_of(bytes(await asked(self._chain.web3.eth.send_raw_transaction(raw))))
            _log.info("transaction_sent", transaction=sent, to=call.to)
            return await self._included(call, sent)

    async def _transaction(self, call: Call) -> dict[str, Any]:
        eth = self._chain.web3.eth
        gas = int(await asked(eth.estimate_gas(_params(call, self.address))))
        base_fee = (await self._chain.head()).base_fee
        tip = max(int(await asked(eth.max_priority_fee)), self._fees.least_tip)
        return {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": int(await asked(eth.get_transaction_count(self.address, "pending"))),
            "to": call.to,
            "data": call.data,
            "value": call.value,
            "gas": gas + gas * GAS_MARGIN_PERCENT // 100,
            "maxFeePerGas": base_fee * self._fees.base_fee_factor + tip,
            "maxPriorityFeePerGas": tip,
        }

    async def _signed(self, transaction: dict[str, Any]) -> bytes:
        unsigned = TypedTransaction.from_dict(transaction)
        signature = await self._signer.sign_digest(bytes(unsigned.hash()))
        parts = {"v": signature.y_parity, "r": signature.r, "s": signature.s}
        return bytes(TypedTransaction.from_dict({**transaction, **parts}).encode())

    async def _included(self, call: Call, sent: str) -> Receipt:
        try:
            async with asyncio.timeout(self._patience.limit):
                receipt = await self._receipt(sent)
        except TimeoutError:
            raise TransactionTimeoutError(sent) from None
        if receipt["status"] != 1:
            # Tried again where it failed, the call mostly says why; where it does not, the cause is gone.
            await self._simulate_at(call, int(receipt["blockNumber"]))
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

    async def _simulate_at(self, call: Call, block: Block) -> None:
        await asked(self._chain.web3.eth.call(_params(call, self.address), block))  # type: ignore[arg-type]


def _params(call: Call, sender: ChecksumAddress) -> TxParams:
    return {"from": sender, "to": call.to, "data": call.data, "value": call.value}  # type: ignore[typeddict-item]
