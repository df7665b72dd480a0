"""Trees of accepted reports, and what else is left to do about an epoch that the chain has settled.

Each oracle has the tree of every accepted report, whether it signed that or not: its own, or a peer's checked against
the commitment on chain. It also shows its peers the reports that it saw proposed in other views, so that a leader who
signed two for one view is found out, whoever it sent them to.
"""

from __future__ import annotations

import asyncio

import structlog

from sbi_network.chain.errors import ChainError, ContractRefused
from sbi_network.chain.registry import Record
from sbi_network.oracle.around import Surroundings
from sbi_network.oracle.faults import Faults
from sbi_network.oracle.peers import PeerRefusedError
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.transport import NoAnswerError
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Report
from sbi_network.protocol.sumtree import Node, Sums, SumTree, commitment_of

_log = structlog.get_logger("sbi.oracle")


class Custody:
    """What this oracle keeps of settled epochs."""

    def __init__(self, around: Surroundings, faults: Faults) -> None:
        self._around = around
        self._archive = around.archive
        self._faults = faults

    async def after(self, terms: EpochTerms) -> SumTree | None:
        """See to a settled epoch. Ends when nothing is left to do, or nothing can come of it any more.

        The tree of its report, where there is one and somebody has it.
        """
        reach = self._around.reach
        self._archive.prune(self._around.oldest_within(reach.finality), self._around.oldest_within(reach.evidence))
        record = await self._record(terms.epoch)
        await self._show_other_reports(terms, record)
        if record is None:
            return None
        tree = await self.tree_of(terms, record)
        if tree is not None:
            self._archive.drop_other_trees(terms.epoch, record.commitment)
            await self._faults.examine_tree(terms, tree)
        return tree

    async def tree_of(self, terms: EpochTerms, record: Record) -> SumTree | None:
        """The tree of an accepted report. Asks until somebody has it; None once nobody can demand it any more."""
        log, is_told = _log.bind(epoch=terms.epoch), False
        while not self._around.is_over(terms.epoch, self._around.reach.finality):
            tree = self._archive.tree(terms.epoch, record.commitment) or await self._fetched(terms, record)
            if tree is not None:
                return tree
            if not is_told:
                log.warning("tree_not_had", signers=record.signers)
                is_told = True
            await asyncio.sleep(self._around.timings.poll_seconds)
        log.error("tree_never_had", signers=record.signers)
        return None

    async def _fetched(self, terms: EpochTerms, record: Record) -> SumTree | None:
        """From a peer: those who signed have it, those who did not may have it from them."""
        peers = self._around.peers.known(terms, terms.number_of(self._around.address))
        for peer in sorted(peers, key=lambda number: number not in record.signers):
            try:
                tree = await self._around.peers.fetch_tree(terms, peer, record.commitment)
            except NoAnswerError:
                continue
            if tree is not None:
                self._archive.keep_tree(terms.epoch, tree)
                _log.info("tree_fetched", epoch=terms.epoch, peer=peer)
                return tree
        return None

    async def _record(self, epoch: int) -> Record | None:
        while True:
            try:
                return await self._around.registry.record_of(epoch)
            except ContractRefused:  # of an epoch that is forgotten
                return None
            except ChainError as error:
                _log.warning("chain_not_read", epoch=epoch, reason=str(error))
            await asyncio.sleep(self._around.timings.poll_seconds)

    async def _show_other_reports(self, terms: EpochTerms, record: Record | None) -> None:
        accepted = None if record is None else record.commitment
        others = [seen for _, seen in self._archive.seen_reports(terms.epoch) if _commitment(seen.message) != accepted]
        peers = self._around.peers.known(terms, terms.number_of(self._around.address))
        await asyncio.gather(*[self._show(terms, peer, each) for each in others for peer in peers])

    async def _show(self, terms: EpochTerms, peer: int, signed: Signed[Report]) -> None:
        try:
            await self._around.peers.push_report(terms, peer, signed)
        except (NoAnswerError, PeerRefusedError) as error:
            # Once is enough: each of those who saw another one shows it to all.
            _log.info("report_not_shown", epoch=terms.epoch, peer=peer, reason=str(error))


def _commitment(report: Report) -> bytes:
    sums = Sums(report.raw_general, report.raw_intelligent, report.raw_super, report.public_output)
    return commitment_of(report.facility_count, Node(report.root, sums.pack()))
