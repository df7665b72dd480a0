"""Fetches each facility's reading of an epoch and checks it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from sbi_network.errors import ProtocolError
from sbi_network.oracle.observation import Readings
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.transport import NoAnswerError, Transport
from sbi_network.protocol.json_form import MAX_TEXT_CHARS, Signed, decode_signed
from sbi_network.protocol.messages import Reading

_FETCHES_AT_ONCE: Final = 64

_log = structlog.get_logger("sbi.oracle.gather")


class BadReadingError(NoAnswerError):
    """A facility answered with something that is no valid reading: to ask again will not help."""


class Judge(Protocol):
    """Who knows what is proved."""

    async def fault_of(self, terms: EpochTerms, signed: Signed[Reading]) -> str | None:
        """Why a reading does not count for want of proof; None where it does. Raises NoAnswerError."""


class Gatherer:
    """Asks facilities by number, each until it has a reading or time is up."""

    def __init__(
        self, transport: Transport, urls: Mapping[int, str], retry_seconds: float, judge: Judge | None = None
    ) -> None:
        self._judge = judge
        self._transport = transport
        self._urls = urls
        self._retry_seconds = retry_seconds

    async def gather(self, terms: EpochTerms, seconds: float) -> Readings:
        """The reading of every active facility, within `seconds`. What did not come in time or is not valid is None."""
        limit = asyncio.Semaphore(_FETCHES_AT_ONCE)
        facilities = range(len(terms.facilities))
        tasks = [asyncio.create_task(self._reading(facility, terms, limit)) for facility in facilities]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=max(0.0, seconds))
            return tuple([_result(task) for task in tasks])
        finally:
            for task in tasks:
                task.cancel()

    async def _reading(self, facility: int, terms: EpochTerms, limit: asyncio.Semaphore) -> Signed[Reading] | None:
        """Runs until there is a reading, none can come, or it is cancelled."""
        if not terms.facilities[facility].terms.active:
            return None
        log = _log.bind(epoch=terms.epoch, facility=facility)
        url = self._urls.get(facility)
        if url is None:
            log.warning("facility_without_url")
            return None
        told = ""
        while True:
            try:
                async with limit:
                    return await self._fetch(f"{url}/v1/readings/{terms.epoch}", facility, terms)
            except NoAnswerError as error:
                if str(error) != told:  # once for each cause, not once for each attempt
                    told = str(error)
                    log.warning("no_reading", reason=told)
                if isinstance(error, BadReadingError):
                    return None
            await asyncio.sleep(self._retry_seconds)

    async def _fetch(self, url: str, facility: int, terms: EpochTerms) -> Signed[Reading]:
        answer = await self._transport.get(url, MAX_TEXT_CHARS)
        if not answer.is_ok:
            raise NoAnswerError(f"answered with {answer.status}")
        try:
            reading = decode_signed(Reading, answer.body)
            fault = terms.fault_of(reading, facility)
        except ProtocolError as error:
            raise BadReadingError(str(error)) from None
        if fault is None and self._judge is not None:
            fault = await self._judge.fault_of(terms, reading)
        if fault is not None:
            raise BadReadingError(fault)
        return reading


def _result(task: asyncio.Task[Signed[Reading] | None]) -> Signed[Reading] | None:
    return task.result() if task.done() else None
