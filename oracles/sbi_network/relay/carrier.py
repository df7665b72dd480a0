"""Carries what was let in: bundles it, hands it to the outbox, and writes down what became of it.

A bundle is on disk before the outbox has it, under a key of its own: after a kill anywhere the outbox is asked for the
same again, and has it or takes it. What a bundle did is read from the receipt of its transaction, first when it is in a
block and again when that is final; a reorg in between is taken back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from sbi_network.chain.connection import Chain, Head, asked
from sbi_network.chain.intent import Inclusion, Intent, Order, State
from sbi_network.chain.outbox import Outbox, refusal_in
from sbi_network.chain.token import SignedTransfer
from sbi_network.chain.transaction import Call
from sbi_network.errors import SBIError
from sbi_network.relay.bundles import planned
from sbi_network.relay.calls import Contracts
from sbi_network.relay.jobs import FeeState, JobState, Record, SignedPermit
from sbi_network.relay.settings import RelaySettings
from sbi_network.relay.store import Bundle, OpenBundle, Outcome, RelayStore

MOST_TRIES: Final = 3
"""How often a job is sent in transactions that come to nothing before it is given up."""

_SPENT: Final = "AuthorizationUsedOrCanceled"
_POOR: Final = "ERC20InsufficientBalance"
_GIVEN_UP: Final = "its transactions came to nothing"
_TOO_LATE: Final = "its time was over before it was in a block"
_POOR_SECONDS: Final = 600.0
"""How long a fee rests that its payer could not pay: income may come in."""

_LATEST_TIME: Final = 2**62
_SECONDS_A_DAY: Final = 86_400
_FORGET_SECONDS: Final = 3_600.0

_log = structlog.get_logger("sbi.relay")


class Carrier:
    """The hands of a relayer."""

    def __init__(
        self, settings: RelaySettings, chain: Chain, contracts: Contracts, store: RelayStore, outbox: Outbox, name: str
    ) -> None:
        self._settings = settings
        self._chain = chain
        self._contracts = contracts
        self._store = store
        self._outbox = outbox
        self._name = name
        self._woken = asyncio.Event()
        self._forgot_at = 0.0
        self._poor_until: dict[int, float] = {}
        self.head: Head | None = None
        """The newest block that was seen."""
        self.looked_at: float | None = None
        """When a step last ended well, by `time.monotonic`."""

    def wake(self) -> None:
        """There is something new."""
        self._woken.set()

    async def run(self) -> None:
        """For ever. What fails is told once and tried again."""
        told = ""
        while True:
            try:
                await self.step()
                self.looked_at, told = time.monotonic(), ""
            except SBIError as error:
                if str(error) != told:
                    _log.warning("relay_waits", reason=str(error))
                told = str(error)
            await self._rest()

    async def _rest(self) -> None:
        """Until the next look. News do not hurry it more than the outbox moves: they wait for company."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_seconds):
                await self._woken.wait()
                await asyncio.sleep(self._settings.poll_seconds)
        self._woken.clear()

    async def step(self) -> None:
        """One look: at what is under way, at what is over, at what can be sent. Raises SBIError."""
        self.head = await self._chain.head()
        for bundle in self._store.open_bundles():
            await self._follow(bundle)
        await self._begin(self.head)
        if time.monotonic() - self._forgot_at > _FORGET_SECONDS:
            self._store.forget_ended(int(time.time()) - self._settings.kept_days * _SECONDS_A_DAY)
            self._forgot_at = time.monotonic()

    # What is new

    async def _begin(self, head: Head) -> None:
        rules = self._settings.bundles
        # What is in a block waits for finality alone, which may take a quarter of an hour: nobody waits for that.
        room = rules.open - sum(bundle.block_hash is None for bundle in self._store.open_bundles())
        most = max(1, room) * rules.payments
        ready = [record for record in self._store.queued(most) if self._is_timely(record, head)]
        fees = [record for record in self._store.due_fees(most) if self._is_fee_timely(record, head)]
        for plan in planned(ready, fees, rules, time.time())[: max(0, room)]:
            deeds = await self._still_covered(plan.deeds)
            if deeds or plan.fees:
                self._hand_over(self._store.open_bundle(deeds, plan.fees))

    def _is_timely(self, record: Record, head: Head) -> bool:
        after, before = record.job.window
        if before <= head.timestamp + 1:
            self._store.end(record, JobState.EXPIRED, _TOO_LATE)
            return False
        return after < head.timestamp

    def _is_fee_timely(self, record: Record, head: Head) -> bool:
        fee = record.job.fee
        if fee is None or fee.message.valid_before <= head.timestamp + 1:
            self._store.lapse_fee(record)
            _log.warning("fee_lapsed", job=record.name, payer=record.job.payer)
            self._poor_until.pop(record.number, None)
            return False
        return self._poor_until.get(record.number, 0.0) <= time.monotonic()

    async def _still_covered(self, deeds: Sequence[Record]) -> list[Record]:
        """Without those whose payers have emptied their accounts since they were checked."""
        old = [r for r in deeds if time.time() - r.accepted_at >= self._settings.bundles.recheck_seconds]
        payers = {r.job.payer for r in old if r.job.value and r.job.activation is None}
        balances = dict(zip(payers, await asyncio.gather(*map(self._contracts.token.balance_of, payers)), strict=True))
        covered = []
        for record in deeds:
            balance = balances.get(record.job.payer) if record in old else None
            if balance is not None and balance < record.job.value:
                self._store.end(record, JobState.SKIPPED, _POOR)
                continue
            if balance is not None:
                balances[record.job.payer] = balance - record.job.value
            covered.append(record)
        return covered

    def _hand_over(self, bundle: Bundle) -> int:
        """To the outbox, which takes it once. Raises OutboxError, FinalityError."""
        ends = [min(record.job.window[1], _LATEST_TIME) for record in bundle.deeds]
        ends += [min(record.job.fee.message.valid_before, _LATEST_TIME) for record in bundle.fees if record.job.fee]
        order = Order(key=f"{self._name}/{bundle.number}", deadline=max(ends))
        intent = self._outbox.submit(self._call(bundle), order)
        self._store.keep_intent(bundle, intent.number)
        _log.info("bundle_sent", bundle=bundle.number, payments=len(bundle.deeds), fees=len(bundle.fees))
        return intent.number

    def _call(self, bundle: Bundle) -> Call:
        if len(bundle.records) == 1 and bundle.deeds and bundle.deeds[0].goes_alone:
            return self._contracts.alone(bundle.deeds[0].job)
        fees = [record.job.fee for record in bundle.fees if record.job.fee is not None]
        if len(bundle.records) == 1 and fees and bundle.fees[0].is_wallet:
            return self._contracts.paying(fees[0])
        deeds = [record.job.deed for record in bundle.deeds]
        payments = [deed for deed in deeds if not isinstance(deed, SignedPermit)]
        return self._contracts.together([*fees, *payments])

    # What is under way

    async def _follow(self, stands: OpenBundle) -> None:
        number = stands.intent
        if number is None:
            number = self._hand_over(self._store.bundle(stands.number))
        intent = self._outbox.store.get(number)
        inclusion = intent.inclusion
        if intent.state is State.FINAL and inclusion is not None:
            await self._done(self._store.bundle(stands.number), inclusion, is_final=True)
        elif intent.state is State.INCLUDED and inclusion is not None and not inclusion.is_blank:
            if inclusion.succeeded and inclusion.block_hash != stands.block_hash:
                await self._done(self._store.bundle(stands.number), inclusion, is_final=False)
        elif intent.is_settled:
            await self._failed(self._store.bundle(stands.number), intent)
        elif stands.block_hash is not None:
            self._taken_back(self._store.bundle(stands.number))

    async def _done(self, bundle: Bundle, inclusion: Inclusion, *, is_final: bool) -> None:
        """The transaction succeeded: what it did for each."""
        receipt = await asked(self._chain.web3.eth.get_transaction_receipt(inclusion.transaction))  # type: ignore[arg-type]
        told = self._contracts.token.outcomes_in(receipt["logs"])
        elsewhere = await self._elsewhere(bundle, told)
        with self._store.outcome(bundle, inclusion.block_hash, is_open=not is_final) as outcome:
            for record in bundle.deeds:
                self._write_deed(outcome, record, told, elsewhere, inclusion, is_final=is_final)
            for record in bundle.fees:
                self._write_fee(outcome, record, told, elsewhere, inclusion)
        skipped = sum(reason is not None for reason in told.values())
        where = {"transaction": inclusion.transaction, "block": inclusion.block_number, "gas": inclusion.gas_used}
        _log.info("bundle_in_block", bundle=bundle.number, skipped=skipped, is_final=is_final, **where)

    async def _elsewhere(
        self, bundle: Bundle, told: Mapping[tuple[str, bytes], str | None]
    ) -> dict[str, tuple[str, int] | None]:
        """Of payments that had been made or cancelled before: the transaction that made them; None if cancelled."""
        found: dict[str, tuple[str, int] | None] = {}
        for record in bundle.deeds:
            deed = record.job.deed
            if not isinstance(deed, SignedPermit) and told.get(deed.key) == _SPENT:
                found[record.name] = await self._made_by_another(record)
        for record in bundle.fees:
            fee = record.job.fee
            if fee is not None and told.get(fee.key) == _SPENT:
                found[_fee_of(record)] = await self._where_used(fee, record.accepted_block)
        return found

    async def _made_by_another(self, record: Record) -> tuple[str, int] | None:
        """Somebody ran ahead with the same authorisation: the payment is made all the same."""
        deed = record.job.deed
        if not isinstance(deed, SignedPermit):
            return await self._where_used(deed, record.accepted_block)
        spent = await self._contracts.token.where_approved(deed.message, record.accepted_block)
        return None if spent is None else (spent.transaction, spent.block)

    async def _where_used(self, transfer: SignedTransfer, since: int) -> tuple[str, int] | None:
        payer, nonce = transfer.message.from_, transfer.message.nonce
        spent = await self._contracts.token.where_spent(payer, nonce, since)
        return (spent.transaction, spent.block) if spent is not None and spent.used else None

    def _write_deed(
        self,
        outcome: Outcome,
        record: Record,
        told: Mapping[tuple[str, bytes], str | None],
        elsewhere: Mapping[str, tuple[str, int] | None],
        inclusion: Inclusion,
        *,
        is_final: bool,
    ) -> None:
        deed = record.job.deed
        reason = None if isinstance(deed, SignedPermit) else told.get(deed.key, "unknown")
        place = (inclusion.transaction, inclusion.block_number) if reason is None else elsewhere.get(record.name)
        if place is not None:
            outcome.made(record, *place, is_final=is_final)
        elif is_final:
            outcome.ended(record, JobState.SKIPPED, reason or "unknown")

    def _write_fee(
        self,
        outcome: Outcome,
        record: Record,
        told: Mapping[tuple[str, bytes], str | None],
        elsewhere: Mapping[str, tuple[str, int] | None],
        inclusion: Inclusion,
    ) -> None:
        fee = record.job.fee
        reason = "unknown" if fee is None else told.get(fee.key, "unknown")
        by_another = elsewhere.get(_fee_of(record))
        if reason is None:
            outcome.fee_collected(record, inclusion.transaction)
        elif by_another is not None:
            outcome.fee_collected(record, by_another[0])
        elif reason == _POOR:
            # Meanwhile it is spoken for: this payer is served again once the balance covers it.
            self._poor_until[record.number] = time.monotonic() + _POOR_SECONDS
            outcome.fee_again(record)
        else:
            outcome.fee_withheld(record)

    def _taken_back(self, bundle: Bundle) -> None:
        _log.warning("taken_back_by_reorg", bundle=bundle.number)
        with self._store.outcome(bundle, None, is_open=True) as outcome:
            for record in bundle.deeds:
                if record.state is JobState.MADE:
                    outcome.taken_back(record)
            for record in bundle.fees:
                if record.fee_state is FeeState.COLLECTED:
                    outcome.fee_under_way(record)

    async def _failed(self, bundle: Bundle, intent: Intent) -> None:
        """The transaction did nothing: refused before it was sent, reverted, or too late."""
        reason = _reason_of(intent)
        is_alone = len(bundle.records) == 1 and bundle.records[0].goes_alone
        by_another = None
        if is_alone and bundle.deeds and reason is not None:
            by_another = await self._made_by_another(bundle.deeds[0])
        with self._store.outcome(bundle, None, is_open=False) as outcome:
            for record in bundle.deeds:
                if by_another is not None:
                    outcome.made(record, *by_another, is_final=True)
                elif is_alone and reason is not None:
                    outcome.ended(record, JobState.SKIPPED, reason)
                elif record.tries >= MOST_TRIES:
                    outcome.ended(record, JobState.SKIPPED, _GIVEN_UP)
                else:
                    outcome.again(record)
            for record in bundle.fees:
                if is_alone and reason is not None:
                    outcome.fee_withheld(record)
                else:
                    outcome.fee_again(record)
        _log.warning("bundle_failed", bundle=bundle.number, state=str(intent.state), reason=reason)


def _fee_of(record: Record) -> str:
    return f"fee of {record.name}"


def _reason_of(intent: Intent) -> str | None:
    """The contract's own reason, where it gave one."""
    return refusal_in(intent).name if intent.state is State.REFUSED else None
