"""One Prometheus server for all tests that need a real one: starting it is most of what they take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracles.meter.live_prometheus import LivePrometheus, live_prometheus


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePrometheus]:
    """Running, scraping this machine every second; the test is skipped where the programs are missing."""
    with live_prometheus(tmp_path_factory.mktemp("prometheus")) as running:
        yield running
