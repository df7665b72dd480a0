"""The report's plots. Every axis has its unit, and what is shaded is said in the legend.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any colour vision tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter
from numpy.typing import NDArray

from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation.ensemble import Ensemble, series_of, years_or_days
from sbi_network.simulation.loop import Run
from sbi_network.simulation.measures import MEASURES, SBI, lorenz
from sbi_network.simulation.quantity import DAYS_A_YEAR
from sbi_network.simulation.sensitivity import Sensitivity

Floats = NDArray[np.float64]

BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#222222",
)  # fmt: skip
_LINES = (BLUE, VERMILION, GREEN, ORANGE, PINK, SKY, BLACK, YELLOW)
_DPI = 110
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": _DPI,
}
_WIDTH = 8.6
_MOST_POINTS = 1_500
_SHOWN_FIGURES = 8

PICTURES = ("income", "supply", "exchange", "output", "recycling", "holdings", "sensitivity")
"""The plots of a study, by name, in the order of the report; the last where sensitivity was analysed."""


def all_plots(run: Run, ensemble: Ensemble | None, sensitivity: Sensitivity | None) -> dict[str, bytes]:
    """The PNG of each plot of `PICTURES`."""
    with mpl.rc_context(_STYLE):
        figures = [
            _income(run, ensemble),
            _supply(run, ensemble),
            _exchange(run, ensemble),
            _output(run),
            _recycling(run, ensemble),
            _holdings(run),
            *([_sensitivity(sensitivity)] if sensitivity is not None else []),
        ]
        return {name: _png(figure) for name, figure in zip(PICTURES, figures, strict=False)}


def comparison_plot(runs: Sequence[Run]) -> bytes:
    """Income, supply, parity and recycled share of several runs, over each other."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 6.4))
        axes = figure.subplots(2, 2)
        longest = max((point_days_of(run) for run in runs), key=lambda days: days[-1])
        for run, colour, style in zip(runs, _cycled(_LINES), _cycled(("-", "--", "-.", ":")), strict=False):
            days = point_days_of(run)
            time = days / DAYS_A_YEAR if longest[-1] >= 2 * DAYS_A_YEAR else days
            series = series_of(run)
            for axis, name in zip(axes.flat, ("income", "supply", "parity", "recycled_share"), strict=True):
                axis.plot(*_thin(time, series[name]), color=colour, linestyle=style, label=run.case.scenario.name)
        for axis, (title, unit) in zip(
            axes.flat,
            (
                ("Income a head, last 30 days", "SBI"),
                ("Supply", "SBI"),
                ("Parity: orders filled", ""),
                ("Recycled", ""),
            ),
            strict=True,
        ):
            axis.set_title(f"{title}, {unit}" if unit else title)
            axis.set_xlabel(years_or_days(longest)[1])
            axis.yaxis.set_major_formatter(FuncFormatter(_short) if unit else PercentFormatter(1.0))
            axis.set_ylim(bottom=0)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return _png(figure)


def policy_plot(run: Run) -> bytes:
    """What every epoch entitled to and issued, and its dividend a head: the policy at work. Needs every epoch's row."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, 5.6))
        above, below = figure.subplots(2, 1, sharex=True)
        days = point_days_of(run)
        for field, words, colour in (("entitled", "entitled: output × rate", SKY), ("issued", "issued", BLUE)):
            each = np.diff([0.0, *(getattr(row, field) / SBI for row in run.rows)])
            above.plot(*_thin(days, each), color=colour, linewidth=1.0, label=words)
        below.plot(*_thin(days, run.dividends / SBI), color=BLUE, linewidth=1.0)
        above.set_title(run.case.scenario.title)
        above.set_ylabel("SBI an epoch")
        below.set_ylabel("dividend: SBI a head an epoch")
        below.set_xlabel(years_or_days(days)[1])
        below.set_xlim(0, float(days[-1]))
        for axis in (above, below):
            _events(axis, run)
            axis.set_ylim(bottom=0)
        figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return _png(figure)


def point_days_of(run: Run) -> Floats:
    """The days at the ends of a run's rows."""
    return (np.array([row.epoch for row in run.rows]) + 1) * run.case.scenario.days


def _income(run: Run, ensemble: Ensemble | None) -> Figure:
    figure, axis, time = _frame(run, "Income a head in the last 30 days")
    _bands(axis, ensemble, "income")
    axis.plot(*_thin(time, series_of(run)["income"]), color=BLUE, linewidth=1.6, label="the figures as given")
    _events(axis, run)
    axis.yaxis.set_major_formatter(FuncFormatter(_short))
    axis.set_ylabel("SBI a head in 30 days")
    axis.set_ylim(bottom=0)
    axis.legend(loc="upper left")
    return figure


def _supply(run: Run, ensemble: Ensemble | None) -> Figure:
    figure = Figure(figsize=(_WIDTH, 3.9))
    left, right = figure.subplots(1, 2)
    days = point_days_of(run)
    time, words = years_or_days(days)
    holders = (
        ("citizens, active", "citizens", BLUE),
        ("citizens, not yet active", "inactive", SKY),
        ("enterprises", "enterprises", ORANGE),
        ("operators", "operators", GREEN),
        ("escrow at the exchange", "escrow", PINK),
    )
    step = max(1, len(time) // _MOST_POINTS)
    left.stackplot(
        time[::step],
        [np.array([getattr(row, field) / SBI for row in run.rows[::step]]) for _, field, _ in holders],
        labels=[label for label, _, _ in holders],
        colors=[colour for _, _, colour in holders],
        linewidth=0,
    )
    left.set_title("Where the supply is, the figures as given")
    left.legend(loc="upper left")
    _bands(right, ensemble, "supply")
    right.plot(*_thin(time, series_of(run)["supply"]), color=BLUE, linewidth=1.6, label="the figures as given")
    right.set_title("Supply")
    right.legend(loc="upper left")
    for axis in (left, right):
        axis.set_xlabel(words)
        axis.set_ylabel("SBI")
        axis.set_ylim(bottom=0)
        axis.set_xlim(0, float(time[-1]))
        axis.yaxis.set_major_formatter(FuncFormatter(_short))
    return figure


def _exchange(run: Run, ensemble: Ensemble | None) -> Figure:
    figure = Figure(figsize=(_WIDTH, 3.9))
    left, right = figure.subplots(1, 2)
    time, words = years_or_days(point_days_of(run))
    series = series_of(run)
    for axis, name, title in (
        (left, "parity", "Parity: orders filled at the rate of issue"),
        (right, "queue_days", "Queue, in days of what is on offer"),
    ):
        _bands(axis, ensemble, name)
        axis.plot(*_thin(time, series[name]), color=BLUE, linewidth=1.4, label="the figures as given")
        axis.set_title(title)
        axis.set_xlabel(words)
        axis.set_xlim(0, float(time[-1]))
        axis.legend(loc="best")
    left.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.set_ylabel("share of orders")
    left.set_ylim(0, 1.04)
    right.set_ylabel("days")
    highest = float(series["queue_days"].max())
    right.set_ylim(0, max(1.0, right.get_ylim()[1] if highest < _FULL_QUEUE else _FULL_QUEUE))
    return figure


_FULL_QUEUE = 400.0


def _output(run: Run) -> Figure:
    figure, axis, time = _frame(run, "Public output and what is offered at the exchange, a day")
    days = run.case.scenario.days
    output = np.array([row.output / 1e9 / days for row in run.rows])
    offered = np.array([row.offered / row.rate / 1e9 / days for row in run.rows])
    bought = np.array([row.ordered * row.filled / row.rate / 1e9 / days for row in run.rows])
    axis.plot(*_thin(time, output), color=BLUE, linewidth=1.4, label="public output: SBI is issued for it")
    axis.plot(*_thin(time, offered), color=GREEN, linewidth=1.4, linestyle="--", label="offered at the exchange")
    axis.plot(*_thin(time, bought), color=VERMILION, linewidth=1.4, linestyle=":", label="bought there")
    _events(axis, run)
    positive = [series[series > 0] for series in (output, offered) if (series > 0).any()]
    if positive and max(s.max() for s in positive) > _DECADES * min(s.min() for s in positive):
        axis.set_yscale("log")
        axis.set_ylim(bottom=min(float(s.min()) for s in positive) / 3)
    else:
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_formatter(FuncFormatter(_short))
    axis.set_ylabel("weighted GAICPh a day")
    axis.legend(loc="upper left")
    return figure


_DECADES = 30
"""Beyond this ratio of the greatest to the least an axis is logarithmic."""


def _recycling(run: Run, ensemble: Ensemble | None) -> Figure:
    figure, axis, time = _frame(run, "What became of what was issued, since the start")
    issued = np.array([max(row.issued, 1) for row in run.rows], dtype=np.float64)
    _bands(axis, ensemble, "recycled_share")
    for label, field, colour, style in (
        ("destroyed (recycled and recirculated)", "recycled", BLUE, "-"),
        ("of that, recirculated to everyone", "recirculated", GREEN, "--"),
        ("fees to operators", "fees", ORANGE, "-."),
    ):
        share = np.array([getattr(row, field) for row in run.rows], dtype=np.float64) / issued
        axis.plot(*_thin(time, share), color=colour, linestyle=style, linewidth=1.6, label=label)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set_ylabel("part of all that was issued")
    axis.set_ylim(0, 1.04)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _holdings(run: Run) -> Figure:
    figure = Figure(figsize=(_WIDTH, 3.7))
    left, right = figure.subplots(1, 2)
    shares, people = lorenz(run.held, run.heads)
    left.plot(people, shares, color=BLUE, linewidth=1.8, label="what citizens hold")
    left.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="if all held the same")
    left.set_title("Lorenz curve of holdings at the end")
    left.set_xlabel("citizens, those who hold least first")
    left.set_ylabel("part of all that citizens hold")
    left.xaxis.set_major_formatter(PercentFormatter(1.0))
    left.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.legend(loc="upper left")
    some = run.heads > 0
    right.scatter(run.incomes[some], run.held[some] / run.heads[some] / SBI, color=BLUE, s=14)
    right.set_title("Cohorts: what a head holds, by other income")
    right.set_xlabel("other income, CNY a day")
    right.set_ylabel("SBI a head")
    if (run.incomes[some] > 0).any():
        right.set_xscale("log")
    right.yaxis.set_major_formatter(FuncFormatter(_short))
    return figure


def _sensitivity(sensitivity: Sensitivity) -> Figure:
    named = {measure.name: measure for measure in MEASURES}
    measures = list(dict.fromkeys(effect.measure for effect in sensitivity.effects))
    morris = sensitivity.method == "morris"
    figure = Figure(figsize=(_WIDTH, 2.5 * ((len(measures) + 1) // 2)))
    axes = figure.subplots((len(measures) + 1) // 2, 2, squeeze=False)
    for axis, measure in zip(axes.flat, measures, strict=False):
        effects = sensitivity.of(measure)[:_SHOWN_FIGURES][::-1]
        places = np.arange(len(effects))
        names = [effect.figure for effect in effects]
        if morris:
            axis.barh(places, [e.first for e in effects], xerr=[e.margin for e in effects], color=BLUE,
                      error_kw={"elinewidth": 1, "ecolor": BLACK})  # fmt: skip
            axis.set_xlabel(f"mean absolute effect over the band, {named[measure].unit}")
        else:
            axis.barh(places + 0.2, [e.second for e in effects], height=0.38, color=SKY, label="total (ST)")
            axis.barh(places - 0.2, [e.first for e in effects], height=0.38, color=BLUE, label="alone (S1)")
            axis.set_xlabel("share of the variance")
            axis.legend(loc="lower right")
        axis.set_yticks(places, names, fontsize=8)
        axis.set_xlim(left=0)
        axis.grid(visible=False, axis="y")
        axis.set_title(measure.replace("_", " "))
    for axis in axes.flat[len(measures) :]:
        axis.set_visible(False)
    return figure


def _frame(run: Run, title: str) -> tuple[Figure, Axes, Floats]:
    figure = Figure(figsize=(_WIDTH, 3.9))
    axis = figure.subplots()
    time, words = years_or_days(point_days_of(run))
    axis.set_title(title)
    axis.set_xlabel(words)
    axis.set_xlim(0, float(time[-1]))
    return figure, axis, time


def _bands(axis: Axes, ensemble: Ensemble | None, series: str) -> None:
    if ensemble is None or len(ensemble.samples) < 2:
        return
    time, _ = years_or_days(ensemble.days)
    low, quarter, middle, three, high = ensemble.band(series, (0.05, 0.25, 0.5, 0.75, 0.95))
    axis.fill_between(time, low, high, color=SKY, alpha=0.3, linewidth=0, label="90 % of the runs")
    axis.fill_between(time, quarter, three, color=SKY, alpha=0.55, linewidth=0, label="half of the runs")
    axis.plot(time, middle, color=BLACK, linewidth=1.0, linestyle="--", label="their median")


def _events(axis: Axes, run: Run) -> None:
    """Shades the epochs in which issuance waited, or that passed without a report; marks the shocks."""
    unit = 1 / DAYS_A_YEAR if point_days_of(run)[-1] >= 2 * DAYS_A_YEAR else 1.0
    days = run.case.scenario.days
    for words, colour, hatch, flags in (
        ("brake or halt", ORANGE, "", run.waits.held),
        ("no report", VERMILION, "//", [row.outcome != Outcome.FINAL for row in run.rows]),
    ):
        label: str | None = words
        for first, last in _spans(flags):
            axis.axvspan(first * days * unit, last * days * unit, color=colour, alpha=0.25, linewidth=0.8, hatch=hatch,
                         label=label)  # fmt: skip
            label = None
    label = "a shock begins"
    for shock in run.case.scenario.shocks:
        axis.axvline(float(shock.at) * unit, color=BLACK, linewidth=0.9, linestyle=":", label=label)
        label = None


def _spans(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    at = 0
    for flag, group in groupby(flags):
        length = sum(1 for _ in group)
        if flag:
            yield at, at + length
        at += length


def _thin(time: Floats, values: Floats) -> tuple[Floats, Floats]:
    """At most `_MOST_POINTS` points, the least and greatest of each stretch kept."""
    if len(time) <= _MOST_POINTS:
        return time, values
    stretch = -(-2 * len(time) // _MOST_POINTS)
    kept: list[int] = []
    for first in range(0, len(time), stretch):
        part = values[first : first + stretch]
        kept += sorted({first + int(part.argmin()), first + int(part.argmax())})
    return time[kept], values[kept]


def _short(value: float, _: float) -> str:
    """A number as an axis shows it: millions and billions in words."""
    for factor, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if abs(value) >= factor:
            return f"{value / factor:g}{word}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _cycled(items: Sequence[str]) -> Iterator[str]:
    while True:
        yield from items


def _png(figure: Figure) -> bytes:
    """Without the program's name and version, which matplotlib writes otherwise: the same picture is the same bytes."""
    out = BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()
