"""The index against a real Anvil, on which people live by chance. `tests/explorer` has the longer ones.

index    ├── of everything that happened → every balance, total and root is the contracts'
         └── in many steps, through reorgs of random depth → the same, row by row, as one made at once
audit    └── of an index that was changed → names what is wrong
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from sbi_network.explorer import schema
from tests.support.anvil_index import catch_up, live_through_reorgs, opened
from tests.support.anvil_nation import Nation, deployed_nation

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

ACTS = 100
ROUNDS = 3


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    with deployed_nation(tmp_path_factory.mktemp("index"), seed=7) as deployed:
        yield deployed


def test_index__of_all_that_happened__is_what_the_contracts_answer(nation: Nation, tmp_path: Path) -> None:
    nation.lives()
    taken = nation.live(ACTS)
    with opened(nation, tmp_path / "index.sqlite") as store:
        findings = catch_up(nation, store)
    assert findings.differences == []
    assert taken > ACTS // 3
    assert findings.checked["balance"] > 5
    assert findings.checked["report"] > 2
    assert findings.checked["voucher"] > 0
    assert findings.checked["act"] > 0


def test_index__reorgs_of_random_depth__is_as_if_made_at_once(nation: Nation, tmp_path: Path) -> None:
    followed, at_once = live_through_reorgs(nation, tmp_path, random.Random(1), ROUNDS)
    assert followed == at_once


def test_audit__of_an_index_that_was_changed__names_what_is_wrong(nation: Nation, tmp_path: Path) -> None:
    nation.lives()
    with opened(nation, tmp_path / "index.sqlite") as store:
        assert catch_up(nation, store).wrong == 0
        with store.writing() as connection:
            connection.execute(update(schema.totals).values(recycled=7))
            connection.execute(update(schema.batches).where(schema.batches.c.batch == 0).values(root="0x" + "00" * 32))
            connection.execute(update(schema.accounts).values(settled=1))
        findings = catch_up(nation, store)
    named = " ".join(map(str, findings.differences))
    assert findings.wrong >= len(findings.differences) > 3
    for what in ("total recycled", "total supply", "balance 0x", "total balances and what has not been activated"):
        assert what in named
