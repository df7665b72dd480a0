"""Who stands behind a signature, in prose: bonds as piles of coins, sets of oracles as a list, slashing as a removal.

Whether an oracle counts is asked of its bond each time; nothing here keeps a mask or a version of what stands.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

QUORUM = 3
"""Of four oracles, of whom one may fail."""


@dataclass
class Pledge:
    """Somebody's bond for a signer."""

    owner: str
    amount: int
    unlocks_at: int | None = None


@dataclass(frozen=True)
class OracleSet:
    """Four oracles that may report from an epoch on."""

    from_epoch: int
    version: int
    digest: bytes
    oracles: tuple[str, ...]


@dataclass
class Demand:
    """A place that somebody wants to see, and what they put up for it."""

    demander: str
    deadline: int
    bond: int
    open: bool = True


@dataclass(frozen=True)
class BondRules:
    """What the recipe fixes about bonds and disputes."""

    required: int
    reward: Fraction
    lock: int
    horizon: int
    reveal_window: int
    demand_bond: int


@dataclass
class Sureties:
    """All bonds and what became of them."""

    rules: BondRules
    sets: list[OracleSet]
    pledges: dict[str, Pledge]
    slashed: set[str] = field(default_factory=set)
    due: Counter[str] = field(default_factory=Counter)
    forfeited: int = 0
    standby: tuple[str, ...] = ()

    def stands(self, signer: str) -> bool:
        """Whether a signature counts: the whole bond is there and was not given up."""
        pledge = self.pledges.get(signer)
        return pledge is not None and pledge.amount >= self.rules.required and pledge.unlocks_at is None

    def standing_of(self, oracles: tuple[str, ...]) -> list[int]:
        """Numbers of those in a set that stand."""
        return [number for number, oracle in enumerate(oracles) if self.stands(oracle)]

    def suffices(self, oracles: tuple[str, ...]) -> bool:
        return len(self.standing_of(oracles)) >= QUORUM

    def put_up(self, signer: str, owner: str, amount: int) -> None:
        self.pledges.setdefault(signer, Pledge(owner, 0)).amount += amount

    def free(self, signer: str) -> None:
        """A bond goes back to its owner."""
        pledge = self.pledges.pop(signer)
        self.due[pledge.owner] += pledge.amount

    def slash(self, signer: str, reporter: str) -> tuple[int, int]:
        """The whole bond is gone, part of it to the reporter. Answers both amounts."""
        pledge = self.pledges.pop(signer, None)
        amount = pledge.amount if pledge else 0
        reward = floor(amount * self.rules.reward)
        self.slashed.add(signer)
        self.due[reporter] += reward
        self.forfeited += amount - reward
        return amount, reward

    def set_at(self, epoch: int) -> OracleSet:
        """The set that reports an epoch: the last that begins with it or earlier."""
        return [each for each in self.sets if each.from_epoch <= epoch][-1]

    def schedule(self, new: OracleSet) -> None:
        """A new set; what was to begin then or later gives way."""
        self.sets = [each for each in self.sets if each.from_epoch < new.from_epoch]
        self.sets.append(new)

    def seat(self, new: OracleSet) -> None:
        """The standby set takes over with an epoch; what begins later still begins."""
        place = sum(each.from_epoch <= new.from_epoch for each in self.sets)
        self.sets.insert(place, new)
        self.standby = ()

    def needs_standby(self, upcoming: int) -> bool:
        """Whether too few stand for the next epoch, and a standby set could take over."""
        return bool(self.standby) and not self.suffices(self.set_at(upcoming).oracles) and self.suffices(self.standby)
