"""What the brakes hold back, and who cannot trip them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ape
import pytest
from eth_utils.address import to_checksum_address

from tests.conftest import OVERRIDES
from tests.stories.town import HONEST_OUTPUT, Town
from tests.support.actors import roll_of

if TYPE_CHECKING:
    from scripts._recipe import Recipe

FLOOR = 600
REGION_FLOOR = 10
LIAR = 3
GROWN = ((1_000, 0, 0), (0, 300, 0))
GROWN_OUTPUT = 2_300
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
    (braked,) = receipt.decode_logs(vault.EpochBraked)  # type: ignore[attr-defined]
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
    (braked,) = receipt.decode_logs(citizens.EnrolmentBraked)  # type: ignore[attr-defined]
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
