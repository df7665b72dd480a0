"""Recipes: one YAML file per network holds every constructor value. Read, checked, and nothing else.

What the constructors and the set-up would refuse is refused here, before the first transaction. The limits are the
contracts' own; `tests/contracts/test_deployment.py` holds the two together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from scripts._strict import Address, AnyAddress, Strict, Whole, faults

RECIPES = Path(__file__).parent / "_recipes"

ORACLE_COUNTS = range(4, 32, 3)
"""3f + 1, as far as the signer bits of a record reach."""

DEVELOPMENT_ACCOUNTS = frozenset(
    {
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
        "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
        "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
        "0x976EA74026E726554dB657fA54763abd0C3a0aa9",
        "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
        "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
        "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
        "0xBcd4042DE499D14e55001CcbB24a551F3b954096",
        "0x71bE63f3384f5fb98995898A86B02Fb2426c5788",
        "0xFABB0ac9d68B0B445fB7357272Ff202C5651694a",
        "0x1CBd3b2770909D4e10f157cABC84C7264073C9Ec",
        "0xdF3e18d64BC6A983f673Ab319CCaE4f1a57C7097",
        "0xcd3B766CCDd6AE721141F452C550Ca635964ce71",
        "0x2546BcD3c84621e976D8185a91A922aE77ECEc30",
        "0xbDA5747bFD65F08deb54cb465eB87D40e51B197E",
        "0xdD2FD4581271e230360230F9337D5c0430Bf44C0",
        "0x8626f6940E2eb28930eFb4CeF49B2d1F2C9C1199",
    }
)
"""Accounts 0 to 19 of the mnemonic "test test … junk"."""

WHOLE_BPS = 10_000
MIN_RATE, MAX_RATE = 1, 10**18
MIN_RELEASE_BPS, MAX_RELEASE_BPS = 100, WHOLE_BPS
MAX_FEE_BPS = 3_000
MAX_REWARD_BPS = 4_999
MIN_QUORUM_BPS, MAX_QUORUM_BPS = 100, 5_000
MIN_CONFIDENCE_PPM, MAX_CONFIDENCE_PPM = 500_000, 999_999
MIN_RELEASE_FLOOR_WEI = 10**6 << 40
"""A unit of the dividend index for as many people as the vault can count."""


class RecipeError(ValueError):
    """A recipe that cannot be used; says which key, what was given and what was expected."""


def _distinct(addresses: list[str]) -> list[str]:
    for place, address in enumerate(addresses):
        first = addresses.index(address)
        if first != place:
            raise ValueError(f"expected distinct addresses, but {address} stands at places {first} and {place}")
    return addresses


def _oracle_set(addresses: list[str]) -> list[str]:
    if len(addresses) not in ORACLE_COUNTS:
        counts = ", ".join(map(str, ORACLE_COUNTS))
        raise ValueError(f"expected 3f + 1 oracles, one of {counts}; {len(addresses)} are listed")
    return _distinct(addresses)


def _power_of_two(size: int) -> int:
    if size & (size - 1):
        raise ValueError("expected a power of two")
    return size


_MOST = 2**128
"""What no clock and no purse reaches: the sums that constructors are given fit their 256 bits."""

Span = Annotated[Whole, Field(gt=0, lt=_MOST)]
GovernedSpan = Annotated[Whole, Field(gt=0, lt=2**30)]
"""With room for four times of it in 32 bits."""

Delay = Annotated[Whole, Field(ge=0, lt=_MOST)]
Bps = Annotated[Whole, Field(ge=0, le=WHOLE_BPS)]
Weight = Annotated[Whole, Field(ge=1, le=1024)]
Size = Annotated[Whole, Field(ge=64, le=2**22), AfterValidator(_power_of_two)]
Capacity = Annotated[Whole, Field(ge=0, lt=2**56)]
RegionNumber = Annotated[Whole, Field(ge=0, lt=2**32)]


class Network(Strict):
    """Which chains the recipe is for, and how its transactions are to be sent."""

    chain_ids: Annotated[list[Span], Field(min_length=1)]
    public: bool = Field(strict=True)
    confirmations: Delay
    max_fee_gwei: Span


class Clock(Strict):
    """Spans of time in seconds; the ring in epochs."""

    genesis_delay_s: Annotated[Whole, Field(ge=0, lt=2**39)]
    epoch_length_s: Span
    report_window_s: Span
    dispute_window_s: Delay
    max_extension_s: Annotated[Whole, Field(ge=0, lt=2**32)]
    ring_epochs: Annotated[Whole, Field(gt=1, lt=_MOST)]

    @property
    def retention_s(self) -> int:
        """How far back the oracle registry keeps epochs."""
        return self.ring_epochs * self.epoch_length_s

    @property
    def longest_reveal_s(self) -> int:
        """The longest reveal window that leaves a dispute window after it."""
        return max(0, self.max_extension_s - self.dispute_window_s)

    @property
    def windows_s(self) -> int:
        """The longest that an epoch's outcome may take to be final, from the epoch's end."""
        return self.report_window_s + self.dispute_window_s + self.max_extension_s


class Policy(Strict):
    rate_wei_per_ngaicph: Annotated[Whole, Field(ge=MIN_RATE, le=MAX_RATE)]
    release_bps: Annotated[Whole, Field(ge=MIN_RELEASE_BPS, le=MAX_RELEASE_BPS)]


class Vault(Strict):
    expiry_age_s: Span
    max_rate_wei_per_ngaicph: Annotated[Whole, Field(ge=0, lt=2**96)]
    release_floor_wei: Annotated[Whole, Field(ge=MIN_RELEASE_FLOOR_WEI, lt=_MOST)]
    growth_bps: Annotated[Whole, Field(ge=WHOLE_BPS, lt=2**32)]
    min_notice_epochs: Annotated[Whole, Field(ge=1, lt=2**32)]
    halt_span_s: Annotated[Whole, Field(ge=0, lt=2**32)]
    brake_span_s: Annotated[Whole, Field(ge=0, lt=2**32)]
    jump_floor_ngaicph: Annotated[Whole, Field(ge=0, lt=2**64)]
    jump_bps: Annotated[Whole, Field(ge=WHOLE_BPS, lt=2**32)]


class Exchange(Strict):
    settlement_window_s: Span
    fee_bps: Annotated[Whole, Field(ge=0, le=MAX_FEE_BPS)]
    recirculate_bps: Bps


class Disputes(Strict):
    """What stands behind signatures, and how long they can be disputed."""

    required_bond_wei: Annotated[Whole, Field(gt=0, lt=_MOST)]
    reward_bps: Annotated[Whole, Field(ge=0, le=MAX_REWARD_BPS)]
    lock_time_s: Span
    evidence_horizon_s: Span
    reveal_window_s: Span
    demand_bond_wei: Annotated[Whole, Field(gt=0, lt=_MOST)]


class Seats(Strict):
    """Who sits in the second chamber; a seat may be empty at first."""

    operators: AnyAddress
    oracles: AnyAddress
    registrars: AnyAddress
    civil_society: AnyAddress


class Governance(Strict):
    """Spans of time in seconds. What is governed later must start within its hard range."""

    set_up_s: Span
    founder: Address
    founding_s: Span
    guardian: Address
    timelock_delay_s: GovernedSpan
    ripening_s: GovernedSpan
    voting_delay_s: GovernedSpan
    voting_period_s: GovernedSpan
    quorum_floor: Annotated[Whole, Field(ge=1, lt=2**64)]
    quorum_bps: Annotated[Whole, Field(ge=MIN_QUORUM_BPS, le=MAX_QUORUM_BPS)]
    grace_s: GovernedSpan
    chamber_delay_s: GovernedSpan
    objections_needed: Annotated[Whole, Field(ge=2, le=4)]
    seats: Seats


class Citizens(Strict):
    """Spans of time in seconds."""

    objection_delay_s: Annotated[Whole, Field(gt=0, lt=2**32)]
    turnover_period_s: Span
    jump_floor: Annotated[Whole, Field(ge=0, lt=2**40)]
    jump_bps: Annotated[Whole, Field(ge=0, lt=2**32)]


class Region(Strict):
    """Caps: on citizens, and on retirements and recoveries in a turnover period."""

    cap: Annotated[Whole, Field(gt=0, lt=2**40)]
    turnover_cap: Annotated[Whole, Field(ge=0, lt=2**40)]


class Audits(Strict):
    """What facilities are asked to prove, and what counts of what nobody is shown to have wanted. No slots: no proof is
    asked for."""

    slots: Annotated[Whole, Field(ge=0, lt=2**16)]
    audit_bps: Annotated[Whole, Field(ge=1, le=WHOLE_BPS)]
    grace_ms: Annotated[Whole, Field(ge=0, lt=2**32)]
    tally_epochs: Annotated[Whole, Field(ge=1, lt=2**32)]
    confidence_ppm: Annotated[Whole, Field(ge=MIN_CONFIDENCE_PPM, le=MAX_CONFIDENCE_PPM)]
    unbacked_bps: tuple[Bps, Bps, Bps]

    def as_argument(self, from_epoch: int) -> tuple[Any, ...]:
        """For `AuditTerms.scheduleRules`."""
        head = (self.slots, self.audit_bps, from_epoch, 0, self.grace_ms, self.tally_epochs, self.confidence_ppm)
        return (*head, list(self.unbacked_bps))


class Fleet(Strict):
    """Devices of one kind: how many, the operations a second that each counts for and that its product must show, and
    that product."""

    compute_class: Literal["general", "intelligent", "super"]
    devices: Annotated[Whole, Field(ge=1, lt=2**32)]
    rate: Annotated[Whole, Field(ge=1, lt=2**64)]
    pace: Annotated[Whole, Field(ge=1, lt=2**64)]
    m: Size
    n: Size
    k: Size

    def as_argument(self) -> tuple[int, ...]:
        """For `AuditTerms.scheduleFleets`."""
        number = ("general", "intelligent", "super").index(self.compute_class)
        return (self.rate, self.pace, self.devices, self.m, self.n, self.k, number)

    def allowed_ms(self, grace_ms: int) -> int:
        """How long each device may take, milliseconds, rounded down."""
        return 1250 * 2 * self.m * self.n * self.k // self.pace + grace_ms


class Facility(Strict):
    operator: Address
    reading_key: Address
    region: RegionNumber
    capacities: tuple[Capacity, Capacity, Capacity]
    public_share_bps: Bps
    records_count: bool = Field(default=False, strict=True)
    fleets: list[Fleet] = Field(default_factory=list, max_length=64)


class Recipe(Strict):
    """One network's suite."""

    network: Network
    clock: Clock
    oracles: Annotated[list[Address], AfterValidator(_oracle_set)]
    weights_x16: tuple[Weight, Weight, Weight]
    policy: Policy
    vault: Vault
    citizens: Citizens
    exchange: Exchange
    disputes: Disputes
    governance: Governance
    audits: Audits
    registrars: Annotated[list[Address], AfterValidator(_distinct)]
    regions: dict[RegionNumber, Region]
    facilities: list[Facility]

    def audited_facilities(self) -> list[tuple[int, Facility]]:
        """Those that must prove what they report, each with its number."""
        return [(number, facility) for number, facility in enumerate(self.facilities) if facility.fleets]

    def digest(self) -> str:
        """SHA-256 of the recipe's content, whatever its layout: what a deployment record names."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        contradictions = [
            *self._times(),
            *self._evidence(),
            *self._shares(),
            *self._places(),
            *self._proofs(),
            *self._people(),
        ]
        if contradictions:
            raise ValidationError.from_exception_data("Recipe", contradictions)
        return self

    def _times(self) -> Iterator[InitErrorDetails]:
        clock, expiry = self.clock, self.vault.expiry_age_s
        least = clock.windows_s + clock.epoch_length_s
        if clock.retention_s <= least:
            fewest = least // clock.epoch_length_s + 1
            expected = f"at least {fewest}, to keep more than both windows, the extension and an epoch, {least} s"
            yield _contradiction("clock", "ring_epochs", given=clock.ring_epochs, expected=expected)
        latest = max(clock.windows_s, self.vault.brake_span_s) + self.vault.halt_span_s
        if expiry <= latest:
            # Else an epoch reported at the last moment, or held back, would expire before it is distributed.
            held = f"the longer of both windows and the extension together, {clock.windows_s} s, and vault.brake_span_s"
            expected = f"more than vault.halt_span_s and {held}: {latest} s"
            yield _contradiction("vault", "expiry_age_s", given=expiry, expected=expected)
        if expiry >= clock.retention_s:
            expected = f"less than what the oracle registry keeps, {clock.retention_s} s"
            yield _contradiction("vault", "expiry_age_s", given=expiry, expected=expected)

    def _evidence(self) -> Iterator[InitErrorDetails]:
        clock, disputes = self.clock, self.disputes
        horizon, least_lock = disputes.evidence_horizon_s, disputes.evidence_horizon_s + clock.epoch_length_s
        if not clock.windows_s <= horizon < clock.retention_s:
            kept = f"less than what the oracle registry keeps, {clock.retention_s} s"
            expected = f"at least both windows and the extension together, {clock.windows_s} s, and {kept}"
            yield _contradiction("disputes", "evidence_horizon_s", given=horizon, expected=expected)
        if disputes.lock_time_s < least_lock:
            expected = f"at least the horizon and an epoch, {least_lock} s"
            yield _contradiction("disputes", "lock_time_s", given=disputes.lock_time_s, expected=expected)
        if disputes.reveal_window_s > clock.longest_reveal_s:
            expected = f"at most what clock.max_extension_s leaves beside a dispute window, {clock.longest_reveal_s} s"
            yield _contradiction("disputes", "reveal_window_s", given=disputes.reveal_window_s, expected=expected)

    def _shares(self) -> Iterator[InitErrorDetails]:
        rate, ceiling = self.policy.rate_wei_per_ngaicph, self.vault.max_rate_wei_per_ngaicph
        if rate > ceiling:
            expected = f"at most vault.max_rate_wei_per_ngaicph, {ceiling}"
            yield _contradiction("policy", "rate_wei_per_ngaicph", given=rate, expected=expected)
        rest = WHOLE_BPS - self.exchange.fee_bps
        if self.exchange.recirculate_bps > rest:
            expected = f"at most what exchange.fee_bps leaves, {rest}"
            yield _contradiction("exchange", "recirculate_bps", given=self.exchange.recirculate_bps, expected=expected)

    def _places(self) -> Iterator[InitErrorDetails]:
        for number, facility in enumerate(self.facilities):
            if facility.region not in self.regions:
                expected = f"one of regions: {', '.join(map(str, self.regions)) or 'there are none'}"
                yield _contradiction("facilities", number, "region", given=facility.region, expected=expected)

    def _proofs(self) -> Iterator[InitErrorDetails]:
        audits, length = self.audits, self.clock.epoch_length_s
        if audits.slots > length:
            yield _contradiction("audits", "slots", given=audits.slots, expected=f"at most one a second: {length}")
            return
        for number, facility in enumerate(self.facilities if audits.slots else ()):
            for place, fleet in enumerate(facility.fleets):
                key = ("facilities", number, "fleets", place)
                if fleet.pace < fleet.rate:
                    yield _contradiction(*key, "pace", given=fleet.pace, expected=f"at least the rate, {fleet.rate}")
                allowed, slot = fleet.allowed_ms(audits.grace_ms), length * 1000 // audits.slots
                if allowed >= slot:
                    expected = f"a product whose deadline is within a slot of {slot} ms; it is after {allowed} ms"
                    yield _contradiction(*key, given=fleet.model_dump(), expected=expected)

    def _people(self) -> Iterator[InitErrorDetails]:
        """On a public network nobody is a development account, whose keys everybody has; nothing starts half-way."""
        if self.network.public:
            if self.clock.genesis_delay_s < self.governance.set_up_s:
                expected = f"at least governance.set_up_s, {self.governance.set_up_s}: set-up may be interrupted"
                yield _contradiction("clock", "genesis_delay_s", given=self.clock.genesis_delay_s, expected=expected)
            for key, address in _addresses(self.model_dump(), ()):
                if address in DEVELOPMENT_ACCOUNTS:
                    expected = "an account of somebody's own: this development account's key is known to all"
                    yield _contradiction(*key, given=address, expected=expected)

    def require_chain(self, chain_id: int) -> None:
        """Raises `RecipeError` for a chain that the recipe is not for."""
        if chain_id not in self.network.chain_ids:
            named = ", ".join(map(str, self.network.chain_ids))
            raise RecipeError(f"network.chain_ids: expected the connected chain, {chain_id} (given {named})")


def _addresses(value: Any, key: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _addresses(each, (*key, name))
    elif isinstance(value, (list, tuple)):
        for place, each in enumerate(value):
            yield from _addresses(each, (*key, place))
    elif isinstance(value, str):
        yield key, value


def _contradiction(*key: str | int, given: object, expected: str) -> InitErrorDetails:
    """A fault at the key that disagrees with others, not at the whole recipe as a validator's own error would be."""
    kind = PydanticCustomError("contradiction", "expected {expected}", {"expected": expected})
    return InitErrorDetails(type=kind, loc=key, input=given)


def load_recipe(name_or_path: str, overrides: dict[str, Any] | None = None) -> Recipe:
    """Reads a recipe by its name ("local") or path; `overrides` replaces values by dotted key ("clock.ring_epochs")."""
    path = _find(name_or_path)
    data = _read(path)
    for key, value in (overrides or {}).items():
        _override(data, key.split("."), value, key)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"{path.name}: {faults(error)}") from None


def _find(name_or_path: str) -> Path:
    path = Path(name_or_path)
    if path.suffix != ".yaml":
        path = RECIPES / f"{name_or_path}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml")))
        raise RecipeError(f"no recipe {name_or_path!r}: expected a .yaml file or one of: {known}")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        raise RecipeError(f"{path.name}: expected YAML: {error}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path.name}: expected a mapping of sections, given {_kind(data)}")
    return data


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML's own loader keeps the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT002
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            keys = [self.construct_object(key) for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice} is given twice", node.start_mark)
        return mapping


def _override(data: Any, steps: list[str], value: Any, whole: str) -> None:
    step, *further = steps
    if not isinstance(data, dict):
        raise RecipeError(f"override {whole}: expected a mapping that holds {step!r}, given {_kind(data)}")
    if step not in data:
        raise RecipeError(f"override {whole}: the recipe has no such key")
    if further:
        _override(data[step], further, value, whole)
    else:
        data[step] = value


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
