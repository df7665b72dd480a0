"""The modelled brakes and halts: what trips them, that they release, that they cannot chain.

jump ── trips, releases, rests, needs a full window ── upheld faults ── guardian: once, bounded, re-armed ── neither
"""

from __future__ import annotations

import numpy as np
import pytest

from sbi_network.simulation.brakes import Waits, judged
from sbi_network.simulation.facilities import Output
from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.vault import Outcome
from tests.oracles.simulation.plain import plain, shock

DAYS = 60
RULES = {"brakes__jump": "200 %", "brakes__window": "10 d", "brakes__hold": "3 d", "brakes__rest": "7 d",
         "brakes__guardian_limit": "5 d"}  # fmt: skip


def waits(outputs: dict[int, int], shocks: list[dict[str, str]] | None = None, skipped: tuple[int, ...] = ()) -> Waits:
    """What the rules make of an output of 100 but for some epochs."""
    public = [outputs.get(epoch, 100) for epoch in range(DAYS)]
    outcomes = [Outcome.SKIPPED if epoch in skipped else Outcome.FINAL for epoch in range(DAYS)]
    output = Output(outcomes, public, np.zeros((DAYS, 3)), np.zeros((DAYS, 3)))
    return judged(plain(f"{DAYS} d", shocks, **RULES), output)[1]


def held(found: Waits) -> list[int]:
    return [epoch for epoch, flag in enumerate(found.held) if flag]


def test_judged__steady_output__nothing_waits() -> None:
    assert held(waits({})) == []
    assert held(waits({20: 200, 21: 199})) == [], "at the bound, not beyond it"


def test_judged__a_jump__waits_and_goes_on_by_itself() -> None:
    found = waits({20: 201})
    assert found.trips == (20,)
    assert held(found) == [20, 21, 22]


def test_judged__a_jump_before_the_window_is_full__nothing_to_compare_with() -> None:
    assert held(waits({9: 10_000})) == []
    assert held(waits({10: 10_000})) == [10, 11, 12]


def test_judged__jump_after_jump__cannot_chain() -> None:
    found = waits({epoch: 100 * 3 ** (epoch - 19) for epoch in range(20, 40)})
    assert found.trips == (20, 30)
    assert held(found) == [20, 21, 22, 30, 31, 32]


def test_judged__skipped_epochs__trip_nothing() -> None:
    assert held(waits({}, skipped=tuple(range(15, 30)))) == []
    assert held(waits({31: 150}, skipped=tuple(range(15, 30)))) == []


def test_judged__upheld_faults__void_the_epoch_and_wait() -> None:
    scenario = plain("30 d", [shock("disputes_upheld", at="12 d")], **RULES)
    found = simulate([Case(scenario)])[0]
    assert found.rows[12].outcome == Outcome.VOID
    assert held(found.waits) == [12, 13, 14]
    assert found.rows[-1].passed == 1


def test_judged__guardian__once_and_bounded_until_armed_again() -> None:
    halt = {"kind": "guardian_halt", "source": "pilot"}
    shocks = [
        {**halt, "at": "10 d", "lasts": "50 d"},
        {**halt, "at": "20 d", "lasts": "2 d"},
        shock("rearm", at="30 d"),
        {**halt, "at": "40 d", "lasts": "2 d"},
    ]
    found = waits({}, shocks)
    assert held(found) == [10, 11, 12, 13, 14, 40, 41]
    assert found.refused == (20,)


@pytest.mark.parametrize("release", ["100 %", "10 %"])
def test_simulate__after_a_halt__catching_up_trips_nothing(release: str) -> None:
    """All that waited is paid, in the same amounts to everyone, and no brake takes it for a jump."""
    halted, free = (
        simulate([Case(plain("40 d", shocks, policy__release=release, enterprises__computing="0 %",
                             citizens__computing="0 %", **RULES))])[0]
        for shocks in ([shock("guardian_halt", at="20 d", lasts="5 d")], [])
    )  # fmt: skip
    assert halted.waits.trips == ()
    assert (halted.dividends[20:25] == 0).all()
    assert halted.rows[-1].issued == free.rows[-1].issued
    assert halted.dividends.sum() == pytest.approx(free.dividends.sum())
