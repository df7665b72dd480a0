"""A chain, facilities and an oracle without a node: real proofs over the facilities' own HTTP, by a clock that a test
sets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.errors import EndpointError
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.meter.devices import Devices, HeldProduct, ThisMachine
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.proof import NumpyBackend, Sizes
from sbi_network.meter.proof.calendar import Beacon, EpochAudit
from sbi_network.meter.proof.obligations import Asked, Fleet, Obligation, Rules
from sbi_network.meter.proof_records import ProofRecords
from sbi_network.meter.prover import Answers, Prover
from sbi_network.meter.service import MeterService, build_http
from sbi_network.meter.store import Identity, ReadingStore
from sbi_network.oracle.audit_log import AuditLog
from sbi_network.oracle.auditing import Auditing
from sbi_network.oracle.transport import Transport
from sbi_network.protocol.address import check_address
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.units import ComputeClass
from tests.oracles.meter.stand_ins import StubMeter
from tests.oracles.oracle.simulated import CHAIN_ID, REGISTRY, facility_key, oracle_key

EPOCH_SECONDS = 100
GENESIS = 1_000_000
PRODUCTS = check_address("products", "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB")
FLEET = Fleet(ComputeClass.GENERAL, 4, 36_000_000_000, 36_000_000_000, Sizes(128, 64, 128))
RULES = Rules(1, 10_000, 0, 0, 5_000, 100, 950_000, (10_000, 10_000, 10_000))
OBLIGATION = Obligation((FLEET,), records_count=False, from_epoch=0)
PAUSE = 0.002


@dataclass
class Time:
    """Seconds of Unix time, as the test says."""

    now: float = float(GENESIS)


@dataclass(frozen=True, slots=True)
class ManualClock(EpochClock):
    """A clock that a test sets."""

    time: Time = field(default_factory=Time)

    def now(self) -> float:
        return self.time.now


class StubCalendar:
    """`AuditCalendar` with a block a second, as far as the clock is; `fails` makes every read of it fail."""

    def __init__(self, obligations: Mapping[int, Obligation], rules: Rules = RULES) -> None:
        self.clock = ManualClock(CHAIN_ID, REGISTRY, GENESIS, EPOCH_SECONDS, 60)
        self.products = SimpleNamespace(address=PRODUCTS)
        self.registry = self
        self.terms = self
        self.chain = None
        self.obligations, self.rules = dict(obligations), rules
        self.fails = False
        self.waiting: set[Any] = set()
        self.deadline_passed = asyncio.Event()

    async def facility(self, number: int) -> Any:
        return SimpleNamespace(reading_key=facility_key(number).address)

    async def rules_at(self, epoch: int) -> Rules:
        if self.fails:
            raise EndpointError("TimeoutError", "no answer")
        return self.rules

    async def audit_of(self, epoch: int) -> EpochAudit | None:
        rules = await self.rules_at(epoch)
        slots = {number: number % rules.slots for number in self.obligations} if rules.asked else {}
        return EpochAudit(epoch, rules, self.obligations if rules.asked else {}, slots)

    def start_of_slot(self, epoch: int, slot: int, slots: int) -> int:
        return self.clock.start_of(epoch) + slot * EPOCH_SECONDS // slots

    def _beacon(self, moment: int) -> Beacon | None:
        if self.clock.now() < moment or self.fails:
            return None
        return Beacon(moment, moment, keccak256(moment.to_bytes(8)))

    async def first_beacon(self, audit: EpochAudit, slot: int) -> Beacon | None:
        return self._beacon(self.start_of_slot(audit.epoch, slot, audit.rules.slots))

    async def second_beacon(self, audit: EpochAudit, slot: int, first: Beacon) -> Beacon | None:
        self.waiting.add(asyncio.current_task())
        await self.deadline_passed.wait()
        return self._beacon(first.timestamp + audit.longest_ms(slot) // 1000 + 1)


class Shameless(Prover):
    """Opens whatever it has."""

    async def open_rows(self, asked: Asked, held: HeldProduct, second: Beacon, shared: Any, answers: Answers) -> bool:
        answers.openings[asked.challenge.device] = (await held.open(second.word)).to_bytes()
        return True


class Silent(Prover):
    """Keeps its openings."""

    async def open_rows(self, asked: Asked, held: HeldProduct, second: Beacon, shared: Any, answers: Answers) -> bool:
        return True


class NoWork(NumpyBackend):
    """Zeros."""

    def multiply(self) -> Any:
        return np.zeros((len(self._a), len(self._b)), dtype=np.float32)


class OneWrongRow(NumpyBackend):
    """All but a few rows are right."""

    def multiply(self) -> Any:
        c = super().multiply()
        c[: len(c) // 4] += 1
        return c


class Facility:
    """A meter at work: prover, records and HTTP."""

    def __init__(
        self,
        calendar: Any,
        folder: Path,
        number: int = 0,
        *,
        prover: type[Prover] = Prover,
        backend: Callable[[], NumpyBackend] = NumpyBackend,
        devices: Devices | None = None,
        signer: Any = None,
    ) -> None:
        key = KeystoreSigner(signer or facility_key(number))
        identity = Identity(number, key.address, calendar.clock.domain)
        self.records = ProofRecords(folder / f"proofs-{number}.sqlite", identity)
        self.prover = prover(calendar, number, key, self.records, devices or ThisMachine(backend))
        store = ReadingStore(folder / f"meter-{number}.sqlite", identity, calendar.clock.now())
        self.service = MeterService(StubMeter(), calendar.clock, number, key, store, self)
        self.http = build_http(self.service)

    def products(self, epoch: int) -> list[str]:
        return self.records.products(epoch)

    def opening(self, epoch: int, device: bytes) -> bytes | None:
        return self.prover.opening(epoch, device)

    def evidence(self, epoch: int) -> bytes:
        return self.records.evidence(epoch, self.prover.domain).root

    async def until_answered(self, epoch: int) -> None:
        await self.prover.until_answered(epoch)

    async def allowed(self, epoch: int) -> None:
        return None


class Court:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.wrong = 0
        self.twice: list[Any] = []

    def two_products(self, first: Any, second: Any) -> None:
        self.twice.append((first, second))

    def wrong_product(self) -> None:
        self.wrong += 1


class Roads(httpx.AsyncBaseTransport):
    """Brings requests for http://facility-<number> to its application."""

    def __init__(self, facilities: Mapping[int, Facility]) -> None:
        self._ways = {f"facility-{n}": httpx.ASGITransport(each.http) for n, each in facilities.items()}
        self.openings = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        way = self._ways.get(request.url.host)
        if way is None:
            raise httpx.ConnectError("nobody is there")
        try:
            return await way.handle_async_request(request)
        finally:
            self.openings += "/v1/openings/" in request.url.path


class Network:
    """One oracle that audits, and the facilities that it audits. `log` may be a file that outlives it."""

    def __init__(self, calendar: StubCalendar, facilities: Mapping[int, Facility], log: Any = ":memory:") -> None:
        self.calendar, self.facilities, self.court = calendar, facilities, Court()
        self.log = AuditLog(log, check_address("oracle", oracle_key(0).address), calendar.clock.domain)
        self._roads = Roads(facilities)
        transport = Transport(5, lambda: httpx.AsyncClient(transport=self._roads))
        urls = {number: f"http://facility-{number}" for number in calendar.obligations}
        typed: Any = calendar
        self.auditing = Auditing(typed, transport, urls, self.log, PAUSE, self.court)

    async def pass_epoch(self, epoch: int = 0, *, from_second: int = 0, answering: bool = True) -> None:
        """An epoch of everybody's, or its rest: the products, the deadline, the openings, the end."""
        calendar, clock = self.calendar, self.calendar.clock
        calendar.waiting.clear()
        calendar.deadline_passed = asyncio.Event()
        clock.time.now = float(clock.start_of(epoch) + from_second)
        audit = asyncio.create_task(self.auditing.audit(epoch))
        answers = [asyncio.create_task(each.prover.answer(epoch)) for each in self.facilities.values() if answering]
        while len(calendar.waiting) < sum(not task.done() for task in (audit, *answers)):
            if all(task in calendar.waiting or task.done() for task in answers):
                # Only the oracle still waits: for products that do not come, until the deadline.
                seen = self.log.rows("SELECT count(*) FROM seen")
                await asyncio.sleep(10 * PAUSE)
                if seen == self.log.rows("SELECT count(*) FROM seen"):
                    clock.time.now += 1.0
            await asyncio.sleep(PAUSE)
        clock.time.now = max(clock.time.now, float(clock.start_of(epoch) + EPOCH_SECONDS // 2))
        calendar.deadline_passed.set()
        await asyncio.gather(*answers)
        # Whoever opens has opened: after everybody was asked once more, the epoch may end.
        enough = self._roads.openings + 2 * FLEET.devices * len(calendar.obligations)
        while not audit.done() and self._roads.openings < enough:  # noqa: ASYNC110 - it counts requests
            await asyncio.sleep(PAUSE)
        clock.time.now = float(clock.end_of(epoch) + 1)
        await audit


def span(epoch: int) -> EpochSpan:
    """The seconds of an epoch."""
    start = GENESIS + epoch * EPOCH_SECONDS
    return EpochSpan(epoch, start, start + EPOCH_SECONDS)
