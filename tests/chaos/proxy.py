"""Proxies that pass HTTP on, or do worse: one before each oracle's endpoint, one between each two peers.

All run in one thread with a loop of its own. What a link does is its `treatment`, which may be changed at any time. A
connection has one of its own to where the link leads: a common pool takes longer to look through than all the rest.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

HOST: Final = "127.0.0.1"
_LONGEST_HEAD: Final = 16 * 1024
_SECONDS: Final = 30.0
_PASSED: Final = ("content-type", "authorization")
"""Headers that say something here."""


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

    async def handle(self, request: Request, onward: Onward) -> Response | None:
        async def forward(given: Request) -> Response:
            async with asyncio.timeout(_SECONDS):
                return await onward.ask(given)

        if self.overhear is not None:
            self.overhear(request)
        try:
            answer = await self.treatment(request, forward)
        except (OSError, EOFError, TimeoutError):
            return None
        if answer is not None and self.watch is not None:
            self.watch(request, answer)
        return answer


class Onward:
    """A connection to where a link leads, opened when it is first used, and again where the other side closed it."""

    def __init__(self, target: str) -> None:
        self._host = urlsplit(target).netloc
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Request) -> Response:
        """Raises OSError or EOFError."""
        was_open = self._streams is not None
        try:
            return await self._asked(request)
        except (OSError, EOFError):
            self.close()
            if not was_open:
                raise
        return await self._asked(request)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _asked(self, request: Request) -> Response:
        if self._streams is None:
            host, port = self._host.split(":")
            self._streams = await asyncio.open_connection(host, int(port), limit=_LONGEST_HEAD)
        reader, writer = self._streams
        headers = {"host": self._host, "content-length": str(len(request.body))}
        headers |= {name: given for name in _PASSED if (given := request.headers.get(name)) is not None}
        lines = [f"{request.method} {request.path} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()]]
        writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + request.body)
        await writer.drain()
        (first, headers), body = await _read_message(reader)
        if headers.get("connection") == "close":
            self.close()
        return Response(int(first.split(" ")[1]), headers.get("content-type", ""), body)


class Proxies:
    """All links, served by one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._at_work: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Proxies:
        self._thread.start()
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

    async def _serve(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = Onward(link.target)
        try:
            while (request := await _read(reader)) is not None:
                answer = await link.handle(request, onward)
                if answer is None:
                    break
                writer.write(_encoded(answer))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            onward.close()
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """What is asked next; None where nothing is."""
    try:
        (first, headers), body = await _read_message(reader)
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = first.split(" ", 2)
    return Request(method, path, headers, body)


async def _read_message(reader: asyncio.StreamReader) -> tuple[tuple[str, dict[str, str]], bytes]:
    """First line and headers, and the body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    if headers.get("transfer-encoding") == "chunked":
        return (first, headers), await _read_chunks(reader)
    return (first, headers), await reader.readexactly(int(headers.get("content-length", 0)))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


def _encoded(answer: Response) -> bytes:
    lines = (
        f"HTTP/1.1 {answer.status} -",
        f"content-type: {answer.content_type}",
        f"content-length: {len(answer.body)}",
    )
    return "\r\n".join((*lines, "", "")).encode("latin-1") + answer.body
