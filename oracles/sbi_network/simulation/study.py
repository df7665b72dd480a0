"""One scenario from end to end: the run, the ensemble, the sensitivity, the files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sbi_network.simulation import tables
from sbi_network.simulation.ensemble import Map, batch_size, monte_carlo
from sbi_network.simulation.facilities import Recorded
from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.plots import PICTURES, all_plots, comparison_plot
from sbi_network.simulation.report import Findings, comparison_html, record_of, report_html
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.sensitivity import Method, analyse, discover

_WORST = 0.2


def study(scenario: Scenario, recorded: Recorded | None, method: Method | None, points: int, over: Map) -> Findings:
    """Run a scenario as given, with figures drawn from their bands, and for sensitivity."""
    run = simulate([Case(scenario, 0, recorded)])[0]
    ensemble = monte_carlo(scenario, scenario.runs, over, recorded) if scenario.runs > 1 else None
    sensitivity = analyse(scenario, method, points, over, recorded) if method else None
    discovery = None
    if ensemble is not None:
        discovery = discover(ensemble, "volatility", worst=_WORST, words="the least steady income")
    return Findings(run, ensemble, sensitivity, discovery, all_plots(run, ensemble, sensitivity))


def jobs_of(scenario: Scenario, method: Method | None, points: int) -> int:
    """How many jobs a study hands out: what a progress bar counts."""
    figures = len(scenario.uncertain())
    extra = {"morris": 1, "sobol": 2}
    runs = points * (figures + extra[method]) if method and figures else 0
    size = batch_size(scenario)
    return -(-runs // size) + (-(-scenario.runs // size) if scenario.runs > 1 else 0)


def write(findings: Findings, folder: Path, inputs: dict[str, Any]) -> None:
    """Writes the report, the plots and every table into a folder, which is made where it is not."""
    pictures = folder / "plots"
    pictures.mkdir(parents=True, exist_ok=True)
    _take_away(folder, pictures)
    record = record_of(findings, {name: value for name, value in inputs.items() if value is not None})
    for name, png in findings.plots.items():
        (pictures / f"{name}.png").write_bytes(png)
    tables.write_table(folder, "epochs", tables.epochs_table(findings.run))
    tables.write_table(folder, "cohorts", tables.cohorts_table(findings.run))
    tables.write_table(folder, "figures", tables.figures_table(findings.scenario))
    if findings.ensemble is not None:
        tables.write_table(folder, "runs", tables.runs_table(findings.ensemble))
        tables.write_table(folder, "bands", tables.bands_table(findings.ensemble))
    if findings.sensitivity is not None:
        tables.write_table(folder, "sensitivity", tables.sensitivity_table(findings.sensitivity))
    tables.write_json(folder / "run.json", record)
    (folder / "report.html").write_text(report_html(findings, record), encoding="utf-8")


def _take_away(folder: Path, pictures: Path) -> None:
    """Removes what an earlier study left, and nothing else: it may have written what this one does not."""
    for name in ("epochs", "cohorts", "figures", "runs", "bands", "sensitivity"):
        for ending in ("csv", "parquet"):
            (folder / f"{name}.{ending}").unlink(missing_ok=True)
    (folder / "report.html").unlink(missing_ok=True)
    (folder / "run.json").unlink(missing_ok=True)
    for name in PICTURES:
        (pictures / f"{name}.png").unlink(missing_ok=True)


def write_comparison(all_findings: Sequence[Findings], folder: Path) -> None:
    """Writes the page that compares scenarios with the first."""
    plot = comparison_plot([findings.run for findings in all_findings])
    (folder / "compare.png").write_bytes(plot)
    (folder / "compare.html").write_text(comparison_html(all_findings, plot), encoding="utf-8")


def sha256_of(path: Path | None) -> str | None:
    """A file's digest, so that a record says what it ran on without saying where it lay."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path is not None else None
