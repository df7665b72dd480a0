"""Faults in accepted reports that this oracle can see: disputed, with proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from sbi_network.chain.disputes import Disputes
from sbi_network.chain.errors import ChainError
from sbi_network.chain.sender import Call
from sbi_network.errors import ProtocolError
from sbi_network.oracle.around import Surroundings
from sbi_network.oracle.bring import bring
from sbi_network.oracle.terms import EpochTerms
from sbi_network.protocol.exhibit import Exhibit, Place, exhibit_of, is_faulty_leaf, is_unsound
from sbi_network.protocol.sumtree import SumTree

_log = structlog.get_logger("sbi.oracle")


class Faults:
    """Looks at trees and at what was shown of them."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    async def examine_tree(self, terms: EpochTerms, tree: SumTree) -> None:
        """Dispute the faulty leaves of an accepted report. Its sums add up, else there would be no such tree."""
        for facility in range(tree.count):
            if terms.is_faulty(tree.leaves[facility]):
                await self.examine(terms, Place(terms.epoch, 0, facility), exhibit_of(tree, 0, facility))

    async def examine(self, terms: EpochTerms, place: Place, shown: Exhibit) -> None:
        """Dispute what stands at a place of an accepted report, should it be at fault."""
        try:
            call = _dispute_of(terms, place, shown)
        except ProtocolError as error:
            _log.warning("exhibit_not_understood", epoch=place.epoch, place=str(place), reason=str(error))
            return
        if call is None:
            return
        _log.error("fault_seen", epoch=place.epoch, level=place.level, position=place.position)
        disputes = await self._disputes(place.epoch)
        await asyncio.sleep(self._around.rank(terms.config, place.epoch) * self._around.timings.poll_seconds)
        what = f"fault at level {place.level}, position {place.position} of epoch {place.epoch}"
        await bring(self._around.sender, call(disputes), what, self._around.timings.poll_seconds)

    async def _disputes(self, epoch: int) -> Disputes:
        while True:
            try:
                return await self._around.disputes_at(epoch)
            except ChainError as error:
                _log.warning("chain_not_read", epoch=epoch, reason=str(error))
            await asyncio.sleep(self._around.timings.poll_seconds)


def _dispute_of(terms: EpochTerms, place: Place, shown: Exhibit) -> Callable[[Disputes], Call] | None:
    if is_unsound(place, shown):
        return lambda disputes: disputes.dispute_structure(place, shown)
    is_leaf = place.level == 0 and place.position < shown.facility_count
    if is_leaf and is_faulty_leaf(place, shown, terms.leaf_terms(place.position)):
        return lambda disputes: disputes.dispute_leaf(place, shown)
    return None
