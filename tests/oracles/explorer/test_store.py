"""The store.

write    ├── beside another writer → both are kept
         ├── an event that does not follow from those before → refused, and nothing of its block is kept
         └── by a second explorer → refused
undo     └── whatever follows, and is undone to whichever block → as if it had never been (hypothesis)
open     ├── of another deployment → refused
         └── of another schema → refused
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from sbi_network.explorer import schema
from sbi_network.explorer import store as store_module
from sbi_network.explorer.errors import DatabaseError, InconsistentError
from sbi_network.explorer.state import upsert
from sbi_network.explorer.store import Store
from sbi_network.protocol.address import ZERO_ADDRESS
from tests.oracles.explorer.histories import (
    ADA,
    BOB,
    EPOCH,
    GENESIS,
    SBI,
    TERMS,
    UNIT,
    Teller,
    beginning,
    block_of,
    deployment,
    dividend,
    enrolled,
    opened_store,
    proposed,
    report,
    short_history,
    transfer,
    vote_terms,
    voted,
)


def everything(store: Store) -> dict[str, list[Any]]:
    """Every row that follows from the chain."""
    tables = (schema.events, schema.entries, *schema.STATE)
    with store.reading() as connection:
        return {t.name: sorted(map(repr, connection.execute(select(t)).mappings().all())) for t in tables}


def test_write__beside_another_writer__keeps_both(tmp_path: Path) -> None:
    store = opened_store(tmp_path)
    failed: list[Exception] = []

    def write_readings() -> None:
        try:
            for facility in range(60):
                row = {"root": "0x" + "aa" * 32, "facility": facility, "epoch": 0, "digest": "0x", "signature": None}
                figures = dict.fromkeys(("raw_general", "raw_intelligent", "raw_super", "public_output"), 1)
                with store.writing() as connection:
                    upsert(connection, schema.readings, [row | figures])
        except DatabaseError as error:
            failed.append(error)

    other = threading.Thread(target=write_readings)
    other.start()
    teller = Teller(store)
    for second in range(60):
        teller.block(GENESIS + second)
    other.join()
    assert failed == []
    assert store.tip().number == 59
    with store.reading() as connection:
        assert len(connection.execute(select(schema.readings)).all()) == 60
    store.close()


@pytest.mark.parametrize(
    "said",
    [
        transfer(ZERO_ADDRESS, ADA, SBI),
        transfer(ADA, BOB, 2**100),
        (
            "exchange",
            "ComputeDelivered",
            {"voucher": "9", "delivered": "1", "fee": "0", "recirculated": "0", "recycled": "0"},
        ),
        ("oracles", "ReportVoided", {"epoch": "77", "publicOutput": "1"}),
        ("citizens", "CitizenActivated", {"account": ADA, "batch": "9", "index": "0"}),
    ],
)
def test_write__event_that_does_not_follow__keeps_nothing_of_its_block(tmp_path: Path, said: Any) -> None:
    store = opened_store(tmp_path)
    teller = short_history(store)
    before = everything(store)
    with pytest.raises(InconsistentError):
        teller.block(GENESIS + 500, transfer(BOB, ADA, 1), said)
    assert everything(store) == before
    store.close()


def test_write__by_a_second_explorer__is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened_store(tmp_path)
    Teller(store).block(GENESIS)
    stale = store.tip()
    store.write([block_of(1, GENESIS + 1, ())], TERMS, final=False)
    monkeypatch.setattr(store_module, "tip_of", lambda connection: stale)
    with pytest.raises(DatabaseError, match="only one may"):
        store.write([block_of(1, GENESIS + 1, ())], TERMS, final=False)
    store.close()


@st.composite
def _blocks(draw: st.DrawFn) -> list[tuple[int, tuple[Any, ...]]]:
    """What may follow the short history: dividends, payments of what surely is there, reports, demands, disputes."""
    blocks: list[tuple[int, tuple[Any, ...]]] = []
    time = GENESIS + 2 * EPOCH
    for number in range(draw(st.integers(1, 8))):
        time += draw(st.integers(1, 150))
        choices = [
            (dividend(number + 1, draw(st.integers(0, 9)) * UNIT),),
            (transfer(BOB, ADA, draw(st.integers(0, 10**9))),),
            (transfer(BOB, ZERO_ADDRESS, 5), ("token", "Recirculated", {"account": BOB, "amount": "5"})),
            (report(number + 1, draw(st.integers(0, 15))),),
            enrolled(number + 1, draw(st.integers(1, 9))),
            (("oracles", "OutputTakenOut", {"epoch": "0", "previous": "9", "left": str(number)}),),
            (("bonds", "SignerBonded", {"signer": ADA, "owner": BOB, "added": "1", "amount": str(number + 1)}),),
            (
                (
                    "exchange",
                    "OfferChanged",
                    {"facility": "0", "computeClass": "0", "epoch": "3", "previous": "0", "offered": "7"},
                ),
            ),
            ((*beginning()[0][:2], {**beginning()[0][2], "version": str(number + 2), "fromEpoch": "4"}),),
            (proposed(number, "Again", time, time + 8), voted(number, ADA, draw(st.integers(0, 2)))),
            (("vault", "IssuanceHalted", {"guardian": ADA, "until": str(time + 99)}), vote_terms(1, 100 + number)),
            (("vault", "IssuanceResumed", {"epoch": "1"}),),
            (),
        ]
        blocks.append((time, draw(st.sampled_from(choices))))
    return blocks


@settings(max_examples=25, deadline=None)
@given(blocks=_blocks(), kept=st.integers(0, 8), again=_blocks())
def test_undo__to_any_block__is_as_if_what_followed_had_never_been(
    blocks: list[Any], kept: int, again: list[Any]
) -> None:
    kept = min(kept, len(blocks))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        undone, straight = opened_store(Path(one)), opened_store(Path(other))
        for store, parts in ((undone, [blocks, again]), (straight, [blocks[:kept], again])):
            teller = short_history(store)
            base = teller.number
            for time, said in parts[0]:
                teller.block(time, *said)
            if store is undone:
                store.undo_above(base + kept, TERMS)
                teller.number = base + kept
            assert store.tip().number == base + kept
            for time, said in parts[1]:
                teller.block(time, *said)
        assert everything(undone) == everything(straight)
        undone.derive_anew(TERMS)
        assert everything(undone) == everything(straight)
        undone.close()
        straight.close()


def test_open__of_another_deployment__is_refused(tmp_path: Path) -> None:
    opened_store(tmp_path).close()
    other = deployment().model_copy(update={"chain_id": 5})
    with pytest.raises(DatabaseError, match="belongs to chain 31337"):
        Store(f"sqlite:///{tmp_path / 'index.sqlite'}", other)


def test_open__of_another_schema__is_refused(tmp_path: Path) -> None:
    store = opened_store(tmp_path)
    with store.writing() as connection:
        connection.execute(update(schema.cursor).values(schema_version=0))
    store.close()
    with pytest.raises(DatabaseError, match="begin with an empty one"):
        opened_store(tmp_path)
