"""The report: one HTML file with everything in it, that answers before it shows. No script, no request to anywhere."""

from __future__ import annotations

import hashlib
import json
import platform
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from typing import Any

import numpy as np

from sbi_network.simulation.ensemble import Ensemble
from sbi_network.simulation.loop import LONGEST_QUEUE_DAYS, Run
from sbi_network.simulation.measures import MEASURES, SENSITIVE, measured
from sbi_network.simulation.quantity import Dimension, said
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.sensitivity import Discovery, Sensitivity

_LIBRARIES = ("sbi-network", "numpy", "pydantic", "SALib", "ema-workbench", "matplotlib", "pyarrow")

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { line-height: 1.2; margin-bottom: .2rem; } h2 { margin-top: 2.4rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1.2rem 0; } figure img { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { font-size: .9rem; opacity: .85; } .quiet { opacity: .75; font-size: .9rem; }
.changed { background: #E69F0033; } code { font-size: .9em; }
"""

_CAPTIONS = {
    "income": "What a citizen received in the 30 days before each day. Shaded blue: runs with figures drawn from their "
    "bands.",
    "supply": "Left: all SBI there is, by who has it. Right: its sum over the runs.",
    "exchange": "Parity holds where every order is filled at the rate at which SBI is issued; what is not waits, or "
    "gives up.",
    "output": "Issuance follows public output; purchases cannot pass what facilities offer.",
    "recycling": "Destroyed as computing is delivered; the recirculated part of it was issued again, to everyone.",
    "holdings": "The dividend is equal; what is held is not, since people spend differently.",
    "sensitivity": "Each figure moved over its whole band, the others with it; the longest bars matter most.",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is known of one scenario."""

    run: Run
    ensemble: Ensemble | None
    sensitivity: Sensitivity | None
    discovery: Discovery | None
    plots: dict[str, bytes]

    @property
    def scenario(self) -> Scenario:
        """Whose findings they are."""
        return self.run.case.scenario


def record_of(findings: Findings, inputs: dict[str, Any]) -> dict[str, Any]:
    """What it takes to run the same again: seed, versions, inputs, and the scenario's digest."""
    scenario = findings.scenario
    return {
        "scenario": scenario.name,
        "scenario_sha256": digest_of(scenario),
        "seed": scenario.seed,
        "runs": len(findings.ensemble.samples) if findings.ensemble else 1,
        "sensitivity": findings.sensitivity.method if findings.sensitivity else None,
        "sensitivity_runs": findings.sensitivity.runs if findings.sensitivity else 0,
        "epochs": scenario.epochs,
        "cohorts": scenario.citizens.cohorts,
        **inputs,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}},
        "measures": measured(findings.run),
    }


def digest_of(scenario: Scenario) -> str:
    """SHA-256 of every figure and setting of a scenario, whatever files it came from."""
    text = json.dumps(scenario.as_given(), default=str, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def report_html(findings: Findings, record: dict[str, Any]) -> str:
    """The report of one scenario."""
    scenario = findings.scenario
    parts = [
        f"<h1>{escape(scenario.title)}</h1>",
        f"<p>{escape(scenario.describes)}</p>",
        f"<p class=quiet>{_frame_words(findings)}</p>",
        "<h2>Answers</h2>",
        _list(answers(findings)),
        "<h2>In numbers</h2>",
        _measures_table(findings),
        "<h2>Over time</h2>",
        *(_picture(name, png, _CAPTIONS[name]) for name, png in findings.plots.items() if name != "sensitivity"),
    ]
    if findings.sensitivity is not None:
        parts += ["<h2>What moves the answers</h2>", _list(_sensitivity_words(findings))]
        parts.append(_picture("sensitivity", findings.plots["sensitivity"], _CAPTIONS["sensitivity"]))
    parts += [
        "<h2>The figures, and where they come from</h2>",
        _figures_table(scenario),
        "<h2>To run the same again</h2>",
        f"<pre>{escape(json.dumps({k: v for k, v in record.items() if k != 'measures'}, indent=2))}</pre>",
        "<p class=quiet>Policy and vault follow the deployed contracts to the wei. Brakes and halts are modelled. "
        "People are cohorts of fixed habits: nobody learns, panics or moves away unless the scenario says so.</p>",
    ]
    return _page(scenario.title, parts)


def comparison_html(all_findings: Sequence[Findings], plot: bytes) -> str:
    """Several scenarios side by side; what differs is against the first."""
    first = all_findings[0]
    names = [findings.scenario.name for findings in all_findings]
    parts = [
        f"<h1>{escape(' · '.join(names))}</h1>",
        f"<p>Each against <b>{escape(names[0])}</b>: which figures differ, and what that did.</p>",
        _picture("comparison", plot, "The figures as given, one run each."),
        "<h2>What came of it</h2>",
        _compared_measures(all_findings),
        "<h2>What differs</h2>",
    ]
    for other in all_findings[1:]:
        changes = differences(first.scenario, other.scenario)
        parts.append(f"<h3>{escape(other.scenario.name)}</h3>")
        parts.append(_list([escape(change) for change in changes]) if changes else "<p>Nothing.</p>")
    return _page(" · ".join(names), parts)


def differences(first: Scenario, other: Scenario) -> list[str]:
    """The figures, shocks and settings in which two scenarios differ, in words."""
    before, after = first.figures(), other.figures()
    said_ = [
        f"{path}: {before.get(path, 'nothing')} → {after.get(path, 'nothing')}"
        for path in dict.fromkeys([*before, *after])
        if not path.startswith("shocks.")
        and getattr(before.get(path), "value", None) != getattr(after.get(path), "value", None)
    ]
    said_ += [f"shock added: {_shock_words(shock)}" for shock in other.shocks if shock not in first.shocks]
    said_ += [f"shock taken away: {_shock_words(shock)}" for shock in first.shocks if shock not in other.shocks]
    for name in ("horizon", "epoch", "seed"):
        if getattr(first, name) != getattr(other, name):
            unit = "" if name == "seed" else " d"
            said_.append(f"{name}: {said(float(getattr(first, name)))} → {said(float(getattr(other, name)))}{unit}")
    return said_


def answers(findings: Findings) -> list[str]:
    """The questions that are asked first, answered in sentences of HTML."""
    m = measured(findings.run)
    scenario, last = findings.scenario, findings.run.rows[-1]
    band = _band_words(findings.ensemble)
    queue = "no order waited" if m["queue_longest"] < 0.01 else f"the longest queue was {_days(m['queue_longest'])}"
    waits = findings.run.waits
    refused = f", {len(waits.refused)} halts refused" if waits.refused else ""
    held = (
        f"Brakes and halts held issuance for <b>{_short(m['held_days'])} days</b> (tripped {_times(len(waits.trips))}"
        f"{refused});"
        f" {last.passed} epochs passed without a dividend, {last.expired} of them expired."
        if m["held_days"] or last.passed
        else "No brake tripped, no epoch was passed."
    )
    return [
        f"<b>Dividend:</b> a citizen receives <b>{_amount(m['income_month'], 'SBI')}</b> in the last 30 days"
        f"{band('income_month', 'SBI')}. At parity that buys computing worth {_amount(m['income_value'], 'CNY')},"
        f" {_short(m['income_share'])} % of other income.",
        f"<b>Steadiness:</b> from month to month it changes by {_short(m['volatility'])} % (standard deviation)"
        f"{band('volatility', '%')}; the worst month lost {_short(-m['worst_month'])} %.",
        f"<b>Supply:</b> {_amount(m['supply'], 'SBI')} at the end{band('supply', 'SBI')}, growing by"
        f" {_short(m['supply_growth'])} % a year.",
        f"<b>Exchange:</b> {_short(m['parity'])} % of orders are filled at the rate of issue on a mean day"
        f"{band('parity', '%')}, {_short(m['parity_worst'])} % on the worst; {queue}.",
        f"<b>Recycling:</b> {_short(m['recycled_share'])} % of all that was issued was destroyed again"
        f"{band('recycled_share', '%')}, {_short(m['recirculated_share'])} % by recirculation to everyone.",
        f"<b>Brakes:</b> {held}",
        f"<b>Roll:</b> {last.active:,} of {last.headcount:,} citizens have activated; of the rest,"
        f" {_amount(last.inactive / 1e18, 'SBI')} is waiting, and nothing of it lapses.",
        *([_discovery_words(scenario, findings.discovery)] if findings.discovery else []),
    ]


def _frame_words(findings: Findings) -> str:
    scenario, ensemble = findings.scenario, findings.ensemble
    runs = f"{len(ensemble.samples)} runs with figures drawn from their bands" if ensemble else "one run"
    return (
        f"{scenario.epochs:,} epochs of {said(scenario.days * 24)} h · {scenario.citizens.cohorts} cohorts · "
        f"{float(scenario.citizens.people):,.0f} people · {runs} · seed {scenario.seed} · "
        f"scenario <code>{digest_of(scenario)[:12]}</code>"
    )


def _band_words(ensemble: Ensemble | None) -> Any:
    def words(measure: str, unit: str) -> str:
        if ensemble is None or len(ensemble.samples) < 2:
            return ""
        low, high = np.quantile(ensemble.measure(measure), (0.05, 0.95))
        return f" (90 % of the runs: {_amount(float(low), unit)} to {_amount(float(high), unit)})"

    return words


def _sensitivity_words(findings: Findings) -> list[str]:
    sensitivity = findings.sensitivity
    if sensitivity is None:
        return []
    named = {measure.name: measure for measure in MEASURES}
    lines = []
    for measure in SENSITIVE:
        effects = [effect for effect in sensitivity.of(measure)[:3] if effect.first or effect.second]
        if sensitivity.method == "morris":
            said_ = [f"<code>{escape(e.figure)}</code> ({_short(e.first)} {named[measure].unit})" for e in effects]
        else:
            said_ = [f"<code>{escape(e.figure)}</code> ({e.second:.0%} of the variance)" for e in effects]
        lines.append(f"<b>{escape(named[measure].words)}</b>: {', then '.join(said_) or 'nothing moves it'}.")
    method = "Morris, elementary effects" if sensitivity.method == "morris" else "Sobol, shares of variance"
    return [*lines, f"{method}, {sensitivity.runs} runs with the same random numbers."]


def _discovery_words(scenario: Scenario, found: Discovery) -> str:
    figures = scenario.figures()
    limits = [
        f"<code>{escape(name)}</code> from {_between(figures[name].dimension, low, high)}"
        for name, (low, high) in found.limits.items()
    ]
    return (
        f"<b>When it goes badly:</b> of the {found.bad} in {found.runs} runs with {escape(found.words)},"
        f" {found.coverage:.0%} have {' and '.join(limits)}; of all runs there, {found.density:.0%} are such."
    )


def _between(dimension: Dimension, low: float, high: float) -> str:
    return escape(f"{dimension.words(low)} to {dimension.words(high)}")


def _measures_table(findings: Findings) -> str:
    values, ensemble = measured(findings.run), findings.ensemble
    rows = []
    for measure in MEASURES:
        cells = [_cell(values[measure.name])]
        if ensemble is not None:
            cells += [_cell(float(q)) for q in np.quantile(ensemble.measure(measure.name), (0.05, 0.5, 0.95))]
        rows.append([escape(measure.words), escape(measure.unit), *cells])
    heads = ["", "unit", "as given", *(["5 % of runs below", "median", "5 % above"] if ensemble else [])]
    return _table(heads, rows, numeric=2)


def _compared_measures(all_findings: Sequence[Findings]) -> str:
    values = [measured(findings.run) for findings in all_findings]
    rows = []
    for measure in MEASURES:
        first = values[0][measure.name]
        others = [_cell(other[measure.name]) + _change_words(first, other[measure.name]) for other in values[1:]]
        rows.append([escape(measure.words), escape(measure.unit), _cell(first), *others])
    return _table(["", "unit", *(escape(f.scenario.name) for f in all_findings)], rows, numeric=2)


def _change_words(first: float, other: float) -> str:
    if first == other:
        return " <span class=quiet>=</span>"
    if first == 0 or abs(other / first) > _MANY:
        return ""
    return f" <span class=quiet>({(other / first - 1) * 100:+.1f} %)</span>"


_MANY = 100.0


def _figures_table(scenario: Scenario) -> str:
    rows = []
    for path, figure in scenario.figures().items():
        band = ""
        if figure.band is not None:
            band = " to ".join(figure.dimension.words(end) for end in figure.band)
        source = escape(scenario.sources[figure.source]) + (f" — {escape(figure.note)}" if figure.note else "")
        rows.append([f"<code>{escape(path)}</code>", escape(str(figure)), band, source])
    return _table(["figure", "value", "band", "source"], rows, numeric=99)


def _shock_words(shock: Any) -> str:
    parts = [
        f"{name} {getattr(shock, name)}" for name in type(shock).model_fields if name not in ("kind", "source", "note")
    ]
    return f"{shock.kind} ({', '.join(parts)})"


def _picture(name: str, png: bytes, caption: str) -> str:
    data = b64encode(png).decode()
    return (
        f'<figure><img alt="{escape(name)}: {escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]], numeric: int) -> str:
    """Columns from `numeric` on hold numbers."""

    def line(tag: str, cells: Iterable[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if place >= numeric else ''}>{cell}</{tag}>" for place, cell in enumerate(cells)
        )

    body = "\n".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<div class=wide><table>\n<tr>{line('th', heads)}</tr>\n{body}\n</table></div>"


def _list(items: Iterable[str]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"


def _page(title: str, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _cell(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 and abs(value) < 1e15 else f"{value:.4g}"


def _amount(value: float, unit: str) -> str:
    for factor, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if abs(value) >= factor:
            return f"{_short(value / factor)}{word} {unit}"
    return f"{_short(value)} {unit}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _short(value: float) -> str:
    """Three digits: as many as an answer carries."""
    return f"{value:.3g}"


def _days(value: float) -> str:
    if value >= LONGEST_QUEUE_DAYS:
        return "without end: next to nothing was on offer"
    return f"{_short(value)} days"
