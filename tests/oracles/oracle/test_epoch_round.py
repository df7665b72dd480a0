"""Rounds of four oracles in one loop, over real messages: everything but sockets, processes and the chain.

all live            → view 0, before its time
leader dead         → one view is lost, not the epoch
facility dead       → the others' output is reported
restarted leader    → fetches what it missed, and takes part
leader restarts     → observes what it observed before
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from sbi_network.chain.keys import KeystoreSigner
from sbi_network.oracle.agreement import ALL_STAND, SignedReport
from sbi_network.oracle.app import build_app
from sbi_network.oracle.config import Timings
from sbi_network.oracle.epoch_round import EpochRound, Means
from sbi_network.oracle.gather import Gatherer
from sbi_network.oracle.mailbox import Identity, Mailbox
from sbi_network.oracle.passport import Passport
from sbi_network.oracle.peers import Peers
from sbi_network.oracle.transport import Transport
from sbi_network.protocol.address import check_address
from sbi_network.protocol.json_form import encode_signed
from sbi_network.protocol.oracle_set import check_report_signatures
from tests.oracles.oracle.simulated import CLOCK, EPOCH, HonestOracle, oracle_key, reading, terms_of

TIMINGS = Timings(gather_seconds=0.4, view_seconds=0.6, poll_seconds=0.05, request_seconds=0.3)
TERMS = terms_of()
LEADER = TERMS.leader_of(0)


class Inbox:
    """Stands in for the submitter: keeps what would be sent."""

    def __init__(self) -> None:
        self.reports: list[SignedReport] = []
        self.arrived = asyncio.Event()

    async def submit(self, signed: SignedReport) -> None:
        self.reports.append(signed)
        self.arrived.set()


@dataclass
class Router(httpx.AsyncBaseTransport):
    """Hands requests to oracles' apps and to facilities; what is down does not answer."""

    apps: dict[str, httpx.ASGITransport] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    readings: dict[str, str] = field(default_factory=dict)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host in self.dead:
            raise httpx.ConnectError("down", request=request)
        if host in self.apps:
            return await self.apps[host].handle_async_request(request)
        text = self.readings.get(f"{host}{request.url.path}")
        return httpx.Response(200, text=text, request=request) if text else httpx.Response(404, request=request)


class Network:
    """Four oracles and two facilities at the moment at which the epoch ends."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.router = Router()
        self.standing = ALL_STAND
        end = int(time.time())
        self.clock = replace(CLOCK, genesis=end - (EPOCH + 1) * CLOCK.epoch_seconds)
        # The clock counts whole seconds: what has passed of this one is given back to the gathering.
        self.timings = TIMINGS.model_copy(update={"gather_seconds": TIMINGS.gather_seconds + time.time() - end})
        for facility in range(2):
            text = encode_signed(_present(reading(TERMS, facility)))
            self.router.readings[f"facility-{facility}/v1/readings/{EPOCH}"] = text
        self._rounds: list[asyncio.Task[None]] = []

    def start(self, number: int, path: Any = None) -> tuple[EpochRound, asyncio.Task[None]]:
        oracle = HonestOracle(TERMS, number, path)
        transport = Transport(TIMINGS.request_seconds, lambda: httpx.AsyncClient(transport=self.router))
        peers = {check_address("peer", oracle_key(n).address): f"http://oracle-{n}" for n in range(4) if n != number}
        gatherer = Gatherer(transport, {n: f"http://facility-{n}" for n in range(2)}, TIMINGS.poll_seconds)
        work = EpochRound(oracle.agreement, self._means(oracle, transport, peers, gatherer))
        mailbox = Mailbox(Identity(oracle.desk.address, self.clock), oracle.archive, oracle.witness)
        mailbox.open(EPOCH, work)
        self.router.apps[f"oracle-{number}"] = httpx.ASGITransport(build_app(mailbox))
        task = asyncio.create_task(work.run())
        self._rounds.append(task)
        return work, task

    def _means(self, oracle: HonestOracle, transport: Transport, urls: dict[Any, str], gatherer: Gatherer) -> Means:
        inbox: Any = self.inbox
        passport = Passport(KeystoreSigner(oracle_key(oracle.number)), self.clock)
        return Means(self.clock, self.timings, gatherer, Peers(transport, passport, urls), inbox, self)

    async def standing_at(self, epoch: int) -> int:
        return self.standing

    async def report(self) -> SignedReport:
        """The first, within some views. Ends all rounds."""
        try:
            await asyncio.wait_for(self.inbox.arrived.wait(), 5)
        finally:
            for task in self._rounds:
                task.cancel()
            await asyncio.gather(*self._rounds, return_exceptions=True)
        signed = self.inbox.reports[0]
        assert check_report_signatures(signed.report, signed.signatures, TERMS.config) == signed.signers
        return signed


def _present(signed: Any) -> Any:
    assert signed is not None
    return signed


def test_round__all_live__is_reported_in_view_zero_without_waiting_for_it() -> None:
    async def play() -> tuple[SignedReport, float]:
        network = Network()
        for number in range(4):
            network.start(number)
        began = time.monotonic()
        return await network.report(), time.monotonic() - began

    signed, took = asyncio.run(play())
    assert signed.report.view_number == 0
    assert signed.report.raw_general == 200
    assert took < TIMINGS.gather_seconds + TIMINGS.view_seconds


def test_round__leader_dead__costs_one_view() -> None:
    async def play() -> SignedReport:
        network = Network()
        network.router.dead.add(f"oracle-{LEADER}")
        for number in sorted({0, 1, 2, 3} - {LEADER}):
            network.start(number)
        return await network.report()

    signed = asyncio.run(play())
    assert signed.report.view_number == 1
    assert signed.signers == tuple(sorted({0, 1, 2, 3} - {LEADER}))


def test_round__follower_dead__is_reported_in_view_zero() -> None:
    follower = (LEADER + 2) % 4

    async def play() -> SignedReport:
        network = Network()
        network.router.dead.add(f"oracle-{follower}")
        for number in sorted({0, 1, 2, 3} - {follower}):
            network.start(number)
        return await network.report()

    assert asyncio.run(play()).report.view_number == 0


def test_round__one_was_slashed__its_signature_is_not_counted_on() -> None:
    slashed = 0  # the lowest number: its signature would be the first to be taken

    async def play() -> SignedReport:
        network = Network()
        network.standing = 0b1110
        for number in range(4):
            network.start(number)
        return await network.report()

    assert asyncio.run(play()).signers == tuple(sorted({0, 1, 2, 3} - {slashed}))


def test_round__facility_dead__reports_the_other() -> None:
    async def play() -> SignedReport:
        network = Network()
        network.router.dead.add("facility-1")
        for number in range(4):
            network.start(number)
        return await network.report()

    signed = asyncio.run(play())
    assert signed.report.raw_general == 100
    assert signed.report.facility_count == 2


def test_round__oracle_restarts_between_observing_and_leading__takes_part_again(tmp_path: Any) -> None:
    """Oracle of view 1 is stopped once it has everything, and started again with nothing: it has to fetch the rest."""
    restarted = TERMS.leader_of(1)

    async def play() -> tuple[SignedReport, bool]:
        network = Network()
        network.router.dead.add(f"oracle-{LEADER}")
        others = sorted({0, 1, 2, 3} - {LEADER, restarted})
        for number in others:
            network.start(number)
        work, task = network.start(restarted, tmp_path / "state")
        while work.agreement.missing != {LEADER}:  # noqa: ASYNC110 - nothing else says so from outside
            await asyncio.sleep(0.01)
        first = work.agreement.observation
        task.cancel()
        network.router.readings.clear()  # the facilities are gone: only its state file knows what it saw
        again, _ = network.start(restarted, tmp_path / "state")
        signed = await network.report()
        return signed, again.agreement.observation == first

    signed, is_same = asyncio.run(play())
    assert is_same
    assert signed.report.view_number >= 1  # the first, but on a machine that is slower than a view
    assert restarted in signed.signers
    assert signed.report.raw_general == 200
