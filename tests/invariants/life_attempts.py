"""Ill-formed attempts at a citizen's leaf or life: each breaks one rule and meets that rule's error."""

from __future__ import annotations

from typing import Any

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sbi_network.roll import CitizenLeaf, root_from_proof
from tests.invariants.attempts import Attempts, recovered_from
from tests.invariants.citizenry import Fate, Kind, Leaf
from tests.support.actors import Person, proven


class LifeAttempts(Attempts):
    """The acts, and attempts at what is not allowed, those at leaves and lives included."""

    def some(self, data: st.DataObject, leaves: list[Leaf]) -> Leaf | None:
        return data.draw(st.sampled_from(leaves), label="leaf") if leaves else None

    def others(self, account: str) -> list[Person]:
        """Everybody but one."""
        return [person for person in self.citizens if person.address != account]

    @precondition(lambda self: self.model.rolls)
    @rule(data=st.data(), kind=st.sampled_from(["never active", "holds", "used", "person"]))
    def bad_void(self, data: st.DataObject, kind: str) -> None:
        model = self.model
        waiting = [leaf for leaf in model.leaves if leaf.fate is Fate.WAITING]
        leaf = self.some(
            data,
            {
                "never active": [leaf for leaf in waiting if leaf.account not in model.lives],
                "holds": [leaf for leaf in waiting if leaf.account in model.lives and not model.can_void(leaf)],
                "used": [leaf for leaf in model.leaves if self._voidable_but_used(leaf)],
                "person": self.surplus(),
            }[kind],
        )
        if leaf is None:
            return
        batch, index, account, person, proof = proven(leaf.batch, model.rolls[leaf.batch].tree, leaf.index)
        where = {"batch": batch, "index": index}
        error: str
        values: dict[str, Any]
        if kind == "never active":
            error, values = "NeverActivated", {"account": account}
        elif kind == "person":
            person = keccak(person)
            computed = root_from_proof(CitizenLeaf(index, account, person), proof)
            error, values = "InvalidProof", {"computed": computed, "expected": model.rolls[batch].tree.root}
        else:
            error, values = ("LeafHolds" if kind == "holds" else "LeafUsed"), where
        reply = self.do.send(self.people.stranger, "citizens", "voidLeaf", batch, index, account, person, proof)
        self.refused("bad void", reply, error, **values)

    def _voidable_but_used(self, leaf: Leaf) -> bool:
        life = self.model.lives.get(leaf.account)
        used = leaf.fate is not Fate.WAITING
        return used and life is not None and (life.chosen or leaf.place >= life.leaf.place)

    @precondition(lambda self: self.model.lives)
    @rule(data=st.data(), kind=st.sampled_from(["forged", "another leaf's", "settled"]))
    def bad_choice(self, data: st.DataObject, kind: str) -> None:
        model = self.model
        waiting = [leaf for leaf in model.leaves if leaf.fate is Fate.WAITING]
        settled = [leaf for leaf in waiting if not model.can_present(leaf, chosen=True)]
        leaf = self.some(data, settled if kind == "settled" else waiting)
        if leaf is None:
            return
        citizen, tree = self.by_address[leaf.account], model.rolls[leaf.batch].tree
        message, signature = self.do.choice(citizen, *leaf.place)
        if kind == "settled":
            reply = self.do.choose_leaf(citizen, leaf.batch, tree, leaf.index, b"")
            since = model.lives[leaf.account].since
            self.refused("bad choice", reply, "AlreadyActivated", account=leaf.account, since=since)
            return
        if kind == "forged":
            signature = message.sign(self.people.stranger.key, self.do.citizens_domain).to_bytes()
        else:
            _, signature = self.do.choice(citizen, leaf.batch, leaf.index + 1)
        recovered = recovered_from(signature, message.digest(self.do.citizens_domain))
        reply = self.do.choose_leaf(self.people.stranger, leaf.batch, tree, leaf.index, signature)
        self.refused("bad choice", reply, "InvalidSignature", expected=leaf.account, recovered=recovered)

    @precondition(lambda self: self.model.rolls)
    @rule(
        data=st.data(),
        withdrawing=st.booleans(),
        kind=st.sampled_from(["stranger", "another's", "batch", "index", "the other way"]),
    )
    def bad_start(self, data: st.DataObject, withdrawing: bool, kind: str) -> None:
        """Of a retirement, or the withdrawal of one: by whom or of what it cannot be."""
        model = self.model
        pending = [leaf for leaf in model.leaves if (leaf.act is None) == withdrawing]
        leaf = self.some(data, pending if kind == "the other way" else model.leaves)
        if leaf is None:
            return
        registrar, (batch, index) = self.registrar(leaf.registrar), leaf.place
        error: str
        values: dict[str, Any]
        if kind == "stranger":
            registrar = self.people.stranger
            error, values = "NotRegistrar", {"account": registrar.address}
        elif kind == "another's":
            registrar = self.registrar(3 - leaf.registrar)
            error, values = "NotBatchRegistrar", {"given": 3 - leaf.registrar, "expected": leaf.registrar}
        elif kind == "batch":
            batch = len(model.rolls)
            error, values = "UnknownBatch", {"batch": batch, "batches": batch}
        elif kind == "index":
            index = len(model.rolls[batch].leaves)
            error, values = "IndexOutOfBatch", {"index": index, "size": index}
        elif withdrawing:
            error, values = "NoAct", {"batch": batch, "index": index}
        else:
            assert leaf.act is not None
            error, values = "ActPending", {"batch": batch, "index": index, "kind": int(leaf.act.kind)}
        start = self.do.withdraw_act if withdrawing else self.do.start_retirement
        self.refused("bad start", start(registrar, batch, index), error, **values)

    @precondition(lambda self: self.model.lives)
    @rule(data=st.data(), kind=st.sampled_from(["holder", "lived", "unsigned", "for another"]))
    def bad_recovery(self, data: st.DataObject, kind: str) -> None:
        """A recovery from an account that holds nothing, to one that has lived or to one that did not agree."""
        model = self.model
        leaf = self.some(data, [leaf for leaf in self.free_leaves() if leaf.fate is Fate.HELD])
        if leaf is None or (kind != "lived" and not self.never_active()):
            return
        lived = kind == "lived"
        successor = data.draw(st.sampled_from(sorted(model.lives) if lived else self.never_active()), label="successor")
        previous, who = str(model.holder_of(leaf)), self.by_address[successor]
        message, signature = self.do.succession(who, *leaf.place, previous)
        error: str
        values: dict[str, Any]
        if kind == "holder":
            previous = data.draw(st.sampled_from(self.others(previous)), label="not the holder").address
            error, values = "NotHolder", {"account": previous, "batch": leaf.batch, "index": leaf.index}
        elif lived:
            error, values = "AlreadyActivated", {"account": successor, "since": model.lives[successor].since}
        else:
            if kind == "unsigned":
                signature = message.sign(self.people.stranger.key, self.do.citizens_domain).to_bytes()
            else:
                _, signature = self.do.succession(who, *leaf.place, self.people.stranger.address)
            recovered = recovered_from(signature, message.digest(self.do.citizens_domain))
            error, values = "InvalidSignature", {"expected": successor, "recovered": recovered}
        registrar = self.registrar(leaf.registrar)
        reply = self.do.start_recovery(registrar, *leaf.place, previous, successor, signature)
        self.refused("bad recovery", reply, error, **values)

    @precondition(lambda self: self.model.lives)
    @rule(data=st.data(), kind=st.sampled_from(["not the holder", "nothing", "forged", "another date"]))
    def bad_objection(self, data: st.DataObject, kind: str) -> None:
        held = [leaf for leaf in self.model.leaves if leaf.fate is Fate.HELD]
        in_time = [leaf for leaf in held if leaf.act and not leaf.act.referred and not leaf.act.upheld]
        nothing = [leaf for leaf in held if leaf.act is None]
        leaf = self.some(data, {"not the holder": held, "nothing": nothing}.get(kind, in_time))
        if leaf is None:
            return
        account, (batch, index), signature = str(self.model.holder_of(leaf)), leaf.place, b""
        error: str
        values: dict[str, Any]
        if kind == "not the holder":
            account = data.draw(st.sampled_from(self.others(account)), label="who").address
            error, values = "NotHolder", {"account": account, "batch": batch, "index": index}
        elif leaf.act is None:
            error, values = "NoAct", {"batch": batch, "index": index}
        else:
            who = self.people.stranger if kind == "forged" else self.by_address[account]
            off = 0 if kind == "forged" else 1
            message, _ = self.do.objection(who, batch, index, leaf.act.due_at)
            _, signature = self.do.objection(who, batch, index, leaf.act.due_at - off)
            recovered = recovered_from(signature, message.digest(self.do.citizens_domain))
            error, values = "InvalidSignature", {"expected": account, "recovered": recovered}
        reply = self.do.object_to(self.people.stranger, batch, index, account, signature)
        self.refused("bad objection", reply, error, **values)

    @precondition(lambda self: self.model.lives)
    @rule(data=st.data(), kind=st.sampled_from(list(Kind)), held=st.booleans(), decide=st.integers(0, 4))
    def bad_end(self, data: st.DataObject, kind: Kind, held: bool, decide: int) -> None:
        """Carries out what was not started, or on somebody else; or the second office decides what it was not asked."""
        model = self.model
        leaf = self.some(data, [leaf for leaf in model.leaves if leaf.fate is Fate.HELD])
        if leaf is None:
            return
        where = {"batch": leaf.batch, "index": leaf.index}
        if decide == 0 and not (leaf.act and leaf.act.referred):
            reply = self._by_timelock("citizens", "decideAct", *leaf.place, held)
            self.refused("bad end", reply, "ActReferred", **where, referred=False)
            return
        kind = kind or Kind.RETIREMENT
        end = self.do.recover if kind is Kind.RECOVERY else self.do.retire
        account = str(model.holder_of(leaf))
        if not held:
            account = data.draw(st.sampled_from(self.others(account)), label="not the holder").address
            reply = end(self.people.stranger, *leaf.place, account)
            self.refused("bad end", reply, "NotHolder", account=account, **where)
        elif leaf.act is None or leaf.act.kind is not kind:
            error, values = model.hindrance(leaf, kind, self.at) or ("", {})
            self.refused("bad end", end(self.people.stranger, *leaf.place, account), error, **values)

    @precondition(lambda self: self.presentable())
    @rule(data=st.data(), again=st.booleans())
    def bad_first_payment(self, data: st.DataObject, again: bool) -> None:
        """Somebody else's payment, or the retirement by proof of one who has lived."""
        leaf = data.draw(st.sampled_from(self.presentable()), label="leaf")
        tree = self.model.rolls[leaf.batch].tree
        if again and (life := self.model.lives.get(leaf.account)):
            reply = self.do.retire_by_proof(self.people.stranger, leaf.batch, tree, leaf.index)
            self.refused("bad end", reply, "AlreadyActivated", account=leaf.account, since=life.since)
            return
        payer = data.draw(st.sampled_from(self.others(leaf.account)), label="payer")
        payment = self.do.promise(payer, self.payee(data), 0, self.fresh())
        reply = self.do.activate_and_pay(self.people.relayer, leaf.batch, tree, leaf.index, payment)
        self.refused("bad first payment", reply, "PayerNotCitizen", payer=payer.address, account=leaf.account)
