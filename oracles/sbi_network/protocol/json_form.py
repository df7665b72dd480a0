"""Messages as JSON between programs: strict, so that a message has one reading or none.

    {"message": {"configDigest": "0x…", "epoch": 7, "readings": "0x…"}, "signature": "0x…", "type": "Observation"}

Keys are the EIP-712 names. Integers up to 2**53 - 1 are JSON numbers, larger ones decimal strings (JavaScript would
round them); reading takes a decimal string for any integer. Bytes are 0x and lower-case digits, addresses carry their
EIP-55 checksum, a signature is in its 64-byte form. Unknown, missing and repeated keys are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from eth_typing import ChecksumAddress

from sbi_network.errors import FormatError
from sbi_network.protocol.figure import WORD_BYTES, bytes_of_hex, hex_of
from sbi_network.protocol.signature import COMPACT_BYTES, Signature
from sbi_network.protocol.typed_data import Domain, Kind, TypedMessage, layout_of

MAX_TEXT_CHARS = 4096
"""Longest text that is read: four times the longest message. A stranger's megabytes are not even parsed."""

SAFE_INTEGER_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")

M = TypeVar("M", bound=TypedMessage)


@dataclass(frozen=True, slots=True)
class Signed(Generic[M]):
    """A message with a signature over it. Nothing is checked until `signer` is asked for."""

    message: M
    signature: Signature

    def signer(self, domain: Domain) -> ChecksumAddress:
        """The account that signed. Raises SignatureError if no account can have."""
        return self.message.signer(self.signature, domain)


def message_to_object(message: TypedMessage) -> dict[str, Any]:
    """The fields of a message, ready for `json.dumps`."""
    layout = layout_of(type(message))
    values = zip(layout.members, layout.values(message), strict=True)
    return {member: _to_json(kind, value) for (_, member, kind), value in values}


def message_from_object(message_type: type[M], given: object) -> M:
    """The message of this type in what `json.loads` returned.

    Raises FormatError for anything of another shape, RangeError for a value out of range.
    """
    layout = layout_of(message_type)
    fields = _exact_keys(message_type.__name__, given, frozenset(member for _, member, _ in layout.members))
    values = {name: _from_json(kind, member, fields[member]) for name, member, kind in layout.members}
    return message_type(**values)


def encode_signed(signed: Signed[Any]) -> str:
    """A signed message as compact JSON text with sorted keys: equal messages give equal text."""
    given = {
        "type": type(signed.message).__name__,
        "message": message_to_object(signed.message),
        "signature": hex_of(signed.signature.to_compact()),
    }
    return json.dumps(given, sort_keys=True, separators=(",", ":"))


def decode_signed(message_type: type[M], text: str | bytes) -> Signed[M]:
    """The signed message of this type in JSON text. Raises FormatError or RangeError; checks no signature."""
    given = _exact_keys("signed message", parse_json(text), frozenset({"type", "message", "signature"}))
    if given["type"] != message_type.__name__:
        raise FormatError("type", given["type"], repr(message_type.__name__))
    signature = Signature.from_compact(bytes_of_hex("signature", given["signature"], COMPACT_BYTES))
    return Signed(message_from_object(message_type, given["message"]), signature)


def parse_json(text: str | bytes, max_chars: int = MAX_TEXT_CHARS) -> object:
    """What JSON text says, with repeated keys, NaN and Infinity refused, and at most `max_chars` of it.

    Raises FormatError.
    """
    if len(text) > max_chars:
        raise FormatError("JSON text", f"{len(text)} characters", f"at most {max_chars}")
    try:
        # Decoded here, since json.loads would also guess at UTF-16 and UTF-32.
        given = text.decode() if isinstance(text, bytes) else text
        return json.loads(given, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:  # also text that is not UTF-8, and numbers of thousands of digits
        raise FormatError("JSON text", text, f"valid JSON ({error})") from error


def _exact_keys(name: str, given: object, expected: frozenset[str]) -> Mapping[str, object]:
    if not isinstance(given, dict):
        raise FormatError(name, given, "a JSON object")
    if given.keys() != expected:
        raise FormatError(name, sorted(given), f"exactly the keys {sorted(expected)}")
    return given


def _to_json(kind: Kind, value: Any) -> int | str:
    if kind.solidity.startswith("uint"):
        return value if value <= SAFE_INTEGER_MAX else str(value)
    return hex_of(value) if kind.solidity == "bytes32" else str(value)


def _from_json(kind: Kind, name: str, given: object) -> object:
    if kind.solidity.startswith("uint"):
        return _integer(name, given)
    return bytes_of_hex(name, given, WORD_BYTES) if kind.solidity == "bytes32" else given


def _integer(name: str, given: object) -> int:
    if type(given) is int and abs(given) <= SAFE_INTEGER_MAX:
        return given
    if isinstance(given, str) and _DECIMAL.fullmatch(given) is not None:
        return int(given)
    raise FormatError(name, given, "an integer up to 2**53 - 1, or one in a string of decimal digits")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) != len(pairs):
        raise FormatError("JSON object", [key for key, _ in pairs], "each key once")
    return given


def _no_constant(name: str) -> NoReturn:
    raise FormatError("JSON text", name, "a finite number")
