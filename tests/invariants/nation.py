"""The nation that the loop happens to: the deployed suite, how an act is judged, and what must hold after each step."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from eth_account import Account
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from sbi_network.protocol.oracle_set import pack_signatures
from tests.conftest import People
from tests.invariants.brakes import BrakeRules
from tests.invariants.citizenry import Fate, Kind, Leaf
from tests.invariants.model import Model, Rules, Standing, Terms
from tests.invariants.model import Told as Accepted
from tests.invariants.sureties import BondRules, OracleSet, Pledge, Sureties
from tests.support.abi import TILL_CODE, Codec, Desk, Refusal, Reply
from tests.support.actors import Actors, Person, Told, known_of
from tests.support.evm import Evm, evm_of

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

ZERO = "0x" + "0" * 40
ONCE = 2**64
BPS = 10_000

# Odd figures, so that nothing divides; a floor that growth has to leave behind; caps that a few batches fill.
EPOCH, WINDOW, DISPUTE, EXPIRY, SETTLEMENT = 100, 150, 30, 700, 120
OBJECTION, TURNOVER = 130, 700
EXTENSION, HORIZON, LOCK, REVEAL = 60, 600, 700, 20
REQUIRED_BOND, REWARD_BPS, DEMAND_BOND = 1_000_003, 3_333, 10_007
SPARE_ORACLES = 20
HALT_SPAN, BRAKE_SPAN = 170, 190
JUMP_FLOOR, JUMP_BPS = 2_000_003, 13_007
RUSH_FLOOR, RUSH_BPS = 5, 5_003
"""Of a region: how many may be enrolled in a period before its enrolment rests."""

REGISTERED = 3
"""Facilities in the registry: those that report, and one that never ran."""

CAPACITIES = ((1_000_000, 500_000, 250_000), (600_000, 0, 70_000))
SHARES_BPS = (10_000, 3_333)
RATE, MAX_RATE = 3_300_000_000_007, 3_300_000_000_011
OTHER_RATE, OTHER_RELEASE_BPS = 2_199_999_999_973, 9_999
CAP, OTHER_CAP = 9, 3
OVERRIDES: dict[str, Any] = {
    "clock.epoch_length_s": EPOCH,
    "clock.report_window_s": WINDOW,
    "clock.dispute_window_s": DISPUTE,
    "clock.max_extension_s": EXTENSION,
    "clock.ring_epochs": 16,
    "policy.rate_wei_per_ngaicph": RATE,
    "policy.release_bps": 3_333,
    "vault.expiry_age_s": EXPIRY,
    "vault.max_rate_wei_per_ngaicph": MAX_RATE,
    "vault.release_floor_wei": 2**40 * 10**6 + 7,
    "vault.growth_bps": 12_501,
    "vault.halt_span_s": HALT_SPAN,
    "vault.brake_span_s": BRAKE_SPAN,
    "vault.jump_floor_ngaicph": JUMP_FLOOR,
    "vault.jump_bps": JUMP_BPS,
    "citizens.jump_floor": RUSH_FLOOR,
    "citizens.jump_bps": RUSH_BPS,
    "disputes.evidence_horizon_s": HORIZON,
    "disputes.lock_time_s": LOCK,
    "disputes.reveal_window_s": REVEAL,
    "disputes.required_bond_wei": REQUIRED_BOND,
    "disputes.reward_bps": REWARD_BPS,
    "disputes.demand_bond_wei": DEMAND_BOND,
    "exchange.settlement_window_s": SETTLEMENT,
    "exchange.fee_bps": 1_003,
    "exchange.recirculate_bps": 2_001,
    "citizens.objection_delay_s": OBJECTION,
    "citizens.turnover_period_s": TURNOVER,
    "regions": {1: {"cap": CAP, "turnover_cap": 2}, 2: {"cap": OTHER_CAP, "turnover_cap": 1}},
}

AGGREGATES = ("issued", "reserve", "recirculated", "headcount", "nextEpoch", "lastRelease", "haltedUntil", "peakOutput")


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
    till: str
    guardian: str
    signers: dict[str, LocalAccount]
    verifiers: tuple[str, str]
    mark: object
    done: Counter[str]
    refused: Counter[str]


def found_world(people: People, chain: Any, project: Any) -> World:
    """Deploys a suite for the machine."""
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
    registrars = [people.registrar.address, people.reading_keys[0].address]
    recipe = load_recipe("local", {**OVERRIDES, "facilities": facilities, "registrars": registrars})
    genesis = chain.blocks.head.timestamp + 10_000
    suite = deploy_suite(recipe, people.deployer.account, genesis)
    till = open_till(people.deployer, chain)
    policy = people.deployer.account.deploy(project.IssuancePolicy, OTHER_RATE, OTHER_RELEASE_BPS)
    libraries = (project.get_contract(name) for name in ("SignatureLib", "FieldLib"))
    errors = [abi for library in libraries for abi in library.contract_type.errors]
    config = known_of(suite.oracles.configAt(0))
    govern(people.deployer, suite, chain, "registerFacility", till, till, 1, list(CAPACITIES[0]), BPS)
    govern(people.deployer, suite, chain, "scheduleFacilityTerms", 2, list(CAPACITIES[0]), BPS, False, 0)
    evm = evm_of(chain.provider)
    spare = [Account.from_key(keccak(text=f"oracle {number}")) for number in range(SPARE_ORACLES)]
    world = World(
        evm=evm,
        desk=Desk(evm, Codec(suite, errors)),
        people=people,
        rules=Rules(
            genesis=genesis,
            epoch_length=EPOCH,
            report_window=WINDOW,
            dispute_window=DISPUTE,
            max_extension=EXTENSION,
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
            turnover_caps={number: region.turnover_cap for number, region in recipe.regions.items()},
            objection_delay=OBJECTION,
            turnover_period=TURNOVER,
            offices=dict(enumerate(registrars, start=1)),
            rush_floor=RUSH_FLOOR,
            rush=Fraction(RUSH_BPS, BPS),
            brakes=BrakeRules(HALT_SPAN, BRAKE_SPAN, JUMP_FLOOR, Fraction(JUMP_BPS, BPS)),
        ),
        terms=Terms(0, RATE, Fraction(recipe.policy.release_bps, BPS)),
        shares=(Fraction(recipe.exchange.fee_bps, BPS), Fraction(recipe.exchange.recirculate_bps, BPS)),
        config=config,
        addresses=suite.addresses(),
        chain_id=chain.chain_id,
        other_policy=policy.address,
        till=till,
        guardian=recipe.governance.guardian,
        signers={key.address: key for key in (*(person.key for person in people.oracles), *spare)},
        verifiers=(suite.verifier.address, suite.disputes.address),
        mark=None,
        done=Counter(),
        refused=Counter(),
    )
    bond_all(world)
    return world


def open_till(banker: Person, chain: Any) -> str:
    """A contract that pays for bonds and demands: `Evm` sends no coins."""
    ecosystem = chain.provider.network.ecosystem
    return str(banker.account.call(ecosystem.create_transaction(data=TILL_CODE, value=10**18)).contract_address)


def govern(proposer: Person, suite: Any, chain: Any, function: str, *arguments: Any) -> None:
    """Has the timelock change something about the facilities, before genesis."""
    data = getattr(suite.oracles, function).encode_input(*arguments)
    call = (suite.oracles.address, 0, data, bytes(32), bytes(32))
    suite.timelock.schedule(*call, 10, sender=proposer.account)
    chain.mine(timestamp=chain.blocks.head.timestamp + 11)
    suite.timelock.execute(*call, sender=proposer.account)


def bond_all(world: World) -> None:
    """Puts up a bond for every oracle, those in reserve included."""
    people, evm = world.people, world.evm
    do: Actors[Any] = Actors(None, world.addresses, world.chain_id, (), ())  # type: ignore[arg-type]
    for signer, key in world.signers.items():
        order = (signer, do.consent(key, world.till))
        at = evm.now + 1
        reply = world.desk.send_through(people.deployer.key, world.till, REQUIRED_BOND, "bonds", "bond", *order, at=at)
        assert reply.ok, f"no bond for {signer}: {reply.refusal}"


class Nation(RuleBasedStateMachine):
    """Ten people, two registrars, two facilities, four oracles: who acts, how acts are judged, what always holds."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        world = self.world
        world.mark = world.evm.restore(world.mark)
        self.people = world.people
        # Whoever holds money may be a citizen; the region caps let about as many on the roll, some of them twice.
        self.citizens = (
            *self.people.citizens,
            self.people.merchant,
            *self.people.operators,
            self.people.relayer,
        )
        self.model = Model(world.rules, world.terms, world.shares, self._sureties())
        self.do: Actors[Reply] = Actors(
            self._send, world.addresses, world.chain_id, self.people.oracles, self.people.reading_keys
        )
        self.exchange = world.addresses["exchange"]
        self.wake = world.rules.genesis
        self.serial = 0
        self.ever_registrars = set(world.rules.offices.values())
        self.willing: set[str] = set()
        self.settled_before: dict[str, int] = {}
        self.explorer: Counter[str] = Counter()
        self.last_release = 0
        self.unread = self.roll_unread = self.bonds_unread = True
        self.kept_receipts: list[tuple[int, int, bytes]] = []
        self.holders = [*(person.address for person in self.citizens), self.exchange]
        self.by_address = {person.address: person for person in self.people.everybody}
        self.spenders = [self.people.merchant, self.people.stranger]

    # Sending and judging

    @property
    def at(self) -> int:
        """The time of the next transaction."""
        return max(self.world.evm.now + 1, self.wake)

    def _send(self, sender: Person, role: str, function: str, *arguments: Any) -> Reply:
        return self._noted(role, self.world.desk.send(sender.key, role, function, *arguments, at=self.at))

    def _send_coins(self, value: int, role: str, function: str, *arguments: Any) -> Reply:
        """The till sends, with coins of its own."""
        sender, till = self.people.deployer.key, self.world.till
        reply = self.world.desk.send_through(sender, till, value, role, function, *arguments, at=self.at)
        return self._noted(role, reply)

    def _noted(self, role: str, reply: Reply) -> Reply:
        if reply.ok:
            self.bonds_unread |= role in ("bonds", "disputes")
            self.unread = True
            self.roll_unread |= role in ("citizens", "timelock")
            for event in reply.events:
                if event.role == "token" and event.name == "Transfer":
                    self.explorer[event.values["from"]] -= event.values["value"]
                    self.explorer[event.values["to"]] += event.values["value"]
        return reply

    def _sureties(self) -> Sureties:
        world = self.world
        rules = BondRules(REQUIRED_BOND, Fraction(REWARD_BPS, BPS), LOCK, HORIZON, REVEAL, DEMAND_BOND)
        first = OracleSet(0, 1, world.config[0], tuple(person.address for person in world.people.oracles))
        return Sureties(rules, [first], {signer: Pledge(world.till, REQUIRED_BOND) for signer in world.signers})

    def oracles_of(self, epoch: int) -> OracleSet:
        return self.model.sureties.set_at(epoch)

    def config_of(self, epoch: int) -> tuple[bytes, int, tuple[int, int, int]]:
        """What a report of an epoch names: the weights never change here."""
        return (self.oracles_of(epoch).digest, *self.world.config[1:])

    def standing(self, epoch: int, numbers: Iterable[int] = range(4)) -> list[int]:
        """Which of these oracles stand for an epoch."""
        standing = self.model.sureties.standing_of(self.oracles_of(epoch).oracles)
        return [number for number in numbers if number in standing]

    def co_sign(self, told: Told, numbers: Iterable[int]) -> bytes:
        """The signatures of an epoch's own oracles."""
        oracles = self.oracles_of(told.report.epoch).oracles
        keys = {number: self.world.signers[oracles[number]] for number in numbers}
        return pack_signatures({n: told.report.sign(key, self.do.registry_domain) for n, key in keys.items()})

    def held(self, name: str, reply: Reply, *willing: str) -> Reply:
        """The act was good and must hold; it may have cost the `willing` something."""
        assert reply.ok, f"{name} was refused: {reply.refusal}"
        self.world.done[name] += 1
        self.willing.update(willing)
        return reply

    def refused(self, rule_name: str, reply: Reply, error: str, **values: Any) -> None:
        """The act was ill-formed and must meet this error with these values."""
        expected = str(Refusal(error, values))
        assert not reply.ok, f"{rule_name} held; expected {expected}"
        assert str(reply.refusal) == expected, f"{rule_name}: met {reply.refusal}, expected {expected}"
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
        rich = [person for person in self.citizens if self.model.purses[person.address]]
        return data.draw(st.sampled_from(rich or self.citizens), label="holder")

    def payee(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self.holders), label="payee")

    def amount(self, data: st.DataObject, most: int) -> int:
        """Nothing, a little, some or all of it."""
        return data.draw(
            st.one_of(st.sampled_from(sorted({0, min(1, most), most // 2, most})), st.integers(0, most)), label="amount"
        )

    # What must hold after each step

    def watched(self) -> list[str]:
        """Whoever may have something by now. That the others have nothing shows in the total."""
        known = {*self.model.purses, *self.model.lives, *self.explorer, self.exchange}
        return [holder for holder in self.holders if holder in known]

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
        holders = self.watched()
        balances = [desk.view("token", "balanceOf", holder) for holder in holders]
        accounts = [desk.view("token", "accountOf", holder) for holder in holders]
        newest = sorted(model.tickets)[-2:]
        vouchers = [desk.view("exchange", "voucherOf", number) for number in newest]
        answers = desk.read([*aggregates, *balances, *accounts, *vouchers])
        supply, recycled, issued, reserve, gifts, heads, next_epoch, release, halted, peak, *rest = answers
        batches, escrow, sold, *rest = rest
        held = dict(zip(holders, rest, strict=False))
        slots = dict(zip(holders, rest[len(held) :], strict=False))

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
        brakes = model.brakes
        by_the_rules = (brakes.halted_until or 0, not brakes.may_halt)
        assert halted == by_the_rules, f"invariant 6: halted until, spent {halted}, by the rules {by_the_rules}"
        assert peak == brakes.peak, f"invariant 6: recent peak {peak}, by the rules {brakes.peak}"

        for holder, balance in held.items():
            due, life = model.purses[holder], model.lives.get(holder)
            number = 4 if life is None or life.until is None else 9
            difference = f"{holder} holds {balance}, by the rules {due} ({balance - due:+})"
            assert balance == due, f"invariant {number}: {difference}"

        for holder, (settled, _, accruing) in slots.items():
            before = self.settled_before.get(holder, 0)
            assert settled >= before or holder in self.willing, f"invariant 5: {holder} lost {before - settled}"
            self.settled_before[holder] = settled
            shown = self.explorer[holder]
            assert settled == shown, f"the Transfer events of {holder} add up to {shown}, settled are {settled}"
            active = model.lives_now(holder)
            number = 9 if holder in model.lives else 10
            assert accruing == active, f"invariant {number}: {holder} accrues {accruing}, active {active}"
        self.willing.clear()
        self.last_release = release

        assert heads == len(model.heads), f"invariant 10: headcount {heads}, on the roll {len(model.heads)}"
        assert batches == len(model.rolls), f"invariant 10: {batches} batches, not {len(model.rolls)}"
        assert escrow == model.in_escrow, f"invariant 11: escrow {escrow}, outstanding {model.in_escrow}"
        assert held[self.exchange] >= escrow, f"invariant 11: {held[self.exchange]} covers no escrow of {escrow}"
        assert sold == model.tickets_sold, f"invariant 11: {sold} vouchers, not {model.tickets_sold}"
        for number, voucher in zip(newest, rest[2 * len(held) :], strict=True):
            self._check_voucher(number, voucher)
        if self.roll_unread:
            self.roll_unread = False
            self._check_citizens()

    def _check_voucher(self, number: int, voucher: tuple[int, ...]) -> None:
        t = self.model.tickets[number]
        shares = (int(t.fee_share * BPS), int(t.recirculated_share * BPS))
        expected = (t.units, t.delivered, t.facility, t.epoch, t.compute_class, *shares, t.price, t.paid_out, t.hands)
        assert voucher == expected, f"invariant 11: voucher {number} is {voucher}, not {expected}"

    def teardown(self) -> None:
        """At the end of each sequence, what is too much to read after each step."""
        if sys.exc_info()[0] is not None:
            return  # a sequence that failed has said what there is to say
        self._check_records()
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
            commitment, output, of_epoch, accepted_at, signers, version, extension, demands, void = record
            state = f"record {record} of epoch {epoch}"
            assert signers.bit_count() >= 3, f"invariant 7: epoch {epoch} has {signers.bit_count()} signers"
            assert signers == sum(1 << n for n in told.signers), f"invariant 7: epoch {epoch} signed by {signers:b}"
            assert output == told.output, f"invariant 8: epoch {epoch} output {output}, readings {told.output}"
            assert commitment == told.tree.commitment, f"invariant 8: epoch {epoch} commits to other readings"
            assert (of_epoch, accepted_at, version) == (epoch, told.accepted_at, told.of.version), state
            expected = (told.extension, told.unanswered, told.void)
            assert (extension, demands, void) == expected, f"invariant 7: {state}, by the rules {expected}"
        outs = [(epoch, facility) for epoch in kept for facility in range(model.told[epoch].tree.count)]
        answers = desk.read([desk.view("disputes", "isTakenOut", *leaf) for leaf in outs])
        for (epoch, facility), out in zip(outs, answers, strict=True):
            assert out == (facility in model.told[epoch].taken_out), f"invariant 8: leaf {facility} of epoch {epoch}"
        slashed = desk.read([desk.view("disputes", "signersSlashed", epoch) for epoch in kept])
        assert slashed == [model.told[epoch].slashed for epoch in kept], f"signers slashed: {slashed} of {kept}"
        outcomes = desk.read([desk.view("oracles", "outcomeOf", epoch) for epoch in kept])
        for epoch, (outcome, output) in zip(kept, outcomes, strict=True):
            # A view is asked for at the second of the last block or, by Ape's EVM, the one after it.
            standing = model.standing_of(epoch, self.world.evm.now)
            if standing != model.standing_of(epoch, self.world.evm.now + 1):
                continue
            given = model.told[epoch].output if standing in (Standing.PENDING, Standing.FINAL) else 0
            assert (outcome, output) == (standing, given), f"invariant 8: epoch {epoch} stands {outcome}, {output}"

    @invariant()
    def coins_hold(self) -> None:
        """Every coin put up is somewhere, and who stands is known."""
        if not self.bonds_unread:
            return
        self.bonds_unread = False
        model, desk, at = self.model, self.world.desk, self.world.evm.now
        bonds, addresses = model.sureties, self.world.addresses
        told: dict[int, Accepted] = model.told
        open_bonds = sum(d.bond for each in told.values() for d in each.demands.values() if d.open)
        held = desk.balances([addresses["bonds"], addresses["disputes"]])
        pledged = sum(pledge.amount for pledge in bonds.pledges.values())
        expected = [pledged + bonds.due.total() + bonds.forfeited, open_bonds + model.prizes.total()]
        assert held == expected, f"bonds and disputes hold {held}, by the rules {expected}"
        # Of the others the totals would show it.
        untouched = Pledge(self.world.till, REQUIRED_BOND)
        touched = [signer for signer, pledge in bonds.pledges.items() if pledge != untouched]
        signers = sorted({*touched, *bonds.slashed})
        payees = sorted({*bonds.due, *model.prizes})
        upcoming = model.epoch_at(at) + 1
        answers = desk.read(
            [
                desk.view("bonds", "forfeited"),
                desk.view("oracles", "standingAt", upcoming),
                *(desk.view("bonds", "bondOf", signer) for signer in signers),
                *(desk.view("bonds", "due", payee) for payee in payees),
                *(desk.view("disputes", "due", payee) for payee in payees),
            ]
        )
        forfeited, (mask, quorum), *rest = answers
        assert forfeited == bonds.forfeited, f"forfeited {forfeited}, by the rules {bonds.forfeited}"
        standing = sum(1 << number for number in self.standing(upcoming))
        assert (mask, quorum) == (standing, 3), f"invariant 7: {mask:b} stand for {upcoming}, by the rules {standing:b}"
        for signer, bond in zip(signers, rest, strict=False):
            pledge, slashed = bonds.pledges.get(signer), signer in bonds.slashed
            wanted = (pledge.owner.lower(), pledge.unlocks_at or 0, False, pledge.amount) if pledge else ()
            assert bond == (wanted or (ZERO, 0, slashed, 0)), f"the bond of {signer} is {bond}, not {wanted}"
        dues = rest[len(signers) :]
        wanted_dues = [bonds.due[who] for who in payees] + [model.prizes[who] for who in payees]
        assert dues == wanted_dues, f"due are {dues}, by the rules {wanted_dues}"
        self._check_records()

    def _check_citizens(self) -> None:
        model, desk = self.model, self.world.desk
        leaves, regions = model.leaves, sorted(model.region_caps)
        accounts = sorted({*model.lives, *(leaf.account for leaf in leaves)})
        answers = iter(
            desk.read(
                [
                    *(desk.view("citizens", "isLeafUsed", *leaf.place) for leaf in leaves),
                    *(desk.view("citizens", "actOf", *leaf.place) for leaf in leaves),
                    *(desk.view("citizens", "citizenOf", account) for account in accounts),
                    *(desk.view("citizens", "regionOf", region) for region in regions),
                ]
            )
        )
        for leaf, used in zip(leaves, answers, strict=False):
            assert used == (leaf.fate is not Fate.WAITING), f"invariant 10: {leaf} is used: {used}"
        for leaf, act in zip(leaves, answers, strict=False):
            expected = self._act(leaf)
            assert act[: len(expected)] == expected, f"the act about {leaf} is {act}, not {expected}"
        for account, standing in zip(accounts, answers, strict=False):
            expected = self._standing(account)
            assert standing == expected, f"invariant 10: {account} stands {standing}, not {expected}"
        for region, roll in zip(regions, answers, strict=True):
            expected = self._region(region)
            assert roll == expected, f"invariant 10: region {region} is {roll}, not {expected}"

    def _standing(self, account: str) -> tuple[Any, ...]:
        life = self.model.lives.get(account)
        if life is None:
            return (0, 0, 0, 0, 0, False)
        return (life.since, life.until or 0, *life.leaf.place, life.leaf.region, life.chosen)

    def _region(self, region: int) -> tuple[int, ...]:
        """Headcount, its cap, turnover of the last period with any coming or going, its cap, that period, who came."""
        model = self.model
        last = max([*model.carried_out[region], *(at for at, _ in model.arrivals[region])], default=0)
        return (
            model.heads_in(region),
            model.region_caps[region],
            model.turnover(region, last),
            model.turnover_caps[region],
            last // TURNOVER,
            model.arrived(region, last),
        )

    def _act(self, leaf: Leaf) -> tuple[Any, ...]:
        """Of an act that ended only that it did; whether the citizen objected is kept."""
        act = leaf.act
        if act is None:
            return (int(Kind.NONE),)
        return (int(act.kind), act.due_at, leaf.objected, act.referred, act.upheld, (act.successor or ZERO).lower())
