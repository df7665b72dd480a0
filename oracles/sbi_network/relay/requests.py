"""What clients hand in, as JSON: strict, bounded, and read into jobs. No signature is checked here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from sbi_network.chain.token import SignedTransfer
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import UINT32_MAX, UINT256_MAX
from sbi_network.protocol.json_form import SAFE_INTEGER_MAX
from sbi_network.protocol.messages import Permit, TransferWithAuthorization
from sbi_network.protocol.typed_data import Address
from sbi_network.relay.jobs import Activation, Job, SignedPermit

MAX_BODY_BYTES: Final = 32 * 1024
"""A dozen owners' signatures in a wallet's own form, and a proof in a roll of any size."""

_MAX_SIGNATURE_BYTES: Final = 4_096
_MAX_PROOF: Final = 40
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,77}")


def _uint256(given: object) -> int:
    """A number that every JSON reader keeps exactly, or one in a string."""
    if type(given) is int and 0 <= given <= SAFE_INTEGER_MAX:
        return given
    if isinstance(given, str) and _DECIMAL.fullmatch(given) is not None and int(given) <= UINT256_MAX:
        return int(given)
    raise ValueError("is not an integer up to 2^53 - 1, or one up to 2^256 - 1 in a string of decimal digits")


def _account(given: str) -> Address:
    return check_address("address", given)


Amount = Annotated[
    int,
    BeforeValidator(_uint256),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}]}),
]
Account = Annotated[str, Field(max_length=42), AfterValidator(_account)]
Word = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]
Blob = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2})*$", max_length=2 + 2 * _MAX_SIGNATURE_BYTES)]
Number = Annotated[int, Field(ge=0, le=UINT32_MAX, strict=True)]
Quote = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,400}$")]

B = TypeVar("B", bound="PaymentBody | PermitBody")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FeeBody(_Body):
    """The fee: an authorisation of the payer's to the relayer's collector."""

    value: Amount
    valid_after: Amount = Field(alias="validAfter")
    valid_before: Amount = Field(alias="validBefore")
    nonce: Word
    signature: Blob


class ActivationBody(_Body):
    """What `sbi roll prove` prints of a citizen, and the batch's number on chain."""

    batch: Number
    index: Number
    person: Word
    proof: list[Word] = Field(max_length=_MAX_PROOF)


class _Paid(_Body):
    quote: Quote | None = None
    fee: FeeBody | None = None


class PaymentBody(_Paid):
    """A signed ERC-3009 `TransferWithAuthorization`; with `activation`, somebody's first."""

    from_: Account = Field(alias="from")
    to: Account
    value: Amount
    valid_after: Amount = Field(alias="validAfter")
    valid_before: Amount = Field(alias="validBefore")
    nonce: Word
    signature: Blob
    activation: ActivationBody | None = None


class PermitBody(_Paid):
    """A signed ERC-2612 `Permit`."""

    owner: Account
    spender: Account
    value: Amount
    nonce: Amount
    deadline: Amount
    signature: Blob


def read_job(body: PaymentBody | PermitBody, collector: Address) -> Job:
    """The job in a body that passed."""
    text = body.model_dump_json(by_alias=True, exclude_none=True)
    if isinstance(body, PermitBody):
        owner, spender = check_address("owner", body.owner), check_address("spender", body.spender)
        permit = Permit(owner, spender, body.value, body.nonce, body.deadline)
        return Job(SignedPermit(permit, _bytes(body.signature)), None, _fee(body.fee, owner, collector), text)
    payer, payee = check_address("from", body.from_), check_address("to", body.to)
    transfer = _transfer(payer, payee, body)
    return Job(transfer, _activation(body.activation), _fee(body.fee, payer, collector), text)


def read_kept(text: str, *, is_permit: bool, collector: Address) -> Job:
    """The job in a body as `read_job` kept it."""
    model: Any = PermitBody if is_permit else PaymentBody
    return read_job(model.model_validate_json(text), collector)


def _transfer(payer: Address, payee: Address, body: PaymentBody | FeeBody) -> SignedTransfer:
    message = TransferWithAuthorization(
        payer, payee, body.value, body.valid_after, body.valid_before, _bytes(body.nonce)
    )
    return SignedTransfer(message, _bytes(body.signature))


def _fee(body: FeeBody | None, payer: Address, collector: Address) -> SignedTransfer | None:
    return None if body is None else _transfer(payer, collector, body)


def _activation(body: ActivationBody | None) -> Activation | None:
    if body is None:
        return None
    return Activation(body.batch, body.index, _bytes(body.person), tuple(map(_bytes, body.proof)))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
