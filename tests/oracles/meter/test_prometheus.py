"""The prometheus meter: against a real server and exporter, and its arithmetic on samples written down.

live ── this machine's cores ── PromQL ── an exporter that dies ── a counter that is reset ── a server refused
samples ── counter, gauge ── gaps, resets, leaps, no numbers ── series missing ── chunks
server ── unreachable, no Prometheus, too long, a query it refuses
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.meter.counting import CountingMeter
from sbi_network.meter.errors import NotMeasuredError, SourceError
from sbi_network.meter.evidence import Terms
from sbi_network.meter.measurement import EpochSpan, Measurement
from sbi_network.meter.prometheus import PRESETS, Asked, Gathered, PrometheusMeter, PrometheusSettings, gathered
from sbi_network.meter.prometheus_api import Prometheus, Series
from sbi_network.meter.sources import EnergySection, PrometheusSource
from sbi_network.protocol.units import ComputeClass
from tests.oracles.meter.live_prometheus import LivePrometheus

NODE = PRESETS["node-exporter"].series.format("")
CORES = psutil.cpu_count() or 1
S = 1_000_000_000
GIGA = 1_000_000_000


def counter(series: str, max_gap: float = 3.0) -> Asked:
    return Asked(series, None, counter=True, step=1, max_gap=max_gap)


def metered(url: str, asked: Asked, span: EpochSpan, devices: int = CORES, settle: float = 2.5) -> Measurement:
    settings = PrometheusSettings(asked, ComputeClass.GENERAL, devices, 36 * GIGA, settle)
    return asyncio.run(PrometheusMeter(settings, Prometheus(url, 10.0), time.time).measure(span))


@contextmanager
def busy() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinner:
        yield
        spinner.kill()


def cpu_seconds() -> float:
    times = psutil.cpu_times()
    return sum(float(getattr(times, kind)) for kind in ("user", "nice", "system", "irq", "softirq"))


@pytest.mark.slow
def test_measure__this_machine_by_node_exporter__tells_what_the_kernel_tells(live: LivePrometheus) -> None:
    with busy():
        start = int(time.time()) + 1
        time.sleep(start - time.time())
        before = cpu_seconds()
        time.sleep(6)
        done = cpu_seconds() - before
        measured = metered(live.url, counter(NODE), EpochSpan(0, start, start + 6))
        by_query = metered(
            live.url,
            Asked(
                None,
                'sum(rate(node_cpu_seconds_total{mode!~"idle|iowait|steal"}[4s]))',
                counter=False,
                step=1,
                max_gap=3,
            ),
            EpochSpan(0, start, start + 6),
        )
    told = measured.figures[ComputeClass.GENERAL].operations / (36 * GIGA)
    print(f"kernel {done:.2f} core-seconds, meter {told:.2f}; {measured.words()}; by PromQL {by_query.words()}")
    assert measured.covered_ms == 6_000
    assert told == pytest.approx(done, rel=0.15, abs=0.5)
    assert 0 < by_query.raw[0] <= CORES * 6 * 10
    assert by_query.covered_ms == 6_000


@pytest.mark.slow
def test_measure__cards_by_dcgm_exporters_names_and_energy__are_metered_and_witnessed(live: LivePrometheus) -> None:
    cards = PrometheusSource.model_validate(
        {"kind": "prometheus", "url": live.url, "preset": "dcgm-exporter", "labels": 'job="dcgm"', "devices": 2}
        | {"ops_per_second": 36 * GIGA, "max_gap": 3.0, "settle_seconds": 2.5}
    )
    power = EnergySection.model_validate(
        {"url": live.url, "series": "pdu_energy_joules_total", "reads": "joules", "compute_class": "intelligent"}
        | {"idle_watts": 200, "load_watts": 1000, "max_gap": 3.0}
    )
    start = int(time.time()) + 1
    meter = CountingMeter(cards.meter(time.time, 4.0), None, [power.witness()], Terms())
    measured = asyncio.run(meter.measure(EpochSpan(0, start, start + 4)))
    print(measured.words())
    basis = measured.basis[ComputeClass.INTELLIGENT]
    assert basis is not None
    by_pipes, by_energy = basis.statements
    assert by_pipes.share == Fraction(1, 2)
    assert float(by_energy.share) == pytest.approx((500 - 200) / (1000 - 200), rel=0.1)
    assert measured.raw[1] == pytest.approx(2 * 10 * 4 * 0.375, rel=0.1)
    assert any("by energy, where the meter says 50.0 %" in note for note in measured.notes)


@pytest.mark.slow
def test_measure__an_exporter_that_dies_and_comes_back__lowers_the_reading_and_says_so(live: LivePrometheus) -> None:
    with busy():
        start = int(time.time())
        own_cpu = 'process_cpu_seconds_total{job="node"}'
        live.wait_until(lambda: time.time() > start + 3)
        live.stop_exporter()
        live.wait_until(lambda: live.value('up{job="node"}') == 0)
        live.wait_until(lambda: time.time() > start + 8)
        live.start_exporter()
        live.wait_until(lambda: live.value('up{job="node"}') == 1)
        end = int(time.time()) + 3
        span = EpochSpan(0, start, end)
        measured = metered(live.url, counter(NODE), span)
        itself = metered(live.url, counter(own_cpu, max_gap=60), span, devices=1)
    print(measured.words(), itself.words(), sep="\n")
    assert 0 < measured.covered_ms <= (end - start - 4) * 1000
    assert measured.raw[0] > 0
    assert any("series lack samples, up to" in note for note in measured.notes)
    # The gap is allowed here, but the exporter's own CPU time began anew: only the reset voids the time between.
    assert "1 intervals do not count: counters went backwards" in itself.notes


@pytest.mark.slow
def test_measure__a_query_that_the_server_refuses__is_told_in_its_words(live: LivePrometheus) -> None:
    with pytest.raises(SourceError, match=r"Prometheus at 127\.0\.0\.1:\d+: refuses \(.*parse error"):
        metered(live.url, counter("node_cpu{{"), EpochSpan(0, 0, 10))


@pytest.mark.slow
def test_measure__no_series_matches__is_not_measured(live: LivePrometheus) -> None:
    with pytest.raises(NotMeasuredError, match=r"epoch 7: Prometheus has no two samples .*no series matches"):
        metered(live.url, counter("no_such_series"), EpochSpan(7, 1_700_000_000, 1_700_000_010))


@pytest.mark.slow
def test_offer__the_live_server__tells_its_version_and_series(live: LivePrometheus) -> None:
    settings = PrometheusSettings(counter(NODE), ComputeClass.GENERAL, CORES, 36 * GIGA, 0.0)
    server, devices = asyncio.run(PrometheusMeter(settings, Prometheus(live.url, 10.0), time.time).offer())
    assert server.startswith("Prometheus 2.")
    assert f"has {CORES * 5} series of node_cpu_seconds_total" in server
    assert devices == f"{CORES} devices of 0.036 Top/s, class general"


def series(*samples: tuple[float, float | None]) -> Series:
    return Series({int(at * 1000): None if value is None else int(value * S) for at, value in samples})


def of(asked: Asked, *each: Series, start: int = 0, end: int = 10, most: int = 4) -> Gathered:
    named: dict[tuple[tuple[str, str], ...], Series] = {(("cpu", str(number)),): one for number, one in enumerate(each)}
    return gathered(named, asked, start * S, end * S, most)


COUNTER = Asked("s", None, counter=True, step=1, max_gap=5.0)
GAUGE = Asked("s", None, counter=False, step=1, max_gap=5.0)


def test_gathered__counters_of_two_cores__add_their_rises() -> None:
    total = of(COUNTER, series((0, 100), (5, 103), (10, 105)), series((0, 7), (5, 7), (10, 8)))
    assert total == Gathered(10 * S, (5 + 1) * S, 4, 2, ())


def test_gathered__samples_beside_the_edges__count_by_their_part() -> None:
    assert of(COUNTER, series((-2, 0), (2, 4), (6, 4), (11, 9))).work == (2 + 4) * S


def test_gathered__a_gauge__counts_the_lower_of_its_neighbours() -> None:
    total = of(GAUGE, series((0, 1.0), (4, 0.5), (8, 0.75), (10, 0.25)))
    assert total.work == int((4 * 0.5 + 4 * 0.5 + 2 * 0.25) * S)


def test_gathered__samples_too_far_apart__count_as_no_output_and_say_so() -> None:
    total = of(COUNTER, series((0, 0), (1, 1), (7, 7), (10, 10)))
    assert total.work == 4 * S
    assert total.notes == (
        "1 intervals do not count: samples too far apart",
        "1 of 1 series lack samples, up to 6.0 s, which count as no output",
    )


@pytest.mark.parametrize(
    ("samples", "work", "note"),
    [
        (((0, 500), (4, 502), (8, 1), (10, 2)), 3, "counters went backwards"),
        (((0, 5), (4, 4.999), (8, 6.999), (10, 8.999)), 4, "counters went backwards"),
        (((0, 5), (4, None), (8, 7), (10, 9)), 2, "a value that is no number of busy devices or seconds"),
        (((0, -3), (4, 1), (8, 2), (10, 3)), 2, "a value that is no number of busy devices or seconds"),
        (((0, 0), (4, 900), (8, 901), (10, 902)), 2, "more than all devices can do"),
    ],
    ids=["reset", "a little back", "not a number", "negative", "leap"],
)
def test_gathered__a_counter_that_cannot_be_trusted__creates_no_output(
    samples: tuple[tuple[float, float | None], ...], work: int, note: str
) -> None:
    total = of(COUNTER, series(*samples))
    assert total.work == work * S
    assert any(line.endswith(note) for line in total.notes)


def test_gathered__a_series_that_ends_early__is_said_and_the_others_count() -> None:
    total = of(COUNTER, series((0, 0), (5, 5)), series((0, 0), (5, 5), (10, 10)))
    assert (total.covered_ns, total.work) == (10 * S, 15 * S)
    assert total.notes == ("1 of 2 series lack samples, up to 5.0 s, which count as no output",)


def test_gathered__no_series__is_nothing() -> None:
    assert of(COUNTER) == Gathered(0, 0, 0, 0, ())


@given(st.lists(st.tuples(st.integers(-5, 25), st.one_of(st.none(), st.integers(-3, 60))), max_size=20), st.booleans())
def test_gathered__whatever_the_samples_say__is_bounded_by_time_and_devices(
    samples: list[tuple[int, int | None]], is_counter: bool
) -> None:
    total = of(COUNTER if is_counter else GAUGE, series(*samples), most=2)
    assert 0 <= total.work <= 2 * total.covered_ns
    assert total.covered_ns <= 10 * S


class Answers(BaseHTTPRequestHandler):
    """Answers every request with what the test set."""

    body = b""
    asked: list[str] = []  # noqa: RUF012 - one server at a time

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    Answers.body, Answers.asked = body, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://user:hunter2@127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html>", "does not answer as Prometheus does"),
        (b"[" * 100_000, "does not answer as Prometheus does"),
        (b'{"status": "error", "error": "no such thing"}', r"refuses \(no such thing\)"),
        (b'{"status": "success", "data": {"resultType": "scalar"}}', "answered with 'scalar', expected series"),
        (
            b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[0]]}]}}',
            "the samples are not in the form of its API",
        ),
    ],
)
def test_measure__answers_that_are_not_prometheus__are_refused_without_the_password(body: bytes, told: str) -> None:
    with answering(body) as url, pytest.raises(SourceError, match=told) as error:
        metered(url, counter("s"), EpochSpan(0, 0, 10))
    assert str(error.value).startswith("Prometheus at 127.0.0.1:")
    assert "hunter2" not in str(error.value)


def test_measure__an_answer_without_end__is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbi_network.meter.prometheus_api.MAX_ANSWER_BYTES", 1000)
    with answering(b" " * 2000) as url, pytest.raises(SourceError, match="the answer is longer than 1000 bytes"):
        metered(url, counter("s"), EpochSpan(0, 0, 10))


def test_measure__nobody_listens__says_so_in_one_line() -> None:
    with pytest.raises(SourceError) as error:
        metered("http://127.0.0.1:9", counter("s"), EpochSpan(0, 0, 10))
    assert str(error.value) == "Prometheus at 127.0.0.1:9: cannot be reached (ConnectError)"


def test_series__a_long_epoch__is_asked_for_in_parts_that_meet() -> None:
    empty = b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'
    with answering(empty) as url:
        asyncio.run(Prometheus(url, 5.0).series("s", 0, 2000))
        assert Answers.asked == [
            "query=s%5B900s%5D&time=900",
            "query=s%5B900s%5D&time=1800",
            "query=s%5B200s%5D&time=2000",
        ]


def test_series__values_of_all_kinds__become_exact_billionths() -> None:
    values = b'[[1.5, "1e-9"], [2, "123456789012345678.123456789"], [3, "NaN"], [4, "+Inf"], [5, "1e99"], [6, "x"]]'
    body = (
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": '
        + values
        + b"}]}}"
    )
    with answering(body) as url:
        (found,) = asyncio.run(Prometheus(url, 5.0).series("s", 0, 10)).values()
    assert found.in_order() == [
        (1500, 1),
        (2000, 123456789012345678_123456789),
        (3000, None),
        (4000, None),
        (5000, None),
        (6000, None),
    ]
