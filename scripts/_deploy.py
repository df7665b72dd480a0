"""Deploys the suite: the one way, for the deploy script, the demo, the tests and CI.

The token, the vault and the citizen registry know each other by immutable addresses. They are predicted from the
deployer's nonce and checked after deployment.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ape import chain, project
from ape_test.provider import LocalProvider
from pydantic import AfterValidator, ValidationError
from scripts._artifacts import Compiled, compile_suite
from scripts._explain import learn_errors
from scripts._plan import ADMIN_ROLE, CONTRACTS, USUAL_STEP_S, Plan, plan_suite
from scripts._progress import replace
from scripts._sending import Manner, Mined, Sender
from scripts._sources import compile_sources
from scripts._strict import Address, Strict, Whole, faults

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from ape.contracts import ContractContainer, ContractInstance
    from scripts._recipe import Recipe

DEPLOYMENTS = Path(__file__).parent / "_deployments"

GWEI = 10**9
_LOCAL_POLL_S = 0.05


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
    since: int = 0
    """The block of its first contract, before which there is nothing of it; zero if that is not known."""

    def addresses(self) -> dict[str, str]:
        """Checksummed address by role."""
        return {role: str(getattr(self, role).address) for role in CONTRACTS}

    def logs(self, event: Any) -> list[Any]:
        """All of an event there are on chain; a public network has millions of blocks that are older than the suite."""
        return list(event.range(self.since, chain.blocks.height + 1))


class Deployed(Strict):
    """Which contract is where, and since when."""

    contract: str
    address: Address
    block: Whole | None = None
    transaction: str | None = None
    constructor_arguments: str | None = None


class Compiler(Strict):
    """What the code on chain was made with: with the sources, all that it takes to make it again."""

    version: str
    settings: dict[str, Any]
    sources_sha256: str


class SetUp(Strict):
    """One transaction that followed the contracts' own."""

    call: str
    block: Whole
    transaction: str


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
    deployer: Address | None = None
    started: Whole | None = None
    compiler: Compiler | None = None
    set_up: list[SetUp] | None = None


@dataclass(frozen=True)
class Deployment:
    """A suite as it was deployed: the plan, and where each of its steps ended up."""

    suite: Suite
    plan: Plan
    mined: tuple[Mined, ...]


def deploy_suite(recipe: Recipe, deployer: AccountAPI, genesis: int | None = None) -> Suite:
    """Deploys and sets up everything in the recipe, hands the permissions to the timelock, and checks the result.

    `genesis` (seconds since the Unix epoch) overrides the recipe's delay from the chain's present time. For what ends
    with its process: `scripts/_undertaking.py` has what can be interrupted.
    """
    compiled = compile_suite()
    now = chain.blocks.head.timestamp
    step_s = 1.0 if isinstance(chain.provider, LocalProvider) else USUAL_STEP_S  # its clock counts blocks
    plan = plan_suite(recipe, compiled, str(deployer.address), deployer.nonce, now, genesis, step_s)
    mined = Sender(deployer, plan, Manner(recipe.network.max_fee_gwei * GWEI, poll_s=_LOCAL_POLL_S)).run()
    return finished(plan, compiled, mined).suite


def finished(plan: Plan, compiled: Compiled, mined: list[Mined]) -> Deployment:
    """The deployment, once everything on chain is what it should be. Raises DeploymentError."""
    suite = suite_at(plan.addresses, mined[0].block)
    verify_code(suite.addresses(), compiled)
    check_suite(suite)
    if suite.manager.hasRole(ADMIN_ROLE, plan.deployer)[0]:
        raise DeploymentError(f"the deployer {plan.deployer} still administers the access manager")
    return Deployment(suite, plan, tuple(mined))


def suite_at(addresses: dict[str, str], since: int = 0) -> Suite:
    """The suite's contracts, as Ape has them, at given addresses."""
    compile_sources()
    contracts = {role: _at(CONTRACTS[role], address) for role, address in addresses.items()}
    for contract in contracts.values():
        learn_errors(contract.contract_type.devdoc or {})
    return Suite(**contracts, since=since)


def verify_code(addresses: dict[str, str], compiled: Compiled) -> None:
    """Compares the code on chain with what the sources give, but for what constructors fill in.

    Raises DeploymentError naming the first contract that is another.
    """
    for role, address in addresses.items():
        code = bytes(chain.provider.get_code(address))
        if not code:
            raise DeploymentError(f"{role}: no code at {address}")
        if not compiled[CONTRACTS[role]].matches(code):
            raise DeploymentError(
                f"{role}: the code at {address} is not what the sources give for {CONTRACTS[role]} "
                f"({len(code):,} bytes, expected {len(compiled[CONTRACTS[role]].code):,})"
            )


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
    if not suite.manager.hasRole(ADMIN_ROLE, suite.timelock.address)[0]:
        raise DeploymentError("the timelock does not administer the access manager")


def write_record(suite: Suite, recipe: Recipe, deployment: Deployment | None = None) -> Path:
    """Writes what is known of a deployment, for people, scripts and the console; Ape keeps no record of its own."""
    mined = {each.step.nonce: each for each in deployment.mined} if deployment else {}
    contracts = {}
    for place, (role, address) in enumerate(suite.addresses().items()):
        each = mined[deployment.plan.first_nonce + place] if deployment else None
        contracts[role] = Deployed(
            contract=CONTRACTS[role],
            address=address,
            block=each.block if each else None,
            transaction=each.transaction if each else None,
            constructor_arguments=deployment.plan.arguments[role].hex() if deployment else None,
        )
    after = deployment.mined[len(contracts) :] if deployment else ()
    set_up = [SetUp(call=each.step.label, block=each.block, transaction=each.transaction) for each in after]
    compiled = compile_suite()
    record = Record(
        chain_id=chain.chain_id,
        recipe_sha256=recipe.digest(),
        genesis=suite.oracles.genesis(),
        contracts=contracts,
        deployer=deployment.plan.deployer if deployment else None,
        started=deployment.plan.started if deployment else None,
        compiler=Compiler(version=compiled.compiler, settings=compiled.settings, sources_sha256=compiled.digest),
        set_up=set_up or None,
    )
    path = record_path(chain.chain_id)
    path.parent.mkdir(exist_ok=True)
    replace(path, record.model_dump_json(indent=2, exclude_none=True) + "\n")
    return path


def record_path(chain_id: int) -> Path:
    """Where a chain's deployment record lies."""
    return DEPLOYMENTS / f"{chain_id}.json"


def load_suite(chain_id: int) -> Suite:
    """The suite recorded for a chain. Raises `DeploymentError` without a record that holds for that chain."""
    contracts = read_record(chain_id).contracts
    addresses = {role: entry.address for role, entry in contracts.items()}
    for role, address in addresses.items():
        if not chain.provider.get_code(address):
            raise DeploymentError(f"{role}: no code at {address} on chain {chain_id}; the record is stale")
    return suite_at(addresses, min(entry.block or 0 for entry in contracts.values()))


def read_record(chain_id: int) -> Record:
    path = record_path(chain_id)
    if not path.is_file():
        raise DeploymentError(f"no deployment recorded for chain {chain_id}: run `ape run deploy` on it first")
    try:
        record = Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DeploymentError(f"{path}: not a deployment record: {faults(error)}") from None
    if record.chain_id != chain_id:
        raise DeploymentError(f"{path}: expected the record of chain {chain_id}, given that of chain {record.chain_id}")
    return record


def _at(name: str, address: str) -> ContractInstance:
    """What Ape or an explorer may have kept for the address on disk counts for nothing."""
    return chain.contracts.instance_at(
        address,
        contract_type=_compiled(name).contract_type,
        fetch_from_explorer=False,
        fetch_from_disk=False,
        detect_proxy=False,
    )


def _compiled(name: str) -> ContractContainer:
    container = project.get_contract(name)
    if container is None:
        raise DeploymentError(f"expected a contract {name} among the project's artifacts, found none: `ape compile -f`")
    return container
