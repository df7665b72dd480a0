"""Challenges facilities and judges their proofs, epoch by epoch; without a good one a reading counts as nothing.

    slot begins ─▶ products fetched until the deadline ─▶ second beacon ─▶ openings fetched and checked ─▶ verdicts
                                                                                                            │
    reading accepted ◀── no more than is proved: `fault_of` ◀── tallies, bound, cap: `obligations` ◀────────┘

A wrong product is kept with the entry that shows it, for anybody, and brought to the chain: `prosecution`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import structlog

from sbi_network.chain.errors import ChainError
from sbi_network.chain.exchange import Exchange
from sbi_network.errors import ProtocolError, SBIError, SignatureError
from sbi_network.meter.deliveries import ExchangeDeliveries
from sbi_network.meter.evidence import AuditResult
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.proof import Audit, Evidence, SharedCheck, Verdict, find_wrong_entry
from sbi_network.meter.proof.calendar import AuditCalendar, Beacon, EpochAudit, until_known
from sbi_network.meter.proof.challenge import Matrix, opened_rows
from sbi_network.meter.proof.obligations import Asked, Obligation, Raw, Rules, allowance, audit_of, challenges, excess
from sbi_network.meter.proof.opening import Opening, opening_bytes
from sbi_network.oracle.audit_log import AuditLog
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.transport import NoAnswerError, Transport
from sbi_network.protocol.figure import ZERO_WORD, hex_of
from sbi_network.protocol.json_form import MAX_TEXT_CHARS, Signed, decode_signed, parse_json
from sbi_network.protocol.messages import Product, Reading, products_domain
from sbi_network.protocol.units import ComputeClass

_KEPT_EPOCHS: Final = 8
_ASKED_AT_ONCE: Final = 64
_NONE: Final = (0, 0, 0)
_OPENING_POLLS: Final = 4
"""How often openings are asked for at least, should the second beacon come at the epoch's end."""

_EVIDENCE_EPOCHS: Final = 1_000
"""How many epochs back products and evidence are kept."""

_log = structlog.get_logger("sbi.oracle.audits")


class Prosecutor(Protocol):
    """Who brings proven faults to the chain."""

    def two_products(self, first: Signed[Product], second: Signed[Product]) -> None:
        """A key signed two products of one challenge."""

    def wrong_product(self) -> None:
        """The log has a wrong product more."""


@dataclass(slots=True)
class _Case:
    """One challenged device."""

    asked: Asked
    audit: Audit
    signed: dict[Product, Signed[Product]] = field(default_factory=dict)
    unseen: bool = False

    @property
    def passed(self) -> bool:
        return self.audit.verdict is Verdict.PROVED


@dataclass(slots=True)
class _Facility:
    """One facility's audit in an epoch."""

    obligation: Obligation
    rules: Rules
    cases: list[_Case] = field(default_factory=list)
    audits: Sequence[AuditResult] = ()
    blamed: bool = True
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Epoch:
    """An epoch's audit. `begun` is set once it is known who must prove what; or that it cannot be: `rules` is None."""

    rules: Rules | None = None
    facilities: dict[int, _Facility] = field(default_factory=dict)
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class Auditing:
    """This oracle's audits of all facilities. `urls` are the facilities' own, by number."""

    def __init__(
        self,
        calendar: AuditCalendar,
        transport: Transport,
        urls: Mapping[int, str],
        log: AuditLog,
        poll_seconds: float,
        prosecutor: Prosecutor | None = None,
    ) -> None:
        self._calendar = calendar
        self._clock = calendar.clock
        self._transport = transport
        self._urls = urls
        self.log = log
        self._poll_seconds = poll_seconds
        self._prosecutor = prosecutor
        self._domain = products_domain(self._clock.chain_id, calendar.products.address)
        self._started_ms = self._clock.now() * 1000
        self._epochs: dict[int, _Epoch] = {}
        self._deliveries: dict[int, ExchangeDeliveries] = {}
        self._late_audits: set[asyncio.Task[None]] = set()
        self._limit = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def run(self) -> None:
        """Audit each epoch as it begins. Never ends by itself; what fails costs one slot of one epoch."""
        epoch = max(0, self._clock.epoch_at(self._clock.now()))
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(max(0.0, self._clock.start_of(epoch) - self._clock.now()))
                tasks.create_task(self.audit(epoch))
                epoch = max(epoch + 1, self._clock.epoch_at(self._clock.now()))

    async def fault_of(self, terms: EpochTerms, signed: Signed[Reading]) -> str | None:
        """Why a reading does not count for want of proof; None where it does. Waits for its facility's verdicts.

        Raises NoAnswerError while the chain cannot be read.
        """
        reading = signed.message
        if not any(reading.raw):
            return None
        try:
            known = self._epochs.get(reading.epoch) or self._late(reading.epoch)
            if known is None:
                rules = await self._calendar.rules_at(reading.epoch)
                return "not audited: the epoch is too long ago" if rules.asked else None
            await known.begun.wait()
            if known.rules is None:
                raise NoAnswerError("what must be proved could not be learnt")
            if not known.rules.asked:
                return None
            facility = known.facilities.get(reading.facility)
            if facility is None:
                return "unproved: no device of this facility is listed in AuditTerms"
            await facility.done.wait()
            allowed = await self._allowed(reading.epoch, reading.facility, facility, reading.raw)
        except ChainError as error:
            raise NoAnswerError(f"what is proved cannot be read: {error}") from None
        fault = excess(reading.raw, allowed) or self._evidence_fault(facility, reading.evidence)
        return None if fault is None else f"unproved: {fault}; {_verdicts(facility)}"

    def finding(self, epoch: int, facility: int) -> dict[str, Any] | None:
        """What this oracle found of a facility, published; None while it is not known, or no proof is asked for."""
        known = self._epochs.get(epoch)
        found = known.facilities.get(facility) if known else None
        if found is None or not found.done.is_set():
            return None
        allowed = self._bare_allowance(found)
        return {
            "epoch": epoch,
            "facility": facility,
            "allowed": [str(figure) for figure in allowed],
            "audits": [
                {
                    "class": audit.compute_class.name.lower(),
                    "challenges": audit.challenges,
                    "failures": audit.failures,
                    "failureBoundPpm": audit.bound_ppm(found.rules.confidence_ppm),
                    "provenOpsPerSecond": str(audit.proven),
                }
                for audit in found.audits
                if audit.challenges
            ],
            "verdicts": _verdicts(found),
        }

    def wrong_products(self) -> list[dict[str, Any]]:
        """Products that are wrong, with all that it takes to show it: for anybody who disputes them."""
        return [wrong.as_object() for wrong in self.log.wrong()]

    def _late(self, epoch: int) -> _Epoch | None:
        """An epoch that was over when this oracle started: of what it saw before, the openings can still be had."""
        if epoch <= self._clock.epoch_at(self._clock.now()) - _KEPT_EPOCHS:
            return None
        task = asyncio.create_task(self.audit(epoch))
        self._late_audits.add(task)
        task.add_done_callback(self._late_audits.discard)
        return self._opened(epoch)

    async def _allowed(self, epoch: int, facility: int, found: _Facility, claimed: Raw) -> Raw:
        """What a reading may say. Receipts are looked up only where they would make the difference."""
        bare, seconds = self._bare_allowance(found), self._clock.epoch_seconds
        backed = replace(found.obligation, records_count=True)
        if not excess(claimed, bare) or excess(claimed, allowance(backed, found.rules, found.audits, seconds, _NONE)):
            return bare
        return allowance(found.obligation, found.rules, found.audits, seconds, await self._delivered(epoch, facility))

    def _bare_allowance(self, found: _Facility) -> Raw:
        return allowance(found.obligation, found.rules, found.audits, self._clock.epoch_seconds, _NONE)

    async def _delivered(self, epoch: int, facility: int) -> Raw:
        reader = self._deliveries.setdefault(facility, ExchangeDeliveries(self._exchange, facility))
        start = self._clock.start_of(epoch)
        return await reader(EpochSpan(epoch, start, start + self._clock.epoch_seconds))

    @asynccontextmanager
    async def _exchange(self) -> AsyncIterator[Exchange]:
        yield Exchange(self._calendar.registry.chain, await self._calendar.terms.exchange())

    def _evidence_fault(self, found: _Facility, evidence: bytes) -> str | None:
        """A reading lists the products that prove it, so that it falls with them."""
        products = [(case.audit.verdict, product) for case in found.cases for product in case.audit.products[:1]]
        proved = [product for verdict, product in products if verdict is Verdict.PROVED]
        # Some may have been late here, and in time elsewhere.
        seen = [product for verdict, product in products if verdict is not Verdict.WRONG]
        roots = {Evidence(each.digest(self._domain) for each in group).root for group in (proved, seen)}
        if evidence in roots and evidence != ZERO_WORD:
            return None
        return "its evidence is not that of the products which this oracle saw"

    def _opened(self, epoch: int) -> _Epoch:
        for old in [known for known in self._epochs if known <= epoch - _KEPT_EPOCHS]:
            del self._epochs[old]
        return self._epochs.setdefault(epoch, _Epoch())

    async def audit(self, epoch: int) -> None:
        """Audit one epoch that has begun, to its end. Raises nothing of its own: what fails is not proved."""
        work = self._opened(epoch)
        try:
            audit = await until_known(lambda: self._calendar.audit_of(epoch), self._poll_seconds)
            # Of an epoch that is over, what cannot be had any more is nobody's fault.
            blamed = self._clock.now() < self._clock.end_of(epoch)
            for number, obligation in audit.obligations.items():
                work.facilities[number] = _Facility(obligation, audit.rules, blamed=blamed)
            work.rules = audit.rules
            work.begun.set()
            if audit.rules.asked:
                self.log.prune(epoch - audit.rules.tally_epochs, epoch - _EVIDENCE_EPOCHS)
            async with asyncio.TaskGroup() as tasks:
                for slot in sorted(set(audit.slots.values())):
                    tasks.create_task(self._slot(audit, slot, work))
        except SBIError as error:
            _log.error("epoch_not_audited", epoch=epoch, reason=str(error))
        except Exception:  # noqa: BLE001 - the task's boundary: a bug must not cost the next epoch too
            _log.exception("audit_failed_unexpectedly", epoch=epoch)
        finally:
            work.begun.set()

    async def _slot(self, audit: EpochAudit, slot: int, work: _Epoch) -> None:
        """All facilities of one slot. B·r is worked out once for all devices that share B."""
        numbers = [number for number, at in audit.slots.items() if at == slot]
        try:
            begins = self._calendar.start_of_slot(audit.epoch, slot, audit.rules.slots)
            await asyncio.sleep(max(0.0, begins - self._clock.now()))
            first = await until_known(lambda: self._calendar.first_beacon(audit, slot), self._poll_seconds)
            await self._all({number: self._commitments(audit, number, first, work) for number in numbers}, work)
            second = await until_known(lambda: self._calendar.second_beacon(audit, slot, first), self._poll_seconds)
            shared = _Shared(second.word)
            judging = {number: self._judge(audit, number, shared, work.facilities[number]) for number in numbers}
            await self._all(judging, work)
        finally:
            # Where this oracle itself failed, nothing is proved to it, and nobody is blamed.
            for number in numbers:
                work.facilities[number].done.set()

    async def _all(self, works: Mapping[int, Awaitable[None]], work: _Epoch) -> None:
        """Work on several facilities. What fails over one of them costs the others nothing, and is not its fault."""
        for number, failure in zip(works, await asyncio.gather(*works.values(), return_exceptions=True), strict=True):
            if isinstance(failure, Exception):
                work.facilities[number].blamed = False
                _log.error("facility_not_audited", facility=number, reason=str(failure), exc_info=failure)

    async def _commitments(self, audit: EpochAudit, number: int, first: Beacon, work: _Epoch) -> None:
        """Ask for products until all have come or the last deadline has passed."""
        found = work.facilities[number]
        asked = challenges(number, audit.epoch, first.word, found.obligation, audit.rules)
        for each in asked:
            deadline = first.timestamp * 1000 + each.terms.allowed_ms
            case = _Case(each, Audit(each.challenge, deadline), unseen=self._started_ms > deadline)
            for signed, at in self.log.seen(audit.epoch, number, each.challenge.device):
                self._take(case, signed, at)
            found.cases.append(case)
        by_device = {case.asked.challenge.device: case for case in found.cases}
        key = (await until_known(lambda: self._calendar.registry.facility(number), self._poll_seconds)).reading_key
        url = f"{self._urls[number]}/v1/products/{audit.epoch}" if number in self._urls else None
        last = max(case.audit.deadline_ms for case in found.cases)
        limit = MAX_TEXT_CHARS * (1 + len(asked))
        while url is not None and any(not case.audit.products for case in found.cases):
            for signed in await self._products(url, limit):
                answered = by_device.get(signed.message.device)
                if answered is not None and self._is_news(answered, signed, key):
                    at = int(self._clock.now() * 1000)
                    self.log.note_seen(signed, at)
                    self._take(answered, signed, at)
            if self._clock.now() * 1000 > last:
                return
            await asyncio.sleep(self._poll_seconds)

    def _is_news(self, case: _Case, signed: Signed[Product], key: str) -> bool:
        """Whether a product answers the challenge, is not known yet, and is the facility's own."""
        product = signed.message
        if product in case.signed or product != case.asked.challenge.product(product.root):
            return False
        try:
            return signed.signer(self._domain) == key
        except SignatureError:
            return False

    def _take(self, case: _Case, signed: Signed[Product], at: int) -> None:
        case.signed[signed.message] = signed
        case.audit.commit(signed.message, at)
        if case.audit.verdict is Verdict.EQUIVOCATED and self._prosecutor is not None:
            one, other = case.audit.products
            self._prosecutor.two_products(case.signed[one], case.signed[other])

    async def _products(self, url: str, limit: int) -> list[Signed[Product]]:
        """What a facility has signed so far; nothing where it does not say, or says nonsense."""
        try:
            async with self._limit:
                answer = await self._transport.get(url, limit)
            return products_in(answer.body, limit) if answer.is_ok else []
        except (NoAnswerError, ProtocolError) as error:
            _log.debug("no_products", url=url, reason=str(error))
            return []

    async def _judge(self, audit: EpochAudit, number: int, shared: _Shared, found: _Facility) -> None:
        """Ask for the rows of every product that came in time, until they are there or the epoch is gone."""
        until = max(self._clock.end_of(audit.epoch), self._clock.now() + _OPENING_POLLS * self._poll_seconds)
        waiting = [case for case in found.cases if case.audit.verdict is Verdict.WITHHELD]
        while waiting and self._clock.now() < until:
            for case in waiting:
                await self._open(self._urls[number], case, shared)
            waiting = [case for case in waiting if case.audit.verdict is Verdict.WITHHELD]
            if waiting:
                await asyncio.sleep(self._poll_seconds)
        self._conclude(audit, number, found)

    async def _open(self, url: str, case: _Case, shared: _Shared) -> None:
        challenge = case.asked.challenge
        try:
            async with self._limit:
                path = f"{url}/v1/openings/{challenge.epoch}/{hex_of(challenge.device)}"
                answer = await self._transport.get(path, opening_bytes(challenge.sizes))
        except NoAnswerError:
            return
        if not answer.is_ok:
            return
        await asyncio.to_thread(case.audit.opened_by, await shared.of(challenge.b), answer.body)
        if case.audit.fault is not None:
            await self._keep_wrong(case, answer.body, case.audit.fault.row, shared)

    async def _keep_wrong(self, case: _Case, opening: bytes, row: int, shared: _Shared) -> None:
        challenge, product = case.asked.challenge, case.audit.products[0]
        opened = Opening.from_bytes(opening, challenge.sizes).rows[shared.place_of(challenge.a, row)]
        entry = await asyncio.to_thread(find_wrong_entry, challenge, row, opened)
        _log.error("wrong_product", epoch=challenge.epoch, facility=challenge.facility, row=row)
        if entry is not None:
            self.log.keep_wrong(product.digest(self._domain), case.signed[product], entry)
            if self._prosecutor is not None:
                self._prosecutor.wrong_product()

    def _conclude(self, audit: EpochAudit, number: int, found: _Facility) -> None:
        """Note what failed, and count: from now on the facility's reading can be judged."""
        for case in found.cases:
            if found.blamed and not case.passed and not case.unseen:
                self.log.note_failure(case.asked, case.audit.verdict)
        failed = self.log.failed(number, audit.epoch - audit.rules.tally_epochs, audit.epoch)
        # What this oracle was not there for is no failure, and yet not proved to it.
        failed[audit.epoch] = [case.asked.fleet for case in found.cases if not case.passed]
        unseen = sum(case.unseen and not case.passed for case in found.cases)
        found.audits = [audit_of(found.obligation, audit.rules, audit.epoch, c, failed) for c in ComputeClass]
        found.done.set()
        passed = sum(case.passed for case in found.cases)
        tell = _log.info if passed == len(found.cases) else _log.warning
        tell("audited", epoch=audit.epoch, facility=number, challenged=len(found.cases), passed=passed, unseen=unseen)


class _Shared:
    """The pass over each B after one second beacon, made once."""

    def __init__(self, second_beacon: bytes) -> None:
        self._second = second_beacon
        self._checks: dict[Matrix, asyncio.Task[SharedCheck]] = {}

    async def of(self, b: Matrix) -> SharedCheck:
        """The check of all products with this B."""
        if b not in self._checks:
            self._checks[b] = asyncio.create_task(asyncio.to_thread(SharedCheck, b, self._second))
        return await self._checks[b]

    def place_of(self, a: Matrix, row: int) -> int:
        """Where a row stands in an opening."""
        return opened_rows(a, self._second).index(row)


def products_in(body: bytes, limit: int) -> list[Signed[Product]]:
    """The products in a facility's answer; none where it lists none. Raises FormatError or RangeError."""
    given = parse_json(body, limit)
    listed = given.get("products") if isinstance(given, dict) else None
    return [decode_signed(Product, json.dumps(each)) for each in (listed if isinstance(listed, list) else [])]


def _verdicts(found: _Facility) -> str:
    """How many devices passed, and why the others did not, in words."""
    passed = sum(case.passed for case in found.cases)
    reasons: dict[str, int] = {}
    for case in found.cases:
        if not case.passed:
            why = "this oracle was not there" if case.unseen else case.audit.verdict.value
            reasons[why] = reasons.get(why, 0) + 1
    failed = "".join(f"; {count}: {why}" for why, count in reasons.items())
    return f"{passed} of {len(found.cases)} challenged devices passed{failed}"
