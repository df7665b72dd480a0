"""The index against a real Anvil, on which people live by chance.

index    ├── of everything that happened → every balance, total and root is the contracts'
         ├── in many steps, through reorgs of random depth → the same, row by row, as one made at once
         ├── a reorg below what the journal can undo → the same
         └── killed (SIGKILL) again and again → the same, each event once
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sbi_network.chain.connection import connected
from sbi_network.explorer import schema
from sbi_network.explorer import store as store_module
from sbi_network.explorer.audit import Auditor, Findings
from sbi_network.explorer.deployment import load_deployment
from sbi_network.explorer.events import EventDecoder
from sbi_network.explorer.feed import Feed
from sbi_network.explorer.indexer import Indexer, read_terms
from sbi_network.explorer.store import Store
from tests.support.anvil_nation import Nation, deployed_nation

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

ACTS = 120
ROUNDS = 4
DEEPEST = 30


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    with deployed_nation(tmp_path_factory.mktemp("index"), seed=7) as deployed:
        yield deployed


@contextmanager
def opened(nation: Nation, path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}", load_deployment(nation.record))
    try:
        yield store
    finally:
        store.close()


def catch_up(nation: Nation, store: Store) -> Findings:
    """Index to the head, then audit."""

    async def work() -> Findings:
        deployment = load_deployment(nation.record)
        decoder = EventDecoder(deployment.known)
        async with connected(nation.rpc_url) as chain:
            feed = Feed(chain, decoder.addresses)
            indexer = Indexer(feed, store, decoder, await read_terms(chain, deployment))
            try:
                await indexer.catch_up()
            finally:
                indexer.close()
            return await Auditor(chain, feed, deployment).audit(store)

    return asyncio.run(work())


def everything(store: Store) -> dict[str, list[Any]]:
    """Every row that follows from the chain alone, whatever the steps in which it was read."""
    tables = (schema.events, schema.entries, *schema.STATE)
    with store.reading() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)).mappings().all())) for table in tables}


def test_index__of_all_that_happened__is_what_the_contracts_answer(nation: Nation, tmp_path: Path) -> None:
    taken = nation.live(ACTS)
    nation.lives()
    nation.live(10)
    with opened(nation, tmp_path / "index.sqlite") as store:
        findings = catch_up(nation, store)
    assert findings.differences == []
    assert taken > ACTS // 3
    assert findings.checked["balance"] > 5
    assert findings.checked["report"] > 2
    assert findings.checked["voucher"] > 0
    assert findings.checked["act"] > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_index__reorgs_of_random_depth__is_as_if_made_at_once(nation: Nation, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with opened(nation, tmp_path / "followed.sqlite") as followed:
        for _ in range(ROUNDS):
            nation.live(chance.randrange(2, 12))
            assert catch_up(nation, followed).differences == []
            nation.rpc("anvil_reorg", chance.randrange(1, DEEPEST), [])
            if chance.random() < 0.5:
                nation.live(chance.randrange(1, 6))
        assert catch_up(nation, followed).differences == []
        with opened(nation, tmp_path / "at_once.sqlite") as at_once:
            catch_up(nation, at_once)
            assert everything(followed) == everything(at_once)


def test_index__reorg_deeper_than_the_journal__is_as_if_made_at_once(
    nation: Nation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "JOURNAL_BLOCKS", 3)
    monkeypatch.setattr(store_module, "_PRUNE_EVERY", 1)
    with opened(nation, tmp_path / "followed.sqlite") as followed:
        catch_up(nation, followed)
        nation.live(15)
        catch_up(nation, followed)
        nation.rpc("anvil_reorg", 20, [])
        assert catch_up(nation, followed).differences == []
        with opened(nation, tmp_path / "at_once.sqlite") as at_once:
            catch_up(nation, at_once)
            assert everything(followed) == everything(at_once)
