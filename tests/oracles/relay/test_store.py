"""The relayer's file, and what is kept as text.

keep     → found again after the file was closed, just as it came; spoken for; its nonces are taken
         a nonce of a live job → not kept; of one that ended → kept; the same job again after it was skipped → queued
bundle   → jobs and fees in it; made → fee due; skipped → no fee; taken back → under way; not sent → queued again
forget   → what ended long ago; never what is open
file     of another relayer → refused
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sbi_network.relay.errors import RelayError
from sbi_network.relay.jobs import FeeState, JobState, Record
from sbi_network.relay.requests import PaymentBody, read_job, read_kept
from sbi_network.relay.store import RelayStore
from tests.oracles.relay.people import COLLECTOR, admitted, body, somebody

PAYER = somebody(10)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RelayStore]:
    opened = RelayStore(tmp_path / "relay.sqlite", "relayer")
    yield opened
    opened.close()


def found(store: RelayStore, name: str) -> Record:
    record = store.find(name)
    assert record is not None
    return record


def test_keep__a_job__is_there_after_a_restart(store: RelayStore, tmp_path: Path) -> None:
    given = admitted(value=2**200, fee=3, position=1)
    assert store.keep([given]) == [True]
    store.close()
    again = RelayStore(tmp_path / "relay.sqlite", "relayer")
    record = found(again, given.name)
    assert (record.job, record.state, record.fee_state) == (given.job, JobState.QUEUED, FeeState.AWAITED)
    assert again.spoken_for(PAYER) == (2**200 + 3, 1)
    assert again.position(PAYER) == 1
    assert again.waiting() == 1
    assert again.quote_key == RelayStore(tmp_path / "relay.sqlite", "relayer").quote_key


def test_keep__a_nonce_under_way__is_not_kept(store: RelayStore) -> None:
    assert store.keep([admitted(nonce=7), admitted(nonce=7, value=6), admitted(payer=12, nonce=7)]) == [
        True,
        False,
        True,
    ]
    assert store.keep([admitted(nonce=6, fee=1)]) == [False], "its fee's nonce is 7"
    (first, _) = store.queued(10)
    store.end(first, JobState.SKIPPED, "ERC20InsufficientBalance")
    assert store.keep([admitted(nonce=7, value=6)]) == [True]


def test_keep__what_was_skipped__is_queued_again(store: RelayStore) -> None:
    given = admitted()
    store.keep([given])
    store.end(found(store, given.name), JobState.SKIPPED, "ERC20InsufficientBalance")
    assert store.spoken_for(PAYER) == (0, 0)
    assert store.keep([given]) == [True]
    assert found(store, given.name).state is JobState.QUEUED


def test_bundle__through_its_life__moves_jobs_and_fees(store: RelayStore) -> None:
    paid, poor = admitted(nonce=7, fee=1), admitted(nonce=17, fee=1)
    store.keep([paid, poor])
    bundle = store.open_bundle(store.queued(10), [])
    store.keep_intent(bundle, 5)
    (stands,) = store.open_bundles()
    assert (stands.intent, stands.block_hash, store.queued(10)) == (5, None, [])
    inside = store.bundle(bundle.number)
    with store.outcome(bundle, "0xaa", is_open=True) as outcome:
        outcome.made(inside.deeds[0], "0x01", 3, is_final=False)
    made = found(store, paid.name)
    assert (made.state, made.block, made.is_final, made.fee_state) == (JobState.MADE, 3, False, FeeState.DUE)
    assert store.spoken_for(PAYER) == (1 + 5 + 1, 1)
    with store.outcome(bundle, None, is_open=True) as outcome:
        outcome.taken_back(made)
    assert (found(store, paid.name).state, store.due_fees(9)) == (JobState.SENT, [])
    inside = store.bundle(bundle.number)
    with store.outcome(bundle, "0xbb", is_open=False) as outcome:
        outcome.made(inside.deeds[0], "0x02", 4, is_final=True)
        outcome.ended(inside.deeds[1], JobState.SKIPPED, "ERC20InsufficientBalance")
    assert [record.name for record in store.due_fees(9)] == [paid.name]
    assert found(store, poor.name).fee_state is FeeState.NONE
    fees = store.open_bundle([], store.due_fees(9))
    with store.outcome(fees, "0xcc", is_open=False) as outcome:
        outcome.fee_collected(fees.fees[0], "0x03")
    assert (store.spoken_for(PAYER), store.open_bundles()) == ((0, 0), [])


def test_bundle__that_came_to_nothing__is_queued_again_with_a_try_more(store: RelayStore) -> None:
    given = admitted()
    store.keep([given])
    bundle = store.open_bundle(store.queued(10), [])
    with store.outcome(bundle, None, is_open=False) as outcome:
        outcome.again(store.bundle(bundle.number).deeds[0])
    (record,) = store.queued(10)
    assert record.tries == 1


def test_outcome__that_fails_halfway__changes_nothing(store: RelayStore) -> None:
    given = admitted()
    store.keep([given])
    bundle = store.open_bundle(store.queued(10), [])

    def halfway() -> None:
        with store.outcome(bundle, "0xaa", is_open=False) as outcome:
            outcome.made(bundle.deeds[0], "0x01", 3, is_final=True)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        halfway()
    assert found(store, given.name).state is JobState.SENT
    assert len(store.open_bundles()) == 1


def test_forget__long_after__drops_what_ended_alone(store: RelayStore) -> None:
    ended, live = admitted(nonce=7), admitted(nonce=17)
    store.keep([ended, live])
    store.end(found(store, ended.name), JobState.EXPIRED, "late")
    assert store.forget_ended(100) == 0
    assert store.forget_ended(101) == 1
    assert store.find(ended.name) is None
    assert found(store, live.name).state is JobState.QUEUED


def test_file__of_another_relayer__is_refused(store: RelayStore, tmp_path: Path) -> None:
    with pytest.raises(RelayError, match="belongs to relayer"):
        RelayStore(tmp_path / "relay.sqlite", "another")


@pytest.mark.parametrize("fee", [0, 2**100])
def test_text__of_a_request__reads_as_the_same_job(fee: int) -> None:
    job = read_job(body(value=2**255, fee=fee), COLLECTOR)
    assert read_kept(job.text, is_permit=False, collector=COLLECTOR) == job
    assert PaymentBody.model_validate_json(job.text).value == 2**255
