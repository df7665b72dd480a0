"""Four oracle processes on Anvil: what is demanded is shown, and who signs twice is slashed.

one of them was down while a report was agreed on
├── places are demanded meanwhile             → each is shown, once, by one of the others
└── it comes up                               → has the tree from a peer, and shows a place when it is alone
then one tells two halves different things
├── the others saw it                         → it is slashed, and nobody else
└── its signature no longer counts            → the next report is signed by the other three
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sbi_network.protocol.sumtree import SumTree
from tests.chaos.chain import Times
from tests.chaos.faults import kept_tree
from tests.chaos.network import Network, Pace, Slot, running_network, wait_for_report
from tests.chaos.processes import until

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

TIMES = Times(epoch=12, dispute_window=90, max_extension=130, reveal_window=30, genesis_delay=25)
PENDING, FINAL = 1, 2


def test_custody__demands_and_a_double_signer__are_answered_and_slashed(tmp_path: Path) -> None:
    with running_network(tmp_path / "network", 4, TIMES, Pace(gather=2, view=3, poll=1)) as network:
        late, *others = network.slots
        late.process.kill()
        epoch = max(0, network.chain.running())
        wait_for_report(network, epoch)
        tree = _kept_tree(others[0], epoch)
        network.chain.demand(epoch, (1, 0), tree)
        until("the top to be shown", lambda: not _is_open(network, epoch, (1, 0)), 60)

        network.launch(late)
        until("the tree", lambda: late.process.has_told("tree_fetched", epoch=epoch), 60)
        for slot in others:
            slot.process.kill()
        network.chain.demand(epoch, (0, 0), tree)
        until("the leaf to be shown", lambda: not _is_open(network, epoch, (0, 0)), 60)
        until("who showed it to hear so", lambda: late.process.has_told("brought"), 10)
        assert sum(slot.process.has_told("brought") for slot in others) == 1

        _assert_double_signer_is_slashed(network, network.slots[3])
        assert network.chain.registry.functions.outcomeOf(epoch).call()[0] in (PENDING, FINAL)


def _assert_double_signer_is_slashed(network: Network, liar: Slot) -> None:
    for slot in network.slots[1:]:
        network.launch(slot, misbehaving="equivocate" if slot is liar else None)
    for slot in network.slots[1:]:
        network.wait_until_started(slot)
    until("the double signer to be slashed", lambda: _is_slashed(network, liar), 180)
    assert not any(_is_slashed(network, slot) for slot in network.slots[:3])
    following = network.chain.running() + 1
    signers = wait_for_report(network, following)[4]
    assert signers == 0b0111


def _kept_tree(slot: Slot, epoch: int) -> SumTree:
    """From its archive, as soon as it is there."""
    until(f"the tree of epoch {epoch} at oracle {slot.number}", lambda: kept_tree(slot, epoch), 60)
    tree = kept_tree(slot, epoch)
    assert tree is not None
    return tree


def _is_open(network: Network, epoch: int, place: tuple[int, int]) -> bool:
    return bool(network.chain.disputes.functions.demandOf((epoch, *place)).call()[3])


def _is_slashed(network: Network, slot: Slot) -> bool:
    return bool(network.chain.bonds.functions.isSlashed(slot.signer).call())
