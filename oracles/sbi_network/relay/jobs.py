"""A job: what somebody signed and wants carried to the chain, and how far it has come.

| state | means | next |
|---|---|---|
| QUEUED | kept, and not sent yet | SENT; SKIPPED if it can no longer be made; EXPIRED |
| SENT | in a transaction under way | MADE; SKIPPED; QUEUED if the transaction came to nothing; EXPIRED |
| MADE | done on chain | none; SENT if a reorg took it back |
| SKIPPED | the contract would not have it, and says why | none; QUEUED if it is handed in again |
| EXPIRED | its time was over before it was in a block | none |

A fee is an authorisation of its own, and is due only once what it is for is MADE:
AWAITED → DUE → SENT → COLLECTED; WITHHELD where its payer spent its nonce on something else; LAPSED where its window
closed first; NONE where nothing is asked, or what it was for was not done.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sbi_network.chain.token import SignedTransfer
from sbi_network.protocol.address import ZERO_ADDRESS
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.messages import Permit
from sbi_network.protocol.typed_data import Address, Domain, TypedMessage


class Kind(StrEnum):
    """What is to be done."""

    PAYMENT = "payment"
    FIRST_SPEND = "first_spend"
    PERMIT = "permit"


class JobState(StrEnum):
    """How far a job has come."""

    QUEUED = "queued"
    SENT = "sent"
    MADE = "made"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class FeeState(StrEnum):
    """How far a fee has come."""

    NONE = "none"
    AWAITED = "awaited"
    DUE = "due"
    SENT = "sent"
    COLLECTED = "collected"
    WITHHELD = "withheld"
    LAPSED = "lapsed"


WAITING = (JobState.QUEUED, JobState.SENT)
"""Not in a block yet, as far as we know."""

OUTSTANDING = (FeeState.AWAITED, FeeState.DUE, FeeState.SENT)


@dataclass(frozen=True, slots=True)
class Activation:
    """A citizen's leaf and its proof, for somebody who was never active."""

    batch: int
    index: int
    person: bytes
    proof: tuple[bytes, ...]

    def leaf(self, account: Address) -> tuple[int, int, Address, bytes, list[bytes]]:
        """As the citizen registry takes it."""
        return self.batch, self.index, account, self.person, list(self.proof)


@dataclass(frozen=True, slots=True)
class SignedPermit:
    """A permit with its owner's signature."""

    message: Permit
    signature: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """What was handed in. `text` is the request as it is kept; amounts in wei."""

    deed: SignedTransfer | SignedPermit
    activation: Activation | None
    fee: SignedTransfer | None
    text: str

    @property
    def kind(self) -> Kind:
        """What is to be done."""
        if isinstance(self.deed, SignedPermit):
            return Kind.PERMIT
        return Kind.PAYMENT if self.activation is None else Kind.FIRST_SPEND

    @property
    def message(self) -> TypedMessage:
        """What was signed."""
        return self.deed.message

    @property
    def payer(self) -> Address:
        """Who signed, and pays."""
        return self.deed.message.owner if isinstance(self.deed, SignedPermit) else self.deed.message.from_

    @property
    def value(self) -> int:
        """What leaves the payer's account, the fee apart."""
        return 0 if isinstance(self.deed, SignedPermit) else self.deed.message.value

    @property
    def fee_value(self) -> int:
        """What is asked for it."""
        return 0 if self.fee is None else self.fee.message.value

    @property
    def nonces(self) -> tuple[str, ...]:
        """What this job alone may use up, among the payer's jobs."""
        if isinstance(self.deed, SignedPermit):
            own = f"permit {self.deed.message.nonce}"
        else:
            own = hex_of(self.deed.message.nonce)
        return (own,) if self.fee is None else (own, hex_of(self.fee.message.nonce))

    @property
    def window(self) -> tuple[int, int]:
        """After and before which times it may be done, seconds, both exclusive."""
        if isinstance(self.deed, SignedPermit):
            return 0, self.deed.message.deadline + 1
        return self.deed.message.valid_after, self.deed.message.valid_before

    @property
    def payee(self) -> Address:
        """Who receives; nobody for a permit."""
        return ZERO_ADDRESS if isinstance(self.deed, SignedPermit) else self.deed.message.to

    def name(self, domain: Domain) -> str:
        """By which it is known: the digest that was signed."""
        return hex_of(self.message.digest(domain))


@dataclass(frozen=True, slots=True)
class Record:
    """A kept job and how it stands. `gas` is an upper estimate of its part of a transaction; times in seconds."""

    number: int
    name: str
    job: Job
    is_wallet: bool
    gas: int
    accepted_at: int
    accepted_block: int
    state: JobState
    reason: str | None
    transaction: str | None
    block: int | None
    is_final: bool
    tries: int
    fee_state: FeeState
    fee_transaction: str | None

    @property
    def goes_alone(self) -> bool:
        """Whether it takes a transaction of its own: a batch's gas cannot be estimated with a wallet's check in it, for
        a check that runs out of gas makes the token skip the payment, not the estimate fail."""
        return self.is_wallet or self.job.kind is not Kind.PAYMENT
