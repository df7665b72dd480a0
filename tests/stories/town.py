"""A town with income: the ground on which every story is played, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.support.actors import Actors, Person, Told, known_of, roll_of

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People

COIN = 10**18
HONEST = ((100, 0, 0), (0, 300, 0))
"""What the two facilities put out in an epoch, raw: weighted 200 and 300 nGAICPh, all of it public."""

HONEST_OUTPUT = 500
SHARES_BPS = (10_000, 10_000)
QUORUM = (0, 1, 2)


def coins(amount: int) -> str:
    """An amount in whole coins and their thousandths."""
    return f"{amount / COIN:,.3f}".rstrip("0").rstrip(".")


class Town:
    """Six citizens on one roll, four of them active, and an oracle network of four."""

    def __init__(self, suite: Suite, recipe: Recipe, people: People, actors: Actors[Any], chain: Any) -> None:
        self.suite, self.recipe, self.people, self.do, self.chain = suite, recipe, people, actors, chain
        self.told: list[str] = []
        self.roll = roll_of([citizen.address for citizen in people.citizens])
        self.do.enrol(people.registrar, self.roll, 1)
        for index in range(4):
            self.do.activate(people.relayer, 0, self.roll, index)
        self.pass_to(suite.oracles.genesis())

    # The tale

    def tell(self, line: str) -> None:
        """One line of the story."""
        self.told.append(line)

    # Time

    @property
    def now(self) -> int:
        return int(self.chain.blocks.head.timestamp)

    def pass_to(self, time: int) -> None:
        """Lets time pass; does nothing if it has."""
        if time > self.now:
            self.chain.pending_timestamp = time
            self.chain.mine()

    def end_epoch(self) -> int:
        """Goes to the end of the epoch that runs; answers its number."""
        epoch = int(self.suite.oracles.currentEpoch())
        self.pass_to(self.suite.oracles.genesis() + (epoch + 1) * self.recipe.clock.epoch_length_s)
        return epoch

    def until_final(self) -> None:
        """Lets the dispute window of a report that has just come in pass."""
        self.pass_to(self.now + self.recipe.clock.dispute_window_s + 1)

    # Output and income

    def agreed(self, epoch: int, raws: Sequence[tuple[int, int, int]] = HONEST, view: int = 0) -> Told:
        """The report that follows from these readings."""
        return self.do.agree(epoch, raws, known_of(self.suite.oracles.configAt(epoch)), SHARES_BPS, view)

    def report(
        self, epoch: int, raws: Sequence[tuple[int, int, int]] = HONEST, signers: Sequence[int] = QUORUM
    ) -> Told:
        """These oracles report these readings."""
        told = self.agreed(epoch, raws)
        self.do.report(self.people.stranger, told, self.do.co_sign(told, signers))
        return told

    def distribute(self) -> Any:
        """The dividends of a call: one event, or none."""
        receipt = self.do.distribute(self.people.stranger)
        return next(iter(receipt.decode_logs(self.suite.vault.DividendDistributed)), None)

    def distribute_after(self, told: Told, signers: Sequence[int]) -> Any:
        """A report comes in, becomes final and brings a dividend."""
        self.do.report(self.people.stranger, told, self.do.co_sign(told, signers))
        self.until_final()
        return self.distribute()

    def live_an_epoch(self, signers: Sequence[int] = QUORUM) -> Any:
        """An epoch as it should be: it ends, is reported, becomes final and brings a dividend."""
        self.report(self.end_epoch(), signers=signers)
        self.until_final()
        return self.distribute()

    # Money and people

    def balance(self, person: Person) -> int:
        return int(self.suite.token.balanceOf(person.address))

    def settled(self, person: Person) -> int:
        return int(self.suite.token.accountOf(person.address).settled)

    def govern(self, role: str, function: str, *arguments: Any) -> Any:
        """What the timelock does, after its delay."""
        data = getattr(getattr(self.suite, role), function).encode_input(*arguments)
        delay = self.recipe.governance.timelock_delay_s
        salt = len(self.told).to_bytes(16, "big") + self.now.to_bytes(16, "big")
        self.do.schedule(self.people.deployer, role, data, delay, salt)
        self.pass_to(self.now + delay)
        return self.do.execute(self.people.deployer, role, data, salt)

    def everything_adds_up(self) -> None:
        """Invariants 1 and 2, read from the chain."""
        supply = int(self.suite.token.totalSupply())
        assert supply == self.suite.vault.issued() - self.suite.token.recycled()
        assert sum(self.balance(person) for person in self.people.everybody) <= supply
