"""Where a process is watched: `/healthz`, `/readyz`, `/metrics`. No secrets, and nothing can be changed there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sbi_network.monitoring.health import Health
from sbi_network.monitoring.metrics import Metrics
from sbi_network.serving import HttpSettings, Port, Server, bound_socket

_SHUTDOWN_SECONDS = 1
_MOST_CONNECTIONS = 32
_ANSWER_SECONDS = 10.0

_log = structlog.get_logger("sbi.monitoring")


class MonitoringSettings(HttpSettings):
    """Where a process is watched."""

    port: Port = 9700


def build_app(metrics: Metrics, health: Health) -> FastAPI:
    """The three pages."""
    app = FastAPI(title="sbi monitoring", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return _told(health.not_alive())

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        return _told(health.not_ready())

    @app.get("/metrics")
    async def figures() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


@asynccontextmanager
async def monitored(settings: MonitoringSettings | None, metrics: Metrics, health: Health) -> AsyncIterator[None]:
    """Serve the pages during the block; without settings, none. Raises ListenError."""
    if settings is None:
        yield
        return
    with bound_socket(settings) as listening:
        server = Server(
            build_app(metrics, health), _SHUTDOWN_SECONDS, _MOST_CONNECTIONS, answer_seconds=_ANSWER_SECONDS
        )
        serving = asyncio.create_task(server.serve([listening]))
        _log.info("monitoring_started", host=settings.host, port=settings.port)
        try:
            yield
        finally:
            server.should_exit = True
            await serving


def _told(failing: dict[str, str]) -> JSONResponse:
    return JSONResponse({"ok": not failing, "failing": failing}, 503 if failing else 200)
