"""What endpoints say to a raw transaction. Every client words it its own way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from sbi_network.chain.endpoints import Reply


class Verdict(IntEnum):
    """What came of giving a transaction to endpoints; the highest of several counts."""

    UNREACHED = 0
    """Nobody answered."""

    REJECTED = 1
    """For another reason; the text says which."""

    POOR = 2
    """The account cannot pay for it."""

    UNDERPRICED = 3
    """Below the base fee or the pool's least, or not enough above what it would replace."""

    NONCE_USED = 4
    """A transaction of this nonce is in a block: ours or another's; receipts tell."""

    TAKEN = 5
    """An endpoint has it, now or from before."""


_WORDS: Final = (
    (Verdict.TAKEN, r"already known|already imported|known transaction|alreadyknown|already in (?:the )?(?:mem)?pool"),
    (
        Verdict.NONCE_USED,
        r"nonce too low|nonce is too low|oldnonce|nonce_too_low|invalid nonce|nonce.*already been used",
    ),
    (
        Verdict.UNDERPRICED,
        r"underpriced|fee too low|feetoolow|less than block base fee|below.*base fee|price too low|could not replace",
    ),
    (Verdict.POOR, r"insufficient funds|insufficientfunds|insufficient balance|upfront cost"),
)
"""go-ethereum, Nethermind, Besu, Erigon, Reth and Anvil, as each words it."""


def verdict_of(reply: Reply) -> Verdict:
    """What one endpoint said."""
    if reply.answer is None:
        return Verdict.UNREACHED
    message = reply.message
    if not message:
        return Verdict.TAKEN
    for verdict, words in _WORDS:
        if re.search(words, message, re.IGNORECASE):
            return verdict
    return Verdict.REJECTED


def verdict_of_all(replies: Iterable[Reply]) -> Verdict:
    """What came of it."""
    return max(map(verdict_of, replies), default=Verdict.UNREACHED)
