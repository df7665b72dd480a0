"""Proof of compute on a real chain, in real time: two meters answer, an oracle judges, and who cheats is slashed.

AuditTerms on Anvil ─▶ challenges by its blocks ─▶ products and openings over HTTP ─▶ one reading counts, the other
does not, and its facility's bond is taken by ProductDisputes for an entry that the chain worked out.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from sbi_network.chain.clock import read_clock
from sbi_network.chain.connection import connected
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.sender import Patience, Sender
from sbi_network.meter.proof.calendar import open_calendar
from sbi_network.oracle.audit_log import AuditLog
from sbi_network.oracle.auditing import Auditing
from sbi_network.oracle.prosecution import Prosecution
from sbi_network.oracle.transport import Transport
from sbi_network.protocol.address import check_address
from tests.chaos.chain import NO_AUDITS, LocalChain, Times, created_by, development_account
from tests.integration.anvil import running_anvil
from tests.oracles.oracle.audited import Facility, NoWork, Roads, Shameless
from tests.oracles.oracle.simulated import facility_key, reading, terms_of

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(180)]

HONEST, CHEAT = 0, 1
EPOCH_SECONDS = 24
POLL_SECONDS = 0.3
RULES = (1, 10_000, 0, 0, 10_000, 100, 950_000, [10_000, 10_000, 10_000])
FLEET = (36_000_000_000, 36_000_000_000, 4, 128, 64, 128, 0)


class ProvingChain(LocalChain):
    """The suite's contracts with AuditTerms."""

    def __init__(self, rpc_url: str, times: Times) -> None:
        super().__init__(rpc_url, times)
        self.known: dict[str, str] = {}
        self.audits: Any = None

    def _create(self, name: str, *arguments: Any) -> Any:
        if name != "ProductDisputes":
            made = super()._create(name, *arguments)
            self.known[name] = made.address
            return made
        owner = self.web3.eth.accounts[0]
        nonce = self.web3.eth.get_transaction_count(owner)
        products = super()._create(name, arguments[0], created_by(owner, nonce + 1))
        registry = self.known["ComputeOracleRegistry"]
        # No exchange: nothing here is backed by receipts.
        self.audits = super()._create("AuditTerms", self.known["SuiteAccessManager"], registry, NO_AUDITS)
        return products

    def ask_for_proof(self) -> None:
        """Of both facilities, from the first epoch on."""
        for facility in (HONEST, CHEAT):
            self.send(self.audits.functions.scheduleFleets(facility, [FLEET], False, 0))
        self.send(self.audits.functions.scheduleRules(RULES))


def test_facilities__one_computes_and_one_does_not__the_one_counts_and_the_other_is_slashed(tmp_path: Path) -> None:
    with running_anvil(tmp_path, "--block-time", "1") as node:
        chain = ProvingChain(node.url, Times(epoch=EPOCH_SECONDS, genesis_delay=25, report_window=60, lock=1_000))
        chain.deploy([development_account(n).address for n in range(1, 5)], [facility_key(n).address for n in (0, 1)])
        chain.ask_for_proof()
        chain.put_up_bonds([facility_key(CHEAT)])
        asyncio.run(_play(chain, tmp_path))
        assert chain.bonds.functions.isSlashed(facility_key(CHEAT).address).call()
        assert not chain.bonds.functions.isSlashed(facility_key(HONEST).address).call()


async def _play(local: ProvingChain, folder: Path) -> None:
    async with connected(local.rpc_url) as chain:
        clock = await read_clock(chain, check_address("registry", local.registry.address))
        calendar = await open_calendar(chain, clock)
        assert calendar is not None
        facilities = {
            HONEST: Facility(calendar, folder, HONEST),
            CHEAT: Facility(calendar, folder, CHEAT, prover=Shameless, backend=NoWork),
        }
        signer = KeystoreSigner(development_account(8))
        log = AuditLog(":memory:", signer.address, clock.domain)
        around: Any = SimpleNamespace(
            clock=clock,
            registry=calendar.registry,
            sender=Sender(chain, clock.chain_id, signer, patience=Patience(60, POLL_SECONDS)),
            timings=SimpleNamespace(poll_seconds=POLL_SECONDS),
            rank=lambda config, turn: 0,
        )
        prosecution = Prosecution(around, calendar.products, log)
        transport = Transport(10, httpx.AsyncClient(transport=Roads(facilities)))
        urls = {number: f"http://facility-{number}" for number in facilities}
        auditing = Auditing(calendar, transport, urls, log, POLL_SECONDS, prosecution)
        stop = asyncio.Event()
        work = [auditing.run(), prosecution.run(), *(each.prover.run(stop) for each in facilities.values())]
        running = [asyncio.create_task(each) for each in work]
        try:
            while any(auditing.finding(0, number) is None for number in facilities):  # noqa: ASYNC110 - of the chain's
                await asyncio.sleep(POLL_SECONDS)
            terms = terms_of(facilities=2, epoch=0)
            claimed = [
                reading(terms, number, 100, evidence=facilities[number].evidence(0)) for number in (HONEST, CHEAT)
            ]
            assert await auditing.fault_of(terms, claimed[HONEST]) is None
            refused = str(await auditing.fault_of(terms, claimed[CHEAT]))
            assert "0 of 4 challenged devices passed; 4: an opened row is wrong" in refused
            until = time.monotonic() + 60
            while log.wrong(only_open=True) and time.monotonic() < until:  # noqa: ASYNC110 - it looks at a file
                await asyncio.sleep(POLL_SECONDS)
            # The first costs the bond, and for the others nothing is left to take.
            assert sorted(str(each.ending) for each in log.wrong()) == ["brought", *["done_by_others"] * 3]
        finally:
            stop.set()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
