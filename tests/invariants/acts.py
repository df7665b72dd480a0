"""Everything that people do, as rules: the machine's act and the model's, side by side."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from sbi_network.protocol.signature import CURVE_ORDER, Signature
from tests.invariants.citizenry import Fate, Leaf
from tests.invariants.model import Standing, Terms
from tests.invariants.model import Told as Accepted
from tests.invariants.nation import (
    BPS,
    BRAKE_SPAN,
    CAPACITIES,
    DISPUTE,
    EPOCH,
    EXPIRY,
    ONCE,
    OTHER_RATE,
    OTHER_RELEASE_BPS,
    RATE,
    SHARES_BPS,
    ZERO,
    Nation,
)
from tests.invariants.sureties import QUORUM
from tests.invariants.trees import Tree, leaf_bytes
from tests.support.abi import Reply
from tests.support.actors import END_OF_TIME, Payment, Person, Told, altered, roll_of

DISTRIBUTED_IN_VAIN = {
    "NoCitizens": "distribute to nobody",
    "EpochNotFinal": "distribute too early",
    "IssuanceIsHalted": "distribute while halted",
    "EpochHeld": "distribute what is held",
}
FAULTS = ("early", "late", "forged", "to nobody", "too much", "used", "malleable")
"""What can be wrong with a signed payment."""


class Acts(Nation):
    """The acts. Each picks what is possible by the model; where it may be too much, the model says what then."""

    # The start

    @initialize(data=st.data(), begun=st.sampled_from([True] * 7 + [False]))
    def start(self, data: st.DataObject, begun: bool) -> None:
        """Mostly a loop that has begun: people on the roll, an epoch distributed, something on offer."""
        if not begun:
            self._distribute(self.people.stranger)
            return
        self._enrol(1, [citizen.address for citizen in self.citizens[:3]], 1)
        for index in range(data.draw(st.integers(1, 3), label="activate")):
            self._activate(self.people.relayer, self.model.rolls[0].leaves[index])
        self.wake = self.model.end_of(0)
        self._report(0, [tuple(amount // 2 for amount in most) for most in CAPACITIES], [0, 1, 2], 0)  # type: ignore[misc]
        self.wake = self.at + DISPUTE
        self._distribute(self.people.stranger)
        if data.draw(st.booleans(), label="a second roll"):
            self._second_roll(data)
        place = (0, data.draw(st.integers(0, 2), label="class"), self.model.epoch_at(self.at) + 1)
        self._offer(*place, 70_000)
        if data.draw(st.booleans(), label="buy"):
            self._buy_signed(self.citizens[0], place, 1_000, self.model.price(place[1], 1_000, self.at))
            if delivered := data.draw(st.integers(0, 999), label="delivered"):
                self._deliver(self.people.relayer, 0, delivered)

    def _second_roll(self, data: st.DataObject) -> None:
        """Another registrar enrols two of the same people, one of them twice, and somebody else."""
        accounts = [self.citizens[number].address for number in (1, 2, 2, 3)]
        self._enrol(2, accounts, data.draw(st.sampled_from([1, 2]), label="region"))
        if len(self.model.rolls) > 1:
            fit = [leaf for leaf in self.model.rolls[1].leaves if self.model.can_present(leaf)]
            if len(fit) > 0 and data.draw(st.booleans(), label="activate the later leaf"):
                self._activate(self.people.relayer, data.draw(st.sampled_from(fit), label="leaf"))

    # The roll

    def registrar(self, number: int) -> Person:
        """Who holds this registrar's office, or held it last."""
        return self.by_address[self.model.offices[number]]

    @rule(data=st.data(), region=st.sampled_from([1, 1, 2]), number=st.sampled_from([1, 1, 2]))
    def enrol(self, data: st.DataObject, region: int, number: int) -> None:
        """Anybody, in one batch or another, some twice: no registrar sees all rolls."""
        everybody = [person.address for person in self.citizens]
        anew = st.sampled_from([who for who in everybody if who not in self.model.lives] or everybody)
        again = st.sampled_from([leaf.account for leaf in self.model.leaves] or everybody)
        accounts = data.draw(st.lists(st.one_of(anew, again), min_size=1, max_size=3), label="accounts")
        self._enrol(number, accounts, region)

    def _enrol(self, number: int, accounts: list[str], region: int) -> None:
        roll, at = roll_of(accounts, str(len(self.model.rolls))), self.at
        reply = self.do.enrol(self.registrar(number), roll, region)
        heads, cap = self.model.heads_in(region) + len(accounts), self.model.region_caps[region]
        if heads > cap:
            self.refused("enrol beyond the cap", reply, "RegionFull", region=region, headcount=heads, cap=cap)
            return
        arrived, most = self.model.arrived(region, at), self.model.most_arrivals(region, at)
        if arrived > most:
            self.refused("enrol in a rush", reply, "EnrolmentHeld", region=region, enrolled=arrived, most=most)
            return
        self.held("enrol", reply)
        self.model.enrol(roll, region, number, at, self.model.next_epoch)
        braked = [event.values for event in reply.named("EnrolmentBraked")]
        rush = arrived + len(accounts)
        expected = [{"region": region, "enrolled": rush, "most": most}] if rush > most else []
        assert braked == expected, f"region {region} is braked as {braked}, by the rules {expected}"

    def presentable(self) -> list[Leaf]:
        """Leaves that can be activated, or take the place of the active one."""
        return [leaf for leaf in self.model.leaves if self.model.can_present(leaf)]

    @precondition(lambda self: self.presentable())
    @rule(data=st.data(), paying=st.booleans())
    def activate(self, data: st.DataObject, paying: bool) -> None:
        """A first leaf or an earlier one, by itself or with a payment."""
        leaf = data.draw(st.sampled_from(self.presentable()), label="leaf")
        if paying:
            self._activate_and_pay(data, leaf)
        else:
            self._activate(self.anybody(data), leaf)

    def _activate(self, sender: Person, leaf: Leaf) -> None:
        at = self.at
        reply = self.do.activate(sender, leaf.batch, self.model.rolls[leaf.batch].tree, leaf.index)
        self._presented(leaf, reply, at)

    def _presented(self, leaf: Leaf, reply: Reply, at: int, chosen: bool = False) -> None:
        life = self.model.lives.get(leaf.account)
        name = "activate" if life is None else "replace" if life.until is None else "present after the end"
        if self.model.returns_by(leaf):
            name = "return to life"
        self.held("choose" if chosen else name, reply)
        self.model.present(leaf, at, chosen)

    @precondition(lambda self: any(leaf.fate is Fate.HELD for leaf in self.model.leaves))
    @rule(data=st.data())
    def pay_first(self, data: st.DataObject) -> None:
        """The first payment of somebody for whom another was quicker to activate."""
        held = [leaf for leaf in self.model.leaves if self.model.holder_of(leaf) == leaf.account]
        if held:
            self._activate_and_pay(data, data.draw(st.sampled_from(held), label="leaf"))

    def _activate_and_pay(self, data: st.DataObject, leaf: Leaf) -> None:
        model, payer, at = self.model, self.by_address[leaf.account], self.at
        presenting = leaf.fate is Fate.WAITING
        have = model.purses[payer.address] + (model.gain(leaf) if presenting else 0)
        over = data.draw(st.integers(0, 3), label="over") == 0
        payment = self.do.promise(payer, self.payee(data), have + 1 if over else self.amount(data, have), self.fresh())
        tree = model.rolls[leaf.batch].tree
        reply = self.do.activate_and_pay(self.people.relayer, leaf.batch, tree, leaf.index, payment)
        if over:
            values = {"sender": payer.address, "balance": have, "needed": have + 1}
            self.refused("activate and pay too much", reply, "ERC20InsufficientBalance", **values)
            return
        if presenting:
            self._presented(leaf, reply, at)
        self.held("activate and pay" if presenting else "pay by an activated leaf", reply)
        self._paid(payment)

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
        told = self.do.agree(epoch, raws, self.config_of(epoch), SHARES_BPS, view)
        at, standing = self.at, self.standing(epoch, signers)
        reply = self.do.report(self.people.stranger, told, self.co_sign(told, signers))
        if len(standing) < QUORUM:
            self.refused("report without standing", reply, "QuorumNotReached", given=len(standing), quorum=QUORUM)
            return
        self.held("report", reply)
        self._told(epoch, told, raws, standing, at)

    def _told(self, epoch: int, told: Told, raws: list[tuple[int, int, int]], signers: list[int], at: int) -> None:
        output = self.model.public_output(raws)
        assert told.report.public_output == output, "the protocol's public output is not the model's"
        leaves = [(leaf, int.from_bytes(leaf.sums.pack())) for leaf in told.tree.leaves]
        tree = Tree([(leaf_bytes(leaf.facility, sums, leaf.reading_digest), sums) for leaf, sums in leaves])
        assert tree.commitment == told.tree.commitment, "the protocol's tree is not the one in its description"
        self.model.told[epoch] = Accepted(output, at, frozenset(signers), tree, self.oracles_of(epoch))

    @rule(data=st.data())
    def distribute(self, data: st.DataObject) -> None:
        self._distribute(self.anybody(data))

    def _distribute(self, sender: Person) -> None:
        model, at, first = self.model, self.at, self.model.next_epoch
        reply = self.do.distribute(sender)
        refusal = model.why_not_distribute(at)
        if refusal:
            error, values = refusal
            self.refused(DISTRIBUTED_IN_VAIN[error], reply, error, **values)
            return
        before, gifts, seen = len(model.dividends), model.waiting_gifts, set(model.brakes.seen)
        most = model.brakes.most
        dealt = model.distribute(at)
        assert reply.ok, f"distribute of epoch {first} was refused: {reply.refusal}"
        told = [e for e in reply.events if e.name in ("DividendDistributed", "EpochPassed", "EpochExpired")]
        epochs = [e.values["epoch"] for e in told]
        assert epochs == list(range(first, first + dealt)), f"invariant 3: passed {epochs}, not {dealt} from {first}"
        for event in told:
            if event.name == "DividendDistributed":
                self.held("distribute", reply)
                self._check_dividend(before, gifts, event.values)
            else:
                expected = "EpochExpired" if model.passed[event.values["epoch"]] is Standing.EXPIRED else "EpochPassed"
                assert event.name == expected, f"invariant 3: epoch {event.values['epoch']} passed as {event.name}"
                self.world.done["expire" if expected == "EpochExpired" else "skip"] += 1
        self._check_brake(reply, model.brakes.seen.keys() - seen, most)

    def _check_brake(self, reply: Reply, waiting: set[int], most: int) -> None:
        """An epoch that has to wait is said to, once."""
        told = [event.values for event in reply.named("EpochBraked")]
        span, model = self.model.rules.brakes.brake_span, self.model
        expected = [
            {
                "epoch": epoch,
                "publicOutput": model.told[epoch].output,
                "most": most,
                "until": model.end_of(epoch) + span,
            }
            for epoch in waiting
        ]
        assert told == expected, f"invariant 6: braked {told}, by the rules {expected}"
        self.world.done["brake"] += len(told)

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
        waiting = [told for epoch, told in model.told.items() if epoch >= model.next_epoch]
        moments |= {told.accepted_at + DISPUTE + told.extension for told in waiting}
        moments |= {model.expiry_of(ticket.epoch) for ticket in model.tickets.values()}
        moments |= {model.deadline_of(epoch) for epoch in self.due()}
        moments |= {leaf.act.due_at for leaf in model.leaves if leaf.act}
        future = sorted(moment + extra for moment in moments for extra in (0, 1) if moment + extra > now)
        self.wake = data.draw(st.sampled_from(future[:6] or [now + EPOCH]), label="until")

    @precondition(lambda self: self.model.heads)
    @rule(data=st.data())
    def live_through_an_epoch(self, data: st.DataObject) -> None:
        self._live_through_an_epoch(data)

    def _live_through_an_epoch(self, data: st.DataObject) -> None:
        """What happens mostly: the epoch ends, what is due is reported, becomes final and is distributed."""
        running = self.model.epoch_at(self.at)
        self.wake = self.model.end_of(running)
        for epoch in self.due():
            self._report(epoch, self.raws(data), list(range(4)), 0)
        # To the last second of the dispute window, in which the epoch must still wait, or the one after it.
        self.wake = self.world.evm.now + DISPUTE + data.draw(st.integers(0, 1), label="seconds after the window")
        for _ in range(4):
            if self.model.next_epoch <= running:
                self._distribute(self.people.stranger)
                self.everything_holds()
        if self.model.brakes.seen.get(self.model.next_epoch) is False:
            course = data.draw(st.sampled_from(["leave", "wait", "wait", "vote"]), label="a jump: what then")
            if course == "wait":
                self.wake = self.model.end_of(self.model.next_epoch) + BRAKE_SPAN
            elif course == "vote":
                self._resume()
            self._distribute(self.people.stranger)
            self.everything_holds()

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data(), second=st.integers(0, 1))
    def sleep_over_a_voucher(self, data: st.DataObject, second: int) -> None:
        """Until a voucher's last second, or the one after it."""
        ticket = self.model.tickets[data.draw(st.sampled_from(sorted(self.model.tickets)), label="voucher")]
        self.wake = self.model.expiry_of(ticket.epoch) + second

    @rule(lot=st.integers(0, 5), second=st.integers(0, 1))
    def hibernate(self, lot: int, second: int) -> None:
        """Until the next epoch expires; sometimes for more epochs than one call may pass over."""
        if lot == 0:
            self.wake = self.at + 70 * EPOCH
            self.world.done["hibernate"] += 1
        elif lot < 3:
            self.wake = self.model.end_of(self.model.next_epoch) + EXPIRY + second
        self._distribute(self.people.stranger)

    # Paying

    @rule(data=st.data(), over=st.integers(0, 3))
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
        self._approve(data, endless)

    def _approve(self, data: st.DataObject, endless: bool) -> None:
        owner = self.holder(data)
        spender = data.draw(st.sampled_from(self.spenders), label="spender")
        amount = END_OF_TIME if endless else self.amount(data, 2 * self.model.purses[owner.address])
        self.held("approve", self.do.approve(owner, spender.address, amount))
        self.model.allowances[owner.address, spender.address] = amount

    def allowed(self) -> list[tuple[str, str]]:
        """Who may spend whose money."""
        pairs = self.model.allowances.items()
        return sorted(pair for pair, allowed in pairs if allowed and pair[1] != self.exchange)

    @rule(data=st.data(), over=st.integers(0, 3))
    def pay_for(self, data: st.DataObject, over: int) -> None:
        if not self.allowed():
            self._approve(data, endless=False)
        if not self.allowed():
            return
        owner, spender = data.draw(st.sampled_from(self.allowed()), label="owner and spender")
        allowed, have = self.model.allowances[owner, spender], self.model.purses[owner]
        beyond = {0: have + 1, 1: min(allowed, END_OF_TIME - 1) + 1}
        amount = beyond[over] if over in beyond else self.amount(data, min(allowed, have))
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
        message, signature = self.do.permit(owner, spender.address, value, self.model.permits[owner.address], deadline)
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
        payments = [self.promise(data, fault and data.draw(st.sampled_from(FAULTS), label="fault")) for fault in faults]
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

    @rule(data=st.data(), over=st.integers(0, 3))
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

    @rule(data=st.data(), over=st.integers(0, 3))
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
        self._deliver(self.anybody(data), number, data.draw(st.integers(least, ticket.units), label="delivered"))

    def _deliver(self, sender: Person, number: int, delivered: int) -> None:
        ticket = self.model.tickets[number]
        _, signature = self.do.receipt(self.by_address[ticket.holder], number, ticket.hands, delivered)
        reply = self.do.deliver(sender, number, delivered, signature)
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
        to = data.draw(st.sampled_from(self.citizens), label="to")
        self.held("hand over", self.do.hand_over(self.by_address[ticket.holder], ticket.holder, to.address, number))
        ticket.holder = to.address
        ticket.hands += 1

    def stale_tickets(self) -> list[int]:
        """Vouchers that can be refunded."""
        return [n for n, ticket in self.model.tickets.items() if self.at > self.model.expiry_of(ticket.epoch)]

    @precondition(lambda self: self.model.tickets)
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        """As soon as it can be, or later."""
        number = data.draw(st.sampled_from(sorted(self.model.tickets)), label="voucher")
        ticket = self.model.tickets[number]
        self.wake = max(self.at, self.model.expiry_of(ticket.epoch) + 1)
        reply = self.held("refund", self.do.refund(self.anybody(data), number), self.exchange)
        amount = self.model.refund(number, self.exchange)
        (event,) = reply.named("VoucherRefunded")
        assert event.values == {"voucher": number, "holder": ticket.holder, "amount": amount}, "another refund"

    # Offices: what may change, changes by the timelock, later

    def _by_timelock(self, role: str, function: str, *arguments: Any) -> Reply:
        encoded = self.world.desk.codec.function(role, function, len(arguments)).encode(*arguments)
        salt = self.fresh()
        scheduled = self.do.schedule(self.people.deployer, role, encoded, 10, salt)
        assert scheduled.ok, f"the timelock refused to schedule: {scheduled.refusal}"
        self.wake = self.at + 10
        return self.do.execute(self.people.deployer, role, encoded, salt)

    def _resume(self) -> None:
        """By a vote, which lets whatever it is go on."""
        brakes, epoch = self.model.brakes, self.model.next_epoch
        reply = self._by_timelock("vault", "resume")
        at = self.world.evm.now
        if not brakes.resumes(epoch, at):
            self.refused("resume in vain", reply, "NothingToResume", epoch=epoch)
            return
        self.held("end a halt" if brakes.is_halted(at) else "let a jump go on", reply)
        brakes.resume(epoch, at)

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


def malleable(signature: bytes) -> bytes:
    """The second form of the same signature, with `s` in the upper half order."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([55 - signature[64]])


def purchase_nonce(place: tuple[int, int, int], units: int, salt: bytes) -> bytes:
    """The nonce that binds a payment to a purchase (docs/protocol.md)."""
    return keccak(encode(["uint256"] * 4 + ["bytes32"], [*place, units, salt]))
