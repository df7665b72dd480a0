"""The roll in prose: who is enrolled, who lives on which leaf, and what each leaf has received.

Every leaf keeps the explicit list of its incomes, epoch by epoch, whoever holds it. An account's purse is a pile. Where
one person would be paid twice, the list of the leaf that came later is taken out of what was issued, coin for coin, and
goes back into the reserve. Nothing here knows an index, an entry or a range.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from fractions import Fraction
from math import floor
from typing import Any

from sbi_network.roll import Batch


class Kind(IntEnum):
    """What a registrar may do about a leaf, in the numbers of the interface."""

    NONE = 0
    RETIREMENT = 1
    RECOVERY = 2


class Fate(Enum):
    """What became of a leaf."""

    WAITING = "nobody has presented it; it is counted and receives"
    HELD = "an account lives on it; it is counted and receives"
    ENDED = "its citizen retired"
    REPLACED = "its account lives on another leaf"
    VOIDED = "it was one too many"


@dataclass
class Pending:
    """An act that was started about a leaf."""

    kind: Kind
    due_at: int
    successor: str | None = None
    referred: bool = False
    upheld: bool = False


@dataclass(eq=False)
class Leaf:
    """A citizen's place on the roll and all the income it has had, epoch by epoch."""

    batch: int
    index: int
    account: str
    region: int = field(repr=False)
    registrar: int = field(repr=False)
    enrolled_at: int = field(repr=False)
    first_epoch: int = field(repr=False)
    """The first epoch whose dividend can reach it."""

    incomes: dict[int, int] = field(default_factory=dict, repr=False)
    fate: Fate = Fate.WAITING
    act: Pending | None = None
    objected: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the order of enrolment."""
        return self.batch, self.index

    @property
    def counts(self) -> bool:
        """Whether it is a head that receives."""
        return self.fate in (Fate.WAITING, Fate.HELD)


@dataclass
class Roll:
    """An enrolled batch: its tree and its leaves."""

    tree: Batch
    region: int
    leaves: list[Leaf]


@dataclass
class Life:
    """The one life of an account."""

    leaf: Leaf
    since: int
    until: int | None = None
    had: frozenset[int] = frozenset()
    """Once it has ended: the epochs whose income it had, by its leaf and by those presented after the end."""

    chosen: bool = False

    def end(self, time: int) -> None:
        self.until, self.had = time, frozenset(self.leaf.incomes)


class Citizenry:
    """Who is a citizen, and what every leaf and every purse has received."""

    def __init__(
        self, objection_delay: int, turnover_period: int, offices: dict[int, str], rush_floor: int, rush: Fraction
    ) -> None:
        self.objection_delay = objection_delay
        self.turnover_period = turnover_period
        self.rush_floor, self.rush = rush_floor, rush
        self.region_caps: dict[int, int] = {}
        self.turnover_caps: dict[int, int] = {}
        self.offices = offices
        self.out_of_office: set[int] = set()
        self.rolls: list[Roll] = []
        self.lives: dict[str, Life] = {}
        self.carried_out: defaultdict[int, list[int]] = defaultdict(list)
        """For each region, when somebody retired or was recovered there."""

        self.arrivals: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        """For each region, when batches were enrolled there, and how many heads of each a vote has not passed over."""

        self.purses: Counter[str] = Counter()
        self.issued: list[int] = []
        self.reserve = 0

    # Who there is

    @property
    def leaves(self) -> list[Leaf]:
        """Everybody who was ever enrolled."""
        return [leaf for roll in self.rolls for leaf in roll.leaves]

    @property
    def heads(self) -> list[Leaf]:
        """Everybody who is counted and receives."""
        return [leaf for leaf in self.leaves if leaf.counts]

    def heads_in(self, region: int) -> int:
        """Citizens counted in a region."""
        return sum(leaf.region == region for leaf in self.heads)

    def lives_now(self, account: str) -> bool:
        """Whether an account's income goes on."""
        life = self.lives.get(account)
        return life is not None and life.until is None

    def holder_of(self, leaf: Leaf) -> str | None:
        """The account that lives on a leaf."""
        return next((who for who, life in self.lives.items() if life.leaf is leaf and life.until is None), None)

    @property
    def not_activated(self) -> int:
        """Income of leaves that nobody has presented yet."""
        return sum(sum(leaf.incomes.values()) for leaf in self.leaves if leaf.fate is Fate.WAITING)

    # Enrolment and activation

    def enrol(self, tree: Batch, region: int, registrar: int, time: int, first_epoch: int) -> None:
        number = len(self.rolls)
        leaves = [Leaf(number, leaf.index, leaf.account, region, registrar, time, first_epoch) for leaf in tree.leaves]
        self.rolls.append(Roll(tree, region, leaves))
        self.arrivals[region].append((time, len(leaves)))

    def change_region_cap(self, region: int, cap: int) -> None:
        """A vote: who came before it is no longer counted as a rush."""
        self.region_caps[region] = cap
        self.arrivals[region] = [(time, 0) for time, _ in self.arrivals[region]]

    def can_present(self, leaf: Leaf, chosen: bool = False) -> bool:
        """An account's first leaf; later only an earlier one, or by choice another; never after it has chosen."""
        life = self.lives.get(leaf.account)
        if leaf.fate is not Fate.WAITING or life is None:
            return leaf.fate is Fate.WAITING
        return not life.chosen and (leaf.place < life.leaf.place or (chosen and life.until is None))

    def gain(self, leaf: Leaf) -> int:
        """What presenting a leaf brings its account: all it received that the account did not have by another."""
        life = self.lives.get(leaf.account)
        if life is None:
            return sum(leaf.incomes.values())
        if self.returns_by(leaf):
            return sum(i for epoch, i in leaf.incomes.items() if epoch not in life.had)
        return sum(i for epoch, i in leaf.incomes.items() if epoch < life.leaf.first_epoch)

    def returns_by(self, leaf: Leaf) -> bool:
        """Whether a life that ended goes on by this leaf: an office's end reaches no leaf of another office."""
        life = self.lives.get(leaf.account)
        return life is not None and life.until is not None and life.leaf.registrar != leaf.registrar

    def present(self, leaf: Leaf, time: int, chosen: bool = False) -> None:
        """The leaf is its account's from now on. What it brings twice, one of the two never brought."""
        self.purses[leaf.account] += self.gain(leaf)
        life = self.lives.get(leaf.account)
        if life is None:
            leaf.fate = Fate.HELD
            self.lives[leaf.account] = Life(leaf, time, chosen=chosen)
            return
        before = life.leaf
        if self.returns_by(leaf):
            self._take_back(i for epoch, i in leaf.incomes.items() if epoch in life.had)
            life.since, life.until, leaf.fate = time, None, Fate.HELD
        elif life.until is None:
            later = max(leaf, before, key=lambda each: each.place)
            self._take_back(later.incomes.values())
            before.fate, leaf.fate = Fate.REPLACED, Fate.HELD
        else:
            self._take_back(i for epoch, i in leaf.incomes.items() if epoch >= before.first_epoch)
            life.had |= {epoch for epoch in leaf.incomes if epoch < before.first_epoch}
            leaf.fate = Fate.ENDED
        life.leaf, life.chosen = leaf, chosen

    def _take_back(self, incomes: Iterable[int]) -> None:
        """What reached no account was never issued."""
        for income in incomes:
            self.issued.remove(income)
            self.reserve += income

    def can_void(self, leaf: Leaf) -> bool:
        """Whether a leaf is one too many, sooner or later."""
        life = self.lives.get(leaf.account)
        return leaf.fate is Fate.WAITING and life is not None and (life.chosen or leaf.place > life.leaf.place)

    def void_from(self, leaf: Leaf) -> int:
        """When a leaf that is one too many can be voided: at once where there is nothing left to choose."""
        life = self.lives[leaf.account]
        settled = life.chosen or life.until is not None
        return 0 if settled else max(leaf.enrolled_at, life.since) + self.objection_delay

    def void(self, leaf: Leaf) -> None:
        self._take_back(leaf.incomes.values())
        leaf.fate = Fate.VOIDED

    # Retirement and recovery

    def turnover(self, region: int, time: int) -> int:
        """How many retired or were recovered in a region in the period that `time` is in."""
        return sum(at // self.turnover_period == time // self.turnover_period for at in self.carried_out[region])

    def arrived(self, region: int, time: int) -> int:
        """How many were enrolled in a region in the period that `time` is in, since a vote last set its cap."""
        period = self.turnover_period
        return sum(heads for at, heads in self.arrivals[region] if at // period == time // period)

    def most_arrivals(self, region: int, time: int) -> int:
        """How many may come to a region in a period before its enrolment rests: a share of those who were there."""
        settled = max(0, self.heads_in(region) - self.arrived(region, time))
        return max(self.rush_floor, floor(settled * self.rush))

    def start(self, leaf: Leaf, kind: Kind, time: int, successor: str | None = None) -> None:
        leaf.act = Pending(kind, time + self.objection_delay, successor)

    def hindrance(self, leaf: Leaf, kind: Kind, time: int) -> tuple[str, dict[str, Any]] | None:
        """Why an act of this kind about a leaf cannot be carried out now: the error and its values."""
        act = leaf.act
        if act is None or act.kind is not kind:
            return "WrongAct", {"given": int(act.kind if act else Kind.NONE), "expected": int(kind)}
        if act.referred:
            return "ActReferred", {"batch": leaf.batch, "index": leaf.index, "referred": True}
        if time < act.due_at:
            return "ActNotDue", {"dueAt": act.due_at, "time": time}
        if leaf.registrar in self.out_of_office:
            return "RegistrarOutOfOffice", {"number": leaf.registrar}
        turnover, cap = self.turnover(leaf.region, time), self.turnover_caps[leaf.region]
        if turnover >= cap:
            return "TurnoverReached", {"region": leaf.region, "turnover": turnover, "cap": cap}
        if act.successor in self.lives:
            return "AlreadyActivated", {"account": act.successor, "since": self.lives[act.successor].since}
        return None

    def object(self, leaf: Leaf) -> None:
        """The first objection ends the act; later ones leave it to the second office."""
        assert leaf.act is not None
        if leaf.objected:
            leaf.act.referred = True
        else:
            leaf.objected, leaf.act = True, None

    def decide(self, leaf: Leaf, upheld: bool, time: int) -> None:
        assert leaf.act is not None
        if upheld:
            leaf.act.referred, leaf.act.upheld, leaf.act.due_at = False, True, time
        else:
            leaf.act = None

    def retire(self, leaf: Leaf, time: int) -> None:
        """The citizen receives nothing more and keeps everything; one who was never active receives it first."""
        if leaf.fate is Fate.WAITING:
            self.present(leaf, time)
        self.lives[str(self.holder_of(leaf))].end(time)
        leaf.fate = Fate.ENDED
        self._carried_out(leaf, time)

    def recover(self, leaf: Leaf, time: int) -> None:
        """Another account lives on the leaf; what was received stays where it is."""
        previous, act = self.lives[str(self.holder_of(leaf))], leaf.act
        assert act is not None
        assert act.successor is not None
        previous.end(time)
        self.lives[act.successor] = Life(leaf, time, chosen=True)
        self._carried_out(leaf, time)

    def _carried_out(self, leaf: Leaf, time: int) -> None:
        leaf.act, leaf.objected = None, False
        self.carried_out[leaf.region].append(time)
