"""What a revert said: from bytes to the error's name and its arguments by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from sbi_network.errors import AbiError
from sbi_network.protocol.abi.loading import AbiItem, available_abis, load_abi
from sbi_network.protocol.address import address_of
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.keccak import keccak256

SELECTOR_BYTES = 4

_BUILT_IN: tuple[AbiItem, ...] = (
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)
"""What Solidity itself reverts with: a reason string, and a failed assertion or arithmetic check."""


@dataclass(frozen=True, slots=True)
class DecodedError:
    """A contract's error. `arguments` are integers, text, bytes, booleans, tuples, and mappings for structs, by name.

    An argument without a name has its place as one (`_0`). Its text is fit for a log line.
    """

    name: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_shown(value)}' for name, value in self.arguments.items())})"


class ErrorDecoder:
    """Decodes reverts by the errors of some ABIs, and the two that Solidity has built in."""

    __slots__ = ("_by_selector",)

    def __init__(self, items: Iterable[AbiItem]) -> None:
        """Take the errors among the ABI items.

        Raises AbiError if two different errors share a selector. For the same error in several ABIs the first counts.
        """
        self._by_selector: dict[bytes, AbiItem] = {}
        for item in (*_BUILT_IN, *items):
            if item["type"] == "error":
                known = self._by_selector.setdefault(selector_of(item), item)
                if signature_of(known) != signature_of(item):
                    raise AbiError(f"{signature_of(known)} and {signature_of(item)} share a selector")

    def name_of(self, selector: bytes) -> str | None:
        """The name of the error with a selector, as events carry it; None where no known error has it."""
        item = self._by_selector.get(bytes(selector[:SELECTOR_BYTES]))
        return None if item is None else str(item["name"])

    def decode(self, data: bytes) -> DecodedError | None:
        """The error in a revert's data, or None where no known error has its selector.

        Raises AbiError where one has, but the rest of the data does not fit it.
        """
        item = self._by_selector.get(bytes(data[:SELECTOR_BYTES]))
        if item is None:
            return None
        inputs = item.get("inputs", [])
        try:
            values = decode([_canonical(each) for each in inputs], bytes(data[SELECTOR_BYTES:]))
        except (DecodingError, UnicodeDecodeError, OverflowError) as error:
            raise AbiError(f"the data does not fit {signature_of(item)}: {error}") from error
        return DecodedError(item["name"], _named(inputs, values))


@cache
def packaged_errors() -> ErrorDecoder:
    """The decoder of every error in the packaged ABIs."""
    return ErrorDecoder(item for name in available_abis() for item in load_abi(name))


def signature_of(item: AbiItem) -> str:
    """The canonical signature of an error or function, such as `AboveField(uint256,uint256)`."""
    return f"{item['name']}({','.join(_canonical(each) for each in item.get('inputs', []))})"


def selector_of(item: AbiItem) -> bytes:
    """The 4 bytes that stand for it."""
    return keccak256(signature_of(item).encode())[:SELECTOR_BYTES]


def _canonical(parameter: AbiItem) -> str:
    """A parameter's type with structs spelt out: `tuple[]` with two components becomes `(uint256,address)[]`."""
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_canonical(each) for each in parameter['components'])}){kind.removeprefix('tuple')}"


def _named(parameters: list[AbiItem], values: Iterable[Any]) -> dict[str, Any]:
    pairs = zip(parameters, values, strict=True)
    return {each.get("name") or f"_{i}": _value(each, each["type"], value) for i, (each, value) in enumerate(pairs)}


def _value(parameter: AbiItem, kind: str, value: Any) -> Any:
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return tuple(_value(parameter, inner, each) for each in value)
    if kind == "tuple":
        return _named(parameter["components"], value)
    return address_of(bytes.fromhex(value[2:])) if kind == "address" else value


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return hex_of(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(each) for each in value)}]"
    if isinstance(value, dict):
        return f"({', '.join(f'{name}={_shown(each)}' for name, each in value.items())})"
    return repr(value) if isinstance(value, str) and not value.startswith("0x") else str(value)
