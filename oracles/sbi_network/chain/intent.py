"""An intent: a call that is to be in a final block once, and how far it has come.

| state | on disk | next |
|---|---|---|
| QUEUED | the call, its key, its deadline | SIGNED; REFUSED if the contract would not have it; EXPIRED |
| SIGNED | a nonce, a raw transaction | SENT once an endpoint has it; else as SENT |
| SENT | that an endpoint has it; replacements | INCLUDED; WITHDRAWN; if another took the nonce QUEUED, or EXPIRED ¹ |
| WITHDRAWN | an empty transaction for its nonce, since it is late | INCLUDED, with the one or the other; EXPIRED |
| INCLUDED | the block, not yet final | FINAL; REVERTED; EXPIRED if with the empty one; SENT if a reorg dropped it |
| FINAL | a final block, success | none; SENT if finality itself was broken |
| REVERTED | a final block, failure | none |
| REFUSED | why; it never had a nonce | none |
| EXPIRED | that it will never be in a block | none |

¹ if all it was for was to take that nonce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sbi_network.chain.transaction import Call, Fees


class State(StrEnum):
    """How far an intent has come."""

    QUEUED = "queued"
    SIGNED = "signed"
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    INCLUDED = "included"
    FINAL = "final"
    REVERTED = "reverted"
    REFUSED = "refused"
    EXPIRED = "expired"


_NUMBERED_NEXT: Final = frozenset({State.SENT, State.INCLUDED, State.WITHDRAWN, State.QUEUED, State.EXPIRED})

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.QUEUED: frozenset({State.SIGNED, State.REFUSED, State.EXPIRED}),
    State.SIGNED: _NUMBERED_NEXT,
    State.SENT: _NUMBERED_NEXT,
    State.WITHDRAWN: frozenset({State.INCLUDED, State.EXPIRED}),
    State.INCLUDED: frozenset({State.FINAL, State.REVERTED, State.EXPIRED, State.SENT}),
    State.FINAL: frozenset({State.SENT}),
    State.REVERTED: frozenset(),
    State.REFUSED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""Which states may follow which. Every other step is a bug."""

IN_FLIGHT: Final = (State.SIGNED, State.SENT, State.WITHDRAWN, State.INCLUDED)
"""States with a nonce that is not settled."""

UNSETTLED: Final = (State.QUEUED, *IN_FLIGHT)

FREES_KEY: Final = (State.REFUSED, State.EXPIRED, State.REVERTED)
"""Nothing was done under the key: whoever asks again gets a new intent."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller knows of a call beside the call.

    `key` names what it is for (chain, contract, epoch, kind): whoever asks again under a key gets the intent that runs
    or is final instead of a second one, even if the call's data differ. Without one, a call joins an unsettled intent
    of just the same data, if there is one. After `deadline`, a block's time in seconds, it is no use: it is not sent,
    and withdrawn if it was.
    """

    key: str | None = None
    deadline: int | None = None


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where a transaction stands: hash, block, gas used, and whether it succeeded; `is_blank` for an empty one."""

    transaction: str
    block_number: int
    block_hash: str
    gas_used: int
    succeeded: bool
    is_blank: bool


@dataclass(frozen=True, slots=True)
class Intent:
    """A row of the outbox."""

    number: int
    key: str
    call: Call
    deadline: int | None
    created_at: int
    state: State
    nonce: int | None
    inclusion: Inclusion | None
    reason: str | None
    """JSON: the contract's refusal."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.state not in UNSETTLED


@dataclass(frozen=True, slots=True)
class Attempt:
    """One signed transaction of an intent. `sent_at_block` is the newest block when an endpoint first had
    it."""

    transaction: str
    intent: int
    nonce: int
    gas: int
    fees: Fees
    raw: bytes
    is_blank: bool
    sent_at_block: int | None
