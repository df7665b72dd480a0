"""Strict models of what people write and scripts read back: unknown keys refused, nothing guessed, faults by key."""

from __future__ import annotations

from typing import Annotated

from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

_SHOWN_CHARS = 120
_ZERO_ADDRESS = "0x" + "0" * 40


def _checksummed(value: str) -> str:
    if not is_checksum_address(value):
        raise ValueError(f"expected a checksummed address, got {value!r}")
    return value


def _nonzero(value: str) -> str:
    if value == _ZERO_ADDRESS:
        raise ValueError("expected an address other than zero")
    return value


def typed_address(text: object) -> str | None:
    """An address as somebody typed it, in small letters or with its EIP-55 checksum, brought into the latter; None for
    anything else, above all for one whose checksum does not fit: it may be another's."""
    if not isinstance(text, str) or not text.startswith("0x") or not is_hex_address(text):
        return None
    found = str(to_checksum_address(text))
    return found if text in (found, found.lower()) else None


AnyAddress = Annotated[str, AfterValidator(_checksummed)]
"""An address with its EIP-55 checksum, zero among them."""

Address = Annotated[AnyAddress, AfterValidator(_nonzero)]
"""An address that somebody may have."""

Whole = Annotated[int, Field(strict=True)]
"""A whole number: no text that looks like one, no `true`."""


class Strict(BaseModel):
    """A mapping of which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def faults(error: ValidationError) -> str:
    """Everything that is wrong, each by its dotted key, with what was expected and what was given."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'the whole'}: "
        f"{fault['msg'].removeprefix('Value error, ')} (given {_shown(fault['input'])})"
        for fault in error.errors()
    )


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
