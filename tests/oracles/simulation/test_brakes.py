"""What holds issuance back in the simulation: what trips it, that it lets go, that it cannot chain.

jump ── trips, waits, lets go; the peak of late; below the floor ── upheld faults ── guardian: once, bounded, re-armed,
ended by a vote ── neither

tests/contracts/test_simulation.py holds the rules to the deployed contracts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation import loop
from sbi_network.simulation.facilities import Output
from sbi_network.simulation.loop import Case, Run, simulate
from sbi_network.simulation.vault import kept_peak
from tests.oracles.simulation.plain import plain, shock

DAYS = 60
GAICPH = 10**9
RULES = {
    "brakes__jump": "200 %",
    "brakes__jump_floor": "100 GAICPh",
    "brakes__hold": "3 d",
    "brakes__halt": "5 d",
    "vault__finality": "6 h",
}


def waits(
    monkeypatch: pytest.MonkeyPatch,
    outputs: dict[int, int],
    shocks: list[dict[str, Any]] | None = None,
    skipped: tuple[int, ...] = (),
) -> Run:
    """What the rules make of an output of 100 GAICPh but for some epochs."""
    public = [outputs.get(epoch, 100) * GAICPH for epoch in range(DAYS)]
    outcomes = [Outcome.SKIPPED if epoch in skipped else Outcome.FINAL for epoch in range(DAYS)]
    output = Output(outcomes, public, np.zeros((DAYS, 3)), np.zeros((DAYS, 3)))
    monkeypatch.setattr(loop, "output_of", lambda *_: output)
    return simulate([Case(plain(f"{DAYS} d", shocks, **RULES))])[0]


def held(found: Run) -> list[int]:
    return [epoch for epoch, flag in enumerate(found.waits.held) if flag]


def test_simulate__steady_output__nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(waits(monkeypatch, {})) == []
    # The peak is kept to five digits, rounded down.
    assert held(waits(monkeypatch, {20: 199, 21: 397})) == [], "at the bound, not beyond it"


def test_simulate__a_jump__waits_and_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    found = waits(monkeypatch, {20: 201})
    assert found.waits.trips == [20]
    # Until three days after its end: the call six hours after the end of the third epoch on is in time.
    assert held(found) == [20, 21, 22]
    assert [row.dividend > 0 for row in found.rows[20:24]] == [False, False, False, True]


def test_simulate__the_first_output_above_the_floor__is_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(waits(monkeypatch, {0: 101})) == [0, 1, 2]


def test_simulate__output_up_to_the_floor__never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(waits(monkeypatch, {**dict.fromkeys(range(40), 1), 40: 100})) == []


def test_simulate__jump_after_jump__waits_no_longer_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each from its own end: dividends come three days late, one a day."""
    found = waits(monkeypatch, {epoch: 100 * 3 ** (epoch - 19) for epoch in range(20, 36)})
    assert found.waits.trips == list(range(20, 36))
    assert held(found) == list(range(20, 38))
    # The last of them comes with those that waited behind it.
    assert [row.dividend > 0 for row in found.rows[23:39]] == [True] * 16


def test_simulate__an_outage_and_its_end__is_no_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peak comes down by an eighth an epoch: four days of nothing leave more than half of it."""
    assert held(waits(monkeypatch, {**dict.fromkeys(range(20, 24), 0), 24: 110})) == []
    assert held(waits(monkeypatch, {**dict.fromkeys(range(20, 26), 0), 26: 110})) == [26, 27, 28]


def test_simulate__skipped_epochs__trip_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(waits(monkeypatch, {31: 150}, skipped=tuple(range(15, 30)))) == []


def test_simulate__a_vote__lets_a_jump_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(waits(monkeypatch, {20: 900}, [shock("resume", at="21 d")])) == [20]


def test_simulate__upheld_faults__void_the_epoch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = waits(monkeypatch, {}, [shock("disputes_upheld", at="12 d")])
    assert found.rows[12].outcome == Outcome.VOID
    assert held(found) == []
    assert found.rows[-1].passed == 1


def test_simulate__guardian__once_and_bounded_until_armed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    halts = [
        shock("guardian_halt", at="10 d", lasts="50 d"),
        shock("guardian_halt", at="20 d", lasts="2 d"),
        shock("rearm", at="30 d"),
        shock("guardian_halt", at="40 d", lasts="2 d"),
        shock("rearm", at="41 d"),
        shock("guardian_halt", at="44 d", lasts="2 d"),
    ]
    found = waits(monkeypatch, {}, halts)
    assert held(found) == [10, 11, 12, 13, 14, 40, 41]
    # Spent; and too soon after the last, armed though it was.
    assert found.waits.refused == [20, 44]


@given(st.integers(0, 2**64 - 1))
def test_kept_peak__any_output__no_more_and_to_five_digits(output: int) -> None:
    kept = kept_peak(output)
    assert kept <= output
    assert output - kept <= output >> 17
    assert kept == output or output >= 2**30


@pytest.mark.parametrize("release", ["100 %", "10 %"])
def test_simulate__after_a_halt__catching_up_trips_nothing(release: str) -> None:
    """All that waited is paid, in the same amounts to everyone, and no brake takes it for a jump."""
    halted, free = (
        simulate([Case(plain("40 d", shocks, policy__release=release, enterprises__computing="0 %",
                             citizens__computing="0 %", **RULES))])[0]
        for shocks in ([shock("guardian_halt", at="20 d", lasts="5 d")], [])
    )  # fmt: skip
    assert halted.waits.trips == []
    assert (halted.dividends[20:25] == 0).all()
    assert halted.rows[-1].issued == free.rows[-1].issued
    assert halted.dividends.sum() == pytest.approx(free.dividends.sum())
