"""The process `sbi signer run`."""

from __future__ import annotations

import asyncio

import structlog

from sbi_network.serving import Server, bound_socket
from sbi_network.signer.app import HeldKey, build_app
from sbi_network.signer.opening import load_private
from sbi_network.signer.settings import SignerSettings

_SHUTDOWN_SECONDS = 1
_MOST_CONNECTIONS = 128

_log = structlog.get_logger("sbi.signer")


async def run_signer(settings: SignerSettings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Raises SBIError where that cannot begin."""
    keys = [HeldKey(load_private(key), key.signs) for key in settings.keys]
    with bound_socket(settings.http) as listening:
        server = Server(build_app(keys), _SHUTDOWN_SECONDS, _MOST_CONNECTIONS)
        serving = asyncio.create_task(server.serve([listening]))
        held = {key.signer.address: str(key.signs) for key in keys}
        _log.info("signer_started", keys=held, host=settings.http.host, port=settings.http.port)
        try:
            await stop.wait()
        finally:
            server.should_exit = True
            await serving
    _log.info("signer_stopped")
