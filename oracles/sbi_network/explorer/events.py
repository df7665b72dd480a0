"""From logs to events: decoded by the packaged ABIs, in a form that is the same fresh from the chain and out of the
database.

Arguments are plain JSON: integers as decimal strings (they may have 256 bits), bytes and addresses as 0x text,
booleans, lists, and objects for structs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from sbi_network.explorer.deployment import Contract
from sbi_network.protocol.abi import AbiItem, load_abi
from sbi_network.protocol.abi.revert import signature_of
from sbi_network.protocol.address import address_of
from sbi_network.protocol.figure import WORD_BYTES, hex_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.typed_data import Address

Args = dict[str, Any]

UNDECODED: Final = "undecoded"
"""Key of the raw bytes of an event that its own ABI does not fit: kept, shown as it is, and derived from by nobody."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log as the node gives it. `timestamp` is None where the node does not say."""

    block: int
    index: int
    block_hash: str
    transaction: str
    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    timestamp: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What a contract of the suite said: where in the chain, which role's contract, the event's name, arguments."""

    block: int
    index: int
    transaction: str
    role: str
    name: str
    args: Args

    def integer(self, name: str) -> int:
        """An integer argument."""
        return int(self.args[name])

    def address(self, name: str) -> str:
        """An address argument, with its EIP-55 checksum."""
        return str(self.args[name])


@dataclass(frozen=True)
class _Shape:
    """How an event's arguments are laid out. Types are canonical, structs spelt out."""

    name: str
    indexed: tuple[tuple[AbiItem, str], ...]
    plain: tuple[tuple[AbiItem, str], ...]
    topic_types: tuple[str, ...]
    plain_types: tuple[str, ...]

    @cached_property
    def is_plain(self) -> bool:
        """Whether every argument is a word by itself, as in the events that come by the million."""
        return all(kind in _WORDS for kind in (*self.topic_types, *self.plain_types))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """In the order of the words: indexed ones first."""
        return tuple(parameter["name"] for parameter, _ in (*self.indexed, *self.plain))


class EventDecoder:
    """Decodes the logs of a deployment's contracts."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._shapes: dict[tuple[Address, bytes], tuple[str, _Shape]] = {}
        self.addresses: list[Address] = []
        for contract in contracts:
            self.addresses.append(contract.address)
            for item in load_abi(contract.name):
                if item["type"] == "event":
                    topic = keccak256(signature_of(item).encode())
                    self._shapes[contract.address, topic] = (contract.role, _shape_of(item))

    def decode(self, log: Log) -> Event | None:
        """The event in a log; None where it is no event of the suite's contracts."""
        found = self._shapes.get((log.address, log.topics[0])) if log.topics else None
        if found is None:
            return None
        role, shape = found
        try:
            args = _arguments(shape, log.topics[1:], log.data)
        except (DecodingError, OverflowError, ValueError):
            args = {UNDECODED: hex_of(b"".join(log.topics[1:]) + log.data)}
        return Event(log.block, log.index, log.transaction, role, shape.name, args)


def encode_args(args: Args) -> str:
    """As the database keeps them. ASCII alone, so that no text of a stranger's upsets a database."""
    return json.dumps(args, separators=(",", ":"))


def _shape_of(item: AbiItem) -> _Shape:
    pairs = [(each, _canonical(each)) for each in item["inputs"]]
    plain = tuple(pair for pair in pairs if not pair[0]["indexed"])
    indexed = tuple(pair for pair in pairs if pair[0]["indexed"])
    topics = tuple((each, _topic_type(kind)) for each, kind in indexed)
    # Text is read as bytes, whose layout it has: a stranger's need not be UTF-8, and must hide nothing else.
    plain_types = tuple(re.sub(r"\bstring\b", "bytes", kind) for _, kind in plain)
    return _Shape(item["name"], topics, plain, tuple(kind for _, kind in topics), plain_types)


def _topic_type(kind: str) -> str:
    return "bytes32" if kind in ("string", "bytes") or kind.endswith(("]", ")")) else kind


def _canonical(parameter: AbiItem) -> str:
    return signature_of({"name": "", "inputs": [parameter]})[1:-1]


def _arguments(shape: _Shape, topics: Sequence[bytes], data: bytes) -> Args:
    if len(topics) != len(shape.indexed):
        raise ValueError("another number of indexed arguments")
    if shape.is_plain:
        return _words(shape, b"".join(topics) + data)
    args: Args = {}
    # Each is a word: of an argument that is longer, the log holds the hash.
    for (parameter, kind), value in zip(shape.indexed, decode(shape.topic_types, b"".join(topics)), strict=True):
        args[parameter["name"]] = _form(parameter, kind, value)
    for (parameter, kind), value in zip(shape.plain, decode(shape.plain_types, data), strict=True):
        args[parameter["name"]] = _form(parameter, parameter["type"] if kind[0] == "(" else kind, value)
    return args


def _words(shape: _Shape, data: bytes) -> Args:
    """As eth_abi reads them, in a fifth of its time. Raises ValueError for bytes that do not fit."""
    needed = WORD_BYTES * len(shape.names)
    if len(data) < needed:
        raise ValueError("too few bytes")
    words = [data[start : start + WORD_BYTES] for start in range(0, needed, WORD_BYTES)]
    kinds = (*shape.topic_types, *shape.plain_types)
    return {name: _WORDS[kind](word) for name, kind, word in zip(shape.names, kinds, words, strict=True)}


def _address(word: bytes) -> str:
    if any(word[:12]):
        raise ValueError("no address")
    return _checksummed(hex_of(word[12:]))


def _integer(bits: int) -> Callable[[bytes], str]:
    def read(word: bytes) -> str:
        value = int.from_bytes(word)
        if value >> bits:
            raise ValueError(f"no uint{bits}")
        return str(value)

    return read


_WORDS: Final[dict[str, Callable[[bytes], str]]] = {
    "address": _address,
    "bytes32": hex_of,
    **{f"uint{bits}": _integer(bits) for bits in range(8, 257, 8)},
}


@lru_cache(maxsize=65_536)
def _checksummed(address: str) -> str:
    """The same few accounts appear in most events."""
    return address_of(bytes.fromhex(address[2:]))


def _form(parameter: AbiItem, kind: str, value: Any) -> Any:
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return [_form(parameter, inner, each) for each in value]
    if kind == "tuple":
        parts = zip(parameter["components"], value, strict=True)
        return {each["name"]: _form(each, each["type"], part) for each, part in parts}
    if kind == "address":
        return _checksummed(value)
    if kind == "string":
        return value.decode(errors="replace")
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    return hex_of(value) if isinstance(value, bytes) else value
