"""Every message that anyone signs: its fields, and with them its EIP-712 type (see `typed_data`).

Amounts of computing are in nGAICPh, amounts of SBI in wei, times in seconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sbi_network.protocol.typed_data import Address, Domain, TypedMessage, Uint8, Uint32, Uint64, Uint256, Word

REGISTRY_NAME = "ComputeOracleRegistry"
CITIZENS_NAME = "CitizenRegistry"
EXCHANGE_NAME = "ComputeExchange"
BONDS_NAME = "SignerBonds"
PRODUCTS_NAME = "ProductDisputes"
GOVERNOR_NAME = "SuiteGovernor"
TOKEN_NAME = "Smart Basic Income"  # noqa: S105 - a name, not a password


def registry_domain(chain_id: int, registry: Address) -> Domain:
    """The domain of a ComputeOracleRegistry."""
    return Domain(REGISTRY_NAME, chain_id, registry)


def citizens_domain(chain_id: int, citizens: Address) -> Domain:
    """The domain of a CitizenRegistry."""
    return Domain(CITIZENS_NAME, chain_id, citizens)


def exchange_domain(chain_id: int, exchange: Address) -> Domain:
    """The domain of a ComputeExchange."""
    return Domain(EXCHANGE_NAME, chain_id, exchange)


def bonds_domain(chain_id: int, bonds: Address) -> Domain:
    """The domain of a SignerBonds."""
    return Domain(BONDS_NAME, chain_id, bonds)


def products_domain(chain_id: int, products: Address) -> Domain:
    """The domain of a ProductDisputes."""
    return Domain(PRODUCTS_NAME, chain_id, products)


def governor_domain(chain_id: int, governor: Address) -> Domain:
    """The domain of a SuiteGovernor."""
    return Domain(GOVERNOR_NAME, chain_id, governor)


def token_domain(chain_id: int, token: Address) -> Domain:
    """The domain of an SBIToken."""
    return Domain(TOKEN_NAME, chain_id, token)


@dataclass(frozen=True, slots=True)
class Reading(TypedMessage):
    """One facility's raw output in one epoch, signed by the facility's reading key.

    `evidence` is the root of the products that prove the reading; zero where there are none.
    """

    DOMAIN_NAME: ClassVar[str] = REGISTRY_NAME

    facility: Uint32
    epoch: Uint64
    raw_general: Uint64
    raw_intelligent: Uint64
    raw_super: Uint64
    evidence: Word

    @property
    def raw(self) -> tuple[int, int, int]:
        """Raw output by class."""
        return (self.raw_general, self.raw_intelligent, self.raw_super)


@dataclass(frozen=True, slots=True)
class Observation(TypedMessage):
    """One oracle's view of all readings of an epoch, signed by the oracle.

    `readings` is `agreement.readings_hash` of the entries it accepted.
    """

    DOMAIN_NAME: ClassVar[str] = REGISTRY_NAME

    config_digest: Word
    epoch: Uint64
    readings: Word


@dataclass(frozen=True, slots=True)
class Report(TypedMessage):
    """The agreed readings of an epoch, signed by a quorum of oracles.

    `root` is the hash of the top node of the Merkle-sum tree, the four figures are its sums.
    """

    DOMAIN_NAME: ClassVar[str] = REGISTRY_NAME

    config_digest: Word
    epoch: Uint64
    view_number: Uint64
    weights_version: Uint64
    facility_count: Uint32
    root: Word
    raw_general: Uint64
    raw_intelligent: Uint64
    raw_super: Uint64
    public_output: Uint64


@dataclass(frozen=True, slots=True)
class LeafChoice(TypedMessage):
    """An account settles on one of its leaves for good, signed by the account."""

    DOMAIN_NAME: ClassVar[str] = CITIZENS_NAME

    batch: Uint32
    index: Uint32
    account: Address


@dataclass(frozen=True, slots=True)
class Succession(TypedMessage):
    """An account takes over the share of another that lives on this leaf, signed by the successor."""

    DOMAIN_NAME: ClassVar[str] = CITIZENS_NAME

    batch: Uint32
    index: Uint32
    previous: Address
    successor: Address


@dataclass(frozen=True, slots=True)
class Objection(TypedMessage):
    """A citizen objects to the act about this leaf that is due at that second, and to no other."""

    DOMAIN_NAME: ClassVar[str] = CITIZENS_NAME

    batch: Uint32
    index: Uint32
    due_at: Uint64


@dataclass(frozen=True, slots=True)
class Bond(TypedMessage):
    """An oracle's or a facility's consent to who puts up its bond, signed by the signing or reading key."""

    DOMAIN_NAME: ClassVar[str] = BONDS_NAME

    signer_: Address
    owner: Address


@dataclass(frozen=True, slots=True)
class Product(TypedMessage):
    """One device's answer to a challenge, signed by its facility's reading key (docs/proof-of-compute.md).

    `device` names the device, `beacon` is the word that its matrices follow from; C = A·B is m × n, of k terms an
    entry, and `root` is that of its Merkle tree.
    """

    DOMAIN_NAME: ClassVar[str] = PRODUCTS_NAME

    facility: Uint32
    epoch: Uint64
    device: Word
    beacon: Word
    m: Uint32
    n: Uint32
    k: Uint32
    root: Word


@dataclass(frozen=True, slots=True)
class Receipt(TypedMessage):
    """What the present holder of a voucher has received so far, in raw nGAICPh of the voucher's class: cumulative."""

    DOMAIN_NAME: ClassVar[str] = EXCHANGE_NAME

    voucher: Uint256
    holder: Address
    transfer_count: Uint64
    delivered: Uint64


@dataclass(frozen=True, slots=True)
class Permit(TypedMessage):
    """ERC-2612: the owner lets the spender take up to `value`, until `deadline`."""

    DOMAIN_NAME: ClassVar[str] = TOKEN_NAME

    owner: Address
    spender: Address
    value: Uint256
    nonce: Uint256
    deadline: Uint256


@dataclass(frozen=True, slots=True)
class TransferWithAuthorization(TypedMessage):
    """ERC-3009: a payment that anyone may carry out, after `valid_after` and before `valid_before`, once per nonce."""

    DOMAIN_NAME: ClassVar[str] = TOKEN_NAME

    from_: Address
    to: Address
    value: Uint256
    valid_after: Uint256
    valid_before: Uint256
    nonce: Word


@dataclass(frozen=True, slots=True)
class ReceiveWithAuthorization(TypedMessage):
    """ERC-3009: the same, carried out by its receiver alone, so that nobody can run ahead of a contract's call."""

    DOMAIN_NAME: ClassVar[str] = TOKEN_NAME

    from_: Address
    to: Address
    value: Uint256
    valid_after: Uint256
    valid_before: Uint256
    nonce: Word


@dataclass(frozen=True, slots=True)
class CancelAuthorization(TypedMessage):
    """ERC-3009: the authorizer uses up a nonce without paying."""

    DOMAIN_NAME: ClassVar[str] = TOKEN_NAME

    authorizer: Address
    nonce: Word


@dataclass(frozen=True, slots=True)
class Ballot(TypedMessage):
    """A citizen's vote, for anybody to carry: `support` 0 is against, 1 for, 2 abstaining; `nonce` counts ballots."""

    DOMAIN_NAME: ClassVar[str] = GOVERNOR_NAME

    proposal_id: Uint256
    support: Uint8
    voter: Address
    nonce: Uint256


MESSAGE_TYPES: Sequence[type[TypedMessage]] = (
    Reading,
    Observation,
    Report,
    LeafChoice,
    Succession,
    Objection,
    Bond,
    Product,
    Receipt,
    Permit,
    TransferWithAuthorization,
    ReceiveWithAuthorization,
    CancelAuthorization,
    Ballot,
)
