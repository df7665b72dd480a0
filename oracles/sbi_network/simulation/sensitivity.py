"""Which figure moves which answer: Morris and Sobol by SALib, scenario discovery by ema-workbench.

Runs differ in their figures alone: all have the same stream of random numbers, so that what moves an answer is the
figure. Effects are over a figure's whole band, in the answer's unit, and so compare with one another.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sbi_network.simulation.ensemble import Ensemble, Map, problem_of, run_all, seed_for_sensitivity
from sbi_network.simulation.facilities import Recorded
from sbi_network.simulation.measures import SENSITIVE
from sbi_network.simulation.scenario import Scenario

Method = Literal["morris", "sobol"]
Floats = NDArray[np.float64]

_LEVELS = 4
_FEWEST_FOR_DISCOVERY = 30
_MOST_LIMITS = 3


@dataclass(frozen=True, slots=True)
class Effect:
    """What one figure does to one measure.

    Morris: `first` is μ* (mean absolute effect over the band, in the measure's unit), `second` σ (how far it depends on
    the other figures). Sobol: `first` is S1, `second` ST, shares of the variance. `margin` is of `first`, at 95 %.
    """

    figure: str
    measure: str
    first: float
    second: float
    margin: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The effects, of every figure with a band on every measure of `SENSITIVE`, from this many runs."""

    method: Method
    runs: int
    effects: tuple[Effect, ...]

    def of(self, measure: str) -> list[Effect]:
        """The effects on one measure, the largest first."""
        found = [effect for effect in self.effects if effect.measure == measure]
        return sorted(found, key=lambda effect: -(effect.first if self.method == "morris" else effect.second))


def analyse(
    scenario: Scenario, method: Method, size: int, over: Map, recorded: Recorded | None = None
) -> Sensitivity | None:
    """Sensitivity of a scenario; None where no figure has a band.

    `size` is the number of trajectories (Morris: size × (figures + 1) runs) or of base points, a power of two (Sobol:
    size × (figures + 2) runs).
    """
    problem, seed = problem_of(scenario), seed_for_sensitivity(scenario)
    if not problem["names"]:
        return None
    if method == "morris":
        from SALib.sample import morris as sampling

        design = sampling.sample(problem, size, num_levels=_LEVELS, seed=seed)
    else:
        from SALib.sample import sobol as sampling

        design = sampling.sample(problem, size, calc_second_order=False, seed=seed)
    samples = run_all(scenario, design, [0] * len(design), over, recorded)
    effects = []
    for measure in SENSITIVE:
        answers = np.array([sample.measures[measure] for sample in samples])
        effects += _effects(method, problem, design, answers, measure, seed)
    return Sensitivity(method, len(samples), tuple(effects))


def _effects(
    method: Method, problem: dict[str, list[str]], design: Floats, answers: Floats, measure: str, seed: int
) -> list[Effect]:
    names = problem["names"]
    if np.ptp(answers) == 0:
        return [Effect(name, measure, 0.0, 0.0, 0.0) for name in names]
    if method == "morris":
        from SALib.analyze import morris

        with _quiet():
            found = morris.analyze(problem, design, answers, num_levels=_LEVELS, seed=seed)
        columns = found["mu_star"], found["sigma"], found["mu_star_conf"]
    else:
        from SALib.analyze import sobol

        with _quiet():
            found = sobol.analyze(problem, answers, calc_second_order=False, seed=seed)
        columns = found["S1"], found["ST"], found["S1_conf"]
    return [
        Effect(name, measure, *(float(np.nan_to_num(column[place])) for column in columns))
        for place, name in enumerate(names)
    ]


@contextmanager
def _quiet() -> Iterator[None]:
    """The libraries warn of pandas' future ways and of optional parts of theirs: nothing that a user can act on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where in the bands bad runs lie: a box of figures, `limits` in canonical units.

    Of the runs in the box `density` are bad; it holds `coverage` of all that are.
    """

    words: str
    bad: int
    runs: int
    density: float
    coverage: float
    limits: dict[str, tuple[float, float]]


def discover(ensemble: Ensemble, measure: str, *, worst: float, words: str) -> Discovery | None:
    """A box of figures within which the `worst` share of runs by a measure lie (the highest), by PRIM.

    Friedman and Fisher, Bump hunting in high-dimensional data (1999), as ema-workbench has it. None where there are too
    few runs, or where they do not differ.
    """
    answers = ensemble.measure(measure)
    if len(answers) < _FEWEST_FOR_DISCOVERY or np.ptp(answers) == 0 or not ensemble.figures:
        return None
    with _quiet():
        from ema_workbench.analysis import prim
    import pandas as pd

    bad = answers >= np.quantile(answers, 1 - worst)
    drawn = pd.DataFrame(ensemble.drawn, columns=list(ensemble.figures))
    box = prim.Prim(drawn, bad, threshold=0.5, peel_alpha=0.1, mass_min=0.05).find_box()
    if box is None:
        return None
    # Of the boxes on the way, the one of few figures that tells most: a small one of many figures fits chance.
    way = box.peeling_trajectory
    way = way[way["res_dim"].between(1, _MOST_LIMITS)]
    if way.empty:
        return None
    chosen = way.loc[(way["density"] * way["coverage"]).idxmax()]
    limits, first = box.box_lims[int(chosen["id"])], box.box_lims[0]
    narrowed = {
        name: (float(limits[name].iloc[0]), float(limits[name].iloc[1]))
        for name in ensemble.figures
        if tuple(limits[name]) != tuple(first[name])
    }
    return Discovery(
        words,
        int(bad.sum()),
        len(bad),
        float(chosen["density"]),
        float(chosen["coverage"]),
        dict(sorted(narrowed.items())),
    )
