"""The loop as people live it: verbs of the demo on the deployed suite. Each returns what the chain then says."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from ape import accounts, chain
from scripts._demo.network import HOST, Ports
from scripts._demo.processes import DemoError
from scripts._demo.roles import (
    CHEAT,
    CITIZENS,
    DEPLOYER,
    OPERATORS,
    READING_KEYS,
    REGISTRAR,
    Person,
    citizen,
    development_account,
)
from web3.exceptions import ContractCustomError

from sbi_network.chain.refusal import decoded_revert
from sbi_network.protocol.agreement import NO_ENTRY, Entry, tree_of
from sbi_network.protocol.json_form import Signed, decode_signed
from sbi_network.protocol.messages import (
    Reading,
    Receipt,
    ReceiveWithAuthorization,
    TransferWithAuthorization,
    exchange_domain,
    registry_domain,
    token_domain,
)
from sbi_network.protocol.units import ComputeClass
from sbi_network.roll import Batch, CitizenLeaf, build_batch

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from scripts._deploy import Suite

REGION = 1
FOREVER = 2**48
FACILITY = 0
GENERAL = int(ComputeClass.GENERAL)

_JOB_SHAPE = (1_200, 1_250, 1_200)
"""2 × 1,200 × 1,250 × 1,200 = 3.6e9 operations: exactly one nGAICPh of raw general output."""


@dataclass(frozen=True)
class Dividend:
    """One epoch's figures, as the chain has them."""

    epoch: int
    signers: tuple[int, ...]
    output: int
    entitlement: int
    issued: int
    dividend: int
    reserve: int


@dataclass(frozen=True)
class Purchase:
    voucher: int
    units: int
    price: int


@dataclass(frozen=True)
class Slashing:
    """A wrong entry that was shown on chain, and the bond it cost, wei."""

    epoch: int
    row: int
    column: int
    computed: int
    amount: int


class Loop:
    """A deployed suite, a relayer with ether, and citizens without."""

    def __init__(self, suite: Suite, ports: Ports) -> None:
        self.suite = suite
        self.ports = ports
        self.relayer: AccountAPI = accounts.test_accounts[DEPLOYER]
        self._token_domain = token_domain(chain.chain_id, suite.token.address)
        self._exchange_domain = exchange_domain(chain.chain_id, suite.exchange.address)
        self.roll: Batch = build_batch(
            CitizenLeaf(i, citizen(i).key.address, citizen(i).commitment) for i in range(CITIZENS)
        )

    def enrol(self) -> None:
        """The whole roll in one transaction of the registrar."""
        registrar = accounts.test_accounts[REGISTRAR]
        self.suite.citizens.enrol(self.roll.root, self.roll.size, REGION, sender=registrar)

    def activate(self, person: Person) -> None:
        """By proof, sent by the relayer: the citizen has no ether."""
        leaf = self.roll.leaves[person.number]
        proof = list(self.roll.proof(leaf.index))
        self.suite.citizens.activate(0, leaf.index, leaf.account, leaf.person, proof, sender=self.relayer)

    def refused_activation(self, number: int) -> str | None:
        """The error by which the chain refuses to activate a citizen now; None if it would not. Sends nothing."""
        leaf = self.roll.leaves[number]
        data = self.suite.citizens.activate.encode_input(
            0, leaf.index, leaf.account, leaf.person, list(self.roll.proof(leaf.index))
        )
        try:
            chain.provider.web3.eth.call({"to": self.suite.citizens.address, "data": data})
        except ContractCustomError as refusal:
            decoded = decoded_revert(refusal.data)
            return decoded.name if decoded else str(refusal)
        return None

    def reading(self, facility: int, epoch: int) -> dict[str, Any]:
        """What a facility's meter serves for an epoch."""
        answer = httpx.get(f"http://{HOST}:{self.ports.meters[facility]}/v1/readings/{epoch}", timeout=5)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def counted(self, epoch: int) -> list[Signed[Reading] | None]:
        """The reading of each facility that an epoch's report counts, None for one that it counts as nothing: those
        over which the tree has the very commitment that the chain keeps. Raises DemoError where there are none such."""
        oracles = self.suite.oracles
        domain = registry_domain(chain.chain_id, oracles.address)
        served = [self._served(facility, epoch) for facility in range(len(self.ports.meters))]
        shares = [self.public_share_bps(facility, epoch) for facility in range(len(served))]
        commitment = bytes(oracles.recordOf(epoch).commitment)
        for chosen in product((True, False), repeat=len(served)):
            taken = [each if kept else None for each, kept in zip(served, chosen, strict=True)]
            entries = [Entry(*s.message.raw, s.message.digest(domain)) if s else NO_ENTRY for s in taken]
            if tree_of(entries, self.weights(epoch), shares).commitment == commitment:
                return taken
        raise DemoError(f"epoch {epoch}: the report is not over the readings that the meters serve")

    def counts_nothing(self, epoch: int) -> list[int]:
        """The facilities that an epoch's report counts as nothing: refused, or with a reading that claims nothing."""
        taken = enumerate(self.counted(epoch))
        return [number for number, signed in taken if signed is None or not any(signed.message.raw)]

    def _served(self, facility: int, epoch: int) -> Signed[Reading] | None:
        try:
            return decode_signed(Reading, json.dumps(self.reading(facility, epoch)))
        except httpx.HTTPStatusError:
            return None

    def finding(self, facility: int, epoch: int) -> dict[str, Any] | None:
        """What an oracle publishes of a facility's proofs; None where none that runs has any."""
        for port in self.ports.oracles:
            try:
                answer = httpx.get(f"http://{HOST}:{port}/v1/audits/{epoch}/{facility}", timeout=5)
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.OK:
                found: dict[str, Any] = answer.json()
                return found
        return None

    def slashing(self) -> Slashing | None:
        """How the facility that cheats lost its bond, once it has."""
        products, bonds = self.suite.products, self.suite.bonds
        key = development_account(READING_KEYS[CHEAT]).address
        if not bonds.isSlashed(key):
            return None
        shown = self.suite.logs(products.ProductDisproved)[0]
        taken = self.suite.logs(bonds.SignerSlashed)[0]
        return Slashing(int(shown.epoch), int(shown.row), int(shown.column), int(shown.computed), int(taken.amount))

    def weights(self, epoch: int) -> tuple[int, int, int]:
        """Weights by class at an epoch, in sixteenths, as plain integers."""
        general, intelligent, superclass = self.suite.oracles.weightsAt(epoch)
        return int(general), int(intelligent), int(superclass)

    def public_share_bps(self, facility: int, epoch: int) -> int:
        """A facility's public share at an epoch, in basis points."""
        return int(self.suite.oracles.facilityTermsAt(facility, epoch).publicShareBps)

    def distribute(self) -> Dividend | None:
        """What anyone may do once an epoch is final. None if the epochs dealt with brought no dividend."""
        receipt = self.suite.vault.distribute(sender=self.relayer)
        for log in receipt.decode_logs(self.suite.vault.DividendDistributed):
            signers = self.suite.oracles.recordOf(log.epoch).signers
            return Dividend(
                log.epoch,
                tuple(i for i in range(signers.bit_length()) if signers >> i & 1),
                log.publicOutput,
                log.entitlement,
                log.issued,
                log.dividend,
                log.reserve,
            )
        return None

    def pay(self, payer: Person, payee: Person, amount: int) -> int:
        """A payment signed by a citizen (ERC-3009) and sent by the relayer. Returns the gas it took."""
        message = TransferWithAuthorization(
            payer.key.address, payee.key.address, amount, 0, FOREVER, secrets.token_bytes(32)
        )
        signature = message.sign(payer.key, self._token_domain)
        values = tuple(message.to_typed_data(self._token_domain)["message"].values())
        receipt = self.suite.token.transferWithAuthorization((*values, signature.to_bytes()), sender=self.relayer)
        return int(receipt.gas_used)

    def offer(self, epoch: int, units: int) -> None:
        """The facility's operator offers general computing."""
        operator = accounts.test_accounts[OPERATORS[FACILITY]]
        self.suite.exchange.offer(FACILITY, GENERAL, epoch, units, sender=operator)

    def buy(self, buyer: Person, epoch: int, units: int) -> Purchase:
        """Computing bought by signature; the nonce binds the payment to this purchase."""
        exchange = self.suite.exchange
        price = int(exchange.priceOf(GENERAL, units))
        salt = secrets.token_bytes(32)
        nonce = bytes(exchange.purchaseNonce(FACILITY, GENERAL, epoch, units, salt))
        message = ReceiveWithAuthorization(buyer.key.address, exchange.address, price, 0, FOREVER, nonce)
        signature = message.sign(buyer.key, self._token_domain)
        payment = (*message.to_typed_data(self._token_domain)["message"].values(), signature.to_bytes())
        receipt = exchange.buyWithAuthorization(FACILITY, GENERAL, epoch, units, salt, payment, sender=self.relayer)
        voucher = next(iter(receipt.decode_logs(exchange.ComputeBought))).voucher
        return Purchase(int(voucher), units, price)

    def deliver(self, buyer: Person, purchase: Purchase) -> dict[str, int]:
        """The facility does the work, the buyer signs for it, the operator settles. Returns the split in wei."""
        m, k, n = _JOB_SHAPE
        left, right = np.ones((m, k), dtype=np.float32), np.ones((k, n), dtype=np.float32)
        for _ in range(purchase.units):
            product = left @ right
            if product[0, 0] != k:
                raise ArithmeticError(f"the job's product is {product[0, 0]}, expected {k}")
        exchange = self.suite.exchange
        transfers = int(exchange.voucherOf(purchase.voucher).transferCount)
        receipt = Receipt(purchase.voucher, buyer.key.address, transfers, purchase.units)
        signature = receipt.sign(buyer.key, self._exchange_domain)
        operator = accounts.test_accounts[OPERATORS[FACILITY]]
        settled = exchange.settle(purchase.voucher, purchase.units, signature.to_bytes(), sender=operator)
        log = next(iter(settled.decode_logs(exchange.ComputeDelivered)))
        return {"fee": log.fee, "recirculated": log.recirculated, "recycled": log.recycled}
