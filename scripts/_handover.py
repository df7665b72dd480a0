"""The end of founding: what is left of the founder's and the deployer's powers, and how the founder gives them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ape import chain
from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from scripts._deploy import Suite

ADMIN_ROLE = 0
TIMELOCK_ROLES = {
    "DEFAULT_ADMIN": bytes(32),
    **{name: keccak(text=f"{name}_ROLE") for name in ("PROPOSER", "EXECUTOR", "CANCELLER")},
}


class HandoverError(RuntimeError):
    """Powers that should be gone are not; says which, and whose."""


def remaining_powers(suite: Suite) -> list[str]:
    """Every permission that the deployer, the founder, or anybody but timelock and governor, still administers with.

    What the founder had the timelock set up is looked at too: another role with functions of its own, another who
    administers a role, a contract under another authority.
    """
    return [*_administrators(suite), *_roles_astray(suite)]


def _administrators(suite: Suite) -> list[str]:
    trusted = {suite.timelock.address, suite.governor.address}
    admins = {str(log.account) for log in suite.logs(suite.manager.RoleGranted) if log.roleId == ADMIN_ROLE}
    left = [
        f"{account} is ADMIN of the access manager"
        for account in sorted(admins - trusted)
        if suite.manager.hasRole(ADMIN_ROLE, account)[0]
    ]
    granted = {(bytes(log.role), str(log.account)) for log in suite.logs(suite.timelock.RoleGranted)}
    names = {role: name for name, role in TIMELOCK_ROLES.items()}
    left += [
        f"{account} is {names[role]} of the timelock"
        for role, account in sorted(granted)
        if account not in trusted and suite.timelock.hasRole(role, account)
    ]
    if not suite.manager.hasRole(ADMIN_ROLE, suite.timelock.address)[0]:
        left.append("the timelock is not ADMIN of the access manager")
    return left


def _roles_astray(suite: Suite) -> list[str]:
    """Functions that are a role's beside ADMIN's, but for the guardian's halt; roles that others administer; contracts
    that obey another manager."""
    manager = suite.manager
    halt = (str(suite.vault.address), bytes(suite.vault.halt.encode_input()[:4]))
    logs = suite.logs(manager.TargetFunctionRoleUpdated)
    functions = {(str(log.target), bytes(log.selector)) for log in logs} - {halt}
    given = {function: int(manager.getTargetFunctionRole(*function)) for function in sorted(functions)}
    left = [
        f"the function 0x{selector.hex()} of {target} is for role {role} of the access manager"
        for (target, selector), role in given.items()
        if role != ADMIN_ROLE
    ]
    logs = suite.logs(manager.RoleAdminChanged) + suite.logs(manager.RoleGuardianChanged)
    left += [
        f"role {role} of the access manager is administered or guarded by another role than ADMIN"
        for role in sorted({int(log.roleId) for log in logs})
        if manager.getRoleAdmin(role) != ADMIN_ROLE or manager.getRoleGuardian(role) != ADMIN_ROLE
    ]
    for name in suite.addresses():
        contract = getattr(suite, name)
        methods = {method.name for method in contract.contract_type.view_methods}
        if "authority" in methods and contract.authority() != manager.address:
            left.append(f"{name} obeys {contract.authority()}, not the access manager")
    return left


def votes_short(suite: Suite) -> int:
    """How many citizens a quorum lacks: while it does, nothing can be decided once the founder is gone."""
    quorum = int(suite.governor.quorum(int(chain.blocks.head.timestamp) - 1))
    # Those active now: the governor counts whole days that are over, and votes ripen by themselves.
    return max(0, quorum - int(suite.citizens.activity()[0]))


def pending_operations(suite: Suite) -> list[bytes]:
    """What the timelock has scheduled for other than the governor, and has neither executed nor cancelled."""
    governor = str(suite.governor.address).lower()
    found = []
    for log in suite.logs(suite.timelock.CallScheduled):
        operation = bytes(log.id)
        if operation not in found and suite.timelock.isOperationPending(operation):
            to = chain.provider.get_receipt(log.transaction_hash).receiver
            if str(to).lower() != governor:
                found.append(operation)
    return found


def hand_over(suite: Suite, founder: AccountAPI) -> list[str]:
    """The founder cancels what it has scheduled and gives up its roles. Says what was done.

    Raises HandoverError for another account, or if powers are left.
    """
    if str(founder.address) != suite.timelock.founder():
        raise HandoverError(f"expected the founder, {suite.timelock.founder()}; given {founder.address}")
    done = []
    for operation in pending_operations(suite):
        suite.timelock.cancel(operation, sender=founder)
        done.append(f"cancelled the operation 0x{operation.hex()}")
    for name, role in TIMELOCK_ROLES.items():
        if suite.timelock.hasRole(role, founder.address):
            suite.timelock.renounceRole(role, founder.address, sender=founder)
            done.append(f"gave up {name} of the timelock")
    require_handed_over(suite)
    return done


def require_handed_over(suite: Suite) -> None:
    """Raises HandoverError unless the timelock administers alone, and the governor alone proposes to it."""
    left = remaining_powers(suite)
    if left:
        raise HandoverError("; ".join(left))
