"""Account addresses: in text always with their EIP-55 checksum, so that a mistyped digit is seen."""

from __future__ import annotations

import re

from eth_typing import ChecksumAddress, HexAddress, HexStr

from sbi_network.errors import RangeError
from sbi_network.protocol.keccak import keccak256

ADDRESS_BYTES = 20
ZERO_ADDRESS = ChecksumAddress(HexAddress(HexStr("0x" + "0" * 40)))

_ADDRESS = re.compile(r"0x[0-9A-Fa-f]{40}")


def address_of(raw: bytes) -> ChecksumAddress:
    """The EIP-55 spelling of a 20-byte address. Raises RangeError for another length."""
    if len(raw) != ADDRESS_BYTES:
        raise RangeError("address", raw, f"{ADDRESS_BYTES} bytes")
    digits = raw.hex()
    marks = keccak256(digits.encode()).hex()
    text = "".join([d.upper() if mark > "7" else d for d, mark in zip(digits, marks, strict=False)])
    return ChecksumAddress(HexAddress(HexStr("0x" + text)))


def address_bytes(address: ChecksumAddress) -> bytes:
    """The 20 bytes of an address that `check_address` has passed."""
    return bytes.fromhex(address[2:])


def check_address(name: str, value: object) -> ChecksumAddress:
    """`value` itself, if it is an address in its EIP-55 spelling.

    All-lower and all-upper spellings carry no checksum and are refused like a wrong one: one spelling for each
    account also makes text comparison safe. Raises RangeError, which names the right spelling where there is one.
    """
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) is None:
        raise RangeError(name, value, "0x and 40 hexadecimal digits with their EIP-55 checksum")
    address = address_of(bytes.fromhex(value[2:]))
    if address != value:
        raise RangeError(name, value, f"its EIP-55 checksum, as in {address} if the digits are right")
    return address
