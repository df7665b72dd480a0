"""What people do with the suite, as verbs: enrol, activate, report, distribute, pay, relay, recycle, buy, deliver.

A verb builds the message, has it signed and sends it. It knows no formula: amounts, prices and expected results are the
caller's. The same verbs work over Ape (`through_ape`) and over `support.evm` (`tests.support.abi.Desk`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from eth_account import Account
from eth_utils.crypto import keccak

from sbi_network.protocol.agreement import Entry, tree_of
from sbi_network.protocol.messages import (
    Bond,
    CancelAuthorization,
    LeafChoice,
    Objection,
    Permit,
    Reading,
    Receipt,
    ReceiveWithAuthorization,
    Report,
    Succession,
    TransferWithAuthorization,
    bonds_domain,
    citizens_domain,
    exchange_domain,
    registry_domain,
    token_domain,
)
from sbi_network.protocol.oracle_set import pack_signatures
from sbi_network.protocol.sumtree import SumTree
from sbi_network.roll import Batch, CitizenLeaf

if TYPE_CHECKING:
    from ape.api import AccountAPI, ReceiptAPI
    from eth_account.signers.local import LocalAccount
    from scripts._deploy import Suite

END_OF_TIME = 2**256 - 1
Reply = TypeVar("Reply", covariant=True)


@dataclass(frozen=True, repr=False)
class Person:
    """Somebody with a key: signs with `key`, sends by Ape with `account`."""

    account: AccountAPI
    key: LocalAccount

    def __repr__(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        return self.key.address

    @classmethod
    def of(cls, account: AccountAPI) -> Person:
        """The person behind one of Ape's test accounts."""
        return cls(account, Account.from_key(account.private_key))


class Send(Protocol[Reply]):
    """Sends one transaction: who, which contract by its role, which function, with what."""

    def __call__(self, sender: Person, role: str, function: str, *arguments: Any) -> Reply: ...


def through_ape(suite: Suite) -> Send[ReceiptAPI]:
    """Sends by Ape's own contract objects."""

    def send(sender: Person, role: str, function: str, *arguments: Any) -> ReceiptAPI:
        return getattr(getattr(suite, role), function)(*arguments, sender=sender.account)

    return send


@dataclass(frozen=True)
class Payment:
    """A signed ERC-3009 payment."""

    message: TransferWithAuthorization | ReceiveWithAuthorization
    signature: bytes

    def as_argument(self) -> tuple[Any, ...]:
        m = self.message
        return (m.from_, m.to, m.value, m.valid_after, m.valid_before, m.nonce, self.signature)

    def as_arguments(self) -> tuple[Any, ...]:
        """The standard's own nine arguments."""
        return (*self.as_argument()[:-1], *split(self.signature))


@dataclass(frozen=True)
class Told:
    """A report with the tree behind it."""

    report: Report
    tree: SumTree

    def as_argument(self) -> tuple[Any, ...]:
        r = self.report
        return (
            r.config_digest,
            r.epoch,
            r.view_number,
            r.weights_version,
            r.facility_count,
            r.root,
            r.raw_general,
            r.raw_intelligent,
            r.raw_super,
            r.public_output,
        )


def exhibit(told: Told, facility: int) -> tuple[Any, ...]:
    """A leaf as the disputes contract takes it."""
    leaf = told.tree.leaves[facility]
    node, siblings = leaf.node(), told.tree.proof(facility)
    return (
        (node.hash, int.from_bytes(node.sums)),
        b"\x00" + facility.to_bytes(4) + leaf.sums.pack() + leaf.reading_digest,
        told.tree.count,
        [(sibling.hash, int.from_bytes(sibling.sums)) for sibling in siblings],
    )


def split(signature: bytes) -> tuple[int, bytes, bytes]:
    """v, r, s of 65 bytes r ‖ s ‖ v."""
    return signature[64], signature[:32], signature[32:64]


def roll_of(accounts: Iterable[str], salt: str = "") -> Batch:
    """A batch of these accounts; `salt` makes other persons of them.

    An account may stand in it twice: registrars' tools refuse that, the contracts have to live with it.
    """
    return Batch(
        [
            CitizenLeaf(place, account, keccak(text=f"{salt}/{place}/{account}"))  # type: ignore[arg-type]
            for place, account in enumerate(accounts)
        ]
    )


def proven(batch: int, roll: Batch, index: int, account: str | None = None) -> tuple[Any, ...]:
    """A leaf with its proof, as the citizen registry takes it."""
    leaf = roll.leaves[index]
    return batch, index, account or leaf.account, leaf.person, list(roll.proof(index))


def known_of(config: Any) -> tuple[bytes, int, tuple[int, int, int]]:
    """What the registry says of a configuration, as `Actors.agree` takes it: digest, weights version and weights."""
    general, intelligent, super_ = map(int, config.weightsX16)
    return bytes(config.digest), int(config.weightsVersion), (general, intelligent, super_)


class Actors(Generic[Reply]):
    """The verbs. `oracles` sign reports by their numbers, `reading_keys` sign readings by facility number."""

    def __init__(
        self,
        send: Send[Reply],
        addresses: Mapping[str, str],
        chain_id: int,
        oracles: Sequence[Person],
        reading_keys: Sequence[Person],
    ) -> None:
        self.send = send
        self.oracles = oracles
        self.reading_keys = reading_keys
        self.token_domain = token_domain(chain_id, addresses["token"])  # type: ignore[arg-type]
        self.exchange_domain = exchange_domain(chain_id, addresses["exchange"])  # type: ignore[arg-type]
        self.citizens_domain = citizens_domain(chain_id, addresses["citizens"])  # type: ignore[arg-type]
        self.registry_domain = registry_domain(chain_id, addresses["oracles"])  # type: ignore[arg-type]
        self.bonds_domain = bonds_domain(chain_id, addresses["bonds"])  # type: ignore[arg-type]
        self.addresses = addresses

    # The roll

    def enrol(self, registrar: Person, roll: Batch, region: int) -> Reply:
        return self.send(registrar, "citizens", "enrol", roll.root, roll.size, region)

    def activate(self, sender: Person, batch: int, roll: Batch, index: int) -> Reply:
        return self.send(sender, "citizens", "activate", *proven(batch, roll, index))

    def activate_and_pay(self, sender: Person, batch: int, roll: Batch, index: int, payment: Payment) -> Reply:
        return self.send(sender, "citizens", "activateAndPay", *proven(batch, roll, index), payment.as_argument())

    def choice(self, citizen: Person, batch: int, index: int) -> tuple[LeafChoice, bytes]:
        """What an account signs to settle on one of its leaves."""
        message = LeafChoice(batch, index, citizen.key.address)
        return message, message.sign(citizen.key, self.citizens_domain).to_bytes()

    def choose_leaf(
        self, sender: Person, batch: int, roll: Batch, index: int, signature: bytes, account: str | None = None
    ) -> Reply:
        """`account` where another than the leaf's own lives on it. The account itself needs no signature."""
        return self.send(sender, "citizens", "chooseLeaf", *proven(batch, roll, index, account), signature)

    def void_leaf(self, sender: Person, batch: int, roll: Batch, index: int) -> Reply:
        return self.send(sender, "citizens", "voidLeaf", *proven(batch, roll, index))

    # Retirement and recovery

    def start_retirement(self, registrar: Person, batch: int, index: int) -> Reply:
        return self.send(registrar, "citizens", "startRetirement", batch, index)

    def succession(self, successor: Person, batch: int, index: int, previous: str) -> tuple[Succession, bytes]:
        """What an account signs that takes over a share."""
        message = Succession(batch, index, previous, successor.key.address)  # type: ignore[arg-type]
        return message, message.sign(successor.key, self.citizens_domain).to_bytes()

    def start_recovery(
        self, registrar: Person, batch: int, index: int, previous: str, successor: str, signature: bytes
    ) -> Reply:
        return self.send(registrar, "citizens", "startRecovery", batch, index, previous, successor, signature)

    def objection(self, citizen: Person, batch: int, index: int, due_at: int) -> tuple[Objection, bytes]:
        """What a citizen signs against the act that is due then."""
        message = Objection(batch, index, due_at)
        return message, message.sign(citizen.key, self.citizens_domain).to_bytes()

    def object_to(self, sender: Person, batch: int, index: int, account: str, signature: bytes) -> Reply:
        return self.send(sender, "citizens", "objectTo", batch, index, account, signature)

    def withdraw_act(self, registrar: Person, batch: int, index: int) -> Reply:
        return self.send(registrar, "citizens", "withdrawAct", batch, index)

    def retire(self, sender: Person, batch: int, index: int, account: str) -> Reply:
        return self.send(sender, "citizens", "retire", batch, index, account)

    def retire_by_proof(self, sender: Person, batch: int, roll: Batch, index: int) -> Reply:
        return self.send(sender, "citizens", "retireByProof", *proven(batch, roll, index))

    def recover(self, sender: Person, batch: int, index: int, previous: str) -> Reply:
        return self.send(sender, "citizens", "recover", batch, index, previous)

    # Output and income

    def agree(
        self,
        epoch: int,
        raws: Sequence[tuple[int, int, int]],
        config: tuple[bytes, int, tuple[int, int, int]],
        public_shares_bps: Sequence[int],
        view: int = 0,
    ) -> Told:
        """The report of these raw outputs. `config` is the epoch's digest, weights version and weights."""
        digest, weights_version, weights_x16 = config
        entries = []
        for facility, raw in enumerate(raws):
            reading = Reading(facility, epoch, *raw, bytes(32))
            entries.append(Entry(*raw, reading.digest(self.registry_domain)))
        tree = tree_of(entries, weights_x16, public_shares_bps)
        sums = tree.sums
        report = Report(digest, epoch, view, weights_version, tree.count, tree.root, *sums.lanes)
        return Told(report, tree)

    def co_sign(self, told: Told, signers: Iterable[int]) -> bytes:
        """The signatures of these oracles, as they travel."""
        return pack_signatures({n: told.report.sign(self.oracles[n].key, self.registry_domain) for n in signers})

    def consent(self, signer: LocalAccount, owner: str) -> bytes:
        """A signer's consent to who puts up its bond."""
        return Bond(signer.address, owner).sign(signer, self.bonds_domain).to_bytes()  # type: ignore[arg-type]

    def report(self, sender: Person, told: Told, signatures: bytes) -> Reply:
        return self.send(sender, "oracles", "submitReport", told.as_argument(), signatures)

    def distribute(self, sender: Person) -> Reply:
        return self.send(sender, "vault", "distribute")

    # Money

    def pay(self, payer: Person, payee: str, amount: int) -> Reply:
        return self.send(payer, "token", "transfer", payee, amount)

    def approve(self, owner: Person, spender: str, amount: int) -> Reply:
        return self.send(owner, "token", "approve", spender, amount)

    def pay_for(self, spender: Person, owner: str, payee: str, amount: int) -> Reply:
        return self.send(spender, "token", "transferFrom", owner, payee, amount)

    def recycle(self, holder: Person, amount: int) -> Reply:
        return self.send(holder, "token", "recycle", amount)

    def recirculate(self, holder: Person, amount: int) -> Reply:
        return self.send(holder, "token", "recirculate", amount)

    def permit(self, owner: Person, spender: str, value: int, nonce: int, deadline: int) -> tuple[Permit, bytes]:
        """A permit, signed and not yet sent."""
        message = Permit(owner.key.address, spender, value, nonce, deadline)  # type: ignore[arg-type]
        return message, message.sign(owner.key, self.token_domain).to_bytes()

    def file_permit(self, relayer: Person, permit: Permit, signature: bytes, standard: bool = True) -> Reply:
        """Sends a permit; `standard` as ERC-2612 has it, otherwise with the signature in one piece."""
        proof = split(signature) if standard else (signature,)
        return self.send(
            relayer, "token", "permit", permit.owner, permit.spender, permit.value, permit.deadline, *proof
        )

    def promise(
        self,
        payer: Person,
        payee: str,
        amount: int,
        nonce: bytes,
        after: int = 0,
        before: int = END_OF_TIME,
        signer: Person | None = None,
    ) -> Payment:
        """A payment, signed and not yet sent. Another `signer` forges it."""
        message = TransferWithAuthorization(payer.key.address, payee, amount, after, before, nonce)  # type: ignore[arg-type]
        return Payment(message, message.sign((signer or payer).key, self.token_domain).to_bytes())

    def promise_to(self, payer: Person, payee: str, amount: int, nonce: bytes) -> Payment:
        """A payment that its payee alone can collect."""
        message = ReceiveWithAuthorization(payer.key.address, payee, amount, 0, END_OF_TIME, nonce)  # type: ignore[arg-type]
        return Payment(message, message.sign(payer.key, self.token_domain).to_bytes())

    def relay(self, relayer: Person, payment: Payment, standard: bool = True) -> Reply:
        arguments = payment.as_arguments() if standard else (payment.as_argument(),)
        return self.send(relayer, "token", "transferWithAuthorization", *arguments)

    def relay_all(self, relayer: Person, payments: Sequence[Payment]) -> Reply:
        return self.send(
            relayer, "token", "transferWithAuthorizations", [payment.as_argument() for payment in payments]
        )

    def collect(self, payee: Person, payment: Payment, standard: bool = True) -> Reply:
        arguments = payment.as_arguments() if standard else (payment.as_argument(),)
        return self.send(payee, "token", "receiveWithAuthorization", *arguments)

    def cancel(self, relayer: Person, signer: Person, nonce: bytes, standard: bool = True) -> Reply:
        message = CancelAuthorization(signer.key.address, nonce)
        signature = message.sign(signer.key, self.token_domain).to_bytes()
        proof = split(signature) if standard else (signature,)
        return self.send(relayer, "token", "cancelAuthorization", signer.address, nonce, *proof)

    # Computing

    def offer(self, operator: Person, facility: int, compute_class: int, epoch: int, units: int) -> Reply:
        return self.send(operator, "exchange", "offer", facility, compute_class, epoch, units)

    def buy(self, buyer: Person, place: tuple[int, int, int], units: int, most: int) -> Reply:
        return self.send(buyer, "exchange", "buy", *place, units, most)

    def buy_signed(
        self, relayer: Person, place: tuple[int, int, int], units: int, salt: bytes, payment: Payment
    ) -> Reply:
        return self.send(relayer, "exchange", "buyWithAuthorization", *place, units, salt, payment.as_argument())

    def receipt(self, holder: Person, voucher: int, hands: int, delivered: int) -> tuple[Receipt, bytes]:
        """What a holder signs for deliveries so far, after the voucher went through so many hands."""
        message = Receipt(voucher, holder.key.address, hands, delivered)
        return message, message.sign(holder.key, self.exchange_domain).to_bytes()

    def deliver(self, sender: Person, voucher: int, delivered: int, signature: bytes) -> Reply:
        return self.send(sender, "exchange", "settle", voucher, delivered, signature)

    def hand_over(self, sender: Person, holder: str, to: str, voucher: int) -> Reply:
        return self.send(sender, "exchange", "transferFrom", holder, to, voucher)

    def refund(self, sender: Person, voucher: int) -> Reply:
        return self.send(sender, "exchange", "refund", voucher)

    # Offices

    def schedule(self, proposer: Person, role: str, data: bytes, delay: int, salt: bytes = bytes(32)) -> Reply:
        """Has the timelock schedule a call to one of the suite's contracts."""
        return self.send(proposer, "timelock", "schedule", self.addresses[role], 0, data, bytes(32), salt, delay)

    def execute(self, executor: Person, role: str, data: bytes, salt: bytes = bytes(32)) -> Reply:
        return self.send(executor, "timelock", "execute", self.addresses[role], 0, data, bytes(32), salt)


def altered(payment: Payment, signature: bytes) -> Payment:
    """The same payment under other signature bytes."""
    return replace(payment, signature=signature)
