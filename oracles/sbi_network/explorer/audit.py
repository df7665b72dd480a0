"""`sbi explorer audit`: every balance, total and root recomputed from the events equals the contract's answer, at one
block.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Table, select

from sbi_network.chain.bonds import Bonds
from sbi_network.chain.citizens import Citizens
from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import ContractRefused
from sbi_network.chain.exchange import Exchange
from sbi_network.chain.registry import Registry
from sbi_network.chain.token import Token
from sbi_network.chain.vault import Vault
from sbi_network.explorer import schema
from sbi_network.explorer.deployment import Deployment
from sbi_network.explorer.errors import UnsettledChainError
from sbi_network.explorer.feed import Feed
from sbi_network.explorer.handlers.brakes import HALT
from sbi_network.explorer.handlers.money import INDEX_UNIT, balance_of
from sbi_network.explorer.queries import Reader
from sbi_network.explorer.state import Row
from sbi_network.explorer.store import Store, Tip, tip_of
from sbi_network.explorer.work import NO_TOTALS, Terms
from sbi_network.govern.governor import Chamber, Governor, State, Timelock
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.sumtree import Node, Sums, commitment_of

_STATUS: Final = {
    State.PENDING: "pending",
    State.ACTIVE: "active",
    State.CANCELED: "cancelled",
    State.DEFEATED: "defeated",
    State.SUCCEEDED: "succeeded",
    State.QUEUED: "queued",
    State.EXPIRED: "expired",
    State.EXECUTED: "executed",
}
_AT_ONCE: Final = 32
_MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what the contract answers."""

    what: str
    indexed: object
    answered: object

    def __str__(self) -> str:
        return f"{self.what}: the index has {self.indexed}, the contract {self.answered}"


@dataclass(slots=True)
class Findings:
    """What an audit saw, at which block. `checked` counts figures by kind; `differences` keeps the first of them."""

    block: int = 0
    checked: dict[str, int] = field(default_factory=dict)
    wrong: int = 0
    differences: list[Difference] = field(default_factory=list)

    def note(self, kind: str, what: str, indexed: object, answered: object) -> None:
        """Compare one figure."""
        self.checked[kind] = self.checked.get(kind, 0) + 1
        if indexed != answered:
            self.wrong += 1
            if len(self.differences) < _MOST_SHOWN:
                self.differences.append(Difference(f"{kind} {what}".strip(), indexed, answered))


@dataclass(frozen=True, slots=True)
class Auditor:
    """Compares one state of the index with the contracts' answers at the same block."""

    chain: Chain
    feed: Feed
    deployment: Deployment
    terms: Terms
    on_progress: Callable[[int, int], None] = lambda done, total: None

    async def audit(self, store: Store) -> Findings:
        """Raises UnsettledChainError where a reorg takes the block away while it is asked about."""
        with store.reading() as connection:
            tip = tip_of(connection)
            await self._require(tip)
            findings = Findings(tip.number)
            for check in (self._totals, self._accounts, self._epochs, self._roll, self._exchange, self._oracles):
                await check(connection, tip.number, findings)
            if self.deployment.has_votes:
                await self._governance(connection, tip, findings)
            await self._require(tip)
        return findings

    async def _require(self, tip: Tip) -> None:
        header = await self.feed.header(tip.number)
        if tip.hash is None or header is None or header.hash != tip.hash:
            raise UnsettledChainError(f"block {tip.number} is not the chain's: let the explorer catch up first")

    async def _totals(self, connection: Connection, block: int, findings: Findings) -> None:
        totals = next(_rows(connection, schema.totals), NO_TOTALS)
        state = await Vault(self.chain, self.deployment.address_of("vault")).state(block)
        token = Token(self.chain, self.deployment.address_of("token"))
        answers = {
            "next_epoch": state.next_epoch,
            "issued": state.issued,
            "reserve": state.reserve,
            "recirculated": state.recirculated,
            "headcount": state.headcount,
            "dividend_index": state.dividend_index,
            "last_release": state.last_release,
            "recycled": await token.recycled(block),
            "escrow": await Exchange(self.chain, self.deployment.address_of("exchange")).escrow(block),
        }
        for name, answer in answers.items():
            findings.note("total", name, totals[name], answer)
        active, _, _ = await Citizens(self.chain, self.deployment.address_of("citizens")).read("activity", block=block)
        findings.note("total", "active", totals["active"], active)
        supply = await token.total_supply(block)
        findings.note("total", "supply", totals["issued"] - totals["recycled"], supply)
        index = totals["dividend_index"]
        held = sum(balance_of(row, index) for row in _rows(connection, schema.accounts))
        asleep = sum(_asleep(connection, index))
        findings.note("total", "balances and what has not been activated", held + asleep, supply)

    async def _accounts(self, connection: Connection, block: int, findings: Findings) -> None:
        token = Token(self.chain, self.deployment.address_of("token"))
        index = next(_rows(connection, schema.totals), NO_TOTALS)["dividend_index"]

        async def compare(row: Row) -> None:
            address = check_address("account", row["address"])
            findings.note("balance", address, balance_of(row, index), await token.balance_of(address, block))
            slot = await token.account_of(address, block)
            indexed = (row["settled"], row["index"], row["accruing"])
            findings.note("slot", address, indexed, (slot.settled, slot.index, slot.accruing))

        await self._each(list(_rows(connection, schema.accounts)), compare)

    async def _epochs(self, connection: Connection, block: int, findings: Findings) -> None:
        registry = Registry(self.chain, self.deployment.address_of("oracles"))

        async def compare(row: Row) -> None:
            if row["root"] is None:
                return
            try:
                record = await registry.record_of(row["epoch"], block)
            except ContractRefused:
                return  # beyond the ring: nothing is kept of it but its events
            lanes = (row["raw_general"], row["raw_intelligent"], row["raw_super"], row["reported_output"])
            top = Node(bytes.fromhex(row["root"][2:]), Sums(*lanes).pack())
            indexed = (commitment_of(row["facility_count"], top), row["public_output"], row["signers"], row["is_void"])
            answered = record and (record.commitment, record.public_output, record.signer_bits, record.is_void)
            findings.note("report", f"of epoch {row['epoch']}", indexed, answered)

        await self._each(list(_rows(connection, schema.epochs)), compare)

    async def _roll(self, connection: Connection, block: int, findings: Findings) -> None:
        citizens = Citizens(self.chain, self.deployment.address_of("citizens"))
        findings.note("roll", "batches", _count(connection, schema.batches), await citizens.batch_count(block))

        async def compare_batch(row: Row) -> None:
            batch = await citizens.batch(row["batch"], block)
            indexed = (row["root"], row["entry_index"], row["size"], row["region"], row["enrolled_at"])
            answered = (hex_of(batch.root), batch.entry_index, batch.size, batch.region, batch.enrolled_at)
            findings.note("root", f"of batch {row['batch']}", indexed, answered)

        async def compare_region(row: Row) -> None:
            region = await citizens.region(row["region"], block)
            indexed = (row["headcount"], row["cap"], row["turnover_cap"])
            findings.note("region", str(row["region"]), indexed, (region.headcount, region.cap, region.turnover_cap))

        async def compare_citizen(row: Row) -> None:
            citizen = await citizens.citizen(check_address("account", row["address"]), block)
            indexed = (row["since"], row["until"], row["batch"], row["leaf"], row["region"])
            answered = (citizen.since, citizen.until, citizen.batch, citizen.leaf, citizen.region)
            findings.note("citizen", row["address"], indexed, answered)

        async def compare_act(row: Row) -> None:
            act = await citizens.act(row["batch"], row["leaf"], block)
            indexed = (row["kind"], row["due_at"], row["objected"], row["referred"])
            answered = (int(act.kind), act.due_at, act.objected, act.referred)
            findings.note("act", f"about leaf {row['leaf']} of batch {row['batch']}", indexed, answered)

        async def compare_registrar(row: Row) -> None:
            answered = await citizens.read("registrarOf", row["address"], block=block)
            findings.note("registrar", row["address"], (row["number"], row["in_office"]), tuple(answered))

        await self._each(list(_rows(connection, schema.registrars)), compare_registrar)
        await self._each(list(_rows(connection, schema.batches)), compare_batch)
        await self._each(list(_rows(connection, schema.regions)), compare_region)
        await self._each([row for row in _rows(connection, schema.accounts) if row["since"]], compare_citizen)
        await self._each(list(_rows(connection, schema.acts)), compare_act)

    async def _exchange(self, connection: Connection, block: int, findings: Findings) -> None:
        exchange = Exchange(self.chain, self.deployment.address_of("exchange"))
        findings.note("exchange", "vouchers", _count(connection, schema.vouchers), await exchange.voucher_count(block))

        async def compare_voucher(row: Row) -> None:
            if row["refunded"]:
                return
            voucher = await exchange.voucher(row["voucher"], block)
            names = ("units", "delivered", "facility", "epoch", "compute_class", "price", "released", "transfer_count")
            answered = (*(getattr(voucher, name) for name in names), await exchange.holder_of(row["voucher"], block))
            findings.note("voucher", str(row["voucher"]), (*(row[name] for name in names), row["holder"]), answered)

        async def compare_offer(row: Row) -> None:
            offer = await exchange.offer_of(row["facility"], row["compute_class"], row["epoch"], block)
            what = f"of facility {row['facility']}, class {row['compute_class']}, epoch {row['epoch']}"
            findings.note("offer", what, (row["offered"], row["sold"]), (offer.offered, offer.sold))

        await self._each(list(_rows(connection, schema.vouchers)), compare_voucher)
        await self._each(list(_rows(connection, schema.offers)), compare_offer)

    async def _oracles(self, connection: Connection, block: int, findings: Findings) -> None:
        registry = Registry(self.chain, self.deployment.address_of("oracles"))
        bonds = Bonds(self.chain, self.deployment.address_of("bonds"))
        count = await registry.facility_count(block)
        findings.note("oracles", "facilities", _count(connection, schema.facilities), count)

        async def compare_terms(row: Row) -> None:
            terms = await registry.facility_terms(row["facility"], row["from_epoch"], block)
            capacities = (row["capacity_general"], row["capacity_intelligent"], row["capacity_super"])
            indexed = (capacities, row["from_epoch"], row["public_share_bps"], row["active"])
            answered = (terms.capacities, terms.from_epoch, terms.public_share_bps, terms.active)
            findings.note("terms", f"of facility {row['facility']} from {row['from_epoch']}", indexed, answered)

        async def compare_signer(row: Row) -> None:
            bond = await bonds.of(check_address("signer", row["address"]), block)
            stands = await registry.read("stands", row["address"], block=block)
            indexed = (row["bond"], row["unlocks_at"], row["slashed"], row["stands"])
            findings.note("signer", row["address"], indexed, (bond.amount, bond.unlocks_at, bond.is_slashed, stands))

        async def compare_config(row: Row) -> None:
            if row["replaced_by"] is not None:
                return
            config = await registry.config_at(row["from_epoch"], block)
            if config.config_version != row["version"]:
                return  # another from the same epoch holds
            indexed = (row["digest"], json.loads(row["oracles"]))
            answered = (hex_of(config.digest), list(config.signers))
            findings.note("configuration", str(row["version"]), indexed, answered)

        await self._each(list(_rows(connection, schema.facility_terms)), compare_terms)
        await self._each(list(_rows(connection, schema.signers)), compare_signer)
        await self._each(list(_rows(connection, schema.configs)), compare_config)

    async def _governance(self, connection: Connection, tip: Tip, findings: Findings) -> None:
        block = tip.number
        governor = Governor(self.chain, self.deployment.address_of("governor"))
        timelock = Timelock(self.chain, self.deployment.address_of("timelock"))
        chamber = Chamber(self.chain, self.deployment.address_of("chamber"))
        vault = Vault(self.chain, self.deployment.address_of("vault"))
        halt = connection.execute(select(schema.brakes).where(schema.brakes.c.kind == HALT)).mappings().first()
        indexed = (halt["until"], halt["spent"]) if halt else (0, False)
        findings.note("halt", "", indexed, tuple(await vault.read("haltedUntil", block=block)))
        reader = Reader(connection, self.deployment, self.terms)

        async def compare_proposal(row: Row) -> None:
            number = row["proposal"]
            shown = reader.proposal(number)
            indexed = shown and (shown.status, shown.quorum, shown.against, shown.in_favour, shown.abstaining)
            state = State(await governor.read("state", number, block=block))
            quorum = None
            if tip.timestamp > row["vote_start"]:
                quorum = await governor.read("quorum", row["vote_start"], block=block)
            tallies = await governor.read("proposalVotes", number, block=block)
            findings.note("proposal", str(number), indexed, (_STATUS[state], quorum, *tallies))
            if shown and shown.status == "queued":
                eta = await governor.read("proposalEta", number, block=block)
                findings.note("proposal", f"{number}, ready", shown.ready_at, eta)
            objections = await chamber.read("objectionsTo", number, block=block)
            findings.note("proposal", f"{number}, objections", row["objections"], objections)

        async def compare_vote(row: Row) -> None:
            voted = await governor.read("hasVoted", row["proposal"], row["voter"], block=block)
            findings.note("vote", f"of {row['voter']} on {row['proposal']}", True, voted)

        async def compare_operation(row: Row) -> None:
            # The timelock keeps 1 for what was done, 0 for what it does not know.
            answered = await timelock.read("getTimestamp", row["id"], block=block)
            known = {"scheduled": row["ready_at"], "executed": 1, "cancelled": 0}
            findings.note("operation", row["id"], known[row["status"]], answered)

        async def compare_seat(row: Row) -> None:
            findings.note(
                "seat", str(row["seat"]), row["holder"], await chamber.read("holderOf", row["seat"], block=block)
            )

        await self._each(list(_rows(connection, schema.proposals)), compare_proposal)
        await self._each(list(_rows(connection, schema.votes)), compare_vote)
        await self._each(list(_rows(connection, schema.operations)), compare_operation)
        await self._each(list(_rows(connection, schema.seats)), compare_seat)

    async def _each(self, rows: list[Row], compare: Callable[[Row], Any]) -> None:
        for start in range(0, len(rows), _AT_ONCE):
            self.on_progress(start, len(rows))
            await asyncio.gather(*map(compare, rows[start : start + _AT_ONCE]))


def _rows(connection: Connection, table: Table) -> Iterator[Any]:
    return iter(connection.execute(select(table)).mappings())


def _count(connection: Connection, table: Table) -> int:
    return sum(1 for _ in connection.execute(select(*table.primary_key.columns)))


def _asleep(connection: Connection, index: int) -> Iterable[int]:
    """What the leaves of each batch have received that nobody has used yet, wei."""
    for batch in _rows(connection, schema.batches):
        yield (batch["size"] - batch["used"]) * (index - batch["entry_index"]) * INDEX_UNIT


__all__ = ["Auditor", "Difference", "Findings"]
