"""Who is let in. The cheapest checks come first, so that what is worthless costs little.

Without a word to the chain: form, place in the queue, window, quote, the payer's signature where it is an ordinary one.
Then the chain is asked: nonce, balance less what the payer has under way here, and a trial of the very call, which is
also where a contract wallet's signature is checked. What passes is on disk before it is acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sbi_network.chain.calling import answer_of
from sbi_network.chain.connection import Head, asked
from sbi_network.chain.errors import ContractRefused
from sbi_network.chain.transaction import Call
from sbi_network.chain.vault import Vault
from sbi_network.errors import FormatError, ProtocolError
from sbi_network.limits import Allowance
from sbi_network.problems import Refusal
from sbi_network.protocol.address import ZERO_ADDRESS
from sbi_network.protocol.signature import COMPACT_BYTES, SIGNATURE_BYTES, Signature
from sbi_network.protocol.typed_data import Address, Domain, TypedMessage
from sbi_network.relay.calls import Contracts
from sbi_network.relay.jobs import Job, JobState, Kind, Record, SignedPermit
from sbi_network.relay.quotes import Quote, fee_nonce, next_word, nonce_at, opened, opens_word
from sbi_network.relay.settings import RelaySettings
from sbi_network.relay.store import Admitted, RelayStore

NEW_SLOT_GAS: Final = 17_100
"""What a slot costs more when it is first used (EIP-2200, EIP-2929)."""

PAYMENT_GAS: Final = 30_000 + 2 * NEW_SLOT_GAS
"""Of a payment in a batch at most: with accrual settled, a new word of nonces and a new payee (docs/gas.md)."""

_SECONDS_AN_HOUR: Final = 3_600
_MOST_WORDS: Final = 16
"""How many words of a payer's nonces are passed over where another file of ours had used them."""

_AGAIN_SECONDS: Final = 10
_LATEST_TIME: Final = 2**62
_TOGETHER_SECONDS: Final = 0.004
"""As long as a disk takes over a transaction: what comes in meanwhile goes with it."""

_ALREADY_MADE: Final = frozenset({"AuthorizationUsedOrCanceled"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a relayer works under."""

    settings: RelaySettings
    domain: Domain
    relayer: Address
    collector: Address
    index_unit: int
    vault: Vault

    @property
    def grace_seconds(self) -> int:
        """So much longer than its payment a fee has to hold."""
        return 0 if self.settings.fees is None else self.settings.fees.grace_seconds

    def fee_of(self, kind: Kind) -> int:
        """What a job costs its payer now, wei."""
        fees = self.settings.fees
        if fees is None:
            return 0
        return {Kind.PAYMENT: fees.payment, Kind.FIRST_SPEND: fees.first_spend, Kind.PERMIT: fees.permit}[kind]


class Gate:
    """Lets jobs in. `wake` is called for each that is kept; `trouble` says why none can be carried now, if so."""

    def __init__(
        self,
        terms: Terms,
        contracts: Contracts,
        store: RelayStore,
        head: Callable[[], Head | None],
        wake: Callable[[], None] = lambda: None,
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        limits = terms.settings.limits
        self.terms: Final = terms
        self._contracts = contracts
        self._store = store
        self._head = head
        self._wake = wake
        self._trouble = trouble
        self._payers = Allowance(limits.payments_per_hour / _SECONDS_AN_HOUR, limits.payment_burst)
        self._checks = 0
        self._turns = asyncio.Semaphore(limits.checks_at_once)
        self._reserved: Counter[Address] = Counter()
        self._entering: Counter[Address] = Counter()
        self._keeping = _Together(store)

    async def quote(self, payer: Address, kind: Kind) -> tuple[Quote, bytes, str]:
        """A quote, the nonce to sign with, and the quote as it travels. Raises Refusal or ChainError."""
        head = self._known_head()
        position = await self._free_position(payer)
        fees = self.terms.settings.fees
        expires = head.timestamp + (fees.quote_seconds if fees else _SECONDS_AN_HOUR)
        quote = Quote(payer, kind, self.terms.fee_of(kind), expires, position)
        return quote, self._nonce(payer, position), quote.sealed(self._store.quote_key)

    async def admit(self, job: Job, quote_text: str | None) -> tuple[Record, bool]:
        """The kept job, and whether it is new. Raises Refusal or ChainError."""
        name = job.name(self.terms.domain)
        known = self._store.find(name)
        if known is not None and known.state not in (JobState.SKIPPED, JobState.EXPIRED):
            return known, False
        head = self._known_head()
        self._check_place()
        self._check_sense(job, head)
        quote = self._check_quote(job, quote_text, head)
        is_wallet = not self._signed_plainly(job)
        async with self._turn():
            if is_wallet:
                await self._check_wallet(job)
            else:
                self._take_allowance(job.payer)
            async with self._reservation(job):
                await self._try(job, is_wallet=is_wallet)
                if is_wallet:
                    self._take_allowance(job.payer)
                position = quote.position + 1 if quote is not None and self._uses(quote, job) else None
                gas = PAYMENT_GAS - (0 if position is None or opens_word(position - 1) else NEW_SLOT_GAS)
                admitted = Admitted(
                    name, job, self.terms.collector, is_wallet, gas, int(time.time()), head.number, position
                )
                if not await self._keeping.keep(admitted):
                    raise _nonce_taken(job)
        self._wake()
        record = self._store.find(name)
        if record is None:
            raise AssertionError(f"job {name} was kept and is gone")
        return record, True

    # Without a word to the chain

    def _known_head(self) -> Head:
        trouble = self._trouble()
        head = self._head()
        if trouble is None and head is not None:
            return head
        raise _come_back("Cannot send now", trouble or "the chain has not been read yet")

    def _check_place(self) -> None:
        most = self.terms.settings.limits.queue
        if self._store.waiting() + sum(self._entering.values()) >= most:
            raise _come_back("The queue is full", f"there are {most} payments under way: come back later")

    def _check_sense(self, job: Job, head: Head) -> None:
        """What no contract needs to be asked for."""
        settings = self.terms.settings
        after, before = job.window
        if before <= head.timestamp + settings.least_validity:
            raise _unfit(
                "Expired, or about to",
                f"it holds until {before}; it has to hold for {settings.least_validity} s after {head.timestamp}",
            )
        if after >= head.timestamp + settings.most_ahead:
            raise _unfit(
                "Not yet valid",
                f"it holds after {after}, and now is {head.timestamp}: come back "
                f"{settings.most_ahead} s before at the earliest",
            )
        if isinstance(job.deed, SignedPermit):
            return
        if job.value < settings.least_payment:
            raise _unfit("Too small", f"given {job.value} wei, the least that is carried is {settings.least_payment}")
        if job.payee in (ZERO_ADDRESS, job.payer, self.terms.domain.verifying_contract):
            raise _unfit("No payee", f"{job.payee} is nobody to pay")
        if job.activation is not None and self._contracts.citizens is None:
            raise _unfit("No activations", "this relayer carries no first spends")

    def _check_quote(self, job: Job, text: str | None, head: Head) -> Quote | None:
        """The quote that a job came with, which it may do without where nothing is asked."""
        if text is None:
            asked_for = self.terms.fee_of(job.kind)
            if asked_for or job.fee is not None:
                raise _unfit("Without a quote", "ask for a quote first, at /v1/quotes")
            return None
        try:
            quote = opened(self._store.quote_key, text)
        except FormatError as error:
            raise _unfit("No quote of ours", str(error)) from None
        if (quote.payer, quote.kind) != (job.payer, job.kind):
            raise _unfit("Another's quote", f"the quote is for a {quote.kind} of {quote.payer}")
        if quote.expires <= head.timestamp:
            raise _unfit("The quote is over", f"it held until {quote.expires}: ask for another")
        if job.fee_value != quote.fee or (job.fee is not None and not quote.fee):
            # More is refused too: nobody pays more than they were quoted, by mistake either.
            raise _unfit("Not the fee quoted", f"signed for {job.fee_value} wei, quoted {quote.fee}")
        if quote.fee and self._store.has_withheld(job.payer):
            raise _unfit("An earlier fee was withheld", f"{job.payer} spent the nonce of a fee that was due")
        self._check_fee_window(job, head)
        return quote

    def _check_fee_window(self, job: Job, head: Head) -> None:
        if job.fee is None:
            return
        message = job.fee.message
        least = min(job.window[1], _LATEST_TIME) + self.terms.grace_seconds
        if message.valid_after >= head.timestamp or message.valid_before < least:
            raise _unfit("The fee's window", f"the fee has to hold from now until {least}")
        if len(set(job.nonces)) != len(job.nonces):
            raise _unfit("One nonce twice", "the fee is another payment, and needs a nonce of its own")

    def _signed_plainly(self, job: Job) -> bool:
        """Whether the payer's own key made the signatures: both, or neither may have been a wallet's."""
        fee_plain = job.fee is None or self._is_signed_by(job.fee.message, job.fee.signature, job.payer)
        return self._is_signed_by(job.message, job.deed.signature, job.payer) and fee_plain

    def _is_signed_by(self, message: TypedMessage, data: bytes, payer: Address) -> bool:
        try:
            if len(data) == COMPACT_BYTES:
                signature = Signature.from_compact(data)
            elif len(data) == SIGNATURE_BYTES:
                signature = Signature.from_bytes(data)
            else:
                return False
            return message.signer(signature, self.terms.domain) == payer
        except ProtocolError:
            return False

    def _take_allowance(self, payer: Address) -> None:
        """Only once the payer is known to have signed: nobody uses up another's."""
        wait = self._payers.wait_for(payer)
        if wait:
            raise Refusal(
                429, "Too many payments", f"{payer} may pay again in {wait:.0f} s", {"Retry-After": str(int(wait) + 1)}
            )

    # With the chain

    async def _check_wallet(self, job: Job) -> None:
        """Whether the payer can be a contract wallet: then the trial will tell whether it accepts."""
        if not self.terms.settings.contract_wallets:
            raise _unfit("Not the payer's signature", f"{job.payer} did not sign this, and wallets are not served")
        code = await asked(self._contracts.token.chain.web3.eth.get_code(job.payer))
        if not code:
            raise _unfit("Not the payer's signature", f"{job.payer} did not sign this, and is no contract wallet")

    async def _try(self, job: Job, *, is_wallet: bool) -> None:
        """A trial of the job. Raises Refusal where the contract would not have it, or ChainError."""
        chain, relayer = self._contracts.token.chain, self.terms.relayer
        try:
            await self._check_fee_nonce(job)
            await self._check_balance(job)
            await answer_of(chain, relayer, self._contracts.alone(job))
            if job.fee is not None and is_wallet and job.activation is None:
                # Who signs by contract has the fee's signature tried too; an ordinary one was checked above.
                await answer_of(chain, relayer, self._contracts.paying(job.fee))
        except ContractRefused as refusal:
            if refusal.name == "AuthorizationNotYetValid" and not is_wallet:
                await self._check_balance(job, surely=True)  # the trial did not come to it
                return
            title = "Already made or cancelled" if refusal.name in _ALREADY_MADE else "The contract would refuse"
            raise _unfit(title, str(refusal.args[0])) from None

    async def _check_fee_nonce(self, job: Job) -> None:
        """A fee whose nonce is spent is none."""
        if job.fee is None:
            return
        token = self._contracts.token
        call = Call(token.address, token.nonce_call(job.payer, job.fee.message.nonce))
        if any(await answer_of(token.chain, self.terms.relayer, call)):
            raise _unfit("The fee's nonce is spent", "ask for a quote: it has a nonce for the fee")

    async def _check_balance(self, job: Job, *, surely: bool = False) -> None:
        """What the payer has beyond what is under way here. Raises Refusal or ChainError."""
        spoken_for, _ = self._store.spoken_for(job.payer)
        if not surely and not spoken_for and self._reserved[job.payer] == job.value:
            return  # the trial sees whether there is that much
        token = self._contracts.token
        answer = await answer_of(token.chain, self.terms.relayer, Call(token.address, token.balance_call(job.payer)))
        balance = int.from_bytes(answer) + await self._income_to_come(job)
        # This job is among the reserved.
        free = balance - spoken_for - self._reserved[job.payer]
        if free < 0:
            raise _unfit(
                "Not enough",
                f"{job.payer} has {balance} wei, of which {spoken_for} are under way; this takes "
                f"{job.value + job.fee_value}",
            )

    async def _income_to_come(self, job: Job) -> int:
        """What an activation brings: all dividends since the batch was enrolled. The trial checks the proof."""
        citizens = self._contracts.citizens
        if job.activation is None or citizens is None or (await citizens.citizen(job.payer)).since:
            return 0
        entered = (await citizens.batch(job.activation.batch)).entry_index
        return (await self.terms.vault.dividend_index() - entered) * self.terms.index_unit

    @asynccontextmanager
    async def _reservation(self, job: Job) -> AsyncIterator[None]:
        """While a job is on its way in, what it takes counts against its payer, and so does its place."""
        payer, takes = job.payer, job.value + job.fee_value
        most = self.terms.settings.limits.waiting_per_payer
        if self._store.spoken_for(payer)[1] + self._entering[payer] >= most:
            raise Refusal(
                429, "Too many waiting", f"{payer} has {most} payments under way", {"Retry-After": str(_AGAIN_SECONDS)}
            )
        for nonce in job.nonces:
            if self._store.is_nonce_taken(payer, nonce):
                raise _nonce_taken(job)
        self._reserved[payer] += takes
        self._entering[payer] += 1
        try:
            yield
        finally:
            self._reserved[payer] -= takes
            self._entering[payer] -= 1
            if not self._entering[payer]:
                del self._entering[payer], self._reserved[payer]

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """A place among those who are checked against the chain, and few of them at a time: what was let in has to be
        sent by the same endpoints. Who finds no place comes back."""
        if self._checks >= self.terms.settings.limits.checks:
            raise _come_back("Busy", "too many requests are being checked: come back in a moment", seconds=1)
        self._checks += 1
        try:
            async with self._turns:
                yield
        finally:
            self._checks -= 1

    async def _free_position(self, payer: Address) -> int:
        """The payer's next place whose nonce is not spent. A file that was lost is made up for word by word."""
        position = self._store.position(payer)
        for _ in range(_MOST_WORDS):
            if not await self._contracts.token.is_authorization_used(payer, self._nonce(payer, position)):
                return position
            position = next_word(position)
        return position

    def _nonce(self, payer: Address, position: int) -> bytes:
        return nonce_at(self.terms.domain.verifying_contract, self.terms.relayer, payer, position)

    def _uses(self, quote: Quote, job: Job) -> bool:
        if isinstance(job.deed, SignedPermit):
            return job.fee is not None and job.fee.message.nonce == fee_nonce(self._nonce(job.payer, quote.position))
        return job.deed.message.nonce == self._nonce(job.payer, quote.position)


class _Together:
    """Keeps what comes at the same time in one transaction of the disk: each waits for it, and no one for more."""

    def __init__(self, store: RelayStore) -> None:
        self._store = store
        self._waiting: list[tuple[Admitted, asyncio.Future[bool]]] = []

    async def keep(self, admitted: Admitted) -> bool:
        """Whether it was kept; on disk when this returns. Raises RelayError."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        if not self._waiting:
            loop.call_later(_TOGETHER_SECONDS, self._keep_all)
        self._waiting.append((admitted, done))
        return await asyncio.shield(done)

    def _keep_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            kept = self._store.keep([admitted for admitted, _ in waiting])
        except Exception as error:  # noqa: BLE001 - each of those who wait raises it
            for _, done in waiting:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), was_kept in zip(waiting, kept, strict=True):
            if not done.done():
                done.set_result(was_kept)


def _unfit(title: str, detail: str) -> Refusal:
    return Refusal(422, title, detail)


def _come_back(title: str, detail: str, seconds: int = _AGAIN_SECONDS) -> Refusal:
    return Refusal(503, title, detail, {"Retry-After": str(seconds)})


def _nonce_taken(job: Job) -> Refusal:
    return Refusal(409, "Nonce under way", f"another payment of {job.payer} under way has this nonce: ask for a quote")
