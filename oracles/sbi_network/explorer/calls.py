"""What governance would do, in words: the suite's own functions with their arguments."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Final

from sbi_network.explorer.deployment import Deployment
from sbi_network.govern.errors import ProposalError
from sbi_network.govern.proposal import Call, decode_call
from sbi_network.protocol.address import check_address

MOST_CALLS: Final = 8
"""Of one proposal or operation that are shown. Anybody with a vote may propose what is long to read."""
_LONGEST: Final = 1_000
_MOST_BYTES: Final = 4_096


def calls_in_words(calls: str, deployment: Deployment) -> list[str]:
    """Of pairs of target and data, as JSON. A call to anybody else is shown by its target and first bytes."""
    pairs = json.loads(calls)
    shown = [_in_words(target, data, deployment) for target, data in pairs[:MOST_CALLS]]
    return shown if len(pairs) <= MOST_CALLS else [*shown, f"… {len(pairs) - MOST_CALLS} more"]


def _in_words(target: str, data: str, deployment: Deployment) -> str:
    call = Call(check_address("target", target), bytes.fromhex(data[2:]))
    words = f"{target}: {data[:10]}, {len(call.data):,} bytes"
    if len(call.data) <= _MOST_BYTES:
        with suppress(ProposalError, ValueError, OverflowError):  # bytes that are no arguments of the function named
            words = str(decode_call(call, deployment))
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
