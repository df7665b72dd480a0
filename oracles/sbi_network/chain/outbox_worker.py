"""Moves intents on, one step at a time: each step looks at the chain once and does what follows.

The order within a step matters: what is in blocks is taken in first, then what waits is pushed, then what is new is
begun. All waiting is counted in blocks and all deadlines in blocks' time, so that a wrong clock changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import structlog

from sbi_network.chain.broadcast import Verdict, verdict_of_all
from sbi_network.chain.calling import gas_for, simulate
from sbi_network.chain.chain_view import ChainView, look, market, nonce_at
from sbi_network.chain.connection import Chain, Head, asked
from sbi_network.chain.errors import ContractRefused, EndpointError, FinalityError, SignerError
from sbi_network.chain.fees import FeeRule, Market
from sbi_network.chain.intent import Attempt, Inclusion, Intent, State
from sbi_network.chain.keys import Signer
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.transaction import Call, Transaction, transaction_hash
from sbi_network.errors import SBIError

_MOST_DROPPED: Final = 10_000
"""How many final intents are looked through when finality was broken."""

_MOST_LINKED: Final = 512
"""How many blocks are followed back to see that a new final block descends from the last one."""

_MOST_AHEAD: Final = 64
"""An account with more transactions waiting than this, beside ours, is an endpoint's error."""

_SURE_LOOKS: Final = 3
"""At so many final blocks in a row no endpoint may know a receipt before a nonce counts as another's."""

_log = structlog.get_logger("sbi.chain.outbox")


class Step(StrEnum):
    """Moments between which a process may end. `*_kept` means: on disk."""

    SIGNED = "signed"
    SIGNED_KEPT = "signed_kept"
    GIVEN = "given"
    SENT_KEPT = "sent_kept"
    INCLUDED = "included"
    INCLUDED_KEPT = "included_kept"
    SETTLED = "settled"
    SETTLED_KEPT = "settled_kept"


@dataclass(frozen=True, slots=True)
class OutboxRules:
    """How an outbox behaves. Blocks are counted by the newest block's number."""

    fees: FeeRule = field(default_factory=FeeRule)
    raise_after_blocks: int = 3
    """A transaction that waits longer is replaced by one that offers more."""

    repeat_after_blocks: int = 2
    """How often the same bytes are given to all endpoints again."""

    gap_after_blocks: int = 10
    """A nonce before ours that nobody used for so long is filled."""

    urgent_seconds: int = 60
    """So shortly before a deadline, fees are raised with every block."""

    most_in_flight: int = 16
    """Transactions that wait for a block at a time: go-ethereum keeps 16 of an account for sure."""

    broken_after_seconds: float = 30.0
    """Finality counts as broken once endpoints have contradicted what was final for so long without a pause."""


@dataclass
class _Memory:
    """What need not survive a restart."""

    given_at: dict[str, int] = field(default_factory=dict)
    underpriced: set[str] = field(default_factory=set)
    gaps: dict[int, int] = field(default_factory=dict)
    missing: dict[int, list[int]] = field(default_factory=dict)
    """For an intent, the final blocks at which no endpoint knew a receipt though its nonce was used."""

    contradicted_since: float | None = None
    """When endpoints began to contradict what was final, by `time.monotonic`."""


class OutboxWorker:
    """The account's hands. Only one works on an outbox file at a time: see `locking`."""

    def __init__(
        self,
        chain: Chain,
        chain_id: int,
        store: OutboxStore,
        signer: Signer,
        rules: OutboxRules,
        reached: Callable[[Step, Intent], None] = lambda step, intent: None,
    ) -> None:
        self._chain = chain
        self._chain_id = chain_id
        self._store = store
        self._signer = signer
        self._rules = rules
        self._reached = reached
        self._memory = _Memory()

    async def step(self, now: int) -> None:
        """Move every intent as far as it goes now; `now` is this machine's time in seconds.

        Raises FinalityError, EndpointError, SignerError or OutboxError; what was done until then is kept.
        """
        self._chain.pool.doubt()
        view = await look(self._chain, self._signer.address)
        await self._check_finality(view)
        await _each(self._store.in_flight(), lambda intent: self._follow(intent, view))
        waiting = [intent for intent in self._store.in_flight() if _is_waiting(intent, view)]
        await _each(waiting, lambda intent: self._push(intent, view))
        await self._fill_gaps(view, now)
        await self._begin(view)

    # What is in blocks.

    async def _check_finality(self, view: ChainView) -> None:
        """Raises FinalityError if the last final block that was seen is no longer part of the chain."""
        broken = self._store.broken()
        if broken is not None:
            raise FinalityError(broken)
        anchor = self._store.anchor()
        if anchor is None:
            self._store.keep_anchor(view.final.number, view.final.hash)
        elif view.final.number >= anchor[0]:
            await self._check_anchor(anchor, view.final)

    async def _check_anchor(self, anchor: tuple[int, str], final: Head) -> None:
        """What was final still is, and what is final now descends from it: an answer of another chain does not."""
        number, expected = anchor
        found = final if final.number == number else await self._chain.head(number)
        if found.hash != expected:
            await self._contradicted(anchor, found.hash)
        self._memory.contradicted_since = None
        if final.number > number and await self._descends(final, anchor):
            self._store.keep_anchor(final.number, final.hash)

    async def _descends(self, final: Head, anchor: tuple[int, str]) -> bool:
        """Raises EndpointError if it does not."""
        below = final
        while below.number - 1 > anchor[0] and final.number - below.number < _MOST_LINKED:
            parent = await self._chain.head(below.number - 1)
            if parent.hash != below.parent:
                raise EndpointError("Disagreement", f"block {parent.number} is not the parent of {below.number}")
            below = parent
        if below.number - 1 == anchor[0] and below.parent != anchor[1]:
            raise EndpointError("Disagreement", f"block {anchor[0]} is not the parent of {below.number}")
        return True

    async def _contradicted(self, anchor: tuple[int, str], found: str) -> None:
        """Raises. One endpoint that still has the block makes this a disagreement; so does an answer that passes."""
        number, expected = anchor
        now = time.monotonic()
        since = self._memory.contradicted_since = self._memory.contradicted_since or now
        self._chain.pool.doubt()
        replies = await self._chain.pool.ask_each("eth_getBlockByNumber", [hex(number), False])
        is_kept = any(reply.result and reply.result["hash"].lower() == expected for reply in replies)
        if is_kept or now - since < self._rules.broken_after_seconds:
            raise EndpointError("Disagreement", f"block {number} was final as {expected}, an endpoint has {found}")
        dropped = await self._no_longer_final()
        text = (
            f"block {number} was final as {expected} and is now {found}; intents no longer in a block: {len(dropped)}"
        )
        self._store.keep_broken(text, dropped)
        _log.critical("finality_broken", block=number, expected=expected, found=found, keys=[i.key for i in dropped])
        raise FinalityError(text)

    async def _no_longer_final(self) -> list[Intent]:
        dropped = []
        for intent in self._store.final(_MOST_DROPPED):
            if intent.inclusion is None or await self._is_agreed(intent.inclusion):
                break  # blocks below one that is still there are still there
            dropped.append(intent)
        return dropped

    async def _follow(self, intent: Intent, view: ChainView) -> None:
        """Take in what the chain shows of an intent."""
        if intent.nonce is None or intent.nonce >= view.nonce:
            if intent.state is State.INCLUDED:
                self._dropped(intent)
            return
        inclusion = await self._inclusion_of(intent)
        if inclusion is None:
            await self._missing(intent, view)
            return
        self._memory.missing.pop(intent.number, None)
        if inclusion != intent.inclusion or intent.state is not State.INCLUDED:
            self._reached(Step.INCLUDED, intent)
            self._store.mark_included(intent, inclusion)
            _log.info("included", intent=intent.key, transaction=inclusion.transaction, block=inclusion.block_number)
            self._reached(Step.INCLUDED_KEPT, intent)
        if inclusion.block_number <= view.final.number and await self._is_agreed(inclusion):
            self._settle(intent, inclusion)

    async def _inclusion_of(self, intent: Intent) -> Inclusion | None:
        for attempt in self._store.attempts(intent):
            params = [attempt.transaction]
            receipt = await _result(self._chain, "eth_getTransactionReceipt", params)
            if receipt is not None:
                return _inclusion(receipt, attempt)
        return None

    async def _is_agreed(self, inclusion: Inclusion) -> bool:
        """Whether every endpoint that answers, and is not set aside, has the block."""
        replies = await self._chain.pool.ask_each("eth_getBlockByNumber", [hex(inclusion.block_number), False])
        found = [reply.result for reply in replies if reply.result and not reply.endpoint.is_aside]
        return bool(found) and all(block["hash"].lower() == inclusion.block_hash for block in found)

    def _settle(self, intent: Intent, inclusion: Inclusion) -> None:
        state = State.FINAL if inclusion.succeeded else State.REVERTED
        if inclusion.is_blank:
            state = State.EXPIRED
        self._reached(Step.SETTLED, intent)
        self._store.settle(intent, state)
        self._forget(intent)
        _log.info(str(state), intent=intent.key, transaction=inclusion.transaction, block=inclusion.block_number)
        self._reached(Step.SETTLED_KEPT, intent)

    def _dropped(self, intent: Intent) -> None:
        _log.warning("dropped_by_reorg", intent=intent.key, nonce=intent.nonce)
        self._store.mark_dropped(intent)
        self._forget(intent)

    def _forget(self, intent: Intent) -> None:
        """What was remembered of its transactions no longer holds."""
        self._memory.missing.pop(intent.number, None)
        for attempt in self._store.attempts(intent):
            self._memory.given_at.pop(attempt.transaction, None)
            self._memory.underpriced.discard(attempt.transaction)

    async def _missing(self, intent: Intent, view: ChainView) -> None:
        """The nonce is used and no receipt is known: another's transaction, or an endpoint that lags."""
        if intent.state is State.INCLUDED:
            self._dropped(intent)
            return
        used = await nonce_at(self._chain, self._signer.address, view.final.number)
        if intent.nonce is None or intent.nonce >= used or not await self._nobody_has(intent):
            return
        looks = self._memory.missing.setdefault(intent.number, [])
        if view.final.number not in looks:
            looks.append(view.final.number)
        if len(looks) >= _SURE_LOOKS:
            self._displaced(intent)

    async def _nobody_has(self, intent: Intent) -> bool:
        """Whether every endpoint answers, and none knows a receipt of any of the intent's transactions."""
        for attempt in self._store.attempts(intent):
            for reply in await self._chain.pool.ask_each("eth_getTransactionReceipt", [attempt.transaction]):
                if not reply.endpoint.is_aside and (reply.answer is None or reply.message or reply.result is not None):
                    return False
        return True

    def _displaced(self, intent: Intent) -> None:
        _log.error("nonce_taken_by_another", intent=intent.key, nonce=intent.nonce)
        self._forget(intent)
        if intent.state is State.WITHDRAWN or intent.call == self._blank_call():
            self._store.settle(intent, State.EXPIRED)
        else:
            self._store.mark_displaced(intent)

    # What waits.

    async def _push(self, intent: Intent, view: ChainView) -> None:
        """Give a waiting transaction to the endpoints: as it is, for more, or an empty one once it is late."""
        attempts = self._store.attempts(intent)
        if not attempts:
            await self._fill(intent, view)
        elif _is_late(intent, view) and intent.state is not State.WITHDRAWN:
            await self._withdraw(intent, attempts[0], view)
        elif self._is_to_be_raised(intent, attempts[0], view):
            await self._replace(intent, attempts[0], view)
        elif self._is_to_be_given(attempts[0], view):
            await self._give(intent, attempts[0], view)

    def _is_to_be_raised(self, intent: Intent, attempt: Attempt, view: ChainView) -> bool:
        if attempt.transaction in self._memory.underpriced:
            return True
        if attempt.sent_at_block is None or attempt.nonce != view.nonce:
            return False  # only the lowest nonce can be held up by its own fees
        patience = 1 if self._is_urgent(intent, view) else self._rules.raise_after_blocks
        return view.head.number - attempt.sent_at_block >= patience

    def _is_urgent(self, intent: Intent, view: ChainView) -> bool:
        return intent.deadline is not None and intent.deadline - view.head.timestamp < self._rules.urgent_seconds

    def _is_to_be_given(self, attempt: Attempt, view: ChainView) -> bool:
        given = self._memory.given_at.get(attempt.transaction)
        if given is None:
            return True
        return abs(view.head.number - given) >= self._rules.repeat_after_blocks

    async def _replace(self, intent: Intent, last: Attempt, view: ChainView) -> None:
        """The same call and nonce, for more; where the cap allows no more, the same bytes again."""
        fees = self._rules.fees.raised(last.fees, await market(self._chain, view.head))
        if fees is None:
            if self._is_to_be_given(last, view):
                _log.warning("fee_cap_reached", intent=intent.key, max_fee=last.fees.max_fee)
                await self._give(intent, last, view)
            return
        call = self._blank_call() if last.is_blank else intent.call
        offer = Transaction(self._chain_id, last.nonce, fees, last.gas, call)
        replacement = await self._kept(intent, offer, intent.state, is_blank=last.is_blank)
        _log.info("replaced", intent=intent.key, nonce=last.nonce, max_fee=fees.max_fee, tip=fees.tip)
        await self._give(intent, replacement, view)

    async def _withdraw(self, intent: Intent, last: Attempt, view: ChainView) -> None:
        """An empty transaction for the same nonce: nonces above wait for it."""
        # At the cap it replaces nothing that endpoints still have, but it takes the nonce of what they have lost.
        fees = self._rules.fees.raised(last.fees, await market(self._chain, view.head)) or last.fees
        gas = await gas_for(self._chain, self._signer.address, self._blank_call())
        offer = Transaction(self._chain_id, last.nonce, fees, gas, self._blank_call())
        blank = await self._kept(intent, offer, State.WITHDRAWN, is_blank=True)
        _log.warning("withdrawn", intent=intent.key, nonce=last.nonce, deadline=intent.deadline)
        await self._give(intent, blank, view)

    async def _fill(self, intent: Intent, view: ChainView) -> None:
        """The first transaction of a blank."""
        if intent.nonce is None:
            return
        fees = self._rules.fees.first(await market(self._chain, view.head))
        gas = await gas_for(self._chain, self._signer.address, intent.call)
        offer = Transaction(self._chain_id, intent.nonce, fees, gas, intent.call)
        await self._give(intent, await self._kept(intent, offer, State.SIGNED, is_blank=True), view)

    async def _give(self, intent: Intent, attempt: Attempt, view: ChainView) -> None:
        """The same bytes to every endpoint."""
        replies = await self._chain.pool.broadcast(attempt.raw)
        verdict = verdict_of_all(replies)
        self._reached(Step.GIVEN, intent)
        if verdict is Verdict.UNDERPRICED:
            self._memory.underpriced.add(attempt.transaction)
        if verdict is not Verdict.UNREACHED:
            self._memory.given_at[attempt.transaction] = view.head.number
        if verdict is Verdict.TAKEN:
            self._memory.underpriced.discard(attempt.transaction)
            self._store.mark_sent(intent, attempt, view.head.number)
            self._reached(Step.SENT_KEPT, intent)
        said = {reply.endpoint.number: reply.message for reply in replies if reply.message}
        log = _log.info if verdict is Verdict.TAKEN else _log.warning
        log("transaction_sent", intent=intent.key, transaction=attempt.transaction, verdict=verdict.name, said=said)

    # What is new.

    async def _fill_gaps(self, view: ChainView, now: int) -> None:
        """Nonces below ours that nobody uses hold up all above: after a while, empty transactions take them."""
        ours = {intent.nonce for intent in self._store.in_flight()}
        highest = max((nonce for nonce in ours if nonce is not None), default=view.nonce)
        gaps = [nonce for nonce in range(view.nonce, highest) if nonce not in ours]
        seen = self._memory.gaps
        self._memory.gaps = {nonce: seen.get(nonce, view.head.number) for nonce in gaps}
        for nonce, since in list(self._memory.gaps.items())[: self._rules.most_in_flight]:
            if view.head.number - since >= self._rules.gap_after_blocks:
                _log.warning("gap_filled", nonce=nonce)
                blank = self._store.put_blank(
                    f"blank {nonce} of block {view.head.number}", self._blank_call(), nonce, now
                )
                await self._fill(blank, view)

    async def _begin(self, view: ChainView) -> None:
        """Sign and send what is queued, as far as transactions may wait."""
        queued = self._store.queued()
        for late in [intent for intent in queued if _is_late(intent, view)]:
            self._store.settle(late, State.EXPIRED)
            _log.warning("expired", intent=late.key, deadline=late.deadline)
        timely = [intent for intent in queued if not _is_late(intent, view)]
        waiting = [intent for intent in self._store.in_flight() if intent.state is not State.INCLUDED]
        room = self._rules.most_in_flight - len(waiting)
        if timely and room > 0:
            prices = await market(self._chain, view.head)
            await _each(timely[:room], lambda intent: self._begin_one(intent, view, prices))

    async def _begin_one(self, intent: Intent, view: ChainView, prices: Market) -> None:
        try:
            await simulate(self._chain, self._signer.address, intent.call)
            gas = await gas_for(self._chain, self._signer.address, intent.call)
        except ContractRefused as refusal:
            self._store.settle(intent, State.REFUSED, refusal_text(refusal))
            _log.info("refused", intent=intent.key, reason=str(refusal))
            return
        nonce = await self._next_nonce(view)
        offer = Transaction(self._chain_id, nonce, self._rules.fees.first(prices), gas, intent.call)
        await self._give(intent, await self._kept(intent, offer, State.SIGNED, is_blank=False), view)

    async def _next_nonce(self, view: ChainView) -> int:
        """Above all of ours and all that the chain has or waits for. Raises EndpointError for what cannot be."""
        pending = await nonce_at(self._chain, self._signer.address)
        own = self._store.next_nonce()
        known = max(own, await nonce_at(self._chain, self._signer.address, view.final.number))
        nonce = max(own, pending, view.nonce)
        if nonce - known > _MOST_AHEAD:
            raise EndpointError("NonceJump", f"the account's next nonce is said to be {nonce}, and was {known}")
        return nonce

    async def _kept(self, intent: Intent, offer: Transaction, state: State, *, is_blank: bool) -> Attempt:
        """Sign, and keep what was signed before anybody else sees it."""
        raw = offer.signed(await self._signer.sign(offer.preimage()))
        hash_ = transaction_hash(raw)
        attempt = Attempt(hash_, intent.number, offer.nonce, offer.gas, offer.fees, raw, is_blank, None)
        self._reached(Step.SIGNED, intent)
        self._store.keep_attempt(intent, attempt, state)
        self._reached(Step.SIGNED_KEPT, intent)
        return attempt

    def _blank_call(self) -> Call:
        return Call(self._signer.address, "0x")


def refusal_text(refusal: ContractRefused) -> str:
    """A refusal as it is kept: its name and arguments in JSON."""
    plain = {name: value if isinstance(value, int) else str(value) for name, value in refusal.arguments.items()}
    return json.dumps({"name": refusal.name, "arguments": plain})


def _is_late(intent: Intent, view: ChainView) -> bool:
    """Whether the next block is past the deadline."""
    return intent.deadline is not None and view.head.timestamp >= intent.deadline


def _is_waiting(intent: Intent, view: ChainView) -> bool:
    """Whether no transaction of its nonce is in a block."""
    return intent.state is not State.INCLUDED and intent.nonce is not None and intent.nonce >= view.nonce


async def _each(intents: Sequence[Intent], work: Callable[[Intent], Awaitable[None]]) -> None:
    """Work on every one, whatever becomes of the others; then raise the first failure."""
    failures: list[SBIError] = []
    for intent in intents:
        try:
            await work(intent)
        except (ContractRefused, EndpointError, SignerError) as error:
            failures.append(error)
    if failures:
        raise failures[0]


async def _result(chain: Chain, method: str, params: list[Any]) -> Any:
    """The bare result of a method, by whichever endpoint has one. Raises EndpointError."""
    answer = await asked(chain.pool.make_request(method, params))  # type: ignore[arg-type]
    if answer.get("error"):
        raise EndpointError("NodeError", f"{method}: {str(answer['error'])[:200]}")
    return answer["result"]


def _inclusion(receipt: dict[str, Any], attempt: Attempt) -> Inclusion:
    return Inclusion(
        transaction=attempt.transaction,
        block_number=int(receipt["blockNumber"], 16),
        block_hash=str(receipt["blockHash"]).lower(),
        gas_used=int(receipt["gasUsed"], 16),
        succeeded=int(receipt["status"], 16) == 1,
        is_blank=attempt.is_blank,
    )
