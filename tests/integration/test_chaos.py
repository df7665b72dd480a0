"""The chaos campaign in small, with a fixed seed, and its control.

four oracles, f = 1, real processes
├── one fault of some kinds                   → each took effect; no epoch lost, nothing signed twice, nobody slashed
└── the same without the signing guard        → the verdict is red: an honest oracle signed twice
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.__main__ import ZEROS
from tests.chaos.campaign import Campaign
from tests.chaos.chain import Times
from tests.chaos.faults import Demanded, KillAtObserved, Reorg, RpcDiesSending, SecondProcess
from tests.chaos.network import Pace, running_network

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

SEED = 4
TIMES = Times(8, report_window=72, dispute_window=60, max_extension=130, reveal_window=40, genesis_delay=25)
PACE = Pace(gather=2, view=2)


def test_campaign__some_faults__lose_no_epoch_and_sign_nothing_twice(tmp_path: Path) -> None:
    kinds = (KillAtObserved, RpcDiesSending, Reorg, SecondProcess, Demanded)
    with running_network(tmp_path / "network", 4, TIMES, PACE) as network:
        verdict = Campaign(network, SEED, print).run(kinds, least_epochs=3)
    assert verdict["faults_by_kind"] == {kind.kind: 1 for kind in kinds}
    assert {name: verdict[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert verdict["epochs_reported"] == verdict["epochs"] >= 3
    assert verdict["signatures_seen"] > 4 * verdict["epochs"]


def test_campaign__without_the_signing_guard__is_red(tmp_path: Path) -> None:
    with running_network(tmp_path / "network", 4, TIMES, PACE, all_are="unguarded") as network:
        verdict = Campaign(network, SEED, print).run((KillAtObserved,), least_epochs=2)
    assert verdict["faults_by_kind"] == {KillAtObserved.kind: 1}
    assert verdict["double_signatures_by_honest"] > 0
