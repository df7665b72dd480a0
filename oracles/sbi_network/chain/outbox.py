"""The outbox: every transaction of one account, from intent to finality, through restarts, reorgs and dead endpoints.

    async with opened_outbox(chain, signer, path) as outbox:
        receipt = await outbox.send(call, Order(key=f"{chain_id}/{vault}/{epoch}/distribute", deadline=…))

Any number of tasks may send at once. What was begun goes on when a caller is cancelled, and after a restart.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog
from eth_typing import ChecksumAddress

from sbi_network.chain.calling import simulate
from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import (
    ContractRefused,
    FinalityError,
    TransactionExpiredError,
    TransactionRevertedError,
)
from sbi_network.chain.intent import Intent, Order, State
from sbi_network.chain.keys import Signer
from sbi_network.chain.locking import locked
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.outbox_worker import OutboxRules, OutboxWorker, Step
from sbi_network.chain.transaction import Call, Receipt
from sbi_network.errors import SBIError
from sbi_network.protocol.abi import DecodedError

_KEPT_SECONDS: Final = 180 * 86_400
"""How long settled intents are remembered."""

_IDLE_POLLS: Final = 10
"""With nothing under way the chain is looked at so much more seldom; a new intent is begun at once all the same."""

_FOUND: Final = (State.INCLUDED, State.FINAL, State.REVERTED)

_log = structlog.get_logger("sbi.chain.outbox")

Reached = Callable[[Step, Intent], None]


class Outbox:
    """Sends for one account. It is a `TransactionSender`."""

    def __init__(self, chain: Chain, signer: Signer, store: OutboxStore, worker: OutboxWorker) -> None:
        self._chain = chain
        self._signer = signer
        self._store = store
        self._worker = worker
        self._moved = asyncio.Condition()
        self._woken = asyncio.Event()
        self.last_step_at: float | None = None
        """When a step last ended well, by `time.monotonic`."""

    @property
    def address(self) -> ChecksumAddress:
        """The account that pays."""
        return self._signer.address

    @property
    def store(self) -> OutboxStore:
        """What is kept: for metrics and for those who look."""
        return self._store

    async def simulate(self, call: Call) -> None:
        """Try a call without sending. Raises ContractRefused or EndpointError."""
        await simulate(self._chain, self.address, call)

    def submit(self, call: Call, order: Order | None = None) -> Intent:
        """Keep an intent and return at once: it is on disk and goes its way. Raises OutboxError, FinalityError."""
        broken = self._store.broken()
        if broken is not None:
            raise FinalityError(broken)
        intent = self._store.put(call, order or Order(), int(time.time()))
        self._woken.set()
        return intent

    async def send(self, call: Call, order: Order | None = None) -> Receipt:
        """Bring a call into a block. A reorg may still drop it; then it is sent again. Raises as `settled`."""
        return await self._outcome(self.submit(call, order).number, _FOUND)

    async def settled(self, number: int) -> Receipt:
        """The receipt of an intent in a final block.

        Raises ContractRefused (it would revert, or did), TransactionRevertedError (it did, for a reason that is lost),
        TransactionExpiredError (too late), FinalityError, OutboxError.
        """
        return await self._outcome(number, (State.FINAL, State.REVERTED))

    async def run(self, poll_seconds: float) -> None:
        """Work for ever. What fails is told once and tried again."""
        self._store.forget_settled(int(time.time()) - _KEPT_SECONDS)
        told = ""
        while True:
            told = await self._step(told)
            async with self._moved:
                self._moved.notify_all()
            is_idle = self._store.oldest_unsettled() is None
            await self._rest(poll_seconds * (_IDLE_POLLS if is_idle else 1))

    async def _rest(self, seconds: float) -> None:
        # Not wait_for: on Python 3.11 that can swallow the cancellation that is to end the outbox.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _step(self, told: str) -> str:
        try:
            await self._worker.step(int(time.time()))
        except SBIError as error:
            if str(error) != told:
                _log.warning("outbox_waits", reason=str(error))
            return str(error)
        except Exception:  # noqa: BLE001 - the task's boundary: a bug in one step must not end all sending
            _log.exception("outbox_failed_unexpectedly")
            return ""
        self.last_step_at = time.monotonic()
        return ""

    async def _outcome(self, number: int, enough: tuple[State, ...]) -> Receipt:
        async with self._moved:
            while True:
                intent = self._store.get(number)
                inclusion = intent.inclusion
                is_enough = intent.state in enough and inclusion is not None and not inclusion.is_blank
                if is_enough or intent.is_settled:
                    break
                broken = self._store.broken()
                if broken is not None:
                    raise FinalityError(broken)
                await self._moved.wait()
        return await self._receipt_of(intent)

    async def _receipt_of(self, intent: Intent) -> Receipt:
        """Raises what became of an intent that did not succeed."""
        if intent.state is State.REFUSED:
            raise refusal_in(intent)
        inclusion = intent.inclusion
        if inclusion is None or inclusion.is_blank:
            raise TransactionExpiredError(intent.key)
        if not inclusion.succeeded:
            # Tried again where it failed, the call mostly says why; where it does not, the cause is gone.
            await simulate(self._chain, self.address, intent.call, inclusion.block_number)
            raise TransactionRevertedError(inclusion.transaction)
        return Receipt(inclusion.transaction, inclusion.block_number, inclusion.gas_used)


def refusal_in(intent: Intent) -> ContractRefused:
    """The refusal that an intent ended with."""
    kept = json.loads(intent.reason or '{"name": "unknown", "arguments": {}}')
    return ContractRefused(DecodedError(kept["name"], kept["arguments"]))


@asynccontextmanager
async def opened_outbox(
    chain: Chain,
    signer: Signer,
    path: Path,
    rules: OutboxRules | None = None,
    poll_seconds: float = 1.0,
    reached: Reached = lambda step, intent: None,
) -> AsyncIterator[Outbox]:
    """An outbox at work, alone on its file. At the end it parks: what is on disk goes on at the next start.

    Raises LockedError, OutboxError, EndpointError.
    """
    chain_id = await chain.chain_id()
    with locked(path, "outbox"):
        store = OutboxStore(path, chain_id, signer.address)
        worker = OutboxWorker(chain, chain_id, store, signer, rules or OutboxRules(), reached)
        outbox = Outbox(chain, signer, store, worker)
        working = asyncio.create_task(outbox.run(poll_seconds))
        try:
            yield outbox
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            store.close()
            _log.info("outbox_parked", account=signer.address)
