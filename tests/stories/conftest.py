"""A fresh town for each story, which is printed when it has ended well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.stories.office import Office
from tests.stories.town import Town

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Actors


@pytest.fixture
def town(
    suite: Suite,
    recipe: Recipe,
    people: People,
    actors: Actors[Any],
    chain: Any,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Town]:
    """The town. After the story: everything still adds up, and the tale."""
    told = Town(suite, recipe, people, actors, chain)
    yield told
    told.everything_adds_up()
    with capsys.disabled():
        print(f"\n\n{request.node.function.__doc__.strip().splitlines()[0]}")
        for line in told.told:
            print(f"  - {line}")


@pytest.fixture
def office(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The commands, once the citizens' votes are ripe."""
    monkeypatch.setattr("scripts._deploy.DEPLOYMENTS", tmp_path)
    town.pass_to(town.now + town.recipe.governance.ripening_s)
    return Office(town, tmp_path)
