"""The index against a real Anvil, on which people live by chance.

index    ├── of everything that happened → every balance, total and root is the contracts'
         ├── in many steps, through reorgs of random depth → the same, row by row, as one made at once
         ├── a reorg below what the journal can undo → the same
         ├── killed (SIGKILL) again and again → the same, each event once
         └── in PostgreSQL → the same, and the same answers
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
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
from sbi_network.explorer.queries import Position, Reader
from sbi_network.explorer.store import Store
from sbi_network.explorer.work import Terms
from tests.integration.shadow import ROOT
from tests.support.anvil_nation import Nation, deployed_nation
from tests.support.postgres import POSTGRES, temporary_cluster

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

ACTS = 120
ROUNDS = 4
DEEPEST = 30
KILLS = 4


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


def test_index__killed_again_and_again__is_whole_and_each_event_once(nation: Nation, tmp_path: Path) -> None:
    nation.live(40)
    (tmp_path / "explorer.toml").write_text(
        f'[network]\nrpc_url = "{nation.rpc_url}"\ndeployment = "{nation.record}"\n\n'
        f'[database]\nurl = "sqlite:///{tmp_path / "killed.sqlite"}"\n'
    )
    command = [sys.executable, "-m", "sbi_network.cli", "explorer", "index", "--config", "explorer.toml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}
    chance = random.Random(5)
    killed = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL) as process:
            try:
                process.wait(chance.uniform(0.5, 4))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
        nation.live(3)
    assert killed > 0
    with opened(nation, tmp_path / "killed.sqlite") as resumed, opened(nation, tmp_path / "at_once.sqlite") as at_once:
        assert catch_up(nation, resumed).differences == []
        catch_up(nation, at_once)
        assert everything(resumed) == everything(at_once)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """A temporary cluster of Debian's `postgresql`, which does not run as root: somebody else runs it for root."""
    with temporary_cluster(tmp_path) as url:
        yield url


@pytest.mark.skipif(not POSTGRES, reason="PostgreSQL is not installed: apt-get install postgresql")
def test_index__in_postgresql__is_the_same_as_in_sqlite(nation: Nation, tmp_path: Path, postgres: str) -> None:
    store = Store(postgres, load_deployment(nation.record))
    try:
        nation.live(10)
        assert catch_up(nation, store).differences == []
        nation.rpc("anvil_reorg", 12, [])
        nation.live(5)
        assert catch_up(nation, store).differences == []
        with opened(nation, tmp_path / "lite.sqlite") as lite:
            catch_up(nation, lite)
            assert everything(store) == everything(lite)
            assert answers(nation, store) == answers(nation, lite)
    finally:
        store.close()


def terms_of(nation: Nation) -> Terms:
    """What never changes about the nation's suite."""

    async def read() -> Terms:
        async with connected(nation.rpc_url) as chain:
            return await read_terms(chain, load_deployment(nation.record))

    return asyncio.run(read())


def answers(nation: Nation, store: Store) -> list[Any]:
    """What the API would say of everybody."""
    with store.reading() as connection:
        reader = Reader(connection, load_deployment(nation.record), terms_of(nation))
        histories = [reader.history(each.address, Position(), 50) for each in nation.people]
        return [reader.summary(), reader.offers(), reader.batches(99, 50), reader.events(Position(), 99), *histories]
