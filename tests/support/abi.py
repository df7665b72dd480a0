"""Calls, events and errors of the deployed suite as bytes, for `evm`: from the ABIs that Ape compiled alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eth_abi.abi import decode, encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.support.evm import Evm, Log, Mined

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from scripts._deploy import Suite


@dataclass(frozen=True)
class Function:
    """One function: where it is, how its arguments and results are coded."""

    address: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def encode(self, *arguments: Any) -> bytes:
        return self.selector + encode(self.inputs, arguments)


@dataclass(frozen=True)
class Event:
    """An event, decoded: which contract (by role), its name, its values by name."""

    role: str
    name: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A named error, decoded."""

    name: str
    values: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.values.items())})"


class Reply:
    """What came of a transaction: `events` if it held, `refusal` if it did not."""

    def __init__(self, mined: Mined, codec: Codec) -> None:
        self.ok = mined.ok
        self._mined = mined
        self._codec = codec

    @cached_property
    def events(self) -> list[Event]:
        return [self._codec.event(log) for log in self._mined.logs]

    def named(self, name: str) -> list[Event]:
        """The events of this name, in order."""
        return [event for event in self.events if event.name == name]

    @property
    def refusal(self) -> Refusal:
        if self.ok:
            raise AssertionError("nothing was refused: the transaction held")
        return self._codec.refusal(self._mined.output)


_PANIC = keccak(text="Panic(uint256)")[:4]
"""What Solidity itself reverts with: 0x11 for an overflow, 0x12 for a division by zero."""


class Codec:
    """Everything that the contracts of a suite say and take."""

    def __init__(self, suite: Suite, extra_errors: Iterable[Any] = ()) -> None:
        self._functions: dict[tuple[str, str, int], Function] = {}
        self._events: dict[tuple[str, bytes], Any] = {}
        self._errors: dict[bytes, Any] = {}
        self._roles: dict[str, str] = {}
        for role in suite.addresses():
            contract = getattr(suite, role)
            self._roles[contract.address] = role
            kind = contract.contract_type
            for abi in (*kind.view_methods, *kind.mutable_methods):
                key = (role, abi.name, len(abi.inputs))
                if key in self._functions:
                    raise ValueError(f"two functions {key}: the number of arguments does not tell them apart")
                self._functions[key] = Function(
                    contract.address,
                    keccak(text=abi.selector)[:4],
                    tuple(i.canonical_type for i in abi.inputs),
                    tuple(o.canonical_type for o in abi.outputs),
                )
            for abi in kind.events:
                self._events[contract.address, keccak(text=abi.selector)] = abi
            for abi in kind.errors:
                self._errors[keccak(text=abi.selector)[:4]] = abi
        for abi in extra_errors:
            self._errors[keccak(text=abi.selector)[:4]] = abi

    def function(self, role: str, name: str, arity: int) -> Function:
        return self._functions[role, name, arity]

    def selector_of(self, error: str) -> bytes:
        """The selector of an error by its name."""
        return next(selector for selector, abi in self._errors.items() if abi.name == error)

    def event(self, log: Log) -> Event:
        abi = self._events[log.address, log.topics[0]]
        topics = iter(log.topics[1:])
        plain = iter(decode([i.canonical_type for i in abi.inputs if not i.indexed], log.data))
        values = {
            i.name: _plain(i.canonical_type, decode([i.canonical_type], next(topics))[0] if i.indexed else next(plain))
            for i in abi.inputs
        }
        return Event(self._roles[log.address], abi.name, values)

    def refusal(self, data: bytes) -> Refusal:
        abi = self._errors.get(data[:4])
        if data[:4] == _PANIC:
            return Refusal("Panic", {"code": hex(int.from_bytes(data[4:]))})
        if abi is None:
            return Refusal("unnamed", {"data": "0x" + data.hex()})
        types = [i.canonical_type for i in abi.inputs]
        values = decode(types, data[4:])
        return Refusal(abi.name, {i.name: _plain(t, v) for i, t, v in zip(abi.inputs, types, values, strict=True)})


@dataclass(frozen=True)
class View:
    """One question to a contract, all of whose answer is words of 32 bytes."""

    function: Function
    data: bytes
    words: int


class Desk:
    """Sends to and reads from a suite by role and function name."""

    def __init__(self, evm: Evm, codec: Codec) -> None:
        self.evm = evm
        self.codec = codec

    def send(self, sender: LocalAccount, role: str, name: str, *arguments: Any, at: int) -> Reply:
        function = self.codec.function(role, name, len(arguments))
        return Reply(self.evm.send(sender, function.address, function.encode(*arguments), at), self.codec)

    def send_through(
        self, sender: LocalAccount, till: str, value: int, role: str, name: str, *arguments: Any, at: int
    ) -> Reply:
        """Sends with coins of a till (`TILL_CODE`), which is then the caller."""
        function = self.codec.function(role, name, len(arguments))
        head = int(function.address, 16).to_bytes(32) + value.to_bytes(32)
        return Reply(self.evm.send(sender, till, head + function.encode(*arguments), at), self.codec)

    def balances(self, addresses: Sequence[str]) -> list[int]:
        """What accounts have in the native coin, wei."""
        code = b""
        for place, address in enumerate(addresses):
            code += _push(int(address, 16), 20) + _BALANCE + _push(32 * place, 1) + _MSTORE
        words = self.evm.look(code + _push(32 * len(addresses), 1) + _push(0, 1) + _RETURN)
        return [int.from_bytes(words[start : start + 32]) for start in range(0, len(words), 32)]

    def view(self, role: str, name: str, *arguments: Any) -> View:
        function = self.codec.function(role, name, len(arguments))
        return View(function, function.encode(*arguments), sum(_words(t) for t in function.outputs))

    def read(self, views: Sequence[View]) -> list[Any]:
        """The answers to many views at one moment; a function with several results answers a tuple."""
        data = self.evm.look(_program(views))[32:]
        answers = []
        for view in views:
            size = 32 * view.words
            values = decode(view.function.outputs, data[:size])
            plain = tuple(_plain(t, v) for t, v in zip(view.function.outputs, values, strict=True))
            answers.append(plain[0] if len(plain) == 1 else plain)
            data = data[size:]
        return answers


def _words(kind: str) -> int:
    if kind.startswith("("):
        return sum(_words(part) for part in kind[1:-1].split(","))
    if kind.endswith("]") or kind in ("bytes", "string"):
        raise ValueError(f"{kind} has no fixed size")
    return 1


def _plain(kind: str, value: Any) -> Any:
    return to_checksum_address(value) if kind == "address" else value


# A till: whoever calls it with an address, a value (32 bytes each) and data has it call that address with them. It
# answers and reverts as what it called does, and takes coins that come without data.
_TILL = "3615602857604036038060405f375f5f915f6020355f355af13d5f5f3e3d5f9160255790fd5b90f35b00"
TILL_CODE = bytes.fromhex("602a8060095f395ff3" + _TILL)

# What the program below is made of.
_BALANCE = bytes([0x31])
_GAS, _STATICCALL, _MSTORE, _ISZERO, _JUMPI, _RETURN = (bytes([code]) for code in (0x5A, 0xFA, 0x52, 0x15, 0x57, 0xF3))


def _push(value: int, size: int) -> bytes:
    return bytes([0x5F + size]) + value.to_bytes(size)


def _program(views: Sequence[View]) -> bytes:
    """Creation code that asks each view in turn and returns a word of zero and all answers; it reverts if one reverts.

    It begins with a jump over the failure branch: PUSH1 7, JUMP, JUMPDEST, PUSH0, PUSH0, REVERT, JUMPDEST. The zero is
    there because code, as which the EVM takes what this returns, may not begin with 0xef (EIP-3541).
    """
    code = bytes.fromhex("6007565b5f5ffd5b")
    answers = 32
    scratch = 32 + 32 * sum(view.words for view in views)
    for view in views:
        for start in range(0, len(view.data), 32):
            word = view.data[start : start + 32].ljust(32, b"\0")
            code += bytes([0x7F]) + word + _push(scratch + start, 3) + _MSTORE
        code += _push(32 * view.words, 3) + _push(answers, 3) + _push(len(view.data), 3) + _push(scratch, 3)
        code += _push(int(view.function.address, 16), 20) + _GAS + _STATICCALL + _ISZERO + _push(3, 1) + _JUMPI
        answers += 32 * view.words
    return code + _push(answers, 3) + _push(0, 3) + _RETURN
