"""What the brakes hold back, and who cannot trip them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ape
import pytest
from eth_utils.address import to_checksum_address
from scripts._bonds import bond_oracles

from sbi_network.protocol.outcome import Outcome
from tests.conftest import OVERRIDES
from tests.stories.town import HONEST_OUTPUT, QUORUM, Town
from tests.support.actors import Actors, exhibit, roll_of

if TYPE_CHECKING:
    from scripts._recipe import Recipe

FLOOR = 600
REGION_FLOOR = 10
LIAR = 3
GROWN = ((1_000, 0, 0), (0, 300, 0))
GROWN_OUTPUT = 2_300
ABOVE = ((1_000_001, 0, 0), (0, 300, 0))
INFLATED = ((1_000_000, 0, 0), (0, 300, 0))


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The tests' recipe, with brakes that a town of this size can trip."""
    from scripts._recipe import load_recipe

    brakes = {"vault.jump_floor_ngaicph": FLOOR, "citizens.jump_floor": REGION_FLOOR}
    return load_recipe("local", {**OVERRIDES, **brakes})


def test_output_jump__seen_by_a_quorum__waits_and_goes_on(town: Town) -> None:
    """Output jumps.

    First an oracle only says so; then it does.
    """
    suite, people = town.suite, town.people
    vault = suite.vault
    town.live_an_epoch()
    epoch = town.end_epoch()
    lie = town.agreed(epoch, INFLATED)
    with ape.reverts(suite.oracles.QuorumNotReached, given=1, quorum=3):
        town.do.report(people.stranger, lie, town.do.co_sign(lie, [LIAR]))
    town.report(epoch, signers=[0, 1, 2])
    town.until_final()
    assert town.distribute().publicOutput == HONEST_OUTPUT
    town.tell("One oracle of four lies about an output 4,000 times as large, and is silent otherwise: nothing waits.")

    epoch = town.end_epoch()
    told = town.report(epoch, GROWN)
    town.until_final()
    receipt = town.do.distribute(people.stranger)
    (braked,) = receipt.decode_logs(vault.EpochBraked)
    until = suite.oracles.genesis() + (epoch + 1) * town.recipe.clock.epoch_length_s + town.recipe.vault.brake_span_s
    assert (braked.epoch, braked.publicOutput, braked.most, braked.until) == (
        epoch,
        told.report.public_output,
        2 * HONEST_OUTPUT,
        until,
    )
    with ape.reverts(vault.EpochHeld, epoch=epoch, until=until):
        town.distribute()
    town.do.pay(people.citizens[0], people.stranger.address, town.balance(people.citizens[0]))
    town.tell(f"A quorum reports {GROWN_OUTPUT} nGAICPh, more than twice the recent {HONEST_OUTPUT}: the epoch waits.")

    following = []
    while town.now < until:
        following.append(town.end_epoch())
        town.report(following[-1], GROWN)
    town.until_final()
    assert town.distribute().epoch == epoch
    assert vault.peakOutput() == GROWN_OUTPUT
    for later in following:
        event = town.distribute()
        assert (event.epoch, event.publicOutput) == (later, GROWN_OUTPUT)
    town.tell("It goes on by itself, and the same output again is no jump. Payments never waited.")


def test_halt__three_epochs_wait__none_is_braked_or_lost(town: Town) -> None:
    """Catching up after a halt.

    The guardian halts dividends for as long as it can.
    """
    suite, people = town.suite, town.people
    town.live_an_epoch()
    suite.vault.halt(sender=people.everybody[11].account)
    until = town.now + town.recipe.vault.halt_span_s
    waiting = []
    while town.now < until:
        epoch = town.end_epoch()
        town.report(epoch)
        waiting.append(epoch)
    town.until_final()
    for epoch in waiting:
        event = town.distribute()
        assert (event.epoch, event.publicOutput) == (epoch, HONEST_OUTPUT)
    town.tell(f"{len(waiting)} epochs waited; each brings its dividend, one after another, and no brake trips.")


def test_region_jump__one_region__waits_alone(town: Town) -> None:
    """A region's headcount jumps.

    A registrar enrols twice as many as there were.
    """
    citizens, registrar = town.suite.citizens, town.people.registrar
    crowd = roll_of([to_checksum_address(f"0x{number:040x}") for number in range(1, 14)], "a crowd")
    receipt = town.do.enrol(registrar, crowd, 1)
    (braked,) = receipt.decode_logs(citizens.EnrolmentBraked)
    assert (braked.region, braked.enrolled, braked.most) == (1, 6 + 13, REGION_FLOOR)
    newcomer = roll_of([to_checksum_address(f"0x{99:040x}")], "a newcomer")
    with ape.reverts(citizens.EnrolmentHeld, region=1, enrolled=19, most=REGION_FLOOR):
        town.do.enrol(registrar, newcomer, 1)
    town.tell("That region's enrolment rests, with an event that says why.")
    town.do.enrol(registrar, newcomer, 2)
    assert town.live_an_epoch().headcount == 20
    town.tell("Another region enrols, and everybody's income goes on.")
    town.govern("citizens", "setRegionCap", 1, 1_000)
    town.do.enrol(registrar, roll_of([to_checksum_address(f"0x{98:040x}")], "another"), 1)
    town.tell("A vote that looks at it and sets the region's cap lets it go on before the period ends.")


def test_dispute_upheld__a_leaf_taken_out__the_report_waits_for_the_rest(town: Town) -> None:
    """A dispute is upheld in the last second of the window.

    A quorum has signed more for a facility than it can compute.
    """
    suite, people, window = town.suite, town.people, town.recipe.clock.dispute_window_s
    town.live_an_epoch()
    epoch = town.end_epoch()
    told = town.report(epoch, ABOVE)
    accepted = town.now
    town.pass_to(accepted + window - 1)
    suite.disputes.disputeLeaf(epoch, 0, exhibit(told, 0), sender=people.stranger.account)
    taken = town.now
    left = told.tree.leaves[1].sums.public_output
    town.pass_to(accepted + window + 1)
    with ape.reverts(suite.vault.EpochNotFinal):
        town.distribute()
    town.tell(f"{told.report.public_output:,} nGAICPh become {left}, and there is another window to look at the rest.")
    town.pass_to(taken + window + 1)
    assert town.distribute().publicOutput == left
    town.tell("Nobody finds more: it goes on by itself, with the honest facility's output.")


def test_report_voided__a_demand_not_met__the_epoch_is_passed_over(town: Town) -> None:
    """A report is voided.

    Oracles that signed it do not show what they signed.
    """
    suite, people = town.suite, town.people
    newcomers = people.everybody[12:16]
    bond_oracles(suite, people.deployer.account, [person.key for person in newcomers])
    town.govern("oracles", "scheduleStandby", [person.address for person in newcomers])
    town.live_an_epoch()
    epoch = town.end_epoch()
    told = town.report(epoch)
    place = (epoch, 0, 0)
    bond = suite.disputes.bondOfDemand(epoch)
    top = (told.tree.top.hash, int.from_bytes(told.tree.top.sums))
    suite.disputes.demand(place, told.tree.count, top, value=bond, sender=people.stranger.account)
    town.pass_to(town.now + town.recipe.disputes.reveal_window_s + 1)
    suite.disputes.lapse(place, sender=people.stranger.account)
    receipt = town.do.distribute(people.stranger)
    (passed,) = receipt.decode_logs(suite.vault.EpochPassed)
    assert (passed.epoch, passed.outcome) == (epoch, Outcome.VOID)
    assert all(suite.bonds.isSlashed(people.oracles[number].address) for number in QUORUM)
    town.tell("The epoch brings nothing; who signed has lost the bonds; balances are what they were.")

    town.do = Actors(town.do.send, suite.addresses(), town.chain.chain_id, newcomers, people.reading_keys)
    town.end_epoch()  # the slashed oracles' last: nobody can report it
    following = town.end_epoch()
    town.report(following)
    town.pass_to(town.now + town.recipe.clock.report_window_s)
    assert town.distribute().epoch == following
    town.tell("The standby set takes over from the next epoch on, and income goes on.")
