"""Deploys the suite: the one way, for the deploy script, the demo, the tests and CI.

The token, the vault and the citizen registry know each other by immutable addresses. They are predicted from the
deployer's nonce and checked after deployment.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import rlp
from ape import chain, project
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak
from pydantic import AfterValidator, ValidationError
from scripts._sources import compile_sources
from scripts._strict import Address, Strict, Whole, faults

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from ape.contracts import ContractContainer, ContractInstance
    from scripts._recipe import Recipe

DEPLOYMENTS = Path(__file__).parent / "_deployments"

# Order of deployment, hence nonces: what is predicted must not move without this list.
_ORDER = (
    "verifier",
    "manager",
    "timelock",
    "oracles",
    "policy",
    "vault",
    "token",
    "citizens",
    "exchange",
    "bonds",
    "disputes",
    "products",
    "votes",
    "chamber",
    "governor",
    "audits",
)
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
_ADMIN_ROLE = 0
GUARDIAN_ROLE = 1


class DeploymentError(RuntimeError):
    """The chain does not hold what the deployment meant to put there."""


@dataclass(frozen=True)
class Suite:
    """The deployed contracts, by role."""

    verifier: ContractInstance
    manager: ContractInstance
    timelock: ContractInstance
    oracles: ContractInstance
    policy: ContractInstance
    vault: ContractInstance
    token: ContractInstance
    citizens: ContractInstance
    exchange: ContractInstance
    bonds: ContractInstance
    disputes: ContractInstance
    products: ContractInstance
    votes: ContractInstance
    chamber: ContractInstance
    governor: ContractInstance
    audits: ContractInstance

    def addresses(self) -> dict[str, str]:
        """Checksummed address by role."""
        return {f.name: str(getattr(self, f.name).address) for f in fields(self)}


class Deployed(Strict):
    """Which contract is where."""

    contract: str
    address: Address


def _by_role(deployed: dict[str, Deployed]) -> dict[str, Deployed]:
    named = {role: entry.contract for role, entry in deployed.items()}
    odd = sorted({role for role, _ in named.items() ^ CONTRACTS.items()})
    if odd:
        expected = ", ".join(f"{role} to be {CONTRACTS.get(role, 'absent')}" for role in odd)
        raise ValueError(f"expected {expected}")
    return deployed


class Record(Strict):
    """What is known of a deployment afterwards: a file per chain, named after its number."""

    chain_id: Whole
    recipe_sha256: str
    genesis: Whole
    contracts: Annotated[dict[str, Deployed], AfterValidator(_by_role)]


def deploy_suite(recipe: Recipe, deployer: AccountAPI, genesis: int | None = None) -> Suite:
    """Deploys and sets up everything in the recipe, hands the permissions to the timelock, and checks the result.

    `genesis` (seconds since the Unix epoch) overrides the recipe's delay from the chain's present time.
    """
    compile_sources()
    now = chain.blocks.head.timestamp
    if genesis is None:
        genesis = now + recipe.clock.genesis_delay_s
    predicted = _predict(str(deployer.address), deployer.nonce)
    arguments = {
        **_arguments(recipe, predicted, genesis),
        **_governance_arguments(recipe, str(deployer.address), predicted, now),
    }
    compiled = {role: _compiled(CONTRACTS[role]) for role in _ORDER}
    for role in _ORDER:
        _check_arguments(compiled[role], arguments[role])
    deployed = {role: deployer.deploy(compiled[role], *arguments[role]) for role in _ORDER}
    suite = Suite(**deployed)
    if suite.addresses() != predicted:
        raise DeploymentError(f"addresses moved: predicted {predicted}, deployed {suite.addresses()}")
    _set_up(suite, recipe, deployer)
    _appoint_guardian(suite, recipe, deployer)
    _hand_over(suite, deployer)
    check_suite(suite)
    if suite.manager.hasRole(_ADMIN_ROLE, deployer.address)[0]:
        raise DeploymentError(f"the deployer {deployer.address} still administers the access manager")
    return suite


def check_suite(suite: Suite) -> None:
    """Reads from the chain that every contract knows its neighbours, and that only the timelock administers."""
    verifiers = suite.oracles.verifiersAt(0)
    expected = {
        "oracles.bonds": (suite.oracles.bonds(), suite.bonds),
        "oracles.verifiersAt(0).signatures": (verifiers.signatures, suite.verifier),
        "oracles.verifiersAt(0).disputes": (verifiers.disputes, suite.disputes),
        "bonds.registry": (suite.bonds.registry(), suite.oracles),
        "disputes.registry": (suite.disputes.registry(), suite.oracles),
        "disputes.bonds": (suite.disputes.bonds(), suite.bonds),
        "disputes.products": (suite.disputes.products(), suite.products),
        "products.disputes": (suite.products.disputes(), suite.disputes),
        "products.registry": (suite.products.registry(), suite.oracles),
        "products.audits": (suite.products.audits(), suite.audits),
        "audits.registry": (suite.audits.registry(), suite.oracles),
        "audits.exchange": (suite.audits.exchange(), suite.exchange),
        "vault.token": (suite.vault.token(), suite.token),
        "vault.citizens": (suite.vault.citizens(), suite.citizens),
        "token.vault": (suite.token.vault(), suite.vault),
        "token.citizens": (suite.token.citizens(), suite.citizens),
        "citizens.token": (suite.citizens.token(), suite.token),
        "citizens.vault": (suite.citizens.vault(), suite.vault),
        "exchange.token": (suite.exchange.token(), suite.token),
        "exchange.vault": (suite.exchange.vault(), suite.vault),
        "exchange.oracles": (suite.exchange.oracles(), suite.oracles),
        "votes.citizens": (suite.votes.citizens(), suite.citizens),
        "chamber.governor": (suite.chamber.governor(), suite.governor),
        "governor.chamber": (suite.governor.chamber(), suite.chamber),
        "governor.token": (suite.governor.token(), suite.votes),
        "governor.timelock": (suite.governor.timelock(), suite.timelock),
    }
    for name, (actual, contract) in expected.items():
        if actual != contract.address:
            raise DeploymentError(f"{name} is {actual}, expected {contract.address}")
    for role in ("oracles", "vault", "citizens", "exchange", "chamber", "audits"):
        authority = getattr(suite, role).authority()
        if authority != suite.manager.address:
            raise DeploymentError(f"{role}.authority is {authority}, expected {suite.manager.address}")
    if not suite.manager.hasRole(_ADMIN_ROLE, suite.timelock.address)[0]:
        raise DeploymentError("the timelock does not administer the access manager")


def write_record(suite: Suite, recipe: Recipe) -> Path:
    """Writes the addresses for people, scripts and the console; on a local network Ape keeps no record of its own."""
    path = DEPLOYMENTS / f"{chain.chain_id}.json"
    DEPLOYMENTS.mkdir(exist_ok=True)
    record = Record(
        chain_id=chain.chain_id,
        recipe_sha256=recipe.digest(),
        genesis=suite.oracles.genesis(),
        contracts={
            role: Deployed(contract=CONTRACTS[role], address=address) for role, address in suite.addresses().items()
        },
    )
    path.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path


def load_suite(chain_id: int) -> Suite:
    """The suite recorded for a chain. Raises `DeploymentError` without a record that holds for that chain."""
    contracts = {}
    for role, entry in _read_record(chain_id).contracts.items():
        if not chain.provider.get_code(entry.address):
            raise DeploymentError(f"{role}: no code at {entry.address} on chain {chain_id}; the record is stale")
        contracts[role] = _compiled(entry.contract).at(entry.address)
    return Suite(**contracts)


def _read_record(chain_id: int) -> Record:
    path = DEPLOYMENTS / f"{chain_id}.json"
    if not path.is_file():
        raise DeploymentError(f"no deployment recorded for chain {chain_id}: run `ape run deploy` on it first")
    try:
        record = Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DeploymentError(f"{path}: not a deployment record: {faults(error)}") from None
    if record.chain_id != chain_id:
        raise DeploymentError(f"{path}: expected the record of chain {chain_id}, given that of chain {record.chain_id}")
    return record


def _compiled(name: str) -> ContractContainer:
    container = project.get_contract(name)
    if container is None:
        raise DeploymentError(f"expected a contract {name} among the project's artifacts, found none: `ape compile -f`")
    return container


def _predict(deployer: str, nonce: int) -> dict[str, str]:
    sender = to_canonical_address(deployer)
    return {
        role: to_checksum_address(keccak(rlp.encode([sender, nonce + place]))[12:]) for place, role in enumerate(_ORDER)
    }


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


def _check_arguments(contract: ContractContainer, arguments: list[Any]) -> None:
    """Encodes the arguments against the ABI before the first transaction, so that a bad recipe costs nothing."""
    contract.constructor.encode_input(*arguments)


def _set_up(suite: Suite, recipe: Recipe, deployer: AccountAPI) -> None:
    for registrar in recipe.registrars:
        suite.citizens.addRegistrar(registrar, sender=deployer)
    for number, region in recipe.regions.items():
        suite.citizens.setRegionCap(number, region.cap, sender=deployer)
        suite.citizens.setTurnoverCap(number, region.turnover_cap, sender=deployer)
    for facility in recipe.facilities:
        suite.oracles.registerFacility(
            facility.operator,
            facility.reading_key,
            facility.region,
            list(facility.capacities),
            facility.public_share_bps,
            sender=deployer,
        )
    _set_audits(suite, recipe, deployer)


def _set_audits(suite: Suite, recipe: Recipe, deployer: AccountAPI) -> None:
    """What facilities must prove, from the first epoch on; should that run already, from the one after the next."""
    begun = chain.blocks.head.timestamp >= suite.oracles.genesis()
    first = suite.oracles.currentEpoch() + 2 if begun else 0
    suite.audits.scheduleRules(recipe.audits.as_argument(first), sender=deployer)
    for number, facility in enumerate(recipe.facilities):
        if facility.fleets:
            fleets = [fleet.as_argument() for fleet in facility.fleets]
            suite.audits.scheduleFleets(number, fleets, facility.records_count, first, sender=deployer)


def _appoint_guardian(suite: Suite, recipe: Recipe, deployer: AccountAPI) -> None:
    """The one permission that is not the timelock's: to halt dividends, once."""
    halt = suite.vault.halt.encode_input()[:4]
    suite.manager.labelRole(GUARDIAN_ROLE, "GUARDIAN", sender=deployer)
    suite.manager.setTargetFunctionRole(suite.vault.address, [halt], GUARDIAN_ROLE, sender=deployer)
    suite.manager.grantRole(GUARDIAN_ROLE, recipe.governance.guardian, 0, sender=deployer)


def _hand_over(suite: Suite, deployer: AccountAPI) -> None:
    suite.manager.grantRole(_ADMIN_ROLE, suite.timelock.address, 0, sender=deployer)
    suite.manager.renounceRole(_ADMIN_ROLE, deployer.address, sender=deployer)
