"""HTTP to others, who may be slow, silent or hostile: every answer has a time limit and a size limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from sbi_network.http_pool import HttpPool
from sbi_network.oracle.errors import OracleError
from sbi_network.oracle.passport import HEADER


class NoAnswerError(OracleError):
    """Somebody could not be reached, was too slow, or answered with too much."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered."""

    status: int
    body: bytes

    @property
    def is_ok(self) -> bool:
        """200, and nothing else."""
        return self.status == HTTPStatus.OK


class Transport:
    """A client with limits. The whole of an exchange, not each of its reads, has the time limit."""

    def __init__(self, request_seconds: float, make: Callable[[], httpx.AsyncClient] | None = None) -> None:
        self._seconds = request_seconds
        self._client = HttpPool(request_seconds, make)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def get(self, url: str, limit: int, passport: str | None = None) -> Answer:
        """GET with an answer of at most `limit` bytes. Raises NoAnswerError."""
        return await self._exchange("GET", url, None, limit, passport)

    async def post(self, url: str, body: str, limit: int, passport: str | None = None) -> Answer:
        """POST JSON. Raises NoAnswerError."""
        return await self._exchange("POST", url, body, limit, passport)

    async def _exchange(self, method: str, url: str, body: str | None, limit: int, passport: str | None) -> Answer:
        headers = {} if body is None else {"content-type": "application/json"}
        if passport is not None:
            headers[HEADER] = passport
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(method, url, content=body, headers=headers) as response,
            ):
                return Answer(response.status_code, await _limited(response, limit))
        except TimeoutError:
            raise NoAnswerError(f"no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswerError(type(error).__name__) from None


async def _limited(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > limit:
            raise NoAnswerError(f"the answer is longer than {limit} bytes")
    return bytes(body)
