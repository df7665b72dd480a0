"""A seeded campaign: faults one after the other, at most f oracles unable to work at a time, and the verdict."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.faults import Fault
from tests.chaos.network import Network, Slot
from tests.chaos.observer import Log, Observer, Spell

_POLL: Final = 0.2
_EFFECT_SECONDS: Final = 90.0
"""How long a fault may take to take effect; then it is taken away, not counted, and tried once more later."""

_TRIES: Final = 10
_WIDE_AT_ONCE: Final = 1
"""Faults at a time that are of no one oracle."""


@dataclass
class Running:
    """A fault on its way."""

    fault: Fault
    injected_at: float
    spell: Spell | None = None
    took_effect_at: float | None = None
    healed_at: float | None = None

    @property
    def is_lurking(self) -> bool:
        """Whether it is still to show whom it meets."""
        return self.fault.meets_whoever and self.took_effect_at is None and self.healed_at is None

    @property
    def is_at_its_slot(self) -> bool:
        """Whether it is at work where its slot is."""
        return self.fault.uses_its_slot and not self.is_lurking


@dataclass
class Campaign:
    """Faults of the given kinds in the order that the seed gives, over a network that runs."""

    network: Network
    seed: int
    tell: Callable[[str], None]
    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._running: list[Running] = []
        self._recovering: list[Running] = []
        self._tries: dict[str, int] = {}

    def run(self, kinds: Sequence[type[Fault]], least_epochs: int) -> dict[str, Any]:
        """Every fault of `kinds`, and at least so many epochs; then calm until the last deadline, and the verdict."""
        chain = self.network.chain
        waiting = list(kinds)
        self._chance.shuffle(waiting)
        while chain.running() < 0:
            time.sleep(_POLL)
        first = chain.running()
        while waiting or self._running or chain.running() < first + least_epochs:
            self._start_some(waiting)
            for each in list(self._running):
                self._advance(each, waiting)
            self._note_recoveries()
            self._restart_the_dead()
            time.sleep(_POLL)
        last = chain.running() - 1
        self.tell(f"calm until the deadline of epoch {last}")
        until = chain.end_of(last) + self.network.times.report_window + 1
        while time.time() < until and any(chain.record(epoch) is None for epoch in range(first, last + 1)):
            self._note_recoveries()
            self._restart_the_dead()
            time.sleep(_POLL)
        return Observer(self.network, self.log).verdict(first, last)

    def _start_some(self, waiting: list[type[Fault]]) -> None:
        busy = {each.fault.slot for each in self._running if each.is_at_its_slot}
        free = [slot for slot in self.network.slots if slot not in busy]
        of_slots = sum(each.fault.is_of_a_slot for each in self._running)
        for kind in list(waiting):
            wide = len(self._running) - of_slots
            has_room = of_slots < self.network.faults if kind.is_of_a_slot else wide < _WIDE_AT_ONCE
            is_laid = kind.meets_whoever and any(type(each.fault) is kind for each in self._running)
            if has_room and free and not is_laid:
                waiting.remove(kind)
                self._start(kind(self.network, self._chance.choice(free), self._chance))
                return

    def _start(self, fault: Fault) -> None:
        each = Running(fault, time.time())
        self._running.append(each)
        self._spare_the_busy()
        if fault.is_of_a_slot and not fault.meets_whoever:
            self._note_unable(each)
        fault.inject()
        self._spare_the_busy()

    def _spare_the_busy(self) -> None:
        """Nobody shall meet two faults of oracles at a time: neither would be what it says."""
        busy = {each.fault.slot for each in self._running if each.is_at_its_slot}
        for each in self._running:
            if each.is_lurking:
                each.fault.spare(busy)

    def _note_unable(self, each: Running) -> None:
        each.spell = Spell(each.fault.slot.number, time.time())
        self.log.spells.append(each.spell)

    def _advance(self, each: Running, waiting: list[type[Fault]]) -> None:
        now, fault = time.time(), each.fault
        if each.healed_at is not None:
            if not fault.slot.is_running:
                self._restart(fault.slot)
            elif fault.is_healed():
                self._end(each)
        elif each.took_effect_at is not None:
            if now >= each.took_effect_at + fault.holds:
                fault.heal()
                each.healed_at = time.time()
        elif fault.has_taken_effect():
            each.took_effect_at = now
            if fault.meets_whoever:
                self._note_unable(each)
                self._spare_the_busy()
            self.log.faults[fault.kind] += 1
            self.tell(f"epoch {self.network.chain.running()}: {fault.kind} at oracle {fault.slot.number}")
        elif now > each.injected_at + max(_EFFECT_SECONDS, 4 * self.network.times.epoch):
            fault.heal()
            each.healed_at = time.time()
            self.log.unconfirmed[fault.kind] += 1
            self._tries[fault.kind] = self._tries.get(fault.kind, 0) + 1
            self.tell(f"{fault.kind} at oracle {fault.slot.number} took no effect")
            if self._tries[fault.kind] <= _TRIES:
                waiting.append(type(fault))

    def _end(self, each: Running) -> None:
        self._running.remove(each)
        if each.spell is not None:
            each.spell.until = time.time()
            each.spell.through = each.fault.unable_through()
            self._recovering.append(each)

    def _note_recoveries(self) -> None:
        """An oracle has recovered when it sees the next report accepted."""
        for each in list(self._recovering):
            healed_at = each.healed_at or 0.0
            at = each.fault.slot.process.when_told("accepted", healed_at)
            if at is not None:
                self.log.recoveries.append(at - healed_at)
                self._recovering.remove(each)

    def _restart_the_dead(self) -> None:
        """As a service manager does: an oracle that ended by itself is started again."""
        busy = {each.fault.slot for each in self._running if each.is_at_its_slot}
        for slot in self.network.slots:
            # One that was killed met a fault, which is about to notice.
            if not slot.is_running and slot not in busy and slot.process.status != -signal.SIGKILL:
                self._restart(slot)

    def _restart(self, slot: Slot) -> None:
        self.tell(f"oracle {slot.number} ended by itself: {slot.process.tail[-300:]}")
        self.log.ended_by_themselves += 1
        self.network.launch(slot)
