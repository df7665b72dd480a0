"""Output and readings: the protocol's arithmetic in bulk, growth, failures; recorded readings and what is refused.

public_output ── as protocol.units ── growth: rate, milestones ── failures: as often and as long as given
readings ── a metered trace, through the loop ── refusals, each with its line
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sbi_network.meter.trace import read_trace

from sbi_network.meter.accounting import AccountingMeter, Replay
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.samples import generate
from sbi_network.meter.settings import SAMPLE_FOLDER
from sbi_network.protocol.units import FIRST_WEIGHTS_X16
from sbi_network.protocol.units import public_output_down as protocols
from sbi_network.simulation.errors import ReadingsError, ScenarioError
from sbi_network.simulation.facilities import output_of, public_output
from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.readings import COLUMNS, fitted, read_readings, write_readings
from sbi_network.simulation.scenario_file import load_scenario, scenario_of
from sbi_network.simulation.vault import Outcome
from tests.oracles.simulation.plain import FOLDER, plain

HEADER = ",".join(COLUMNS) + "\n"


@given(
    st.lists(st.tuples(*(st.integers(0, 2**64 - 1),) * 3), min_size=1, max_size=5),
    st.tuples(*(st.integers(0, 2**16 - 1),) * 3),
    st.integers(0, 10_000),
)
def test_public_output__any_readings__the_protocols(
    raws: list[tuple[int, int, int]], weights: tuple[int, int, int], share: int
) -> None:
    exact = [sum(r * w for r, w in zip(raw, weights, strict=True)) * share // 160_000 for raw in raws]
    assert public_output(np.array(raws, dtype=object), weights, share).tolist() == exact
    for raw, output in zip(raws, exact, strict=True):
        if output < 2**64:
            assert protocols(raw, weights, share) == output


@given(st.lists(st.integers(0, 2**62 - 1), min_size=3, max_size=3), st.integers(0, 10_000))
def test_public_output__in_int64__the_same_as_in_integers(raw: list[int], share: int) -> None:
    narrow = public_output(np.array([raw], dtype=np.int64), FIRST_WEIGHTS_X16, share)
    wide = public_output(np.array([raw], dtype=object), FIRST_WEIGHTS_X16, share)
    assert narrow.tolist() == wide.tolist()


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_output_of__growth__geometric() -> None:
    found = output_of(plain("730 d", computing__growth="47 %/a"), rng())
    assert found.public[-1] / found.public[0] == pytest.approx(1.47 ** (729 / 365), rel=1e-6)


def test_output_of__milestones__met_and_growth_after_them() -> None:
    given_ = plain("1460 d", computing__growth="10 %/a").as_given()
    figure = {"source": "assumption"}
    given_["computing"]["milestones"] = [
        {"at": {"value": "365 d", **figure}, "total": {"value": "6 PFLOPS", **figure}},
        {"at": {"value": "730 d", **figure}, "total": {"value": "24 PFLOPS", **figure}},
    ]
    found = output_of(scenario_of(given_, "x"), rng())
    at = np.array(found.public, dtype=float) / 24e9
    assert at[[0, 364, 729]] == pytest.approx([1, 3, 12], rel=0.01)
    assert at[547] == pytest.approx(6, rel=0.01)
    assert at[-1] == pytest.approx(12 * 1.1**2, rel=0.01)


def test_output_of__failures__as_often_and_as_long_as_given() -> None:
    """The share that is down is λr / (1 + λr) for one facility, λr for many, where failures and repairs are rare."""
    found = output_of(
        plain("20000 d", facilities__hall__failures="10 /a", facilities__hall__repair="2 d",
              facilities__hall__count="500 facilities"), rng()
    )  # fmt: skip
    down = 1 - np.array(found.public, dtype=float).mean() / 24e9
    assert down == pytest.approx(0.7 * 10 / 365 * 2, rel=0.1)


def test_output_of__grows_beyond_any_number__refused() -> None:
    with pytest.raises(ScenarioError, match="computing: expected less than"):
        output_of(plain("36500 d", computing__growth="100 times/a"), rng())


def test_output_of__jump_beyond_64_bits__exact_and_clamped_by_the_vault() -> None:
    scenario = plain("20 d", [{"kind": "output_jump", "at": "5 d", "lasts": "1 d", "factor": "1e6 times",
                               "source": "pilot"}], computing__intelligent="1e8 PFLOPS")  # fmt: skip
    found = simulate([Case(scenario)])[0]
    assert found.rows[5].output > 2**64
    assert found.rows[5].output == pytest.approx(10**6 * found.rows[4].output)


def recorded_sample(path: Path, epochs: int) -> list[tuple[int, int, int]]:
    """An hourly replay of the bundled task accounting through the real meter, as facility 0; facility 1 idles."""
    trace = read_trace(SAMPLE_FOLDER / "tasks.csv", SAMPLE_FOLDER / "devices.csv", generate.DAY_SECONDS)
    meter = AccountingMeter(trace, Replay())
    raws = [meter.measure(EpochSpan(epoch, epoch * 3600, (epoch + 1) * 3600)).raw for epoch in range(epochs)]
    write_readings(path, [(1000 + epoch, 0, *raw) for epoch, raw in enumerate(raws)] + [(1000, 1, 0, 0, 0)])
    return raws


def test_readings__a_metered_trace__replayed_through_the_loop(tmp_path: Path) -> None:
    raws = recorded_sample(tmp_path / "readings.csv", 48)
    town = load_scenario(FOLDER / "town.yaml", ["citizens.enrolled=100 %"])
    scenario = town.model_copy(update={"epoch": town.epoch / 4})
    recorded = read_readings(tmp_path / "readings.csv", 2)
    scenario = fitted(scenario, recorded)
    assert scenario.epochs == 48
    found = simulate([Case(scenario, 0, recorded)])[0]
    assert [row.output for row in found.rows] == [protocols(raw, FIRST_WEIGHTS_X16, 10_000) for raw in raws]
    assert found.rows[-1].issued > 0
    assert found.rows[-1].entitled == sum(row.output for row in found.rows) * 10**9


def test_readings__an_epoch_without_a_line__was_skipped(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEADER + "7,0,5,0,0\n9,1,0,6,0\n")
    recorded = read_readings(tmp_path / "r.csv", 2)
    assert list(recorded.outcomes) == [Outcome.FINAL, Outcome.SKIPPED, Outcome.FINAL]
    assert recorded.raw.tolist() == [[[5, 0, 0], [0, 0, 0]], [[0] * 3] * 2, [[0, 0, 0], [0, 6, 0]]]


def test_readings__columns_in_another_order__read_by_name(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("raw_super,epoch,raw_general,facility,raw_intelligent\n3,0,1,0,2\n")
    assert read_readings(tmp_path / "r.csv", 1).raw.tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", ":1: expected the columns"),
        ("epoch,facility\n", ":1: expected the columns"),
        (HEADER, "holds no reading"),
        (HEADER + "0,0,1,2\n", ":2: expected 5 figures, given 4"),
        (HEADER + "0,0,1,2,-3\n", ":2: raw_super: expected an integer from 0"),
        (HEADER + "0,0,nan,2,3\n", ":2: raw_general: expected an integer from 0"),
        (HEADER + "0,0,1.5,2,3\n", ":2: raw_general"),
        (HEADER + f"0,0,{2**64},2,3\n", ":2: raw_general"),
        (HEADER + "0,2,1,2,3\n", ":2: facility: expected an integer from 0 to 1, given '2'"),
        (HEADER + "0,0,1,2,3\n0,0,1,2,3\n", ":3: epoch 0 of facility 0 is in the file already"),
        (HEADER + "0,0,1,2,3\n4000000000,0,1,2,3\n", "spans 4000000001 epochs"),
        ("\0" + HEADER, "expected the columns|is not CSV"),
    ],
)
def test_readings__something_wrong__refused_with_its_line(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "r.csv").write_text(lines)
    with pytest.raises(ReadingsError, match=said):
        read_readings(tmp_path / "r.csv", 2)


def test_readings__no_file_or_no_text__said(tmp_path: Path) -> None:
    with pytest.raises(ReadingsError, match="cannot be read"):
        read_readings(tmp_path / "none.csv", 2)
    (tmp_path / "r.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReadingsError, match="UTF-8"):
        read_readings(tmp_path / "r.csv", 2)


def test_fitted__a_shock_beyond_what_was_recorded__said(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEADER + "0,0,1,2,3\n")
    scenario = plain("30 d", [{"kind": "rearm", "at": "20 d", "source": "pilot"}])
    with pytest.raises(ReadingsError, match=r"shocks\.0\.at: beyond the 1 epochs recorded"):
        fitted(scenario, read_readings(tmp_path / "r.csv", 2))
