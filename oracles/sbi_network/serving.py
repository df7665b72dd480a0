"""How a process of this package serves HTTP: where it listens, and a server that is stopped with the rest of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import uvicorn
from pydantic import Field
from uvicorn.protocols.http.h11_impl import H11Protocol

from sbi_network.chain.settings import Section
from sbi_network.errors import ListenError

HEAD_SECONDS: Final = 10.0
"""How long the head of a request may take, from the connection's beginning or from the last answer."""

Port = Annotated[int, Field(ge=1, le=65_535)]


class HttpSettings(Section):
    """Where a process listens. Each kind has a port of its own by default."""

    host: str = "127.0.0.1"
    port: Port


@contextmanager
def bound_socket(http: HttpSettings) -> Iterator[socket.socket]:
    """A socket bound where a process is to listen. Raises ListenError where something else does."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((http.host, http.port))
        except OSError as error:
            raise ListenError(f"http: cannot listen on {http.host} port {http.port} ({error.strerror})") from error
        yield listening


class _PromptProtocol(H11Protocol):
    """uvicorn's, but for those who hold a connection and never ask, or do not take their answer.

    It would wait for ever, and a hundred such connections would keep everyone else out.
    """

    head_seconds = HEAD_SECONDS
    answer_seconds: float | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._give(self.head_seconds)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._give(self.answer_seconds)

    def on_response_complete(self) -> None:
        self._give(self.head_seconds)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._give(None)
        super().connection_lost(exc)

    def _give(self, seconds: float | None) -> None:
        """So long from now, or for ever, until the connection is cut."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


class Server(uvicorn.Server):
    """uvicorn without signal handlers and logs of its own: the process has one place where it is told to stop.

    Setting `should_exit` stops it; requests then have `shutdown_seconds` to end. With `most_connections` it refuses
    more at a time. A connection is cut that brings no request within `head_seconds`, or, where that is given, does not
    take the answer within `answer_seconds`.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        shutdown_seconds: int,
        most_connections: int | None = None,
        *,
        head_seconds: float = HEAD_SECONDS,
        answer_seconds: float | None = None,
    ) -> None:
        given = {"head_seconds": head_seconds, "answer_seconds": answer_seconds}
        config = uvicorn.Config(
            app,
            http=type("Protocol", (_PromptProtocol,), given),
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="off",
            limit_concurrency=most_connections,
            timeout_graceful_shutdown=shutdown_seconds,
        )
        super().__init__(config)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: see above."""
        yield
