"""What the relayer answers. Amounts are decimal strings, in wei: JavaScript would round numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sbi_network.protocol.figure import hex_of
from sbi_network.relay.gate import Terms
from sbi_network.relay.jobs import FeeState, JobState, Kind, Record
from sbi_network.relay.quotes import Quote, fee_nonce

Wei = Annotated[str, Field(pattern=r"^[0-9]+$", description="wei, as a decimal string")]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class FeesView(_View):
    """Fees that are quoted now."""

    payment: Wei
    first_spend: Wei
    permit: Wei


class TermsView(_View):
    """Whom this relayer serves, on which chain, and for what."""

    chain_id: int
    token: str
    citizens: str | None
    relayer: str
    collector: str
    fees: FeesView
    fee_grace_seconds: int
    least_payment: Wei
    least_validity: int
    most_ahead: int
    contract_wallets: bool
    payments_per_hour: float


class QuoteView(_View):
    """A promise. Sign the payment with `nonce`; where `fee` is not 0, sign another payment of `fee` to `collector` with
    `fee_nonce`, which holds for `fee_grace_seconds` longer."""

    kind: Kind
    payer: str
    fee: Wei
    collector: str
    nonce: str
    fee_nonce: str
    fee_grace_seconds: int
    expires: int
    quote: str


class FeeView(_View):
    """How the fee stands: it is collected only once what it is for is made."""

    amount: Wei
    state: FeeState
    transaction: str | None


class JobView(_View):
    """How a job stands. `transaction` and `block` are there once it is in a block, which may still be reorganised
    until `final`."""

    id: str
    kind: Kind
    state: JobState
    transaction: str | None
    block: int | None
    final: bool
    reason: str | None
    fee: FeeView | None
    status_url: str


def status_path(record: Record) -> str:
    """Where a job's status is."""
    return f"/v1/payments/{record.name}"


def job_view(record: Record) -> JobView:
    """A job as it is told."""
    job = record.job
    fee = None
    if job.fee is not None:
        fee = FeeView(amount=str(job.fee_value), state=record.fee_state, transaction=record.fee_transaction)
    return JobView(
        id=record.name,
        kind=job.kind,
        state=record.state,
        transaction=record.transaction,
        block=record.block,
        final=record.is_final,
        reason=record.reason,
        fee=fee,
        status_url=status_path(record),
    )


def quote_view(terms: Terms, quote: Quote, nonce: bytes, sealed: str) -> QuoteView:
    """A quote as it is told."""
    return QuoteView(
        kind=quote.kind,
        payer=quote.payer,
        fee=str(quote.fee),
        collector=terms.collector,
        nonce=hex_of(nonce),
        fee_nonce=hex_of(fee_nonce(nonce)),
        fee_grace_seconds=terms.grace_seconds,
        expires=quote.expires,
        quote=sealed,
    )


def terms_view(terms: Terms) -> TermsView:
    """The terms as they are told."""
    settings = terms.settings
    return TermsView(
        chain_id=terms.domain.chain_id,
        token=terms.domain.verifying_contract,
        citizens=settings.network.citizens,
        relayer=terms.relayer,
        collector=terms.collector,
        fees=FeesView(**{kind.value: str(terms.fee_of(kind)) for kind in Kind}),
        fee_grace_seconds=terms.grace_seconds,
        least_payment=str(settings.least_payment),
        least_validity=settings.least_validity,
        most_ahead=settings.most_ahead,
        contract_wallets=settings.contract_wallets,
        payments_per_hour=settings.limits.payments_per_hour,
    )
