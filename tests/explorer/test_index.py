"""The index on its long and bad days, against a real Anvil.

index    ├── through many reorgs of random depth → the same, row by row, as one made at once
         ├── a reorg below what the journal can undo → the same
         ├── killed (SIGKILL) again and again → the same, each event once
         └── in PostgreSQL → the same, and the same answers
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sbi_network.explorer import store as store_module
from sbi_network.explorer.deployment import load_deployment
from sbi_network.explorer.store import Store
from tests.integration.shadow import ROOT, free_port, wait_until
from tests.support.anvil_index import answers, catch_up, everything, live_through_reorgs, opened
from tests.support.anvil_nation import Nation, deployed_nation
from tests.support.postgres import POSTGRES, temporary_cluster

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

ROUNDS = 5
KILLS = 4


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    with deployed_nation(tmp_path_factory.mktemp("index"), seed=11) as deployed:
        deployed.live(40)
        yield deployed


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_index__many_reorgs__is_as_if_made_at_once(nation: Nation, tmp_path: Path, seed: int) -> None:
    followed, at_once = live_through_reorgs(nation, tmp_path, random.Random(seed), ROUNDS)
    assert followed == at_once


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
    (tmp_path / "explorer.toml").write_text(
        f'[network]\nrpc_url = "{nation.rpc_url}"\ndeployment = "{nation.record}"\npoll_seconds = 0.01\n\n'
        f'[http]\nport = {free_port()}\n\n[database]\nurl = "sqlite:///{tmp_path / "killed.sqlite"}"\n'
    )
    command = [sys.executable, "-m", "sbi_network.cli", "explorer", "run", "--config", "explorer.toml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}
    chance = random.Random(5)
    for _ in range(KILLS):
        before = _events(tmp_path / "killed.sqlite")
        nation.pay()
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
            wait_until("the index to go on", lambda: _events(tmp_path / "killed.sqlite") > before, 90)  # noqa: B023
            # In the midst of writing what people do meanwhile.
            nation.live(chance.randrange(3, 12))
            assert process.poll() is None
            process.kill()
    with opened(nation, tmp_path / "killed.sqlite") as resumed, opened(nation, tmp_path / "at_once.sqlite") as at_once:
        assert resumed.tip().events > 0
        assert catch_up(nation, resumed).differences == []
        catch_up(nation, at_once)
        assert everything(resumed) == everything(at_once)


def _events(path: Path) -> int:
    """How many events an index has, as somebody else sees it."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT events FROM cursor").fetchone()
        return int(found[0]) if found else 0
    return 0


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
