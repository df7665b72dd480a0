"""Fetching readings.

gather  ├── valid → the reading
        ├── late, but in time → the reading
        ├── slow, silent, without URL, inactive → none, and the others' all the same
        └── too long, nested, forged, another facility's or epoch's, above capacity → none, asked once
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sbi_network.oracle.gather import Gatherer
from sbi_network.oracle.observation import Readings
from sbi_network.oracle.transport import Transport
from sbi_network.protocol.json_form import encode_signed
from tests.oracles.oracle.simulated import CAPACITY, EPOCH, facility_key, key, reading, terms_of, with_terms

TERMS = terms_of()
URLS = {0: "http://facility-0", 1: "http://facility-1"}
GOOD = {number: encode_signed(reading(TERMS, number)) for number in range(2)}

Answer = Callable[[int, int], Any]
"""From the facility and how often it was asked to the text, an HTTP status, or seconds to wait."""


class Facilities(httpx.AsyncBaseTransport):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked = {0: 0, 1: 0}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == f"/v1/readings/{EPOCH}"
        number = int(request.url.host.removeprefix("facility-"))
        self.asked[number] += 1
        given = self._answer(number, self.asked[number])
        if isinstance(given, float):
            await asyncio.sleep(given)
            given = 500
        if isinstance(given, int):
            return httpx.Response(given, request=request)
        return httpx.Response(200, content=given, request=request)


def _gather(answer: Answer, seconds: float = 0.3, **changes: Any) -> tuple[Readings, Facilities]:
    facilities = Facilities(answer)
    terms, urls = changes.get("terms", TERMS), changes.get("urls", URLS)

    async def play() -> Readings:
        transport = Transport(0.1, lambda: httpx.AsyncClient(transport=facilities))
        return await Gatherer(transport, urls, 0.02).gather(terms, seconds)

    return asyncio.run(play()), facilities


def test_gather__valid__is_taken_at_once() -> None:
    began = time.monotonic()
    readings, _ = _gather(lambda number, _: GOOD[number], seconds=5)
    assert readings == (reading(TERMS, 0), reading(TERMS, 1))
    assert time.monotonic() - began < 1


def test_gather__not_there_yet__is_asked_again() -> None:
    readings, facilities = _gather(lambda number, times: GOOD[number] if times > 3 else 404)
    assert None not in readings
    assert facilities.asked == {0: 4, 1: 4}


@pytest.mark.parametrize("fault", [500, 404, 302, 10.0])
def test_gather__one_is_silent__the_other_counts(fault: Any) -> None:
    began = time.monotonic()
    readings, _ = _gather(lambda number, _: fault if number else GOOD[0])
    assert readings == (reading(TERMS, 0), None)
    assert time.monotonic() - began < 1


BAD = {
    "no JSON": "{",
    "too long": "[" + " " * 5000 + "]",
    "nested": "[" * 2000 + "]" * 2000,
    "another facility's": GOOD[1],
    "signed by another": encode_signed(reading(TERMS, 0, signer=key("stranger"))),
    "signed by another facility": encode_signed(reading(TERMS, 0, signer=facility_key(1))),
    "of another epoch": encode_signed(reading(TERMS, 0, epoch=EPOCH - 1)),
    "above capacity": encode_signed(reading(TERMS, 0, CAPACITY + 1)),
}


@pytest.mark.parametrize("case", BAD)
def test_gather__bad_reading__is_none(case: str) -> None:
    readings, facilities = _gather(lambda number, _: GOOD[1] if number else BAD[case])
    assert readings == (None, reading(TERMS, 1))
    assert case == "too long" or facilities.asked[0] == 1


def test_gather__inactive_or_without_url__is_not_asked() -> None:
    readings, facilities = _gather(lambda number, _: GOOD[number], terms=with_terms(TERMS, 0, active=False))
    assert readings[0] is None
    assert facilities.asked == {0: 0, 1: 1}
    readings, facilities = _gather(lambda number, _: GOOD[number], urls={1: URLS[1]})
    assert readings[0] is None
    assert facilities.asked == {0: 0, 1: 1}
