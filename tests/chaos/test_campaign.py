"""The chaos campaign in small, with a fixed seed, and its control.

four oracles, f = 1, real processes
├── one fault of some kinds                   → each took effect; no epoch lost, nothing signed twice, nobody slashed
└── the same without the signing guard        → the verdict is red: an honest oracle signed twice
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.__main__ import ZEROS
from tests.chaos.campaign import Campaign
from tests.chaos.chain import Times
from tests.chaos.faults import Demanded, KillAtObserved, Reorg, RpcDiesSending, SecondProcess
from tests.chaos.network import Network, Pace, running_network
from tests.chaos.processes import slowness

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(900)]

SEED = 4


@contextmanager
def _network(folder: Path, all_are: str | None = None) -> Iterator[Network]:
    """With epochs as short as this machine allows now."""
    slow = slowness()
    times = Times(
        epoch=8 * slow,
        report_window=72 * slow,
        dispute_window=60 * slow,
        max_extension=130 * slow,
        reveal_window=40 * slow,
        evidence_horizon=900 * slow,
        lock=1_000 * slow,
        genesis_delay=15 + 10 * slow,
    )
    pace = Pace(gather=2.0 * slow, view=2.0 * slow, poll=0.5 * slow, request=1.5 * slow)
    with running_network(folder, 4, times, pace, all_are=all_are) as network:
        yield network


def test_campaign__some_faults__lose_no_epoch_and_sign_nothing_twice(tmp_path: Path) -> None:
    kinds = (KillAtObserved, RpcDiesSending, Reorg, SecondProcess, Demanded)
    with _network(tmp_path / "network") as network:
        verdict = Campaign(network, SEED, print).run(kinds, least_epochs=3)
    assert verdict["faults_by_kind"] == {kind.kind: 1 for kind in kinds}
    assert {name: verdict[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert verdict["epochs_reported"] == verdict["epochs"] >= 3
    assert verdict["signatures_seen"] > 4 * verdict["epochs"]


def test_campaign__without_the_signing_guard__is_red(tmp_path: Path) -> None:
    with _network(tmp_path / "network", all_are="unguarded") as network:
        verdict = Campaign(network, SEED, print).run((KillAtObserved,), least_epochs=2)
    assert verdict["faults_by_kind"] == {KillAtObserved.kind: 1}
    assert verdict["double_signatures_by_honest"] > 0
