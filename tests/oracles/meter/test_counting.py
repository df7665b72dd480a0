"""What of a measurement counts: no evidence ever raises it, and each kind lowers it by its own rule.

counted ── alone ── audits ── witnesses: the least ── cap without demand ── probe ── by hand ── any evidence
CountingMeter ── asks all of them ── a probe against the meter's own claim ── a witness that cannot be asked
AuditFile ── read ── refused with its place
witnesses ── energy by hand ── deliveries
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.chain.exchange import Exchange
from sbi_network.errors import RangeError
from sbi_network.meter.audit_file import AuditFile
from sbi_network.meter.bounds import PPM
from sbi_network.meter.counting import CountingMeter, counted
from sbi_network.meter.deliveries import ExchangeDeliveries
from sbi_network.meter.errors import NotMeasuredError, SourceError
from sbi_network.meter.evidence import AuditResult, Evidence, Probe, ProofWork, Statement, Terms, Witness
from sbi_network.meter.measurement import Capacity, ClassFigures, EpochSpan, Measurement
from sbi_network.meter.witnesses import DeliveryWitness, PowerModel, ScheduleWitness
from sbi_network.protocol.units import ComputeClass
from tests.oracles.chain.stand_in import ADDRESS, StandInNode

GENERAL = ComputeClass.GENERAL
SPAN = EpochSpan(4, 1000, 1100)
RATE = 36_000_000_000  # 10 nGAICPh a second: 1000 in the span in full use
FREE = Terms(unbacked_ppm=(PPM, PPM, PPM))


def measured(percent: int = 80, witness: Witness = Witness.COUNTERS, capacity: int = RATE) -> Measurement:
    operations = capacity * SPAN.seconds * percent // 100
    figures = (ClassFigures(capacity, percent * 10_000, operations), ClassFigures(), ClassFigures())
    return Measurement(SPAN, "a test", figures, SPAN.seconds * 1000, 100, witness=witness)


def told(witness: Witness, percent: int) -> Statement:
    return Statement(witness, GENERAL, Fraction(percent, 100), "so it says")


def audited(challenges: int, failures: int, proven: int = RATE) -> dict[ComputeClass, AuditResult]:
    return {GENERAL: AuditResult(GENERAL, challenges, failures, proven)}


def test_counted__nothing_but_the_meter__is_what_it_measured_and_not_audited() -> None:
    found = counted(measured(), Evidence(), FREE)
    assert found.raw == (800, 0, 0)
    assert found.notes == ("general: capacity is not audited",)
    assert found.basis[0] is not None
    assert found.basis[0].bound_ppm == PPM
    assert found.as_object()["classes"]["general"]["audits"] is None


def test_counted__audits__count_the_capacity_at_their_bound_and_are_published() -> None:
    # 300 audits with 3 failures: at most 2.5642 % would fail, so 36e9 × 0.974358 counts, of which 80 % was used.
    found = counted(measured(), Evidence(audited(300, 3)), FREE)
    assert found.figures[0].capacity == RATE * 974_358 // PPM
    assert found.raw == (779, 0, 0)
    assert found.notes == ("general: 3 of 300 audits failed, so at most 2.56 % of the capacity would",)
    assert found.as_object()["classes"]["general"]["audits"] == {
        "challenges": 300,
        "failures": 3,
        "provenOpsPerSecond": RATE,
        "failureBoundPpm": 25_642,
    }


def test_counted__less_is_proven_than_measured__counts_what_is_proven() -> None:
    found = counted(measured(), Evidence(audited(4000, 0, RATE // 2)), FREE)
    assert found.raw == (399, 0, 0)


def test_counted__more_is_proven_than_measured__counts_what_is_measured() -> None:
    assert counted(measured(), Evidence(audited(4000, 0, 100 * RATE)), FREE).raw == (799, 0, 0)


def test_counted__no_audit_was_passed__is_nothing() -> None:
    assert counted(measured(), Evidence(audited(5, 5)), FREE).raw == (0, 0, 0)
    assert counted(measured(), Evidence(audited(0, 0)), FREE).raw == (0, 0, 0)


def test_counted__witnesses_that_differ__the_least_counts_and_says_so() -> None:
    said = [told(Witness.ENERGY, 60), told(Witness.SCHEDULE, 70), told(Witness.DELIVERIES, 65)]
    found = counted(measured(), Evidence(statements=said), FREE)
    assert found.raw == (600, 0, 0)
    assert "general: used 60.0 % by energy, where the meter says 80.0 %" in found.notes
    assert found.as_object()["classes"]["general"]["utilisation"] == [
        {"witness": "counters", "sharePpm": 800_000},
        {"witness": "energy", "sharePpm": 600_000},
        {"witness": "schedule", "sharePpm": 700_000},
        {"witness": "deliveries", "sharePpm": 650_000},
    ]


def test_counted__a_witness_that_tells_more__raises_nothing() -> None:
    assert counted(measured(), Evidence(statements=[told(Witness.DELIVERIES, 100)]), FREE).raw == (800, 0, 0)


def test_counted__nobody_is_shown_to_want_the_work__counts_up_to_the_cap() -> None:
    capped = Terms(unbacked_ppm=(250_000, 0, 0))
    found = counted(measured(), Evidence(statements=[told(Witness.ENERGY, 79)]), capped)
    assert found.raw == (250, 0, 0)
    assert "general: nothing shows who wanted the work: 25.0 % of the capacity counts at most" in found.notes


@pytest.mark.parametrize("witness", [Witness.SCHEDULE, Witness.DELIVERIES])
def test_counted__a_witness_of_demand__counts_beyond_the_cap(witness: Witness) -> None:
    capped = Terms(unbacked_ppm=(250_000, 0, 0))
    assert counted(measured(), Evidence(statements=[told(witness, 70)]), capped).raw == (700, 0, 0)
    assert counted(measured(), Evidence(statements=[told(witness, 10)]), capped).raw == (100, 0, 0)


def test_counted__a_meter_of_scheduler_records__is_its_own_witness_of_demand() -> None:
    capped = Terms(unbacked_ppm=(0, 0, 0))
    assert counted(measured(witness=Witness.SCHEDULE), Evidence(), capped).raw == (800, 0, 0)


def test_counted__a_claim_refuted_by_a_probe__counts_what_the_probe_left() -> None:
    probe = Probe(GENERAL, 1010, 1015, 900_000)
    found = counted(measured(), Evidence(contradicted={GENERAL: probe}), FREE)
    assert found.raw == (100, 0, 0)
    assert "general: a probe found 90.0 % free: the meter's claim is refuted for the epoch" in found.notes


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    challenges = draw(st.integers(0, 300))
    audits = audited(challenges, draw(st.integers(0, challenges)), draw(st.integers(0, 2 * RATE)))
    said = draw(st.lists(st.builds(told, st.sampled_from(list(Witness)), st.integers(0, 100)), max_size=4))
    probe = Probe(GENERAL, 0, 1, draw(st.integers(0, PPM)))
    return Evidence(
        audits if draw(st.booleans()) else {},
        {GENERAL: draw(st.integers(0, 2 * RATE * SPAN.seconds))},
        said,
        {GENERAL: probe} if draw(st.booleans()) else {},
    )


@settings(deadline=None)
@given(st.integers(0, 100), evidence(), st.integers(0, PPM))
def test_counted__any_evidence__never_raises_what_was_measured_and_is_whole(
    percent: int, given_evidence: Evidence, cap: int
) -> None:
    before = replace(measured(percent), counts_proofs=True)
    after = counted(before, given_evidence, Terms(unbacked_ppm=(cap, cap, cap)))
    assert 0 <= after.figures[0].operations <= before.figures[0].operations
    assert after.figures[0].capacity <= before.figures[0].capacity
    assert type(after.figures[0].operations) is int
    json.dumps(after.as_object())


class Source:
    """Busy for 80 % of any span, but where the test says that nobody looked."""

    kind = "a test"
    blind = False
    counts_proofs = False
    idle_from = 10_000

    def capacity(self) -> Capacity:
        return RATE, 0, 0

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()

    async def measure(self, span: EpochSpan) -> Measurement:
        if self.blind and span != SPAN:
            raise NotMeasuredError("nobody looked")
        busy = max(0, min(span.end, self.idle_from) - span.start)
        operations = RATE * busy * 4 // 5
        figures = (ClassFigures(RATE, 800_000, operations), *measured().figures[1:])
        return replace(measured(), counts_proofs=self.counts_proofs, span=span, figures=figures)

    async def offer(self) -> Sequence[str]:
        return ["a source"]


class Auditor:
    def __init__(self, *probes: Probe) -> None:
        self._probes = probes

    def audits(self, span: EpochSpan) -> Sequence[AuditResult]:
        return [AuditResult(GENERAL, 300, 3, RATE)]

    def probes(self, span: EpochSpan) -> Sequence[Probe]:
        return self._probes

    def terms(self, span: EpochSpan, own: Terms) -> Terms:
        return own

    def proving(self, span: EpochSpan) -> Sequence[ProofWork]:
        return [ProofWork(GENERAL, 1050, RATE * 10), ProofWork(GENERAL, 1060, RATE * 20)]


def counting(source: Source, *probes: Probe) -> Measurement:
    return asyncio.run(CountingMeter(source, Auditor(*probes), [], FREE).measure(SPAN))


def test_measure__probes_that_leave_room_for_the_claim__lower_nothing() -> None:
    # 80 % claimed and 22 % free is more than one, but within the 2 % allowed for measuring.
    assert counting(Source(), Probe(GENERAL, 1010, 1015, 200_000), Probe(GENERAL, 1020, 1025, 220_000)).raw[0] == 779


def test_measure__probes_that_contradict_the_claim__count_by_the_worst() -> None:
    probes = [Probe(GENERAL, 1010, 1015, 230_000), Probe(GENERAL, 1020, 1025, 500_000), Probe(GENERAL, 1030, 1031, 0)]
    assert counting(Source(), *probes).raw[0] == 487


def test_measure__a_task_that_ended_when_the_probe_began__is_no_lie() -> None:
    source = Source()
    source.idle_from = 1080
    assert counting(source, Probe(GENERAL, 1080, 1085, PPM)).raw[0] == 623
    assert counting(source, Probe(GENERAL, 1070, 1075, PPM)).raw[0] == 0


def test_measure__a_probe_at_the_epochs_edge__is_held_against_the_side_within() -> None:
    assert counting(Source(), Probe(GENERAL, 1000, 1005, 500_000)).raw[0] == 487
    assert counting(Source(), Probe(GENERAL, 1095, 1100, 500_000)).raw[0] == 487
    assert counting(Source(), Probe(GENERAL, 1000, 1100, 500_000)).raw[0] == 779


def test_measure__counters_that_see_proofs__count_without_them() -> None:
    """30 s of the rate were the proofs' own: 80 of 100 s become 50."""
    source = Source()
    source.counts_proofs = True
    found = counting(source)
    assert found.raw[0] == 487
    assert f"general: {30 * RATE:,} operations were the proofs' own: no output" in found.notes


def test_measure__a_probe_in_seconds_that_the_meter_did_not_see__contradicts_nothing() -> None:
    source = Source()
    source.blind = True
    assert counting(source, Probe(GENERAL, 1010, 1015, PPM)).raw[0] == 779


def test_measure__a_witness_that_cannot_be_asked__fails_and_is_not_left_out() -> None:
    class Silent:
        async def testify(self, measured: Measurement) -> Sequence[Statement]:
            raise SourceError("no answer")

        async def offer(self) -> Sequence[str]:
            return []

    with pytest.raises(SourceError, match="no answer"):
        asyncio.run(CountingMeter(Source(), None, [Silent()], FREE).measure(SPAN))


def test_most__a_span_in_full_use__is_bounded_by_the_audits() -> None:
    meter = CountingMeter(Source(), Auditor(), [], FREE)
    assert meter.most(SPAN) == (974, 0, 0)
    assert meter.proofs(SPAN) == [
        "general: 3 of 300 audits failed, so at most 2.56 % would: 35.1 of 36.0 Gop/s count",
    ]


@pytest.mark.parametrize(
    ("make", "told_as"),
    [
        (lambda: Statement(Witness.ENERGY, GENERAL, Fraction(3, 2), ""), "share by energy: given"),
        (lambda: AuditResult(GENERAL, 5, 6, 1), "failures: given 6"),
        (lambda: AuditResult(GENERAL, 5, 0, -1), "proven: given -1"),
        (lambda: Probe(GENERAL, 5, 5, 0), "end of a probe: given 5"),
        (lambda: Probe(GENERAL, 5, 6, PPM + 1), "free_ppm: given 1000001"),
    ],
)
def test_evidence__out_of_range__is_refused(make: object, told_as: str) -> None:
    assert callable(make)
    with pytest.raises(RangeError, match=told_as):
        make()


AUDITS = {
    "audits": [{"class": "general", "challenges": 300, "failures": 3, "provenOpsPerSecond": str(2**80)}],
    "probes": [
        {"class": "general", "start": 1000, "end": 1005, "freePpm": 7},
        {"class": "general", "start": 999, "end": 1005, "freePpm": 8},
        {"class": "general", "start": 1095, "end": 1101, "freePpm": 9},
    ],
    "proving": [
        {"class": "general", "end": 1000, "operations": 1},
        {"class": "general", "end": 1100, "operations": str(2**70)},
    ],
}


def test_audit_file__good__gives_the_audits_and_the_epochs_probes(tmp_path: Path) -> None:
    (tmp_path / "audits.json").write_text(json.dumps(AUDITS))
    auditor = AuditFile(tmp_path / "audits.json")
    assert auditor.audits(SPAN) == [AuditResult(GENERAL, 300, 3, 2**80)]
    assert auditor.probes(SPAN) == [Probe(GENERAL, 1000, 1005, 7)]
    assert auditor.proving(SPAN) == [ProofWork(GENERAL, 1100, 2**70)]


@pytest.mark.parametrize(
    ("text", "told_as"),
    [
        ("{", "the file: Invalid JSON"),
        ('{"audit": []}', "audit: Extra inputs are not permitted"),
        ('{"audits": [{"class": "quantum"}]}', "audits.0.class: is not one of general, intelligent, super"),
        (json.dumps(AUDITS).replace("300", '"many"'), "audits.0.challenges: is not a whole number"),
        (json.dumps(AUDITS).replace("300", "true"), "audits.0.challenges: is not a whole number"),
        (json.dumps(AUDITS).replace("300", "2"), "failures: given 3, expected an integer from 0 to 2"),
        (json.dumps(AUDITS).replace("300", "99999"), "challenges: given 99999, expected an integer from 0 to 4000"),
    ],
)
def test_audit_file__bad__is_refused_with_its_place(tmp_path: Path, text: str, told_as: str) -> None:
    path = tmp_path / "audits.json"
    path.write_text(text)
    with pytest.raises(SourceError) as error:
        AuditFile(path).audits(SPAN)
    assert str(error.value).startswith(f"{path}: {told_as}")
    assert "many" not in str(error.value)


def test_audit_file__missing_or_huge__is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        AuditFile(tmp_path / "none.json").audits(SPAN)
    (tmp_path / "huge.json").write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(SourceError, match="is larger than 1048576 bytes"):
        AuditFile(tmp_path / "huge.json").audits(SPAN)


@pytest.mark.parametrize(
    ("joules", "covered", "share"),
    [
        # 100 s between 200 W idle and 1,000 W at load, behind a PUE of 1.25.
        (0, 100, Fraction(0)),
        (25_000, 100, Fraction(0)),
        (75_000, 100, Fraction(1, 2)),
        (125_000, 100, Fraction(1)),
        (999_999_999, 100, Fraction(1)),
        (37_500, 50, Fraction(1, 4)),
        (999_999_999, 50, Fraction(1, 2)),
    ],
)
def test_used_share__energy_between_idle_and_load__is_linear_and_nothing_for_what_is_not_covered(
    joules: int, covered: int, share: Fraction
) -> None:
    assert PowerModel(200, 1000, 1250).used_share(joules, Fraction(covered), 100) == share


@pytest.mark.parametrize(
    ("table_capacity", "held_percent", "share"),
    [(RATE, 70, Fraction(7, 10)), (RATE // 100, 100, Fraction(1, 100)), (4 * RATE, 50, Fraction(1, 2))],
    ids=["the same devices", "one of a hundred", "more than the meter sees"],
)
def test_schedule__records_of_some_of_the_devices__speak_for_these_alone(
    table_capacity: int, held_percent: int, share: Fraction
) -> None:
    class Scheduler(Source):
        async def measure(self, span: EpochSpan) -> Measurement:
            return measured(held_percent, Witness.SCHEDULE, table_capacity)

    said = asyncio.run(ScheduleWitness(Scheduler()).testify(measured()))
    assert [(statement.compute_class, statement.share) for statement in said] == [(GENERAL, share)]


VOUCHERS = [
    # units, delivered, facility, epoch, class
    (100, 60, 3, 4, 0),
    (100, 100, 3, 4, 1),
    (100, 7, 3, 4, 0),
    (100, 99, 2, 4, 0),
    (100, 99, 3, 5, 0),
    (0, 0, 0, 0, 0),
]


def test_exchange_deliveries__vouchers_of_all_kinds__adds_up_the_epochs_of_the_facility_and_reads_each_once() -> None:
    asked: list[int] = []

    def voucher_of(number: int) -> tuple[object, ...]:
        asked.append(number)
        units, delivered, facility, epoch, compute_class = VOUCHERS[number]
        return units, delivered, facility, epoch, compute_class, 0, 0, 0, 0, 0

    node = StandInNode("ComputeExchange", {"voucherCount": len(VOUCHERS) - 1, "voucherOf": voucher_of})

    @asynccontextmanager
    async def opened() -> AsyncIterator[Exchange]:
        yield Exchange(node.chain(), ADDRESS)

    deliveries = ExchangeDeliveries(opened, 3)
    assert asyncio.run(deliveries(SPAN)) == (67, 100, 0)
    assert asked == [0, 1, 2, 3, 4, 0, 1, 2]
    node.views["voucherCount"] = len(VOUCHERS)
    asked.clear()
    assert asyncio.run(deliveries(EpochSpan(5, 1100, 1200))) == (99, 0, 0)
    assert asked == [5, 4]


def test_deliveries__units_signed_for__are_a_share_of_the_capacity() -> None:
    async def delivered(span: EpochSpan) -> tuple[int, int, int]:
        return 250, 7, 0

    said = asyncio.run(DeliveryWitness(delivered).testify(measured()))
    assert [(t.witness, t.compute_class, t.share) for t in said] == [(Witness.DELIVERIES, GENERAL, Fraction(1, 4))]
