"""Answers of strangers, read no further than a limit."""

from __future__ import annotations

import httpx


async def read_limited(response: httpx.Response, limit: int) -> bytes:
    """The body of a streamed response. Raises ValueError if it is longer than `limit` bytes."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > limit:
            raise ValueError(f"the answer is longer than {limit} bytes")
    return bytes(body)
