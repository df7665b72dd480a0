"""A hostile governor."""

from __future__ import annotations

import ape
from ape import project

from tests.stories.town import Town, coins

GREED = 2**200
EPOCHS = 4
CONFORM = 0


def test_hostile_governor__immutable_bounds__hold(town: Town) -> None:
    """Whoever holds the timelock turns against the people.

    A policy that entitles to everything and releases everything, and a report source that says what it is told.
    """
    suite, people, deployer = town.suite, town.people, town.people.deployer.account
    vault, citizen = suite.vault, town.people.citizens[0]
    town.live_an_epoch()
    balances = {person: town.balance(person) for person in people.citizens}

    forbidden = {
        "mint",
        "burn",
        "seize",
        "freeze",
        "pause",
        "unpause",
        "blacklist",
        "setVault",
        "upgradeTo",
        "initialize",
    }
    names = {abi.name for contract in (suite.token, vault) for abi in contract.contract_type.mutable_methods}
    assert not names & forbidden
    stranger = people.stranger.address
    for role, function, arguments in (
        ("token", "startAccrual", (stranger, 0)),
        ("token", "endAccrual", (citizen.address,)),
        ("token", "payRange", (stranger, 0, 1)),
        ("vault", "admit", (5,)),
        ("vault", "dismiss", (0,)),
        ("vault", "noteRecirculated", (10**18,)),
    ):
        with ape.reverts(getattr(suite, role).UnexpectedCaller, caller=suite.timelock.address):
            town.govern(role, function, *arguments)
    town.tell("There is no function to mint, seize, freeze or pause; those between the contracts refuse the timelock.")

    rule = deployer.deploy(project.MockPolicy, town.recipe.policy.rate_wei_per_ngaicph)
    rule.say(GREED, GREED, sender=deployer)
    clock = town.recipe.clock
    source = deployer.deploy(project.MockReportSource, *_source_arguments(town))
    current = int(vault.currentEpoch())
    notice = town.recipe.vault.min_notice_epochs
    with ape.reverts(vault.ChangeTooSoon):
        town.govern("vault", "scheduleTerms", rule.address, source.address, current + 1)
    from_epoch = int(vault.currentEpoch()) + notice + 1
    with ape.reverts(vault.PolicyNotConforming):
        town.govern("vault", "scheduleTerms", rule.address, source.address, from_epoch)
    town.tell("A policy that says so when it is scheduled is refused. It must lie until it is in force.")
    rule.behave(CONFORM, sender=deployer)
    from_epoch = int(vault.currentEpoch()) + notice + 1
    town.govern("vault", "scheduleTerms", rule.address, source.address, from_epoch)
    town.tell(f"Its policy and its source take effect {notice} epochs later at the earliest, for all to see.")
    while vault.nextEpoch() < from_epoch:
        town.live_an_epoch()
    rule.say(GREED, GREED, sender=deployer)
    honest_release = int(vault.lastRelease())

    floor, growth = town.recipe.vault.release_floor_wei, town.recipe.vault.growth_bps
    issued = []
    for _ in range(EPOCHS):
        epoch = int(vault.nextEpoch())
        town.pass_to(suite.oracles.genesis() + (epoch + 1) * clock.epoch_length_s)
        source.say(epoch, 2, 2**64 - 1, sender=deployer)
        most = max(floor, int(vault.lastRelease()) * growth // 10_000)
        event = town.distribute()
        assert event.entitlement <= (2**64 - 1) * town.recipe.vault.max_rate_wei_per_ngaicph
        assert event.issued <= most
        issued.append(int(event.issued))
    town.tell(
        f"They claim 2^64 - 1 nGAICPh an epoch and all of the reserve. Issued, epoch by epoch: "
        f"{', '.join(coins(each) for each in issued)} SBI, never above the greater of the floor ({coins(floor)}) and "
        f"{growth / 10_000:g} times the last release; the last honest one was {coins(honest_release)}."
    )
    town.tell("All of it went to every citizen alike: the governor's own share is a citizen's.")

    assert all(town.balance(person) >= before for person, before in balances.items())
    town.do.pay(citizen, stranger, town.balance(citizen))
    town.tell("Nobody's balance fell, and every payment went through.")


def _source_arguments(town: Town) -> tuple[int, ...]:
    oracles = town.suite.oracles
    return int(oracles.genesis()), int(oracles.epochLength()), int(oracles.retention())
