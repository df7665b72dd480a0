"""Who may call what, read from a chain: every function of every contract of a suite, tried by somebody with no rights.

A refusal says whose the function is; whether anybody is let in who should not be is seen, not believed. `table` is what
`docs/governance.md` shows, and `tests/contracts/test_permissions.py` holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ape import chain
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3.exceptions import ContractCustomError, ContractLogicError

from sbi_network.chain.refusal import decoded_revert
from sbi_network.protocol.abi.revert import DecodedError

if TYPE_CHECKING:
    from scripts._deploy import Suite

NOBODY = to_checksum_address(f"0x{0xBADC0DE:040x}")
"""Whom the functions are tried by."""

ANYONE = "anyone"

_MANAGER_ROLES = {0: "ADMIN", 1: "GUARDIAN"}
_TIMELOCK_ROLES = {
    bytes(32): "DEFAULT_ADMIN",
    **{keccak(text=f"{name}_ROLE"): name for name in ("PROPOSER", "EXECUTOR", "CANCELLER")},
}
_OFFICES = {
    "NotRegistrar": "a registrar in office",
    "NotOperator": "the facility's operator",
    "NotBondOwner": "the bond's owner",
    "NotSeatHolder": "the seat's holder",
    "AccessManagerUnauthorizedCall": "whoever may call the target",
    "AccessManagerUnauthorizedConsume": "the target itself",
}
_BY_A_VOTE = {"GovernorOnlyExecutor": "the timelock, for a proposal", "TimelockUnauthorizedCaller": "the timelock"}
_NAME_THEIR_CALLER = {"UnexpectedCaller", "NotDisputes", "NotBonds", "NotProducts"}
"""Refusals whose last argument is the contract that may call."""


@dataclass(frozen=True, order=True)
class Permission:
    """One function and who may call it."""

    contract: str
    function: str
    holder: str


@dataclass(frozen=True, order=True)
class Holding:
    """A role and who holds it now."""

    authority: str
    role: str
    holder: str


def permissions(suite: Suite) -> list[Permission]:
    """Every function that changes anything, of every contract, and who may call it. Ask after genesis: before it some
    functions refuse everybody for that alone.
    """
    return sorted(_permissions(suite))


def _permissions(suite: Suite) -> Iterator[Permission]:
    names = {address: role for role, address in suite.addresses().items()}
    for role, address in suite.addresses().items():
        contract = getattr(suite, role)
        for method in contract.contract_type.mutable_methods:
            holder = _holder(suite, names, address, method)
            yield Permission(str(contract.contract_type.name), method.name, holder)


def _holder(suite: Suite, names: dict[str, str], address: str, method: Any) -> str:
    refusal = _refusal(address, method)
    if refusal is None:
        return ANYONE
    if refusal.name == "AccessManagedUnauthorized":
        if method.name == "setAuthority":
            return "the access manager"
        return _MANAGER_ROLES[int(suite.manager.getTargetFunctionRole(address, _selector(method)))]
    if refusal.name == "AccessManagerUnauthorizedAccount":
        return _MANAGER_ROLES[int(refusal.arguments["roleId"])]
    if refusal.name == "AccessControlUnauthorizedAccount":
        return _TIMELOCK_ROLES[bytes(refusal.arguments["neededRole"])]
    if refusal.name in _NAME_THEIR_CALLER:
        expected = names.get(str(list(refusal.arguments.values())[-1]))
        # None of the suite's: a payment that its payee alone collects.
        return f"the contract {expected}" if expected else ANYONE
    return (_OFFICES | _BY_A_VOTE).get(refusal.name, ANYONE)


def _refusal(address: str, method: Any) -> DecodedError | None:
    """Why nobody in particular may not call a function, with nothing for each argument; None if they may."""
    data = _selector(method) + encode(
        [_canonical(each) for each in method.inputs], [_nothing(e) for e in method.inputs]
    )
    try:
        chain.provider.web3.eth.call({"from": NOBODY, "to": address, "data": data})
    except (ContractCustomError, ContractLogicError) as refusal:
        return decoded_revert(refusal.data)
    return None


def _selector(method: Any) -> bytes:
    return bytes(keccak(text=method.selector)[:4])


def _canonical(parameter: Any) -> str:
    return str(parameter.canonical_type)


def _nothing(parameter: Any) -> Any:
    """The zero of a type."""
    return _zero(str(parameter.canonical_type))


def _zero(kind: str) -> Any:
    if kind.endswith("]"):
        inner, _, count = kind[:-1].rpartition("[")
        return [_zero(inner)] * int(count or 0)
    if kind.startswith("("):
        return tuple(_zero(part) for part in _parts(kind[1:-1]))
    if kind == "address":
        return to_checksum_address(bytes(20))
    if kind == "bool":
        return False
    if kind == "string":
        return ""
    return b"" if kind.startswith("bytes") else 0


def _parts(inner: str) -> Iterator[str]:
    """The members of a tuple's type, of which some may be tuples."""
    depth, start = 0, 0
    for place, letter in enumerate(inner):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            yield inner[start:place]
            start = place + 1
    if inner:
        yield inner[start:]


def holdings(suite: Suite) -> list[Holding]:
    """Every role in force, and who holds it: granted some time, and still so by the contract's own word."""
    names = {address: f"the {role}" for role, address in suite.addresses().items()}
    names.setdefault(str(suite.timelock.founder()), "the founder")
    found = set()
    for log in suite.logs(suite.manager.RoleGranted):
        if suite.manager.hasRole(log.roleId, log.account)[0]:
            found.add(
                Holding("SuiteAccessManager", _MANAGER_ROLES[int(log.roleId)], names.get(log.account, log.account))
            )
    for log in suite.logs(suite.timelock.RoleGranted):
        if suite.timelock.hasRole(log.role, log.account):
            role = _TIMELOCK_ROLES[bytes(log.role)]
            found.add(Holding("SuiteTimelock", role, names.get(log.account, log.account)))
    return sorted(found)


def table(suite: Suite) -> str:
    """The permission table of `docs/governance.md`."""
    found = permissions(suite)
    lines = ["| contract | function | who may call it |", "|---|---|---|"]
    lines += [f"| {each.contract} | `{each.function}` | {each.holder} |" for each in found if each.holder != ANYONE]
    lines += ["", "Open to anyone, each for what is the caller's own or for all:", ""]
    contracts = sorted({each.contract for each in found})
    for contract in contracts:
        names = sorted({e.function for e in found if e.contract == contract and e.holder == ANYONE})
        if names:
            lines.append(f"- {contract}: {', '.join(f'`{name}`' for name in names)}")
    return "\n".join(lines)
