"""What an oracle's figures say of it, by what happens at its desk and to its reports.

refusals      ├── a second observation or report, anything once parked → counted by kind, from zero on
              └── what only might be a second one, or is the same again → not
disagreement  └── of an epoch that is settled: how many oracles observed otherwise than the report
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from sbi_network.chain.keys import KeystoreSigner
from sbi_network.errors import SBIError
from sbi_network.monitoring.metrics import Metrics, OracleMetrics
from sbi_network.oracle.config import Timings
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.node import OracleNode
from sbi_network.protocol.agreement import report_from_observations
from tests.oracles.oracle.simulated import (
    CLOCK,
    EPOCH,
    HonestOracle,
    archive_of,
    guard_of,
    observed,
    oracle_key,
    readings,
    terms_of,
)

TERMS = terms_of()


def _refusals(registry: CollectorRegistry) -> dict[str, float | None]:
    kinds = ("observation", "report")
    return {kind: registry.get_sample_value("sbi_signing_refusals_total", {"kind": kind}) for kind in kinds}


class Desk:
    """A desk whose refusals are counted, and what it was made to do."""

    def __init__(self) -> None:
        metrics, account = Metrics(), oracle_key(0)
        self.registry = metrics.registry
        refused = OracleMetrics(metrics).signing_refused
        self.desk = SigningDesk(KeystoreSigner(account), guard_of(account), archive_of(account), refused)

    def observe(self, output: int, **given: Any) -> None:
        asyncio.run(self.desk.sign_observation(0, readings(TERMS, output), TERMS, **given))

    def report(self, output: int, **given: Any) -> None:
        listed = [observed(TERMS, number, readings(TERMS, output)) for number in range(3)]
        shown = [each.listed(TERMS.config.domain) for each in listed]
        agreed = report_from_observations(shown, TERMS.config, EPOCH, 0, TERMS.public_shares_bps)
        asyncio.run(self.desk.sign_report(agreed, TERMS, **given))


def test_desk__a_second_digest_of_each_kind__is_counted() -> None:
    desk = Desk()
    assert _refusals(desk.registry) == {"observation": 0, "report": 0}
    desk.observe(100)
    desk.report(100)
    for _ in range(2):
        with pytest.raises(SBIError):
            desk.report(101)
    with pytest.raises(SBIError):
        desk.observe(101)
    assert _refusals(desk.registry) == {"observation": 1, "report": 2}


def test_desk__the_same_again_or_unsure__is_not_counted() -> None:
    desk = Desk()
    with pytest.raises(SBIError):
        desk.report(100, may_be_new=False)
    desk.report(100)
    desk.report(100)
    assert _refusals(desk.registry) == {"observation": 0, "report": 0}


def test_desk__parked__counts_whatever_it_is_asked() -> None:
    desk = Desk()
    desk.desk.park("seen elsewhere")
    for act in (desk.observe, desk.report):
        with pytest.raises(SBIError):
            act(100)
    assert _refusals(desk.registry) == {"observation": 1, "report": 1}


@pytest.mark.parametrize(("otherwise", "differing"), [((), []), ((1,), [1]), ((1, 3), [1, 3])])
def test_node__settled_epoch__tells_who_observed_otherwise(otherwise: tuple[int, ...], differing: list[int]) -> None:
    agreement, metrics = HonestOracle(TERMS, 0).agreement, Metrics()
    for number in range(4):
        agreement.receive(observed(TERMS, number, (None, None) if number in otherwise else readings(TERMS)))
    shown = [observed(TERMS, number, readings(TERMS)).listed(TERMS.config.domain) for number in range(3)]
    tree = report_from_observations(shown, TERMS.config, EPOCH, 0, TERMS.public_shares_bps).tree

    async def gives(found: Any) -> Any:
        return found

    office: Any = SimpleNamespace(
        means=SimpleNamespace(clock=SimpleNamespace(now=lambda: 0.0, deadline_of=CLOCK.deadline_of), timings=Timings()),
        guard=SimpleNamespace(prune=lambda oldest: None),
        custody=SimpleNamespace(after=lambda terms: gives(tree)),
        terms=SimpleNamespace(of=lambda epoch: gives(TERMS)),
        metrics=OracleMetrics(metrics),
    )
    with capture_logs() as lines:
        asyncio.run(OracleNode(office)._look_after(EPOCH, agreement))
    assert metrics.registry.get_sample_value("sbi_disagreement") == len(differing)
    assert [line["oracles"] for line in lines if line["event"] == "disagreement"] == ([differing] if differing else [])
