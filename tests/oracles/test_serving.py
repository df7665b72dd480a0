"""Where processes listen, and how their server ends.

bound_socket ── free ── taken ── IPv6
Server       ── serves until told to stop ── leaves signals alone ── refuses more connections than it may have
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from sbi_network.errors import ListenError
from sbi_network.serving import HttpSettings, Server, bound_socket

HOST = "127.0.0.1"


async def app(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def free_port(host: str = HOST) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that is told to stop in the end, and has ended."""
    http = HttpSettings(port=free_port())
    with bound_socket(http) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=f"http://{http.host}:{http.port}") as client:
            yield client
        server.should_exit = True
        await asyncio.wait_for(serving, 5)


def test_bound_socket__free__is_where_the_settings_say() -> None:
    port = free_port()
    with bound_socket(HttpSettings(port=port)) as listening:
        assert listening.getsockname() == (HOST, port)


def test_bound_socket__taken__says_what_and_where() -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(ListenError, match=rf"http: cannot listen on {HOST} port {port} \(Address already in use\)"),
            bound_socket(HttpSettings(port=port)),
        ):
            pass


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
def test_bound_socket__host_of_ipv6__is_bound() -> None:
    try:
        port = free_port("::1")
    except OSError:
        pytest.skip("no IPv6 address on this machine")
    with bound_socket(HttpSettings(host="::1", port=port)) as listening:
        assert listening.getsockname()[:2] == ("::1", port)


def test_server__told_to_stop__has_served_and_left_signals_alone() -> None:
    async def statuses() -> tuple[int, bool]:
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        async with served(Server(app, shutdown_seconds=1)) as client:
            status = (await client.get("/")).status_code
            return status, before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))

    assert asyncio.run(statuses()) == (204, True)


@pytest.mark.parametrize(("most_connections", "status"), [(None, 204), (1, 503)])
def test_server__connections_beyond_what_it_may_have__refused(most_connections: int | None, status: int) -> None:
    """uvicorn counts the connection that asks."""

    async def answered() -> int:
        async with served(Server(app, 1, most_connections)) as client:
            return (await client.get("/")).status_code

    assert asyncio.run(answered()) == status
