"""The index against a real Anvil on which everything happens that seldom does.

index    ├── each event that it derives from has been seen on the chain, and the index is what the contracts answer
         ├── undone to before all of that, and read again → the same, row by row
         └── proposals of every fate, brakes and halts → as governor, vault and registry have them
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from web3.exceptions import Web3Exception

from sbi_network.explorer import schema
from sbi_network.explorer.deployment import load_deployment
from sbi_network.explorer.handlers import HANDLERS
from sbi_network.explorer.models import GovernanceView
from sbi_network.explorer.queries import Reader
from sbi_network.explorer.store import Store
from sbi_network.explorer.work import DAY_SECONDS
from tests.support import anvil_scenes as scenes
from tests.support.anvil_index import catch_up, everything, opened, terms_of
from tests.support.anvil_nation import Nation, deployed_nation

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(500)]


@pytest.fixture
def nation(tmp_path: Path) -> Iterator[Nation]:
    with deployed_nation(tmp_path, seed=5) as deployed:
        yield deployed


def governance(nation: Nation, store: Store) -> GovernanceView:
    with store.reading() as connection:
        return Reader(connection, load_deployment(nation.record), terms_of(nation)).governance()


def test_governance__of_every_fate__is_as_the_contracts_have_it(nation: Nation, tmp_path: Path) -> None:
    with opened(nation, tmp_path / "index.sqlite") as store:
        epoch = scenes.output_jumps(nation)
        findings = catch_up(nation, store)
        told = governance(nation, store)
        assert findings.differences == []
        assert [(brake.kind, brake.subject) for brake in told.brakes] == [("output", epoch)]
        scenes.govern(nation, "vault", "resume")
        nation.actors.distribute(nation.deployer)
        assert nation.contract("vault").functions.nextEpoch().call() == epoch + 1

        proposals = scenes.proposals(nation)
        findings = catch_up(nation, store)
        assert findings.differences == []
        assert min(findings.checked[kind] for kind in ("proposal", "vote", "operation", "seat", "halt")) > 0
        told = governance(nation, store)
        shown = {each.proposal: each for each in told.proposals}
        fates = {fate: shown[str(each.number)].status for fate, each in proposals.items() if str(each.number) in shown}
        assert fates == {fate: {"stopped": "cancelled"}.get(fate, fate) for fate in fates}
        assert {"active", "expired", "stopped", "cancelled", "defeated"} <= fates.keys()
        active = shown[str(proposals["active"].number)]
        assert active.calls == ["exchange.setShares(feeBps=500, recirculateBps=500)", "vault.rearm()"]

        scenes.halts(nation)
        scenes.region_jumps(nation)
        with pytest.raises((Web3Exception, ValueError)):
            scenes.region_jumps(nation)
        assert catch_up(nation, store).differences == []
        told = governance(nation, store)
        assert [(brake.kind, brake.subject) for brake in told.brakes] == [("region", 2), ("halt", 0)]
        assert not told.halt_left

        scenes.govern(nation, "citizens", "setRegionCap", 2, 4_000_000_000)
        scenes.govern(nation, "vault", "resume")
        assert catch_up(nation, store).differences == []
        assert governance(nation, store).brakes == []

        nation.warp(2 * DAY_SECONDS)
        later = scenes.Proposal(nation, "Two days later", ("vault", "rearm", []))
        later.propose(nation.people[0])
        later.open()
        assert catch_up(nation, store).differences == []
        # A fifth of the four who were active, rounded up.
        assert governance(nation, store).proposals[0].quorum == 1


def test_index__after_every_event_there_is__is_what_the_contracts_answer(nation: Nation, tmp_path: Path) -> None:
    with opened(nation, tmp_path / "index.sqlite") as store:
        catch_up(nation, store)
        before = store.tip()
        scenes.output_jumps(nation)
        scenes.proposals(nation)
        scenes.halts(nation)
        nation.warp(130)
        scenes.offices(nation)
        scenes.market(nation)
        nation.lives()
        scenes.configurations(nation)
        scenes.demands(nation)
        scenes.region_jumps(nation)
        scenes.an_epoch_expires(nation)
        assert catch_up(nation, store).differences == []
        whole = everything(store)
        store.undo_above(before.number, terms_of(nation))
        assert catch_up(nation, store).differences == []
        assert everything(store) == whole
        with store.reading() as connection:
            events = schema.events
            seen = {tuple(row) for row in connection.execute(select(events.c.role, events.c.name).distinct())}
    missing = HANDLERS.keys() - seen - REPORTED_LATER
    assert missing == set()


def test_index__after_a_quorum_lied__is_what_the_contracts_answer(nation: Nation, tmp_path: Path) -> None:
    nation.end_epoch_reported()
    scenes.an_owner_leaves(nation)
    scenes.a_colluding_quorum(nation)
    nation.warp(nation.epoch_length)
    scenes.demands(nation)
    with opened(nation, tmp_path / "index.sqlite") as store:
        findings = catch_up(nation, store)
        assert findings.differences == []
        with store.reading() as connection:
            events = schema.events
            seen = {tuple(row) for row in connection.execute(select(events.c.role, events.c.name).distinct())}
    assert seen >= REPORTED_LATER


REPORTED_LATER = {
    ("oracles", "OutputTakenOut"),
    ("oracles", "StandbySeated"),
    ("bonds", "SignerUnbonded"),
    ("bonds", "BondFreed"),
}
"""What only the last of these tests brings about: from then on another set reports."""
