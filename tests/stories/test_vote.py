"""Votes, by the commands that people use."""

from __future__ import annotations

import asyncio
from typing import Any

import ape
import pytest
from ape import project
from scripts._proposals import Assembly, proposals

from sbi_network.chain.errors import ContractRefused
from sbi_network.govern import desk
from tests.stories.office import EXECUTED, EXPIRED, QUEUED, Office
from tests.stories.town import Town, coins


def test_vote__a_lower_rate__from_proposal_to_effect(town: Town, office: Office) -> None:
    """A vote halves the rate.

    Four citizens, three of whom sign their ballots for a relayer to carry.
    """
    suite, people = town.suite, town.people
    before = town.live_an_epoch()
    half = town.recipe.policy.rate_wei_per_ngaicph // 2
    rule = people.deployer.account.deploy(project.IssuancePolicy, half, 10_000)
    from_epoch = int(suite.vault.currentEpoch()) + town.recipe.vault.min_notice_epochs + 1
    path = office.proposal("half the rate", [("vault", "scheduleTerms", [rule.address, "@oracles", from_epoch])])

    lines, passes = asyncio.run(desk.explain(office.settings(people.stranger), path))
    assert passes, lines
    assert any(f"TermsScheduled(fromEpoch={from_epoch}, policy={rule.address}" in line for line in lines), lines
    assert suite.vault.policyAt(from_epoch) == suite.policy.address
    town.tell("Rehearsed on a fork, by anybody and before anyone votes: the call goes through. The chain is untouched.")

    number = office.carried_through(path, people.citizens[:3], people.relayer)
    assert suite.governor.proposalVotes(number) == (0, 3, 0)
    shown = asyncio.run(desk.tally(office.settings(people.stranger), number))
    assert "state      queued" in shown
    assert "quorum     3" in shown
    asyncio.run(desk.execute(office.settings(people.relayer), path))
    assert suite.governor.state(number) == EXECUTED
    assert suite.vault.rateAt(from_epoch - 1) == 2 * half
    assert suite.vault.rateAt(from_epoch) == half
    town.tell(f"Three of four vote for it, by signatures that cost them nothing; it holds from epoch {from_epoch} on.")

    while suite.vault.nextEpoch() < from_epoch:
        last = town.live_an_epoch()
    after = town.live_an_epoch()
    assert after.publicOutput == last.publicOutput == before.publicOutput
    assert 2 * after.entitlement == last.entitlement == before.entitlement
    town.tell(
        f"The same output entitles to {coins(last.entitlement)} SBI in epoch {last.epoch}, "
        f"and to {coins(after.entitlement)} SBI in epoch {after.epoch}."
    )


def test_vote__from_the_console__does_the_same(town: Town, office: Office) -> None:
    """Citizens vote at a console.

    With the same file, and Ape's accounts.
    """
    suite, people, governor = town.suite, town.people, town.suite.governor
    assembly = Assembly(suite)
    path = office.proposal("another fee", [("exchange", "setShares", [700, 2_000])])
    assert assembly.explain(path) == ["exchange.setShares(feeBps=700, recirculateBps=2000)"]
    number = assembly.propose(path, sender=people.citizens[0].account)
    assert number == desk.number_of(office.settings(people.stranger), str(path))
    town.pass_to(int(governor.proposalSnapshot(number)) + 1)
    for citizen, choice in zip(people.citizens[:4], ("for", "for", "abstain", "against"), strict=True):
        assembly.vote(path, choice, sender=citizen.account)
    town.pass_to(int(governor.proposalDeadline(number)) + 1)
    found = assembly.tally(path)
    assert (found.state, found.in_favour, found.against, found.abstaining) == ("succeeded", 2, 1, 1)
    assert proposals(suite) == [found]
    assembly.queue(path, sender=people.relayer.account)
    town.pass_to(int(governor.proposalEta(number)))
    assembly.execute(path, sender=people.relayer.account)
    assert tuple(suite.exchange.shares()) == (700, 2_000)
    town.tell("Proposed, voted, tallied, queued and executed by the console's verbs.")


def test_vote__a_hostile_majority__cannot_touch_a_balance(town: Town, office: Office) -> None:
    """A hostile proposal passes.

    Everybody who votes wants a neighbour's money.
    """
    suite, people = town.suite, town.people
    town.live_an_epoch()
    victim, thief = people.citizens[3], people.citizens[0]
    had = {person: town.balance(person) for person in people.citizens}
    attempts: list[tuple[str, list[Any], str]] = [
        ("transferFrom", [victim.address, thief.address, had[victim]], "ERC20InsufficientAllowance"),
        ("endAccrual", [victim.address], "UnexpectedCaller"),
        ("payRange", [thief.address, 0, 10**9], "UnexpectedCaller"),
    ]
    for function, arguments, error in attempts:
        path = office.proposal(f"the money of another by {function}", [("token", function, arguments)])
        lines, passes = asyncio.run(desk.explain(office.settings(people.stranger), path))
        assert not passes
        assert any(error in line for line in lines), lines
        number = office.carried_through(path, people.citizens[:3], people.relayer)
        with pytest.raises(ContractRefused, match=error):
            asyncio.run(desk.execute(office.settings(people.relayer), path))
        assert suite.governor.state(number) == QUEUED
        assert {person: town.balance(person) for person in people.citizens} == had
        town.tell(f"Voted, queued and due: token.{function} refuses the timelock with {error}.")
    town.pass_to(town.now + town.recipe.governance.grace_s + 1)
    assert suite.governor.state(number) == EXPIRED
    town.do.pay(victim, people.stranger.address, had[victim])
    town.tell("Every balance is what it was; the victim pays as ever; the proposals expire.")


def test_vote__guardian_halts__once_until_a_vote(town: Town, office: Office) -> None:
    """A guardian goes too far.

    It halts dividends as often as it can.
    """
    suite, people = town.suite, town.people
    guardian = people.everybody[11]
    assert guardian.address == town.recipe.governance.guardian
    suite.vault.halt(sender=guardian.account)
    town.report(town.end_epoch())
    town.until_final()
    with ape.reverts(suite.vault.IssuanceIsHalted):
        town.distribute()
    town.do.pay(people.citizens[0], people.stranger.address, 0)
    with ape.reverts(suite.vault.HaltSpent):
        suite.vault.halt(sender=guardian.account)
    for role, function, arguments in (
        ("citizens", "setRegionCap", (1, 0)),
        ("exchange", "setShares", (0, 0)),
        ("vault", "rearm", ()),
        ("vault", "resume", ()),
    ):
        contract = getattr(suite, role)
        with ape.reverts(contract.AccessManagedUnauthorized):
            getattr(contract, function)(*arguments, sender=guardian.account)
    town.tell("It halts dividends, cannot halt twice, and may do nothing else; payments go on.")

    path = office.proposal("go on", [("vault", "resume", [])])
    office.carried_through(path, people.citizens[:3], people.relayer)
    asyncio.run(desk.execute(office.settings(people.relayer), path))
    assert town.distribute().issued > 0
    town.tell("A vote ends the halt before its time; the epoch that waited brings its dividend.")
    town.pass_to(town.now + 2 * town.recipe.vault.halt_span_s)
    with ape.reverts(suite.vault.HaltSpent):
        suite.vault.halt(sender=guardian.account)
    town.tell("However long it waits: without a vote that re-arms it, it never halts again.")
