"""Samples from a Prometheus server, by its HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/).

Two ways to ask. A *series* is a plain selector (`node_cpu_seconds_total{mode="user"}`): its raw samples come with the
times at which they were scraped, so that gaps and resets are seen. A *query* is any PromQL expression, evaluated at
every `step`: there Prometheus itself bridges gaps, for up to five minutes by default.

Values are decimal text in the API and become integers here, in billionths, rounded down; no float is in between.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Annotated, Any, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sbi_network.meter.errors import SourceError

BILLION: Final = 1_000_000_000
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_CHUNK_SECONDS: Final = 900
_CHUNK_STEPS: Final = 10_000  # Prometheus refuses more than 11,000 points a series
_LARGEST_EXPONENT: Final = 40
_SHOWN: Final = 200
_LATEST_SECOND: Final = 10**12
"""Of any sample: beyond it lies no time of this world, and infinity."""

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Series:
    """One series' samples: milliseconds of Unix time, and the value in billionths; None where it is no number."""

    samples: dict[int, int | None] = field(default_factory=dict)

    def in_order(self) -> list[tuple[int, int | None]]:
        """The samples by time."""
        return sorted(self.samples.items())


class _Answer(BaseModel):
    """What the API answers, as far as it is used: unknown keys are the server's affair."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    status: str
    error: str = ""
    data: Any = None


class _Matrix(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    metric: dict[str, str]
    values: list[tuple[Annotated[float, Field(ge=0, le=_LATEST_SECOND)], str]]


_MATRICES: Final = TypeAdapter(list[_Matrix])


class Prometheus:
    """One server. Errors name the server by host and port alone: the URL may hold a password."""

    def __init__(self, url: str, request_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._seconds = request_seconds
        self._said = _without_secrets(url)

    async def version(self) -> str:
        """The server's own word. Raises SourceError."""
        data = await self._ask("/api/v1/status/buildinfo", {})
        return str(data.get("version", "of unknown version")) if isinstance(data, dict) else "of unknown version"

    async def series(self, selector: str, start: int, end: int) -> Mapping[Labels, Series]:
        """Raw samples from second `start` to second `end`, both included. Raises SourceError."""
        found: dict[Labels, Series] = {}
        for first in range(start, end, _CHUNK_SECONDS):
            last = min(first + _CHUNK_SECONDS, end)
            parameters = {"query": f"{selector}[{last - first}s]", "time": str(last)}
            self._take(found, await self._ask("/api/v1/query", parameters))
        return found

    async def query(self, expression: str, start: int, end: int, step: int) -> Mapping[Labels, Series]:
        """An expression's values at every `step` seconds from `start` to `end`. Raises SourceError."""
        found: dict[Labels, Series] = {}
        for first in range(start, end + 1, step * _CHUNK_STEPS):
            last = min(first + step * (_CHUNK_STEPS - 1), end)
            parameters = {"query": expression, "start": str(first), "end": str(last), "step": str(step)}
            self._take(found, await self._ask("/api/v1/query_range", parameters))
        return found

    def _take(self, found: dict[Labels, Series], data: Any) -> None:
        """Merge an answer into what there is: neighbouring chunks may both hold the sample at their edge."""
        if not isinstance(data, dict) or data.get("resultType") != "matrix":
            kind = data.get("resultType") if isinstance(data, dict) else type(data).__name__
            raise SourceError(
                f"{self._said}: answered with {kind!r}, expected series of samples: is it a plain selector?"
            )
        try:
            matrices = _MATRICES.validate_python(data.get("result", []))
        except ValidationError:
            raise SourceError(f"{self._said}: the samples are not in the form of its API") from None
        for matrix in matrices:
            series = found.setdefault(tuple(sorted(matrix.metric.items())), Series())
            series.samples |= {round(at * 1000): _billionths(text) for at, text in matrix.values}

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Any:
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._post(path, parameters)
        except TimeoutError:
            raise SourceError(f"{self._said}: no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{self._said}: cannot be reached ({type(error).__name__})") from None
        try:
            answer = _Answer.model_validate(json.loads(body))
        except (ValueError, RecursionError):
            raise SourceError(f"{self._said}: does not answer as Prometheus does") from None
        if answer.status != "success":
            raise SourceError(f"{self._said}: refuses ({answer.error[:_SHOWN]})")
        return answer.data

    async def _post(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """Refusals are JSON too, with a status from 400 on. Long expressions travel in the body."""
        answer = bytearray()
        async with (
            httpx.AsyncClient(trust_env=False, timeout=self._seconds) as client,
            _request(client, self._url + path, parameters) as response,
        ):
            async for part in response.aiter_bytes():
                answer += part
                if len(answer) > MAX_ANSWER_BYTES:
                    raise SourceError(f"{self._said}: the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return bytes(answer)


def _request(client: httpx.AsyncClient, url: str, parameters: Mapping[str, str]) -> Any:
    return client.stream("POST", url, data=dict(parameters)) if parameters else client.stream("GET", url)


def _without_secrets(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "Prometheus"
    return f"Prometheus at {parsed.host}:{parsed.port or (443 if parsed.scheme == 'https' else 80)}"


def _billionths(text: str) -> int | None:
    """A value in billionths, rounded down; None for NaN, infinities, and what is beyond any counter."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or value.adjusted() > _LARGEST_EXPONENT:
        return None
    return int((value * BILLION).to_integral_value(ROUND_FLOOR))
