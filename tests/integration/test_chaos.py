"""The chaos campaign in small, with a fixed seed: four oracles, two meters and Anvil as real processes, f = 1.

Whoever comes to a step of its outbox first is killed there, an endpoint dies while it takes a transaction, somebody
starts an oracle twice: each took effect, no epoch is lost, nothing is signed or sent twice. `make chaos` is all of it;
tests/chaos/test_campaign.py shows that it can fail.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.__main__ import ZEROS
from tests.chaos.campaign import Campaign
from tests.chaos.faults import OUTBOX_KILLS, RpcDiesSending, SecondProcess
from tests.chaos.small import small_network

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(900)]

KINDS = (OUTBOX_KILLS[1], OUTBOX_KILLS[4], RpcDiesSending, SecondProcess)


def test_campaign__a_few_faults__lose_no_epoch_and_sign_nothing_twice(tmp_path: Path) -> None:
    with small_network(tmp_path / "network") as network:
        verdict = Campaign(network, 4, print).run(KINDS, least_epochs=2)
    assert verdict["faults_by_kind"] == {kind.kind: 1 for kind in KINDS}
    assert {name: verdict[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert verdict["epochs_reported"] == verdict["epochs"] >= 2
    assert verdict["signatures_seen"] > 4 * verdict["epochs"]
    assert verdict["transactions_seen"] >= verdict["epochs"]
