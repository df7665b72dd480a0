"""What a deployment leaves behind: who knows whom, who may what, and what a bad recipe meets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
import pytest
from eth_abi.exceptions import EncodingError
from eth_utils.address import to_checksum_address
from scripts import _recipe
from scripts._artifacts import CompilationError
from scripts._bonds import bond_oracles
from scripts._deploy import (
    DeploymentError,
    check_suite,
    deploy_suite,
    load_suite,
    write_record,
)
from scripts._plan import CONTRACTS, GUARDIAN_ROLE
from scripts._recipe import RecipeError, load_recipe
from scripts._sending import SendingError

from sbi_network.protocol.address import ZERO_ADDRESS
from tests.conftest import OVERRIDES
from tests.support.actors import Actors, known_of

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Person

ADMIN = 0
EPOCH = OVERRIDES["clock.epoch_length_s"]
ORACLES = [to_checksum_address(f"0x{number:040x}") for number in range(0xABCDEF, 0xABCDEF + 34)]


def pass_to(chain: Any, time: int) -> None:
    """Lets time pass to `time`, in a block of its own."""
    chain.pending_timestamp = time
    chain.mine()


def verifiers_of(suite: Suite) -> tuple[str, str]:
    """Whom configurations trust beside their oracles."""
    return (suite.verifier.address, suite.disputes.address)


def governed(suite: Suite, somebody: str) -> list[tuple[Any, str, tuple[Any, ...]]]:
    """What only the timelock, or the guardian, may do: contract, function, and arguments to do it with."""
    return [
        (suite.vault, "scheduleTerms", (suite.policy.address, suite.oracles.address, 10)),
        (suite.vault, "rearm", ()),
        (suite.vault, "resume", ()),
        (suite.vault, "halt", ()),
        (suite.chamber, "appoint", (0, somebody)),
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
    assert suite.vault.haltSpan() == vault.halt_span_s
    assert suite.vault.brakeSpan() == vault.brake_span_s
    assert suite.vault.jumpFloor() == vault.jump_floor_ngaicph
    assert suite.vault.jumpBps() == vault.jump_bps
    assert suite.citizens.jumpFloor() == recipe.citizens.jump_floor
    assert suite.citizens.jumpBps() == recipe.citizens.jump_bps
    assert suite.exchange.settlementWindow() == recipe.exchange.settlement_window_s
    assert tuple(suite.exchange.shares()) == (recipe.exchange.fee_bps, recipe.exchange.recirculate_bps)
    assert suite.bonds.requiredBond() == recipe.disputes.required_bond_wei
    assert suite.bonds.rewardBps() == recipe.disputes.reward_bps
    assert suite.bonds.lockTime() == recipe.disputes.lock_time_s
    assert suite.disputes.evidenceHorizon() == recipe.disputes.evidence_horizon_s
    assert suite.disputes.revealWindow() == recipe.disputes.reveal_window_s
    assert suite.disputes.demandBond() == recipe.disputes.demand_bond_wei
    terms = recipe.governance
    assert suite.timelock.getMinDelay() == terms.timelock_delay_s
    assert suite.timelock.founder() == terms.founder
    assert suite.timelock.foundingEnds() - suite.manager.setUpEnds() == terms.founding_s - terms.set_up_s
    assert suite.votes.ripening() == terms.ripening_s
    assert suite.governor.grace() == terms.grace_s
    spans = (terms.voting_delay_s, terms.voting_period_s)
    assert tuple(suite.governor.voteTerms()) == (*spans, terms.quorum_floor, terms.quorum_bps)
    assert suite.chamber.delay() == terms.chamber_delay_s
    assert suite.chamber.objectionsNeeded() == terms.objections_needed
    seats = [suite.chamber.holderOf(seat) for seat in range(4)]
    assert seats == [terms.seats.operators, terms.seats.oracles, terms.seats.registrars, terms.seats.civil_society]
    assert tuple(suite.manager.hasRole(GUARDIAN_ROLE, terms.guardian)) == (True, 0)
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
        ("vault", suite.vault.scheduleTerms.encode_input(suite.policy.address, suite.oracles.address, 10)),
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
        known = known_of(suite.oracles.configAt(epoch))
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


def test_deploy_suite__contract_not_compiled__named_and_nothing_is_sent(
    recipe: Recipe, deployer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONTRACTS, "exchange", "NoSuchExchange")
    before = deployer.account.nonce
    with pytest.raises(CompilationError, match="NoSuchExchange"):
        deploy_suite(recipe, deployer.account)
    assert deployer.account.nonce == before


def test_recipe_limits__read_from_the_chain__are_the_contracts_own(suite: Suite) -> None:
    assert suite.policy.MIN_RATE() == _recipe.MIN_RATE
    assert suite.policy.MAX_RATE() == _recipe.MAX_RATE
    assert suite.policy.MIN_RELEASE_BPS() == _recipe.MIN_RELEASE_BPS
    assert suite.policy.MAX_RELEASE_BPS() == _recipe.MAX_RELEASE_BPS
    assert suite.exchange.MAX_FEE_BPS() == _recipe.MAX_FEE_BPS
    assert suite.governor.MIN_QUORUM_BPS() == _recipe.MIN_QUORUM_BPS
    assert suite.governor.MAX_QUORUM_BPS() == _recipe.MAX_QUORUM_BPS


@pytest.mark.parametrize(
    ("changes", "contract", "error"),
    [
        ({"vault.expiry_age_s": 16 * EPOCH}, "DistributionVault", "ExpiryBeyondRetention"),
        ({"vault.max_rate_wei_per_ngaicph": 1}, "DistributionVault", "RateAboveCeiling"),
        ({"vault.growth_bps": 9_999}, "DistributionVault", "GrowthBelowOne"),
        ({"vault.release_floor_wei": 2**40 * 10**6 - 1}, "DistributionVault", "ReleaseFloorTooLow"),
        ({"vault.min_notice_epochs": 0}, "DistributionVault", "NoticeTooShort"),
        ({"vault.min_notice_epochs": 2**32}, "DistributionVault", "AboveField"),
        ({"vault.expiry_age_s": 5_300}, "DistributionVault", "ExpiryBeforeFinality"),
        ({"vault.jump_bps": 9_999}, "DistributionVault", "GrowthBelowOne"),
        ({"governance.timelock_delay_s": 0}, "SuiteTimelock", "OutOfRange"),
        ({"governance.founder": ZERO_ADDRESS}, "SuiteTimelock", "ZeroAddress"),
        ({"governance.voting_period_s": 0}, "SuiteGovernor", "OutOfRange"),
        ({"governance.quorum_bps": 5_001}, "SuiteGovernor", "OutOfRange"),
        ({"governance.objections_needed": 1}, "SecondChamber", "ObjectionsOutOfRange"),
        ({"clock.ring_epochs": 2}, "ComputeOracleRegistry", "RetentionTooShort"),
        ({"oracles": ORACLES[:5]}, "ComputeOracleRegistry", "InvalidOracleCount"),
        ({"oracles": ORACLES[:34]}, "ComputeOracleRegistry", "InvalidOracleCount"),
        ({"oracles": [*ORACLES[:3], ORACLES[0]]}, "ComputeOracleRegistry", "DuplicateOracle"),
        ({"oracles": [*ORACLES[:3], ZERO_ADDRESS]}, "ComputeOracleRegistry", "ZeroOracle"),
        ({"weights_x16": (1025, 16, 64)}, "ComputeOracleRegistry", "WeightTooHigh"),
        ({"policy.rate_wei_per_ngaicph": 0}, "IssuancePolicy", "RateOutOfRange"),
        ({"policy.release_bps": 99}, "IssuancePolicy", "ReleaseOutOfRange"),
        ({"exchange.fee_bps": 3_001}, "ComputeExchange", "SharesTooLarge"),
        ({"exchange.fee_bps": 1, "exchange.recirculate_bps": 10_000}, "ComputeExchange", "SharesTooLarge"),
        ({"disputes.lock_time_s": 5_999}, "ComputeDisputes", "LockTooShort"),
        ({"disputes.evidence_horizon_s": 2_299}, "ComputeDisputes", "InvalidHorizon"),
        ({"disputes.reveal_window_s": 201}, "ComputeDisputes", "InvalidRevealWindow"),
    ],
)
def test_deploy_suite__values_that_contradict__refused_by_recipe_and_constructor(
    changes: dict[str, Any], contract: str, error: str, recipe: Recipe, deployer: Person, chain: Any, project: Any
) -> None:
    """The recipe's checks spare a deployment that fails half-way; what they spare, the constructors refuse."""
    with pytest.raises(RecipeError):
        load_recipe("local", {**OVERRIDES, **changes})
    with chain.isolate(), pytest.raises(SendingError, match=rf"deploy {contract}: would be refused: {error}\("):
        deploy_suite(unchecked(recipe, changes), deployer.account)


def unchecked(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The recipe with values, by dotted key, that its own checks would refuse."""
    for key, value in changes.items():
        *sections, last = key.split(".")
        update = {last: value}
        for section in sections:
            update = {section: getattr(recipe, section).model_copy(update=update)}
        recipe = recipe.model_copy(update=update)
    return recipe


def test_load_suite__a_record_written__same_suite(suite: Suite, recipe: Recipe, chain: Any, records: Path) -> None:
    assert write_record(suite, recipe).parent == records
    assert load_suite(chain.chain_id).addresses() == suite.addresses()


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{", "the whole: Invalid JSON"),
        ("[]", "the whole: Input should be an object"),
        ('{"token": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"}', r"contracts: Field required.*token: Extra inputs"),
    ],
)
def test_load_suite__not_a_record__says_which_file_and_what(
    written: str, message: str, chain: Any, records: Path
) -> None:
    (records / f"{chain.chain_id}.json").write_text(written, encoding="utf-8")
    with pytest.raises(DeploymentError, match=rf"{chain.chain_id}\.json: not a deployment record: .*{message}"):
        load_suite(chain.chain_id)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"address": "0x', '"address": "0y', r"contracts\.manager\.address: expected a checksummed address, got '0y"),
        ('"SBIToken"', '"OtherToken"', "contracts: expected token to be SBIToken"),
        ('"token": {', '"coin": {', "contracts: expected coin to be absent, token to be SBIToken"),
        ('"chain_id": ', '"chain_id": 7', "expected the record of chain"),
        ('"chain_id": ', '"chain_number": ', "chain_id: Field required"),
    ],
)
def test_load_suite__record_damaged__says_which_file_and_what(
    before: str, after: str, message: str, suite: Suite, recipe: Recipe, chain: Any, records: Path
) -> None:
    path = write_record(suite, recipe)
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    with pytest.raises(DeploymentError, match=rf"{path.name}: .*{message}"):
        load_suite(chain.chain_id)


def test_load_suite__chain_begun_anew__record_is_stale(suite: Suite, recipe: Recipe, chain: Any, records: Path) -> None:
    path = write_record(suite, recipe)
    written = path.read_text(encoding="utf-8")
    path.write_text(written.replace(suite.vault.address, ORACLES[0]), encoding="utf-8")
    with pytest.raises(DeploymentError, match=f"vault: no code at {ORACLES[0]}"):
        load_suite(chain.chain_id)


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for deployment records, instead of the project's own."""
    monkeypatch.setattr("scripts._deploy.DEPLOYMENTS", tmp_path)
    return tmp_path
