"""The index against a real Anvil, on which people live by chance. `tests/explorer` has the longer ones.

index    ├── of everything that happened → every balance, total and root is the contracts'
         └── in many steps, through reorgs of random depth → the same, row by row, as one made at once
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_index__reorgs_of_random_depth__is_as_if_made_at_once(nation: Nation, tmp_path: Path) -> None:
    followed, at_once = live_through_reorgs(nation, tmp_path, random.Random(1), ROUNDS)
    assert followed == at_once
