"""`sbi simulate`: scenario files in, a report for each, and one that compares them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sbi_network.errors import SBIError, SimulationError
from sbi_network.simulation.errors import ScenarioError

_out = Console()
_err = Console(stderr=True)

_NEEDED = ("SALib", "ema_workbench", "matplotlib", "pandas", "pyarrow")

app = typer.Typer(add_completion=False)


class Method(StrEnum):
    """How sensitivity is analysed."""

    morris = "morris"
    sobol = "sobol"
    none = "none"


@app.command()
def simulate(
    scenarios: Annotated[list[Path], typer.Argument(help="Scenario files, YAML. Several are also compared.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")] = Path("build/simulate"),
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a figure, e.g. 'policy.release=10 %', and compare with the file's."),
    ] = None,
    readings: Annotated[
        Path | None, typer.Option(help="In place of modelled output: readings (CSV), or task records to replay (TOML).")
    ] = None,
    runs: Annotated[int | None, typer.Option(min=0, max=100_000, help="Monte Carlo runs; 0: none.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the scenario's.")] = None,
    sensitivity: Annotated[Method, typer.Option(help="How to find what moves the answers.")] = Method.morris,
    points: Annotated[
        int, typer.Option(min=2, max=4096, help="Morris trajectories, or Sobol base points (a power of two).")
    ] = 4,
    workers: Annotated[int | None, typer.Option(min=1, max=1024, help="Processes; the cores, if not given.")] = None,
    cluster: Annotated[str | None, typer.Option(help="A Dask scheduler, e.g. tcp://host:8786.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Read and check everything; run nothing.")] = False,  # noqa: FBT002
) -> None:
    """Simulate the closed loop: what a policy would do before anything is deployed.

    Writes, for each scenario, report.html, plots/*.png, and every figure as CSV and Parquet under OUT/<name>.
    """
    with _told():
        _require_extras(*_NEEDED, *(["distributed"] if cluster else []))
        loaded = _load(scenarios, change or [], readings, seed, runs)
        if check:
            for scenario, _ in loaded:
                _out.print(f"ok    {scenario.name}: {scenario.epochs} epochs, {scenario.citizens.cohorts} cohorts")
            return
        if sensitivity is Method.sobol and points & (points - 1):
            raise ScenarioError([f"--points: given {points}, expected a power of two for Sobol"])
        _run_all(
            loaded, out, None if sensitivity is Method.none else sensitivity.value, points, workers, cluster, readings
        )


Loaded = tuple[Any, Any]
"""A scenario, and recorded readings or None."""


def _load(
    paths: Sequence[Path], changes: Sequence[str], readings: Path | None, seed: int | None, runs: int | None
) -> list[Loaded]:
    from sbi_network.simulation.readings import fitted, read_readings, replayed_records
    from sbi_network.simulation.scenario_file import changed, load_scenario

    found: list[Any] = []
    faults: list[str] = []
    for path in paths:
        try:
            scenario = load_scenario(path)
            found.append(scenario)
            if changes:
                found.append(
                    changed(scenario, changes, str(path)).model_copy(update={"name": f"{scenario.name}-changed"})
                )
        except ScenarioError as error:
            faults += error.faults
    if faults:
        raise ScenarioError(faults)
    names = [scenario.name for scenario in found]
    if len(set(names)) < len(names):
        raise ScenarioError(
            [f"two scenarios have one name: {', '.join(sorted(n for n in set(names) if names.count(n) > 1))}"]
        )
    loaded: list[Loaded] = []
    for given in found:
        scenario = given if seed is None else given.model_copy(update={"seed": seed})
        scenario = scenario if runs is None else scenario.model_copy(update={"runs": runs})
        recorded = None
        if readings is not None:
            if readings.suffix == ".toml":
                recorded, notes = replayed_records(readings, scenario)
                for note in notes:
                    _err.print(f"look  {note}", markup=False, highlight=False, soft_wrap=True)
            else:
                recorded = read_readings(readings, len(scenario.facilities))
            scenario = fitted(scenario, recorded)
        loaded.append((scenario, recorded))
    return loaded


def _run_all(
    loaded: Sequence[Loaded],
    out: Path,
    method: Any,
    points: int,
    workers: int | None,
    cluster: str | None,
    readings: Path | None,
) -> None:
    from sbi_network.simulation import study
    from sbi_network.simulation.ensemble import on_cluster, on_cores

    with _progress() as progress:
        bar = progress.add_task("starting", total=None)
        jobs = sum(study.jobs_of(scenario, method, points) for scenario, _ in loaded)
        progress.update(bar, total=jobs)
        advance = lambda: progress.advance(bar)  # noqa: E731
        places = on_cluster(cluster, advance) if cluster else on_cores(workers, advance)
        all_findings = []
        with places as over:
            for scenario, recorded in loaded:
                progress.update(bar, description=scenario.name)
                findings = study.study(scenario, recorded, method, points, over)
                study.write(findings, out / scenario.name, {"readings_sha256": study.sha256_of(readings)})
                all_findings.append(findings)
        if len(all_findings) > 1:
            study.write_comparison(all_findings, out)
    _summarise(all_findings, out)


def _summarise(all_findings: Sequence[Any], out: Path) -> None:
    from rich.table import Table

    from sbi_network.simulation.measures import measured

    table = Table(title="income of the last 30 days and the rest, figures as given; the reports say more")
    shown = (("income_month", "income SBI"), ("volatility", "vol. %"), ("parity", "parity %"),
             ("queue_longest", "queue d"), ("recycled_share", "recyc. %"), ("held_days", "held d"))  # fmt: skip
    table.add_column("scenario", no_wrap=True)
    for _, heading in shown:
        table.add_column(heading, justify="right")
    for findings in all_findings:
        values = measured(findings.run)
        table.add_row(findings.scenario.name, *(f"{values[name]:.4g}" for name, _ in shown))
    _out.print(table)
    for findings in all_findings:
        _out.print(str(out / findings.scenario.name / "report.html"), markup=False, highlight=False, soft_wrap=True)
    if len(all_findings) > 1:
        _out.print(str(out / "compare.html"), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield progress


@contextmanager
def _told() -> Iterator[None]:
    """What can be foreseen to go wrong is told in words, with exit status 1."""
    try:
        yield
    except SBIError as error:
        for line in str(error).splitlines():
            _err.print(f"sbi simulate: {line}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except OSError as error:
        _err.print(f"sbi simulate: {error.filename}: {error.strerror}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _require_extras(*needed: str) -> None:
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise SimulationError(f"{', '.join(missing)} not installed: pip install 'sbi-network[simulate]'")
