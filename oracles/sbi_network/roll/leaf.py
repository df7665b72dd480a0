"""One citizen of a batch."""

from __future__ import annotations

from dataclasses import dataclass

from eth_typing import ChecksumAddress

from sbi_network.errors import RangeError
from sbi_network.protocol.address import ZERO_ADDRESS, address_bytes, check_address
from sbi_network.protocol.figure import UINT32_MAX, WORD_BYTES, ZERO_WORD, check_uint, check_word
from sbi_network.protocol.keccak import keccak256

_ADDRESS_PADDING = bytes(12)


@dataclass(frozen=True, slots=True)
class CitizenLeaf:
    """A citizen's place in a batch, account, and the registrars' opaque commitment to the person (32 bytes).

    Raises RangeError, also for the zero account and the zero commitment: both are what a missing value looks like.
    """

    index: int
    account: ChecksumAddress
    person: bytes

    def __post_init__(self) -> None:
        check_uint("index", self.index, UINT32_MAX)
        if check_address("account", self.account) == ZERO_ADDRESS:
            raise RangeError("account", self.account, "an account that somebody holds")
        if check_word("person", self.person) == ZERO_WORD:
            raise RangeError("person", self.person, "a commitment that is not zero")

    def hash(self) -> bytes:
        """The 32-byte leaf of the standard Merkle tree: hashed twice, so that no node can pass for a leaf."""
        account = _ADDRESS_PADDING + address_bytes(self.account)
        return keccak256(keccak256(self.index.to_bytes(WORD_BYTES) + account + self.person))
