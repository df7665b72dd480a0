"""A pool that outlives requests that are broken off: httpx's own is used up by them.

many cancelled, wherever they are → the next request is answered; at the end nothing is open
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import httpx

from sbi_network.http_pool import HttpPool

MOST = 5


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(random.random() * 0.02)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell")
    writer.close()


async def _asked(pool: HttpPool, url: str) -> bytes:
    async with pool.stream("GET", url) as response:
        return await response.aread()


def test_stream__after_many_cancelled__is_answered_and_nothing_stays_open() -> None:
    made: list[httpx.AsyncClient] = []

    def make() -> httpx.AsyncClient:
        made.append(httpx.AsyncClient(trust_env=False, timeout=20, limits=httpx.Limits(max_connections=MOST)))
        return made[-1]

    async def play() -> tuple[bytes, int]:
        server = await asyncio.start_server(_serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        pool = HttpPool(20, make)
        for _ in range(30):
            tasks = [asyncio.create_task(_asked(pool, url)) for _ in range(10)]
            await asyncio.sleep(random.random() * 0.02)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        answer = await _asked(pool, url)
        await pool.aclose()
        server.close()
        return answer, sum(not client.is_closed for client in made)

    assert asyncio.run(play()) == (b"well", 0)
    assert len(made) > 1
