"""Many runs: drawn from the figures' bands, on this machine's cores or on a Dask cluster.

Figures are drawn by Latin hypercube (SALib), uniformly within their bands; each run has its own stream of random
numbers. The same seed gives the same runs, whatever the number of processes and wherever they run.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sbi_network.errors import SimulationError
from sbi_network.simulation.errors import ClusterError
from sbi_network.simulation.facilities import Recorded
from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.measures import SBI, measured
from sbi_network.simulation.quantity import DAYS_A_YEAR
from sbi_network.simulation.scenario import Scenario

Floats = NDArray[np.float64]

_BATCH = 32
"""Runs side by side: enough that NumPy's calls are shared, few enough for the cache."""

_MOST_CELLS = 400_000
"""Runs × cohorts side by side, where cohorts are many."""

_ANSWER_SECONDS = 10.0
"""How long a scheduler may take to answer."""

_POINTS = 240
"""Points in time that an ensemble keeps of each run, about."""

SERIES = ("income", "supply", "parity", "queue_days", "recycled_share")
"""What an ensemble keeps over time: SBI a head in 30 days, SBI, share, days, share."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is kept of a run: its measures, and its series at the ensemble's points in time."""

    measures: dict[str, float]
    series: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Runs, and what they were drawn with: `drawn` (runs, figures) in the order of `figures`; points at `days`."""

    figures: tuple[str, ...]
    drawn: Floats
    days: Floats
    samples: tuple[Sample, ...]

    def measure(self, name: str) -> Floats:
        """One measure, by run."""
        return np.array([sample.measures[name] for sample in self.samples])

    def band(self, name: str, quantiles: Sequence[float]) -> Floats:
        """(quantiles, points) of a series."""
        found: Floats = np.quantile(np.stack([sample.series[name] for sample in self.samples]), quantiles, axis=0)
        return found


Job = tuple[Scenario, Recorded | None, list[tuple[int, dict[str, float]]], int]
"""A batch: the scenario, recorded readings, for each run its stream and its figures, and how often to keep a row."""

Map = Callable[[Sequence[Job]], Iterator[list[Sample]]]
"""Runs jobs, in order."""


def problem_of(scenario: Scenario) -> dict[str, Any]:
    """The uncertain figures as SALib wants them."""
    uncertain = scenario.uncertain()
    bounds = [[float(figure.band[0]), float(figure.band[1])] for figure in uncertain.values() if figure.band]
    return {"num_vars": len(uncertain), "names": list(uncertain), "bounds": bounds}


def monte_carlo(scenario: Scenario, runs: int, over: Map, recorded: Recorded | None = None) -> Ensemble:
    """An ensemble of this many runs. Streams 1 to `runs`: stream 0 is the single run's."""
    from SALib.sample import latin

    problem = problem_of(scenario)
    names = tuple(problem["names"])
    drawn = latin.sample(problem, runs, seed=_seed(scenario, 1)) if names else np.zeros((runs, 0))
    samples = run_all(scenario, drawn, list(range(1, runs + 1)), over, recorded)
    return Ensemble(names, drawn, point_days(scenario), samples)


def run_all(
    scenario: Scenario, drawn: Floats, streams: Sequence[int], over: Map, recorded: Recorded | None = None
) -> tuple[Sample, ...]:
    """One run for each line of `drawn` (runs, uncertain figures), each with its stream of random numbers."""
    names = list(scenario.uncertain())
    cases = [
        (stream, dict(zip(names, line, strict=True))) for stream, line in zip(streams, drawn.tolist(), strict=True)
    ]
    size = batch_size(scenario)
    jobs: list[Job] = [
        (scenario, recorded, cases[at : at + size], point_step(scenario)) for at in range(0, len(cases), size)
    ]
    return tuple(sample for batch in over(jobs) for sample in batch)


def batch_size(scenario: Scenario) -> int:
    """How many runs go side by side in one job. What a run finds does not depend on it."""
    return max(1, min(_BATCH, _MOST_CELLS // scenario.citizens.cohorts))


def run_job(job: Job) -> list[Sample]:
    """What a worker does."""
    scenario, recorded, cases, every = job
    runs = simulate([Case(scenario.with_values(values), stream, recorded) for stream, values in cases], every)
    return [Sample(measured(run), series_of(run)) for run in runs]


def series_of(run: Any) -> dict[str, Floats]:
    """The series of a run at the epochs of its rows."""
    scenario = run.case.scenario
    at = [row.epoch for row in run.rows]
    window = max(1, min(round(30 / scenario.days), scenario.epochs))
    sums = np.concatenate([np.zeros(window), np.cumsum(run.dividends)])
    income = (sums[window:] - sums[:-window]) / SBI
    return {
        "income": income[at],
        "supply": np.array([row.supply / SBI for row in run.rows]),
        "parity": run.filled[at],
        "queue_days": run.queue_days[at],
        "recycled_share": np.array([row.recycled / row.issued if row.issued else 0.0 for row in run.rows]),
    }


def point_step(scenario: Scenario) -> int:
    """Every how many epochs a row is kept."""
    return max(1, scenario.epochs // _POINTS)


def point_days(scenario: Scenario) -> Floats:
    """The days at the ends of the epochs of which rows are kept."""
    kept = [epoch for epoch in range(scenario.epochs) if epoch % point_step(scenario) == 0]
    if kept[-1] != scenario.epochs - 1:
        kept.append(scenario.epochs - 1)
    days: Floats = (np.array(kept) + 1) * scenario.days
    return days


def years_or_days(days: Floats) -> tuple[Floats, str]:
    """A time axis that people read: years from two on, days below."""
    return (
        (days / DAYS_A_YEAR, "years since the start") if days[-1] >= 2 * DAYS_A_YEAR else (days, "days since the start")
    )


@contextmanager
def on_cores(workers: int | None, done: Callable[[], None]) -> Iterator[Map]:
    """Jobs in as many processes as there are cores, or `workers`; `done` is called after each job."""
    count = workers or len(os.sched_getaffinity(0))
    if count == 1:
        yield lambda jobs: (_told(run_job(job), done) for job in jobs)
        return
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_leave_interrupts_to_the_parent)
    try:
        yield lambda jobs: (_told(batch, done) for batch in pool.map(run_job, jobs))
    except BrokenProcessPool:
        raise SimulationError("a worker process ended without an answer, perhaps for want of memory") from None
    finally:
        # What has not begun is not begun any more: an interrupted study ends within a job.
        pool.shutdown(cancel_futures=True)


@contextmanager
def on_cluster(address: str, done: Callable[[], None]) -> Iterator[Map]:
    """Jobs on the workers of a Dask scheduler, which have this package too. Raises ClusterError."""
    from distributed import Client

    try:
        client: Any = Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call, unused-ignore]
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(f"{address}: no Dask scheduler answers ({type(error).__name__})") from None

    def over(jobs: Sequence[Job]) -> Iterator[list[Sample]]:
        futures = client.map(run_job, jobs, pure=False, retries=2)
        for future in futures:
            yield _told(_result(address, future), done)

    with client:
        yield over


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _result(address: str, future: Any) -> list[Sample]:
    from dask.distributed import KilledWorker
    from distributed import CancelledError

    try:
        batch: list[Sample] = future.result()
    except (CancelledError, KilledWorker, OSError) as error:
        raise ClusterError(f"{address}: the cluster was lost ({type(error).__name__})") from None
    return batch


def _told(batch: list[Sample], done: Callable[[], None]) -> list[Sample]:
    done()
    return batch


def _seed(scenario: Scenario, use: int) -> int:
    """A seed of 32 bits for a library, of its own for each use."""
    return int(np.random.SeedSequence(scenario.seed, spawn_key=(2**31, use)).generate_state(1)[0])


def seed_for_sensitivity(scenario: Scenario) -> int:
    """The seed that designs of sensitivity analyses are drawn with."""
    return _seed(scenario, 2)
