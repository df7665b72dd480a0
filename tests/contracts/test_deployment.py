"""What a deployment leaves behind: who knows whom, who may what, and what a bad recipe meets."""

from __future__ import annotations

from ast import literal_eval
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
import pytest
from eth_abi.exceptions import EncodingError
from eth_utils import keccak
from scripts._bonds import bond_oracles
from scripts._deploy import DeploymentError, check_suite, deploy_suite
from scripts._recipe import RECIPES, RecipeError, load_recipe

from tests.conftest import OVERRIDES
from tests.support.actors import Actors

if TYPE_CHECKING:
    from ape.contracts import ContractContainer
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Person

ADMIN = 0
EPOCH = OVERRIDES["clock.epoch_length_s"]


def pass_to(chain: Any, time: int) -> None:
    """Lets time pass to `time`, in a block of its own."""
    chain.pending_timestamp = time
    chain.mine()


def verifiers_of(suite: Suite) -> tuple[str, str]:
    """Whom configurations trust beside their oracles."""
    return (suite.verifier.address, suite.disputes.address)


def governed(suite: Suite, somebody: str) -> list[tuple[Any, str, tuple[Any, ...]]]:
    """Everything that only the timelock may do: contract, function, and arguments that it could do it with."""
    return [
        (suite.vault, "scheduleTerms", (suite.policy.address, suite.oracles.address, 1_000)),
        (suite.citizens, "addRegistrar", (somebody,)),
        (suite.citizens, "removeRegistrar", (somebody,)),
        (suite.citizens, "setRegionCap", (1, 5)),
        (suite.exchange, "setShares", (0, 0)),
        (suite.oracles, "scheduleConfig", ([somebody] * 4, [16, 16, 16], verifiers_of(suite), 1_000)),
        (suite.oracles, "scheduleStandby", ([somebody] * 4,)),
        (suite.oracles, "registerFacility", (somebody, somebody, 1, [1, 1, 1], 10_000)),
        (suite.oracles, "scheduleFacilityTerms", (0, [1, 1, 1], 10_000, True, 1_000)),
    ]


def test_deploy_suite__local_recipe__contracts_know_each_other(suite: Suite) -> None:
    check_suite(suite)
    assert suite.token.vault() == suite.citizens.vault() == suite.exchange.vault() == suite.vault.address
    assert suite.vault.token() == suite.citizens.token() == suite.exchange.token() == suite.token.address
    assert suite.vault.citizens() == suite.token.citizens() == suite.citizens.address
    assert suite.vault.sourceAt(0) == suite.exchange.oracles() == suite.oracles.address
    assert suite.vault.policyAt(0) == suite.policy.address
    assert suite.oracles.bonds() == suite.disputes.bonds() == suite.bonds.address
    assert suite.bonds.registry() == suite.disputes.registry() == suite.oracles.address
    assert tuple(suite.oracles.verifiersAt(0)) == verifiers_of(suite)


def test_deploy_suite__local_recipe__every_value_is_on_chain(suite: Suite, recipe: Recipe) -> None:
    clock, vault = recipe.clock, recipe.vault
    assert suite.vault.genesis() == suite.oracles.genesis()
    assert suite.vault.epochLength() == suite.oracles.epochLength() == clock.epoch_length_s
    assert suite.oracles.reportWindow() == clock.report_window_s
    assert suite.oracles.disputeWindow() == clock.dispute_window_s
    assert suite.oracles.maxExtension() == clock.max_extension_s
    assert suite.oracles.ringSize() == clock.ring_epochs
    assert list(suite.oracles.configAt(0).oracles) == recipe.oracles
    assert list(suite.oracles.weightsAt(0)) == list(recipe.weights_x16)
    assert suite.policy.rate() == recipe.policy.rate_wei_per_ngaicph
    assert suite.policy.releaseBps() == recipe.policy.release_bps
    assert suite.vault.expiryAge() == vault.expiry_age_s
    assert suite.vault.maxRate() == vault.max_rate_wei_per_ngaicph
    assert suite.vault.releaseFloor() == vault.release_floor_wei
    assert suite.vault.growthBps() == vault.growth_bps
    assert suite.vault.minNotice() == vault.min_notice_epochs
    assert suite.exchange.settlementWindow() == recipe.exchange.settlement_window_s
    assert tuple(suite.exchange.shares()) == (recipe.exchange.fee_bps, recipe.exchange.recirculate_bps)
    assert suite.bonds.requiredBond() == recipe.disputes.required_bond_wei
    assert suite.bonds.rewardBps() == recipe.disputes.reward_bps
    assert suite.bonds.lockTime() == recipe.disputes.lock_time_s
    assert suite.disputes.evidenceHorizon() == recipe.disputes.evidence_horizon_s
    assert suite.disputes.revealWindow() == recipe.disputes.reveal_window_s
    assert suite.disputes.demandBond() == recipe.disputes.demand_bond_wei
    assert suite.timelock.getMinDelay() == recipe.governance.timelock_delay_s
    assert all(suite.citizens.registrarOf(registrar)[1] for registrar in recipe.registrars)
    assert {n: suite.citizens.regionOf(n).cap for n in recipe.regions} == {n: r.cap for n, r in recipe.regions.items()}
    for number, facility in enumerate(recipe.facilities):
        assert tuple(suite.oracles.facilityOf(number)) == (facility.operator, facility.reading_key, facility.region)
    assert suite.oracles.facilityCount() == len(recipe.facilities)


def test_deploy_suite__done__timelock_alone_administers(suite: Suite, deployer: Person) -> None:
    admins: set[str] = set()
    for log in suite.manager.RoleGranted.range(0, ape.chain.blocks.height + 1):
        if log.roleId == ADMIN:
            admins.add(log.account)
    for log in suite.manager.RoleRevoked.range(0, ape.chain.blocks.height + 1):
        if log.roleId == ADMIN:
            admins.discard(log.account)
    assert admins == {suite.timelock.address}
    assert not suite.manager.hasRole(ADMIN, deployer.address)[0]
    assert not suite.timelock.hasRole(bytes(32), deployer.address)


def test_deploy_suite__done__deployer_and_stranger_change_nothing(suite: Suite, people: People) -> None:
    for who in (people.deployer, people.registrar, people.operators[0], people.stranger):
        for contract, function, arguments in governed(suite, people.stranger.address):
            with ape.reverts(contract.AccessManagedUnauthorized, caller=who.address):
                getattr(contract, function)(*arguments, sender=who.account)


def test_deploy_suite__done__timelock_changes_everything(suite: Suite, actors: Actors[Any], people: People) -> None:
    newcomers = [citizen.address for citizen in people.citizens[:4]]
    changes = [
        ("citizens", suite.citizens.addRegistrar.encode_input(people.stranger.address)),
        ("citizens", suite.citizens.removeRegistrar.encode_input(people.registrar.address)),
        ("citizens", suite.citizens.setRegionCap.encode_input(1, 5)),
        ("exchange", suite.exchange.setShares.encode_input(1, 2)),
        ("oracles", suite.oracles.scheduleConfig.encode_input(newcomers, [16, 16, 16], verifiers_of(suite), 1_000)),
        ("oracles", suite.oracles.scheduleStandby.encode_input(newcomers)),
        ("oracles", suite.oracles.registerFacility.encode_input(newcomers[0], newcomers[1], 1, [1, 1, 1], 10_000)),
        ("oracles", suite.oracles.scheduleFacilityTerms.encode_input(0, [1, 1, 1], 10_000, True, 1_000)),
        ("vault", suite.vault.scheduleTerms.encode_input(suite.policy.address, suite.oracles.address, 1_000)),
    ]
    for role, data in changes:
        actors.schedule(people.deployer, role, data, suite.timelock.getMinDelay())
    pass_to(ape.chain, ape.chain.blocks.head.timestamp + suite.timelock.getMinDelay())
    for role, data in changes:
        actors.execute(people.deployer, role, data)
    assert suite.citizens.registrarOf(people.stranger.address) == (2, True)
    assert suite.citizens.registrarOf(people.registrar.address) == (1, False)
    assert suite.citizens.regionOf(1).cap == 5
    assert tuple(suite.exchange.shares()) == (1, 2)
    assert list(suite.oracles.configAt(1_000).oracles) == newcomers
    assert list(suite.oracles.standby()) == newcomers
    assert suite.oracles.facilityCount() == 3


def test_timelock__stranger_proposes__refused(suite: Suite, actors: Actors[Any], stranger: Person) -> None:
    data = suite.exchange.setShares.encode_input(1, 2)
    with ape.reverts(
        suite.timelock.AccessControlUnauthorizedAccount,
        account=stranger.address,
        neededRole=suite.timelock.PROPOSER_ROLE(),
    ):
        actors.schedule(stranger, "exchange", data, suite.timelock.getMinDelay())


def test_timelock__before_its_delay__refused(suite: Suite, actors: Actors[Any], deployer: Person) -> None:
    data = suite.exchange.setShares.encode_input(1, 2)
    actors.schedule(deployer, "exchange", data, suite.timelock.getMinDelay() + 100)
    with ape.reverts(suite.timelock.TimelockUnexpectedOperationState):
        actors.execute(deployer, "exchange", data)
    assert tuple(suite.exchange.shares()) != (1, 2)


def test_timelock__oracle_set_changes__from_its_epoch_on(
    suite: Suite, actors: Actors[Any], people: People, recipe: Recipe
) -> None:
    """End to end: the set of an epoch signs for it, before and after the change, and no other."""
    newcomers = people.citizens[:4]
    addresses = [person.address for person in newcomers]
    data = suite.oracles.scheduleConfig.encode_input(addresses, [16, 16, 16], verifiers_of(suite), 1)
    bond_oracles(suite, people.deployer.account, (person.key for person in newcomers))
    actors.schedule(people.deployer, "oracles", data, recipe.governance.timelock_delay_s)
    pass_to(ape.chain, ape.chain.blocks.head.timestamp + recipe.governance.timelock_delay_s)
    actors.execute(people.deployer, "oracles", data)
    pass_to(ape.chain, suite.oracles.genesis() + 2 * EPOCH)

    after = Actors(actors.send, suite.addresses(), ape.chain.chain_id, newcomers, people.reading_keys)
    shares = [10_000, 10_000]
    for epoch, sound, wrong in ((0, actors, after), (1, after, actors)):
        config = suite.oracles.configAt(epoch)
        known = (bytes(config.digest), int(config.weightsVersion), tuple(map(int, config.weightsX16)))
        told = sound.agree(epoch, [(5, 0, 0), (7, 9, 0)], known, shares)
        signers, foreign = sound.co_sign(told, [0, 1, 3]), wrong.co_sign(told, [0, 1, 3])
        with ape.reverts(
            suite.oracles.InvalidSignature, expected=sound.oracles[0].address, recovered=wrong.oracles[0].address
        ):
            sound.report(people.stranger, told, foreign)
        sound.report(people.stranger, told, signers)
        assert suite.oracles.recordOf(epoch).configVersion == epoch + 1
        assert suite.oracles.recordOf(epoch).signers == 0b1011


def test_check_suite__foreign_token__deployment_error(suite: Suite, deployer: Person, project: Any) -> None:
    foreign = deployer.account.deploy(project.SBIToken, suite.vault, suite.citizens)
    with pytest.raises(DeploymentError, match=rf"vault\.token is {suite.token.address}, expected {foreign.address}"):
        check_suite(replace(suite, token=foreign))


def test_deploy_suite__bad_argument__nothing_is_sent(recipe: Recipe, deployer: Person) -> None:
    """What does not fit the ABI is seen before the first transaction."""
    beyond = recipe.model_copy(update={"weights_x16": (2**256, 16, 64)})
    before = deployer.account.nonce
    with pytest.raises(EncodingError, match="cannot be encoded"):
        deploy_suite(beyond, deployer.account)
    assert deployer.account.nonce == before


@pytest.mark.parametrize(
    ("key", "value", "contract", "error"),
    [
        ("vault.expiry_age_s", 16 * EPOCH, "DistributionVault", "ExpiryBeyondRetention"),
        ("clock.ring_epochs", 2, "ComputeOracleRegistry", "RetentionTooShort"),
        ("disputes.lock_time_s", 5_999, "ComputeDisputes", "LockTooShort"),
        ("disputes.evidence_horizon_s", 2_299, "ComputeDisputes", "InvalidHorizon"),
        ("disputes.reveal_window_s", 201, "ComputeDisputes", "InvalidRevealWindow"),
        ("policy.rate_wei_per_ngaicph", 0, "IssuancePolicy", "RateOutOfRange"),
        ("policy.release_bps", 99, "IssuancePolicy", "ReleaseOutOfRange"),
        ("exchange.fee_bps", 3_001, "ComputeExchange", "SharesTooLarge"),
    ],
)
def test_deploy_suite__values_that_contradict__constructor_refuses(
    key: str, value: int, contract: str, error: str, deployer: Person, chain: Any, project: Any
) -> None:
    container: ContractContainer = project.get_contract(contract)
    recipe = load_recipe("local", {**OVERRIDES, key: value})
    expected = next(e for e in container.contract_type.errors if e.name == error)
    with chain.isolate(), pytest.raises(ape.exceptions.ContractLogicError) as caught:
        deploy_suite(recipe, deployer.account)
    assert named(caught.value, expected), f"expected {error}, got {caught.value!r}"


def named(error: Exception, expected: Any) -> bool:
    """Whether an error is the named one: Ape leaves some of a constructor's undecoded, as hex or as a repr of bytes."""
    if type(error).__name__ == expected.name:
        return True
    text = str(error)
    data = bytes.fromhex(text[2:]) if text.startswith("0x") else literal_eval(text)
    return bool(data[:4] == keccak(text=expected.selector)[:4])


def test_load_recipe__no_such_recipe__says_which_there_are() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'mars'.*local"):
        load_recipe("mars")


def test_load_recipe__unknown_key__named(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text((RECIPES / "local.yaml").read_text(encoding="utf-8") + "\nextra: 1\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"odd\.yaml: extra: Extra inputs are not permitted \(given 1\)"):
        load_recipe(str(path))


def test_load_recipe__unknown_override__named() -> None:
    with pytest.raises(RecipeError, match=r"override clock\.epoch_len: the recipe has no such key"):
        load_recipe("local", {"clock.epoch_len": 1})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("registrars", ["0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc"], "expected a checksummed address"),
        ("registrars", ["0x9965"], "expected a checksummed address"),
        ("clock.epoch_length_s", 0, r"clock\.epoch_length_s: .*greater than 0 \(given 0\)"),
        ("clock.ring_epochs", 1, r"clock\.ring_epochs: .*greater than 1 \(given 1\)"),
        ("exchange.fee_bps", 10_001, r"exchange\.fee_bps: .*less than or equal to 10000 \(given 10001\)"),
        ("vault.growth_bps", 9_999, r"vault\.growth_bps: .*greater than or equal to 10000 \(given 9999\)"),
        ("vault.min_notice_epochs", "soon", r"vault\.min_notice_epochs: .*integer"),
        ("governance.proposers", [], r"governance\.proposers: .*at least 1 item"),
        ("weights_x16", [1, 2], r"weights_x16\.2: Field required"),
        ("oracles", [], r"oracles: .*at least 4 items"),
    ],
)
def test_load_recipe__impossible_value__says_where_and_what(key: str, value: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe("local", {key: value})
