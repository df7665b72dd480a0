"""The chaos campaign in small, with a fixed seed, and its controls: it can fail.

four oracles, f = 1, real processes
├── one fault of some kinds                   → each took effect; no epoch lost, nothing signed twice, nobody slashed
├── one is killed when it has observed, and comes back where it sees less
│   ├── with the signing guard                → it says the same again
│   └── without                               → the verdict is red: an honest oracle signed twice
└── an endpoint loses a transaction, and who sent it is killed
    ├── with the outbox's file                → it is sent again
    └── without                               → the verdict is red: a nonce was used for two things
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos.__main__ import ZEROS
from tests.chaos.campaign import Campaign
from tests.chaos.faults import (
    OUTBOX_KILLS,
    Demanded,
    KillAtObserved,
    Reorg,
    RpcDiesSending,
    SecondProcess,
    TransactionDropped,
)
from tests.chaos.network import START_SECONDS
from tests.chaos.observer import Log, Observer
from tests.chaos.processes import until
from tests.chaos.small import small_network

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(900)]

SEED = 4


def test_campaign__some_faults__lose_no_epoch_and_sign_nothing_twice(tmp_path: Path) -> None:
    kinds = (KillAtObserved, RpcDiesSending, Reorg, SecondProcess, Demanded)
    with small_network(tmp_path / "network") as network:
        verdict = Campaign(network, SEED, print).run(kinds, least_epochs=3)
    assert verdict["faults_by_kind"] == {kind.kind: 1 for kind in kinds}
    assert {name: verdict[name] for name in ZEROS} == dict.fromkeys(ZEROS, 0)
    assert verdict["epochs_reported"] == verdict["epochs"] >= 3
    assert verdict["signatures_seen"] > 4 * verdict["epochs"]


@pytest.mark.parametrize(("all_are", "is_red"), [("unguarded", True), (None, False)])
def test_verdict__killed_after_observing_and_back_with_less__is_red_without_the_signing_guard(
    tmp_path: Path, all_are: str | None, *, is_red: bool
) -> None:
    with small_network(tmp_path / "network", all_are=all_are) as network:
        one, *others = network.slots
        for slot in others[1:]:
            slot.process.kill()  # so that no report closes the epoch before that one is back
        until("it to see readings", lambda: one.process.has_told("observed", readings=2), START_SECONDS)
        fault = KillAtObserved(network, one, random.Random(SEED))
        fault.inject()
        until("it to observe, and its end", fault.has_taken_effect, START_SECONDS)
        fault.heal()
        until("it to observe again", lambda: one.process.has_told("observed"), START_SECONDS)
        if is_red:
            until("others to be told", network.signatures.doubled, START_SECONDS)
        verdict = Observer(network, Log()).verdict(0, max(0, network.chain.running()))
    assert verdict["signatures_seen"] > 0
    assert (verdict["double_signatures_by_honest"] > 0) is is_red


LOST_AND_FORGOTTEN = (TransactionDropped, OUTBOX_KILLS[3])
"""The endpoint loses the transaction, and who sent it is killed as soon as it has noted that it did."""


@pytest.mark.parametrize(("all_are", "is_red"), [("forgetful", True), (None, False)])
def test_campaign__outboxes_that_forget__is_red(tmp_path: Path, all_are: str | None, *, is_red: bool) -> None:
    with small_network(tmp_path / "network", all_are=all_are) as network:
        verdict = Campaign(network, SEED, print).run(LOST_AND_FORGOTTEN, least_epochs=8)
    assert verdict["faults_by_kind"] == {kind.kind: 1 for kind in LOST_AND_FORGOTTEN}
    assert (verdict["nonces_used_for_two_things"] > 0) is is_red
    assert verdict["double_signatures_by_honest"] == 0
