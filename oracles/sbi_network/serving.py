"""How a process of this package serves HTTP: where it listens, and a server that is stopped with the rest of it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import uvicorn
from pydantic import Field

from sbi_network.chain.settings import Section
from sbi_network.errors import ListenError

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


class Server(uvicorn.Server):
    """uvicorn without signal handlers and logs of its own: the process has one place where it is told to stop.

    Setting `should_exit` stops it; requests then have `shutdown_seconds` to end. With `most_connections` it refuses
    more at a time.
    """

    def __init__(self, app: Callable[..., Any], shutdown_seconds: int, most_connections: int | None = None) -> None:
        config = uvicorn.Config(
            app,
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
