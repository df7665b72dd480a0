"""JSON-RPC over HTTP for web3, by httpx.

Not web3's own AsyncHTTPProvider: that takes a thread's lock in a worker thread around each request, and where a task is
cancelled just then (as happens whenever an epoch is settled) the lock is never given back, and no request of the
process is ever sent again. It also opens a new connection for each request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

import httpx
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from sbi_network.chain.answer import check_answer
from sbi_network.chain.errors import EndpointError
from sbi_network.chain.limited import read_limited
from sbi_network.http_pool import HttpPool

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""No answer that these programs ask for comes near."""

_MOST_SECONDS_OF_REST: Final = 60.0
"""An endpoint that asks for more is asked again after this."""


class HttpProvider(AsyncJSONBaseProvider):
    """One endpoint. A request has the time limit as a whole."""

    def __init__(self, rpc_url: str, request_seconds: float) -> None:
        super().__init__()
        self._url = rpc_url
        self._seconds = request_seconds
        self._client = HttpPool(request_seconds)
        self.clock_skew: float | None = None
        """This machine's time less the endpoint's at its last answer, seconds; None where it does not say."""

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The endpoint's answer, of the method's shape. Raises EndpointError, whose text never holds the URL."""
        answer = await self._answered(method, self.encode_rpc_request(method, params))
        check_answer(method, params, answer)
        return answer

    async def make_batch(self, method: RPCEndpoint, each_params: Sequence[Any]) -> list[RPCResponse]:
        """The endpoint's answers to one method asked many times in one request, in that order. Raises EndpointError:
        of kind `NoBatch` where the endpoint does not take such requests."""
        requests = [self.form_request(method, params) for params in each_params]
        found: Any = await self._answered(method, self.encode_batch_request_dicts(requests))
        if not isinstance(found, list):
            raise EndpointError("NoBatch", f"{method}: many at once are not answered")
        by_id = {each["id"]: each for each in found if isinstance(each, dict) and isinstance(each.get("id"), int)}
        answers = [by_id.get(request["id"]) for request in requests]
        for params, answer in zip(each_params, answers, strict=True):
            check_answer(method, params, answer)
        return cast(list[RPCResponse], answers)

    async def disconnect(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _answered(self, method: RPCEndpoint, body: bytes) -> RPCResponse:
        try:
            async with asyncio.timeout(self._seconds):
                return self.decode_rpc_response(await self._post(body))
        except TimeoutError:
            raise EndpointError("Timeout", f"{method}: no answer within {self._seconds:g} s") from None
        except httpx.HTTPStatusError as error:
            status, rest = error.response.status_code, _retry_after(error.response)
            raise EndpointError("HTTPStatus", f"{method}: answered with {status}", rest) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EndpointError(type(error).__name__, f"{method}: no answer") from None
        except (ValueError, RecursionError):  # a deeply nested answer exhausts the parser's stack
            raise EndpointError("NoJSON", f"{method}: the answer is not JSON-RPC") from None

    async def _post(self, body: bytes) -> bytes:
        headers = {"content-type": "application/json"}
        async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
            self.clock_skew = _skew(response)
            response.raise_for_status()
            return await read_limited(response, MAX_ANSWER_BYTES)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the endpoint asks to be left alone (RFC 9110, 10.2.3); the form with a date is not used by nodes."""
    given = response.headers.get("retry-after", "")
    return min(float(given), _MOST_SECONDS_OF_REST) if given.isdecimal() and len(given) < 10 else None


def _skew(response: httpx.Response) -> float | None:
    try:
        # The header counts whole seconds: half of one is its error.
        return time.time() - parsedate_to_datetime(response.headers["date"]).timestamp() - 0.5
    except (KeyError, ValueError):
        return None
