"""Answering challenges, and what is kept of them.

records ── one signed product for a challenge, whatever is computed later ── another meter's file ── what the tally sees
prover ── a restart in the middle signs the same ── another product than before is not shown ── nothing to prove
second opinion ── as two thirds accept ── who does not answer ── nonsense
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from sbi_network.meter import prover, second_opinion
from sbi_network.meter.errors import ReadingStateError
from sbi_network.meter.evidence import BACKING, Terms, Witness
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.proof import NumpyBackend
from sbi_network.meter.proof.obligations import Obligation, challenges
from sbi_network.meter.proof_records import Duty, ProofRecords
from sbi_network.meter.second_opinion import accepted_by_most
from sbi_network.meter.store import Identity
from sbi_network.protocol.figure import ZERO_WORD
from sbi_network.protocol.json_form import Signed, decode_signed
from sbi_network.protocol.messages import Product
from tests.oracles.oracle.audited import (
    FLEET,
    OBLIGATION,
    PAUSE,
    PRODUCTS,
    RULES,
    Facility,
    OneWrongRow,
    Shameless,
    StubCalendar,
    span,
)
from tests.oracles.oracle.simulated import facility_key

BEACON = bytes(31) + b"\1"
ASKED = challenges(0, 3, BEACON, OBLIGATION, RULES)
DUTY = Duty(3, RULES, OBLIGATION)
PRODUCT_DOMAIN = replace(StubCalendar({}).clock.domain, name="ProductDisputes", verifying_contract=PRODUCTS)
CLIENT = httpx.AsyncClient


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "_POLL_SECONDS", PAUSE)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[ProofRecords]:
    calendar = StubCalendar({0: OBLIGATION})
    kept = ProofRecords(tmp_path / "p.sqlite", Identity(0, _address(), calendar.clock.domain))
    yield kept
    kept.close()


def _address() -> Any:
    return facility_key(0).address


def signed(number: int, root: bytes) -> Signed[Product]:
    product = ASKED[number].challenge.product(root)
    return Signed(product, product.sign(facility_key(0), PRODUCT_DOMAIN))


def test_keep__a_second_product_of_a_challenge__gives_back_the_first(records: ProofRecords) -> None:
    records.ask(DUTY, ASKED)
    first, second = signed(0, b"\1" * 32), signed(0, b"\2" * 32)
    assert records.keep(first, 5) == first
    assert records.keep(second, 6) == first
    records.ask(DUTY, ASKED)  # asked again after a restart
    assert records.signed_root(3, ASKED[0].challenge.device) == b"\1" * 32
    assert [decode_signed(Product, text) for text in records.products(3)] == [first]
    assert records.signed_root(3, ASKED[1].challenge.device) is None


def test_records__of_another_meter__are_refused(records: ProofRecords, tmp_path: Path) -> None:
    with pytest.raises(ReadingStateError, match="belongs to facility 0"):
        ProofRecords(tmp_path / "p.sqlite", Identity(1, _address(), StubCalendar({}).clock.domain))


def test_audits__what_was_not_answered__has_failed(records: ProofRecords) -> None:
    records.ask(DUTY, ASKED)
    for each in ASKED[:3]:
        records.passed(3, each.challenge.device)
    (general, *_) = records.audits(span(3))
    assert (general.challenges, general.failures, general.proven) == (16, 1, 3 * FLEET.rate)
    assert records.audits(span(2)) == ()
    assert records.of_latest().audits(span(9))[0] == general


def test_evidence__only_openings_that_are_good__are_listed(records: ProofRecords) -> None:
    records.ask(DUTY, ASKED)
    assert records.evidence(3, PRODUCT_DOMAIN).root == ZERO_WORD
    records.keep(signed(0, b"\1" * 32), 5)
    records.keep(signed(1, b"\2" * 32), 5)
    records.passed(3, ASKED[0].challenge.device)
    assert records.evidence(3, PRODUCT_DOMAIN).digests == (signed(0, b"\1" * 32).message.digest(PRODUCT_DOMAIN),)


def test_terms__of_the_network__take_the_place_of_the_facilitys(records: ProofRecords) -> None:
    own = Terms(unbacked_ppm=(1, 2, 3), probe_tolerance_ppm=7)
    assert records.terms(span(3), own) == own
    records.ask(DUTY, ASKED)
    assert records.terms(span(3), own) == Terms(950_000, 7, (1_000_000,) * 3, frozenset({Witness.DELIVERIES}))
    records.ask(replace(DUTY, obligation=replace(OBLIGATION, records_count=True)), ())
    assert records.terms(span(3), own).backing == BACKING
    records.ask(replace(DUTY, rules=replace(RULES, slots=0)), ())
    assert records.terms(span(3), own) == own


def test_proving__the_products_themselves__are_told_as_work(records: ProofRecords) -> None:
    records.ask(DUTY, ASKED)
    records.keep(signed(0, b"\1" * 32), span(3).start + 5)
    (work,) = records.proving(span(3))
    assert work.operations == FLEET.sizes.operations
    assert records.proving(span(4)) == []


def answered(calendar: StubCalendar, facility: Facility) -> None:
    """One epoch, with the deadline behind it."""
    calendar.clock.time.now = float(calendar.clock.start_of(3))

    async def play() -> None:
        calendar.deadline_passed = asyncio.Event()
        work = asyncio.create_task(facility.prover.answer(3))
        while not calendar.waiting and not work.done():  # noqa: ASYNC110 - it counts askers
            await asyncio.sleep(PAUSE)
        calendar.clock.time.now += 50
        calendar.deadline_passed.set()
        await work
        calendar.waiting.clear()

    asyncio.run(play())


def test_answer__again_after_a_crash__serves_the_same_products(tmp_path: Path) -> None:
    calendar = StubCalendar({0: OBLIGATION})
    first = Facility(calendar, tmp_path)
    answered(calendar, first)
    products = first.products(3)
    assert len(products) == 4
    again = Facility(calendar, tmp_path)
    answered(calendar, again)
    assert again.products(3) == products
    assert again.opening(3, ASKED[0].challenge.device) is not None


def test_answer__another_product_than_was_signed__is_not_shown_and_not_signed(tmp_path: Path) -> None:
    calendar = StubCalendar({0: OBLIGATION})
    wrong = Facility(calendar, tmp_path, prover=Shameless, backend=OneWrongRow)
    answered(calendar, wrong)
    products = wrong.products(3)
    honest = Facility(calendar, tmp_path)
    answered(calendar, honest)
    assert honest.products(3) == products
    assert honest.opening(3, ASKED[0].challenge.device) is None


def test_answer__devices_that_share_b__generate_it_once(tmp_path: Path) -> None:
    loaded: list[Any] = []

    class Counting(NumpyBackend):
        def load_b(self, b: Any) -> None:
            loaded.append(b)
            super().load_b(b)

    calendar = StubCalendar({0: OBLIGATION})
    facility = Facility(calendar, tmp_path, backend=Counting)
    answered(calendar, facility)
    assert len(facility.products(3)) == 4
    assert len(loaded) == 1


def test_answer__nothing_is_asked_of_it__is_said_and_counts_nothing(tmp_path: Path) -> None:
    calendar = StubCalendar({})
    facility = Facility(calendar, tmp_path)
    answered(calendar, facility)
    assert facility.products(3) == []
    assert facility.records.duty(3) == Duty(3, RULES, Obligation((), records_count=False, from_epoch=0))
    at = EpochSpan(3, 0, 100)
    assert {audit.capacity_down(950_000) for audit in facility.records.audits(at)} == {0}


def opinion(monkeypatch: pytest.MonkeyPatch, answers: list[Any]) -> Any:
    """What oracles that answer so are taken to accept."""
    monkeypatch.setattr(second_opinion, "_ASK_SECONDS", 0.2)
    monkeypatch.setattr(second_opinion, "_AGAIN_SECONDS", 0.01)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/audits/5/3"
        given = answers[int(request.url.host.removeprefix("oracle-"))]
        if isinstance(given, int):
            return httpx.Response(given)
        return httpx.Response(200, content=given)

    monkeypatch.setattr(httpx, "AsyncClient", lambda **_: CLIENT(transport=httpx.MockTransport(answer)))
    urls = [f"http://oracle-{number}" for number in range(len(answers))]
    return asyncio.run(accepted_by_most(urls, 5, 3))


def said(*raw: int) -> str:
    return json.dumps({"allowed": [str(figure) for figure in raw]})


def test_accepted_by_most__is_what_more_than_two_thirds_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [said(10, 5, 0), said(7, 9, 0), said(0, 9, 0), said(10, 9, 1)]
    assert opinion(monkeypatch, answers) == (7, 9, 0)


def test_accepted_by_most__who_does_not_say__is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    long = json.dumps({"allowed": ["1", "1", "1"], "more": "x" * 5_000})
    nonsense = [404, 500, "no JSON", '{"allowed": ["-1", "0", "0"]}', '{"allowed": [1, 2, 3]}', "[]", long]
    assert opinion(monkeypatch, [said(4, 4, 4), *nonsense]) == (4, 4, 4)
    assert opinion(monkeypatch, nonsense) is None
    assert opinion(monkeypatch, []) is None
