"""A lying minority of f oracles."""

from __future__ import annotations

from typing import Any

import ape

from tests.stories.town import Town, coins

LIAR = 3
INFLATED = ((1_000_000, 0, 0), (0, 300, 0))


def test_lying_minority__one_of_four__neither_issues_nor_blocks(town: Town) -> None:
    """One oracle of four (f = 1) turns against the others.

    It reports alone, withholds its signature, and signs two different reports of one view.
    """
    oracles, disputes, bonds = town.suite.oracles, town.suite.disputes, town.suite.bonds
    reporter = town.people.stranger
    epoch = town.end_epoch()
    lie = town.agreed(epoch, INFLATED)
    with ape.reverts(oracles.QuorumNotReached, given=1, quorum=3):
        town.do.report(reporter, lie, town.do.co_sign(lie, [LIAR]))
    told = town.report(epoch)
    town.until_final()
    first = town.distribute()
    assert first.publicOutput == told.report.public_output
    town.tell(
        f"Its report of {lie.report.public_output:,} nGAICPh is refused: 1 signature of 3. Silent, it is not missed: "
        f"the other three report {told.report.public_output}, and the dividend is {coins(first.dividend)} SBI."
    )

    epoch = town.end_epoch()
    honest, lie = town.agreed(epoch), town.agreed(epoch, INFLATED)
    liar = town.people.oracles[LIAR]
    signatures = [_compact(town, each, liar) for each in (honest, lie)]
    town.do.report(reporter, honest, town.do.co_sign(honest, [0, 1, LIAR]))
    bond = int(bonds.bondOf(liar.address).amount)
    disputes.disputeReports(LIAR, honest.as_argument(), lie.as_argument(), *signatures, sender=reporter.account)
    reward = int(bonds.due(reporter.address))
    assert bonds.isSlashed(liar.address)
    assert int(bonds.bondOf(liar.address).amount) == 0
    assert 0 < 2 * reward < bond
    town.tell(
        f"It signs a second report of one view. Whoever saw both proves it: its bond of {coins(bond)} coins is gone, "
        f"{coins(reward)} to the reporter, {coins(bond - reward)} forfeited."
    )
    with ape.reverts(bonds.SignerIsSlashed):
        disputes.disputeReports(LIAR, honest.as_argument(), lie.as_argument(), *signatures, sender=reporter.account)
    town.until_final()
    second = town.distribute()
    assert second.publicOutput == honest.report.public_output
    town.tell("It cannot be slashed twice, and the report that it had signed with two honest ones stands.")

    epoch = town.end_epoch()
    told = town.agreed(epoch)
    with ape.reverts(oracles.QuorumNotReached, given=2, quorum=3):
        town.do.report(reporter, told, town.do.co_sign(told, [0, 1, LIAR]))
    third = town.distribute_after(told, [0, 1, 2])
    town.tell(
        f"From then on its signature counts for nothing: 2 of 3. The other three go on, without a lost epoch; "
        f"dividends {coins(first.dividend)}, {coins(second.dividend)}, {coins(third.dividend)} SBI."
    )


def _compact(town: Town, told: Any, signer: Any) -> tuple[bytes, bytes]:
    """An oracle's signature of a report, as r and vs."""
    compact = told.report.sign(signer.key, town.do.registry_domain).to_compact()
    return compact[:32], compact[32:]
