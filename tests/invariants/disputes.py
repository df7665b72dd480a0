"""Bonds, lies and what becomes of them, demands, and other oracles, as rules."""

from __future__ import annotations

from dataclasses import fields as fields_of
from fractions import Fraction
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sbi_network.protocol.messages import Observation, Reading, Report
from tests.invariants.life_attempts import LifeAttempts
from tests.invariants.model import Standing
from tests.invariants.model import Told as Accepted
from tests.invariants.nation import (
    BPS,
    CAPACITIES,
    DEMAND_BOND,
    DISPUTE,
    EXTENSION,
    LOCK,
    REQUIRED_BOND,
    REVEAL,
    SHARES_BPS,
    ZERO,
)
from tests.invariants.sureties import QUORUM, Demand, OracleSet
from tests.invariants.trees import Tree, lanes, leaf_bytes, packed
from tests.support.abi import Reply
from tests.support.actors import Person, Told

LEAF_LIES = ("above capacity", "wrong public output", "inactive facility", "out of place")
STRUCTURE_LIES = ("top", "leaf's sums", "padding")
LEFT = 14
"""How many epochs back the registry surely remembers."""


class Disputes(LifeAttempts):
    """What is done about what oracles sign."""

    # What follows from a signer's standing

    def _moved(self, reply: Reply, at: int) -> None:
        """A signer's standing changed: the standby set may take over."""
        bonds, upcoming = self.model.sureties, self.model.epoch_at(at) + 1
        if bonds.needs_standby(upcoming):
            bonds.seat(self._scheduled(reply, upcoming, bonds.standby))
            self.world.done["standby takes over"] += 1

    def _scheduled(self, reply: Reply, from_epoch: int, oracles: tuple[str, ...]) -> OracleSet:
        """The set that was scheduled, which must be this one."""
        (event,) = reply.named("ConfigScheduled")
        told = (event.values["fromEpoch"], tuple(event.values["oracles"]))
        expected = (from_epoch, tuple(oracle.lower() for oracle in oracles))
        assert told == expected, f"invariant 7: scheduled {told}, by the rules {expected}"
        return OracleSet(from_epoch, event.values["version"], event.values["digest"], oracles)

    def _slash(self, reply: Reply, signers: list[str], reporter: str, at: int) -> None:
        """Exactly these lose their bonds, less than half of each to the reporter."""
        bonds, expected, sets = self.model.sureties, [], len(self.model.sureties.sets)
        for signer in signers:
            stood = bonds.stands(signer)
            amount, reward = bonds.slash(signer, reporter)
            assert 2 * reward <= amount, "half of a bond or more went to the reporter"
            expected.append((signer, reporter, amount, reward))
            if stood:
                self._moved(reply, at)
        told = [
            tuple(event.values[name] for name in ("signer", "reporter", "amount", "reward"))
            for event in reply.named("SignerSlashed")
        ]
        assert told == expected, f"slashed {told}, by the rules {expected}"
        assert len(reply.named("StandbySeated")) == len(bonds.sets) - sets, "a standby set was seated, or was not"

    def _slash_signers(self, reply: Reply, told: Accepted, reporter: str, at: int) -> None:
        """All who signed a report, but those slashed before."""
        signers = [told.of.oracles[number] for number in sorted(told.signers)]
        guilty = [] if told.slashed else [who for who in signers if who not in self.model.sureties.slashed]
        told.slashed = True
        self._slash(reply, guilty, reporter, at)

    # Oracles

    def _reserves(self) -> list[tuple[str, ...]]:
        """Sets of four that all stand."""
        standing = [signer for signer in self.world.signers if self.model.sureties.stands(signer)]
        return [tuple(standing[start : start + 4]) for start in range(len(standing) - 3)]

    def _renew(self, data: st.DataObject, later: int = 0) -> None:
        """The timelock has others report from an epoch on."""
        if not self._reserves():
            return
        oracles = data.draw(st.sampled_from(self._reserves()), label="oracles")
        # Ten seconds and two blocks on, whatever the timelock needs.
        first = self.model.epoch_at(self.at + 12) + 1 + later
        order = (oracles, self.world.config[2], self.world.verifiers, first)
        reply = self.held("change oracles", self._by_timelock("oracles", "scheduleConfig", *order))
        self.model.sureties.schedule(self._scheduled(reply, first, oracles))

    def _renew_if_needed(self, data: st.DataObject) -> None:
        if not self.model.sureties.suffices(self.oracles_of(self.model.epoch_at(self.at) + 1).oracles):
            self._renew(data)

    def _live_through_an_epoch(self, data: st.DataObject) -> None:
        self._renew_if_needed(data)
        super()._live_through_an_epoch(data)

    @rule(data=st.data(), what=st.sampled_from(["set", "standby", "seat", "too soon"]), later=st.integers(0, 2))
    def change_oracles(self, data: st.DataObject, what: str, later: int) -> None:
        if what == "set":
            self._renew(data, later)
        elif what == "seat":
            self._seat_standby()
        elif self._reserves():
            oracles = data.draw(st.sampled_from(self._reserves()), label="oracles")
            if what == "standby":
                self.held("schedule standby", self._by_timelock("oracles", "scheduleStandby", oracles))
                self.model.sureties.standby = oracles
                return
            running = self.model.epoch_at(self.at)
            order = (oracles, self.world.config[2], self.world.verifiers, running)
            reply = self._by_timelock("oracles", "scheduleConfig", *order)
            earliest = self.model.epoch_at(self.world.evm.now) + 1
            self.refused("change oracles too soon", reply, "ChangeTooSoon", fromEpoch=running, earliest=earliest)

    def _seat_standby(self) -> None:
        bonds, upcoming = self.model.sureties, self.model.epoch_at(self.at) + 1
        reply = self.do.send(self.people.stranger, "oracles", "seatStandby")
        standing, ready = (bonds.standing_of(each) for each in (bonds.set_at(upcoming).oracles, bonds.standby))
        if len(standing) >= QUORUM:
            self.refused("seat in vain", reply, "StandbyNotNeeded", standing=len(standing), quorum=QUORUM)
        elif not bonds.standby:
            self.refused("seat in vain", reply, "NoStandby", fromEpoch=upcoming)
        elif len(ready) < QUORUM:
            self.refused("seat in vain", reply, "StandbyNotReady", standing=len(ready), quorum=QUORUM)
        else:
            bonds.seat(self._scheduled(self.held("seat standby", reply), upcoming, bonds.standby))

    # Bonds

    @rule(
        data=st.data(),
        act=st.sampled_from(["cycle", "bond", "unbond", "withdraw", "collect"]),
        value=st.sampled_from([REQUIRED_BOND, REQUIRED_BOND, REQUIRED_BOND - 1, 1, 0]),
    )
    def tend_bond(self, data: st.DataObject, act: str, value: int) -> None:
        bonds = self.model.sureties
        keys = self.world.signers | {person.address: person.key for person in self.people.reading_keys}
        touched = [who for who in keys if who not in bonds.pledges or bonds.pledges[who].unlocks_at]
        signer = data.draw(
            st.one_of(st.sampled_from(touched or list(keys)), st.sampled_from(list(keys))), label="signer"
        )
        if act == "cycle":
            self._cycle(keys)
        elif act == "bond":
            self._bond(signer, value, self.do.consent(keys[signer], self.world.till))
        elif act == "unbond":
            self._unbond(signer)
        elif act == "withdraw":
            self._withdraw(data, signer)
        else:
            self._collect_coins(data)

    def _cycle(self, keys: dict[str, Any]) -> None:
        """A bond is given up, freed, fetched and put up again, each step first too soon or once too often."""
        bonds, till = self.model.sureties, self.world.till
        signer = next(
            (who for who in reversed(keys) if who in bonds.pledges and not bonds.pledges[who].unlocks_at), None
        )
        if signer is None:
            return
        self._free(signer, till)
        self._unbond(signer)
        self._unbond(signer)
        self._free(signer, till)
        self.coins_hold()
        self.wake = max(self.wake, bonds.pledges[signer].unlocks_at or 0)
        self._free(signer, self.people.stranger.address)
        self._free(signer, till)
        for role in ("bonds", "disputes"):
            self._fetch(role, till)
        self._fetch("bonds", till)
        for value in (0, 1, REQUIRED_BOND - 1):
            self._bond(signer, value, self.do.consent(keys[signer], till))
            self.coins_hold()

    def _bond(self, signer: str, value: int, consent: bytes) -> None:
        bonds, at, till = self.model.sureties, self.at, self.world.till
        stood, pledge = bonds.stands(signer), bonds.pledges.get(signer)
        reply = self._send_coins(value, "bonds", "bond", signer, consent)
        if value == 0:
            self.refused("bond in vain", reply, "BondTooSmall", given=0, least=1)
        elif signer in bonds.slashed:
            self.refused("bond in vain", reply, "SignerIsSlashed", signer=signer)
        elif pledge and pledge.unlocks_at:
            self.refused("bond in vain", reply, "BondUnlocking", signer=signer, unlocksAt=pledge.unlocks_at)
        else:
            self.held("bond", reply)
            bonds.put_up(signer, till, value)
            if not stood and bonds.stands(signer):
                self._moved(reply, at)

    def _unbond(self, signer: str) -> None:
        bonds, at = self.model.sureties, self.at
        stood, pledge = bonds.stands(signer), bonds.pledges.get(signer)
        reply = self._send_coins(0, "bonds", "unbond", signer)
        if pledge is None:
            self.refused("unbond in vain", reply, "NotBondOwner", caller=self.world.till, owner=ZERO)
        elif pledge.unlocks_at:
            self.refused("unbond in vain", reply, "BondUnlocking", signer=signer, unlocksAt=pledge.unlocks_at)
        else:
            self.held("unbond", reply)
            pledge.unlocks_at = at + LOCK
            if stood:
                self._moved(reply, at)

    def _withdraw(self, data: st.DataObject, signer: str) -> None:
        bonds = self.model.sureties
        pledge = bonds.pledges.get(signer)
        if pledge and not pledge.unlocks_at and data.draw(st.booleans(), label="give it up first"):
            self._unbond(signer)
        if pledge and pledge.unlocks_at and data.draw(st.booleans(), label="patient"):
            self.wake = max(self.wake, pledge.unlocks_at)
        self._free(signer, data.draw(st.sampled_from([self.world.till, self.people.stranger.address]), label="by"))

    def _free(self, signer: str, by: str) -> None:
        bonds, at = self.model.sureties, self.at
        pledge, name = bonds.pledges.get(signer), "withdraw in vain"
        if by == self.world.till:
            reply = self._send_coins(0, "bonds", "withdrawBond", signer)
        else:
            reply = self.do.send(self.by_address[by], "bonds", "withdrawBond", signer)
        if pledge is None or by != pledge.owner:
            self.refused(name, reply, "NotBondOwner", caller=by, owner=pledge.owner if pledge else ZERO)
        elif pledge.unlocks_at is None:
            self.refused(name, reply, "BondInForce", signer=signer)
        elif at < pledge.unlocks_at:
            self.refused(name, reply, "BondLocked", unlocksAt=pledge.unlocks_at, time=at)
        else:
            self.held("withdraw bond", reply)
            bonds.free(signer)

    def _collect_coins(self, data: st.DataObject) -> None:
        """Whoever has something due fetches it; whoever has not, cannot."""
        role = data.draw(st.sampled_from(["bonds", "disputes"]), label="from")
        due = self.model.sureties.due if role == "bonds" else self.model.prizes
        some = [who for who in due if due[who]]
        self._fetch(role, data.draw(st.sampled_from([*some, self.people.merchant.address]), label="who"))

    def _fetch(self, role: str, who: str) -> None:
        due = self.model.sureties.due if role == "bonds" else self.model.prizes
        if who == self.world.till:
            reply = self._send_coins(0, role, "withdraw")
        else:
            reply = self.do.send(self.by_address[who], role, "withdraw")
        if not due[who]:
            self.refused("collect nothing", reply, "NothingDue", account=who)
            return
        (event,) = self.held("collect coins", reply).named("PaymentWithdrawn")
        assert event.values == {"account": who, "amount": due[who]}, f"{who} fetched {event.values}"
        del due[who]

    # Lies

    def _ripe(self, data: st.DataObject) -> int | None:
        """An epoch that its oracles can report now, if there is one."""
        self._renew_if_needed(data)
        if not self.due():
            self.wake = self.model.end_of(self.model.epoch_at(self.at))
        fit = [epoch for epoch in self.due() if len(self.standing(epoch)) >= QUORUM]
        return data.draw(st.sampled_from(fit), label="epoch") if fit else None

    def _claim(self, data: st.DataObject, epoch: int, tree: Tree) -> Accepted:
        """A quorum signs a tree, whatever it says."""
        digest, weights_version, _ = self.config_of(epoch)
        report = Report(digest, epoch, 0, weights_version, tree.count, tree.top[0], *lanes(tree.top[1]))
        told, at, signers = Told(report, tree), self.at, self.standing(epoch)  # type: ignore[arg-type]
        if len(signers) > QUORUM and data.draw(st.booleans(), label="one does not take part"):
            signers.remove(data.draw(st.sampled_from(signers), label="who"))
        self.held("report a lie", self.do.report(self.people.stranger, told, self.co_sign(told, signers)))
        claimed = report.public_output
        self.model.told[epoch] = Accepted(claimed, at, frozenset(signers), tree, self.oracles_of(epoch))
        return self.model.told[epoch]

    def _lying_tree(self, data: st.DataObject, kind: str) -> tuple[Tree, tuple[int, int]]:
        """A tree with one fault, and where that is."""
        raws, place = [list(raw) for raw in self.raws(data)], data.draw(st.integers(0, 1), label="place")
        if kind == "above capacity":
            compute_class = data.draw(st.integers(0, 2), label="class")
            raws[place][compute_class] = CAPACITIES[place][compute_class] + data.draw(st.integers(1, 9), label="over")
        shares = [Fraction(share, BPS) for share in SHARES_BPS]
        sums = [packed(raw, self.model.public_part(raw, share)) for raw, share in zip(raws, shares, strict=True)]
        if kind == "wrong public output":
            sums[place] += 1
        if kind in ("inactive facility", "padding"):
            sums.append(packed((7, 0, 0), 7) if kind == "inactive facility" else 0)
        names = list(range(len(sums)))
        if kind == "out of place":
            names[place] = 1 - place
        leaves = [(leaf_bytes(name, each, self.fresh()), each) for name, each in zip(names, sums, strict=True)]
        if kind == "leaf's sums":
            leaves[place] = (leaves[place][0], sums[place] + 1)
            return Tree(leaves), (0, place)
        if kind == "top":
            return Tree(leaves, top=sum(sums) + 1), (1, 0)
        if kind == "padding":
            return Tree(leaves, padding=(keccak(b"padding"), 0)), (0, 3)
        return Tree(leaves), (0, 2 if kind == "inactive facility" else place)

    @rule(
        data=st.data(),
        kind=st.sampled_from((*LEAF_LIES, *STRUCTURE_LIES)),
        when=st.sampled_from(["final", "at once", "last second", "final"]),
    )
    def lie(self, data: st.DataObject, kind: str, when: str) -> None:
        """A quorum lies; somebody proves it, in time or later, and once more."""
        epoch = self._ripe(data)
        if epoch is None:
            return
        tree, place = self._lying_tree(data, kind)
        told = self._claim(data, epoch, tree)
        if when != "at once":
            self.wake = told.accepted_at + DISPUTE + (when == "final")
        again = data.draw(st.booleans(), label="again")
        for _ in range(1 + again):
            if kind in LEAF_LIES:
                self._dispute_leaf(self.anybody(data), epoch, place[1])
            else:
                self._dispute_structure(self.anybody(data), epoch, place)
            self.coins_hold()
        if data.draw(st.booleans(), label="distribute at the end"):
            self.wake = max(self.at, told.accepted_at + DISPUTE + 1)
            self._distribute(self.people.stranger)

    def _dispute_leaf(self, reporter: Person, epoch: int, facility: int) -> None:
        told, at = self.model.told[epoch], self.at
        standing, before = self.model.standing_of(epoch, at), told.output
        shown = told.tree.exhibit(0, facility)
        reply = self.do.send(reporter, "disputes", "disputeLeaf", epoch, facility, shown)
        if standing is Standing.FINAL and told.slashed:
            self.refused("dispute twice", reply, "SignersAlreadySlashed", epoch=epoch)
            return
        if standing is Standing.PENDING and facility in told.taken_out:
            self.refused("dispute twice", reply, "LeafAlreadyTakenOut", epoch=epoch, facility=facility)
            return
        pending = standing is Standing.PENDING
        self.held("take out a leaf" if pending else "dispute a final leaf", reply)
        self._slash_signers(reply, told, reporter.address, at)
        outs = []
        if pending:
            told.taken_out.add(facility)
            told.extension = min(at - told.accepted_at, EXTENSION)
            outs = [{"epoch": epoch, "previous": before, "publicOutput": told.output}]
        events = [list(event.values.values()) for event in reply.named("OutputTakenOut")]
        assert events == [list(out.values()) for out in outs], f"invariant 8: taken out {events}, by the rules {outs}"

    def _dispute_structure(self, reporter: Person, epoch: int, place: tuple[int, int]) -> None:
        told, at = self.model.told[epoch], self.at
        standing, shown = self.model.standing_of(epoch, at), told.tree.exhibit(*place)
        reply = self.do.send(reporter, "disputes", "disputeStructure", (epoch, *place), shown)
        if standing is Standing.VOID:
            self.refused("dispute twice", reply, "EpochNotDisputable", epoch=epoch, outcome=int(standing))
        elif standing is Standing.FINAL and told.slashed:
            self.refused("dispute twice", reply, "SignersAlreadySlashed", epoch=epoch)
        else:
            self.held("void by structure" if standing is Standing.PENDING else "dispute a final structure", reply)
            told.void = standing is Standing.PENDING
            self._slash_signers(reply, told, reporter.address, at)

    # Double signing

    @rule(
        data=st.data(),
        kind=st.sampled_from(["reports", "observations", "readings"]),
        back=st.integers(0, 3),
        number=st.integers(0, 3),
    )
    def sign_twice(self, data: st.DataObject, kind: str, back: int, number: int) -> None:
        """One who signed two different things is shown to have; then once more."""
        epoch = max(0, self.model.epoch_at(self.at) - back)
        signer, proof = self._double(kind, epoch, number)
        for _ in range(2):
            reporter, at = self.anybody(data), self.at
            reply = self.do.send(reporter, "disputes", f"dispute{kind.capitalize()}", *proof)
            if signer in self.model.sureties.slashed:
                self.refused("prove twice", reply, "SignerIsSlashed", signer=signer)
            else:
                self.held(f"double signing of {kind}", reply)
                self._slash(reply, [signer], reporter.address, at)
                self.coins_hold()

    def _double(self, kind: str, epoch: int, number: int) -> tuple[str, tuple[Any, ...]]:
        """Two messages of one signer, of which it may sign one, as the disputes contract takes them."""
        digest, weights_version, _ = self.config_of(epoch)
        one, other = self.fresh(), self.fresh()
        pair: list[Any]
        head: tuple[int, ...]
        if kind == "readings":
            facility = number % 2
            key, head = self.people.reading_keys[facility].key, ()
            pair = [Reading(facility, epoch, 1, 2, 3, evidence) for evidence in (one, other)]
        else:
            key, head = self.world.signers[self.oracles_of(epoch).oracles[number]], (number,)
            if kind == "observations":
                pair = [Observation(digest, epoch, readings) for readings in (one, other)]
            else:
                pair = [Report(digest, epoch, 1, weights_version, 2, root, 1, 2, 3, 4) for root in (one, other)]
        signatures = [message.sign(key, self.do.registry_domain).to_compact() for message in pair]
        fields = [tuple(getattr(message, each.name) for each in fields_of(message)) for message in pair]
        return key.address, (*head, *fields, *((each[:32], each[32:]) for each in signatures))

    # Demands

    def _demandable(self) -> list[int]:
        """Pending epochs of which something can still be demanded."""
        told = self.model.told
        return [
            epoch
            for epoch, each in told.items()
            if self.model.standing_of(epoch, self.at) is Standing.PENDING
            and self.at + REVEAL <= each.accepted_at + EXTENSION
            and len(each.demands) < len(each.tree.places)
        ]

    @rule(data=st.data(), then=st.sampled_from(["reveal", "reveal", "lapse", "leave", "void"]))
    def demand(self, data: st.DataObject, then: str) -> None:
        """Somebody wants to see a part of a tree, and sees it, or does not."""
        if not self._demandable():
            epoch = self._ripe(data)
            if epoch is None:
                return
            if then == "void":
                self._claim(data, epoch, self._lying_tree(data, "top")[0])
            else:
                self._report(epoch, self.raws(data), self.standing(epoch), 0)
        if not self._demandable():
            return
        epoch = data.draw(st.sampled_from(self._demandable()), label="pending epoch")
        told, at = self.model.told[epoch], self.at
        place = data.draw(st.sampled_from([p for p in told.tree.places if p not in told.demands]), label="place")
        bond = (told.unanswered + 1) * DEMAND_BOND
        order = ((epoch, *place), told.tree.count, told.tree.top)
        self.held("demand", self._send_coins(bond, "disputes", "demand", *order))
        told.demands[place] = Demand(self.world.till, at + REVEAL, bond)
        told.unanswered += 1
        self.coins_hold()
        if then == "reveal":
            self.wake = told.demands[place].deadline - data.draw(st.sampled_from([0, 0, 9]), label="seconds left")
            self._reveal(self.anybody(data), epoch, place)
        elif then == "lapse":
            self.wake = told.demands[place].deadline + 1
            self._lapse(epoch, place)
        elif then == "void" and told.tree.top[1] != sum(self._sums(told.tree)):
            self._dispute_structure(self.anybody(data), epoch, (told.tree.depth, 0))
            self._refund_demand(epoch, place)

    def _sums(self, tree: Tree) -> list[int]:
        return [tree.exhibit(0, position)[0][1] for position in range(2**tree.depth)]

    def open_demands(self) -> list[tuple[int, tuple[int, int]]]:
        """What was demanded and neither shown nor given up, where the registry remembers."""
        running = self.model.epoch_at(self.at)
        kept = [(epoch, told) for epoch, told in self.model.told.items() if epoch + LEFT > running]
        return [(epoch, place) for epoch, told in kept for place in told.open_demands]

    @precondition(lambda self: self.open_demands())
    @rule(data=st.data(), how=st.sampled_from(["reveal", "lapse", "refund"]), patient=st.booleans())
    def answer_demand(self, data: st.DataObject, how: str, patient: bool) -> None:
        epoch, place = data.draw(st.sampled_from(self.open_demands()), label="demand")
        if patient:
            self.wake = max(self.wake, self.model.told[epoch].demands[place].deadline + (how != "reveal"))
        if how == "reveal":
            self._reveal(self.anybody(data), epoch, place)
        elif how == "lapse":
            self._lapse(epoch, place)
        else:
            self._refund_demand(epoch, place)

    def _reveal(self, revealer: Person, epoch: int, place: tuple[int, int]) -> None:
        told, at = self.model.told[epoch], self.at
        asked = told.demands[place]
        standing = self.model.standing_of(epoch, at)
        reply = self.do.send(revealer, "disputes", "reveal", (epoch, *place), told.tree.exhibit(*place))
        if at > asked.deadline:
            self.refused("reveal too late", reply, "RevealTooLate", deadline=asked.deadline, time=at)
        elif standing is not Standing.PENDING:
            self.refused("reveal in vain", reply, "EpochNotPending", epoch=epoch, outcome=int(standing))
        else:
            self.held("reveal", reply)
            asked.open = False
            told.unanswered -= 1
            told.extension = min(at - told.accepted_at, EXTENSION)
            self.model.prizes[revealer.address] += asked.bond

    def _lapse(self, epoch: int, place: tuple[int, int]) -> None:
        told, at = self.model.told[epoch], self.at
        asked = told.demands[place]
        standing = self.model.standing_of(epoch, at)
        reply = self.do.send(self.people.stranger, "disputes", "lapse", (epoch, *place))
        if at <= asked.deadline:
            self.refused("lapse too soon", reply, "RevealStillPossible", deadline=asked.deadline, time=at)
            return
        self.held("lapse", reply)
        asked.open = False
        self.model.prizes[asked.demander] += asked.bond
        told.void |= standing is Standing.PENDING
        self._slash_signers(reply, told, asked.demander, at)

    def _refund_demand(self, epoch: int, place: tuple[int, int]) -> None:
        told, at = self.model.told[epoch], self.at
        asked = told.demands[place]
        moot = told.slashed and self.model.standing_of(epoch, at) is Standing.VOID
        reply = self.do.send(self.people.stranger, "disputes", "refund", (epoch, *place))
        if not moot:
            self.refused("refund in vain", reply, "DemandNotMoot", epoch=epoch)
            return
        self.held("refund a demand", reply)
        asked.open = False
        self.model.prizes[asked.demander] += asked.bond

    # What is nothing to dispute

    @precondition(lambda self: any(epoch + 5 > self.model.epoch_at(self.at) for epoch in self.model.told))
    @rule(data=st.data())
    def dispute_honest_leaf(self, data: st.DataObject) -> None:
        running = self.model.epoch_at(self.at)
        recent = [epoch for epoch in self.model.told if epoch + 5 > running]
        epoch = data.draw(st.sampled_from(recent), label="epoch")
        standing, tree = self.model.standing_of(epoch, self.at), self.model.told[epoch].tree
        if not self._is_true(tree):
            return
        place = data.draw(st.sampled_from(tree.places), label="place")
        structure = place[0] > 0 or place[1] >= tree.count or data.draw(st.booleans(), label="structure")
        if structure:
            reply = self.do.send(
                self.anybody(data), "disputes", "disputeStructure", (epoch, *place), tree.exhibit(*place)
            )
        else:
            reply = self.do.send(self.anybody(data), "disputes", "disputeLeaf", epoch, place[1], tree.exhibit(*place))
        if standing is Standing.VOID:
            self.refused("dispute in vain", reply, "EpochNotDisputable", epoch=epoch, outcome=int(standing))
        else:
            self.refused("dispute in vain", reply, "NoFault", epoch=epoch, level=place[0], position=place[1])

    def _is_true(self, tree: Tree) -> bool:
        """Whether a tree has no fault, by the rules in prose."""
        if tree.count != len(CAPACITIES) or tree.top[1] != sum(self._sums(tree)):
            return False
        for facility, (most, share) in enumerate(zip(CAPACITIES, SHARES_BPS, strict=True)):
            (_, sums), preimage, *_ = tree.exhibit(0, facility)
            *raw, public = lanes(sums)
            named, own = int.from_bytes(preimage[1:5]), int.from_bytes(preimage[5:37])
            fits = all(amount <= cap for amount, cap in zip(raw, most, strict=True))
            if (
                (named, own) != (facility, sums)
                or not fits
                or public != self.model.public_part(raw, Fraction(share, BPS))
            ):
                return False
        return True
