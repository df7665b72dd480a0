"""A dry run: what would be reported, with nothing signed.

compute     ├── readings there → their totals
            └── registered too late for the epoch → not counted
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from sbi_network.chain.registry import Registry
from sbi_network.oracle.config import Timings
from sbi_network.oracle.dry_run import DryRun
from sbi_network.oracle.gather import Gatherer
from sbi_network.oracle.transport import Transport
from sbi_network.protocol.json_form import encode_signed
from tests.oracles.chain.stand_in import StandInNode
from tests.oracles.oracle.simulated import CAPACITY, CLOCK, EPOCH, REGISTRY, facility_key, reading, terms_of

TERMS = terms_of()


def _serve(request: httpx.Request) -> httpx.Response:
    number = int(request.url.host.removeprefix("facility-"))
    return httpx.Response(200, text=encode_signed(reading(TERMS, number)))


def _registry(registered: int) -> Registry:
    config = TERMS.config
    known = (CAPACITY, CAPACITY, CAPACITY, 0, 10_000, True)
    views: dict[str, Any] = {
        "configAt": (1, config.digest, 1, list(config.weights_x16), list(config.signers)),
        "facilityCount": registered,
        "facilityOf": lambda number: (facility_key(number).address, facility_key(number).address, 1),
        "facilityTermsAt": lambda number, _: known if number < 2 else (0, 0, 0, 0, 0, False),
    }
    return Registry(StandInNode("ComputeOracleRegistry", views).chain(), REGISTRY)


@pytest.mark.parametrize("registered", [2, 3])
def test_compute__readings_there__tells_their_totals(registered: int) -> None:
    async def play() -> None:
        transport = Transport(0.5, lambda: httpx.AsyncClient(transport=httpx.MockTransport(_serve)))
        gatherer = Gatherer(transport, {number: f"http://facility-{number}" for number in range(3)}, 0.1)
        await DryRun(_registry(registered), CLOCK, gatherer, Timings(gather_seconds=1)).compute(EPOCH)

    with capture_logs() as lines:
        asyncio.run(play())
    told = {line["event"]: line for line in lines}
    assert told["dry_run"]["facilities"] == 2
    assert told["dry_run"]["readings"] == [0, 1]
    assert told["dry_run_totals"]["raw"] == (200, 0, 0)
    assert told["dry_run_totals"]["public_output"] == 400
