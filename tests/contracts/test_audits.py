"""What facilities must prove, from the recipe over the chain to whoever reads it; an oracle that takes a cheat there.

terms         the recipe's, as meters and oracles read them ── dealt to slots
beacons       the first block since a moment, or none yet
prosecution   a wrong product from the log: disproved, the bond slashed; another one: nothing is left to do
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import ape
import numpy as np
import pytest

from sbi_network.chain.clock import read_clock
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.registry import Registry
from sbi_network.chain.sender import Patience, Sender
from sbi_network.meter.proof import Challenge, NumpyBackend, Sizes, find_wrong_entry, prove
from sbi_network.meter.proof.calendar import AuditCalendar, Beacon, open_calendar
from sbi_network.meter.proof.obligations import Fleet, Rules
from sbi_network.meter.proof.schedule import slots_of
from sbi_network.oracle.audit_log import AuditLog
from sbi_network.oracle.prosecution import Prosecution
from sbi_network.protocol.address import check_address
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import products_domain
from sbi_network.protocol.units import ComputeClass

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Actors

T = TypeVar("T")
CHEAT = 1


@pytest.fixture(autouse=True, scope="module")
def anvil() -> None:
    """The package reads a chain by HTTP."""
    if ape.chain.provider.name == "test":
        pytest.skip("needs Anvil: --network ethereum:local:foundry, as `make test-contracts` runs it")


def read(suite: Suite, ask: Callable[[AuditCalendar, Chain], Awaitable[T]]) -> T:
    """What is read of the suite's chain by the package."""

    async def asked() -> T:
        async with connected(ape.chain.provider.http_uri) as chain:
            clock = await read_clock(chain, check_address("registry", suite.oracles.address))
            calendar = await open_calendar(chain, clock)
            assert calendar is not None
            return await ask(calendar, chain)

    return asyncio.run(asked())


def test_terms__of_the_recipe__are_what_oracles_and_meters_read(suite: Suite, recipe: Recipe) -> None:
    audits = recipe.audits
    rules = read(suite, lambda calendar, _: calendar.rules_at(0))
    figures = audits.grace_ms, audits.tally_epochs, audits.confidence_ppm
    assert rules == Rules(audits.slots, audits.audit_bps, 0, 0, *figures, audits.unbacked_bps)
    for number, facility in enumerate(recipe.facilities):

        async def obligation(calendar: AuditCalendar, _: Chain, number: int = number) -> Any:
            return await calendar.terms.obligation_of(number, 7)

        found = read(suite, obligation)
        assert found.records_count == facility.records_count
        assert found.fleets == tuple(
            Fleet(ComputeClass[f.compute_class.upper()], f.devices, f.rate, f.pace, Sizes(f.m, f.n, f.k))
            for f in facility.fleets
        )


def test_audit_of__an_epoch_that_has_begun__deals_the_facilities_to_slots(suite: Suite, recipe: Recipe) -> None:
    genesis = suite.oracles.genesis()
    if ape.chain.blocks.head.timestamp < genesis:
        assert read(suite, lambda calendar, _: calendar.audit_of(0)) is None
        ape.chain.pending_timestamp = genesis + 3
        ape.chain.mine()
    audit = read(suite, lambda calendar, _: calendar.audit_of(0))
    beacon = read(suite, lambda calendar, _: calendar.beacon_since(genesis))
    assert audit is not None
    assert beacon is not None
    regions = {number: facility.region for number, facility in enumerate(recipe.facilities)}
    assert audit.slots == slots_of(regions, beacon.word, recipe.audits.slots)
    assert set(audit.obligations) == set(regions)


def test_beacon_since__any_moment__is_of_the_first_block_not_before_it(suite: Suite) -> None:
    for _ in range(9):
        ape.chain.pending_timestamp = ape.chain.blocks.head.timestamp + 7
        ape.chain.mine()

    def since(moment: int) -> Beacon | None:
        return read(suite, lambda calendar, _: calendar.beacon_since(moment))

    blocks = [ape.chain.provider.web3.eth.get_block(n) for n in range(ape.chain.blocks.head.number + 1)]
    head = blocks[-1]["timestamp"]
    for moment in (0, *range(head - 40, head + 1)):
        first = next(block for block in blocks if block["timestamp"] >= moment)
        found = since(moment)
        assert found is not None
        assert (found.block, found.timestamp) == (first["number"], first["timestamp"])
        assert found.word == bytes(first["mixHash"])
    assert since(head + 1) is None


class NoWork(NumpyBackend):
    """Zeros."""

    def multiply(self) -> Any:
        return np.zeros((len(self._a), len(self._b)), dtype=np.float32)


def test_prosecution__a_wrong_product_in_the_log__is_disproved_and_its_signer_slashed(
    suite: Suite, people: People, actors: Actors[Any]
) -> None:
    if ape.chain.blocks.head.timestamp < suite.oracles.genesis():
        ape.chain.pending_timestamp = suite.oracles.genesis()
        ape.chain.mine()
    key, payer = people.reading_keys[CHEAT], people.stranger
    suite.bonds.bond(key.address, actors.consent(key.key, payer.address), value=10**18, sender=payer.account)
    domain = products_domain(ape.chain.chain_id, check_address("products", suite.products.address))
    challenge = Challenge(CHEAT, 0, bytes(32), keccak256(b"slot"), Sizes(128, 64, 128))
    proof = prove(challenge, NoWork())
    entry = find_wrong_entry(challenge, 9, proof.opened_row(9))
    assert entry is not None

    async def play(calendar: AuditCalendar, chain: Chain) -> list[str | None]:
        signer = KeystoreSigner(people.relayer.key)
        log = AuditLog(":memory:", signer.address, calendar.clock.domain)

        def keep(root: bytes) -> None:
            product = challenge.product(root)
            log.keep_wrong(product.digest(domain), Signed(product, product.sign(key.key, domain)), entry)

        around: Any = SimpleNamespace(
            clock=calendar.clock,
            registry=Registry(chain, calendar.clock.registry),
            sender=Sender(chain, calendar.clock.chain_id, signer, patience=Patience(60, 0.05)),
            timings=SimpleNamespace(poll_seconds=0.05),
            rank=lambda config, turn: 0,
        )
        prosecution = Prosecution(around, calendar.products, log)
        running = asyncio.create_task(prosecution.run())
        for root in (proof.product.root, keccak256(b"another root")):
            keep(root)
            prosecution.wrong_product()
            while log.wrong(only_open=True):  # noqa: ASYNC110 - it looks at a file
                await asyncio.sleep(0.05)
        running.cancel()
        return [wrong.ending for wrong in log.wrong()]

    assert sorted(str(ending) for ending in read(suite, play)) == ["brought", "done_by_others"]
    assert suite.bonds.isSlashed(key.address)
    assert suite.products.reporterOf(proof.product.digest(domain)) == people.relayer.address
    assert suite.bonds.due(people.relayer.address) == 10**18 * suite.bonds.rewardBps() // 10_000
