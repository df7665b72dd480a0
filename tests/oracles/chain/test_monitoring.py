"""Metrics, health, and the pages they are on.

metrics     ├── each process has its own registry; figures are as they were told
            └── an oracle's: age since the last report, time to the nearest deadline, refusals, disagreement
pages       ├── /healthz, /readyz → 200 and nothing failing, or 503 and what fails
            └── /metrics → Prometheus' text
"""

from __future__ import annotations

import asyncio
import math

import httpx
import pytest

from sbi_network.monitoring.app import build_app
from sbi_network.monitoring.health import Health
from sbi_network.monitoring.metrics import Metrics, OracleMetrics


def _figure(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_metrics__of_two_processes__are_apart() -> None:
    one, other = Metrics(), Metrics()
    one.endpoint_failed(2, "Timeout")
    one.endpoint_set_aside(2, aside=True)
    assert _figure(one, "sbi_rpc_errors_total", endpoint="2", kind="Timeout") == 1
    assert _figure(one, "sbi_rpc_endpoint_aside", endpoint="2") == 1
    assert _figure(other, "sbi_rpc_errors_total", endpoint="2", kind="Timeout") is None
    assert _figure(one, "process_resident_memory_bytes") is not None


def test_oracle_metrics__as_epochs_pass__tell_age_and_deadline() -> None:
    metrics, clock = Metrics(), [1_000.0]
    oracle = OracleMetrics(metrics, lambda: clock[0])
    assert _figure(metrics, "sbi_deadline_seconds") == math.inf
    oracle.epoch_awaited(7, 1_100)
    oracle.epoch_awaited(8, 1_160)
    clock[0] = 1_050.0
    assert _figure(metrics, "sbi_deadline_seconds") == 50
    assert _figure(metrics, "sbi_report_age_seconds") == 50
    oracle.report_accepted(7, 1_040)
    assert _figure(metrics, "sbi_deadline_seconds") == 110
    assert _figure(metrics, "sbi_report_age_seconds") == 10
    assert _figure(metrics, "sbi_last_reported_epoch") == 7
    oracle.epoch_missed(8)
    assert _figure(metrics, "sbi_deadline_seconds") == math.inf


def test_oracle_metrics__refusals_and_disagreement__are_counted() -> None:
    metrics = Metrics()
    oracle = OracleMetrics(metrics)
    oracle.signing_refused("report")
    oracle.signing_refused("report")
    oracle.disagreed(2)
    assert _figure(metrics, "sbi_signing_refusals_total", kind="report") == 2
    assert _figure(metrics, "sbi_disagreement") == 2


def _get(health: Health, path: str) -> httpx.Response:
    async def play() -> httpx.Response:
        app = build_app(Metrics(), health)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get(path)

    return asyncio.run(play())


@pytest.mark.parametrize(
    ("alive", "ready", "healthz", "readyz"),
    [(None, None, 200, 200), (None, "poor", 200, 503), ("stuck", None, 503, 503)],
)
def test_pages__by_what_fails__answer(alive: str | None, ready: str | None, healthz: int, readyz: int) -> None:
    health = Health({"loop": lambda: alive}, {"balance": lambda: ready})
    assert _get(health, "/healthz").status_code == healthz
    answer = _get(health, "/readyz")
    assert answer.status_code == readyz
    failing = {name: said for name, said in (("loop", alive), ("balance", ready)) if said}
    assert answer.json() == {"ok": readyz == 200, "failing": failing}


def test_pages__metrics__are_prometheus_text() -> None:
    answer = _get(Health(), "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE process_resident_memory_bytes gauge" in answer.text
