"""Reads of the index. Every function answers from one state of it, and from nothing else: not even a clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Select, Table, and_, func, literal, select, union_all

from sbi_network.explorer import models, schema
from sbi_network.explorer.calls import calls_in_words
from sbi_network.explorer.deployment import Deployment
from sbi_network.explorer.handlers.brakes import HALT
from sbi_network.explorer.handlers.money import INDEX_UNIT, NO_ACCOUNT, balance_of
from sbi_network.explorer.models import Page
from sbi_network.explorer.state import Row
from sbi_network.explorer.store import Tip, tip_of
from sbi_network.explorer.work import DAY_SECONDS, FLOW, NO_FLOW, NO_TOTALS, ONLY, Terms
from sbi_network.protocol.oracle_set import quorum_of
from sbi_network.protocol.sumtree import Leaf, Sums, SumTree
from sbi_network.protocol.units import SBI_DECIMALS

RECENT_EPOCHS: Final = 24
_RECENT_REPORTS: Final = 8
_FAULTS: Final = (
    "DoubleSigningProven",
    "LeafFaultProven",
    "StructureFaultProven",
    "WrongProductProven",
    "TwoProductsProven",
    "ReadingTakenOut",
    "ReportVoided",
    "SignerSlashed",
)
_RECENT_PROPOSALS: Final = 5
_MOST_SHOWN: Final = 50
_SEATS: Final = ("operators", "oracles", "registrars", "civil_society")
_WHOLE_BPS: Final = 10_000
_CLASSES: Final = ("general", "intelligent", "super")
_LONGEST_ARGS: Final = 4_096
MAX_INTEGER: Final = 2**63 - 1
"""Beyond it no database would take the number that somebody asks for."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a list goes on: below this block and log index."""

    block: int = MAX_INTEGER
    log_index: int = 0

    def __str__(self) -> str:
        return f"{self.block}-{self.log_index}"


class Reader:
    """The index as one connection sees it."""

    def __init__(self, connection: Connection, deployment: Deployment, terms: Terms) -> None:
        self._connection = connection
        self._deployment = deployment
        self._terms = terms
        self.tip: Final[Tip] = tip_of(connection)
        self.running: Final = terms.epoch_at(self.tip.timestamp)

    # The whole

    def summary(self) -> models.SummaryView:
        """What the dashboard shows."""
        epochs = schema.epochs
        newest = epochs.c.epoch.desc()
        reported = self._first(select(epochs).where(epochs.c.root.isnot(None)).order_by(newest))
        distributed = self._first(select(epochs).where(epochs.c.dividend.isnot(None)).order_by(newest))
        facilities = self.facilities()
        faults = self.events(Position(), _RECENT_REPORTS, names=_FAULTS).items
        config = self._config()
        return models.SummaryView(
            tip=self.tip_view(),
            clock=self._clock(),
            totals=self._totals(distributed),
            running=self._epoch_view(self.running, self._get(epochs, self.running)),
            reported=self._epoch_view(reported["epoch"], reported) if reported else None,
            distributed=self._epoch_view(distributed["epoch"], distributed) if distributed else None,
            recent=self.epochs(self.running + 1, RECENT_EPOCHS).items,
            classes=_classes(facilities, reported),
            facilities=facilities,
            regions=self._regions(facilities),
            oracles=self.oracles(),
            quorum=quorum_of(len(json.loads(config["oracles"]))) if config else 0,
            quorum_proof=_place(config) if config else None,
            demands=self.demands(),
            faults=faults,
            governance=self.governance(),
        )

    def tip_view(self) -> models.TipView:
        """The block that everything here is of."""
        tip = self.tip
        return models.TipView(block=tip.number, hash=tip.hash, timestamp=tip.timestamp, events=tip.events)

    def _clock(self) -> models.Clock:
        terms = self._terms
        return models.Clock(
            genesis=terms.genesis,
            epoch_length=terms.epoch_length,
            report_window=terms.report_window,
            dispute_window=terms.dispute_window,
            epoch=self.running,
        )

    def _totals(self, distributed: Row | None) -> models.Totals:
        totals = self._get(schema.totals, ONLY) or NO_TOTALS
        parity = None
        if distributed and distributed["entitlement"] and distributed["public_output"]:
            parity = str(10**SBI_DECIMALS * distributed["public_output"] // distributed["entitlement"])
        given: Row = {"supply": str(totals["issued"] - totals["recycled"]), "parity": parity}
        for name in ("issued", "recycled", "recirculated", "reserve", "escrow", "dividend_index"):
            given[name] = str(totals[name])
        for name in ("headcount", "activated", "active", "payments", "next_epoch"):
            given[name] = totals[name]
        return models.Totals(proofs=self._proofs(), **given)

    def _proofs(self) -> dict[str, models.Place]:
        """What last changed each total. Of an epoch in which nothing has flowed yet, no flow has a proof."""
        proofs = {row["figure"]: _place(row) for row in self._all(select(schema.changes))}
        moved = [proofs[name] for name in ("issued", "recycled") if name in proofs]
        if moved:
            proofs["supply"] = max(moved, key=lambda place: (place.block, place.log_index))
        flow = self._get(schema.flows, self.running) or NO_FLOW
        return {
            name: place
            for name, place in sorted(proofs.items())
            if not name.startswith(FLOW) or flow[name.removeprefix(FLOW)]
        }

    # Epochs and readings

    def epochs(self, below: int, limit: int) -> Page[models.EpochView]:
        """Epochs below one, newest first, the running one included."""
        highest = min(below, self.running + 1)
        numbers = range(highest - 1, max(-1, highest - 1 - limit), -1)
        table = schema.epochs
        found = {row["epoch"]: row for row in self._all(select(table).where(table.c.epoch.in_(list(numbers))))}
        views = [self._epoch_view(number, found.get(number)) for number in numbers]
        following = str(numbers[-1]) if len(numbers) and numbers[-1] > 0 else None
        return Page(items=views, next=following, block=self.tip.number)

    def epoch(self, epoch: int) -> models.EpochView | None:
        """An epoch that has begun."""
        return self._epoch_view(epoch, self._get(schema.epochs, epoch)) if epoch <= self.running else None

    def readings(self, epoch: int, after: int, limit: int) -> Page[models.ReadingView] | None:
        """The checked readings behind an epoch's report, by facility, with their proofs; None without."""
        report = self._get(schema.epochs, epoch)
        if report is None or report["root"] is None:
            return None
        table = schema.readings
        rows = self._all(select(table).where(table.c.root == report["root"]).order_by(table.c.facility))
        if not rows:
            return None
        tree = SumTree([_leaf(row) for row in rows])
        shown = rows[after + 1 : after + 1 + limit]
        items = [
            models.ReadingView(
                epoch=epoch,
                facility=row["facility"],
                raw=_raw(row),
                public_output=str(row["public_output"]),
                digest=row["digest"],
                signature=row["signature"],
                facility_count=tree.count,
                root=report["root"],
                siblings=[
                    models.NodeView(hash="0x" + node.hash.hex(), sums="0x" + node.sums.hex())
                    for node in tree.proof(row["facility"])
                ],
            )
            for row in shown
        ]
        last = after + len(shown)
        return Page(items=items, next=str(last) if last + 1 < len(rows) else None, block=self.tip.number)

    def _epoch_view(self, epoch: int, row: Row | None) -> models.EpochView:
        terms = self._terms
        flow = self._get(schema.flows, epoch) or NO_FLOW
        return models.EpochView(
            epoch=epoch,
            starts_at=terms.end_of(epoch) - terms.epoch_length,
            ends_at=terms.end_of(epoch),
            status=self._status(epoch, row),
            report=self._report_view(row) if row and row["root"] is not None else None,
            dividend=_dividend_view(row) if row and row["dividend"] is not None else None,
            flow=models.FlowView(
                payments=flow["payments"],
                **{name: str(flow[name]) for name in ("recycled", "recirculated", "volume", "bought", "delivered")},
            ),
        )

    def _status(self, epoch: int, row: Row | None) -> models.EpochStatus:
        """As the registry's `outcomeOf` has it at the tip, and what the vault made of it."""
        now, end = self.tip.timestamp, self._terms.end_of(epoch)
        if row is not None:
            if row["dividend"] is not None:
                return "distributed"
            if row["passed_as"] is not None:
                return row["passed_as"]  # type: ignore[no-any-return]
            if row["is_void"]:
                return "void"
            if row["root"] is not None:
                return "final" if now > row["disputable_until"] and not row["demands"] else "pending"
        if now < end:
            return "running"
        return "open" if now <= end + self._terms.report_window else "skipped"

    def _report_view(self, row: Row) -> models.ReportView:
        config = self._get(schema.configs, row["config_version"])
        known = select(schema.readings.c.root).where(schema.readings.c.root == row["root"])
        return models.ReportView(
            config_version=row["config_version"],
            signers=_bits(row["signers"]),
            oracles=len(json.loads(config["oracles"])) if config else 0,
            view=str(row["view"]),
            weights=json.loads(config["weights"]) if config else [],
            facility_count=row["facility_count"],
            root=row["root"],
            raw=_raw(row),
            reported_output=str(row["reported_output"]),
            public_output=str(row["public_output"]),
            accepted_at=row["accepted_at"],
            disputable_until=row["disputable_until"],
            demands=row["demands"],
            readings_known=self._first(known) is not None,
            proof=_place(row, "report_"),
        )

    # Oracles and facilities

    def oracles(self) -> list[models.OracleView]:
        """The set in force at the running epoch. Late is who stands, and did not sign the latest report."""
        config = self._config()
        if config is None:
            return []
        table = schema.epochs
        of_set = and_(table.c.root.isnot(None), table.c.config_version == config["version"])
        latest = self._all(select(table).where(of_set).order_by(table.c.epoch.desc()).limit(_RECENT_REPORTS))
        views = []
        for number, address in enumerate(json.loads(config["oracles"])):
            signer = self._get(schema.signers, address)
            if signer is None:
                continue
            last = self._get(table, signer["last_epoch"]) if signer["last_epoch"] is not None else None
            recent = [bool(row["signers"] >> number & 1) for row in latest]
            views.append(
                models.OracleView(
                    number=number,
                    address=address,
                    stands=signer["stands"],
                    slashed=signer["slashed"],
                    bond=str(signer["bond"]),
                    signed=signer["signed"],
                    last_epoch=signer["last_epoch"],
                    recent=recent,
                    late=bool(recent) and not recent[0],
                    proof=_place(last, "report_") if last else _place_or_none(signer),
                )
            )
        return views

    def facilities(self) -> list[models.FacilityView]:
        """Every facility, with the terms of the running epoch."""
        rows = self._all(select(schema.facilities).order_by(schema.facilities.c.facility))
        return [self._facility_view(row) for row in rows]

    def _facility_view(self, row: Row) -> models.FacilityView:
        terms_table, readings = schema.facility_terms, schema.readings
        in_force = and_(terms_table.c.facility == row["facility"], terms_table.c.from_epoch <= self.running)
        terms = self._first(select(terms_table).where(in_force).order_by(terms_table.c.from_epoch.desc()))
        of_facility = select(readings).where(readings.c.facility == row["facility"])
        latest = self._first(of_facility.order_by(readings.c.epoch.desc()))
        return models.FacilityView(
            facility=row["facility"],
            operator=row["operator"],
            reading_key=row["reading_key"],
            region=row["region"],
            active=bool(terms and terms["active"]),
            capacities=[str(terms[f"capacity_{name}"]) if terms else "0" for name in _CLASSES],
            public_share_bps=terms["public_share_bps"] if terms else 0,
            latest_epoch=latest["epoch"] if latest else None,
            latest_raw=_raw(latest) if latest else [],
            latest_output=str(latest["public_output"]) if latest else None,
            proof=_place(row),
            terms_proof=_place(terms) if terms else None,
        )

    def _regions(self, facilities: Sequence[models.FacilityView]) -> list[models.RegionView]:
        rows = self._all(select(schema.regions).order_by(schema.regions.c.region))
        views = []
        for row in rows:
            within = [each for each in facilities if each.region == row["region"]]
            output = sum(int(each.latest_output or 0) for each in within)
            views.append(
                models.RegionView(
                    region=row["region"],
                    headcount=row["headcount"],
                    cap=row["cap"],
                    facilities=len(within),
                    output=str(output),
                    proof=_place(row),
                )
            )
        return views

    def _config(self) -> Row | None:
        table = schema.configs
        in_force = and_(table.c.replaced_by.is_(None), table.c.from_epoch <= self.running)
        return self._first(select(table).where(in_force).order_by(table.c.from_epoch.desc(), table.c.version.desc()))

    def demands(self) -> list[models.DemandView]:
        """The latest demands to show a part of a report's tree."""
        table = schema.demands
        rows = self._all(select(table).order_by(table.c.block.desc(), table.c.log_index.desc()).limit(_MOST_SHOWN))
        names = ("epoch", "level", "position", "demander", "deadline", "status")
        return [
            models.DemandView(bond=str(row["bond"]), proof=_place(row), **{name: row[name] for name in names})
            for row in rows
        ]

    # Governance

    def governance(self) -> models.GovernanceView:
        """What is proposed, scheduled, and held back."""
        votes, halt = self._terms.votes, self._get(schema.brakes, HALT, 0)
        return models.GovernanceView(
            has_votes=self._deployment.has_votes,
            halt_left=halt is None or not halt["spent"],
            objections_needed=votes.objections_needed if votes else 0,
            proposals=self.proposals(Position(), _RECENT_PROPOSALS).items,
            operations=self._operations(),
            brakes=self._brakes(),
            seats=self._seats(),
        )

    def _operations(self) -> list[models.OperationView]:
        table = schema.operations
        newest = select(table).order_by(table.c.block.desc(), table.c.log_index.desc()).limit(_MOST_SHOWN)
        return [
            models.OperationView(
                id=row["id"],
                calls=calls_in_words(row["calls"], self._deployment),
                ready_at=str(row["ready_at"]),
                status=row["status"],
                proof=_place(row),
            )
            for row in self._all(newest)
        ]

    def _brakes(self) -> list[models.BrakeView]:
        table = schema.brakes
        holding = select(table).where(table.c.until > self.tip.timestamp).order_by(table.c.until.desc())
        return [
            models.BrakeView(
                reached=None if row["reached"] is None else str(row["reached"]),
                most=None if row["most"] is None else str(row["most"]),
                proof=_place(row),
                **{name: row[name] for name in ("kind", "subject", "until")},
            )
            for row in self._all(holding.limit(_MOST_SHOWN))
        ]

    def _seats(self) -> list[models.SeatView]:
        rows = self._all(select(schema.seats).order_by(schema.seats.c.seat))
        return [models.SeatView(name=_SEATS[row["seat"]], holder=row["holder"], proof=_place(row)) for row in rows]

    def proposals(self, below: Position, limit: int) -> Page[models.ProposalView]:
        """What citizens vote on, newest first."""
        return self._newest(schema.proposals, below, limit, self._proposal_view)

    def proposal(self, number: int) -> models.ProposalView | None:
        """One proposal."""
        row = self._get(schema.proposals, number)
        return None if row is None else self._proposal_view(row)

    def votes(self, number: int, below: Position, limit: int) -> Page[models.VoteView] | None:
        """Votes on a proposal, newest first; None where there is no such proposal."""
        if self._get(schema.proposals, number) is None:
            return None
        return self._newest(schema.votes, below, limit, _vote_view, schema.votes.c.proposal == number)

    def votes_of(self, voter: str, below: Position, limit: int) -> Page[models.VoteView]:
        """Somebody's votes, newest first."""
        return self._newest(schema.votes, below, limit, _vote_view, schema.votes.c.voter == voter)

    def _newest(self, table: Table, below: Position, limit: int, view: Callable[[Row], V], *where: Any) -> Page[V]:
        """Rows by where in the chain they come from, newest first."""
        query = select(table).where(_below(table.c.block, table.c.log_index, below), *where)
        rows = self._all(query.order_by(table.c.block.desc(), table.c.log_index.desc()).limit(limit + 1))
        return self._page(rows, limit, view)

    def _proposal_view(self, row: Row) -> models.ProposalView:
        quorum = self._quorum(row["vote_start"]) if self.tip.timestamp > row["vote_start"] else None
        ready_at = row["queued_until"]
        votes = self._terms.votes
        if ready_at is not None and votes and row["objections"] >= votes.objections_needed:
            ready_at += votes.chamber_delay
        names = ("vote_start", "vote_end", "against", "in_favour", "abstaining", "objections")
        return models.ProposalView(
            proposal=str(row["proposal"]),
            proposer=row["proposer"],
            description=_shortened(json.loads(row["description"])),
            calls=calls_in_words(row["calls"], self._deployment),
            status=self._proposal_status(row, quorum or 0, ready_at),
            quorum=quorum,
            ready_at=ready_at,
            proof=_place(row),
            **{name: row[name] for name in names},
        )

    def _proposal_status(self, row: Row, quorum: int, ready_at: int | None) -> models.ProposalStatus:
        """As the governor's `state` has it at the tip. What the timelock alone was told, by a founder, counts too."""
        now = self.tip.timestamp
        if row["ended_as"] is not None:
            return row["ended_as"]  # type: ignore[no-any-return]
        if now <= row["vote_start"]:
            return "pending"
        if now <= row["vote_end"]:
            return "active"
        if row["in_favour"] <= row["against"] or row["in_favour"] + row["abstaining"] < quorum:
            return "defeated"
        operation = self._get(schema.operations, row["operation"]) if row["operation"] else None
        if operation and operation["status"] != "scheduled":
            return operation["status"]  # type: ignore[no-any-return]
        grace = self._terms.votes.grace if self._terms.votes else 0
        if now > (row["vote_end"] if ready_at is None else ready_at) + grace:
            return "expired"
        return "succeeded" if ready_at is None else "queued"

    def _quorum(self, snapshot: int) -> int:
        """The votes that a proposal with this snapshot needs: the governor's `quorum`, by the total it reads."""
        terms, counts = schema.vote_terms, schema.active_counts
        in_force = self._first(select(terms).where(terms.c.since <= snapshot).order_by(terms.c.since.desc()))
        if in_force is None or self._terms.votes is None:
            return 0
        ripe_by = max(0, snapshot - self._terms.votes.ripening)
        before = select(counts).where(counts.c.day < ripe_by // DAY_SECONDS).order_by(counts.c.day.desc())
        count = self._first(before)
        share = -((count["active"] if count else 0) * in_force["quorum_bps"] // -_WHOLE_BPS)
        return int(max(in_force["quorum_floor"], share))

    # People

    def account(self, address: str) -> models.AccountView:
        """An account; one never heard of holds nothing."""
        row = self._get(schema.accounts, address) or {**NO_ACCOUNT, "address": address}
        index = (self._get(schema.totals, ONLY) or NO_TOTALS)["dividend_index"]
        received = 0
        if row["entry_index"] is not None:
            until = index if row["end_index"] is None else row["end_index"]
            received = (until - row["entry_index"]) * INDEX_UNIT
        return models.AccountView(
            tip=self.tip_view(),
            address=address,
            balance=str(balance_of(row, index)),
            settled=str(row["settled"]),
            received=str(received),
            act=self._act(row),
            **{name: row[name] for name in ("accruing", "since", "until", "batch", "leaf", "region", "successor")},
        )

    def _act(self, account: Row) -> models.ActView | None:
        if account["batch"] is None:
            return None
        act = self._get(schema.acts, account["batch"], account["leaf"])
        if act is None or not act["kind"]:
            return None
        return models.ActView(**{name: act[name] for name in models.ActView.model_fields})

    def history(self, address: str, below: Position, limit: int) -> Page[models.EntryView]:
        """Every change of an account's balance, newest first; what was settled is in the dividends already."""
        entries, epochs = schema.entries, schema.epochs
        own = select(
            entries.c.block,
            entries.c.log_index,
            entries.c.transaction,
            entries.c.kind,
            entries.c.amount,
            entries.c.counterparty,
            entries.c.relayed,
            literal(-1).label("epoch"),
        ).where(entries.c.account == address, _below(entries.c.block, entries.c.log_index, below))
        newest = [own.order_by(entries.c.block.desc(), entries.c.log_index.desc()).limit(limit + 1).subquery()]
        first = self._dividends_from(address)
        if first is not None:
            block, index = epochs.c.dividend_block, epochs.c.dividend_log_index
            dividends = select(
                block.label("block"),
                index.label("log_index"),
                epochs.c.dividend_transaction.label("transaction"),
                literal("dividend").label("kind"),
                epochs.c.dividend.label("amount"),
                literal(None).label("counterparty"),
                literal(False).label("relayed"),
                epochs.c.epoch,
            ).where(_between(first), epochs.c.dividend != 0, _below(block, index, below))
            newest.append(dividends.order_by(block.desc(), index.desc()).limit(limit + 1).subquery())
        both = union_all(*(select(each) for each in newest)).subquery()
        timed = select(both, schema.blocks.c.timestamp).join_from(
            both, schema.blocks, both.c.block == schema.blocks.c.number
        )
        rows = self._all(timed.order_by(both.c.block.desc(), both.c.log_index.desc()).limit(limit + 1))
        return self._page(rows, limit, _entry_view)

    def _dividends_from(self, address: str) -> tuple[int, int] | None:
        """Blocks between which an account's dividends came. Which those are follows from the index, in every order."""
        row = self._get(schema.accounts, address)
        if row is None or row["entry_index"] is None:
            return None
        table = schema.epochs
        found = self._connection.execute(
            select(table.c.dividend_block, table.c.index_after)
            .where(table.c.dividend.isnot(None))
            .order_by(table.c.dividend_block)
        )
        begin, end = row["entry_index"], row["end_index"]
        within = [each for each in found if begin < each.index_after and (end is None or each.index_after <= end)]
        blocks = [each.dividend_block for each in within]
        return (blocks[0], blocks[-1]) if blocks else None

    def vouchers(self, holder: str, below: int, limit: int) -> Page[models.VoucherView]:
        """Somebody's vouchers, newest first."""
        table = schema.vouchers
        where = and_(table.c.holder == holder, table.c.voucher < below)
        rows = self._all(select(table).where(where).order_by(table.c.voucher.desc()).limit(limit + 1))
        items = [self._voucher_view(row) for row in rows[:limit]]
        following = str(items[-1].voucher) if len(rows) > limit else None
        return Page(items=items, next=following, block=self.tip.number)

    def _voucher_view(self, row: Row) -> models.VoucherView:
        expires_at = self._terms.end_of(row["epoch"]) + self._terms.settlement_window
        if row["refunded"]:
            status: models.VoucherStatus = "refunded"
        elif row["delivered"] == row["units"]:
            status = "delivered"
        else:
            status = "expired" if self.tip.timestamp > expires_at else "open"
        given: Row = {
            name: row[name] for name in ("voucher", "holder", "facility", "compute_class", "epoch", "transfer_count")
        }
        for name in ("units", "delivered", "price", "released"):
            given[name] = str(row[name])
        return models.VoucherView(expires_at=expires_at, status=status, proof=_place(row), **given)

    def offers(self) -> list[models.OfferView]:
        """What is still on offer."""
        table = schema.offers
        where = table.c.epoch >= self.running
        rows = self._all(select(table).where(where).order_by(*table.primary_key.columns).limit(1_000))
        return [
            models.OfferView(
                facility=row["facility"],
                compute_class=row["compute_class"],
                epoch=row["epoch"],
                offered=str(row["offered"]),
                sold=str(row["sold"]),
            )
            for row in rows
            if row["offered"] > row["sold"]
        ]

    def batches(self, below: int, limit: int) -> Page[models.BatchView]:
        """Batches, newest first."""
        table = schema.batches
        rows = self._all(select(table).where(table.c.batch < below).order_by(table.c.batch.desc()).limit(limit + 1))
        names = ("batch", "registrar", "region", "root", "size", "used", "enrolled_at")
        items = [
            models.BatchView(
                entry_index=str(row["entry_index"]), proof=_place(row), **{name: row[name] for name in names}
            )
            for row in rows[:limit]
        ]
        following = str(items[-1].batch) if len(rows) > limit else None
        return Page(items=items, next=following, block=self.tip.number)

    # Events

    def events(
        self,
        below: Position,
        limit: int,
        *,
        role: str | None = None,
        names: Iterable[str] = (),
        transaction: str | None = None,
    ) -> Page[models.EventView]:
        """What the contracts said, newest first."""
        events, blocks = schema.events, schema.blocks
        query = select(events, blocks.c.timestamp).join_from(events, blocks, events.c.block == blocks.c.number)
        query = query.where(_below(events.c.block, events.c.log_index, below))
        if role is not None:
            query = query.where(events.c.role == role)
        if chosen := list(names):
            query = query.where(events.c.name.in_(chosen))
        if transaction is not None:
            query = query.where(events.c.transaction == transaction)
        rows = self._all(query.order_by(events.c.block.desc(), events.c.log_index.desc()).limit(limit + 1))
        return self._page(rows, limit, _event_view)

    def event_count(self) -> int:
        """How many events are kept."""
        return int(self._connection.execute(select(func.count()).select_from(schema.events)).scalar_one())

    # Rows

    def _page(self, rows: Sequence[Row], limit: int, view: Callable[[Row], V]) -> Page[V]:
        shown = rows[:limit]
        more = len(rows) > limit
        following = str(Position(shown[-1]["block"], shown[-1]["log_index"])) if more else None
        return Page(items=[view(row) for row in shown], next=following, block=self.tip.number)

    def _get(self, table: Table, *key: Any) -> Row | None:
        columns = table.primary_key.columns
        where = [column == value for column, value in zip(columns, key, strict=True)]
        return self._first(select(table).where(*where))

    def _first(self, query: Select[Any]) -> Row | None:
        found = self._connection.execute(query.limit(1)).mappings().first()
        return None if found is None else dict(found)

    def _all(self, query: Select[Any]) -> list[Row]:
        return [dict(row) for row in self._connection.execute(query).mappings()]


def _below(block: Any, index: Any, below: Position) -> Any:
    return (block < below.block) | (block == below.block) & (index < below.log_index)


def _between(blocks: tuple[int, int]) -> Any:
    column = schema.epochs.c.dividend_block
    return and_(column >= blocks[0], column <= blocks[1])


def _place(row: Row, prefix: str = "") -> models.Place:
    return models.Place(
        block=row[f"{prefix}block"], log_index=row[f"{prefix}log_index"], transaction=row[f"{prefix}transaction"]
    )


def _place_or_none(row: Row) -> models.Place | None:
    return None if row["block"] is None else _place(row)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_ARGS else f"{text[:_LONGEST_ARGS]}…"


def _raw(row: Row) -> list[str]:
    return [str(row[f"raw_{name}"]) for name in _CLASSES]


def _leaf(row: Row) -> Leaf:
    sums = Sums(row["raw_general"], row["raw_intelligent"], row["raw_super"], row["public_output"])
    return Leaf(row["facility"], sums, bytes.fromhex(row["digest"][2:]))


def _bits(bits: int) -> list[int]:
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def _dividend_view(row: Row) -> models.DividendView:
    return models.DividendView(
        headcount=row["headcount"],
        distributed_at=row["distributed_at"],
        proof=_place(row, "dividend_"),
        **{name: str(row[name]) for name in ("entitlement", "issued", "dividend", "reserve")},
    )


def _classes(facilities: Sequence[models.FacilityView], reported: Row | None) -> list[models.ClassView]:
    views = []
    for number, name in enumerate(_CLASSES):
        capacity = sum(int(each.capacities[number]) for each in facilities if each.active)
        used = reported[f"raw_{name}"] if reported else 0
        proofs = [each.terms_proof for each in facilities if each.terms_proof]
        last = max(proofs, key=lambda place: (place.block, place.log_index), default=None)
        views.append(models.ClassView(compute_class=number, capacity=str(capacity), used=str(used), proof=last))
    return views


def _vote_view(row: Row) -> models.VoteView:
    names = ("voter", "support", "weight")
    return models.VoteView(proposal=str(row["proposal"]), proof=_place(row), **{name: row[name] for name in names})


def _entry_view(row: Row) -> models.EntryView:
    return models.EntryView(
        kind=row["kind"],
        amount=str(row["amount"]),
        counterparty=row["counterparty"],
        relayed=bool(row["relayed"]),
        epoch=None if row["epoch"] < 0 else row["epoch"],
        timestamp=row["timestamp"],
        proof=_place(row),
    )


def _event_view(row: Row) -> models.EventView:
    cut = len(row["args"]) > _LONGEST_ARGS
    args = {"cut": row["args"][:_LONGEST_ARGS]} if cut else json.loads(row["args"])
    return models.EventView(
        role=row["role"], name=row["name"], args=args, cut=cut, timestamp=row["timestamp"], proof=_place(row)
    )
