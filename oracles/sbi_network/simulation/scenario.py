"""What a scenario may say. docs/simulation.md explains every key; this is the schema that holds it.

Each figure is a mapping of its value with unit, the source it comes from (a key of `sources`), and, where it is
uncertain, the band that Monte Carlo and the sensitivity draw from:

    growth: {value: 47 %/a, band: [20 %/a, 60 %/a], source: caict2023, note: nominal}

Values are kept in the dimension's canonical unit; see `quantity`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sbi_network.simulation import quantity
from sbi_network.simulation.policy import MAX_RELEASE_BPS, MIN_RELEASE_BPS, WHOLE_BPS
from sbi_network.simulation.quantity import Dimension

MOST_EPOCHS = 100_000
MOST_COHORTS = 100_000
MOST_INEQUALITY = Fraction(19, 20)
MOST_CELLS = 2 * 10**9
"""Epochs × cohorts of one run: beyond it a run would take longer than anybody waits."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


def _days(given: object) -> Fraction:
    return quantity.SPAN.check(given) if isinstance(given, Fraction) else quantity.SPAN.parse(given)


Days = Annotated[Fraction, BeforeValidator(_days)]
"""A span of time that is the frame and not a figure of the scenario; days."""


class Section(BaseModel):
    """A part of a scenario: every key is known, nothing is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Figure(Section):
    """A number with unit, source and, where it is uncertain, band. `value` and `band` in the canonical unit."""

    dimension: ClassVar[Dimension]
    whole: ClassVar[bool] = False
    """Whether the canonical number is an integer: what goes into the contracts."""

    value: Fraction
    source: Name
    note: str = ""
    band: tuple[Fraction, Fraction] | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            raise ValueError("expected a mapping with value and source")
        read = dict(given)
        if "value" in read:
            read["value"] = cls.parse(read["value"])
        if read.get("band") is not None:
            band = read["band"]
            if not isinstance(band, (list, tuple)) or len(band) != 2:
                raise ValueError("band: expected [low, high]")
            read["band"] = tuple(cls.parse(end) for end in band)
        return read

    @model_validator(mode="after")
    def _ordered(self) -> Figure:
        if self.band is not None and not self.band[0] <= self.value <= self.band[1]:
            raise ValueError("band: expected low ≤ value ≤ high")
        return self

    @classmethod
    def parse(cls, given: object) -> Fraction:
        """A value with its unit, or one that was parsed before. Raises ValueError."""
        value = given if isinstance(given, Fraction) else cls.dimension.parse(given)
        value = cls.dimension.check(value)
        if cls.whole and value.denominator != 1:
            raise ValueError(f"expected a whole number of {cls.dimension.unit}, given {float(value)}")
        return value

    def at(self, value: float | Fraction) -> Figure:
        """The figure with another value, canonical and certain; rounded to the nearest where it must be whole."""
        drawn = Fraction(round(value)) if self.whole else Fraction(value)
        return self.model_copy(update={"value": drawn, "band": None})

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __str__(self) -> str:
        return self.dimension.words(self.value)


class Capacity(Figure):
    """Nominal computing, at the class's own precision; PFLOPS."""

    dimension = quantity.CAPACITY


class Share(Figure):
    """A part of a whole that people choose."""

    dimension = quantity.SHARE


class Bps(Figure):
    """A part of a whole that a contract keeps, in whole basis points."""

    dimension = quantity.BPS
    whole = True


class GrowthBound(Figure):
    """The vault's bound on growth, whole basis points."""

    dimension = quantity.GROWTH_BPS
    whole = True


class Change(Figure):
    """Change a year."""

    dimension = quantity.CHANGE


class PointEffect(Figure):
    """What one point of the computing index goes with."""

    dimension = quantity.POINT_EFFECT


class Points(Figure):
    """Points of the computing index a year."""

    dimension = quantity.POINTS


class Hazard(Figure):
    """How often something happens to one of many, a day."""

    dimension = quantity.HAZARD


class Span(Figure):
    """A span of time, days."""

    dimension = quantity.SPAN


class People(Figure):
    """A number of people."""

    dimension = quantity.PEOPLE
    whole = True


class Count(Figure):
    """A number of facilities."""

    dimension = quantity.COUNT
    whole = True


class Rate(Figure):
    """A rate of issue, whole wei per nGAICPh."""

    dimension = quantity.RATE
    whole = True


class Amount(Figure):
    """Public output of an epoch, whole nGAICPh."""

    dimension = quantity.OUTPUT
    whole = True


class Money(Figure):
    """An amount, whole wei."""

    dimension = quantity.MONEY
    whole = True


class Factor(Figure):
    """What something is multiplied by."""

    dimension = quantity.GROWTH_FACTOR


class Price(Figure):
    """What a weighted GAICPh costs outside of the exchange, CNY."""

    dimension = quantity.PRICE


class Income(Figure):
    """CNY a day."""

    dimension = quantity.INCOME


class Turnover(Figure):
    """CNY a day."""

    dimension = quantity.TURNOVER


class Milestone(Section):
    """The world's, or the nation's, computing at a time after the start."""

    at: Span
    total: Capacity


class Computing(Section):
    """What the facilities have between them, and how it grows."""

    general: Capacity
    intelligent: Capacity
    super: Capacity
    growth: Change
    milestones: tuple[Milestone, ...] = ()
    utilisation: Share
    noise: Share
    weights_x16: tuple[int, int, int] = (32, 16, 64)

    @model_validator(mode="after")
    def _sound(self) -> Computing:
        if any(not 0 <= weight <= 2**16 - 1 for weight in self.weights_x16):
            raise ValueError("weights_x16: expected three integers from 0 to 65535")
        if any(later.at.value <= earlier.at.value for earlier, later in pairwise(self.milestones)):
            raise ValueError("milestones: expected times that increase")
        if any(milestone.at.value <= 0 or milestone.total.value <= 0 for milestone in self.milestones):
            raise ValueError("milestones: expected times after the start and totals above nothing")
        return self


class Facilities(Section):
    """A group of like facilities: its share of the computing, how many they are, how they fail."""

    name: Name
    share: Share
    count: Count
    public_share: Bps
    failures: Hazard
    repair: Span


class Ramp(Section):
    """A figure that runs from the poorest cohort to the richest, in a straight line by rank."""

    poorest: Share
    richest: Share


class Group(Section):
    """People of one place or kind, divided into cohorts of equal size by income."""

    name: Name
    share: Share
    cohorts: int = Field(ge=1, le=MOST_COHORTS)
    income: Income
    inequality: Share
    """The Gini coefficient of other income within the group."""


class Citizens(Section):
    """Who receives, and what they do with it."""

    people: People
    enrolled: Share
    enrolment: Hazard
    arrivals: Change
    retirements: Change
    activated: Share
    activation: Hazard
    dormant: Share
    spent: Ramp
    drawn: Ramp
    computing: Share
    patience: Share
    groups: tuple[Group, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> Citizens:
        _require_whole("groups", [group.share for group in self.groups])
        if any(group.inequality.value > MOST_INEQUALITY for group in self.groups):
            raise ValueError(f"groups: expected an inequality of at most {float(MOST_INEQUALITY):.0%}")
        _require_distinct("groups", [group.name for group in self.groups])
        if sum(group.cohorts for group in self.groups) > MOST_COHORTS:
            raise ValueError(f"groups: expected at most {MOST_COHORTS} cohorts in all")
        for group in self.groups:
            if self.people.value * group.share.value < group.cohorts:
                raise ValueError(f"groups.{group.name}.cohorts: expected a person in each at least")
        if self.retirements.value < 0 or self.arrivals.value < 0:
            raise ValueError("arrivals, retirements: expected no negative change")
        return self

    @property
    def cohorts(self) -> int:
        """How many cohorts in all."""
        return sum(group.cohorts for group in self.groups)


class Enterprises(Section):
    """Whoever sells to citizens for SBI: what part of its SBI goes on each day, as wages or as computing."""

    wages: Share
    computing: Share

    @model_validator(mode="after")
    def _sound(self) -> Enterprises:
        if self.wages.value + self.computing.value > 1:
            raise ValueError("wages, computing: expected at most 100 % together")
        return self


class Policy(Section):
    """contracts/IssuancePolicy.sol: its two figures."""

    rate: Rate
    release: Bps

    @model_validator(mode="after")
    def _within(self) -> Policy:
        _require_release(self.release)
        return self


class VaultBounds(Section):
    """What the vault has fixed for ever."""

    max_rate: Rate
    release_floor: Money
    growth: GrowthBound
    expiry_age: Span
    finality: Span
    """How long after its end an epoch's report is final and its dividend distributed."""


class Exchange(Section):
    """The exchange's shares, and what is offered and delivered there."""

    fee: Bps
    recirculated: Bps
    offered: Share
    mix: tuple[Share, Share, Share]
    """What buyers want, by value: general, intelligent, super."""
    delivery: Span
    delivered: Share
    operators_spend: Share

    @model_validator(mode="after")
    def _sound(self) -> Exchange:
        if int(self.fee) > MOST_FEE_BPS or int(self.fee) + int(self.recirculated) > WHOLE_BPS:
            raise ValueError(f"fee, recirculated: expected a fee of at most {MOST_FEE_BPS} bps, and 100 % together")
        _require_whole("mix", self.mix)
        return self


class Economy(Section):
    """What the income is compared with. Nothing here moves the loop."""

    market_price: Price
    market_price_change: Change
    gdp_per_point: PointEffect
    digital_economy_per_point: PointEffect
    points: Points
    computing_economy: Turnover
    computing_economy_growth: Change


class Brakes(Section):
    """What holds issuance or enrolment back: contracts/DistributionVault.sol and contracts/CitizenRegistry.sol."""

    jump: GrowthBound
    """An epoch's output above this multiple of the recent peak waits."""
    jump_floor: Amount
    """Output up to this never waits."""
    hold: Span
    """How long it waits, from the epoch's end."""
    halt: Span
    """How long a guardian's halt lasts, and how long there is none after it."""
    rush: Bps
    """How many more than there were may be enrolled in a period before enrolment rests."""
    rush_floor: People
    """So many may come in any period."""
    rush_period: Span

    @model_validator(mode="after")
    def _sound(self) -> Brakes:
        if self.rush_period.value <= 0:
            raise ValueError("rush_period: expected more than nothing")
        return self


class Shock(Section):
    """Something that happens at a time."""

    at: Span
    source: Name
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _sourced(cls, given: Any) -> Any:
        """A shock is a hypothesis as a whole: its source is that of its figures, which are given as plain text."""
        if not isinstance(given, dict):
            return given
        source = given.get("source", "")
        kept = ("kind", "source", "note")
        return {
            key: {"value": part, "source": source} if isinstance(part, (str, int, float)) and key not in kept else part
            for key, part in given.items()
        }


class Lasting(Shock):
    """Something that lasts."""

    lasts: Span


class FacilitiesFail(Lasting):
    """A share of every group's facilities is down."""

    kind: Literal["facilities_fail"]
    share: Share


class OutputJump(Lasting):
    """What is reported is multiplied, whether it was computed or not."""

    kind: Literal["output_jump"]
    factor: Factor


class OracleOutage(Lasting):
    """No report is agreed: the epochs are skipped."""

    kind: Literal["oracle_outage"]


class Activation(Shock):
    """A share of those not yet active activate at once."""

    kind: Literal["activation"]
    share: Share


class Enrolment(Shock):
    """A share of those not yet enrolled are put on the roll at once."""

    kind: Literal["enrolment"]
    share: Share


class Hoarding(Lasting):
    """Citizens spend this part of what they would."""

    kind: Literal["hoarding"]
    share: Share


class ComputingRun(Lasting):
    """Citizens want computing for this share of what they hold, every day, beside what they would."""

    kind: Literal["computing_run"]
    share: Share


class PolicyChange(Shock):
    """Another policy takes effect."""

    kind: Literal["policy"]
    rate: Rate
    release: Bps

    @model_validator(mode="after")
    def _within(self) -> PolicyChange:
        _require_release(self.release)
        return self


class GuardianHalt(Lasting):
    """The guardian halts issuance, for `brakes.halt` unless a vote ends it sooner; refused where it is not armed."""

    kind: Literal["guardian_halt"]


class Rearm(Shock):
    """A vote arms the guardian again."""

    kind: Literal["rearm"]


class Resume(Shock):
    """A vote lets go on what the guardian or the brake holds back."""

    kind: Literal["resume"]


class DisputesUpheld(Shock):
    """Faults of a quorum's making are upheld: the epoch is void."""

    kind: Literal["disputes_upheld"]


AnyShock = Annotated[
    FacilitiesFail
    | OutputJump
    | OracleOutage
    | Activation
    | Enrolment
    | Hoarding
    | ComputingRun
    | PolicyChange
    | GuardianHalt
    | Rearm
    | Resume
    | DisputesUpheld,
    Field(discriminator="kind"),
]

MOST_FEE_BPS = 3_000
"""MAX_FEE_BPS of contracts/ComputeExchange.sol."""


class Scenario(Section):
    """A whole scenario."""

    name: Name
    title: str
    describes: str
    sources: dict[Name, str]
    horizon: Days
    epoch: Days
    runs: int = Field(ge=1, le=100_000)
    seed: int = Field(ge=0, le=2**63 - 1)
    computing: Computing
    facilities: tuple[Facilities, ...] = Field(min_length=1)
    citizens: Citizens
    enterprises: Enterprises
    policy: Policy
    vault: VaultBounds
    exchange: Exchange
    economy: Economy
    brakes: Brakes
    shocks: tuple[AnyShock, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Scenario:
        _require_whole("facilities", [group.share for group in self.facilities])
        _require_distinct("facilities", [group.name for group in self.facilities])
        if self.epoch < Fraction(1, 1440) or (self.epoch * 86_400).denominator != 1:
            raise ValueError("epoch: expected whole seconds, a minute at least")
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise ValueError(f"horizon: expected 1 to {MOST_EPOCHS} epochs")
        if self.epochs * self.citizens.cohorts > MOST_CELLS:
            raise ValueError(f"horizon: expected at most {MOST_CELLS} epochs × cohorts")
        if self.policy.rate.value > self.vault.max_rate.value:
            raise ValueError("policy.rate: expected at most vault.max_rate")
        _require_age(self.vault, self.brakes)
        for number, shock in enumerate(self.shocks):
            if shock.at.value >= self.horizon:
                raise ValueError(f"shocks.{number}.at: expected a time before the horizon")
            if isinstance(shock, PolicyChange) and shock.rate.value > self.vault.max_rate.value:
                raise ValueError(f"shocks.{number}.rate: expected at most vault.max_rate")
        for path, source in _cited(self, ""):
            if source not in self.sources:
                raise ValueError(f"{path}.source: {source!r} is not among sources")
        return self

    @property
    def epochs(self) -> int:
        """Whole epochs within the horizon."""
        return int(self.horizon / self.epoch)

    @property
    def days(self) -> float:
        """Length of an epoch, days."""
        return float(self.epoch)

    def epoch_at(self, span: Figure) -> int:
        """The epoch that runs at a time after the start."""
        return int(span.value / self.epoch)

    def figures(self) -> dict[str, Figure]:
        """Every figure by its dotted path, in the order of the schema."""
        return dict(_figures(self, ""))

    def as_given(self) -> dict[str, Any]:
        """Plain mappings and sequences, as a file would hold them but for figures, which are canonical numbers."""
        given: dict[str, Any] = _plain(self)
        return given

    def uncertain(self) -> dict[str, Figure]:
        """The figures with a band. Those of which the ends are one are not uncertain."""
        return {
            path: figure
            for path, figure in self.figures().items()
            if figure.band is not None and figure.band[0] < figure.band[1]
        }

    def with_values(self, values: Mapping[str, float | Fraction]) -> Scenario:
        """The same scenario with other values of figures, by path, in canonical units: certain ones, without a band.

        Nothing is checked, for values drawn from bands need not be.
        """
        changed: Scenario = _replaced(self, "", values)
        return changed


def _plain(part: Any) -> Any:
    if isinstance(part, Section):
        return {name: _plain(getattr(part, name)) for name in type(part).model_fields}
    return [_plain(item) for item in part] if isinstance(part, tuple) else part


def _parts(part: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The parts of a section or sequence with their dotted paths."""
    if isinstance(part, Section):
        for name in type(part).model_fields:
            yield f"{path}{name}", getattr(part, name)
    elif isinstance(part, tuple):
        for place, item in enumerate(part):
            yield f"{path}{getattr(item, 'name', place)}", item


def _figures(part: Any, path: str) -> Iterator[tuple[str, Figure]]:
    for at, child in _parts(part, path):
        if isinstance(child, Figure):
            yield at, child
        else:
            yield from _figures(child, f"{at}.")


def _cited(part: Any, path: str) -> Iterator[tuple[str, str]]:
    for at, child in _parts(part, path):
        if isinstance(child, Figure | Shock):
            yield at, child.source
        else:
            yield from _cited(child, f"{at}.")


def _replaced(part: Any, path: str, values: Mapping[str, float | Fraction]) -> Any:
    """A copy with these figures' values; untouched parts are shared."""
    if isinstance(part, Figure):
        return part.at(values[path]) if path in values else part
    beneath = [at for at in values if at.startswith(f"{path}." if path else "")]
    if not beneath:
        return part
    if isinstance(part, tuple):
        return tuple(_replaced(child, at, values) for at, child in _parts(part, f"{path}."))
    if isinstance(part, Section):
        prefix = f"{path}." if path else ""
        update = {at.removeprefix(prefix): _replaced(child, at, values) for at, child in _parts(part, prefix)}
        return part.model_copy(update=update)
    return part


def _require_whole(name: str, shares: Any) -> None:
    total = sum(share.value for share in shares)
    if abs(total - 1) > Fraction(1, 1000):
        raise ValueError(f"{name}: expected shares that add up to 100 %, given {float(total) * 100:g} %")


def _require_distinct(name: str, names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"{name}: expected names that differ")


def _require_age(vault: VaultBounds, brakes: Brakes) -> None:
    """No epoch expires for a report that is late, a brake or a halt: the vault's constructor asks for that."""
    if vault.expiry_age.value <= max(vault.finality.value, brakes.hold.value) + brakes.halt.value:
        raise ValueError("vault.expiry_age: expected more than vault.finality or brakes.hold, and brakes.halt")


def _require_release(release: Figure) -> None:
    if not MIN_RELEASE_BPS <= release.value <= MAX_RELEASE_BPS:
        raise ValueError(f"release: expected {MIN_RELEASE_BPS} to {MAX_RELEASE_BPS} bps")
