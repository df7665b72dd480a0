"""Proposals: a text, and calls to the suite's contracts, from a TOML file that people can read and argue about.

description = "Half the rate from epoch 40 on, because …"

[[calls]]
contract = "vault"                    # by role, as the deployment record names it
function = "scheduleTerms"
arguments = ["0x…", "@oracles", 40]   # @role: that contract's address
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbi_network.govern.errors import ProposalError
from sbi_network.govern.settings import Deployment
from sbi_network.protocol.abi import AbiItem, load_abi
from sbi_network.protocol.abi.revert import selector_of, signature_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.typed_data import Address

MAX_FILE_BYTES = 1 << 18
MAX_CALLS = 32


class _CallRecipe(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: str
    function: str
    arguments: list[Any] = []


class _ProposalRecipe(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Annotated[str, Field(min_length=1, max_length=20_000)]
    calls: Annotated[list[_CallRecipe], Field(min_length=1, max_length=MAX_CALLS)]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a proposal."""

    target: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the governor takes. No call sends coins along."""

    description: str
    calls: tuple[Call, ...]

    @property
    def targets(self) -> list[Address]:
        return [call.target for call in self.calls]

    @property
    def values(self) -> list[int]:
        return [0] * len(self.calls)

    @property
    def calldatas(self) -> list[bytes]:
        return [call.data for call in self.calls]

    @property
    def description_hash(self) -> bytes:
        return keccak256(self.description.encode())

    @property
    def number(self) -> int:
        """The proposal's number, as OpenZeppelin's Governor has it: a hash of the calls and the text's hash."""
        kinds = ["address[]", "uint256[]", "bytes[]", "bytes32"]
        values = [self.targets, self.values, self.calldatas, self.description_hash]
        return int.from_bytes(keccak256(encode(kinds, values)))


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """A call in words: the contract's role, the function, and its arguments by name."""

    role: str
    function: str
    arguments: dict[str, Any]

    def __str__(self) -> str:
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self.arguments.items())
        return f"{self.role}.{self.function}({given})"


def load_proposal(path: Path, deployment: Deployment) -> Proposal:
    """Reads a proposal file. Raises ProposalError, which says where and why."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise ProposalError(f"{path}: expected at most {MAX_FILE_BYTES} bytes")
        recipe = _ProposalRecipe.model_validate(tomllib.loads(text.decode()))
    except OSError as error:
        raise ProposalError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ProposalError(f"{path}: {faults}") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or brackets by the thousand
        raise ProposalError(f"{path}: is not TOML: {error}") from None
    return Proposal(
        recipe.description,
        tuple(_call(f"{path}: call {place}", call, deployment) for place, call in enumerate(recipe.calls)),
    )


def _call(where: str, recipe: _CallRecipe, deployment: Deployment) -> Call:
    if recipe.contract not in deployment.contracts:
        raise ProposalError(
            f"{where}: no contract {recipe.contract!r}, expected one of {', '.join(deployment.contracts)}"
        )
    item = _function(where, deployment.contract_of(recipe.contract), recipe.function)
    inputs = item["inputs"]
    if len(recipe.arguments) != len(inputs):
        expected = ", ".join(f"{each['type']} {each['name']}" for each in inputs) or "none"
        raise ProposalError(f"{where}: {len(recipe.arguments)} arguments given, expected {expected}")
    given = [_resolved(where, value, deployment) for value in recipe.arguments]
    try:
        encoded = encode(_kinds(item), [_value(each, value) for each, value in zip(inputs, given, strict=True)])
    except (EncodingError, ValueError, TypeError) as error:
        raise ProposalError(f"{where}: {recipe.function}: {error}") from None
    return Call(deployment.address_of(recipe.contract), selector_of(item) + encoded)


def _function(where: str, contract: str, name: str) -> AbiItem:
    found = [item for item in load_abi(contract) if item["type"] == "function" and item["name"] == name]
    changing = [item for item in found if item["stateMutability"] not in ("view", "pure")]
    if not changing:
        raise ProposalError(f"{where}: {contract} has no function {name!r} that changes anything")
    if len(changing) > 1:
        raise ProposalError(f"{where}: {contract} has several functions {name!r}; none can be meant by its name alone")
    return changing[0]


def _resolved(where: str, value: Any, deployment: Deployment) -> Any:
    if isinstance(value, list):
        return [_resolved(where, each, deployment) for each in value]
    if isinstance(value, str) and value.startswith("@"):
        if value[1:] not in deployment.contracts:
            raise ProposalError(f"{where}: no contract {value[1:]!r} in the deployment")
        return deployment.address_of(value[1:])
    return value


def _value(parameter: AbiItem, value: Any) -> Any:
    """What the encoder takes: bytes are hexadecimal in a file, structs are lists or tables."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        inner = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_value(inner, each) for each in value]
    if kind == "tuple":
        parts = value.values() if isinstance(value, dict) else value
        return tuple(_value(part, each) for part, each in zip(parameter["components"], parts, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def _kinds(item: AbiItem) -> list[str]:
    inner = signature_of(item).removeprefix(f"{item['name']}(").removesuffix(")")
    kinds, depth, start = [], 0, 0
    for place, letter in enumerate(inner):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            kinds.append(inner[start:place])
            start = place + 1
    return [*kinds, inner[start:]] if inner else []


def decode_call(call: Call, deployment: Deployment) -> DecodedCall:
    """A call in words. Raises ProposalError where it calls none of the suite's functions."""
    role = deployment.role_of(call.target)
    if role is None:
        raise ProposalError(f"a call to {call.target}, which is no contract of this suite")
    for item in load_abi(deployment.contract_of(role)):
        if item["type"] == "function" and selector_of(item) == call.data[:4]:
            try:
                values = decode(_kinds(item), call.data[4:])
            except DecodingError as error:
                raise ProposalError(f"{role}.{item['name']}: {error}") from None
            names = [each["name"] or f"_{place}" for place, each in enumerate(item["inputs"])]
            return DecodedCall(role, item["name"], dict(zip(names, values, strict=True)))
    raise ProposalError(f"{role}: no function has the selector 0x{call.data[:4].hex()}")


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)
