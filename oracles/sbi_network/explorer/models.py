"""What the read API answers. Amounts that may pass 2^53 are decimal strings: JavaScript would round them."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

Wei = Annotated[str, Field(pattern=r"^-?[0-9]+$", description="wei, as a decimal string")]
Nano = Annotated[str, Field(pattern=r"^[0-9]+$", description="nGAICPh, as a decimal string")]
Text = str

ProposalStatus = Literal["pending", "active", "defeated", "succeeded", "queued", "expired", "executed", "cancelled"]

EpochStatus = Literal["running", "open", "pending", "final", "distributed", "skipped", "void", "expired"]

VoucherStatus = Literal["open", "delivered", "expired", "refunded"]


class View(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True)


class Place(View):
    """Where in the chain something is proved."""

    block: int
    log_index: int
    transaction: str


class TipView(View):
    """The block that an answer is of."""

    block: int
    hash: str | None
    timestamp: int
    events: int


class Clock(View):
    """Spans in seconds; `epoch` is the one that runs at the tip."""

    genesis: int
    epoch_length: int
    report_window: int
    dispute_window: int
    epoch: int


class Totals(View):
    """The suite's aggregates. `parity` is the weighted nGAICPh that one SBI was issued for, and buys. `proofs`
    has what last changed each figure; the running epoch's flows are named with `flow.` in front."""

    supply: Wei
    issued: Wei
    recycled: Wei
    recirculated: Wei
    reserve: Wei
    escrow: Wei
    dividend_index: str
    headcount: int
    activated: int
    active: int
    payments: int
    next_epoch: int
    parity: Nano | None
    proofs: dict[str, Place]


class ReportView(View):
    """An accepted report. `signers` are oracle numbers of its configuration."""

    config_version: int
    signers: list[int]
    oracles: int
    view: str
    weights: list[int]
    facility_count: int
    root: str
    raw: list[Nano]
    reported_output: Nano
    public_output: Nano
    accepted_at: int
    disputable_until: int
    demands: int
    readings_known: bool
    proof: Place


class DividendView(View):
    """An epoch's dividend; `dividend` is what each citizen received."""

    entitlement: Wei
    issued: Wei
    dividend: Wei
    headcount: int
    reserve: Wei
    distributed_at: int
    proof: Place


class FlowView(View):
    """What people did while an epoch ran."""

    recycled: Wei
    recirculated: Wei
    payments: int
    volume: Wei
    bought: Wei
    delivered: Wei


class EpochView(View):
    """An epoch, as it stands at the tip."""

    epoch: int
    starts_at: int
    ends_at: int
    status: EpochStatus
    report: ReportView | None
    dividend: DividendView | None
    flow: FlowView


class OracleView(View):
    """An oracle of the present set. `recent` says of the latest reports, newest first, whether it signed. `proof` is of
    the last report that it signed, or of its standing where it has signed none."""

    number: int
    address: str
    stands: bool
    slashed: bool
    bond: Wei
    signed: int
    last_epoch: int | None
    recent: list[bool]
    late: bool
    proof: Place | None


class ClassView(View):
    """A class of computing: what facilities may bring in an epoch, and what the latest report says they did. `proof` is
    of the terms that last changed the capacity."""

    compute_class: int
    capacity: Nano
    used: Nano
    proof: Place | None


class FacilityView(View):
    """A facility with the running epoch's terms, proved by `terms_proof`. `latest` is its newest checked reading."""

    facility: int
    operator: str
    reading_key: str
    region: int
    active: bool
    capacities: list[Nano]
    public_share_bps: int
    latest_epoch: int | None
    latest_raw: list[Nano]
    latest_output: Nano | None
    proof: Place
    terms_proof: Place | None


class RegionView(View):
    """A region's roll and its facilities' latest output."""

    region: int
    headcount: int
    cap: int
    facilities: int
    output: Nano
    proof: Place


class DemandView(View):
    """A place of a report's tree that somebody wants to see."""

    epoch: int
    level: int
    position: int
    demander: str
    bond: Wei
    deadline: int
    status: Text
    proof: Place


class OperationView(View):
    """A change that governance has scheduled: its calls in words."""

    id: str
    calls: list[str]
    ready_at: str
    status: Text
    proof: Place


class BrakeView(View):
    """What waits: all dividends (`halt`), an epoch's and those after it (`output`, nGAICPh), a region's enrolment
    (`region`, heads). `subject` is the epoch or the region; `reached` passed `most`."""

    kind: Literal["halt", "output", "region"]
    subject: int
    reached: str | None
    most: str | None
    until: int
    proof: Place


class ProposalView(View):
    """What citizens vote on, as it stands at the tip. `quorum` is known once voting has begun; `ready_at` is when a
    queued one can take effect, the second chamber's delay included."""

    proposal: Annotated[str, Field(description="its number, as a decimal string")]
    proposer: str
    description: str
    calls: list[str]
    status: ProposalStatus
    vote_start: int
    vote_end: int
    against: int
    in_favour: int
    abstaining: int
    quorum: int | None
    objections: int
    ready_at: int | None
    proof: Place


class VoteView(View):
    """One citizen's vote: 0 against, 1 for, 2 abstaining. One that was not ripe weighs nothing."""

    proposal: str
    voter: str
    support: int
    weight: int
    proof: Place


class SeatView(View):
    """Who holds a seat of the second chamber."""

    name: Literal["operators", "oracles", "registrars", "civil_society"]
    holder: str
    proof: Place


class GovernanceView(View):
    """What governance is about. `has_votes` tells whether citizens can vote; `halt_left` whether the guardian has one
    left; `brakes` are those that hold at the tip."""

    has_votes: bool
    halt_left: bool
    objections_needed: int
    proposals: list[ProposalView]
    operations: list[OperationView]
    brakes: list[BrakeView]
    seats: list[SeatView]


class EventView(View):
    """What a contract said, as it said it. Long arguments are cut: `cut` says so."""

    role: str
    name: str
    args: dict[str, Any]
    cut: bool
    timestamp: int
    proof: Place


class SummaryView(View):
    """All that the dashboard shows at a glance."""

    tip: TipView
    clock: Clock
    totals: Totals
    running: EpochView
    reported: EpochView | None
    distributed: EpochView | None
    recent: list[EpochView]
    classes: list[ClassView]
    facilities: list[FacilityView]
    regions: list[RegionView]
    oracles: list[OracleView]
    quorum: int
    quorum_proof: Place | None
    demands: list[DemandView]
    faults: list[EventView]
    governance: GovernanceView


class NodeView(View):
    """A node of the Merkle-sum tree as proofs list it."""

    hash: str
    sums: str


class ReadingView(View):
    """One facility's leaf, with what leads from it to the reported root."""

    epoch: int
    facility: int
    raw: list[Nano]
    public_output: Nano
    digest: str
    signature: str | None
    facility_count: int
    root: str
    siblings: list[NodeView]


class AccountView(View):
    """An account. Balance = settled + (dividend index − index) × 1e6 while income accrues."""

    tip: TipView
    address: str
    balance: Wei
    settled: Wei
    accruing: bool
    since: int
    until: int
    batch: int | None
    leaf: int | None
    region: int | None
    successor: str | None
    received: Wei
    act: ActView | None


class ActView(View):
    """What a registrar has started about a citizen's leaf. Kind 1 is retirement, 2 recovery."""

    kind: int
    due_at: int
    objected: bool
    referred: bool
    successor: str | None


class EntryView(View):
    """One change of an account's balance. A dividend names its epoch; other kinds who was at the other end."""

    kind: Text
    amount: Wei
    counterparty: str | None
    relayed: bool
    epoch: int | None
    timestamp: int
    proof: Place


class VoucherView(View):
    """A right to computing."""

    voucher: int
    holder: str | None
    facility: int
    compute_class: int
    epoch: int
    units: Nano
    delivered: Nano
    price: Wei
    released: Wei
    transfer_count: int
    expires_at: int
    status: VoucherStatus
    proof: Place


class OfferView(View):
    """Computing on offer."""

    facility: int
    compute_class: int
    epoch: int
    offered: Nano
    sold: Nano


class BatchView(View):
    """Citizens enrolled together; `used` of its leaves have been activated, replaced or voided."""

    batch: int
    registrar: str
    region: int
    root: str
    size: int
    used: int
    entry_index: str
    enrolled_at: int
    proof: Place


class ContractView(View):
    """A deployed contract."""

    role: str
    contract: str
    address: str


class DeploymentView(View):
    """What the pages need to know of the network and of what is at hand on it."""

    chain_id: int
    genesis: int
    contracts: list[ContractView]
    has_votes: bool
    wallet_rpc_url: str | None
    relayer_url: str | None


class Page(View, Generic[T]):
    """A part of a list, newest first; `next` is the cursor of what follows, if anything does."""

    items: list[T]
    next: str | None
    block: int


AccountView.model_rebuild()
