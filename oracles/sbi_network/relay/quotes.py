"""Quotes: what a job will cost its payer, promised for a time, without a word kept about it.

A quote is the promise and a MAC over it under a key that lives as long as the state file. Whoever asks for a million
quotes therefore fills nothing. It also names a nonce to sign with: such nonces follow one another within a word of the
token's bitmap (17,100 gas less than a random one, and 300 less of calldata), and a fee's is its payment's neighbour.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sbi_network.errors import FormatError
from sbi_network.protocol.address import address_bytes, address_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.typed_data import Address
from sbi_network.relay.jobs import Kind

_KINDS: Final = tuple(Kind)
_MAC_BYTES: Final = 16
_PROMISE_BYTES: Final = 20 + 1 + 32 + 8 + 8
_PAIRS_A_WORD: Final = 128
_TAG_BYTES: Final = 4
_WORD_NUMBER_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Quote:
    """The fee (wei) of one job of a payer's, until `expires` (seconds); `position` counts the payer's nonces."""

    payer: Address
    kind: Kind
    fee: int
    expires: int
    position: int

    def _promise(self) -> bytes:
        head = address_bytes(self.payer) + bytes([_KINDS.index(self.kind)])
        return head + self.fee.to_bytes(32) + self.expires.to_bytes(8) + self.position.to_bytes(8)

    def sealed(self, key: bytes) -> str:
        """As it travels: digits."""
        promise = self._promise()
        return (promise + _mac(key, promise)).hex()


def opened(key: bytes, text: str) -> Quote:
    """The quote in a text that we sealed. Raises FormatError for any other text."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    promise, mac = data[:_PROMISE_BYTES], data[_PROMISE_BYTES:]
    if len(promise) != _PROMISE_BYTES or not hmac.compare_digest(mac, _mac(key, promise)):
        raise FormatError("quote", text, "a quote of this relayer's, as it was given")
    kind, fee = _KINDS[promise[20]], int.from_bytes(promise[21:53])
    return Quote(address_of(promise[:20]), kind, fee, int.from_bytes(promise[53:61]), int.from_bytes(promise[61:69]))


def nonce_at(token: Address, relayer: Address, payer: Address, position: int) -> bytes:
    """The nonce at a place of a payer's sequence, 32 bytes; its fee's is one above.

    Mostly zeros, which cost a quarter in calldata: a few bytes tell this relayer's sequence from another's.
    """
    told_apart = keccak256(address_bytes(token) + address_bytes(relayer) + address_bytes(payer))[:_TAG_BYTES]
    word = told_apart + (position // _PAIRS_A_WORD).to_bytes(_WORD_NUMBER_BYTES)
    return word.rjust(31, b"\0") + bytes([2 * (position % _PAIRS_A_WORD)])


def fee_nonce(nonce: bytes) -> bytes:
    """The nonce of the fee of a payment with a nonce from `nonce_at`."""
    return nonce[:31] + bytes([nonce[31] + 1])


def next_word(position: int) -> int:
    """The first position of the next word."""
    return (position // _PAIRS_A_WORD + 1) * _PAIRS_A_WORD


def opens_word(position: int) -> bool:
    """Whether a position is the first of its word."""
    return position % _PAIRS_A_WORD == 0


def _mac(key: bytes, promise: bytes) -> bytes:
    return hmac.digest(key, promise, sha256)[:_MAC_BYTES]
