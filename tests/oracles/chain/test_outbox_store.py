"""The outbox's file, and what it is made of.

put         ├── a key that runs or is final → that one; a key that came to nothing → a new one
            ├── no key → joins an unsettled one of just the same call
            └── figures beyond the file, a call of any size → kept as given, or refused with nothing kept
transitions ├── every step of the table → taken; every other → refused, and nothing changed
            └── the nonce and the raw bytes are kept in one
open        ├── another account's, another chain's, a corrupt or foreign file → OutboxError
            └── a full disk → OutboxError, and the file is as before
fees        └── first, raised → up by an eighth at least, never above the cap, the tip never above the fee
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sbi_network.chain.errors import LockedError, OutboxError
from sbi_network.chain.fees import FeeRule, Market
from sbi_network.chain.intent import FREES_KEY, TRANSITIONS, Attempt, Inclusion, Intent, Order, State
from sbi_network.chain.locking import locked
from sbi_network.chain.outbox_cli import app
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.transaction import Call, Fees
from sbi_network.protocol.address import check_address
from tests.oracles.chain.stand_in import ADDRESS

PAYER = check_address("payer", ADDRESS)
CALL = Call(PAYER, "0x1234", 2**200)
PLACE = Inclusion("0x" + "1" * 64, 5, "0x" + "2" * 64, 21_000, succeeded=True, is_blank=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OutboxStore]:
    opened = OutboxStore(tmp_path / "outbox.sqlite", 1, PAYER)
    yield opened
    opened.close()


def _attempt(intent: Intent, nonce: int = 7, name: str = "a") -> Attempt:
    return Attempt(
        "0x" + name * 64, intent.number, nonce, 21_000, Fees(9, 3), b"raw", is_blank=False, sent_at_block=None
    )


def _brought_to(store: OutboxStore, state: State, key: str = "k") -> Intent:
    """An intent that went the shortest way to a state."""
    intent = store.put(CALL, Order(key, 100), 50)
    if state in (State.REFUSED, State.EXPIRED):
        store.settle(intent, state)
    elif state is not State.QUEUED:
        attempt = _attempt(intent)
        store.keep_attempt(intent, attempt, State.SIGNED)
        if state in (State.SENT, State.WITHDRAWN):
            store.mark_sent(intent, attempt, 3)
        if state is State.WITHDRAWN:
            store.keep_attempt(intent, _attempt(intent, name="b"), state)
        if state in (State.INCLUDED, State.FINAL, State.REVERTED):
            store.mark_included(intent, PLACE)
        if state in (State.FINAL, State.REVERTED):
            store.settle(intent, state)
    found = store.get(intent.number)
    assert found.state is state
    return found


def test_put__first__is_kept_as_given(store: OutboxStore) -> None:
    intent = store.put(CALL, Order("k", 100), 50)
    assert store.get(intent.number) == intent
    assert intent == Intent(intent.number, "k", CALL, 100, 50, State.QUEUED, None, None, None)


@pytest.mark.parametrize("state", [state for state in State if state not in FREES_KEY])
def test_put__its_key_is_taken__is_the_one_that_has_it(store: OutboxStore, state: State) -> None:
    first = _brought_to(store, state)
    assert store.put(Call(PAYER, "0x"), Order("k"), 60) == first


@pytest.mark.parametrize("state", FREES_KEY)
def test_put__its_key_came_to_nothing__is_a_new_one(store: OutboxStore, state: State) -> None:
    first = _brought_to(store, state)
    second = store.put(CALL, Order("k"), 60)
    assert (second.number, second.state) == (first.number + 1, State.QUEUED)
    assert store.find("k") == second


@pytest.mark.parametrize("state", State)
def test_put__no_key__joins_what_is_unsettled(store: OutboxStore, state: State) -> None:
    first = _brought_to(store, state)
    joined = store.put(CALL, Order(), 60)
    assert (joined.number == first.number) is not first.is_settled
    assert store.put(Call(PAYER, "0x1235", CALL.value), Order(), 60).number != first.number


@pytest.mark.parametrize("deadline", [-1, 2**63])
def test_put__a_deadline_beyond_the_file__keeps_nothing(store: OutboxStore, deadline: int) -> None:
    with pytest.raises(OutboxError):
        store.put(CALL, Order("k", deadline), 50)
    assert store.find("k") is None


@pytest.mark.parametrize(("before", "after"), product(State, State))
def test_move__by_the_table__is_taken_or_refused(store: OutboxStore, before: State, after: State) -> None:
    intent = _brought_to(store, before)
    stays = before is after and before in (State.SIGNED, State.SENT, State.WITHDRAWN)
    if after in TRANSITIONS[before] or stays:
        store.settle(intent, after)
        assert store.get(intent.number).state is after
    else:
        with pytest.raises(AssertionError, match=f"{after} does not follow {before}"):
            store.settle(intent, after)
        assert store.get(intent.number) == intent


def test_keep_attempt__refused_by_the_table__keeps_neither_nonce_nor_bytes(store: OutboxStore) -> None:
    intent = _brought_to(store, State.REFUSED)
    with pytest.raises(AssertionError):
        store.keep_attempt(intent, _attempt(intent), State.SIGNED)
    assert store.get(intent.number).nonce is None
    assert store.next_nonce() == 0


def test_keep_attempt__a_nonce_in_use__is_refused(store: OutboxStore) -> None:
    first, second = store.put(CALL, Order("a"), 1), store.put(CALL, Order("b"), 1)
    store.keep_attempt(first, _attempt(first), State.SIGNED)
    with pytest.raises(OutboxError, match="UNIQUE"):
        store.keep_attempt(second, _attempt(second, name="b"), State.SIGNED)
    assert store.get(second.number).state is State.QUEUED


def test_queued__with_and_without_deadlines__are_the_most_pressing_first(store: OutboxStore) -> None:
    for key, deadline in (("a", None), ("b", 300), ("c", 200), ("d", None)):
        store.put(CALL, Order(key, deadline), 1)
    assert [intent.key for intent in store.queued()] == ["c", "b", "a", "d"]


def test_mark_dropped__of_an_included_one__is_to_be_given_again(store: OutboxStore) -> None:
    intent = _brought_to(store, State.INCLUDED)
    store.mark_dropped(intent)
    dropped = store.get(intent.number)
    assert (dropped.state, dropped.inclusion) == (State.SENT, None)
    assert store.attempts(dropped)[0].sent_at_block is None


def test_forget_settled__old_ones__keeps_the_rest_and_the_highest_nonce(store: OutboxStore) -> None:
    kept = _brought_to(store, State.FINAL, "final")
    _brought_to(store, State.REFUSED, "refused")
    waiting = store.put(CALL, Order("waiting"), 50)
    assert store.forget_settled(51) == 1
    assert [intent.number for intent in store.newest(9)] == [waiting.number, kept.number]
    assert store.next_nonce() == 8


@pytest.mark.parametrize(("chain_id", "account"), [(2, PAYER), (1, "0x" + "11" * 20)])
def test_open__anothers_file__is_refused(tmp_path: Path, chain_id: int, account: str) -> None:
    OutboxStore(tmp_path / "o", 1, PAYER).close()
    with pytest.raises(OutboxError, match="belongs to"):
        OutboxStore(tmp_path / "o", chain_id, check_address("account", account))


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_open__a_corrupt_file__is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "o"
    path.write_bytes(content)
    with pytest.raises(OutboxError, match=str(path)):
        OutboxStore(path, 1, PAYER)
    assert path.read_bytes() == content


def test_open__another_programs_database__is_told(tmp_path: Path) -> None:
    path = tmp_path / "o"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE intents (x)")
    with pytest.raises(OutboxError, match="is of version 0, expected 1"):
        OutboxStore(path, 1, PAYER)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from sbi_network.chain.errors import OutboxError
from sbi_network.chain.intent import Order
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.transaction import Call
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = OutboxStore(Path(sys.argv[1]), 1, sys.argv[2])
store.put(Call(sys.argv[2], "0x"), Order("small"), 1)
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    store.put(Call(sys.argv[2], "0x" + "00" * 500_000), Order("large"), 1)
except OutboxError as error:
    print("refused:", error)
"""


def test_put__on_a_full_disk__is_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "o"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), PAYER], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("refused:"), done.stderr
    store = OutboxStore(path, 1, PAYER)
    assert [intent.key for intent in store.newest(9)] == ["small"]
    store.close()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_locked__twice__is_refused_until_given_up(tmp_path: Path) -> None:
    path = tmp_path / "o"
    with locked(path, "outbox"), pytest.raises(LockedError, match="another process uses"), locked(path, "outbox"):
        pass
    with locked(path, "outbox"):
        pass


def test_cli__an_outbox_that_stands_still__is_shown_and_resumed(tmp_path: Path, store: OutboxStore) -> None:
    intent = _brought_to(store, State.FINAL)
    store.keep_anchor(9, "0x" + "9" * 64)
    store.keep_broken("block 9 changed", [intent])
    file = ["--file", str(tmp_path / "outbox.sqlite")]
    shown = CliRunner().invoke(app, ["show", *file]).stdout
    assert "STANDS STILL: block 9 changed" in shown
    assert "sent       nonce      7" in shown
    assert "resumed" in CliRunner().invoke(app, ["resume", *file]).stdout
    assert (store.broken(), store.anchor()) == (None, None)
    assert "nothing to resume" in CliRunner().invoke(app, ["resume", *file]).stdout
    missing = CliRunner().invoke(app, ["show", "--file", str(tmp_path / "none")])
    assert isinstance(missing.exception, OutboxError)
    assert not (tmp_path / "none").exists()


WEI = st.integers(0, 10**15)
MARKETS = st.builds(Market, WEI, WEI)
RULES = st.builds(FeeRule, least_tip=st.integers(1, 10**9), most=st.integers(1, 10**15))


@given(RULES, MARKETS, st.lists(MARKETS, max_size=40))
def test_raised__again_and_again__is_an_eighth_more_and_never_above_the_cap(
    rule: FeeRule, market: Market, later: list[Market]
) -> None:
    fees = rule.first(market)
    assert 0 < fees.tip <= fees.max_fee <= rule.most
    for now in later:
        raised = rule.raised(fees, now)
        if raised is None:
            continue
        assert raised.max_fee * 8 >= fees.max_fee * 9
        assert raised.tip * 8 >= fees.tip * 9
        assert raised.tip <= raised.max_fee <= rule.most
        fees = raised


def test_raised__room_below_the_cap__is_used() -> None:
    assert FeeRule(least_tip=1, most=1_000).raised(Fees(800, 80), Market(0, 0)) == Fees(900, 90)
    assert FeeRule(least_tip=1, most=1_000).raised(Fees(889, 80), Market(0, 0)) is None
    assert FeeRule(least_tip=1, most=1_000).raised(Fees(800, 80), Market(10_000, 5)) == Fees(1_000, 90)
