"""What makes `make peers` fail: anything that is not as it was committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def differences(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[str]:
    """Every figure that is another than the committed one, and whatever else is, as a line."""
    before = {row["work"]: row for row in old.get("rows", ())}
    for row in new["rows"]:
        work = row["work"]
        yield from _changed(work, row, before.pop(work, {}))
    yield from (f"{work}: gone" for work in before)
    for key in new:
        if key != "rows" and new[key] != old.get(key):
            yield f"{key}: changed"


def _changed(work: str, row: Mapping[str, Any], was: Mapping[str, Any]) -> Iterator[str]:
    """In one row: each figure that is another; then what else is."""
    figures, had = ({"ours": r.get("ours"), **r.get("peers", {})} for r in (row, was))
    for name in [*figures, *(name for name in had if name not in figures)]:
        if figures.get(name) != had.get(name):
            yield f"{work}, {name}: {had.get(name)} -> {figures.get(name)}"
    for key in row:
        if key not in ("ours", "peers") and row[key] != was.get(key):
            yield f"{work}: {key} changed"
