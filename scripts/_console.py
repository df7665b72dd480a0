"""The suite as `ape console` has it: a namespace for each role, with help, units and errors in words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ape.exceptions import ContractLogicError, CustomError
from scripts import _explain
from scripts._explain import Words
from scripts._permissions import holdings
from scripts._proposals import Assembly, proposals

from sbi_network.protocol.abi import DecodedError
from sbi_network.protocol.amounts import SBI, GAICPh

if TYPE_CHECKING:
    from scripts._deploy import Suite

_MONEY_ROLES = {"token", "vault", "exchange", "policy"}
"""Whose wei are SBI; a bond's are the native coin's."""

_STANDARD = {"balanceOf": SBI, "totalSupply": SBI, "allowance": SBI}
"""Of the token: what ERC-20 gives no unit for."""


class Refused(Exception):  # noqa: N818 - what it says in the console
    """A contract's refusal, in words."""


class Namespace:
    """One contract of the suite. Functions and events are attributes; `help()` tells of all, `help("name")` of one."""

    def __init__(self, role: str, contract: Any) -> None:
        self._role = role
        self._contract = contract
        self._devdoc: dict[str, Any] = contract.contract_type.devdoc or {}

    def __repr__(self) -> str:
        return f"{self._role}: {self._contract.contract_type.name} at {self._contract.address}; {self._role}.help()"

    def __dir__(self) -> list[str]:
        kind = self._contract.contract_type
        named = {item.name for item in (*kind.view_methods, *kind.mutable_methods, *kind.events)}
        return sorted(named | {"address", "help"})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._contract, name)
        return Function(self._role, name, found, self._told(name)) if name in self._functions() else found

    def help(self, name: str | None = None) -> Words:
        """What the NatSpec says of the contract, or of one function."""
        if name is not None:
            return self._help_of(name)
        lines = [f"{self._contract.contract_type.name}: {self._devdoc.get('details', '')}".strip(), ""]
        for each in sorted(self._functions()):
            details = str(self._told(each).get("details", ""))
            lines.append(f"  {each:<28} {details.partition('. ')[0].rstrip('.')}")
        return Words.lines(lines)

    def _help_of(self, name: str) -> Words:
        if name not in self._functions():
            raise AttributeError(f"{self._role} has no function {name!r}; {self._role}.help() lists them")
        told = self._told(name)
        signatures = [f"{self._role}.{item.selector}" for item in self._items() if item.name == name]
        lines = [*signatures, "", str(told.get("details", ""))]
        lines += [f"  {key}: {text}" for key, text in told.get("params", {}).items()]
        lines += [f"  returns {'' if key.startswith('_') else key + ': '}{text}" for key, text in _returns(told)]
        return Words.lines(lines)

    def _items(self) -> list[Any]:
        kind = self._contract.contract_type
        return [*kind.view_methods, *kind.mutable_methods]

    def _functions(self) -> set[str]:
        return {item.name for item in self._items()}

    def _told(self, name: str) -> dict[str, Any]:
        methods: dict[str, dict[str, Any]] = self._devdoc.get("methods", {})
        return next((told for signature, told in methods.items() if signature.partition("(")[0] == name), {})


class Function:
    """One function: called, it answers with units, and says in words why the contract refuses."""

    def __init__(self, role: str, name: str, handler: Any, told: dict[str, Any]) -> None:
        self._role = role
        self._name = name
        self._handler = handler
        self._unit = _unit(role, name, told)
        self.__doc__ = str(told.get("details", ""))

    def __repr__(self) -> str:
        return f"{self._role}.{self._name}: {self.__doc__}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handler, name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        try:
            answer = self._handler(*(_address_of(each) for each in arguments), **options)
        except ContractLogicError as refusal:
            raise Refused(f"{self._role}.{self._name}: {refused(refusal)}") from None
        if self._unit is None or isinstance(answer, bool) or not isinstance(answer, int):
            return answer
        return self._unit(int(answer))


def _address_of(argument: Any) -> Any:
    """A contract of the suite stands for its address."""
    return argument.address if isinstance(argument, Namespace) else argument


def refused(refusal: ContractLogicError) -> Words:
    """An Ape error as the contract's own: its name, its fields, and what its NatSpec says."""
    if isinstance(refusal, CustomError):
        return _explain.in_words(DecodedError(type(refusal).__name__, dict(refusal.inputs)))
    base = getattr(refusal, "base_err", None)
    decoded = _explain.decoded_refusal(base) if base else None
    return _explain.in_words(decoded or str(refusal))


def namespaces(suite: Suite) -> dict[str, Any]:
    """Everything that the console has at hand."""
    by_role = {role: Namespace(role, getattr(suite, role)) for role in suite.addresses()}
    return {
        **by_role,
        "suite": suite,
        "SBI": SBI,
        "GAICPh": GAICPh,
        "epoch": partial(_explain.epoch, suite),
        "why": partial(_explain.why, suite),
        "trace": partial(_explain.trace, suite),
        "proposals": partial(proposals, suite),
        "assembly": Assembly(suite),
        "powers": partial(holdings, suite),
    }


def _returns(told: dict[str, Any]) -> list[tuple[str, str]]:
    return list(told.get("returns", {}).items())


def _unit(role: str, name: str, told: dict[str, Any]) -> Callable[[int], Any] | None:
    """How an answer is shown: by the unit that the NatSpec names for it."""
    if role == "token" and name in _STANDARD:
        return _STANDARD[name].of
    texts = [text for _, text in _returns(told)]
    if len(texts) != 1:
        return None
    if texts[0].startswith("nGAICPh"):
        return GAICPh.of
    if role in _MONEY_ROLES and texts[0].startswith("wei"):
        return SBI.of
    return None
