"""From measurements to served readings.

reading ── signed ── not ended ── being signed ── not measured ── before the first ── no epoch at all
restart ── same reading ── caught up ── lost state signs nothing old    /v1/facility    /healthz
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from sbi_network.chain.errors import KeyFileError
from sbi_network.meter.errors import ReadingStateError, SourceError
from sbi_network.meter.measurement import EpochSpan, Measurement
from sbi_network.meter.service import CATCH_UP_EPOCHS, MeterService, build_http
from sbi_network.meter.store import Identity, KeptReading, ReadingStore
from sbi_network.protocol.figure import ZERO_WORD
from sbi_network.protocol.json_form import MAX_TEXT_CHARS, decode_signed
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.signature import Signature
from tests.oracles.meter.stand_ins import DOMAIN, FACILITY, GENESIS, ManualNetwork, StubMeter, signer

IDENTITY = Identity(FACILITY, signer().address, DOMAIN)


def service_in(folder: Path, network: ManualNetwork, meter: StubMeter | None = None) -> MeterService:
    store = ReadingStore(folder / "m.sqlite", IDENTITY, network.now())
    return MeterService(meter or StubMeter(), network, FACILITY, signer(), store)


def get(service: MeterService, path: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(build_http(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://meter") as client:
            return await client.get(path)

    return asyncio.run(asked())


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    content = response.json()
    assert content["status"] == status
    detail: str = content["detail"]
    return detail


def test_reading__an_ended_epoch__is_served_signed_by_the_facility(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.go_to_end_of(2)
    asyncio.run(service.sign_ended())
    response = get(service, "/v1/readings/2")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    served = decode_signed(Reading, response.content)
    assert served.message == Reading(FACILITY, 2, 1000, 0, 0, ZERO_WORD)
    assert served.signer(DOMAIN) == signer().address


def test_reading__an_epoch_that_runs__says_when_it_ends(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.time += 4
    asyncio.run(service.sign_ended())
    response = get(service, "/v1/readings/0")
    assert problem(response, 404) == f"epoch 0 ends in 6 s, at {GENESIS + 10}"
    assert response.headers["retry-after"] == "7"


def test_reading__an_epoch_not_yet_signed__is_not_signed_for_the_asking(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.go_to_end_of(0)
    response = get(service, "/v1/readings/0")
    assert problem(response, 404) == "epoch 0 is over, and its reading is being signed"
    assert response.headers["retry-after"] == "1"


def test_reading__an_epoch_that_nobody_measured__says_why_and_the_next_goes_on(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network, StubMeter(unknown={0}))
    network.go_to_end_of(1)
    asyncio.run(service.sign_ended())
    response = get(service, "/v1/readings/0")
    assert problem(response, 404) == "epoch 0 was not measured: epoch 0: nobody looked"
    assert "retry-after" not in response.headers
    assert get(service, "/v1/readings/1").status_code == 200


def test_reading__output_beyond_64_bits__is_not_signed(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network, StubMeter(output=2**64))
    network.go_to_end_of(0)
    asyncio.run(service.sign_ended())
    assert "rawGeneral" in problem(get(service, "/v1/readings/0"), 404)


def test_reading__an_epoch_before_the_state_file__is_never_signed(tmp_path: Path) -> None:
    """The file may be a second one: what the first one held cannot be contradicted."""
    network = ManualNetwork(time=GENESIS + 55.0)
    service = service_in(tmp_path, network)
    network.go_to_end_of(6)
    asyncio.run(service.sign_ended())
    expected = "epoch 4 was not measured; this meter's readings begin with epoch 5"
    assert problem(get(service, "/v1/readings/4"), 404) == expected
    assert get(service, "/v1/readings/5").status_code == 200


def test_reading__a_lost_state_file__cannot_lead_to_a_second_reading(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.go_to_end_of(3)
    asyncio.run(service.sign_ended())
    (tmp_path / "fresh").mkdir()
    again = service_in(tmp_path / "fresh", network, StubMeter(output=2000))
    asyncio.run(again.sign_ended())
    assert [get(again, f"/v1/readings/{epoch}").status_code for epoch in range(4)] == [404] * 4


@pytest.mark.parametrize("epoch", ["-1", "x", "1.5", str(2**63), "0x1", "9" * 5000])
def test_reading__no_epoch__is_a_problem_and_no_failure(tmp_path: Path, epoch: str) -> None:
    assert "an epoch is an integer from 0 to" in problem(
        get(service_in(tmp_path, ManualNetwork()), f"/v1/readings/{epoch}"), 422
    )


def test_reading__the_largest_epoch__is_not_over(tmp_path: Path) -> None:
    assert "ends in" in problem(get(service_in(tmp_path, ManualNetwork()), f"/v1/readings/{2**63 - 1}"), 404)


def test_http__another_page__lists_the_pages(tmp_path: Path) -> None:
    assert "/v1/facility" in problem(get(service_in(tmp_path, ManualNetwork()), "/docs"), 404)


def test_restart__a_meter_that_now_measures_otherwise__serves_the_same_reading(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.go_to_end_of(0)
    asyncio.run(service.sign_ended())
    first = get(service, "/v1/readings/0").content
    again = service_in(tmp_path, network, StubMeter(output=2000))
    asyncio.run(again.sign_ended())
    assert get(again, "/v1/readings/0").content == first


def test_restart__epochs_that_ended_meanwhile__are_signed_if_the_meter_knows_them(tmp_path: Path) -> None:
    network = ManualNetwork()
    service_in(tmp_path, network)
    network.go_to_end_of(5)
    again = service_in(tmp_path, network, StubMeter(unknown={0, 1, 2}))
    asyncio.run(again.sign_ended())
    assert [get(again, f"/v1/readings/{epoch}").status_code for epoch in range(6)] == [404] * 3 + [200] * 3


def test_restart__after_very_long__looks_back_a_bounded_way(tmp_path: Path) -> None:
    network = ManualNetwork()
    service_in(tmp_path, network)
    network.go_to_end_of(1000)
    again = service_in(tmp_path, network)
    asyncio.run(again.sign_ended())
    assert isinstance(again.reading(1001 - CATCH_UP_EPOCHS), KeptReading)
    assert not isinstance(again.reading(1000 - CATCH_UP_EPOCHS), KeptReading)


def test_start__before_genesis__waits_for_epoch_0(tmp_path: Path) -> None:
    network = ManualNetwork(time=GENESIS - 1000.0)
    service = service_in(tmp_path, network)
    asyncio.run(service.sign_ended())
    assert "epoch 0 ends in 1010 s" in problem(get(service, "/v1/readings/0"), 404)
    network.go_to_end_of(0)
    asyncio.run(service.sign_ended())
    assert get(service, "/v1/readings/0").status_code == 200


def test_sign_ended__the_state_file_fails__is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.go_to_end_of(0)

    def full(*_: object) -> KeptReading:
        raise ReadingStateError("m.sqlite: disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(ReadingStore, "keep", full)
        asyncio.run(service.sign_ended())
        assert problem(get(service, "/healthz"), 503) == "m.sqlite: disk is full"
    asyncio.run(service.sign_ended())
    assert get(service, "/healthz").json() == {"status": "measuring"}
    assert get(service, "/v1/readings/0").status_code == 200


def test_reading__the_state_file_is_locked_and_cannot_be_read__is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> KeptReading:
        raise ReadingStateError("m.sqlite: " + str(sqlite3.OperationalError("disk I/O error")))

    service = service_in(tmp_path, ManualNetwork())
    monkeypatch.setattr(ReadingStore, "get", broken)
    assert problem(get(service, "/v1/readings/0"), 503) == "m.sqlite: disk I/O error"


def test_sign_ended__the_signer_fails__signs_later_what_was_measured_first(tmp_path: Path) -> None:
    class Away:
        address = signer().address

        async def sign(self, preimage: bytes) -> Signature:
            raise KeyFileError("the signer is away")

    network = ManualNetwork()
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, network.now())
    service = MeterService(StubMeter(), network, FACILITY, Away(), store)
    network.go_to_end_of(0)
    asyncio.run(service.sign_ended())
    assert problem(get(service, "/healthz"), 503) == "the signer is away"
    assert problem(get(service, "/v1/readings/0"), 404) == "epoch 0 is over, and its reading is being signed"
    again = service_in(tmp_path, network, StubMeter(unknown={0}))  # restarted, it has seen nothing of epoch 0
    asyncio.run(again.sign_ended())
    assert decode_signed(Reading, get(again, "/v1/readings/0").content).message.raw == (1000, 0, 0)


def test_facility__after_an_epoch__tells_who_what_and_how_much(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.go_to_end_of(1)
    asyncio.run(service.sign_ended())
    told = get(service, "/v1/facility").json()
    assert told["facility"] == FACILITY
    assert told["signer"] == signer().address
    assert told["registry"] == DOMAIN.verifying_contract
    assert told["chainId"] == DOMAIN.chain_id
    assert told["meter"] == "stub"
    assert told["capacityOpsPerSecond"] == {"general": 7_000_000_000, "intelligent": 0, "super": 0}
    assert told["runningEpoch"] == 2
    assert told["lastReadings"] == [1, 0]


def test_evidence__of_a_kept_reading__is_told_in_words_and_figures(tmp_path: Path) -> None:
    network = ManualNetwork()
    service = service_in(tmp_path, network)
    network.go_to_end_of(1)
    asyncio.run(service.sign_ended())
    told = get(service, "/v1/evidence/1").json()
    assert told["words"].startswith("epoch 1: general 1,000 nGAICPh raw")
    assert told["coveredMs"] == 10_000
    assert told["classes"]["general"]["rawNanoGaicph"] == 1000
    assert "ends in" in problem(get(service, "/v1/evidence/2"), 404)
    assert problem(get(service, "/v1/evidence/x"), 422)


def test_facility__readings_that_rest_on_very_much__is_still_short(tmp_path: Path) -> None:
    class Wordy(StubMeter):
        async def measure(self, span: EpochSpan) -> Measurement:
            return replace(await super().measure(span), notes=("much to say " * 100,) * 40)

    network = ManualNetwork()
    service = service_in(tmp_path, network, Wordy())
    network.go_to_end_of(30)
    asyncio.run(service.sign_ended())
    assert len(get(service, "/v1/evidence/30").content) > 40_000
    assert len(get(service, "/v1/facility").content) < MAX_TEXT_CHARS / 2


def test_run__epochs_pass__each_is_signed_as_it_ends_and_stop_ends_it(tmp_path: Path) -> None:
    async def two_epochs() -> MeterService:
        network = _LiveNetwork(genesis=int(time.time()) - 1)
        service = service_in(tmp_path, network)
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        await asyncio.sleep(2.2)
        stop.set()
        await asyncio.wait_for(running, timeout=1)
        return service

    service = asyncio.run(two_epochs())
    assert isinstance(service.reading(1), KeptReading)
    assert isinstance(service.reading(2), KeptReading)


class _LiveNetwork(ManualNetwork):
    def __init__(self, genesis: int) -> None:
        super().__init__(genesis=genesis, epoch_seconds=1)

    def now(self) -> float:
        return time.time()


class PatientMeter(StubMeter):
    """Waits for its last samples, for ever."""

    waits = True

    async def measure(self, span: EpochSpan) -> Measurement:
        if self.waits:
            await asyncio.Event().wait()
        return await super().measure(span)


def test_run__stopped_while_the_meter_waits_for_samples__ends_at_once_and_signs_after_the_restart(
    tmp_path: Path,
) -> None:
    network, meter = ManualNetwork(), PatientMeter()
    service = service_in(tmp_path, network, meter)
    network.go_to_end_of(0)

    async def run_and_stop() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(service.run(stop))
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(running, timeout=5)

    asyncio.run(run_and_stop())
    assert "is being signed" in problem(get(service, "/v1/readings/0"), 404)
    meter.waits = False
    restarted = service_in(tmp_path, network, meter)
    asyncio.run(restarted.sign_ended())
    assert get(restarted, "/v1/readings/0").status_code == 200


def test_sign_ended__a_source_that_cannot_be_reached__is_told_and_tried_again(tmp_path: Path) -> None:
    class Unreachable(StubMeter):
        reachable = False

        async def measure(self, span: EpochSpan) -> Measurement:
            if not self.reachable:
                raise SourceError("Prometheus at a:1: cannot be reached (ConnectError)")
            return await super().measure(span)

    network, meter = ManualNetwork(), Unreachable()
    service = service_in(tmp_path, network, meter)
    network.go_to_end_of(1)
    asyncio.run(service.sign_ended())
    assert problem(get(service, "/healthz"), 503) == "Prometheus at a:1: cannot be reached (ConnectError)"
    meter.reachable = True
    asyncio.run(service.sign_ended())
    assert [get(service, f"/v1/readings/{epoch}").status_code for epoch in (0, 1)] == [200, 200]
