"""Connections for HTTP requests that may be broken off.

httpx's pool loses connections where a request is cancelled, as happens with every time limit: it counts them for ever,
and with a hundred lost no request of the process is ever sent again. So a pool in which that happened takes no more
requests; it is closed, lost connections and all, when those that it still has have ended.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(eq=False)
class _Pool:
    client: httpx.AsyncClient
    requests: int = 0
    is_retired: bool = False


class HttpPool:
    """Makes requests as `httpx.AsyncClient` does. `make` gives a client to begin with, and each that follows."""

    def __init__(self, seconds: float, make: Callable[[], httpx.AsyncClient] | None = None) -> None:
        trusted = ssl.create_default_context()
        # No proxies from the environment. Redirects are not followed.
        self._make = make or (lambda: httpx.AsyncClient(trust_env=False, timeout=seconds, verify=trusted))
        self._pool: _Pool | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def stream(self, method: str, url: str, **given: Any) -> AsyncIterator[httpx.Response]:
        """As `httpx.AsyncClient.stream`."""
        pool = self._pool = self._pool or _Pool(self._make())
        pool.requests += 1
        try:
            async with pool.client.stream(method, url, **given) as response:
                yield response
        except asyncio.CancelledError:
            self._retire(pool)
            raise
        finally:
            pool.requests -= 1
            if pool.is_retired and not pool.requests:
                self._close_soon(pool)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.client.aclose()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _retire(self, pool: _Pool) -> None:
        pool.is_retired = True
        if self._pool is pool:
            self._pool = None

    def _close_soon(self, pool: _Pool) -> None:
        """Not here: who was cancelled must not wait."""
        task = asyncio.create_task(pool.client.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
