"""What metrics tell of reports, by the chain.

look    ├── an epoch over and without a report → awaited until its deadline, then let go
        ├── reported, by whomever → its age, from when the chain took it
        └── forgotten by the chain → let go
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.registry import Registry
from sbi_network.chain.report_pulse import ReportPulse
from sbi_network.monitoring.metrics import Metrics, OracleMetrics
from tests.oracles.chain.stand_in import ADDRESS, StandInNode, revert_data, reverting

NONE = (bytes(32), 0, 0, 0, 0, 0, 0, 0, False)


def _report(epoch: int, accepted_at: int) -> tuple[Any, ...]:
    return (b"\1" * 32, 400, epoch, accepted_at, 0b111, 1, 0, 0, False)


@dataclass(frozen=True, slots=True)
class SetClock(EpochClock):
    """A clock that a test sets."""

    time: list[float]

    def now(self) -> float:
        return self.time[0]


class Watched:
    """Epochs of 100 s from 1,000 s on, whose report is accepted until 50 s after their end."""

    def __init__(self, record_of: Callable[[int], Any]) -> None:
        self.time = [1_000.0]
        clock = SetClock(31337, ADDRESS, 1_000, 100, 50, self.time)
        registry = Registry(StandInNode("ComputeOracleRegistry", {"recordOf": record_of}).chain(), ADDRESS)
        self._metrics = Metrics()
        self._pulse = ReportPulse(registry, clock, OracleMetrics(self._metrics, clock.now))

    def at(self, time: float) -> tuple[float | None, float | None]:
        """Until the deadline and since the last report, after a look at a time."""
        self.time[0] = time
        asyncio.run(self._pulse.look())
        figure = self._metrics.registry.get_sample_value
        return figure("sbi_deadline_seconds"), figure("sbi_report_age_seconds")


def test_look__without_a_report__is_awaited_until_its_deadline() -> None:
    watched = Watched(lambda _: NONE)
    assert watched.at(1_050) == (math.inf, 50)
    assert watched.at(1_110) == (40, 110)
    assert watched.at(1_149) == (1, 149)
    assert watched.at(1_151) == (math.inf, 151)
    assert watched.at(1_201) == (49, 201)


def test_look__reported__tells_its_age_as_the_chain_has_it() -> None:
    records = {0: _report(0, 1_120)}
    watched = Watched(lambda epoch: records.get(epoch, NONE))
    assert watched.at(1_130) == (math.inf, 10)
    assert watched.at(1_210) == (40, 90)
    records[1] = _report(1, 1_215)
    assert watched.at(1_216) == (math.inf, 1)


@pytest.mark.parametrize("name", ["EpochForgotten"])
def test_look__forgotten__is_let_go(name: str) -> None:
    answers: list[Any] = [lambda _: NONE, reverting(revert_data(name, 0, 9))]
    watched = Watched(lambda epoch: answers[0](epoch))
    assert watched.at(1_110) == (40, 110)
    answers.pop(0)
    assert watched.at(1_120) == (math.inf, 120)
