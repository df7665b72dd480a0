"""docs/explorer.md gives the figures of benchmarks/explorer.json."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_page__what_it_carries__is_what_was_measured() -> None:
    page = (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
    found = json.loads((ROOT / "benchmarks" / "explorer.json").read_text(encoding="utf-8"))

    def spread(name: str) -> str:
        return f"{found[name]['p50']:.0f} ms, {found[name]['p95']:.0f} ms for 95 of 100 |"

    for said in (
        f"{found['events']:,} events in {found['index_seconds']:.0f} s, {found['events_per_second']:,} a second |",
        f"| from a block to a listener | {spread('lag_ms')}",
        f"for {found['seconds']} s | {found['visitors']}, {found['requests']:,} requests, ",
        f"requests, {found['load_errors']} errors |",
        f"| a figure, while they are there | {spread('api_ms')}",
        f"| a page, while they are there | {spread('page_ms')}",
    ):
        assert said in page, said
