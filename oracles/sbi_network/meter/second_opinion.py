"""What oracles will accept of an epoch, asked before the reading is signed.

A reading that says more than an oracle has seen proved counts as nothing with it. Oracles may have seen a product too
late that was sent in time, for days afterwards; whoever asks them signs no more than enough of them accept. They can
only lower a reading, and could as well refuse it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx
import structlog

from sbi_network.errors import ProtocolError
from sbi_network.protocol.figure import UINT64_MAX
from sbi_network.protocol.json_form import MAX_TEXT_CHARS, parse_json

_ASK_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.2

Raw = tuple[int, int, int]

_log = structlog.get_logger("sbi.meter.oracles")


async def accepted_by_most(urls: Sequence[str], epoch: int, facility: int) -> Raw | None:
    """The most raw output by class that more than two thirds of those who answer accept; None if nobody does.

    Takes a second at most: the reading is waited for.
    """
    if not urls:
        return None
    async with httpx.AsyncClient(trust_env=False, timeout=_ASK_SECONDS) as client:
        asked = [_ask(client, f"{url}/v1/audits/{epoch}/{facility}") for url in urls]
        answers = [answer for answer in await asyncio.gather(*asked) if answer is not None]
    if not answers:
        return None
    quorum = 2 * len(answers) // 3 + 1
    general, intelligent, super_ = (
        sorted((answer[place] for answer in answers), reverse=True)[min(quorum, len(answers)) - 1] for place in range(3)
    )
    return general, intelligent, super_


async def _ask(client: httpx.AsyncClient, url: str) -> Raw | None:
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            while True:
                async with client.stream("GET", url) as response:
                    body = bytearray()
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > MAX_TEXT_CHARS:
                            return None
                if response.status_code == httpx.codes.OK:
                    return allowed_in(bytes(body))
                await asyncio.sleep(_AGAIN_SECONDS)  # it may still be judging
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ProtocolError) as error:
        _log.info("oracle_does_not_say", url=url, reason=type(error).__name__)
        return None


def allowed_in(body: bytes) -> Raw | None:
    """What an oracle's answer says that it accepts; None where it says nothing of the kind. Raises FormatError."""
    given = parse_json(body)
    listed = given.get("allowed") if isinstance(given, dict) else None
    if not isinstance(listed, list) or len(listed) != 3:
        return None
    if not all(isinstance(text, str) and text.isdecimal() and len(text) <= 20 for text in listed):
        return None
    general, intelligent, super_ = (min(int(text), UINT64_MAX) for text in listed)
    return general, intelligent, super_
