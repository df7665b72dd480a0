"""What happens to a citizen's life as rules: several leaves, retirement, recovery, objections, offices and caps."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.invariants.acts import Acts
from tests.invariants.citizenry import Fate, Kind, Leaf
from tests.invariants.nation import CAP
from tests.support.abi import Reply
from tests.support.actors import Person


class Lives(Acts):
    """Acts about leaves. Where time or circumstances forbid one, the model says which error it meets."""

    # Several leaves

    def choosable(self) -> list[tuple[str, Leaf]]:
        """Who may settle on which leaf: on the one that it holds, or on another of its own."""
        model = self.model
        held = [(who, leaf) for leaf in model.leaves if (who := model.holder_of(leaf))]
        return held + [(leaf.account, leaf) for leaf in model.leaves if model.can_present(leaf, chosen=True)]

    @precondition(lambda self: self.choosable())
    @rule(data=st.data())
    def choose_leaf(self, data: st.DataObject) -> None:
        self._choose(data, *data.draw(st.sampled_from(self.choosable()), label="account and leaf"))

    def _choose(self, data: st.DataObject, account: str, leaf: Leaf) -> None:
        signed = data.draw(st.booleans(), label="signed")
        citizen, tree, at = self.by_address[account], self.model.rolls[leaf.batch].tree, self.at
        _, signature = self.do.choice(citizen, *leaf.place) if signed else (None, b"")
        sender = self.people.stranger if signed else citizen
        reply = self.do.choose_leaf(sender, leaf.batch, tree, leaf.index, signature, account)
        if leaf.fate is Fate.WAITING:
            self._presented(leaf, reply, at, chosen=True)
        else:
            self.held("choose the leaf held", reply)
            self.model.lives[account].chosen = True

    def unlived(self, two_offices: bool) -> list[tuple[Leaf, Leaf]]:
        """Pairs of leaves, an earlier and a later one, of accounts that were never active: of two offices or of one."""
        waiting = [leaf for leaf in self.model.leaves if leaf.fate is Fate.WAITING]
        return [
            (first, second)
            for first in waiting
            for second in waiting
            if first.place < second.place and first.account == second.account not in self.model.lives
            if (first.registrar != second.registrar) == two_offices
        ]

    @rule(
        data=st.data(),
        epoch=st.booleans(),
        course=st.sampled_from(["replace", "end", "end by proof", "choose", "void"]),
    )
    def come_to_light(self, data: st.DataObject, epoch: bool, course: str) -> None:
        """Somebody lives on one of two leaves, perhaps to the end, when the other turns up."""
        two_offices = data.draw(st.booleans(), label="of two offices")
        if not self.unlived(two_offices) and self.never_active():
            accounts = [data.draw(st.sampled_from(self.never_active()), label="account")]
            self._enrol(1, accounts, 1)
            if epoch and self.model.heads:
                self._live_through_an_epoch(data)
            self._enrol(1 + two_offices, accounts, data.draw(st.sampled_from([1, 2, 2]), label="region"))
        if not self.unlived(two_offices):
            return
        first, second = data.draw(st.sampled_from(self.unlived(two_offices)), label="leaves")
        if epoch:
            self._live_through_an_epoch(data)
        if course in ("choose", "void"):
            self._activate(self.people.relayer, first)
            self.everything_holds()
            self._void(data, second) if course == "void" else self._choose(data, second.account, second)
            return
        if course != "end by proof":
            self._activate(self.people.relayer, second)
        if course != "replace" and second.act is None:
            self._start(data, second, None if course == "end" else Kind.RETIREMENT)
            self._carry_out_in_time(data, second)
            if data.draw(st.booleans(), label="another epoch"):
                self._live_through_an_epoch(data)
        self.everything_holds()
        if self.model.can_present(first):
            self._activate(self.people.relayer, first)

    @precondition(lambda self: self.never_active())
    @rule(data=st.data(), by_proof=st.booleans())
    def be_ended_by_another_office(self, data: st.DataObject, by_proof: bool) -> None:
        """An office enrols a sleeping citizen of another and ends the life; then the citizen's own leaf shows."""
        accounts = [data.draw(st.sampled_from(self.never_active()), label="account")]
        self._enrol(1, accounts, 1)
        self._enrol(2, accounts, 2)
        pairs = [pair for pair in self.unlived(two_offices=True) if pair[0].account == accounts[0]]
        theirs = [(first, second) for first, second in pairs if second.act is None]
        if not theirs:
            return
        first, second = theirs[0]
        self._live_through_an_epoch(data)
        if not by_proof:
            self._activate(self.people.relayer, second)
        self._start(data, second, Kind.RETIREMENT if by_proof else None)
        self._carry_out_in_time(data, second)
        self._live_through_an_epoch(data)
        self.everything_holds()
        if self.model.can_present(first):
            self._activate(self.people.relayer, first)

    def surplus(self) -> list[Leaf]:
        """Leaves that are one too many."""
        return [leaf for leaf in self.model.leaves if self.model.can_void(leaf)]

    @precondition(lambda self: self.surplus())
    @rule(data=st.data())
    def void_leaf(self, data: st.DataObject) -> None:
        self._void(data, data.draw(st.sampled_from(self.surplus()), label="leaf"))

    def _void(self, data: st.DataObject, leaf: Leaf) -> None:
        """In the last second in which the account may choose, then in the first one after."""
        tree, allowed = self.model.rolls[leaf.batch].tree, self.model.void_from(leaf)
        if self.at < allowed:
            self.wake = allowed - 1
            early = self.do.void_leaf(self.people.stranger, leaf.batch, tree, leaf.index)
            self.refused("void too soon", early, "VoidTooSoon", allowedFrom=allowed, time=allowed - 1)
        before = sum(self.model.issued)
        reply = self.held("void", self.do.void_leaf(self.anybody(data), leaf.batch, tree, leaf.index))
        self.model.void(leaf)
        (event,) = reply.named("HeadDismissed")
        assert event.values["returned"] == before - sum(self.model.issued), "invariant 3: another amount un-issued"

    # Retirement and recovery

    def free_leaves(self) -> list[Leaf]:
        """Leaves about which an act can be started."""
        return [leaf for leaf in self.model.heads if leaf.act is None]

    def never_active(self) -> list[str]:
        """Accounts that may take over a share."""
        return [person.address for person in self.citizens if person.address not in self.model.lives]

    @precondition(lambda self: self.free_leaves())
    @rule(data=st.data(), then=st.sampled_from(["carry out", "carry out", "object", "object late", "withdraw", "wait"]))
    def act_on_leaf(self, data: st.DataObject, then: str) -> None:
        """Starts a retirement or a recovery; carries it out in time, meets an objection, or leaves it there."""
        leaf = data.draw(st.sampled_from(self.free_leaves()), label="leaf")
        self._start(data, leaf)
        if then == "carry out":
            self._carry_out_in_time(data, leaf)
        elif then.startswith("object") and leaf.fate is Fate.HELD:
            self.wake = leaf.act.due_at if then == "object late" and leaf.act else self.wake
            self._object(data, leaf)
        elif then == "withdraw":
            self.held("withdraw", self.do.withdraw_act(self.registrar(leaf.registrar), *leaf.place))
            leaf.act = None

    def _start(self, data: st.DataObject, leaf: Leaf, kind: Kind | None = None) -> None:
        registrar, at, holder = self.registrar(leaf.registrar), self.at, self.model.holder_of(leaf)
        successors = self.never_active() if holder else []
        if kind is None and successors:
            kind = data.draw(st.sampled_from([Kind.RETIREMENT, Kind.RECOVERY]), label="kind")
        successor = data.draw(st.sampled_from(successors), label="successor") if kind is Kind.RECOVERY else None
        if holder is None or successor is None:
            self.held("start retirement", self.do.start_retirement(registrar, *leaf.place))
            self.model.start(leaf, Kind.RETIREMENT, at)
            return
        _, signature = self.do.succession(self.by_address[successor], *leaf.place, holder)
        reply = self.do.start_recovery(registrar, *leaf.place, holder, successor, signature)
        self.held("start recovery", reply)
        self.model.start(leaf, Kind.RECOVERY, at, successor)

    @precondition(lambda self: self.never_active() and any(leaf.fate is Fate.HELD for leaf in self.free_leaves()))
    @rule(data=st.data())
    def lose_the_key(self, data: st.DataObject) -> None:
        """A citizen of some epochs gets a new account; the income of before stays where it is."""
        leaf = data.draw(st.sampled_from([leaf for leaf in self.free_leaves() if leaf.fate is Fate.HELD]), label="leaf")
        self._live_through_an_epoch(data)
        self._start(data, leaf, Kind.RECOVERY)
        self._carry_out_in_time(data, leaf)

    def pending(self) -> list[Leaf]:
        """Leaves about which there is an act."""
        return [leaf for leaf in self.model.leaves if leaf.act]

    @precondition(lambda self: self.pending())
    @rule(data=st.data(), due=st.booleans())
    def carry_out(self, data: st.DataObject, due: bool) -> None:
        """An act of before: now, or when it is due; what it is about may have changed since."""
        leaf = data.draw(st.sampled_from(self.pending()), label="leaf")
        if due:
            self._carry_out_in_time(data, leaf)
        else:
            self._carry_out(self.anybody(data), leaf)

    def _carry_out_in_time(self, data: st.DataObject, leaf: Leaf) -> None:
        """Where somebody is early, in the second before; then when it is due."""
        assert leaf.act is not None
        successor = leaf.act.successor
        if successor in self.never_active() and data.draw(st.integers(0, 2), label="a life of its own") == 0:
            self._live_otherwise(successor)
        if self.at < leaf.act.due_at and data.draw(st.booleans(), label="early"):
            self.wake = leaf.act.due_at - 1
            self._carry_out(self.people.stranger, leaf)
        self.wake = max(self.wake, leaf.act.due_at)
        self._carry_out(self.anybody(data), leaf)

    def _live_otherwise(self, successor: str) -> None:
        """Who is to take over a share becomes a citizen by a leaf."""
        if not any(leaf.account == successor for leaf in self.presentable()):
            if 1 in self.model.out_of_office:
                return
            self._enrol(1, [successor], 1)
        for leaf in [leaf for leaf in self.presentable() if leaf.account == successor][:1]:
            self._activate(self.people.stranger, leaf)

    def _carry_out(self, sender: Person, leaf: Leaf) -> None:
        assert leaf.act is not None
        at, kind, hindered = self.at, leaf.act.kind, self.model.hindrance(leaf, leaf.act.kind, self.at)
        name, reply, not_so = self._sent(sender, leaf)
        if refusal := not_so or hindered:
            error, values = refusal
            self.refused("act carried out in vain", reply, error, **values)
            return
        self.held(name, reply)
        if kind is Kind.RECOVERY:
            self.model.recover(leaf, at)
        else:
            self.model.retire(leaf, at)

    def _sent(self, sender: Person, leaf: Leaf) -> tuple[str, Reply, tuple[str, dict[str, Any]] | None]:
        """Carries out what is pending, by the one function that may do it; and why the leaf itself forbids that."""
        assert leaf.act is not None
        holder = self.model.holder_of(leaf)
        who = holder or leaf.account
        gone = None if holder else ("NotHolder", {"account": who, "batch": leaf.batch, "index": leaf.index})
        if leaf.act.kind is Kind.RECOVERY:
            return "recover", self.do.recover(sender, *leaf.place, who), gone
        if leaf.fate is Fate.WAITING and who not in self.model.lives:
            tree = self.model.rolls[leaf.batch].tree
            return "retire by proof", self.do.retire_by_proof(sender, leaf.batch, tree, leaf.index), None
        return "retire", self.do.retire(sender, *leaf.place, who), gone

    # Objections

    def disputable(self) -> list[Leaf]:
        """Leaves whose citizen could object, now or when the act is due."""
        return [leaf for leaf in self.pending() if leaf.fate is Fate.HELD]

    @precondition(lambda self: self.disputable())
    @rule(data=st.data(), late=st.integers(0, 4))
    def object_to(self, data: st.DataObject, late: int) -> None:
        """Before it is due, in the last second of that, or after it."""
        leaf = data.draw(st.sampled_from(self.disputable()), label="leaf")
        assert leaf.act is not None
        if late < 2:
            self.wake = max(self.at, leaf.act.due_at - late)
        self._object(data, leaf)

    def _object(self, data: st.DataObject, leaf: Leaf) -> None:
        act, account = leaf.act, str(self.model.holder_of(leaf))
        assert act is not None
        signed = data.draw(st.booleans(), label="signed")
        citizen = self.by_address[account]
        _, signature = self.do.objection(citizen, *leaf.place, act.due_at) if signed else (None, b"")
        reply = self.do.object_to(self.people.stranger if signed else citizen, *leaf.place, account, signature)
        if act.referred:
            where = {"batch": leaf.batch, "index": leaf.index}
            self.refused("object in vain", reply, "ActReferred", **where, referred=True)
        elif act.upheld:
            self.refused("object in vain", reply, "ObjectionDecided", batch=leaf.batch, index=leaf.index)
        else:
            self.held("object again" if leaf.objected else "object", reply)
            self.model.object(leaf)

    @precondition(lambda self: any(leaf.fate is Fate.HELD for leaf in self.free_leaves()))
    @rule(data=st.data(), upheld=st.sampled_from([True, False, None]))
    def quarrel(self, data: st.DataObject, upheld: bool | None) -> None:
        """A registrar insists and the citizen objects, until the second office decides, now or some time."""
        leaf = data.draw(st.sampled_from([leaf for leaf in self.free_leaves() if leaf.fate is Fate.HELD]), label="leaf")
        while leaf.act is None:
            self._start(data, leaf)
            self._object(data, leaf)
        if upheld is None:
            self._object(data, leaf)
            return
        self._decide(leaf, upheld)
        if leaf.act is not None:
            self._carry_out(self.anybody(data), leaf)

    @precondition(lambda self: any(leaf.act.referred for leaf in self.pending()))
    @rule(data=st.data(), upheld=st.booleans())
    def decide(self, data: st.DataObject, upheld: bool) -> None:
        referred = [leaf for leaf in self.pending() if leaf.act and leaf.act.referred]
        self._decide(data.draw(st.sampled_from(referred), label="leaf"), upheld)

    def _decide(self, leaf: Leaf, upheld: bool) -> None:
        reply = self._by_timelock("citizens", "decideAct", *leaf.place, upheld)
        self.held("uphold" if upheld else "dismiss", reply)
        self.model.decide(leaf, upheld, self.world.evm.now)

    # Offices and caps

    @rule(data=st.data(), number=st.integers(1, 2))
    def move_registrar(self, data: st.DataObject, number: int) -> None:
        """The office goes on, with its batches; the address before has none."""
        self._move(data, number)

    def _move(self, data: st.DataObject, number: int) -> None:
        before = self.registrar(number)
        unused = [person for person in self.people.oracles if person.address not in self.ever_registrars]
        if not unused:
            return
        after = data.draw(st.sampled_from(unused), label="after")
        self.held("move registrar", self._by_timelock("citizens", "moveRegistrar", before.address, after.address))
        self.model.offices[number] = after.address
        self.ever_registrars.add(after.address)
        reply = self.do.start_retirement(before, 0, 0)
        self.refused("act out of office", reply, "NotRegistrar", account=before.address)

    @rule(data=st.data(), number=st.integers(1, 2), moved=st.booleans())
    def suspend_registrar(self, data: st.DataObject, number: int, moved: bool) -> None:
        """Out of office and back: in between nothing that it started can be carried out, and it starts nothing.

        Nor if the office moves to another address meanwhile.
        """
        registrar = self.registrar(number)
        self.held("suspend registrar", self._by_timelock("citizens", "removeRegistrar", registrar.address))
        self.model.out_of_office.add(number)
        if moved:
            self._move(data, number)
            registrar = self.registrar(number)
        reply = self.do.start_retirement(registrar, 0, 0)
        self.refused("act out of office", reply, "NotRegistrar", account=registrar.address)
        theirs = [leaf for leaf in self.pending() if leaf.registrar == number]
        if theirs:
            self._carry_out_in_time(data, data.draw(st.sampled_from(theirs), label="leaf"))
        self.held("reinstate registrar", self._by_timelock("citizens", "addRegistrar", registrar.address))
        self.model.out_of_office.discard(number)

    @rule(region=st.integers(1, 2), turnover=st.integers(0, 3), roll=st.booleans(), cap=st.integers(2, CAP + 1))
    def set_caps(self, region: int, turnover: int, roll: bool, cap: int) -> None:
        """A cap below what there is already only stops more."""
        if roll:
            self.held("change region cap", self._by_timelock("citizens", "setRegionCap", region, cap))
            self.model.change_region_cap(region, cap)
        else:
            self.held("change turnover cap", self._by_timelock("citizens", "setTurnoverCap", region, turnover))
            self.model.turnover_caps[region] = turnover
