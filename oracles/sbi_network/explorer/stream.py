"""Server-sent events: the latest pulse of the chain, to everybody who listens.

A listener has no queue, only the latest message: who reads slowly misses what is outdated, and who does not read at all
is dropped. So listeners cost the same however fast the chain is.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sbi_network.limits import Places, visitor_of

HEARTBEAT_SECONDS: Final = 15.0
SEND_SECONDS: Final = 20.0
"""How long a listener may leave its connection full before it is dropped."""

_RETRY_MILLISECONDS: Final = 3_000
_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would else keep the messages back
]


class Pulse:
    """The latest message, and everybody who waits for the next."""

    def __init__(self, places: Places) -> None:
        self.places: Final = places
        self._message = b""
        self._count = 0
        self._changed = asyncio.Event()
        self._ended = False

    def publish(self, identifier: str, data: str) -> None:
        """Replace the message. `data` is one line."""
        self._message = f"id: {identifier}\nevent: pulse\ndata: {data}\n\n".encode()
        self._count += 1
        self._wake()

    def end(self) -> None:
        """Let every listener go."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def after(self, count: int) -> tuple[int, bytes] | None:
        """The latest message once it is not the one of `count`; empty for a heartbeat; None at the end."""
        if self._count == count and not self._ended:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                return count, b""
        return None if self._ended else (self._count, self._message)


class PulseResponse(Response):
    """One listener's stream."""

    def __init__(self, pulse: Pulse, request: Request) -> None:
        super().__init__()
        self._pulse = pulse
        self._visitor = visitor_of(request.client.host if request.client else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the listener or the explorer ends. The caller has made sure of a place."""
        with self._pulse.places.place(self._visitor) as entered:
            if not entered:
                await _refuse(send)
                return
            gone = asyncio.create_task(_until_gone(receive))
            telling = asyncio.create_task(self._tell(send))
            try:
                await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (gone, telling):
                    task.cancel()
                await asyncio.gather(gone, telling, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await _send_within(send, f"retry: {_RETRY_MILLISECONDS}\n\n".encode())
        count = 0
        while (told := await self._pulse.after(count)) is not None:
            count, message = told
            await _send_within(send, message or b": still here\n\n")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_within(send: Send, body: bytes) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send) -> None:
    body = b'{"type":"about:blank","title":"Too many streams","status":503,"detail":"close some, or come later"}'
    headers = [(b"content-type", b"application/problem+json"), (b"retry-after", b"30")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
