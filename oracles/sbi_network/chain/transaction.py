"""EIP-1559 transactions: what is signed, and the bytes that are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import rlp
from eth_typing import ChecksumAddress

from sbi_network.protocol.address import address_bytes
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.signature import Signature

_TYPE: Final = b"\x02"


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


@dataclass(frozen=True, slots=True)
class Fees:
    """Highest total fee and highest tip for a unit of gas, wei."""

    max_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """An unsigned transaction of type 2."""

    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    call: Call

    def preimage(self) -> bytes:
        """What is hashed and signed: 0x02 ‖ rlp([chain, nonce, tip, max fee, gas, to, value, data, access list])."""
        return _TYPE + bytes(rlp.encode(self._fields()))

    def signed(self, signature: Signature) -> bytes:
        """The bytes to send."""
        return _TYPE + bytes(rlp.encode([*self._fields(), signature.y_parity, signature.r, signature.s]))

    def _fields(self) -> list[object]:
        to, data = address_bytes(self.call.to), bytes.fromhex(self.call.data.removeprefix("0x"))
        fees = (self.fees.tip, self.fees.max_fee)
        return [self.chain_id, self.nonce, *fees, self.gas, to, self.call.value, data, []]


def transaction_hash(raw: bytes) -> str:
    """The hash by which the chain knows a signed transaction, as 0x and digits."""
    return hex_of(keccak256(raw))
