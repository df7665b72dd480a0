"""Recipes: one YAML file per network holds every constructor value. Read, checked, and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import yaml
from eth_utils import is_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

RECIPES = Path(__file__).parent / "_recipes"


class RecipeError(ValueError):
    """A recipe that cannot be used; says which key, what was given and what was expected."""


def _checksummed(value: str) -> str:
    if not is_checksum_address(value):
        raise ValueError(f"expected a checksummed address, got {value!r}")
    return value


Address = Annotated[str, AfterValidator(_checksummed)]
Seconds = Annotated[int, Field(gt=0)]
Bps = Annotated[int, Field(ge=0, le=10_000)]
Wei = Annotated[int, Field(ge=0)]
Lanes = Annotated[tuple[int, int, int], Field()]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Clock(_Strict):
    """Spans of time in seconds; the ring in epochs."""

    genesis_delay_s: Annotated[int, Field(ge=0)]
    epoch_length_s: Seconds
    report_window_s: Seconds
    dispute_window_s: Annotated[int, Field(ge=0)]
    max_extension_s: Annotated[int, Field(ge=0)]
    ring_epochs: Annotated[int, Field(gt=1)]


class Policy(_Strict):
    rate_wei_per_ngaicph: Wei
    release_bps: Bps


class Vault(_Strict):
    expiry_age_s: Seconds
    max_rate_wei_per_ngaicph: Wei
    release_floor_wei: Wei
    growth_bps: Annotated[int, Field(ge=10_000)]
    min_notice_epochs: Annotated[int, Field(ge=1)]


class Exchange(_Strict):
    settlement_window_s: Seconds
    fee_bps: Bps
    recirculate_bps: Bps


class Disputes(_Strict):
    """What stands behind signatures, and how long they can be disputed."""

    required_bond_wei: Annotated[int, Field(gt=0)]
    reward_bps: Annotated[int, Field(ge=0, lt=5_000)]
    lock_time_s: Seconds
    evidence_horizon_s: Seconds
    reveal_window_s: Seconds
    demand_bond_wei: Annotated[int, Field(gt=0)]


class Governance(_Strict):
    timelock_delay_s: Annotated[int, Field(ge=0)]
    proposers: Annotated[list[Address], Field(min_length=1)]
    executors: Annotated[list[Address], Field(min_length=1)]


class Region(_Strict):
    cap: Annotated[int, Field(gt=0)]


class Facility(_Strict):
    operator: Address
    reading_key: Address
    region: Annotated[int, Field(ge=0)]
    capacities: Lanes
    public_share_bps: Bps


class Recipe(_Strict):
    """One network's suite."""

    clock: Clock
    oracles: Annotated[list[Address], Field(min_length=4, max_length=31)]
    weights_x16: Lanes
    policy: Policy
    vault: Vault
    exchange: Exchange
    disputes: Disputes
    governance: Governance
    registrars: list[Address]
    regions: dict[int, Region]
    facilities: list[Facility]

    def digest(self) -> str:
        """SHA-256 of the recipe's content, whatever its layout: what a deployment record names."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def load_recipe(name_or_path: str, overrides: dict[str, Any] | None = None) -> Recipe:
    """Reads a recipe by its name ("local") or path; `overrides` replaces values by dotted key ("clock.ring_epochs")."""
    path = Path(name_or_path)
    if path.suffix != ".yaml":
        path = RECIPES / f"{name_or_path}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml")))
        raise RecipeError(f"no recipe {name_or_path!r}: expected a .yaml file or one of: {known}")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key, value in (overrides or {}).items():
        _override(data, key.split("."), value, key)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']} (given {e['input']!r})" for e in error.errors()]
        raise RecipeError(f"{path.name}: " + "; ".join(lines)) from None


def _override(data: dict[str, Any], keys: list[str], value: Any, whole: str) -> None:
    for key in keys[:-1]:
        data = data.get(key, {})
    if keys[-1] not in data:
        raise RecipeError(f"override {whole}: the recipe has no such key")
    data[keys[-1]] = value
