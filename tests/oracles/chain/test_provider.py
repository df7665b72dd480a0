"""JSON-RPC over HTTP.

make_request    ├── answered → the result
                ├── refused, slow, no JSON, an HTTP error → EndpointError, without the URL
                └── many cancelled halfway → the next are answered all the same
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import EndpointError

HEAD = "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n"
ANSWER = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x7a69"})


@asynccontextmanager
async def _endpoint(status: int, body: str, delay: Callable[[], float]) -> AsyncIterator[Chain]:
    """A chain behind a server that answers everything alike, after a while."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        await asyncio.sleep(delay())
        writer.write((HEAD.format(status, len(body)) + body).encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    chain = Chain(f"http://127.0.0.1:{port}/SECRET", request_seconds=0.5)
    try:
        yield chain
    finally:
        await chain.close()
        server.close()


async def _ask(status: int, body: str, seconds: float) -> int:
    async with _endpoint(status, body, lambda: seconds) as chain:
        return await chain.chain_id()


def test_make_request__answered__is_the_result() -> None:
    assert asyncio.run(_ask(200, ANSWER, 0)) == 31337


@pytest.mark.parametrize(
    ("status", "body", "seconds"),
    [(429, ANSWER, 0), (500, "", 0), (200, "<html>", 0), (200, "", 0), (200, "[]", 0), (200, ANSWER, 5)],
)
def test_make_request__no_good_answer__is_told_without_the_url(status: int, body: str, seconds: float) -> None:
    with pytest.raises(EndpointError) as caught:
        asyncio.run(_ask(status, body, seconds))
    assert "SECRET" not in str(caught.value)


def test_make_request__others_were_cancelled_at_any_point__is_answered() -> None:
    """With web3's own provider this hangs for ever."""

    async def play() -> int:
        async with _endpoint(200, ANSWER, lambda: 0.005) as chain:
            for patience in range(40):
                asked = [asyncio.create_task(chain.chain_id()) for _ in range(5)]
                await asyncio.sleep(patience / 4000)
                for task in asked:
                    task.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
            return await chain.chain_id()

    assert asyncio.run(play()) == 31337
