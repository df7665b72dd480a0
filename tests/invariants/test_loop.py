"""Random sequences of everything people do, against the model of the rules in prose; the invariants after each step.

    SBI_LOOP=long    thousands of steps instead of hundreds
    SBI_LOOP=hunt    stops at the first failure and does not shrink it: for seeded bugs
    SBI_SEED=1234    the same run again: the seed is printed at the start of each
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sbi_network.errors import SignatureError
from sbi_network.protocol.messages import Permit, registry_domain
from sbi_network.protocol.signature import CURVE_ORDER, MAX_S, Signature
from sbi_network.protocol.sumtree import commitment_of
from sbi_network.roll import CitizenLeaf, root_from_proof
from tests.conftest import People
from tests.invariants.model import Leaf, Model, Rules, Standing, Terms
from tests.invariants.model import Told as Accepted
from tests.support.abi import Codec, Desk, Refusal, Reply
from tests.support.actors import END_OF_TIME, Actors, Payment, Person, Told, altered, roll_of
from tests.support.evm import Evm, evm_of

ZERO = "0x" + "0" * 40
ONCE = 2**64
BPS = 10_000

# Odd figures, so that nothing divides; a floor that growth has to leave behind; caps that a few batches fill.
EPOCH, WINDOW, DISPUTE, EXPIRY, SETTLEMENT = 100, 150, 30, 700, 120
CAPACITIES = ((1_000_000, 500_000, 250_000), (600_000, 0, 70_000))
SHARES_BPS = (10_000, 3_333)
RATE, MAX_RATE = 3_000_000_007, 3_000_000_011
OTHER_RATE, OTHER_RELEASE_BPS = 1_999_999_973, 9_999
CAP = 9
OVERRIDES: dict[str, Any] = {
    "clock.epoch_length_s": EPOCH,
    "clock.report_window_s": WINDOW,
    "clock.dispute_window_s": DISPUTE,
    "clock.ring_epochs": 16,
    "policy.rate_wei_per_ngaicph": RATE,
    "policy.release_bps": 3_333,
    "vault.expiry_age_s": EXPIRY,
    "vault.max_rate_wei_per_ngaicph": MAX_RATE,
    "vault.release_floor_wei": 10**15 + 7,
    "vault.growth_bps": 12_501,
    "exchange.settlement_window_s": SETTLEMENT,
    "exchange.fee_bps": 1_003,
    "exchange.recirculate_bps": 2_001,
    "regions": {1: {"cap": CAP}, 2: {"cap": 3}},
}

PROFILES: dict[str, dict[str, Any]] = {
    "short": {"max_examples": 20, "stateful_step_count": 40},
    "long": {"max_examples": 400, "stateful_step_count": 80},
    "hunt": {"max_examples": 60, "stateful_step_count": 40, "phases": [Phase.generate], "report_multiple_bugs": False},
}


@dataclass
class World:
    """The deployed suite and everything the machine needs of it; one for all examples."""

    evm: Evm
    desk: Desk
    people: People
    rules: Rules
    terms: Terms
    shares: tuple[Fraction, Fraction]
    config: tuple[bytes, int, tuple[int, int, int]]
    addresses: dict[str, str]
    chain_id: int
    other_policy: str
    mark: object
    done: Counter[str]
    refused: Counter[str]


@pytest.fixture(scope="module")
def world(people: People, chain: Any, project: Any) -> Iterator[World]:
    """A suite of its own for the machine; the chain is as before afterwards."""
    from scripts._deploy import deploy_suite
    from scripts._recipe import load_recipe

    facilities = [
        {
            "operator": people.operators[n].address,
            "reading_key": people.reading_keys[n].address,
            "region": 1,
            "capacities": list(CAPACITIES[n]),
            "public_share_bps": SHARES_BPS[n],
        }
        for n in range(len(CAPACITIES))
    ]
    recipe = load_recipe("local", {**OVERRIDES, "facilities": facilities})
    with chain.isolate():
        genesis = chain.blocks.head.timestamp + 10_000
        suite = deploy_suite(recipe, people.deployer.account, genesis)
        policy = people.deployer.account.deploy(project.IssuancePolicy, OTHER_RATE, OTHER_RELEASE_BPS)
        libraries = (project.get_contract(name) for name in ("SignatureLib", "FieldLib"))
        errors = [abi for library in libraries for abi in library.contract_type.errors]
        evm = evm_of(chain.provider)
        config = suite.oracles.configAt(0)
        yield World(
            evm=evm,
            desk=Desk(evm, Codec(suite, errors)),
            people=people,
            rules=Rules(
                genesis=genesis,
                epoch_length=EPOCH,
                report_window=WINDOW,
                dispute_window=DISPUTE,
                expiry_age=EXPIRY,
                settlement_window=SETTLEMENT,
                release_floor=recipe.vault.release_floor_wei,
                growth=Fraction(recipe.vault.growth_bps, BPS),
                max_rate=MAX_RATE,
                min_notice=recipe.vault.min_notice_epochs,
                weights=tuple(Fraction(w, 16) for w in recipe.weights_x16),  # type: ignore[arg-type]
                public_shares=tuple(Fraction(share, BPS) for share in SHARES_BPS),
                capacities=CAPACITIES,
                region_caps={number: region.cap for number, region in recipe.regions.items()},
            ),
            terms=Terms(0, RATE, Fraction(recipe.policy.release_bps, BPS)),
            shares=(Fraction(recipe.exchange.fee_bps, BPS), Fraction(recipe.exchange.recirculate_bps, BPS)),
            config=(bytes(config[1]), int(config[2]), tuple(map(int, config[3]))),  # type: ignore[arg-type]
            addresses=suite.addresses(),
            chain_id=chain.chain_id,
            other_policy=policy.address,
            mark=evm.snapshot(),
            done=Counter(),
            refused=Counter(),
        )


class LoopMachine(RuleBasedStateMachine):
    """A nation of four, two facilities, four oracles."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        world.mark = world.evm.restore(world.mark)
        self.people = world.people
        self.citizens = self.people.citizens[:4]
        self.model = Model(world.rules, world.terms, world.shares)
        self.do: Actors[Reply] = Actors(
            self._send, world.addresses, world.chain_id, self.people.oracles, self.people.reading_keys
        )
        self.exchange = world.addresses["exchange"]
        self.wake = world.rules.genesis
        self.serial = 0
        self.willing: set[str] = set()
        self.settled_before: dict[str, int] = {}
        self.explorer: Counter[str] = Counter()
        self.activated_at: dict[str, int] = {}
        self.last_release = 0
        self.unread = True
        self.kept_receipts: list[tuple[int, int, bytes]] = []
        self.holders = [
            *(p.address for p in (*self.citizens, self.people.merchant, *self.people.operators)),
            self.exchange,
        ]
        self.by_address = {person.address: person for person in self.people.everybody}
        self.spenders = [self.people.merchant, self.people.stranger]

    # Sending and judging

    @property
    def at(self) -> int:
        """The time of the next transaction."""
        return max(self.world.evm.now + 1, self.wake)

    def _send(self, sender: Person, role: str, function: str, *arguments: Any) -> Reply:
        reply = self.world.desk.send(sender.key, role, function, *arguments, at=self.at)
        if reply.ok:
            self.unread = True
            for event in reply.events:
                if event.role == "token" and event.name == "Transfer":
                    self.explorer[event.values["from"]] -= event.values["value"]
                    self.explorer[event.values["to"]] += event.values["value"]
        return reply

    def held(self, name: str, reply: Reply, *willing: str) -> Reply:
        """The act was good and must hold; it may have cost the `willing` something."""
        assert reply.ok, f"{name} was refused: {reply.refusal}"
        self.world.done[name] += 1
        self.willing.update(willing)
        return reply

    def refused(self, rule_name: str, reply: Reply, error: str, **values: Any) -> None:
        """The act was ill-formed and must meet this error with these values."""
        assert not reply.ok, f"{rule_name} held; expected {Refusal(error, values)}"
        assert str(reply.refusal) == str(Refusal(error, values)), f"{rule_name}: another error"
        self.world.done[rule_name] += 1
        self.world.refused[error] += 1

    def fresh(self) -> bytes:
        """32 bytes that were not used before; neighbours share a word of nonces."""
        self.serial += 1
        return self.serial.to_bytes(32)

    def anybody(self, data: st.DataObject, label: str = "who") -> Person:
        return data.draw(st.sampled_from(self.people.everybody), label=label)

    def holder(self, data: st.DataObject) -> Person:
        """Somebody who has money, if anybody has."""
        people = (*self.citizens, self.people.merchant, *self.people.operators)
        rich = [person for person in people if self.model.purses[person.address]]
        return data.draw(st.sampled_from(rich or people), label="holder")

    def payee(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self.holders), label="payee")

    def amount(self, data: st.DataObject, most: int) -> int:
        """Nothing, a little, some or all of it."""
        return data.draw(
            st.one_of(st.sampled_from(sorted({0, min(1, most), most // 2, most})), st.integers(0, most)), label="amount"
        )

    # The start

    @initialize(data=st.data(), begun=st.sampled_from([True, True, True, False]))
    def start(self, data: st.DataObject, begun: bool) -> None:
        """Mostly a loop that has begun: people on the roll, an epoch distributed, something on offer."""
        if not begun:
            return
        roll = roll_of([citizen.address for citizen in self.citizens[:3]], "first")
        self.held("enrol", self.do.enrol(self.people.registrar, roll, 1))
        self.model.enrol(roll, 1)
        for index in range(data.draw(st.integers(1, 3), label="activate")):
            self._activate(self.people.relayer, self.model.rolls[0].leaves[index])
        self.wake = self.model.end_of(0)
        self._report(0, list(CAPACITIES), [0, 1, 2], 0)
        self.wake = self.at + DISPUTE
        self._distribute(self.people.stranger)
        place = (0, data.draw(st.integers(0, 2), label="class"), self.model.epoch_at(self.at) + 1)
        self._offer(*place, 70_000)
        if data.draw(st.booleans(), label="buy"):
            self._buy_signed(self.citizens[0], place, 1_000, self.model.price(place[1], 1_000, self.at))

    # The roll

    @rule(data=st.data(), region=st.sampled_from([1, 1, 2]))
    def enrol(self, data: st.DataObject, region: int) -> None:
        accounts = data.draw(
            st.lists(st.sampled_from([c.address for c in self.citizens]), min_size=1, max_size=3, unique=True),
            label="accounts",
        )
        roll = roll_of(accounts, str(len(self.model.rolls)))
        reply = self.do.enrol(self.people.registrar, roll, region)
        heads, cap = self.model.heads_in(region) + len(accounts), self.model.rules.region_caps[region]
        if heads > cap:
            self.refused("enrol beyond the cap", reply, "RegionFull", region=region, headcount=heads, cap=cap)
            return
        self.held("enrol", reply)
        self.model.enrol(roll, region)

    def idle_leaves(self) -> list[Leaf]:
        """Leaves that can be activated."""
        return [leaf for leaf in self.model.leaves if not leaf.active and not self.model.leaf_of(leaf.account)]

    @precondition(lambda self: self.idle_leaves())
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        leaf = data.draw(st.sampled_from(self.idle_leaves()), label="leaf")
        self._activate(self.anybody(data), leaf)

    def _activate(self, sender: Person, leaf: Leaf) -> None:
        at = self.at
        self.held("activate", self.do.activate(sender, leaf.batch, self.model.rolls[leaf.batch].tree, leaf.index))
        self.model.activate(leaf)
        self.activated_at[leaf.account] = at

    # Output and income

    def due(self) -> list[int]:
        """Epochs whose report would be accepted now."""
        running = self.model.epoch_at(self.at)
        return [
            epoch
            for epoch in range(max(0, running - 3), running)
            if epoch not in self.model.told and self.model.end_of(epoch) <= self.at <= self.model.deadline_of(epoch)
        ]

    def raws(self, data: st.DataObject) -> list[tuple[int, int, int]]:
        """Raw output of each facility, nothing to all it can."""
        return [
            tuple(data.draw(st.one_of(st.just(most), st.integers(0, most)), label="raw") for most in capacity)  # type: ignore[misc]
            for capacity in CAPACITIES
        ]

    @precondition(lambda self: self.due())
    @rule(data=st.data(), view=st.integers(0, 3))
    def report(self, data: st.DataObject, view: int) -> None:
        epoch = data.draw(st.sampled_from(self.due()), label="epoch")
        missing = data.draw(st.sampled_from([None, 0, 1, 2, 3]), label="silent oracle")
        signers = [number for number in range(4) if number != missing]
        self._report(epoch, self.raws(data), signers, view)

    def _report(self, epoch: int, raws: list[tuple[int, int, int]], signers: list[int], view: int) -> None:
        told = self.do.agree(epoch, raws, self.world.config, SHARES_BPS, view)
        at = self.at
        self.held("report", self.do.report(self.people.stranger, told, self.do.co_sign(told, signers)))
        self._told(epoch, told, raws, signers, at)

    def _told(self, epoch: int, told: Told, raws: list[tuple[int, int, int]], signers: list[int], at: int) -> None:
        output = self.model.public_output(raws)
        assert told.report.public_output == output, "the protocol's public output is not the model's"
        commitment = commitment_of(told.tree.count, told.tree.top)
        self.model.told[epoch] = Accepted(output, at, frozenset(signers), commitment)

    @rule(data=st.data())
    def distribute(self, data: st.DataObject) -> None:
        self._distribute(self.anybody(data))

    def _distribute(self, sender: Person) -> None:
        model, at, first = self.model, self.at, self.model.next_epoch
        reply = self.do.distribute(sender)
        if not model.leaves:
            self.refused("distribute to nobody", reply, "NoCitizens", epoch=first)
            return
        before, gifts = len(model.dividends), model.waiting_gifts
        dealt = model.distribute(at)
        if not dealt:
            standing = int(model.standing(first, at))
            self.refused("distribute too early", reply, "EpochNotFinal", epoch=first, outcome=standing)
            return
        assert reply.ok, f"distribute of epoch {first} was refused: {reply.refusal}"
        told = [e for e in reply.events if e.name in ("DividendDistributed", "EpochPassed", "EpochExpired")]
        epochs = [e.values["epoch"] for e in told]
        assert epochs == list(range(first, first + dealt)), f"invariant 3: dealt with {epochs}, not {dealt} from {first}"
        for event in told:
            if event.name == "DividendDistributed":
                self.held("distribute", reply)
                self._check_dividend(before, gifts, event.values)
            else:
                expected = "EpochExpired" if model.passed[event.values["epoch"]] is Standing.EXPIRED else "EpochPassed"
                assert event.name == expected, f"invariant 3: epoch {event.values['epoch']} passed as {event.name}"
                self.world.done["expire" if expected == "EpochExpired" else "skip"] += 1

    def _check_dividend(self, place: int, gifts: int, values: dict[str, Any]) -> None:
        dividend = self.model.dividends[place]
        assert values["publicOutput"] == dividend.output, "invariant 8: another output than reported"
        rules = self.model.rules
        assert values["entitlement"] <= dividend.output * rules.max_rate, "invariant 6: beyond the ceiling"
        most = max(Fraction(rules.release_floor), self.last_release * rules.growth)
        assert values["issued"] <= gifts + most, "invariant 6: more released than the growth bound allows"
        assert values["entitlement"] == dividend.entitlement, "invariant 3: another entitlement than attested"
        assert values["dividend"] == dividend.share, f"invariant 4: dividend {values['dividend']} not {dividend.share}"
        assert values["headcount"] == dividend.heads, "invariant 10: heads that are not on the roll"
        assert values["issued"] == dividend.share * dividend.heads, "invariant 3: issued is not dividend × heads"

    @rule(data=st.data())
    def sleep(self, data: st.DataObject) -> None:
        """Time passes, mostly to a moment at which something changes, or the second after it."""
        model, now = self.model, self.at
        running = model.epoch_at(now)
        moments = {model.end_of(running), model.end_of(model.next_epoch), model.deadline_of(model.next_epoch)}
        moments |= {told.accepted_at + DISPUTE for e, told in model.told.items() if e >= model.next_epoch}
        moments |= {model.expiry_of(ticket.epoch) for ticket in model.tickets.values()}
        moments |= {model.deadline_of(epoch) for epoch in self.due()}
        future = sorted(moment + extra for moment in moments for extra in (0, 1) if moment + extra > now)
        self.wake = data.draw(st.sampled_from(future[:6] or [now + EPOCH]), label="until")

    @rule(data=st.data())
    def sleep_more(self, data: st.DataObject) -> None:
        """Again, since much waits for time to pass."""
        self.sleep_to_end_of_epoch(data.draw(st.integers(0, 1), label="epochs more"))

    def sleep_to_end_of_epoch(self, more: int) -> None:
        self.wake = self.model.end_of(self.model.epoch_at(self.at) + more)

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), second=st.integers(0, 1))
    def sleep_over_a_voucher(self, data: st.DataObject, second: int) -> None:
        """Until a voucher's last second, or the one after it."""
        ticket = self.model.tickets[data.draw(st.sampled_from(sorted(self.model.tickets)), label="voucher")]
        self.wake = self.model.expiry_of(ticket.epoch) + second

    @rule(lot=st.integers(0, 4), second=st.integers(0, 1))
    def hibernate(self, lot: int, second: int) -> None:
        """Until the next epoch expires; sometimes for more epochs than one call may pass over."""
        if lot == 0:
            self.wake = self.at + 70 * EPOCH
            self.world.done["hibernate"] += 1
        elif lot < 3:
            self.wake = self.model.end_of(self.model.next_epoch) + EXPIRY + second
        self._distribute(self.people.stranger)

    # Paying

    @rule(data=st.data(), over=st.integers(0, 5))
    def pay(self, data: st.DataObject, over: int) -> None:
        payer = self.holder(data)
        have = self.model.purses[payer.address]
        payee = self.payee(data)
        amount = have + 1 if over == 0 else self.amount(data, have)
        reply = self.do.pay(payer, payee, amount)
        if amount > have:
            self._too_little("pay too much", reply, payer.address, amount)
            return
        self.held("pay", reply, payer.address)
        self.model.pay(payer.address, payee, amount)

    def _too_little(self, rule_name: str, reply: Reply, payer: str, amount: int) -> None:
        have = self.model.purses[payer]
        self.refused(rule_name, reply, "ERC20InsufficientBalance", sender=payer, balance=have, needed=amount)

    @rule(data=st.data(), endless=st.booleans())
    def approve(self, data: st.DataObject, endless: bool) -> None:
        owner = self.holder(data)
        spender = data.draw(st.sampled_from(self.spenders), label="spender")
        amount = END_OF_TIME if endless else self.amount(data, 2 * self.model.purses[owner.address])
        self.held("approve", self.do.approve(owner, spender.address, amount))
        self.model.allowances[owner.address, spender.address] = amount

    @precondition(lambda self: any(self.model.allowances.values()))
    @rule(data=st.data(), over=st.integers(0, 5))
    def pay_for(self, data: st.DataObject, over: int) -> None:
        pairs = sorted(pair for pair, allowed in self.model.allowances.items() if allowed and pair[1] != self.exchange)
        if not pairs:
            return
        owner, spender = data.draw(st.sampled_from(pairs), label="owner and spender")
        allowed, have = self.model.allowances[owner, spender], self.model.purses[owner]
        amount = min(allowed, have) + 1 if over == 0 else self.amount(data, min(allowed, have))
        payee = self.payee(data)
        reply = self.do.pay_for(self.by_address[spender], owner, payee, amount)
        if amount > allowed:
            self.refused(
                "pay beyond the allowance",
                reply,
                "ERC20InsufficientAllowance",
                spender=spender,
                allowance=allowed,
                needed=amount,
            )
            return
        if amount > have:
            self._too_little("pay too much", reply, owner, amount)
            return
        self.held("pay_for", reply, owner)
        self.model.pay(owner, payee, amount)
        if allowed != END_OF_TIME:
            self.model.allowances[owner, spender] -= amount

    @rule(data=st.data(), form=st.sampled_from(["standard", "bytes", "compact"]))
    def permit(self, data: st.DataObject, form: str) -> None:
        owner = self.holder(data)
        spender = data.draw(st.sampled_from(self.spenders), label="spender")
        value = self.amount(data, 2 * self.model.purses[owner.address])
        deadline = self.at + data.draw(st.integers(0, 5), label="seconds left")
        message, signature = self.do.permit(
            owner, spender.address, value, self.model.permits[owner.address], deadline
        )
        if form == "compact":
            signature = Signature.from_bytes(signature).to_compact()
        reply = self.do.file_permit(self.people.relayer, message, signature, standard=form == "standard")
        self.held("permit", reply)
        self.model.permits[owner.address] += 1
        self.model.allowances[owner.address, spender.address] = value

    def promise(self, data: st.DataObject, fault: str | None = None) -> tuple[Payment, str | None]:
        """A signed payment, good or with one fault, and the error that the fault should meet."""
        payer = self.holder(data)
        amount = self.amount(data, self.model.purses[payer.address])
        payee, nonce, after, before, error = self.payee(data), self.fresh(), 0, END_OF_TIME, None
        signer = payer
        if fault == "early":
            after, error = self.at, "AuthorizationNotYetValid"
        elif fault == "late":
            before, error = self.at, "AuthorizationExpired"
        elif fault == "forged":
            signer, error = self.people.stranger, "InvalidSignature"
        elif fault == "to nobody":
            payee, error = ZERO, "ERC20InvalidReceiver"
        elif fault == "too much":
            amount, error = self.model.purses[payer.address] + ONCE, "ERC20InsufficientBalance"
        elif fault == "used":
            used = sorted(nonce for who, nonce in self.model.spent if who == payer.address)
            if used:
                nonce, error = data.draw(st.sampled_from(used), label="used nonce"), "AuthorizationUsedOrCanceled"
        payment = self.do.promise(payer, payee, amount, nonce, after, before, signer)
        if fault == "malleable":
            payment, error = altered(payment, malleable(payment.signature)), "MalleableSignature"
        return payment, error

    def _paid(self, payment: Payment) -> None:
        message = payment.message
        self.model.pay(message.from_, message.to, message.value)
        self.model.spent.add((message.from_, message.nonce))
        self.willing.add(message.from_)

    @rule(data=st.data(), standard=st.booleans())
    def relay(self, data: st.DataObject, standard: bool) -> None:
        payment, _ = self.promise(data)
        self.held("relay", self.do.relay(self.people.relayer, payment, standard))
        self._paid(payment)

    @rule(data=st.data(), faults=st.lists(st.sampled_from([None, None, None, "any"]), min_size=1, max_size=4))
    def relay_batch(self, data: st.DataObject, faults: list[str | None]) -> None:
        payments = [
            self.promise(data, fault and data.draw(st.sampled_from(FAULTS), label="fault")) for fault in faults
        ]
        if data.draw(st.integers(0, 3), label="repeat the first") == 0:
            payments.append(payments[0])
        reply = self.held("relay batch", self.do.relay_all(self.people.relayer, [item for item, _ in payments]))
        skipped = []
        for payment, error in payments:
            message = payment.message
            if error is None and (message.from_, message.nonce) in self.model.spent:
                error = "AuthorizationUsedOrCanceled"
            if error is None and message.value > self.model.purses[message.from_]:
                error = "ERC20InsufficientBalance"
            if error is None:
                self._paid(payment)
            else:
                skipped.append((message.from_, message.nonce, self.world.desk.codec.selector_of(error)))
        told = [
            (e.values["authorizer"], e.values["nonce"], e.values["reason"]) for e in reply.named("AuthorizationSkipped")
        ]
        assert told == skipped, "relay batch: other items were skipped, or for other reasons"
        self.world.done["relay batch with a bad item"] += bool(skipped)
        used = [(e.values["authorizer"], e.values["nonce"]) for e in reply.named("AuthorizationUsed")]
        assert len(used) + len(skipped) == len(payments), "relay batch: an item was neither paid nor skipped"

    @rule(data=st.data(), standard=st.booleans())
    def collect(self, data: st.DataObject, standard: bool) -> None:
        payer = self.holder(data)
        amount = self.amount(data, self.model.purses[payer.address])
        payment = self.do.promise_to(payer, self.people.merchant.address, amount, self.fresh())
        early = self.do.collect(self.people.stranger, payment, standard)
        self.refused(
            "collect another's payment",
            early,
            "UnexpectedCaller",
            caller=self.people.stranger.address,
            expected=self.people.merchant.address,
        )
        self.held("collect", self.do.collect(self.people.merchant, payment, standard))
        self._paid(payment)

    @rule(data=st.data(), standard=st.booleans())
    def cancel(self, data: st.DataObject, standard: bool) -> None:
        signer, nonce = self.holder(data), self.fresh()
        self.held("cancel", self.do.cancel(self.people.relayer, signer, nonce, standard))
        self.model.spent.add((signer.address, nonce))

    @rule(data=st.data(), over=st.integers(0, 7))
    def recycle(self, data: st.DataObject, over: int) -> None:
        holder = self.holder(data)
        have = self.model.purses[holder.address]
        amount = have + 1 if over == 0 else self.amount(data, have // 2)
        reply = self.do.recycle(holder, amount)
        if amount > have:
            self._too_little("recycle too much", reply, holder.address, amount)
            return
        self.held("recycle", reply, holder.address)
        self.model.destroy(holder.address, amount)

    @rule(data=st.data(), over=st.integers(0, 7))
    def recirculate(self, data: st.DataObject, over: int) -> None:
        holder = self.holder(data)
        have = self.model.purses[holder.address]
        amount = have + 1 if over == 0 else self.amount(data, have // 2)
        reply = self.do.recirculate(holder, amount)
        if amount > have:
            self._too_little("recirculate too much", reply, holder.address, amount)
            return
        self.held("recirculate", reply, holder.address)
        self.model.give_to_all(holder.address, amount)

    # Computing

    @rule(data=st.data(), facility=st.integers(0, 1), compute_class=st.integers(0, 2), ahead=st.integers(0, 2))
    def offer(self, data: st.DataObject, facility: int, compute_class: int, ahead: int) -> None:
        epoch = self.model.epoch_at(self.at) + ahead
        place = (facility, compute_class, epoch)
        capacity = CAPACITIES[facility][compute_class]
        self._offer(*place, data.draw(st.integers(self.model.sold[place], capacity), label="units"))

    def _offer(self, facility: int, compute_class: int, epoch: int, units: int) -> None:
        reply = self.do.offer(self.people.operators[facility], facility, compute_class, epoch, units)
        self.held("offer", reply)
        self.model.offers[facility, compute_class, epoch] = units

    def open_offers(self) -> list[tuple[int, int, int]]:
        """Offers of which something is left."""
        running = self.model.epoch_at(self.at)
        return sorted(place for place in self.model.offers if place[2] >= running and self.model.remaining(place))

    def shopping(self, data: st.DataObject, ahead: int) -> tuple[Person, tuple[int, int, int], int, int]:
        """Who buys what, how much, at what price, `ahead` transactions from now."""
        place = data.draw(st.sampled_from(self.open_offers()), label="offer")
        left = self.model.remaining(place)
        units = data.draw(st.one_of(st.integers(1, min(50, left)), st.integers(1, left)), label="units")
        return self.holder(data), place, units, self.model.price(place[1], units, self.at + ahead)

    @precondition(lambda self: self.open_offers())
    @rule(data=st.data())
    def buy(self, data: st.DataObject) -> None:
        if self.model.epoch_at(self.at) != self.model.epoch_at(self.at + 1):
            return
        buyer, place, units, price = self.shopping(data, 1)
        self.held("approve", self.do.approve(buyer, self.exchange, price))
        reply = self.do.buy(buyer, place, units, price)
        self.model.allowances[buyer.address, self.exchange] = price
        if price > self.model.purses[buyer.address]:
            self._too_little("buy without the money", reply, buyer.address, price)
            return
        self.held("buy", reply, buyer.address)
        self.model.allowances[buyer.address, self.exchange] = 0
        self._bought(reply, place, units, price, buyer)

    @precondition(lambda self: self.open_offers())
    @rule(data=st.data())
    def buy_signed(self, data: st.DataObject) -> None:
        self._buy_signed(*self.shopping(data, 0))

    def _buy_signed(self, buyer: Person, place: tuple[int, int, int], units: int, price: int) -> None:
        salt = self.fresh()
        payment = self.do.promise_to(buyer, self.exchange, price, purchase_nonce(place, units, salt))
        reply = self.do.buy_signed(self.people.relayer, place, units, salt, payment)
        if price > self.model.purses[buyer.address]:
            self._too_little("buy without the money", reply, buyer.address, price)
            return
        self.held("buy signed", reply, buyer.address)
        self.model.spent.add((buyer.address, payment.message.nonce))
        self._bought(reply, place, units, price, buyer)

    def _bought(self, reply: Reply, place: tuple[int, int, int], units: int, price: int, buyer: Person) -> None:
        number = self.model.sell(place, units, price, buyer.address, self.exchange)
        (event,) = reply.named("ComputeBought")
        facility, compute_class, epoch = place
        expected = {"voucher": number, "buyer": buyer.address, "facility": facility, "computeClass": compute_class}
        assert event.values == {**expected, "epoch": epoch, "units": units, "price": price}, "another purchase"

    def open_tickets(self) -> list[int]:
        """Vouchers on which something can still be delivered."""
        return [
            number
            for number, ticket in self.model.tickets.items()
            if ticket.delivered < ticket.units and self.at <= self.model.expiry_of(ticket.epoch)
        ]

    @precondition(lambda self: self.open_tickets())
    @rule(data=st.data(), whole=st.booleans())
    def deliver(self, data: st.DataObject, whole: bool) -> None:
        number = data.draw(st.sampled_from(self.open_tickets()), label="voucher")
        ticket = self.model.tickets[number]
        least = ticket.units if whole else ticket.delivered + 1
        delivered = data.draw(st.integers(least, ticket.units), label="delivered")
        _, signature = self.do.receipt(self.by_address[ticket.holder], number, ticket.hands, delivered)
        reply = self.do.deliver(self.anybody(data), number, delivered, signature)
        self.held("deliver", reply, self.exchange)
        self.kept_receipts.append((number, delivered, signature))
        operator = self.people.operators[ticket.facility].address
        fee, gift, recycled = self.model.deliver(ticket, delivered, operator, self.exchange)
        (event,) = reply.named("ComputeDelivered")
        expected = {"voucher": number, "facility": ticket.facility, "delivered": delivered, "fee": fee}
        assert event.values == {**expected, "recirculated": gift, "recycled": recycled}, "another split"

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.tickets)), label="voucher")
        ticket = self.model.tickets[number]
        to = data.draw(st.sampled_from((*self.citizens, self.people.merchant)), label="to")
        self.held(
            "hand over", self.do.hand_over(self.by_address[ticket.holder], ticket.holder, to.address, number)
        )
        ticket.holder = to.address
        ticket.hands += 1

    def stale_tickets(self) -> list[int]:
        """Vouchers that can be refunded."""
        return [n for n, ticket in self.model.tickets.items() if self.at > self.model.expiry_of(ticket.epoch)]

    @precondition(lambda self: self.stale_tickets())
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.stale_tickets()), label="voucher")
        holder = self.model.tickets[number].holder
        reply = self.held("refund", self.do.refund(self.anybody(data), number), self.exchange)
        amount = self.model.refund(number, self.exchange)
        (event,) = reply.named("VoucherRefunded")
        assert event.values == {"voucher": number, "holder": holder, "amount": amount}, "another refund"

    # Offices: what may change, changes by the timelock, later

    def _by_timelock(self, role: str, function: str, *arguments: Any) -> Reply:
        encoded = self.world.desk.codec.function(role, function, len(arguments)).encode(*arguments)
        salt = self.fresh()
        scheduled = self.do.schedule(self.people.deployer, role, encoded, 10, salt)
        assert scheduled.ok, f"the timelock refused to schedule: {scheduled.refusal}"
        self.wake = self.at + 10
        return self.do.execute(self.people.deployer, role, encoded, salt)

    @precondition(lambda self: self.model.terms[-1].from_epoch < self.model.next_epoch)
    @rule(later=st.integers(0, 2))
    def change_terms(self, later: int) -> None:
        """Another policy: what runs and what is past keeps the terms it had."""
        # Ten seconds and two blocks on, whatever the timelock needs.
        first = self.model.epoch_at(self.at + 12) + self.model.rules.min_notice + later
        source = self.world.addresses["oracles"]
        if self.model.terms[-1].rate == RATE:
            policy, terms = self.world.other_policy, Terms(first, OTHER_RATE, Fraction(OTHER_RELEASE_BPS, BPS))
        else:
            policy, terms = self.world.addresses["policy"], replace(self.world.terms, from_epoch=first)
        self.held("change terms", self._by_timelock("vault", "scheduleTerms", policy, source, first))
        self.model.terms.append(terms)

    @rule(fee=st.integers(0, 3_000), gift=st.integers(0, 7_000))
    def change_shares(self, fee: int, gift: int) -> None:
        self.held("change shares", self._by_timelock("exchange", "setShares", fee, gift))
        self.model.fee_share, self.model.recirculated_share = Fraction(fee, BPS), Fraction(gift, BPS)

    # Ill-formed attempts: each breaks one rule and meets that rule's error

    @rule(data=st.data(), kind=st.sampled_from(["stranger", "empty", "no root", "too many"]))
    def bad_enrol(self, data: st.DataObject, kind: str) -> None:
        who, root, size = self.people.registrar, keccak(text="root"), 1
        if kind == "stranger":
            who = data.draw(st.sampled_from([self.people.stranger, self.people.deployer]), label="who")
        elif kind == "empty":
            size = 0
        elif kind == "no root":
            root = bytes(32)
        else:
            size = 2**32
        reply = self.do.send(who, "citizens", "enrol", root, size, 1)
        if kind == "stranger":
            self.refused("bad enrol", reply, "NotRegistrar", caller=who.address)
        elif kind == "too many":
            self.refused("bad enrol", reply, "AboveField", given=size, max=2**32 - 1)
        else:
            self.refused("bad enrol", reply, "EmptyBatch", root=root, size=size)

    @precondition(lambda self: self.model.rolls)
    @rule(
        data=st.data(),
        kind=st.sampled_from(["batch", "index", "leaf twice", "account twice", "person", "account", "nobody"]),
    )
    def bad_activate(self, data: st.DataObject, kind: str) -> None:
        model = self.model
        leaves = [leaf for leaf in model.leaves if leaf.active]
        if kind == "account twice":
            leaves = [leaf for leaf in model.leaves if not leaf.active and model.leaf_of(leaf.account)]
        elif kind != "leaf twice":
            leaves = self.idle_leaves()
        free = [p.address for p in self.people.everybody[:10]]
        if not leaves:
            return
        leaf = data.draw(st.sampled_from(leaves), label="leaf")
        tree = model.rolls[leaf.batch].tree
        batch, index, account, person = leaf.batch, leaf.index, leaf.account, tree.leaves[leaf.index].person
        proof = list(tree.proof(index))
        error: str
        values: dict[str, Any]
        if kind == "batch":
            batch = len(model.rolls)
            error, values = "UnknownBatch", {"batch": batch, "batches": batch}
        elif kind == "index":
            index = tree.size
            error, values = "IndexOutOfBatch", {"index": index, "size": tree.size}
        elif kind == "leaf twice":
            account = data.draw(st.sampled_from(free), label="another account")
            error, values = "LeafUsed", {"batch": batch, "index": index}
        elif kind == "account twice":
            since = self.activated_at[account]
            error, values = "AlreadyActivated", {"account": account, "since": since}
        elif kind == "nobody":
            account = ZERO
            error, values = "ZeroAccount", {"batch": batch, "index": index}
        else:
            if kind == "person":
                person = keccak(person)
            else:
                account = data.draw(st.sampled_from(free), label="another account")
            claimed = CitizenLeaf(index, account, person)  # type: ignore[arg-type]
            error, values = "InvalidProof", {"computed": root_from_proof(claimed, proof), "expected": tree.root}
        reply = self.do.send(self.people.stranger, "citizens", "activate", batch, index, account, person, proof)
        self.refused("bad activate", reply, error, **values)

    @rule(
        data=st.data(),
        kind=st.sampled_from(
            [
                "short quorum",
                "double signer",
                "forged",
                "other chain",
                "other config",
                "other weights",
                "no facility",
                "unknown facility",
                "unknown oracle",
                "cut bytes",
                "malleable",
                "too early",
                "too late",
                "twice",
            ]
        ),
    )
    def bad_report(self, data: st.DataObject, kind: str) -> None:
        model, due = self.model, self.due()
        running = model.epoch_at(self.at)
        if kind == "too early":
            epochs = [running]
        elif kind == "too late":
            epochs = [e for e in range(max(0, running - 9), running) if self.at > model.deadline_of(e)]
        elif kind == "twice":
            epochs = [e for e in model.told if self.at <= model.deadline_of(e)]
        else:
            epochs = due
        if not epochs:
            return
        epoch = data.draw(st.sampled_from(epochs), label="epoch")
        digest, version, weights = self.world.config
        raws = self.raws(data)
        told = self.do.agree(epoch, raws, self.world.config, SHARES_BPS)
        signatures = self.do.co_sign(told, [0, 1, 2])
        argument = list(told.as_argument())
        error: str
        values: dict[str, Any]
        if kind == "short quorum":
            signatures = signatures[:130]
            error, values = "QuorumNotReached", {"given": 2, "quorum": 3}
        elif kind == "double signer":
            signatures = signatures[:130] + signatures[65:130]
            error, values = "SignersOutOfOrder", {"given": 1, "previous": 1}
        elif kind == "forged":
            forged = told.report.sign(self.people.stranger.key, self.do.registry_domain)
            signatures = signatures[:130] + b"\x02" + forged.to_compact()
            values = {"expected": self.people.oracles[2].address, "recovered": self.people.stranger.address}
            error = "InvalidSignature"
        elif kind == "other chain":
            elsewhere = registry_domain(self.world.chain_id + 1, self.world.addresses["oracles"])  # type: ignore[arg-type]
            abroad = told.report.sign(self.people.oracles[0].key, elsewhere)
            signatures = b"\x00" + abroad.to_compact() + signatures[65:]
            recovered = recovered_from(abroad.to_bytes(), told.report.digest(self.do.registry_domain))
            error, values = "InvalidSignature", {"expected": self.people.oracles[0].address, "recovered": recovered}
        elif kind == "other config":
            argument[0] = keccak(digest)
            error, values = "WrongConfigDigest", {"given": argument[0], "expected": digest}
        elif kind == "other weights":
            argument[3] = version + 1
            error, values = "WrongWeightsVersion", {"given": version + 1, "expected": version}
        elif kind in ("no facility", "unknown facility"):
            argument[4] = 0 if kind == "no facility" else len(CAPACITIES) + 1
            error, values = "WrongFacilityCount", {"given": argument[4], "registered": len(CAPACITIES)}
        elif kind == "unknown oracle":
            signatures = signatures[:130] + b"\x04" + signatures[131:]
            error, values = "UnknownOracle", {"given": 4, "size": 4}
        elif kind == "cut bytes":
            signatures = signatures[:-1]
            error, values = "SignatureBytesMisaligned", {"given": 194, "entry": 65}
        elif kind == "malleable":
            # In this form the parity takes the top bit: what is left of the upper half begins right above the lower.
            signatures = signatures[:33] + (MAX_S + 1).to_bytes(32) + signatures[65:]
            error, values = "MalleableSignature", {"s": MAX_S + 1, "max": MAX_S}
        elif kind == "too early":
            error, values = "EpochNotEnded", {"epoch": epoch, "endsAt": model.end_of(epoch), "time": self.at}
        elif kind == "too late":
            error, values = "StaleReport", {"epoch": epoch, "deadline": model.deadline_of(epoch), "time": self.at}
        else:
            error, values = "AlreadyReported", {"epoch": epoch, "acceptedAt": model.told[epoch].accepted_at}
        reply = self.do.send(self.people.stranger, "oracles", "submitReport", tuple(argument), signatures)
        self.refused("bad report", reply, error, **values)

    @rule(data=st.data(), fault=st.deferred(lambda: st.sampled_from(FAULTS)), standard=st.booleans())
    def bad_relay(self, data: st.DataObject, fault: str, standard: bool) -> None:
        payment, error = self.promise(data, fault)
        if error is None:
            return
        message, at = payment.message, self.at
        reply = self.do.relay(self.people.relayer, payment, standard)
        values: dict[str, Any] = {
            "AuthorizationNotYetValid": {"validAfter": message.valid_after, "time": at},
            "AuthorizationExpired": {"validBefore": message.valid_before, "time": at},
            "AuthorizationUsedOrCanceled": {"authorizer": message.from_, "nonce": message.nonce},
            "InvalidSignature": {"expected": message.from_, "recovered": self.people.stranger.address},
            "MalleableSignature": {"s": int.from_bytes(payment.signature[32:64]), "max": MAX_S},
            "ERC20InvalidReceiver": {"receiver": ZERO},
            "ERC20InsufficientBalance": {
                "sender": message.from_,
                "balance": self.model.purses[message.from_],
                "needed": message.value,
            },
        }[error]
        self.refused("bad relay", reply, error, **values)

    @rule(data=st.data(), kind=st.sampled_from(["late", "forged", "replayed", "malleable", "to nobody"]))
    def bad_permit(self, data: st.DataObject, kind: str) -> None:
        owner, spender, deadline = self.holder(data), self.people.merchant.address, self.at
        nonce = self.model.permits[owner.address]
        if kind == "late":
            deadline -= 1
        if kind == "to nobody":
            spender = ZERO
        message, signature = self.do.permit(owner, spender, 1, nonce, deadline)
        values: dict[str, Any]
        if kind == "late":
            error, values = "PermitExpired", {"deadline": deadline, "time": self.at}
        elif kind == "to nobody":
            error, values = "ERC20InvalidSpender", {"spender": ZERO}
        elif kind == "malleable":
            signature = malleable(signature)
            error, values = "MalleableSignature", {"s": int.from_bytes(signature[32:64]), "max": MAX_S}
        else:
            if kind == "forged":
                signature = message.sign(self.people.stranger.key, self.do.token_domain).to_bytes()
            elif nonce == 0:
                return
            else:
                used = Permit(owner.key.address, spender, 1, nonce - 1, deadline)  # type: ignore[arg-type]
                signature = used.sign(owner.key, self.do.token_domain).to_bytes()
            recovered = recovered_from(signature, message.digest(self.do.token_domain))
            error, values = "InvalidSignature", {"expected": owner.address, "recovered": recovered}
        self.refused("bad permit", self.do.file_permit(self.people.relayer, message, signature), error, **values)

    @rule(
        data=st.data(),
        facility=st.integers(0, 1),
        compute_class=st.integers(0, 2),
        kind=st.sampled_from(["stranger", "too much", "below sold", "late", "class", "facility"]),
    )
    def bad_offer(self, data: st.DataObject, facility: int, compute_class: int, kind: str) -> None:
        running = self.model.epoch_at(self.at)
        operator, place, units = self.people.operators[facility], (facility, compute_class, running), 0
        values: dict[str, Any]
        if kind == "stranger":
            values = {"caller": self.people.stranger.address, "operator": operator.address}
            operator, error = self.people.stranger, "NotOperator"
        elif kind == "too much":
            capacity = CAPACITIES[facility][compute_class]
            units = capacity + data.draw(st.sampled_from([1, 2**64]), label="beyond")
            error, values = "OfferAboveCapacity", {"given": units, "capacity": capacity}
        elif kind == "below sold":
            places = [place for place, sold in self.model.sold.items() if sold and place[2] >= running]
            if not places:
                return
            place = data.draw(st.sampled_from(places), label="place")
            operator, units = self.people.operators[place[0]], self.model.sold[place] - 1
            error, values = "OfferBelowSold", {"given": units, "sold": units + 1}
        elif kind == "late":
            if not running:
                return
            place = (facility, compute_class, running - 1)
            error, values = "EpochOver", {"epoch": running - 1, "current": running}
        elif kind == "class":
            place = (facility, 3, running)
            error, values = "UnknownClass", {"given": 3, "last": 2}
        else:
            place = (len(CAPACITIES), compute_class, running)
            error, values = "UnknownFacility", {"facility": len(CAPACITIES), "registered": len(CAPACITIES)}
        self.refused("bad offer", self.do.offer(operator, *place, units), error, **values)

    @precondition(lambda self: self.open_offers())
    @rule(
        data=st.data(),
        kind=st.sampled_from(["too many", "nothing", "dear", "late", "no approval", "not the price", "not bound"]),
    )
    def bad_buy(self, data: st.DataObject, kind: str) -> None:
        buyer, place, units, price = self.shopping(data, 0)
        remaining, running = self.model.remaining(place), self.model.epoch_at(self.at)
        if kind in ("too many", "nothing"):
            units = remaining + 1 if kind == "too many" else 0
            reply = self.do.buy(buyer, place, units, END_OF_TIME)
            self.refused("bad buy", reply, "NotOnOffer", given=units, remaining=remaining)
        elif kind == "dear":
            reply = self.do.buy(buyer, place, units, price - 1)
            self.refused("bad buy", reply, "PriceAboveLimit", price=price, maxPrice=price - 1)
        elif kind == "late":
            if running:
                reply = self.do.buy(buyer, (place[0], place[1], running - 1), units, END_OF_TIME)
                self.refused("bad buy", reply, "EpochOver", epoch=running - 1, current=running)
        elif kind == "no approval":
            allowed = self.model.allowances[buyer.address, self.exchange]
            if allowed < price:
                values = {"spender": self.exchange, "allowance": allowed, "needed": price}
                reply = self.do.buy(buyer, place, units, price)
                self.refused("bad buy", reply, "ERC20InsufficientAllowance", **values)
        else:
            salt = self.fresh()
            bound = purchase_nonce(place, units, salt)
            paid, nonce = (price + 1, bound) if kind == "not the price" else (price, self.fresh())
            payment = self.do.promise_to(buyer, self.exchange, paid, nonce)
            reply = self.do.buy_signed(self.people.relayer, place, units, salt, payment)
            if kind == "not the price":
                self.refused("bad buy", reply, "PaymentNotPrice", given=paid, price=price)
            else:
                self.refused("bad buy", reply, "PurchaseNotBound", given=nonce, expected=bound)

    @precondition(lambda self: self.open_tickets())
    @rule(
        data=st.data(),
        kind=st.sampled_from(["nothing new", "too much", "forged", "former holder", "replayed", "refund", "hand over"]),
    )
    def bad_deliver(self, data: st.DataObject, kind: str) -> None:
        number = data.draw(st.sampled_from(self.open_tickets()), label="voucher")
        ticket, sender = self.model.tickets[number], self.people.stranger
        holder, delivered, hands = self.by_address[ticket.holder], ticket.delivered + 1, ticket.hands
        figures = {"delivered": ticket.delivered, "units": ticket.units}
        if kind == "refund":
            expiry = self.model.expiry_of(ticket.epoch)
            values = {"voucher": number, "expiry": expiry, "time": self.at}
            self.refused("bad deliver", self.do.refund(sender, number), "VoucherNotExpired", **values)
        elif kind == "hand over":
            reply = self.do.hand_over(sender, ticket.holder, sender.address, number)
            self.refused("bad deliver", reply, "ERC721InsufficientApproval", operator=sender.address, tokenId=number)
        elif kind == "replayed":
            kept = [receipt for receipt in self.kept_receipts if receipt[0] == number]
            if kept:
                _, again, signature = data.draw(st.sampled_from(kept), label="receipt")
                reply = self.do.deliver(sender, number, again, signature)
                self.refused("bad deliver", reply, "InvalidDelivery", given=again, **figures)
        elif kind in ("nothing new", "too much"):
            delivered = ticket.delivered if kind == "nothing new" else ticket.units + 1
            _, signature = self.do.receipt(holder, number, hands, delivered)
            reply = self.do.deliver(sender, number, delivered, signature)
            self.refused("bad deliver", reply, "InvalidDelivery", given=delivered, **figures)
        else:
            message, _ = self.do.receipt(holder, number, hands, delivered)
            if kind == "forged":
                signature = message.sign(sender.key, self.do.exchange_domain).to_bytes()
            else:
                _, signature = self.do.receipt(holder, number, hands + 1, delivered)
            recovered = recovered_from(signature, message.digest(self.do.exchange_domain))
            reply = self.do.deliver(sender, number, delivered, signature)
            self.refused("bad deliver", reply, "InvalidSignature", expected=holder.address, recovered=recovered)

    @rule(data=st.data(), kind=st.sampled_from(["too late", "no such voucher"]))
    def bad_late_deliver(self, data: st.DataObject, kind: str) -> None:
        sender = self.people.stranger
        if kind == "no such voucher":
            number = self.model.tickets_sold
            self.refused("bad deliver", self.do.refund(sender, number), "ERC721NonexistentToken", tokenId=number)
        elif self.stale_tickets():
            number = data.draw(st.sampled_from(self.stale_tickets()), label="voucher")
            ticket = self.model.tickets[number]
            _, signature = self.do.receipt(self.by_address[ticket.holder], number, ticket.hands, ticket.units)
            values = {"voucher": number, "expiry": self.model.expiry_of(ticket.epoch), "time": self.at}
            reply = self.do.deliver(sender, number, ticket.units, signature)
            self.refused("bad deliver", reply, "VoucherExpired", **values)

    @rule(data=st.data(), kind=st.sampled_from(["contract's", "contract's by vote", "timelock's"]))
    def overreach(self, data: st.DataObject, kind: str) -> None:
        """Somebody, or the timelock itself, tries to do what only a contract may; or what only the timelock may."""
        who, world = self.anybody(data), self.world
        if kind == "timelock's":
            oracles = [person.address for person in self.citizens]
            attempts: tuple[tuple[Any, ...], ...] = (
                ("vault", "scheduleTerms", world.other_policy, world.addresses["oracles"], 10**6),
                ("citizens", "addRegistrar", who.address),
                ("citizens", "removeRegistrar", self.people.registrar.address),
                ("citizens", "setRegionCap", 1, 10**6),
                ("exchange", "setShares", 0, 0),
                ("oracles", "scheduleConfig", oracles, [16, 16, 16], 10**6),
                ("oracles", "registerFacility", who.address, who.address, 1, [1, 1, 1], 1),
                ("oracles", "scheduleFacilityTerms", 0, [1, 1, 1], 1, True, 10**6),
            )
            reply = self.do.send(who, *data.draw(st.sampled_from(attempts), label="attempt"))
            self.refused("overreach", reply, "AccessManagedUnauthorized", caller=who.address)
            return
        attempts = (
            ("token", "vault", "noteRecirculated", ONCE),
            ("citizens", "vault", "admit", 1),
            ("citizens", "token", "startAccrual", who.address, 0),
        )
        rightful, *attempt = data.draw(st.sampled_from(attempts), label="attempt")
        if kind == "contract's":
            caller, reply = who.address, self.do.send(who, *attempt)
        else:
            caller, reply = world.addresses["timelock"], self._by_timelock(*attempt)
        self.refused("overreach", reply, "UnexpectedCaller", caller=caller, expected=world.addresses[rightful])

    # What must hold after each step

    @invariant()
    def everything_holds(self) -> None:
        # A refused transaction leaves nothing behind, by the EVM's own rule: then there is nothing new to read.
        if not self.unread:
            return
        self.unread = False
        model, desk = self.model, self.world.desk
        aggregates = [
            desk.view("token", "totalSupply"),
            desk.view("token", "recycled"),
            *(desk.view("vault", name) for name in AGGREGATES),
            desk.view("citizens", "batchCount"),
            desk.view("exchange", "escrow"),
            desk.view("exchange", "voucherCount"),
        ]
        balances = [desk.view("token", "balanceOf", holder) for holder in self.holders]
        accounts = [desk.view("token", "accountOf", holder) for holder in self.holders]
        newest = sorted(model.tickets)[-2:]
        vouchers = [desk.view("exchange", "voucherOf", number) for number in newest]
        answers = desk.read([*aggregates, *balances, *accounts, *vouchers])
        supply, recycled, issued, reserve, gifts, heads, next_epoch, release, batches, escrow, sold, *rest = answers
        held = dict(zip(self.holders, rest, strict=False))
        slots = dict(zip(self.holders, rest[len(held) :], strict=False))

        assert supply == issued - recycled, f"invariant 1: supply {supply} is not {issued} − {recycled}"
        assert recycled == sum(model.destroyed), f"invariant 1: recycled {recycled}, destroyed {sum(model.destroyed)}"
        assert issued == sum(model.issued), f"invariant 1: issued {issued}, by the rules {sum(model.issued)}"

        total = sum(held.values())
        assert total <= supply, f"invariant 2: balances {total} exceed the supply {supply}"
        missing = supply - total
        assert missing == model.not_activated, f"invariant 2: {missing} missing, not activated {model.not_activated}"

        sources = sum(model.entitled) + sum(model.given_to_all)
        assert issued <= sources, f"invariant 3: issued {issued} of {sources}"
        assert issued + reserve + gifts == sources, f"invariant 3: {issued} + {reserve} + {gifts} is not {sources}"
        assert next_epoch == model.next_epoch, f"invariant 3: next epoch {next_epoch}, not {model.next_epoch}"
        assert (reserve, gifts, release) == (model.reserve, model.waiting_gifts, model.last_release), (
            f"invariant 3: reserve, gifts, last release {(reserve, gifts, release)}"
        )

        for holder, balance in held.items():
            due = model.purses[holder]
            assert balance == due, f"invariant 4: {holder} holds {balance}, by the rules {due} ({balance - due:+})"

        for holder, (settled, _, accruing) in slots.items():
            before = self.settled_before.get(holder, 0)
            assert settled >= before or holder in self.willing, f"invariant 5: {holder} lost {before - settled}"
            self.settled_before[holder] = settled
            shown = self.explorer[holder]
            assert settled == shown, f"the Transfer events of {holder} add up to {shown}, settled are {settled}"
            active = model.leaf_of(holder) is not None
            assert accruing == active, f"invariant 10: {holder} accrues {accruing}, active {active}"
        self.willing.clear()
        self.last_release = release

        assert heads == len(model.leaves), f"invariant 10: headcount {heads}, on the roll {len(model.leaves)}"
        assert batches == len(model.rolls), f"invariant 10: {batches} batches, not {len(model.rolls)}"
        assert escrow == model.in_escrow, f"invariant 11: escrow {escrow}, outstanding {model.in_escrow}"
        assert held[self.exchange] >= escrow, f"invariant 11: {held[self.exchange]} covers no escrow of {escrow}"
        assert sold == model.tickets_sold, f"invariant 11: {sold} vouchers, not {model.tickets_sold}"
        for number, voucher in zip(newest, rest[2 * len(held) :], strict=True):
            self._check_voucher(number, voucher)

    def _check_voucher(self, number: int, voucher: tuple[int, ...]) -> None:
        t = self.model.tickets[number]
        shares = (int(t.fee_share * BPS), int(t.recirculated_share * BPS))
        expected = (t.units, t.delivered, t.facility, t.epoch, t.compute_class, *shares, t.price, t.paid_out, t.hands)
        assert voucher == expected, f"invariant 11: voucher {number} is {voucher}, not {expected}"

    def teardown(self) -> None:
        """At the end of each sequence, what is too much to read after each step."""
        self._check_records()
        self._check_citizens()
        model, desk = self.model, self.world.desk
        tickets = sorted(model.tickets)
        vouchers = desk.read([desk.view("exchange", "voucherOf", number) for number in tickets])
        owners = desk.read([desk.view("exchange", "ownerOf", number) for number in tickets])
        for number, voucher, owner in zip(tickets, vouchers, owners, strict=True):
            self._check_voucher(number, voucher)
            assert owner == model.tickets[number].holder, f"voucher {number} is {owner}'s"

    def _check_records(self) -> None:
        model, desk = self.model, self.world.desk
        running = model.epoch_at(self.world.evm.now)
        kept = [epoch for epoch in model.told if epoch + 14 > running]
        records = desk.read([desk.view("oracles", "recordOf", epoch) for epoch in kept])
        for epoch, record in zip(kept, records, strict=True):
            told = model.told[epoch]
            commitment, output, of_epoch, accepted_at, signers, version, void = record
            assert signers.bit_count() >= 3, f"invariant 7: epoch {epoch} has {signers.bit_count()} signers"
            assert signers == sum(1 << n for n in told.signers), f"invariant 7: epoch {epoch} signed by {signers:b}"
            assert output == told.output, f"invariant 8: epoch {epoch} output {output}, readings {told.output}"
            assert commitment == told.commitment, f"invariant 8: epoch {epoch} commits to other readings"
            assert (of_epoch, accepted_at, version, void) == (epoch, told.accepted_at, 1, False), f"record {record}"

    def _check_citizens(self) -> None:
        model, desk = self.model, self.world.desk
        used = desk.read([desk.view("citizens", "isLeafUsed", leaf.batch, leaf.index) for leaf in model.leaves])
        assert used == [leaf.active for leaf in model.leaves], f"invariant 10: leaves used {used}"
        accounts = [person.address for person in self.citizens]
        standings = desk.read([desk.view("citizens", "citizenOf", account) for account in accounts])
        for account, standing in zip(accounts, standings, strict=True):
            leaf = model.leaf_of(account)
            expected = (0, 0, 0, 0, 0)
            if leaf is not None:
                expected = (self.activated_at[account], 0, leaf.batch, leaf.index, model.rolls[leaf.batch].region)
            assert standing == expected, f"invariant 10: {account} stands {standing}, not {expected}"
        regions = sorted(model.rules.region_caps)
        counts = desk.read([desk.view("citizens", "regionOf", region) for region in regions])
        for region, (heads, _) in zip(regions, counts, strict=True):
            assert heads == model.heads_in(region), f"invariant 10: region {region} has {heads} heads"


AGGREGATES = ("issued", "reserve", "recirculated", "headcount", "nextEpoch", "lastRelease")

FAULTS = ("early", "late", "forged", "to nobody", "too much", "used", "malleable")
"""What can be wrong with a signed payment."""

DEEDS = (
    "enrol",
    "activate",
    "report",
    "skip",
    "expire",
    "distribute",
    "pay",
    "approve",
    "pay_for",
    "permit",
    "relay",
    "relay batch",
    "relay batch with a bad item",
    "collect",
    "cancel",
    "recycle",
    "recirculate",
    "offer",
    "buy",
    "buy signed",
    "deliver",
    "hand over",
    "refund",
    "change terms",
    "change shares",
    "hibernate",
    "enrol beyond the cap",
    "distribute to nobody",
    "distribute too early",
    "pay too much",
    "pay beyond the allowance",
    "collect another's payment",
    "recycle too much",
    "recirculate too much",
    "buy without the money",
    "bad enrol",
    "bad activate",
    "bad report",
    "bad relay",
    "bad permit",
    "bad offer",
    "bad buy",
    "bad deliver",
    "overreach",
)
"""Everything that must have happened at least once in a run, the ill-formed attempts last."""


def malleable(signature: bytes) -> bytes:
    """The second form of the same signature, with `s` in the upper half order."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([55 - signature[64]])


def recovered_from(signature: bytes, digest: bytes) -> str:
    """Whose signature over this digest it is; nobody's account if it is none."""
    try:
        return Signature.from_bytes(signature).recover(digest)
    except SignatureError:
        return ZERO


def purchase_nonce(place: tuple[int, int, int], units: int, salt: bytes) -> bytes:
    """The nonce that binds a payment to a purchase (docs/protocol.md)."""
    return keccak(encode(["uint256"] * 4 + ["bytes32"], [*place, units, salt]))


def run(world: World, profile: str, seed_number: int, part: int = 1) -> None:
    """One run of the machine under a profile of `PROFILES`, or a part of one."""
    chosen = PROFILES[profile]
    LoopMachine.world = world
    machine = seed(seed_number)(type("LoopMachine", (LoopMachine,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            **{**chosen, "max_examples": chosen["max_examples"] // part}
        ),
    )


def test_loop__any_sequence_of_acts__invariants_hold(world: World) -> None:
    profile = os.environ.get("SBI_LOOP", "short")
    seed_number = int(os.environ.get("SBI_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nthe loop: profile {profile}; the same again: SBI_LOOP={profile} SBI_SEED={seed_number}")
    # A run that never came to some deed has not tested it: a few more sequences then.
    for extra in range(9):
        run(world, profile, seed_number + extra, part=4 if extra else 1)
        missing = [deed for deed in DEEDS if not world.done[deed]]
        if not missing or profile == "hunt":
            break
    print("held      " + ", ".join(f"{deed} {world.done[deed]}" for deed in DEEDS))
    print("refused   " + ", ".join(f"{name} {count}" for name, count in sorted(world.refused.items())))
    assert not missing or profile == "hunt", f"never happened: {missing}"
