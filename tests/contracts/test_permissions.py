"""Who may call what: read from a deployed suite, function by function, and held against `docs/governance.md`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
import pytest
from scripts._handover import (
    HandoverError,
    hand_over,
    pending_operations,
    remaining_powers,
    require_handed_over,
    votes_short,
)
from scripts._permissions import ANYONE, Holding, holdings, permissions, table

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Actors

GOVERNANCE = Path(__file__).parents[2] / "docs" / "governance.md"
BEGIN, END = "<!-- permissions: read from a deployed suite -->\n\n", "\n\n<!-- end of permissions -->"


@pytest.fixture(autouse=True, scope="module")
def anvil() -> None:
    """Calls from an account without coins, and in the timelock's name, are what Ape's own test chain refuses."""
    if ape.chain.provider.name == "test":
        pytest.skip("needs Anvil: --network ethereum:local:foundry, as `make test-contracts` runs it")


@pytest.fixture(autouse=True)
def begun(suite: Suite) -> None:
    """Before genesis some functions refuse everybody for that alone."""
    if ape.chain.blocks.head.timestamp < suite.vault.genesis():
        ape.chain.pending_timestamp = suite.vault.genesis()
        ape.chain.mine()


def test_governance_page__permission_table__is_the_chains_own(suite: Suite) -> None:
    """A function that is new, or whose caller is another, fails here until the page says so."""
    text = GOVERNANCE.read_text(encoding="utf-8")
    shown = text.split(BEGIN, 1)[1].split(END, 1)[0]
    assert shown == table(suite)


def test_permissions__every_function_that_changes_anything__is_listed(suite: Suite) -> None:
    listed = {(each.contract, each.function) for each in permissions(suite)}
    for role in suite.addresses():
        contract = getattr(suite, role).contract_type
        assert {(contract.name, method.name) for method in contract.mutable_methods} <= listed
    by_name = {(each.contract, each.function): each.holder for each in permissions(suite)}
    assert by_name["DistributionVault", "halt"] == "GUARDIAN"
    assert by_name["DistributionVault", "rearm"] == "ADMIN"
    assert by_name["DistributionVault", "distribute"] == ANYONE
    assert by_name["DistributionVault", "admit"] == "the contract citizens"
    assert by_name["SuiteTimelock", "schedule"] == "PROPOSER"
    assert by_name["SuiteGovernor", "setVoteTerms"] == "the timelock, for a proposal"


def test_permissions__a_function_given_to_another_role__shows(suite: Suite) -> None:
    """The probe sees what the chain has, not what the sources say."""
    manager = suite.manager
    with ape.accounts.use_sender(suite.timelock.address) as timelock:
        ape.chain.provider.set_balance(suite.timelock.address, 10**18)
        selector = suite.exchange.setShares.encode_input(0, 0)[:4]
        manager.setTargetFunctionRole(suite.exchange.address, [selector], 1, sender=timelock)
    by_name = {(each.contract, each.function): each.holder for each in permissions(suite)}
    assert by_name["ComputeExchange", "setShares"] == "GUARDIAN"


def test_permissions__token__is_under_nobody(suite: Suite) -> None:
    holders = {each.holder for each in permissions(suite) if each.contract == "SBIToken"}
    assert holders == {ANYONE, "the contract citizens"}


def test_holdings__before_handover__are_timelock_governor_founder_and_guardian(suite: Suite, recipe: Recipe) -> None:
    assert holdings(suite) == [
        Holding("SuiteAccessManager", "ADMIN", "the timelock"),
        Holding("SuiteAccessManager", "GUARDIAN", recipe.governance.guardian),
        *(
            Holding("SuiteTimelock", role, holder)
            for role, holders in (
                ("CANCELLER", ("the founder", "the governor")),
                ("DEFAULT_ADMIN", ("the timelock",)),
                ("EXECUTOR", ("the founder", "the governor")),
                ("PROPOSER", ("the founder", "the governor")),
            )
            for holder in holders
        ),
    ]


def test_handover__by_the_founder__leaves_nothing(suite: Suite, people: People, actors: Actors[Any]) -> None:
    founder = people.deployer
    data = suite.exchange.setShares.encode_input(1, 2)
    actors.schedule(founder, "exchange", data, suite.timelock.getMinDelay())
    assert len(pending_operations(suite)) == 1
    assert len(remaining_powers(suite)) == 3
    with pytest.raises(HandoverError, match="PROPOSER of the timelock"):
        require_handed_over(suite)

    done = hand_over(suite, founder.account)
    assert len(done) == 4
    assert remaining_powers(suite) == []
    assert pending_operations(suite) == []
    assert {each.holder for each in holdings(suite) if each.role == "PROPOSER"} == {"the governor"}
    role = suite.timelock.PROPOSER_ROLE()
    with ape.reverts(suite.timelock.AccessControlUnauthorizedAccount, account=founder.address, neededRole=role):
        actors.schedule(founder, "exchange", data, suite.timelock.getMinDelay())
    assert hand_over(suite, founder.account) == []


def test_remaining_powers__what_the_founder_had_set_up__is_seen(suite: Suite) -> None:
    """A role with a function of its own, administered by another role; a contract under another manager."""
    ape.chain.provider.set_balance(suite.timelock.address, 10**18)
    manager, before = suite.manager, remaining_powers(suite)
    other = ape.accounts.test_accounts[0].deploy(ape.project.SuiteAccessManager, suite.timelock.address, 2**40)
    with ape.accounts.use_sender(suite.timelock.address):
        selector = suite.exchange.setShares.encode_input(0, 0)[:4]
        manager.setTargetFunctionRole(suite.exchange.address, [selector], 7)
        manager.setRoleAdmin(7, 8)
        manager.updateAuthority(suite.chamber.address, other.address)
    assert remaining_powers(suite)[len(before) :] == [
        f"the function 0x{selector.hex()} of {suite.exchange.address} is for role 7 of the access manager",
        "role 7 of the access manager is administered or guarded by another role than ADMIN",
        f"chamber obeys {other.address}, not the access manager",
    ]


def test_votes_short__without_citizens__is_the_floor(suite: Suite, recipe: Recipe) -> None:
    assert votes_short(suite) == recipe.governance.quorum_floor


def test_handover__by_another__refused(suite: Suite, people: People) -> None:
    with pytest.raises(HandoverError, match=f"expected the founder, {people.deployer.address}"):
        hand_over(suite, people.stranger.account)


def test_founding__its_time_is_up__leaves_nothing_by_itself(suite: Suite) -> None:
    ape.chain.pending_timestamp = suite.timelock.foundingEnds()
    ape.chain.mine()
    assert remaining_powers(suite) == []
    assert {each.holder for each in holdings(suite) if each.role == "EXECUTOR"} == {"the governor"}
