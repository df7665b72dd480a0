"""From scenario to files: ensembles wherever they run, sensitivity against known effects, tables, report, command.

ensemble ── same on one core, two, a cluster ── within bands ── sensitivity: Morris, Sobol, discovery
files ── same seed, same bytes ── exact amounts ── report: self-contained, answers, sources ── command: compare, refuse
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation import ensemble
from sbi_network.simulation.cli import app
from sbi_network.simulation.ensemble import Map, monte_carlo, on_cluster, on_cores, run_job
from sbi_network.simulation.errors import ClusterError
from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.measures import MEASURES, SENSITIVE, by_month, gini, measured
from sbi_network.simulation.report import differences
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.scenario_file import scenario_of
from sbi_network.simulation.sensitivity import analyse, discover
from sbi_network.simulation.study import jobs_of, study, write
from tests.oracles.simulation.plain import FOLDER, plain, shock


def uncertain(**bands: tuple[str, str]) -> Scenario:
    """The plain scenario over a quarter, with bands: a dot is two underscores."""
    given: dict[str, Any] = plain("90 d", computing__noise="5 %").as_given()
    for path, band in bands.items():
        section, name = path.split("__")
        given[section][name]["band"] = list(band)
    return scenario_of(given, "uncertain")


BANDS = {"computing__utilisation": ("30 %", "70 %"), "policy__release": ("5 %", "100 %")}


def here(jobs: Any) -> Iterator[Any]:
    return (run_job(job) for job in jobs)


def test_monte_carlo__on_cores__the_same_as_here() -> None:
    scenario = uncertain(**BANDS)
    told: list[int] = []
    alone = monte_carlo(scenario, 40, here)
    with on_cores(2, lambda: told.append(1)) as over:
        shared = monte_carlo(scenario, 40, over)
    assert len(told) == jobs_of(scenario.model_copy(update={"runs": 40}), None, 0) == 2
    _same(alone, shared)


def test_monte_carlo__on_a_dask_cluster__the_same_as_here() -> None:
    from distributed import LocalCluster

    scenario = uncertain(**BANDS)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="") as cluster,  # type: ignore[no-untyped-call, unused-ignore]
        on_cluster(cluster.scheduler_address, lambda: None) as over,
    ):
        _same(monte_carlo(scenario, 40, here), monte_carlo(scenario, 40, over))


def _same(one: Any, other: Any) -> None:
    assert one.drawn.tobytes() == other.drawn.tobytes()
    assert [sample.measures for sample in one.samples] == [sample.measures for sample in other.samples]
    for mine, theirs in zip(one.samples, other.samples, strict=True):
        assert all(mine.series[name].tobytes() == theirs.series[name].tobytes() for name in mine.series)


def test_on_cluster__nobody_there__cluster_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "_ANSWER_SECONDS", 0.3)
    with pytest.raises(ClusterError, match="no Dask scheduler answers"), on_cluster("tcp://127.0.0.1:1", lambda: None):
        pass


def test_monte_carlo__bands__drawn_within_and_spread_over_them() -> None:
    found = monte_carlo(uncertain(**BANDS), 50, here)
    assert found.figures == ("computing.utilisation", "policy.release")
    assert ((found.drawn >= [0.3, 500]) & (found.drawn <= [0.7, 10_000])).all()
    ranks = np.floor((found.drawn[:, 0] - 0.3) / 0.4 * 50)
    assert sorted(ranks) == list(range(50)), "a Latin hypercube"
    income = found.measure("income_total")
    assert np.corrcoef(found.drawn[:, 0], income)[0, 1] > 0.8
    low, high = found.band("supply", (0.05, 0.95))
    assert (low <= high).all()


def test_monte_carlo__no_band__runs_differ_by_their_fluctuation_alone() -> None:
    found = monte_carlo(plain("60 d", computing__noise="10 %"), 4, here)
    assert found.figures == ()
    assert len({sample.measures["income_total"] for sample in found.samples}) == 4


def test_analyse__morris__finds_the_figure_that_moves_and_the_one_that_does_not() -> None:
    """Income is linear in utilisation: over the band from 30 to 70 % it moves by 80 % of what it is at 50 %."""
    scenario = uncertain(computing__utilisation=("30 %", "70 %"), exchange__delivered=("99 %", "100 %"))
    found = analyse(scenario, "morris", 4, here)
    assert found is not None
    first, second = found.of("income_month")
    assert first.figure == "computing.utilisation"
    base = measured(simulate([Case(scenario)])[0])["income_month"]
    assert first.first == pytest.approx(0.8 * base, rel=0.02)
    assert first.second < 0.01 * first.first
    assert second.first == pytest.approx(0, abs=1e-9)
    assert found.runs == 4 * 3
    assert {effect.measure for effect in found.effects} == set(SENSITIVE)


def test_analyse__sobol__one_figure_has_all_the_variance() -> None:
    scenario = uncertain(computing__utilisation=("30 %", "70 %"), exchange__delivered=("99 %", "100 %"))
    found = analyse(scenario, "sobol", 64, here)
    assert found is not None
    first = found.of("income_month")[0]
    assert first.figure == "computing.utilisation"
    assert first.second == pytest.approx(1, abs=0.1)
    assert first.first == pytest.approx(1, abs=0.2)


def test_analyse__nothing_uncertain__none() -> None:
    assert analyse(plain(), "morris", 4, here) is None


def test_discover__low_utilisation_makes_poor_runs__the_box_says_so() -> None:
    found = monte_carlo(uncertain(**BANDS), 80, here)
    worst = discover(found, "income_total", worst=0.25, words="the highest income")
    assert worst is not None
    low, high = worst.limits["computing.utilisation"]
    assert low > 0.5
    assert high > 0.69
    assert worst.density > 0.7
    assert discover(monte_carlo(uncertain(**BANDS), 5, here), "income_total", worst=0.25, words="") is None


def test_by_month__whole_spans_counted_from_the_end() -> None:
    scenario = plain("70 d")
    dividends = np.full(70, 1e18)
    dividends[:10] = 5e18
    assert by_month(scenario, dividends).tolist() == [30, 30]


@pytest.mark.parametrize(("held", "expected"), [([1, 1, 1, 1], 0), ([0, 0, 0, 8], 0.75), ([0, 0, 0, 0], 0)])
def test_gini__known_distributions(held: list[float], expected: float) -> None:
    assert gini(np.array(held, dtype=float), np.ones(4)) == pytest.approx(expected)


def shaken() -> Scenario:
    """A scenario with everything in it, small."""
    return uncertain(**BANDS).model_copy(
        update={
            "name": "shaken",
            "runs": 6,
            "shocks": plain("90 d", [shock("guardian_halt", at="40 d", lasts="4 d")]).shocks,
        }
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("written") / "shaken"
    _write(folder, here)
    return folder


def _write(folder: Path, over: Map) -> None:
    write(study(shaken(), None, "morris", 2, over), folder, {})


def test_write__same_seed__same_bytes_whatever_the_workers(written: Path, tmp_path: Path) -> None:
    with on_cores(2, lambda: None) as over:
        _write(tmp_path / "again", over)
    files = sorted(path.relative_to(written) for path in written.rglob("*") if path.is_file())
    assert len(files) == 21
    assert files == sorted(p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file())
    for file in files:
        assert (written / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


def test_write__tables__csv_and_parquet_say_the_same_exactly(written: Path) -> None:
    run = simulate([Case(shaken())])[0]
    table = pq.read_table(written / "epochs.parquet")
    with (written / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == table.num_rows == len(run.rows) == 90
    for row, line in zip(run.rows, rows, strict=True):
        assert int(line["issued"]) == row.issued
        assert line["outcome"] == Outcome(row.outcome).name.lower()
        assert float(line["filled"]) == row.filled
    for name in ("issued", "supply", "reserve", "dividend", "output"):
        assert [int(value) for value in table[name].to_pylist()] == [getattr(row, name) for row in run.rows]


def test_write__report__self_contained_and_answers(written: Path) -> None:
    text = (written / "report.html").read_text()
    for asked in ("Dividend:", "Steadiness:", "Supply:", "Exchange:", "Recycling:", "Brakes:", "90 % of the runs"):
        assert asked in text
    assert "held issuance for <b>4 days</b>" in text
    assert not re.search(r"(src|href)=.?https?:|<script|@import|url\(", text)
    assert text.count('src="data:image/png;base64,') == 7
    assert all(source.replace("'", "&#x27;") in text for source in ["An assumption of this project"])
    for figure in shaken().figures():
        assert f"<code>{figure}</code>" in text


def test_write__record__says_what_to_run_again(written: Path) -> None:
    text = (written / "run.json").read_text()
    for said in ('"seed": 10000', '"numpy":', '"SALib":', '"ema-workbench":', '"scenario_sha256":', '"runs": 6'):
        assert said in text
    assert str(Path.home()) not in text
    assert {measure.name for measure in MEASURES} <= set(re.findall(r'"(\w+)":', text))


def test_write__pictures__are_pngs_that_say_nothing_of_when(written: Path) -> None:
    pictures = sorted(path.name for path in (written / "plots").iterdir())
    assert len(pictures) == 7
    for picture in pictures:
        data = (written / "plots" / picture).read_bytes()
        assert data.startswith(b"\x89PNG")
        assert b"tEXt" not in data


def test_differences__every_kind_of_change__said() -> None:
    one, other = plain(), plain("40 d", [shock("rearm", at="1 d")], policy__release="7 %")
    assert differences(one, one) == []
    assert differences(one, other) == [
        "policy.release: 100 % → 7 %",
        "shock added: rearm (at 1 d)",
        "horizon: 30 → 40 d",
    ]


SMALL = ["--runs", "2", "--sensitivity", "none", "--workers", "1"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The town for two weeks, in a folder of its own."""
    shutil.copy(FOLDER / "nation.yaml", tmp_path)
    town = (FOLDER / "town.yaml").read_text().replace("horizon: 1 a", "horizon: 14 d")
    (tmp_path / "town.yaml").write_text(town)
    return tmp_path


def test_command__one_figure_changed__both_reports_and_what_it_did(small: Path) -> None:
    result = CliRunner().invoke(
        app, [str(small / "town.yaml"), "--set", "policy.release=80 %", "--out", str(small / "out"), *SMALL]
    )
    assert result.exit_code == 0, result.output
    page = (small / "out" / "compare.html").read_text()
    assert "policy.release: 5 % → 80 %" in page
    assert (small / "out" / "town" / "report.html").exists()
    assert (small / "out" / "town-changed" / "epochs.parquet").exists()
    assert "town-changed" in result.output


def test_command__readings__replayed(small: Path) -> None:
    lines = "".join(f"{epoch},0,0,{10**9 * (epoch + 1)},0\n" for epoch in range(12))
    (small / "r.csv").write_text("epoch,facility,raw_general,raw_intelligent,raw_super\n" + lines)
    result = CliRunner().invoke(
        app, [str(small / "town.yaml"), "--readings", str(small / "r.csv"), "--out", str(small / "out"), *SMALL]
    )
    assert result.exit_code == 0, result.output
    with (small / "out" / "town" / "epochs.csv").open(newline="") as file:
        assert [int(row["output"]) for row in csv.DictReader(file)] == [10**9 * (epoch + 1) for epoch in range(12)]
    assert '"readings_sha256"' in (small / "out" / "town" / "run.json").read_text()


def test_command__check__reads_all_and_runs_nothing(small: Path) -> None:
    result = CliRunner().invoke(app, [str(small / "town.yaml"), "--check", "--out", str(small / "out")])
    assert result.exit_code == 0
    assert "ok    town: 84 epochs, 100 cohorts" in result.output
    assert not (small / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.yaml"], "none.yaml: cannot be read"),
        (["town.yaml", "town.yaml"], "two scenarios have one name: town"),
        (["town.yaml", "--set", "policy.relese=5 %"], "policy.relese: is no figure"),
        (["town.yaml", "--readings", "none.csv"], "none.csv: cannot be read"),
        (["town.yaml", "--sensitivity", "sobol", "--points", "6"], "expected a power of two"),
        (["town.yaml", "--cluster", "tcp://127.0.0.1:1"], "no Dask scheduler answers"),
    ],
)
def test_command__what_cannot_be_done__said_in_a_line_and_nothing_written(
    small: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small)
    monkeypatch.setattr(ensemble, "_ANSWER_SECONDS", 0.3)
    result = CliRunner().invoke(app, [*arguments, "--out", "out"])
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output
    assert not (small / "out").exists()


def test_command__as_a_process__help_and_a_bad_scenario() -> None:
    command = [sys.executable, "-m", "sbi_network.cli", "simulate"]
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert "--readings" in told.stdout
    refused = subprocess.run([*command, "/nowhere.yaml"], capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 1
    assert "sbi simulate: /nowhere.yaml: cannot be read" in refused.stderr
