"""Proxies that pass HTTP on, or do worse: one before each oracle's endpoint, one between each two peers.

All run in one thread with a loop of its own. What a link does is its `treatment`, which may be changed at any time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import httpx

HOST: Final = "127.0.0.1"
_LONGEST_HEAD: Final = 16 * 1024


@dataclass(frozen=True)
class Request:
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """What goes back."""

    status: int
    content_type: str
    body: bytes


Forward = Callable[[Request], Awaitable[Response]]
Treatment = Callable[[Request, Forward], Awaitable[Response | None]]
"""What is done with a request; None closes the connection without an answer."""


async def passed_on(request: Request, forward: Forward) -> Response | None:
    """As if there were no proxy."""
    return await forward(request)


@dataclass(eq=False)
class Link:
    """A listening port and where it leads."""

    port: int
    target: str
    treatment: Treatment = passed_on
    watch: Callable[[Request, Response], None] | None = None
    """Is shown all that got through."""

    overhear: Callable[[Request], None] | None = None
    """Is shown all that came, whatever becomes of it."""

    async def handle(self, request: Request, client: httpx.AsyncClient) -> Response | None:
        async def forward(given: Request) -> Response:
            headers = {name: given.headers[name] for name in ("content-type", "authorization") if name in given.headers}
            url = self.target + given.path
            answer = await client.request(given.method, url, content=given.body, headers=headers)
            return Response(answer.status_code, answer.headers.get("content-type", ""), answer.content)

        if self.overhear is not None:
            self.overhear(request)
        try:
            answer = await self.treatment(request, forward)
        except httpx.HTTPError:
            return None
        if answer is not None and self.watch is not None:
            self.watch(request, answer)
        return answer


class Proxies:
    """All links, served by one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._client: httpx.AsyncClient
        self._servers: list[asyncio.Server] = []
        self._at_work: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Proxies:
        self._thread.start()
        self._run(self._open_client())
        return self

    def __exit__(self, *exception: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def add(self, target: str, port: int = 0) -> Link:
        """A link to a base URL, by a port of its own."""
        link = Link(port, target)
        self._run(self._listen(link))
        return link

    def _run(self, work: Awaitable[None]) -> None:
        async def waited() -> None:
            await work

        asyncio.run_coroutine_threadsafe(waited(), self._loop).result(30)

    async def _open_client(self) -> None:
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=100)
        self._client = httpx.AsyncClient(trust_env=False, timeout=30, limits=limits)

    async def _listen(self, link: Link) -> None:
        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Not a coroutine: asyncio would complain of each that is cancelled at the end.
            task = self._loop.create_task(self._serve(link, reader, writer))
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)

        server = await asyncio.start_server(serve, HOST, link.port, limit=_LONGEST_HEAD)
        link.port = server.sockets[0].getsockname()[1]
        self._servers.append(server)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in set(self._at_work):
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await self._client.aclose()

    async def _serve(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                answer = await link.handle(request, self._client)
                if answer is None:
                    break
                writer.write(_encoded(answer))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


def _encoded(answer: Response) -> bytes:
    lines = (
        f"HTTP/1.1 {answer.status} -",
        f"content-type: {answer.content_type}",
        f"content-length: {len(answer.body)}",
    )
    return "\r\n".join((*lines, "", "")).encode("latin-1") + answer.body
