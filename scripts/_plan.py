"""A deployment as a list of transactions, known to the byte before the first is sent.

Pure: from a recipe, an account with its next nonce, and the time, always the same plan. Each step has a nonce of its
own, and a nonce is used once: that, and no bookkeeping, is why nothing is ever deployed twice.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any

import rlp
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

if TYPE_CHECKING:
    from scripts._artifacts import Compiled
    from scripts._recipe import Recipe

CONTRACTS = {
    "verifier": "EcdsaVerifier",
    "manager": "SuiteAccessManager",
    "timelock": "SuiteTimelock",
    "oracles": "ComputeOracleRegistry",
    "policy": "IssuancePolicy",
    "vault": "DistributionVault",
    "token": "SBIToken",
    "citizens": "CitizenRegistry",
    "exchange": "ComputeExchange",
    "bonds": "SignerBonds",
    "disputes": "ComputeDisputes",
    "products": "ProductDisputes",
    "votes": "CitizenVotes",
    "chamber": "SecondChamber",
    "governor": "SuiteGovernor",
    "audits": "AuditTerms",
}
"""Contract by role, in order of deployment, hence of nonces: what is predicted must not move without this table."""

ADMIN_ROLE = 0
GUARDIAN_ROLE = 1

USUAL_STEP_S = 0.25
"""A step's time on a local node. On a public one it is no matter: epochs begin no earlier than set-up ends."""


@dataclass(frozen=True)
class Step:
    """One transaction. `role` is the contract that it creates, or calls if `to` is given."""

    nonce: int
    role: str
    label: str
    to: str | None
    data: bytes


@dataclass(frozen=True)
class Plan:
    """All transactions of one deployment, and where its contracts will be."""

    deployer: str
    started: int
    genesis: int
    steps: tuple[Step, ...]
    addresses: dict[str, str]
    arguments: dict[str, bytes]
    first_audited: tuple[int, ...]
    """The epoch from which on facilities must prove what they report, as each of `audits_steps` names it."""

    @property
    def first_nonce(self) -> int:
        return self.steps[0].nonce

    @property
    def audits_steps(self) -> tuple[Step, ...]:
        """The steps that name an epoch: the rules', then those of facilities with fleets."""
        return tuple(step for step in self.steps if step.role == "audits" and step.to is not None)

    def digest(self) -> str:
        """SHA-256 of everything that will be sent, in order."""
        whole = hashlib.sha256(self.deployer.encode())
        for step in self.steps:
            whole.update(f"{step.nonce} {step.to} {len(step.data)} ".encode() + step.data)
        return whole.hexdigest()


def plan_suite(
    recipe: Recipe,
    compiled: Compiled,
    deployer: str,
    first_nonce: int,
    started: int,
    genesis: int | None = None,
    step_s: float = USUAL_STEP_S,
    first_audited: Sequence[int] = (),
) -> Plan:
    """The plan. `started` is the chain's time (seconds since 1970) from which the recipe's spans run, `step_s` how much
    of it a step takes; `first_audited` is by default the first epoch that can be, its last goes for all further steps.

    Raises `EncodingError` for a value that does not fit a constructor, and `CompilationError` for a contract that the
    sources lack: before anything is sent.
    """
    if genesis is None:
        genesis = started + recipe.clock.genesis_delay_s
    at = _predict(deployer, first_nonce)
    arguments = {**_arguments(recipe, at, genesis), **_governance_arguments(recipe, deployer, at, started)}
    if not first_audited:
        steps_count = len(CONTRACTS) + sum(1 for _ in _calls(recipe, compiled, deployer, at, repeat(0)))
        first_audited = (first_audited_epoch(recipe, genesis, started, steps_count, step_s),)
    named = tuple(islice(chain(first_audited, repeat(first_audited[-1])), 1 + len(recipe.audited_facilities())))
    creations = [
        (role, f"deploy {contract}", None, compiled[contract].creation(arguments[role]))
        for role, contract in CONTRACTS.items()
    ]
    calls = [
        (role, f"{role}.{function}{_shown(given)}", at[role], compiled[CONTRACTS[role]].call(function, given))
        for role, function, given in _calls(recipe, compiled, deployer, at, iter(named))
    ]
    steps = tuple(Step(first_nonce + place, *each) for place, each in enumerate([*creations, *calls]))
    encoded = {role: compiled[contract].constructor_arguments(arguments[role]) for role, contract in CONTRACTS.items()}
    return Plan(deployer, started, genesis, steps, at, encoded, named)


def first_audited_epoch(recipe: Recipe, genesis: int, now: int, steps_count: int, step_s: float = USUAL_STEP_S) -> int:
    """The first epoch whose rules so many steps can still schedule: epoch 0, or if that runs by then, the one after the
    next."""
    ends = now + math.ceil(steps_count * step_s)
    return 0 if ends < genesis else (ends - genesis) // recipe.clock.epoch_length_s + 2


def _predict(deployer: str, nonce: int) -> dict[str, str]:
    sender = to_canonical_address(deployer)
    return {
        role: to_checksum_address(keccak(rlp.encode([sender, nonce + place]))[12:])
        for place, role in enumerate(CONTRACTS)
    }


def _calls(
    recipe: Recipe, compiled: Compiled, deployer: str, at: dict[str, str], first_audited: Iterator[int]
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """The set-up, in order: offices and caps, facilities, the guardian, and the hand-over of ADMIN to the timelock."""
    for registrar in recipe.registrars:
        yield "citizens", "addRegistrar", (registrar,)
    for number, region in recipe.regions.items():
        yield "citizens", "setRegionCap", (number, region.cap)
        yield "citizens", "setTurnoverCap", (number, region.turnover_cap)
    for facility in recipe.facilities:
        terms = (list(facility.capacities), facility.public_share_bps)
        yield "oracles", "registerFacility", (facility.operator, facility.reading_key, facility.region, *terms)
    yield "audits", "scheduleRules", (recipe.audits.as_argument(next(first_audited)),)
    for number, facility in recipe.audited_facilities():
        fleets = [fleet.as_argument() for fleet in facility.fleets]
        yield "audits", "scheduleFleets", (number, fleets, facility.records_count, next(first_audited))
    # The one permission that is not the timelock's: to halt dividends, once.
    halt = compiled[CONTRACTS["vault"]].call("halt", ())
    yield "manager", "labelRole", (GUARDIAN_ROLE, "GUARDIAN")
    yield "manager", "setTargetFunctionRole", (at["vault"], [halt], GUARDIAN_ROLE)
    yield "manager", "grantRole", (GUARDIAN_ROLE, recipe.governance.guardian, 0)
    yield "manager", "grantRole", (ADMIN_ROLE, at["timelock"], 0)
    yield "manager", "renounceRole", (ADMIN_ROLE, deployer)


def _shown(given: Sequence[Any], brackets: str = "()") -> str:
    return f"{brackets[0]}{', '.join(_word(each) for each in given)}{brackets[1]}"


def _word(given: Any) -> str:
    if isinstance(given, (list, tuple)):
        return _shown(given, "[]")
    return f"0x{given.hex()}" if isinstance(given, bytes) else str(given)


def _governance_arguments(recipe: Recipe, deployer: str, at: dict[str, str], now: int) -> dict[str, list[Any]]:
    terms = recipe.governance
    return {
        "manager": [deployer, now + terms.set_up_s],
        "timelock": [terms.timelock_delay_s, at["governor"], terms.founder, now + terms.founding_s],
        "votes": [at["citizens"], terms.ripening_s],
        "chamber": [
            at["manager"],
            at["governor"],
            terms.chamber_delay_s,
            terms.objections_needed,
            list(terms.seats.model_dump().values()),
        ],
        "governor": [
            at["votes"],
            at["timelock"],
            at["chamber"],
            terms.grace_s,
            (terms.voting_delay_s, terms.voting_period_s, terms.quorum_floor, terms.quorum_bps),
        ],
    }


def _arguments(recipe: Recipe, at: dict[str, str], genesis: int) -> dict[str, list[Any]]:
    clock, vault, exchange, disputes = recipe.clock, recipe.vault, recipe.exchange, recipe.disputes
    timing = (
        genesis,
        clock.epoch_length_s,
        clock.report_window_s,
        clock.dispute_window_s,
        clock.max_extension_s,
        clock.ring_epochs,
    )
    verifiers = (at["verifier"], at["disputes"])
    bounds = (
        genesis,
        clock.epoch_length_s,
        vault.expiry_age_s,
        vault.max_rate_wei_per_ngaicph,
        vault.release_floor_wei,
        vault.growth_bps,
        vault.min_notice_epochs,
        vault.halt_span_s,
        vault.brake_span_s,
        vault.jump_floor_ngaicph,
        vault.jump_bps,
    )
    return {
        "verifier": [],
        "oracles": [at["manager"], timing, at["bonds"], recipe.oracles, list(recipe.weights_x16), verifiers],
        "policy": [recipe.policy.rate_wei_per_ngaicph, recipe.policy.release_bps],
        "vault": [at["manager"], at["token"], at["citizens"], at["policy"], at["oracles"], bounds],
        "token": [at["vault"], at["citizens"]],
        "citizens": [
            at["manager"],
            at["token"],
            at["vault"],
            recipe.citizens.objection_delay_s,
            recipe.citizens.turnover_period_s,
            recipe.citizens.jump_floor,
            recipe.citizens.jump_bps,
        ],
        "exchange": [
            at["manager"],
            at["token"],
            at["vault"],
            at["oracles"],
            exchange.settlement_window_s,
            exchange.fee_bps,
            exchange.recirculate_bps,
        ],
        "bonds": [at["oracles"], disputes.required_bond_wei, disputes.reward_bps, disputes.lock_time_s],
        "disputes": [
            at["oracles"],
            at["bonds"],
            at["products"],
            disputes.evidence_horizon_s,
            disputes.reveal_window_s,
            disputes.demand_bond_wei,
        ],
        "products": [at["disputes"], at["audits"]],
        "audits": [at["manager"], at["oracles"], at["exchange"]],
    }
