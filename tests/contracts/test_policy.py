"""The worked epoch of `docs/policy.md`, lived on a chain: every number of its table is read there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ape
import pytest

from tests.support.actors import known_of, roll_of

if TYPE_CHECKING:
    from scripts._deploy import Suite

    from tests.conftest import People
    from tests.support.actors import Actors

POLICY = Path(__file__).parents[2] / "docs" / "policy.md"
SBI = 10**18
CITIZENS = 7
GIVEN, OUTPUT = 11 * SBI, 500
RAWS = ((100, 0, 0), (0, 300, 0))


@pytest.fixture(scope="module")
def worked() -> dict[str, int]:
    """The table's last column, by its first."""
    text = POLICY.read_text(encoding="utf-8").split("<!-- worked epoch", 1)[1].split("<!-- end of worked epoch", 1)[0]
    return {step: int(wei) for step, wei in re.findall(r"^\| ([a-z ]+) \|.*\| (\d+) \|$", text, flags=re.MULTILINE)}


def live_epoch(suite: Suite, actors: Actors[Any], people: People, raws: Any) -> Any:
    """An epoch with these raw outputs, from its end to its dividend."""
    epoch = int(suite.vault.nextEpoch())
    told = actors.agree(epoch, raws, known_of(suite.oracles.configAt(epoch)), [10_000, 10_000])
    pass_to(suite.oracles.genesis() + (epoch + 1) * suite.oracles.epochLength())
    actors.report(people.stranger, told, actors.co_sign(told, [0, 1, 2]))
    pass_to(ape.chain.blocks.head.timestamp + suite.oracles.disputeWindow() + 1)
    receipt = actors.distribute(people.stranger)
    return next(iter(receipt.decode_logs(suite.vault.DividendDistributed)))


def pass_to(time: int) -> None:
    ape.chain.pending_timestamp = time
    ape.chain.mine()


def test_worked_epoch__lived_on_a_chain__gives_every_number(
    suite: Suite, actors: Actors[Any], people: People, worked: dict[str, int]
) -> None:
    assert len(worked) == 9
    roll = roll_of([person.address for person in people.everybody[10 : 10 + CITIZENS]])
    actors.enrol(people.registrar, roll, 1)
    actors.activate(people.relayer, 0, roll, 0)
    before = live_epoch(suite, actors, people, ((1_000, 0, 0), (0, 0, 0)))
    assert before.entitlement == 2_000 * SBI
    reserve = int(suite.vault.reserve())
    assert reserve == worked["reserve before"]
    actors.recirculate(people.citizens[0], GIVEN)
    assert suite.vault.recirculated() == worked["given to everyone"] == GIVEN

    event = live_epoch(suite, actors, people, RAWS)
    assert event.publicOutput == OUTPUT
    assert event.entitlement == worked["entitlement"]
    assert reserve + event.entitlement == worked["reserve with it"]
    assert worked["release"] == worked["reserve with it"] * suite.policy.releaseBps() // 10_000
    assert suite.policy.assess(OUTPUT, reserve)[1] == worked["release"]
    assert worked["to divide"] == worked["release"] + GIVEN
    assert event.dividend == worked["dividend"]
    assert event.issued == worked["issued"]
    assert event.reserve == worked["reserve after"]
