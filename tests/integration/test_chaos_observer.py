"""The observer's judgement, without a network: which epochs could have been served.

a quorum able for long enough in the window   → could be; broken up, too short, one too few → could not
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.network import Pace
from tests.chaos.observer import Log, Observer, Spell

END = 1_000.0
WINDOW = 60
LATEST = END + 20
"""With f = 1 five views: the last that end three seconds before the deadline begin at END + 22, and take eight each.
To have the readings by then takes two seconds."""


def _could(*spells: Spell) -> bool:
    chain = SimpleNamespace(end_of=lambda epoch: END)
    times = SimpleNamespace(report_window=WINDOW)
    network: Any = SimpleNamespace(
        pace=Pace(gather=2, view=2), faults=1, times=times, chain=chain, slots=range(4), quorum=3
    )
    return Observer(network, Log(list(spells))).could_be_served(7)


@pytest.mark.parametrize(
    ("spells", "could"),
    [
        ((), True),
        ((Spell(0, 0.0),), True),
        ((Spell(0, 0.0), Spell(1, 0.0)), False),
        ((Spell(0, 0.0), Spell(0, 0.0)), True),
        ((Spell(0, 0.0), Spell(1, 0.0, LATEST - 1)), True),
        ((Spell(0, 0.0), Spell(1, 0.0, LATEST + 1)), False),
        ((Spell(0, 0.0), Spell(1, END + 10, END + 20), Spell(1, END + 30, END + 50)), False),
        ((Spell(0, 0.0), Spell(1, 0.0, END, through=7)), False),
        ((Spell(0, 0.0), Spell(1, 0.0, END, through=6)), True),
    ],
)
def test_could_be_served__by_spells__needs_a_quorum_for_long_enough(spells: tuple[Spell, ...], *, could: bool) -> None:
    assert _could(*spells) is could
