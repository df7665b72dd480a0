"""Range checks shared by everything that is signed, hashed or summed."""

from __future__ import annotations

from sbi_network.errors import FormatError, RangeError

UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
UINT256_MAX = 2**256 - 1

WORD_BYTES = 32
ZERO_WORD = bytes(WORD_BYTES)


def check_uint(name: str, value: object, maximum: int) -> int:
    """`value` itself, if it is an integer from 0 to `maximum`. `bool` is not one here; Ape's integers are.

    Raises RangeError.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        raise RangeError(name, value, f"an integer from 0 to {maximum}")
    return value


def check_word(name: str, value: object) -> bytes:
    """`value` itself, if it is 32 bytes. Raises RangeError."""
    if type(value) is not bytes or len(value) != WORD_BYTES:
        raise RangeError(name, value, f"{WORD_BYTES} bytes")
    return value


def hex_of(data: bytes) -> str:
    """The one spelling of bytes in text: 0x and lower-case digits."""
    return "0x" + data.hex()


def bytes_of_hex(name: str, text: object, size: int) -> bytes:
    """The `size` bytes that `hex_of` would write as `text`. Raises FormatError."""
    if isinstance(text, str) and len(text) == 2 + 2 * size and text.startswith("0x"):
        try:
            data = bytes.fromhex(text[2:])
        except ValueError:
            data = b""
        # bytes.fromhex also takes spaces and capitals: writing it back is the whole of the remaining check.
        if hex_of(data) == text:
            return data
    raise FormatError(name, text, f"0x and {2 * size} lower-case hexadecimal digits")
