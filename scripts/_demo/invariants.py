"""The invariants of `docs/architecture.md`, checked against the chain at the end of the demo.

What the contracts should hold is worked out here from the event log and from the facilities' own signed readings, not
by asking the contract whose answer is checked. A tested invariant that a demo cannot show names its tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts._demo.roles import CHEAT, CITIZENS, OPERATORS, citizen, development_account

from sbi_network.protocol.oracle_set import faults_of, quorum_of
from sbi_network.protocol.units import public_output_down

if TYPE_CHECKING:
    from scripts._demo.loop import Dividend, Loop

HELD_BY_TESTS = {
    5: ("a settled balance falls only by its holder's act", "tests/foundry, tests/invariants/test_loop.py"),
    6: ("nobody moves, freezes or mints", "tests/contracts, tests/invariants/test_loop.py"),
    12: ("killing a daemon loses no epoch", "tests/integration/test_oracle_network.py"),
}


class InvariantBrokenError(AssertionError):
    """An invariant does not hold; the text carries its number, what was found and what was expected."""


@dataclass(frozen=True)
class Held:
    """One line of the demo's last table. `by` says how it was seen."""

    number: int
    sentence: str
    by: str


@dataclass
class Evidence:
    """What the checks start from: the demo's actors and the events of the whole chain."""

    loop: Loop
    dividends: list[Dividend]
    active: list[int]
    """Numbers of the citizens who activated."""

    witnesses: list[int]
    """Those of them who did nothing else."""

    def events(self, event: Any) -> list[Any]:
        """Every event of a kind since the first block."""
        return self.loop.suite.logs(event)


def check_all(evidence: Evidence) -> list[Held]:
    """Every check in order. Raises InvariantBrokenError at the first that fails."""
    shown = [Held(number, sentence, "chain: " + check(evidence)) for number, sentence, check in _CHECKS]
    named = [Held(number, sentence, f"tests: {tests}") for number, (sentence, tests) in HELD_BY_TESTS.items()]
    return sorted(shown + named, key=lambda held: held.number)


def _require(number: int, what: str, found: object, expected: object, holds: bool | None = None) -> None:
    if not (found == expected if holds is None else holds):
        raise InvariantBrokenError(f"invariant {number}: {what} is {found}, expected {expected}")


def _supply(evidence: Evidence) -> str:
    """1. From the log: minted by dividends, less what tokens were burnt."""
    suite = evidence.loop.suite
    issued = sum(log.issued for log in evidence.events(suite.vault.DividendDistributed))
    burnt = sum(log.value for log in evidence.events(suite.token.Transfer) if int(log.to, 16) == 0)
    _require(1, "totalSupply", suite.token.totalSupply(), issued - burnt)
    return f"{len(evidence.dividends)} dividends less what was burnt"


def _balances(evidence: Evidence) -> str:
    """2. All who can hold tokens; what is missing is the share of those who have not activated."""
    suite = evidence.loop.suite
    holders = [citizen(i).address for i in range(CITIZENS)]
    holders += [suite.exchange.address, *(development_account(i).address for i in OPERATORS)]
    held = sum(suite.token.balanceOf(holder) for holder in holders)
    asleep = sum(d.dividend for d in evidence.dividends) * (CITIZENS - len(evidence.active))
    _require(2, "the sum of all balances", held, suite.token.totalSupply() - asleep)
    return f"{len(holders)} balances; {CITIZENS - len(evidence.active)} citizens have not activated"


def _issue(evidence: Evidence) -> str:
    """3. Each dividend is an epoch's with an accepted report, once; the total stays within what entitles."""
    suite = evidence.loop.suite
    logs = evidence.events(suite.vault.DividendDistributed)
    epochs = [log.epoch for log in logs]
    _require(3, "the list of distributed epochs", epochs, sorted(set(epochs)))
    reported = {log.epoch for log in evidence.events(suite.oracles.ReportAccepted)}
    _require(3, "epochs distributed without a report", sorted(set(epochs) - reported), [])
    entitled = sum(log.publicOutput * suite.vault.rateAt(log.epoch) for log in logs)
    given = sum(log.amount for log in evidence.events(suite.token.Recirculated))
    issued = sum(log.issued for log in logs)
    _require(3, "what was issued", issued, f"at most {entitled + given}", issued <= entitled + given)
    return f"{len(epochs)} epochs, each with its report"


def _equal(evidence: Evidence) -> str:
    """4. Citizens who only waited hold exactly the sum of the dividends."""
    token = evidence.loop.suite.token
    expected = sum(d.dividend for d in evidence.dividends)
    for number in evidence.witnesses:
        _require(4, f"the balance of citizen {number}", token.balanceOf(citizen(number).address), expected)
    return f"{len(evidence.witnesses)} citizens who only waited"


def _quorum(evidence: Evidence) -> str:
    """7. Each report has a quorum of distinct signers; one signature less is refused."""
    oracles = evidence.loop.suite.oracles
    logs = evidence.events(oracles.ReportAccepted)
    size = len(oracles.configAt(0)[4])
    for log in logs:
        count = log.signers.bit_count()
        _require(7, f"signers of epoch {log.epoch}", count, f"at least {quorum_of(size)}", count >= quorum_of(size))
    return f"{len(logs)} reports with {quorum_of(size)} signers or more, f = {faults_of(size)}"


def _sums(evidence: Evidence) -> str:
    """8. The tree over the facilities' own signed readings, less those refused, is the one that the chain keeps."""
    suite, loop = evidence.loop.suite, evidence.loop
    for dividend in evidence.dividends:
        counted = loop.counted(dividend.epoch)  # refuses a commitment that no readings lead to
        nothing = loop.counts_nothing(dividend.epoch)
        _require(
            8, f"what epoch {dividend.epoch} counts as nothing", nothing, f"facility {CHEAT} too", CHEAT in nothing
        )
        outputs = [
            public_output_down(
                signed.message.raw,
                loop.weights(dividend.epoch),
                loop.public_share_bps(facility, dividend.epoch),
            )
            for facility, signed in enumerate(counted)
            if signed is not None
        ]
        _require(
            8, f"output of epoch {dividend.epoch}", suite.oracles.recordOf(dividend.epoch).publicOutput, sum(outputs)
        )
    return f"readings summed again, commitments equal; facility {CHEAT} counts nothing"


def _retired(evidence: Evidence) -> str:
    """9. Nobody has retired: every active citizen still accrues."""
    suite = evidence.loop.suite
    for number in evidence.active:
        _require(9, f"end of citizen {number}", suite.citizens.citizenOf(citizen(number).address).until, 0)
        _require(9, f"accrual of citizen {number}", suite.token.accountOf(citizen(number).address).accruing, True)
    return "nobody has retired; all who are active accrue"


def _one_share(evidence: Evidence) -> str:
    """10. Heads are counted once; a leaf and an account are refused a second time."""
    suite, loop = evidence.loop.suite, evidence.loop
    enrolled = sum(log.size for log in evidence.events(suite.citizens.BatchEnrolled))
    _require(10, "the headcount", suite.vault.headcount(), enrolled)
    refused = loop.refused_activation(evidence.active[0])
    _require(10, "the refusal of a second activation", refused, "LeafUsed")
    return f"{enrolled} heads; a second activation is refused: {refused}"


def _escrow(evidence: Evidence) -> str:
    """11. The exchange holds at least what its vouchers have in escrow."""
    suite = evidence.loop.suite
    held, escrow = suite.token.balanceOf(suite.exchange.address), suite.exchange.escrow()
    _require(11, "the exchange's balance", held, f"at least {escrow}", held >= escrow)
    return f"{held} wei held for {escrow} wei in escrow"


_CHECKS: tuple[tuple[int, str, Callable[[Evidence], str]], ...] = (
    (1, "supply = issued − recycled", _supply),
    (2, "balances never exceed the supply", _balances),
    (3, "issued only for final reports, each epoch once", _issue),
    (4, "every citizen gets the same dividend", _equal),
    (7, "a report needs 2f + 1 signers", _quorum),
    (8, "a total is the sum of its readings", _sums),
    (9, "a retired citizen accrues nothing more", _retired),
    (10, "one person, one share", _one_share),
    (11, "escrow covers all vouchers", _escrow),
)
