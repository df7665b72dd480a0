"""A hostile registrar."""

from __future__ import annotations

import ape
from eth_utils.address import to_checksum_address

from tests.stories.town import Town, coins
from tests.support.actors import roll_of

GHOSTS = 14
CAP = 20


def test_hostile_registrar__caps_objections_and_other_offices__bound_the_harm(town: Town) -> None:
    """A registrar turns against the people.

    It enrols ghosts up to the region's cap, retires its own citizens as fast as it may, and tries its hand on another
    office's batch: by itself, and by a leaf of its own that names a citizen of the other office, who sleeps.
    """
    citizens, registrar, people = town.suite.citizens, town.people.registrar, town.people
    town.govern("citizens", "setRegionCap", 1, CAP)
    town.govern("citizens", "setTurnoverCap", 1, 2)
    town.govern("citizens", "addRegistrar", people.merchant.address)
    sleeper = people.operators[0].address
    other = roll_of([sleeper], "the other office")
    town.do.enrol(people.merchant, other, 2)
    before = town.live_an_epoch()

    ghosts = roll_of([to_checksum_address(f"0x{number:040x}") for number in range(1, GHOSTS + 2)], "ghosts")
    with ape.reverts(citizens.RegionFull, region=1, headcount=6 + GHOSTS + 1, cap=CAP):
        town.do.enrol(registrar, ghosts, 1)
    ghosts = roll_of([sleeper, *[leaf.account for leaf in ghosts.leaves[1:GHOSTS]]], "ghosts")
    town.do.enrol(registrar, ghosts, 1)
    diluted = town.live_an_epoch()
    assert diluted.headcount == before.headcount + GHOSTS
    town.tell(
        f"It enrols {GHOSTS} ghosts, the {GHOSTS + 1}th is over the region's cap of {CAP}: of an issue of "
        f"{coins(diluted.issued)} SBI a citizen gets {coins(diluted.dividend)} instead of "
        f"{coins(diluted.issued // before.headcount)}."
    )

    for index in range(3):
        town.do.start_retirement(registrar, 0, index)
    for index in (0, 1):
        citizen = people.citizens[index]
        _, objection = town.do.objection(citizen, 0, index, citizens.actOf(0, index).dueAt)
        town.do.object_to(people.relayer, 0, index, citizen.address, objection)
    town.do.start_retirement(registrar, 0, 3)
    town.do.start_retirement(registrar, 2, 0)
    town.pass_to(town.now + town.recipe.citizens.objection_delay_s)
    town.do.retire_by_proof(registrar, 2, ghosts, 0)
    had = town.balance(people.citizens[2])
    town.do.retire(registrar, 0, 2, people.citizens[2].address)
    with ape.reverts(citizens.TurnoverReached, region=1, turnover=2, cap=2):
        town.do.retire(registrar, 0, 3, people.citizens[3].address)
    with ape.reverts(citizens.WrongAct):
        town.do.retire(registrar, 0, 0, people.citizens[0].address)
    assert town.balance(people.citizens[2]) == had > 0
    town.tell("It retires five: two object by a signature and stay, one is over the cap on turnover, two are retired.")
    town.tell(f"The citizen retired keeps all that had accrued: {coins(had)} SBI.")

    with ape.reverts(citizens.NotBatchRegistrar, given=1, expected=2):
        town.do.start_retirement(registrar, 1, 0)
    with ape.reverts(citizens.InvalidSignature):
        town.do.start_recovery(registrar, 0, 0, people.citizens[0].address, people.stranger.address, b"\x01" * 65)
    town.tell("It can start no act about the other office's leaves, nor move a share to an account that does not sign.")

    assert citizens.citizenOf(sleeper).until
    missed = town.live_an_epoch().dividend
    town.do.activate(people.stranger, 1, other, 0)
    assert not citizens.citizenOf(sleeper).until
    assert town.suite.token.balanceOf(sleeper) == before.dividend + diluted.dividend + missed
    town.tell("The sleeper whom it named and retired lives on by the other office's leaf, and misses nothing.")

    town.govern("citizens", "removeRegistrar", registrar.address)
    with ape.reverts(citizens.RegistrarOutOfOffice, number=1):
        town.do.retire(registrar, 0, 3, people.citizens[3].address)
    with ape.reverts(citizens.NotRegistrar, account=registrar.address):
        town.do.enrol(registrar, ghosts, 1)
    town.tell("Put out of office, it can start nothing, and what it had started cannot be carried out.")
    for person in (people.citizens[0], people.citizens[1], people.citizens[3]):
        town.do.pay(person, people.stranger.address, town.balance(person))
    town.tell("All the while every citizen could spend everything.")
