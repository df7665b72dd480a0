"""A colluding quorum of 2f + 1 oracles."""

from __future__ import annotations

import ape
from scripts._bonds import bond_oracles

from tests.stories.town import QUORUM, Town, coins
from tests.support.actors import Actors, exhibit

WITHIN = ((1_000_000, 0, 0), (1_000_000, 1_000_000, 1_000_000))
ABOVE = ((1_000_001, 0, 0), (0, 300, 0))


def test_colluding_quorum__what_can_be_proved__is_undone(town: Town) -> None:
    """Three oracles of four sign what they please.

    They report everything that the facilities could compute, then more than that.
    """
    suite, reporter = town.suite, town.people.stranger
    newcomers = town.people.everybody[12:16]
    bond_oracles(suite, town.people.deployer.account, [person.key for person in newcomers])
    town.govern("oracles", "scheduleStandby", [person.address for person in newcomers])
    honest = town.live_an_epoch()

    town.report(town.end_epoch(), WITHIN)
    town.until_final()
    unjust = town.distribute()
    ceiling = unjust.publicOutput * town.recipe.vault.max_rate_wei_per_ngaicph
    assert unjust.entitlement <= ceiling
    assert unjust.issued == unjust.dividend * unjust.headcount
    town.tell(
        f"All that the facilities can compute is {unjust.publicOutput:,} nGAICPh: claimed without proof, nothing on "
        f"chain shows it false. Issued: {coins(unjust.issued)} SBI instead of some {coins(honest.issued)}, to all "
        f"citizens alike, {coins(unjust.dividend)} SBI each. It can never be more than capacity times rate."
    )

    epoch = town.end_epoch()
    told = town.report(epoch, ABOVE)
    assert suite.oracles.outcomeOf(epoch).publicOutput == told.report.public_output
    suite.disputes.disputeLeaf(epoch, 0, exhibit(told, 0), sender=reporter.account)
    left = int(suite.oracles.outcomeOf(epoch).publicOutput)
    assert left == told.tree.leaves[1].sums.public_output
    reward = int(suite.bonds.due(reporter.address))
    liars = [town.people.oracles[number] for number in QUORUM]
    assert all(suite.bonds.isSlashed(liar.address) for liar in liars)
    assert not suite.bonds.isSlashed(town.people.oracles[3].address)
    town.tell(
        f"One unit above a facility's capacity is proved by one leaf: {told.report.public_output:,} nGAICPh become "
        f"{left}. The three lose their bonds, {coins(3 * int(suite.bonds.requiredBond()))} coins, "
        f"of which {coins(reward)} go to whoever proved it; the fourth loses nothing."
    )
    town.until_final()
    corrected = town.distribute()
    assert corrected.publicOutput == left

    standby = Actors(town.do.send, suite.addresses(), town.chain.chain_id, newcomers, town.people.reading_keys)
    town.do = standby
    lost = town.end_epoch()
    with ape.reverts(suite.oracles.InvalidSignature):
        town.report(lost)
    first = town.end_epoch()
    town.report(first)
    town.pass_to(town.now + town.recipe.clock.report_window_s)
    resumed = town.distribute()
    assert (resumed.epoch, resumed.publicOutput) == (first, honest.publicOutput)
    assert list(suite.oracles.configAt(first).oracles) == [person.address for person in newcomers]
    town.tell(
        f"One standing oracle is no quorum: epoch {lost}, which had begun, is skipped; the standby set takes over with "
        f"the next, and income goes on with {coins(resumed.dividend)} SBI a head."
    )
