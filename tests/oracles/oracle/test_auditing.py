"""Audits: real meters answer, a real oracle judges, and only what is proved counts.

honest ── counts as proved, up to the cap ── evidence ── B·r once ── a second epoch counts more
cheats ── zeros, a few rows ── silent ── late ── another's key ── not listed ── no devices: each counts nothing
claims ── more than proved ── without evidence ── zero needs no proof
oracle ── was not there ── restarts ── chain fails ── nothing is asked
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sbi_network.chain.errors import EndpointError
from sbi_network.meter import prover
from sbi_network.meter.bounds import failure_share_up
from sbi_network.meter.proof import NumpyBackend, SharedCheck, Verdict
from sbi_network.meter.proof.calendar import EpochAudit
from sbi_network.meter.proof.obligations import challenges
from sbi_network.oracle import auditing
from sbi_network.oracle.transport import NoAnswerError
from sbi_network.protocol.figure import ZERO_WORD
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Product
from tests.oracles.oracle.audited import (
    EPOCH_SECONDS,
    FLEET,
    OBLIGATION,
    PAUSE,
    RULES,
    Facility,
    Network,
    NoWork,
    OneWrongRow,
    Shameless,
    Silent,
    StubCalendar,
    span,
)
from tests.oracles.oracle.simulated import key, reading, terms_of


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "_POLL_SECONDS", PAUSE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def full(epoch: int) -> int:
    """All four devices over an epoch, at the bound of the challenges so far without a failure."""
    bound = failure_share_up(4 * (epoch + 1), 0, RULES.confidence_ppm)
    return 4 * FLEET.rate * (1_000_000 - bound) // 1_000_000 * EPOCH_SECONDS // 3_600_000_000


def network_of(folder: Path, *, log: Any = ":memory:", **kinds: Any) -> Network:
    calendar = StubCalendar({0: OBLIGATION})
    return Network(calendar, {0: Facility(calendar, folder, **kinds)}, log)


def fault(network: Network, output: int, evidence: bytes | None = None, epoch: int = 0) -> str | None:
    facility = network.facilities.get(0)
    root = evidence if evidence is not None else facility.evidence(epoch) if facility else ZERO_WORD
    terms = terms_of(facilities=1, epoch=epoch)
    signed = reading(terms, 0, output, evidence=root)
    return asyncio.run(network.auditing.fault_of(terms, signed))


def test_audit__an_honest_facility__counts_what_it_proved_and_nothing_above(folder: Path) -> None:
    network = network_of(folder)
    asyncio.run(network.pass_epoch())
    assert fault(network, full(0)) is None
    assert fault(network, 0) is None
    refused = fault(network, full(0) + 1)
    assert refused is not None
    assert f"general: {full(0) + 1:,} nGAICPh claimed, {full(0):,} proved; 4 of 4 challenged devices passed" in refused
    assert network.court.wrong == 0


def test_audit__published__says_challenges_failures_and_bound(folder: Path) -> None:
    network = network_of(folder)
    asyncio.run(network.pass_epoch())
    found = network.auditing.finding(0, 0)
    assert found is not None
    assert found["allowed"] == [str(full(0)), "0", "0"]
    assert found["audits"] == [
        {
            "class": "general",
            "challenges": 4,
            "failures": 0,
            "failureBoundPpm": failure_share_up(4, 0, 950_000),
            "provenOpsPerSecond": str(4 * FLEET.rate),
        }
    ]
    assert found["verdicts"] == "4 of 4 challenged devices passed"
    assert network.auditing.finding(0, 1) is None


def test_audit__the_meter_itself__expects_what_the_oracle_allows(folder: Path) -> None:
    network = network_of(folder)
    asyncio.run(network.pass_epoch())
    (general, *_) = network.facilities[0].records.audits(span(0))
    assert (general.challenges, general.failures, general.proven) == (4, 0, 4 * FLEET.rate)
    asyncio.run(network.pass_epoch(1))
    assert network.facilities[0].records.audits(span(1))[0].challenges == 8
    assert fault(network, full(1), epoch=1) is None
    assert full(1) > full(0)


def test_audit__devices_that_share_b__are_checked_by_one_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []

    class Counted(SharedCheck):
        def __init__(self, *given: Any) -> None:
            passes.append(given)
            super().__init__(*given)

    monkeypatch.setattr(auditing, "SharedCheck", Counted)
    calendar = StubCalendar({0: OBLIGATION, 1: OBLIGATION})
    network = Network(calendar, {number: Facility(calendar, folder, number) for number in range(2)})
    asyncio.run(network.pass_epoch())
    assert fault(network, 1) is None
    assert len(passes) == 1


def test_audit__the_cap__binds_what_nobody_is_shown_to_have_wanted(folder: Path) -> None:
    network = network_of(folder)
    network.calendar.rules = replace(RULES, unbacked_bps=(2_500, 0, 0))

    async def delivered(epoch: int, facility: int) -> tuple[int, int, int]:
        return 7, 0, 0

    network.auditing._delivered = delivered  # type: ignore[method-assign]
    asyncio.run(network.pass_epoch())
    assert fault(network, full(0) // 4 + 7) is None
    assert "proved" in str(fault(network, full(0) // 4 + 8))


def test_audit__records_that_count__lift_the_cap(folder: Path) -> None:
    network = network_of(folder)
    network.calendar.rules = replace(RULES, unbacked_bps=(0, 0, 0))
    network.calendar.obligations = {0: replace(OBLIGATION, records_count=True)}
    asyncio.run(network.pass_epoch())
    assert fault(network, full(0)) is None


@pytest.mark.parametrize("backend", [NoWork, OneWrongRow])
def test_audit__wrong_products_shown__count_nothing_and_leave_proof(folder: Path, backend: type[NumpyBackend]) -> None:
    network = network_of(folder, prover=Shameless, backend=backend)
    asyncio.run(network.pass_epoch())
    refused = str(fault(network, 1))
    assert "0 of 4 challenged devices passed; 4: an opened row is wrong" in refused
    assert network.court.wrong == 4
    kept = network.log.wrong()
    assert len(kept) == 4
    for wrong in kept:
        challenge = challenges(0, 0, wrong.signed.message.beacon, OBLIGATION, RULES)
        (asked,) = [each for each in challenge if each.challenge.device == wrong.signed.message.device]
        c = asked.challenge.a.rows(wrong.entry.row, 1)[0].astype(int) @ asked.challenge.b.rows(wrong.entry.column, 1)[
            0
        ].astype(int)
        assert wrong.entry.computed == c != wrong.entry.claimed
    (shown, *_) = network.auditing.wrong_products()
    assert shown["product"]["type"] == "Product"
    assert shown["entry"]["claimed"] != shown["entry"]["computed"]


def test_audit__the_same_found_by_the_meter_first__is_kept_back_and_only_uncredited(folder: Path) -> None:
    network = network_of(folder, backend=OneWrongRow)
    asyncio.run(network.pass_epoch())
    assert "4: the opening was not sent" in str(fault(network, 1))
    assert network.log.wrong() == []
    assert network.facilities[0].evidence(0) == ZERO_WORD


def test_audit__openings_withheld__count_nothing(folder: Path) -> None:
    network = network_of(folder, prover=Silent)
    asyncio.run(network.pass_epoch())
    assert "0 of 4 challenged devices passed; 4: the opening was not sent, or is none" in str(fault(network, 1))


def test_audit__a_failure__is_counted_for_the_epochs_after(folder: Path) -> None:
    calendar = StubCalendar({0: OBLIGATION})
    silent, honest = Facility(calendar, folder, prover=Silent), Facility(calendar, folder)
    network = Network(calendar, {0: silent})
    asyncio.run(network.pass_epoch())
    network = Network(calendar, {0: honest}, log=":memory:")
    for each in challenges(0, 0, b"\1" * 32, OBLIGATION, RULES):
        network.log.note_failure(each, Verdict.WITHHELD)
    asyncio.run(network.pass_epoch(1))
    found = network.auditing.finding(1, 0)
    assert found is not None
    assert (found["audits"][0]["challenges"], found["audits"][0]["failures"]) == (8, 4)


def test_audit__signed_by_another_key__is_as_if_nothing_came(folder: Path) -> None:
    network = network_of(folder, signer=key("somebody"))
    asyncio.run(network.pass_epoch())
    assert "4: no product came before the deadline" in str(fault(network, 1))


def test_audit__nobody_answers__counts_nothing(folder: Path) -> None:
    network = Network(StubCalendar({0: OBLIGATION}), {})
    asyncio.run(network.pass_epoch())
    assert "4: no product came before the deadline" in str(fault(network, 1))


def test_audit__a_device_that_is_late__is_not_credited(folder: Path) -> None:
    calendar = StubCalendar({0: OBLIGATION})
    seen = threading.Semaphore(0)

    class Slow(NumpyBackend):
        """Takes twice as long as is allowed over the last device, the oracle having seen the others."""

        done = 0

        def multiply(self) -> Any:
            Slow.done += 1
            if Slow.done == 4:
                assert all(seen.acquire(timeout=60) for _ in range(3))
                calendar.clock.time.now += 12
            return super().multiply()

    network = Network(calendar, {0: Facility(calendar, folder, backend=Slow)})
    note_seen = network.log.note_seen

    def noted(signed: Signed[Product], at_ms: int) -> None:
        note_seen(signed, at_ms)
        seen.release()

    network.log.note_seen = noted  # type: ignore[method-assign]
    asyncio.run(network.pass_epoch())
    found = network.auditing.finding(0, 0)
    assert found is not None
    assert found["verdicts"] == "3 of 4 challenged devices passed; 1: no product came before the deadline"
    assert found["audits"][0]["provenOpsPerSecond"] == str(3 * FLEET.rate)
    (general, *_) = network.facilities[0].records.audits(span(0))
    assert (general.failures, general.proven) == (1, 3 * FLEET.rate)


def test_fault_of__a_facility_without_devices__counts_nothing(folder: Path) -> None:
    network = network_of(folder)
    network.calendar.obligations = {}
    asyncio.run(network.pass_epoch())
    assert fault(network, 1, ZERO_WORD) == "unproved: no device of this facility is listed in AuditTerms"
    assert fault(network, 0, ZERO_WORD) is None


@pytest.mark.parametrize("evidence", [ZERO_WORD, b"\7" * 32])
def test_fault_of__other_evidence__is_refused(folder: Path, evidence: bytes) -> None:
    network = network_of(folder)
    asyncio.run(network.pass_epoch())
    assert "its evidence is not that of the products" in str(fault(network, 1, evidence))


def test_fault_of__an_epoch_before_a_restart__counts_what_came_in_time_and_is_shown_still(folder: Path) -> None:
    network = network_of(folder, log=folder / "audits.sqlite")
    asyncio.run(network.pass_epoch())
    network.log.close()
    again = Network(network.calendar, network.facilities, folder / "audits.sqlite")
    assert fault(again, full(0)) is None
    assert "proved" in str(fault(again, full(0) + 1))


def test_fault_of__an_epoch_that_this_oracle_did_not_see__is_refused_and_nobody_blamed(folder: Path) -> None:
    network = network_of(folder)
    asyncio.run(network.pass_epoch())
    other = Network(network.calendar, network.facilities)
    assert "4: this oracle was not there" in str(fault(other, 1))
    assert other.log.failed(0, 0, 0) == {}


def test_fault_of__an_epoch_long_ago__is_refused_where_proof_is_asked_for(folder: Path) -> None:
    network = network_of(folder)
    network.calendar.clock.time.now += 20 * EPOCH_SECONDS
    assert fault(network, 1) == "not audited: the epoch is too long ago"
    network.calendar.rules = replace(RULES, slots=0)
    assert fault(network, 1) is None


def test_fault_of__the_chain_fails__is_asked_again_not_accepted(folder: Path) -> None:
    network = network_of(folder)
    network.calendar.clock.time.now += 20 * EPOCH_SECONDS
    network.calendar.fails = True
    with pytest.raises(NoAnswerError):
        fault(network, 1)


def test_fault_of__who_must_prove_what_is_not_learnt__neither_counts_nor_waits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_of(folder)

    async def audit_of(epoch: int) -> EpochAudit:
        raise RuntimeError("a bug")

    monkeypatch.setattr(network.calendar, "audit_of", audit_of)
    asyncio.run(network.auditing.audit(0))
    with pytest.raises(NoAnswerError):
        fault(network, 1)


def test_audit__one_read_of_a_facility_fails__is_asked_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(folder)
    failures = [EndpointError("TimeoutError", "no answer")]
    answer = network.calendar.facility

    async def facility(number: int) -> Any:
        if failures:
            raise failures.pop()
        return await answer(number)

    monkeypatch.setattr(network.calendar, "facility", facility)
    asyncio.run(network.pass_epoch())
    assert fault(network, full(0)) is None


def test_audit__a_bug_over_one_facility__costs_no_other_and_blames_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calendar = StubCalendar({0: OBLIGATION, 1: OBLIGATION})
    network = Network(calendar, {number: Facility(calendar, folder, number) for number in range(2)})
    answer = calendar.facility

    async def facility(number: int) -> Any:
        if number == 1:
            raise RuntimeError("a bug")
        return await answer(number)

    monkeypatch.setattr(calendar, "facility", facility)
    asyncio.run(network.pass_epoch())
    assert fault(network, full(0)) is None
    found = network.auditing.finding(0, 1)
    assert found is not None
    assert found["verdicts"].startswith("0 of 4")
    assert network.log.failed(1, 0, 0) == {}


def test_audit__nothing_is_asked__everything_counts_as_signed(folder: Path) -> None:
    network = network_of(folder)
    network.calendar.rules = replace(RULES, slots=0)
    asyncio.run(network.pass_epoch())
    assert fault(network, 10**9, ZERO_WORD) is None
    assert network.auditing.finding(0, 0) is None


def test_audit__a_restart_after_the_deadline__knows_what_came_in_time(folder: Path) -> None:
    network = network_of(folder, log=folder / "audits.sqlite")
    asyncio.run(network.pass_epoch())
    network.log.close()
    again = Network(network.calendar, network.facilities, folder / "audits.sqlite")
    asyncio.run(again.pass_epoch())
    assert fault(again, full(0)) is None


def test_audit__an_oracle_that_came_too_late__credits_nothing_and_blames_nobody(folder: Path) -> None:
    network = network_of(folder)
    asyncio.run(network.pass_epoch())
    network.calendar.clock.time.now -= 2
    late = Network(network.calendar, network.facilities)
    asyncio.run(late.pass_epoch(from_second=EPOCH_SECONDS - 1, answering=False))
    assert "0 of 4 challenged devices passed; 4: this oracle was not there" in str(fault(late, 1))
    assert late.log.failed(0, 0, 0) == {}


def test_wrong_products__dealt_with__stay_to_be_seen_and_are_open_no_more(folder: Path) -> None:
    network = network_of(folder, prover=Shameless, backend=NoWork)
    asyncio.run(network.pass_epoch())
    (wrong, *_) = network.log.wrong(only_open=True)
    network.log.close_wrong(wrong.signed.message.digest(network.facilities[0].prover.domain), "brought")
    assert len(network.log.wrong(only_open=True)) == 3
    assert [each["ending"] for each in network.auditing.wrong_products()].count("brought") == 1
