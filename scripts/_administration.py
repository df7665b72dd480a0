"""What administers the suite: by the founder while founding lasts, else by a proposal that citizens vote on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ape import chain
from eth_utils.crypto import keccak
from scripts._handover import TIMELOCK_ROLES

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from scripts._deploy import Suite

_NO_PREDECESSOR = bytes(32)


class AdministrationError(RuntimeError):
    """Something that cannot be done, or not by this account; says by whom, or when."""


@dataclass(frozen=True)
class Measure:
    """One call of an administrative function."""

    role: str
    function: str
    arguments: tuple[Any, ...]

    def data(self, suite: Suite) -> bytes:
        """The call as the timelock makes it."""
        return bytes(getattr(getattr(suite, self.role), self.function).encode_input(*self.arguments))

    def __str__(self) -> str:
        return f"{self.role}.{self.function}{self.arguments}"

    def proposal(self, description: str) -> str:
        """The same as a proposal file for `sbi govern`."""
        arguments = ", ".join(_toml(each) for each in self.arguments)
        return (
            f"description = {_toml(description)}\n\n[[calls]]\n"
            f'contract = "{self.role}"\nfunction = "{self.function}"\narguments = [{arguments}]\n'
        )


def take(suite: Suite, measure: Measure, founder: AccountAPI) -> str:
    """The next step of a measure by the founder: schedules it, or, once it is due, executes it. Says what was done.

    The same command is run twice: what it finds in the timelock decides. Raises AdministrationError for an account that
    may not, and before the measure is due.
    """
    target, data = getattr(suite, measure.role).address, measure.data(suite)
    salt = keccak(text=f"{measure}")
    operation = suite.timelock.hashOperation(target, 0, data, _NO_PREDECESSOR, salt)
    if suite.timelock.isOperationDone(operation):
        raise AdministrationError(f"{measure} was executed already")
    if not suite.timelock.hasRole(TIMELOCK_ROLES["PROPOSER"], founder.address):
        raise AdministrationError(
            f"expected the founder, {suite.timelock.founder()}, while founding lasts; given {founder.address}. "
            "Citizens decide by a proposal: --proposal FILE writes one for `sbi govern`"
        )
    due = int(suite.timelock.getTimestamp(operation))
    if not due:
        delay = int(suite.timelock.getMinDelay())
        suite.timelock.schedule(target, 0, data, _NO_PREDECESSOR, salt, delay, sender=founder)
        return f"scheduled {measure}; run the same command again in {delay} s to execute it"
    now = chain.blocks.head.timestamp
    if now < due:
        raise AdministrationError(f"{measure} is scheduled, and due in {due - now} s")
    suite.timelock.execute(target, 0, data, _NO_PREDECESSOR, salt, sender=founder)
    return f"executed {measure}"


def administer(
    suite: Suite, measure: Measure, account: AccountAPI | None, proposal: Path | None, reason: str, *, dry_run: bool
) -> str:
    """A measure as a script carries it out: shown, written as a proposal, or taken by the founder."""
    _rehearse(suite, measure)
    if proposal is not None:
        proposal.write_text(measure.proposal(reason), encoding="utf-8")
        return f"wrote {proposal}; next: sbi govern explain {proposal}"
    if dry_run:
        return f"would have the timelock call {measure}: it would go through"
    if account is None:
        raise AdministrationError("expected --account FOUNDER, --proposal FILE or --dry-run")
    return take(suite, measure, account)


def _rehearse(suite: Suite, measure: Measure) -> None:
    """Raises the contract's own error if the timelock could not make the call as things stand."""
    request = {"from": suite.timelock.address, "to": getattr(suite, measure.role).address, "data": measure.data(suite)}
    chain.provider.web3.eth.call(request)


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 2**63 else f'"{value}"'
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def oracle_set(suite: Suite, added: tuple[str, ...], removed: tuple[str, ...], from_epoch: int | None) -> Measure:
    """Another oracle set, from an epoch on: the present one with some added and some removed.

    Raises AdministrationError for a set that cannot be one.
    """
    first = from_epoch if from_epoch is not None else int(suite.oracles.currentEpoch()) + 2
    oracles = [str(each) for each in suite.oracles.configAt(first).oracles]
    strangers = sorted(set(removed) - set(oracles))
    if strangers:
        raise AdministrationError(f"expected to remove oracles of the set, {', '.join(oracles)}; given {strangers[0]}")
    twice = sorted(set(added) & set(oracles))
    if twice:
        raise AdministrationError(f"{twice[0]} is an oracle already")
    left = [each for each in oracles if each not in removed] + list(added)
    if len(left) < 4 or len(left) % 3 != 1:
        raise AdministrationError(f"expected 3f + 1 oracles, 4, 7, 10 and so on; this makes {len(left)}")
    verifiers = suite.oracles.verifiersAt(first)
    weights = [int(each) for each in suite.oracles.weightsAt(first)]
    trusted = (str(verifiers.signatures), str(verifiers.disputes))
    return Measure("oracles", "scheduleConfig", (left, weights, trusted, first))
