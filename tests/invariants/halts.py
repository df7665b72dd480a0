"""The guardian's halts, the votes that end them or arm it again, what the brakes hold back and what lets it go."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.invariants.disputes import Disputes
from tests.invariants.nation import BRAKE_SPAN, CAPACITIES, DISPUTE
from tests.support.actors import Person

COURSES = ("halt", "halt and resume", "halt, re-arm and halt")
"""What the guardian does, and what votes make of it at once."""

LATER = ("re-arm", "resume", "wait for the end", "wait for the next")
"""What votes do about a halt later, and what time does."""


class Halts(Disputes):
    """Acts of the guardian and about it, and jumps seen through."""

    @property
    def guardian(self) -> Person:
        return self.by_address[self.world.guardian]

    @rule(act=st.sampled_from(COURSES))
    def halt(self, act: str) -> None:
        """The guardian halts; votes may end that, or arm it again."""
        self._halt()
        if act == "halt and resume":
            self._resume()
        elif act == "halt, re-arm and halt":
            self._rearm()
            self._halt()

    @rule(data=st.data(), act=st.sampled_from(LATER))
    def go_on(self, data: st.DataObject, act: str) -> None:
        """A vote arms the halt again, or ends what holds dividends back; or time does."""
        brakes = self.model.brakes
        if act == "re-arm":
            self._rearm()
        elif act == "resume":
            self._resume()
        elif brakes.halted_until is not None:
            # In the last second before that moment, or in it.
            moment = brakes.halted_until if act == "wait for the end" else brakes.next_halt_from
            self.wake = moment - data.draw(st.integers(0, 1), label="second")
            if act == "wait for the end":
                self._distribute(self.people.stranger)
            else:
                self._halt()

    def _halt(self) -> None:
        brakes, at = self.model.brakes, self.at
        reply = self.do.send(self.guardian, "vault", "halt")
        if not brakes.may_halt:
            self.refused("halt twice", reply, "HaltSpent", until=brakes.halted_until)
        elif at < brakes.next_halt_from:
            self.refused("halt too soon", reply, "HaltTooSoon", earliest=brakes.next_halt_from, time=at)
        else:
            self.held("halt", reply)
            until = brakes.halt(at)
            (event,) = reply.named("IssuanceHalted")
            assert event.values == {"guardian": self.guardian.address, "until": until}, "another halt"

    def _rearm(self) -> None:
        reply = self._by_timelock("vault", "rearm")
        if self.model.brakes.may_halt:
            self.refused("re-arm in vain", reply, "HaltNotSpent")
        else:
            self.held("re-arm", reply)
            self.model.brakes.may_halt = True

    @precondition(lambda self: self.model.heads)
    @rule(way=st.sampled_from(["last second", "over", "vote"]))
    def see_a_jump_through(self, way: str) -> None:
        """To the last second in which it waits, or the one after it, or until a vote."""
        if not self._is_held():
            self._jump()
        if not self._is_held():
            return
        if way == "vote":
            self._resume()
        else:
            self.wake = self.model.end_of(self.model.next_epoch) + BRAKE_SPAN - (way == "last second")
        self._distribute(self.people.stranger)

    def _jump(self) -> None:
        """Facilities compute all they can."""
        running = self.model.epoch_at(self.at)
        self.wake = self.model.end_of(running)
        for epoch in self.due():
            self._report(epoch, list(CAPACITIES), list(range(4)), 0)
        self.wake = self.world.evm.now + DISPUTE + 1
        for _ in range(4):
            if self.model.next_epoch <= running and not self._is_held():
                self._distribute(self.people.stranger)
                self.everything_holds()

    def _is_held(self) -> bool:
        """Whether the next epoch was said to wait, and no vote let it go on."""
        return self.model.brakes.seen.get(self.model.next_epoch) is False

    @rule(data=st.data(), region=st.integers(1, 2))
    def come_in_a_rush(self, data: st.DataObject, region: int) -> None:
        """As many at once as the cap lets in but one, and then that one."""
        model = self.model
        room = model.region_caps[region] - model.heads_in(region)
        if room < 2:
            return
        anybody = st.sampled_from([person.address for person in self.citizens])
        self._enrol(1, data.draw(st.lists(anybody, min_size=room - 1, max_size=room - 1), label="accounts"), region)
        self._enrol(2, [data.draw(anybody, label="account")], region)

    @rule(data=st.data(), function=st.sampled_from(["halt", "rearm", "resume"]))
    def halt_without_office(self, data: st.DataObject, function: str) -> None:
        """The guardian arms and resumes nothing; who is not the guardian halts nothing, the timelock included."""
        if function == "halt" and data.draw(st.booleans(), label="by the timelock"):
            reply, caller = self._by_timelock("vault", "halt"), self.world.addresses["timelock"]
        else:
            others = [who for who in self.people.everybody if who is not self.guardian]
            who = data.draw(st.sampled_from(others), label="who") if function == "halt" else self.guardian
            reply, caller = self.do.send(who, "vault", function), who.address
        self.refused("halt without office", reply, "AccessManagedUnauthorized", caller=caller)
