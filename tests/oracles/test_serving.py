"""Where processes listen, and how their server ends.

bound_socket ── free ── taken ── IPv6
Server       ── serves until told to stop ── leaves signals alone ── refuses more connections than it may have
             ── cuts who does not ask, drips a head, or does not take the answer; keeps who asks again
"""

from __future__ import annotations

import asyncio
import contextlib
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


async def long_answer(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("opening", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_server__who_does_not_ask_or_asks_no_more__is_cut(opening: bytes) -> None:
    async def said() -> bytes:
        async with served(Server(app, 1, head_seconds=0.2)) as client:
            reader, writer = await asyncio.open_connection(HOST, client.base_url.port)
            writer.write(opening)
            told = b""
            with contextlib.suppress(ConnectionError):
                told = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            assert (await client.get("/")).status_code == 204
            return told

    assert asyncio.run(said()).startswith(b"HTTP/1.1 204" if opening.endswith(b"\r\n\r\n") else b"")


def test_server__a_head_that_drips__is_cut_for_all_its_bytes() -> None:
    async def dripped() -> int:
        async with served(Server(app, 1, head_seconds=0.3)) as client:
            reader, writer = await asyncio.open_connection(HOST, client.base_url.port)
            sent = 0
            with contextlib.suppress(ConnectionError):
                for sent in range(1000):
                    writer.write(b"G" if not sent else b"E")
                    await writer.drain()
                    if reader.at_eof():
                        break
                    await asyncio.sleep(0.02)
            writer.close()
            return sent

    assert asyncio.run(dripped()) < 999


def test_server__an_answer_that_is_not_taken__is_cut_and_its_task_ends() -> None:
    async def ended() -> bool:
        server = Server(long_answer, 1, head_seconds=5, answer_seconds=0.3)
        async with served(server) as client:
            _, writer = await asyncio.open_connection(HOST, client.base_url.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(10):
                while not server.server_state.tasks:  # noqa: ASYNC110 - likewise
                    await asyncio.sleep(0.01)
                while server.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event to wait for
                    await asyncio.sleep(0.01)
            writer.close()
            return True

    assert asyncio.run(ended())


def test_server__who_asks_again_in_time__is_kept() -> None:
    async def statuses() -> tuple[list[int], int]:
        server = Server(app, 1, head_seconds=5, answer_seconds=5)
        async with served(server) as client:
            found = [(await client.get("/")).status_code for _ in range(3)]
            return found, len(server.server_state.connections)

    assert asyncio.run(statuses()) == ([204] * 3, 1)
