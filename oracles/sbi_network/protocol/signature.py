"""ECDSA signatures over secp256k1: one form in, one form out, and who made them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import coincurve
from eth_typing import ChecksumAddress, Hash32

from sbi_network.errors import FormatError, RangeError, SignatureError
from sbi_network.protocol.address import address_of
from sbi_network.protocol.figure import check_uint
from sbi_network.protocol.keccak import keccak256

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
MAX_S = CURVE_ORDER // 2
"""A signature with `s` above this exists in a second form; neither the contracts nor this package take it."""

SIGNATURE_BYTES = 65
COMPACT_BYTES = 64

_V_OFFSET = 27
_PARITY_BIT = 1 << 255


class SignedHash(Protocol):
    """What an account returns: the part of eth_account's SignedMessage that is used here."""

    @property
    def signature(self) -> bytes:
        """r, s, v in 65 bytes."""


class Signer(Protocol):
    """An account that signs digests: eth_account's LocalAccount, or what stands in for it."""

    @property
    def address(self) -> ChecksumAddress:
        """The account whose signatures these are."""

    def unsafe_sign_hash(self, message_hash: Hash32) -> SignedHash:
        """Sign a digest. eth_account calls it unsafe because a digest does not show what is signed; here we made it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A recoverable signature with `s` in the lower half order. Raises RangeError for any other figures."""

    r: int
    s: int
    y_parity: int

    def __post_init__(self) -> None:
        check_uint("y_parity", self.y_parity, 1)
        if type(self.r) is not int or not 0 < self.r < CURVE_ORDER:
            raise RangeError("r", self.r, "an integer above 0 and below the curve's order")
        if type(self.s) is not int or not 0 < self.s <= MAX_S:
            raise RangeError("s", self.s, "an integer above 0 in the lower half of the curve's order")

    @classmethod
    def from_bytes(cls, data: bytes) -> Signature:
        """Read r ‖ s ‖ v, 65 bytes with v 27 or 28. Raises FormatError, or RangeError for a malleable signature."""
        if len(data) != SIGNATURE_BYTES or data[64] - _V_OFFSET not in (0, 1):
            raise FormatError("signature", bytes(data), f"{SIGNATURE_BYTES} bytes, the last of them 27 or 28")
        return cls(int.from_bytes(data[:32]), int.from_bytes(data[32:64]), data[64] - _V_OFFSET)

    @classmethod
    def from_compact(cls, data: bytes) -> Signature:
        """Read r ‖ vs (EIP-2098), 64 bytes. Raises FormatError, or RangeError for a malleable signature."""
        if len(data) != COMPACT_BYTES:
            raise FormatError("compact signature", bytes(data), f"{COMPACT_BYTES} bytes")
        vs = int.from_bytes(data[32:])
        return cls(int.from_bytes(data[:32]), vs & ~_PARITY_BIT, vs >> 255)

    def to_bytes(self) -> bytes:
        """r ‖ s ‖ v, 65 bytes with v 27 or 28."""
        return self.r.to_bytes(32) + self.s.to_bytes(32) + bytes([_V_OFFSET + self.y_parity])

    def to_compact(self) -> bytes:
        """r ‖ vs (EIP-2098), 64 bytes: `s` with the parity in its top bit."""
        return self.r.to_bytes(32) + (self.s | self.y_parity << 255).to_bytes(32)

    def recover(self, digest: bytes) -> ChecksumAddress:
        """The account that signed the 32-byte `digest`. Raises SignatureError if no account can have."""
        recoverable = self.r.to_bytes(32) + self.s.to_bytes(32) + bytes([self.y_parity])
        try:
            # coincurve itself rather than eth_keys: a third of the time, and never the slow pure-Python fallback.
            key = coincurve.PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
        except ValueError as error:
            raise SignatureError(f"no account made this signature over {digest.hex()}") from error
        return address_of(keccak256(key.format(compressed=False)[1:])[12:])


def sign_digest(signer: Signer, digest: bytes) -> Signature:
    """`signer`'s signature over a 32-byte digest. Raises FormatError or RangeError if it does not return one."""
    return Signature.from_bytes(bytes(signer.unsafe_sign_hash(Hash32(digest)).signature))
