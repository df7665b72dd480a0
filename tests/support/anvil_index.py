"""Indexes of a nation on Anvil: made, audited, and compared row by row."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from sbi_network.chain.connection import connected
from sbi_network.explorer import schema
from sbi_network.explorer.audit import Auditor, Findings
from sbi_network.explorer.deployment import load_deployment
from sbi_network.explorer.events import EventDecoder
from sbi_network.explorer.feed import Feed
from sbi_network.explorer.indexer import Indexer, read_terms
from sbi_network.explorer.queries import Position, Reader
from sbi_network.explorer.store import Store
from sbi_network.explorer.work import Terms
from tests.support.anvil_nation import Nation

DEEPEST: Final = 30
"""Blocks that a reorg replaces at most."""


@contextmanager
def opened(nation: Nation, path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{path}", load_deployment(nation.record))
    try:
        yield store
    finally:
        store.close()


def catch_up(nation: Nation, store: Store) -> Findings:
    """Index to the head, then audit."""

    async def work() -> Findings:
        deployment = load_deployment(nation.record)
        decoder = EventDecoder(deployment.known)
        async with connected(nation.rpc_url) as chain:
            feed = Feed(chain, decoder.addresses)
            terms = await read_terms(chain, deployment)
            indexer = Indexer(feed, store, decoder, terms)
            try:
                await indexer.catch_up()
            finally:
                indexer.close()
            return await Auditor(chain, feed, deployment, terms).audit(store)

    return asyncio.run(work())


def everything(store: Store) -> dict[str, list[Any]]:
    """Every row that follows from the chain alone, whatever the steps in which it was read."""
    tables = (schema.events, schema.entries, *schema.STATE)
    with store.reading() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)).mappings().all())) for table in tables}


def terms_of(nation: Nation) -> Terms:
    """What never changes about the nation's suite."""

    async def read() -> Terms:
        async with connected(nation.rpc_url) as chain:
            return await read_terms(chain, load_deployment(nation.record))

    return asyncio.run(read())


def answers(nation: Nation, store: Store) -> list[Any]:
    """What the API would say of everybody."""
    with store.reading() as connection:
        reader = Reader(connection, load_deployment(nation.record), terms_of(nation))
        histories = [reader.history(each.address, Position(), 50) for each in nation.people]
        return [reader.summary(), reader.offers(), reader.batches(99, 50), reader.events(Position(), 99), *histories]


def live_through_reorgs(nation: Nation, folder: Path, chance: random.Random, rounds: int) -> tuple[Any, Any]:
    """Lives, indexes and reorganises by chance. Every row of the index that followed, and of one made at once."""
    with opened(nation, folder / "followed.sqlite") as followed:
        for _ in range(rounds):
            nation.live(chance.randrange(2, 12))
            assert catch_up(nation, followed).differences == []
            nation.rpc("anvil_reorg", chance.randrange(1, DEEPEST), [])
            if chance.random() < 0.5:
                nation.live(chance.randrange(1, 6))
        assert catch_up(nation, followed).differences == []
        with opened(nation, folder / "at_once.sqlite") as at_once:
            catch_up(nation, at_once)
            return everything(followed), everything(at_once)
