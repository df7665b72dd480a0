"""A seeded campaign: faults one after the other, at most f oracles unable to work at a time, and the verdict."""

from __future__ import annotations

import random
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

_TRIES: Final = 3
_WIDE_AT_ONCE: Final = 1
"""Faults at a time that are of no one oracle."""


@dataclass
class Running:
    """A fault on its way."""

    fault: Fault
    injected_at: float
    spell: Spell | None
    took_effect_at: float | None = None
    healed_at: float | None = None


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
        busy = {each.fault.slot.number for each in self._running}
        free = [slot for slot in self.network.slots if slot.number not in busy]
        of_slots = sum(each.fault.is_of_a_slot for each in self._running)
        for kind in list(waiting):
            wide = len(self._running) - of_slots
            has_room = of_slots < self.network.faults if kind.is_of_a_slot else wide < _WIDE_AT_ONCE
            if has_room and free:
                waiting.remove(kind)
                self._start(kind(self.network, self._chance.choice(free), self._chance))
                return

    def _start(self, fault: Fault) -> None:
        now = time.time()
        spell = Spell(fault.slot.number, now) if fault.is_of_a_slot else None
        if spell is not None:
            self.log.spells.append(spell)
        fault.inject()
        self._running.append(Running(fault, now, spell))

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
        busy = {each.fault.slot.number for each in self._running}
        for slot in self.network.slots:
            if not slot.is_running and slot.number not in busy:
                self._restart(slot)

    def _restart(self, slot: Slot) -> None:
        self.tell(f"oracle {slot.number} ended by itself: {slot.process.tail[-300:]}")
        self.log.ended_by_themselves += 1
        self.network.launch(slot)
