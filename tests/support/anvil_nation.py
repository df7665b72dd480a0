"""A small nation on Anvil that lives by chance: who explores the chain sees every kind of event, in any order.

Not a model of the contracts: an act that they refuse is passed over. What happened is for the reader of events to say.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception

from sbi_network.chain.connection import connected
from sbi_network.chain.registry import Registry
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.json_form import Signed, encode_signed
from sbi_network.protocol.messages import Reading
from sbi_network.roll import Batch
from tests.integration.shadow import anvil, deploy, make_shadow
from tests.support.actors import Actors, Person, Told, roll_of

MNEMONIC: Final = "test test test test test test test test test test test junk"
DEPLOYER, ORACLES, REGISTRAR, OPERATORS, READING_KEYS = 0, (1, 2, 3, 4), 5, (6, 8), (7, 9)
"""Development accounts by role, as the recipe `local` names them."""

PEOPLE: Final = tuple(range(10, 20))
ACCOUNTS: Final = 20
REGION: Final = 1
DISPUTE_SECONDS: Final = 2
QUORUM: Final = 3
_MOST_WAITS: Final = 20
_QUIET: Final = ((1, 0, 0), (1, 0, 0))
"""What epochs are reported with that nobody was there to see: no jump, whatever the peak."""


def development_account(number: int) -> LocalAccount:
    """Account `number` of the mnemonic that Anvil has."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return account


def person(number: int) -> Person:
    """A person who sends through Anvil, which holds the key: there is no account of Ape's behind."""
    return Person(cast("Any", None), development_account(number))


@dataclass
class Nation:
    """A deployed suite, and people with keys that Anvil holds."""

    rpc_url: str
    record: Path
    chance: random.Random

    def __post_init__(self) -> None:
        told = json.loads(self.record.read_text())
        self.chain_id: int = told["chain_id"]
        self.genesis: int = told["genesis"]
        self.addresses: dict[str, str] = {role: entry["address"] for role, entry in told["contracts"].items()}
        self._contracts = {role: entry["contract"] for role, entry in told["contracts"].items()}
        self.web3 = Web3(HTTPProvider(self.rpc_url))
        self.deployer, self.registrar = person(DEPLOYER), person(REGISTRAR)
        self.people = [person(number) for number in PEOPLE]
        oracles, keys = [person(n) for n in ORACLES], [person(n) for n in READING_KEYS]
        self.actors: Actors[Any] = Actors(self.send, self.addresses, self.chain_id, oracles, keys)
        self.rolls: dict[int, Batch] = {}
        self.readings: dict[tuple[int, int], str] = {}

    def contract(self, role: str) -> Any:
        """A contract of the suite, as web3 has it."""
        abi = cast("Sequence[Any]", load_abi(self._contracts[role]))
        return self.web3.eth.contract(self.addresses[role], abi=abi)  # type: ignore[call-overload]

    def send(self, sender: Person, role: str, function: str, *arguments: Any, value: int = 0) -> Any:
        """One transaction, mined. Raises Web3Exception or ValueError where the contract refuses."""
        call = self.contract(role).functions[function](*arguments)
        sent = call.transact({"from": sender.address, "value": value})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        if receipt["status"] != 1:  # what it would have held for was over by the time it was mined
            raise ValueError(f"{role}.{function} failed")
        return receipt

    def rpc(self, method: str, *params: Any) -> Any:
        """What a development node alone can do."""
        answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    @property
    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def warp(self, seconds: int) -> None:
        """Let time pass, in one block."""
        self.rpc("evm_setNextBlockTimestamp", self.now + seconds)
        self.rpc("evm_mine")

    @cached_property
    def epoch_length(self) -> int:
        return int(self.contract("vault").functions.epochLength().call())

    def bond_oracles(self, oracles: Sequence[Person] = ()) -> None:
        """Without their bonds no signature counts."""
        amount = self.contract("bonds").functions.requiredBond().call()
        for oracle in oracles or self.actors.oracles:
            consent = self.actors.consent(oracle.key, self.deployer.address)
            self.send(self.deployer, "bonds", "bond", oracle.address, consent, value=amount)

    def enrol(self, accounts: Sequence[str] | None = None) -> None:
        """A batch of these accounts, or of some people and some strangers."""
        strangers = [Account.from_key(self.chance.randbytes(32)).address for _ in range(2)]
        chosen = [each.address for each in self.chance.sample(self.people, 3)] + strangers
        roll = roll_of(accounts or chosen, salt=self.chance.randbytes(4).hex())
        batch = int(self.contract("citizens").functions.batchCount().call())
        self.actors.enrol(self.registrar, roll, REGION)
        self.rolls[batch] = roll

    def activate(self) -> None:
        batch, index = self._leaf()
        self.actors.activate(self.deployer, batch, self.rolls[batch], index)

    def void(self) -> None:
        batch, index = self._leaf()
        self.actors.void_leaf(self.deployer, batch, self.rolls[batch], index)

    def choose(self) -> None:
        batch, index = self._leaf()
        account = self.rolls[batch].leaves[index].account
        citizen = next(each for each in self.people if each.address == account)
        _, signature = self.actors.choice(citizen, batch, index)
        self.actors.choose_leaf(self.deployer, batch, self.rolls[batch], index, signature)

    def retire(self) -> None:
        batch, index = self._held_leaf() if self.chance.random() < 0.6 else self._leaf()
        self.actors.start_retirement(self.registrar, batch, index)
        if self.chance.random() < 0.3:
            self._object(batch, index)
        self.warp(61)
        account = self.rolls[batch].leaves[index].account
        if self.chance.random() < 0.5:
            self.actors.retire(self.deployer, batch, index, account)
        else:
            self.actors.retire_by_proof(self.deployer, batch, self.rolls[batch], index)

    def recover(self) -> None:
        batch, index = self._held_leaf()
        previous = self.rolls[batch].leaves[index].account
        successor = Person(cast("Any", None), Account.from_key(self.chance.randbytes(32)))
        _, signature = self.actors.succession(successor, batch, index, previous)
        self.actors.start_recovery(self.registrar, batch, index, previous, successor.address, signature)
        if self.chance.random() < 0.2:
            self.actors.withdraw_act(self.registrar, batch, index)
        self.warp(61)
        self.actors.recover(self.deployer, batch, index, previous)

    def lives(self) -> None:
        """Three new citizens: one retires, one is recovered, one objects and stays; the first leaf comes twice."""
        keys = [Person(cast("Any", None), Account.from_key(self.chance.randbytes(32))) for _ in range(3)]
        self.enrol([each.address for each in keys])
        self._see_a_dividend()
        self.enrol([each.address for each in keys])
        second = max(self.rolls)
        first = second - 1
        self.actors.activate(self.deployer, second, self.rolls[second], 0)
        self.actors.activate(self.deployer, first, self.rolls[first], 0)
        for index in (1, 2):
            self.actors.activate(self.deployer, first, self.rolls[first], index)
        self.actors.start_retirement(self.registrar, first, 0)
        successor = Person(cast("Any", None), Account.from_key(self.chance.randbytes(32)))
        _, consent = self.actors.succession(successor, first, 1, keys[1].address)
        self.actors.start_recovery(self.registrar, first, 1, keys[1].address, successor.address, consent)
        self.actors.start_retirement(self.registrar, first, 2)
        due = self.contract("citizens").functions.actOf(first, 2).call()[1]
        _, objection = self.actors.objection(keys[2], first, 2, due)
        self.actors.object_to(self.deployer, first, 2, keys[2].address, objection)
        self.actors.start_retirement(self.registrar, first, 2)
        self.actors.withdraw_act(self.registrar, first, 2)
        self.warp(61)
        self.actors.retire(self.deployer, first, 0, keys[0].address)
        self.actors.recover(self.deployer, first, 1, keys[1].address)
        self.actors.void_leaf(self.deployer, second, self.rolls[second], 1)

    def _see_a_dividend(self) -> None:
        """Live on until everybody has received something, if there still is a quorum of oracles for it."""
        index = self.contract("vault").functions.dividendIndex
        before = index().call()
        for _ in range(12):
            if index().call() != before:
                return
            with suppress(Web3Exception, ValueError):
                self.end_epoch_reported()

    def _object(self, batch: int, index: int) -> None:
        account = self.rolls[batch].leaves[index].account
        citizen = next(each for each in self.people if each.address == account)
        due = self.contract("citizens").functions.actOf(batch, index).call()[1]
        _, signature = self.actors.objection(citizen, batch, index, due)
        self.actors.object_to(self.deployer, batch, index, account, signature)

    def live_epoch(self) -> None:
        """To the end of an epoch, its report, and the dividend."""
        end = self.genesis + (max(0, self.now - self.genesis) // self.epoch_length + 1) * self.epoch_length
        self.warp(max(1, end - self.now))
        epoch = (self.now - self.genesis) // self.epoch_length - 1
        if self.chance.random() < 0.8:
            self.report(epoch)
        self.warp(DISPUTE_SECONDS + 2 if self.chance.random() < 0.9 else 70)
        self.actors.distribute(self.deployer)

    def end_epoch_reported(
        self, *, raws: Sequence[tuple[int, int, int]] = (), signers: Sequence[int] = (), distributing: bool = True
    ) -> tuple[int, Told]:
        """To the end of an epoch, which is reported and, if wanted, brings its dividend, and those before it theirs."""
        vault = self.contract("vault").functions
        epoch = max(0, self.now - self.genesis) // self.epoch_length
        self.warp(max(1, self.genesis + (epoch + 1) * self.epoch_length - self.now))
        for earlier in range(vault.nextEpoch().call(), epoch):
            with suppress(Web3Exception, ValueError):  # reported already, or too late to be
                self.report(earlier, demanded=False, raws=_QUIET, signers=signers)
        told = self.report(epoch, demanded=False, raws=raws, signers=signers)
        if distributing:
            self.warp(DISPUTE_SECONDS + 2)
            for _ in range(_MOST_WAITS):
                if vault.nextEpoch().call() > epoch:
                    break
                with suppress(Web3Exception, ValueError):  # held, or without a report and not skipped yet
                    self.actors.distribute(self.deployer)
                    continue
                self.warp(self.epoch_length)
        return epoch, told

    def agreed(self, epoch: int, raws: Sequence[tuple[int, int, int]]) -> Told:
        """The report of these raw outputs, whose readings facilities sign."""

        async def terms() -> tuple[Any, list[int]]:
            async with connected(self.rpc_url) as chain:
                registry = Registry(chain, self.addresses["oracles"])  # type: ignore[arg-type]
                shares = [(await registry.facility_terms(n, epoch)).public_share_bps for n in range(2)]
                return await registry.config_at(epoch), shares

        config, shares = asyncio.run(terms())
        for facility, raw in enumerate(raws):
            reading = Reading(facility, epoch, *raw, bytes(32))
            signature = reading.sign(self.actors.reading_keys[facility].key, self.actors.registry_domain)
            self.readings[facility, epoch] = encode_signed(Signed(reading, signature))
        return self.actors.agree(epoch, raws, (config.digest, config.weights_version, config.weights_x16), shares)

    def report(
        self,
        epoch: int,
        *,
        demanded: bool = True,
        raws: Sequence[tuple[int, int, int]] = (),
        signers: Sequence[int] = (),
    ) -> Told:
        """By a random quorum, of random outputs, unless told; somebody may demand to see a leaf of it."""
        drawn = self.chance.randrange
        made = ((drawn(10**6), 0, 0), (drawn(10**6), drawn(10**6), drawn(10**6)))
        told = self.agreed(epoch, raws or made)
        chosen = signers or self.chance.sample(range(len(ORACLES)), QUORUM)
        self.actors.report(self.deployer, told, self.actors.co_sign(told, sorted(chosen)))
        if demanded and self.chance.random() < 0.3:
            self.demand(epoch, told, self.chance.randrange(told.tree.count), shown=self.chance.random() < 0.95)
        return told

    def demand(self, epoch: int, told: Told, facility: int, *, shown: bool) -> None:
        """A leaf is demanded, and shown, or not: then the report is void and its signers are slashed."""
        place, leaf = (epoch, 0, facility), told.tree.leaves[facility]
        bond = self.contract("disputes").functions.bondOfDemand(epoch).call()
        top = (told.tree.top.hash, int.from_bytes(told.tree.top.sums))
        self.send(self.deployer, "disputes", "demand", place, told.tree.count, top, value=bond)
        if shown:
            preimage = b"\0" + facility.to_bytes(4) + leaf.sums.pack() + leaf.reading_digest
            siblings = [(node.hash, int.from_bytes(node.sums)) for node in told.tree.proof(facility)]
            node = (leaf.node().hash, int.from_bytes(leaf.node().sums))
            self.send(self.deployer, "disputes", "reveal", place, (node, preimage, told.tree.count, siblings))
        else:
            self.warp(11)
            self.send(self.deployer, "disputes", "lapse", place)

    def pay(self) -> None:
        payer, payee = self.chance.sample(self.people, 2)
        self.actors.pay(payer, payee.address, self._part(payer))

    def pay_signed(self) -> None:
        payer, payee = self.chance.sample(self.people, 2)
        promises = [
            self.actors.promise(payer, payee.address, self._part(payer) // 3, self.chance.randbytes(32))
            for _ in range(self.chance.randrange(1, 4))
        ]
        self.actors.relay_all(self.deployer, promises)

    def recycle(self) -> None:
        holder = self.chance.choice(self.people)
        verb = self.actors.recycle if self.chance.random() < 0.5 else self.actors.recirculate
        verb(holder, self._part(holder))

    def offer(self) -> None:
        facility = self.chance.randrange(2)
        epoch = int(self.contract("vault").functions.currentEpoch().call()) + self.chance.randrange(2)
        units = self.chance.randrange(1, 1_000_000)
        self.actors.offer(person(OPERATORS[facility]), facility, 0, epoch, units)

    def buy(self) -> None:
        buyer = self.chance.choice(self.people)
        epoch = int(self.contract("vault").functions.currentEpoch().call())
        exchange = self.contract("exchange").functions
        place = (self.chance.randrange(2), 0, epoch)
        if exchange.offerOf(*place).call()[0] == 0:
            self.actors.offer(person(OPERATORS[place[0]]), *place, 1_000_000)
        units = max(1, self._part(buyer) // exchange.priceOf(0, 1).call())
        price = exchange.priceOf(0, units).call()
        salt = self.chance.randbytes(32)
        nonce = bytes(exchange.purchaseNonce(*place, units, salt).call())
        payment = self.actors.promise_to(buyer, self.addresses["exchange"], price, nonce)
        self.actors.buy_signed(self.deployer, place, units, salt, payment)

    def deliver(self) -> None:
        voucher, holder = self._voucher()
        bought = self.contract("exchange").functions.voucherOf(voucher).call()
        delivered = self.chance.randrange(bought[1], bought[0]) + 1
        _, signature = self.actors.receipt(holder, voucher, bought[-1], delivered)
        self.actors.deliver(person(OPERATORS[0]), voucher, delivered, signature)

    def hand_over(self) -> None:
        voucher, holder = self._voucher()
        self.actors.hand_over(holder, holder.address, self.chance.choice(self.people).address, voucher)

    def refund(self) -> None:
        voucher, _ = self._voucher()
        if self.chance.random() < 0.3:
            self.warp(700)
        self.actors.refund(self.deployer, voucher)

    def bond(self) -> None:
        """An oracle without standing, or one whose bond is doubled."""
        oracle = self.chance.choice(self.actors.oracles)
        if self.chance.random() < 0.1:
            self.send(self.deployer, "bonds", "unbond", oracle.address)
        else:
            self.send(self.deployer, "bonds", "bond", oracle.address, b"", value=10**18)

    def schedule(self) -> None:
        """A change of governance's: another share of purchases, or other terms of a facility."""
        if self.chance.random() < 0.5:
            fees = [self.chance.randrange(3_000), self.chance.randrange(3_000)]
            data = bytes.fromhex(self.contract("exchange").encode_abi("setShares", fees)[2:])
            role = "exchange"
        else:
            epoch = int(self.contract("vault").functions.currentEpoch().call()) + self.chance.randrange(4, 9)
            terms = [self.chance.randrange(2), [10**6, 10**6, 10**6], self.chance.randrange(10_001), True, epoch]
            data = bytes.fromhex(self.contract("oracles").encode_abi("scheduleFacilityTerms", terms)[2:])
            role = "oracles"
        salt = self.chance.randbytes(32)
        self.actors.schedule(self.deployer, role, data, 10, salt)
        if self.chance.random() < 0.7:
            self.warp(11)
            self.actors.execute(self.deployer, role, data, salt)

    def _leaf(self) -> tuple[int, int]:
        batch = self.chance.choice(sorted(self.rolls))
        return batch, self.chance.randrange(self.rolls[batch].size)

    def _held_leaf(self) -> tuple[int, int]:
        """The leaf of somebody who is active, and of whose roll we know."""
        holder = self.chance.choice(self.people)
        since, _, batch, leaf, *_ = self.contract("citizens").functions.citizenOf(holder.address).call()
        if not since:
            raise ValueError(f"{holder} is not active")
        return batch, leaf

    def _voucher(self) -> tuple[int, Person]:
        exchange = self.contract("exchange").functions
        voucher = self.chance.randrange(exchange.voucherCount().call())
        owner = exchange.ownerOf(voucher).call()
        return voucher, next(each for each in self.people if each.address == owner)

    def _part(self, holder: Person) -> int:
        balance = int(self.contract("token").functions.balanceOf(holder.address).call())
        return self.chance.choice((balance, balance // 2, balance // 7, 0))

    def live(self, acts: int) -> int:
        """So many acts by chance. Returns how many the contracts took."""
        verbs: list[tuple[Callable[[], None], int]] = [
            (self.live_epoch, 5),
            (self.activate, 4),
            (self.pay, 4),
            (self.pay_signed, 3),
            (self.recycle, 2),
            (self.offer, 2),
            (self.buy, 3),
            (self.deliver, 3),
            (self.hand_over, 1),
            (self.refund, 1),
            (self.enrol, 1),
            (self.void, 1),
            (self.choose, 1),
            (self.retire, 1),
            (self.recover, 1),
            (self.bond, 1),
            (self.schedule, 1),
        ]
        taken = 0
        for verb in self.chance.choices([verb for verb, _ in verbs], [weight for _, weight in verbs], k=acts):
            try:
                verb()
            except (Web3Exception, ValueError, StopIteration, IndexError):
                continue
            taken += 1
        return taken


@contextmanager
def deployed_nation(folder: Path, seed: int) -> Iterator[Nation]:
    """The suite on an Anvil of its own, its oracles bonded."""
    shadow = make_shadow(folder / "project")
    with anvil(shadow, "--accounts", str(ACCOUNTS)) as rpc_url:
        deploy(rpc_url, shadow)
        nation = Nation(rpc_url, shadow / "scripts" / "_deployments" / "31337.json", random.Random(seed))
        nation.warp(max(1, nation.genesis - nation.now))
        nation.bond_oracles()
        nation.enrol()
        yield nation
