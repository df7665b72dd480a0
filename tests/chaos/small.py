"""A small network for tests, with epochs as short as this machine allows just now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.chain import Times
from tests.chaos.network import Network, Pace, running_network
from tests.chaos.processes import slowness


@contextmanager
def small_network(folder: Path, all_are: str | None = None) -> Iterator[Network]:
    """Four oracles, f = 1."""
    slow = slowness()
    times = Times(
        epoch=6 * slow,
        report_window=120 * slow,
        dispute_window=60 * slow,
        max_extension=130 * slow,
        reveal_window=40 * slow,
        evidence_horizon=900 * slow,
        lock=1_000 * slow,
        genesis_delay=12 + 6 * slow,
    )
    pace = Pace(gather=1.5 * slow, view=1.5 * slow, poll=0.5 * slow, request=1.5 * slow)
    with running_network(folder, 4, times, pace, all_are=all_are) as network:
        yield network
