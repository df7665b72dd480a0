"""Founding ends: what the founder could do, and that citizens govern without it."""

from __future__ import annotations

import asyncio

import ape
from scripts._handover import hand_over, remaining_powers, votes_short
from typer.testing import CliRunner

from sbi_network.govern import desk
from sbi_network.govern.cli import app
from tests.stories.office import EXECUTED, Office
from tests.stories.town import Town


def test_handover__complete__citizens_govern_alone(town: Town, office: Office) -> None:
    """The founder hands over.

    It has prepared a change that nobody voted for, and a role of its own.
    """
    suite, people, founder = town.suite, town.people, town.people.deployer
    data = suite.exchange.setShares.encode_input(0, 0)
    selector = data[:4]
    town.govern("manager", "setTargetFunctionRole", suite.exchange.address, [selector], 7)
    town.do.schedule(founder, "exchange", data, suite.timelock.getMinDelay())
    assert len(remaining_powers(suite)) == 4
    town.govern("manager", "setTargetFunctionRole", suite.exchange.address, [selector], 0)
    assert votes_short(suite) == 0
    shares = tuple(suite.exchange.shares())

    done = hand_over(suite, founder.account)
    assert any(line.startswith("cancelled the operation") for line in done)
    assert remaining_powers(suite) == []
    role = suite.timelock.PROPOSER_ROLE()
    with ape.reverts(suite.timelock.AccessControlUnauthorizedAccount, account=founder.address, neededRole=role):
        town.do.schedule(founder, "exchange", data, suite.timelock.getMinDelay())
    town.tell(
        "The role it made for itself is seen and given back; what it had prepared is cancelled; it has no role left."
    )

    path = office.proposal("a smaller fee", [("exchange", "setShares", [500, 2_500])])
    config = ["--config", str(office.config(people.citizens[0]))]
    explained = CliRunner().invoke(app, ["explain", str(path), *config])
    assert explained.exit_code == 0, explained.output
    assert "exchange.setShares(feeBps=500, recirculateBps=2500)" in explained.output
    number = office.carried_through(path, people.citizens[:3], people.relayer)
    tallied = CliRunner().invoke(app, ["tally", str(path), *config])
    assert "for        3" in tallied.output, tallied.output
    asyncio.run(desk.execute(office.settings(people.relayer), path))
    assert suite.governor.state(number) == EXECUTED
    assert tuple(suite.exchange.shares()) == (500, 2_500) != shares
    town.tell("A vote of three citizens changes the exchange's shares, with no founder.")
