"""Fixtures by role. The people are the development accounts that the recipe `local` names, and ten more.

Ape is imported where it is used: the tests of the Python package run without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.support.actors import Actors, Person

PEOPLE = 19

# What the tests need otherwise than a demo does: time to act within an epoch, shares that are not whole.
OVERRIDES: dict[str, Any] = {
    "clock.genesis_delay_s": 600,  # a node's clock runs on while a busy machine deploys
    "clock.epoch_length_s": 1000,
    "clock.report_window_s": 1500,
    "clock.dispute_window_s": 300,
    "clock.max_extension_s": 500,
    "clock.ring_epochs": 16,
    "vault.expiry_age_s": 7000,
    "vault.halt_span_s": 3000,
    "vault.brake_span_s": 2000,
    # Most tests want any output at any time, and any roll; those of the brakes set what they need.
    "vault.jump_floor_ngaicph": 2**64 - 1,
    "citizens.jump_floor": 2**40 - 1,
    "exchange.settlement_window_s": 1200,
    "disputes.evidence_horizon_s": 5000,
    "disputes.lock_time_s": 6000,
    "disputes.reveal_window_s": 200,
}


@dataclass(frozen=True)
class People:
    """Everybody, by role."""

    everybody: tuple[Person, ...]

    @property
    def deployer(self) -> Person:
        return self.everybody[0]

    @property
    def oracles(self) -> tuple[Person, ...]:
        return self.everybody[1:5]

    @property
    def registrar(self) -> Person:
        return self.everybody[5]

    @property
    def operators(self) -> tuple[Person, ...]:
        return (self.everybody[6], self.everybody[8])

    @property
    def reading_keys(self) -> tuple[Person, ...]:
        return (self.everybody[7], self.everybody[9])

    @property
    def citizens(self) -> tuple[Person, ...]:
        return self.everybody[10:16]

    @property
    def merchant(self) -> Person:
        return self.everybody[16]

    @property
    def relayer(self) -> Person:
        return self.everybody[17]

    @property
    def stranger(self) -> Person:
        return self.everybody[18]


@pytest.fixture(scope="session")
def people(accounts: Any) -> People:
    """Everybody who acts in the tests."""
    from tests.support.actors import Person

    if len(accounts) < PEOPLE:
        raise pytest.UsageError(
            f"ape-config.yaml gives {len(accounts)} test accounts (test.number_of_accounts), the tests need {PEOPLE}"
        )
    return People(tuple(Person.of(accounts[number]) for number in range(PEOPLE)))


@pytest.fixture(scope="session")
def deployer(people: People) -> Person:
    """Deploys; holds nothing afterwards but its seat as proposer and executor of the timelock."""
    return people.deployer


@pytest.fixture
def registrar(people: People) -> Person:
    """Enrols citizens."""
    return people.registrar


@pytest.fixture
def operators(people: People) -> tuple[Person, ...]:
    """Run the facilities, in order of their numbers."""
    return people.operators


@pytest.fixture
def oracles(people: People) -> tuple[Person, ...]:
    """Sign reports, in order of their numbers."""
    return people.oracles


@pytest.fixture
def citizens(people: People) -> tuple[Person, ...]:
    """People who may be enrolled."""
    return people.citizens


@pytest.fixture
def relayer(people: People) -> Person:
    """Sends what others signed."""
    return people.relayer


@pytest.fixture
def stranger(people: People) -> Person:
    """Nobody in particular."""
    return people.stranger


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The recipe `local` with what tests need otherwise."""
    from scripts._recipe import load_recipe

    return load_recipe("local", OVERRIDES)


@pytest.fixture(scope="module")
def deployed_suite(recipe: Recipe, deployer: Person, people: People, chain: Any) -> Suite:
    """The suite, deployed once a module, its oracles bonded; use `suite`."""
    from scripts._bonds import bond_oracles
    from scripts._deploy import deploy_suite

    chain.mine()  # genesis counts from the newest block, and a node's clock may be far beyond an old one
    suite = deploy_suite(recipe, deployer.account)
    bond_oracles(suite, deployer.account, (oracle.key for oracle in people.oracles))
    return suite


@pytest.fixture
def suite(deployed_suite: Suite) -> Suite:
    """The suite, fresh for each test: Ape undoes what a test does after it."""
    return deployed_suite


@pytest.fixture
def actors(suite: Suite, chain: Any, people: People) -> Actors[Any]:
    """The verbs, over Ape."""
    from tests.support.actors import Actors, through_ape

    return Actors(through_ape(suite), suite.addresses(), chain.chain_id, people.oracles, people.reading_keys)
