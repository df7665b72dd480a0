"""The tables of `docs/peers.md` and the chart of `docs/images/peers.png`, from `peers.json` alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FOLDER: Final = Path(__file__).parents[1]
RESULT: Final = FOLDER / "peers.json"
PAGE: Final = FOLDER.parent / "docs" / "peers.md"
CHART: Final = FOLDER.parent / "docs" / "images" / "peers.png"
BEGIN, END = "<!-- tables: written by `make peers` -->", "<!-- end of tables -->"

_OURS, _PEER, _AHEAD, _TEXT = "#0072B2", "#b4b4b4", "#D55E00", "#222222"
_DPI: Final = 110
_WIDTH, _BAR, _TITLE, _GAP = 9.4, 0.24, 0.3, 0.12
_NAMES: Final = 0.275
"""The part of the width that stands left of the bars."""
_STYLE: Final[Any] = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": _TEXT}


def tables(result: Mapping[str, Any]) -> str:
    """All that the page shows of the result."""
    parts = [_summary(result["rows"])]
    parts += [_details(row) for row in result["rows"]]
    parts.append(_pairs("not measured", "why", result["not_measured"]))
    parts.append(_pairs("package", "version", result["packages"]))
    return "\n\n".join(parts)


def _summary(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [["work", "ours", "least of the peers", "", "that is"]]
    for row in rows:
        name, least = min(row["peers"].items(), key=lambda item: (item[1], item[0]))
        lines.append([row["title"], f"{row['ours']:,}", name, f"{least:,}", _compared(least, row["ours"])])
    return _table(lines, "l", "r", "l", "r", "l")


def _details(row: Mapping[str, Any]) -> str:
    ours = row["ours"]
    lines = [["", "gas", "of ours", "what it did"], ["**ours**", f"**{ours:,}**", "", row["did"]["ours"]]]
    for name, gas in sorted(row["peers"].items(), key=lambda item: (item[1], item[0])):
        lines.append([name, f"{gas:,}", _times(gas, ours), row["did"][name]])
    behind = [f"Ours is behind {name} here: {why}." for name, why in row["ahead"].items()]
    return "\n\n".join([f"## {row['title']}", _table(lines, "l", "r", "r", "l"), *behind])


def _compared(gas: int, ours: int) -> str:
    if gas == ours:
        return "equal"
    if gas < ours:
        return f"**ahead of ours**, by {ours - gas:,}"
    return f"{_times(gas, ours)} ours" if ours else "ours is nothing"


def _times(gas: int, ours: int) -> str:
    if not ours:
        return ""
    ratio = gas / ours
    return f"{ratio:,.0f} ×" if ratio >= 10 else f"{ratio:.2f} ×"


def _pairs(left: str, right: str, entries: Mapping[str, str]) -> str:
    return _table([[left, right], *([key, value] for key, value in entries.items())], "l", "l")


def _table(lines: Sequence[Sequence[str]], *sides: str) -> str:
    head, *body = ("| " + " | ".join(line) + " |" for line in lines)
    rule = "|" + "|".join("---:" if side == "r" else "---" for side in sides) + "|"
    return "\n".join([head, rule, *body])


def replace_tables(document: str, text: str) -> str:
    """The document with what stands between its two marker lines replaced."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def digest(result: Mapping[str, Any]) -> str:
    """Of all that the chart shows; the picture carries it."""
    shown = [[row["title"], row["ours"], row["peers"]] for row in result["rows"]]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def chart(result: Mapping[str, Any]) -> bytes:
    """The PNG: a panel a work, each with its own scale from zero, ours first."""
    rows = result["rows"]
    heights = [_TITLE + _BAR * (1 + len(row["peers"])) + _GAP for row in rows]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, sum(heights) + 0.75), facecolor="white")
        FigureCanvasAgg(figure)
        _heading(figure)
        top = figure.get_figheight() - 0.7
        for row, height in zip(rows, heights, strict=True):
            inches = height - _TITLE - _GAP
            bottom = (top - _TITLE - inches) / figure.get_figheight()
            axes = figure.add_axes((_NAMES, bottom, 0.98 - _NAMES, inches / figure.get_figheight()))
            _panel(axes, row)
            top -= height
        out = BytesIO()
        # Without matplotlib's name and version: the same picture is the same bytes.
        figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None, "Description": digest(result)})
    return out.getvalue()


def _heading(figure: Figure) -> None:
    height = figure.get_figheight()
    figure.text(0.012, 1 - 0.24 / height, "Gas of the same work, on one chain", fontsize=13, weight="bold")
    keys = (("this suite", _OURS), ("a peer", _PEER), ("a peer that is ahead", _AHEAD))
    for place, (text, colour) in enumerate(keys):
        left = 0.012 + 0.13 * place
        figure.text(left, 1 - 0.5 / height, "■", color=colour, fontsize=11)
        figure.text(left + 0.018, 1 - 0.5 / height, text)
    figure.text(0.47, 1 - 0.5 / height, "each panel has its own linear scale, from zero", color="#555555")


def _panel(axes: Axes, row: Mapping[str, Any]) -> None:
    bars = list(_bars(row))
    longest = max(gas for _, gas, _ in bars)
    axes.barh(range(len(bars)), [gas for _, gas, _ in bars], color=[colour for _, _, colour in bars], height=0.74)
    for place, (_, gas, _) in enumerate(bars):
        axes.text(gas + longest * 0.008, place, f"{gas:,}", va="center", fontsize=8.5)
    axes.set_yticks(range(len(bars)), [name for name, _, _ in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlim(0, longest * 1.17)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, colors=_TEXT)
    axes.get_yticklabels()[0].set_fontweight("bold")
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color("#888888")
    axes.set_title(row["title"], loc="left", fontsize=9.5, weight="bold", pad=3, x=-_NAMES / (0.98 - _NAMES) + 0.016)


def _bars(row: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Name, gas and colour: ours first, then the peers from the least."""
    yield "this suite", row["ours"], _OURS
    for name, gas in sorted(row["peers"].items(), key=lambda item: (item[1], item[0])):
        yield name, gas, _AHEAD if gas < row["ours"] else _PEER


def write(result: Mapping[str, Any]) -> None:
    """The page's tables, and the chart."""
    PAGE.write_text(replace_tables(PAGE.read_text(encoding="utf-8"), tables(result)), encoding="utf-8")
    CHART.write_bytes(chart(result))
