"""The `nvidia` meter: the cards of this machine, by their own counters.

    operations = Σ over cards: ops/s of the model × activity of the class's pipe × observed seconds, rounded down

An accelerator counts in one class, at the precision that gives most, never at the sum: it is the same silicon. The pipe
of class intelligent is the tensor one; of class super, the busiest of those that do FP64; of class general, FP32.

Cards before Hopper do not tell their pipes' activity to NVML (dcgm-exporter can read it on some: see the `prometheus`
meter). For them, and as a second witness for the others, there is energy: with `idle_watts` and `load_watts` of the
model, a card that drew E in t seconds was used by at most (E/t − idle) / (load − idle). The lesser of the two counts.
Without either the card's use is not known, and counts as none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from sbi_network.meter.errors import NotMeasuredError, SourceError
from sbi_network.meter.intervals import BACKWARDS, IntervalLog, Moment, Total
from sbi_network.meter.measurement import Capacity, ClassFigures, EpochSpan, Figures, Measurement, paused
from sbi_network.meter.nvml import NvmlDevice, Pipe, opened
from sbi_network.protocol.units import ComputeClass

_NS: Final = 1_000_000_000
_PPM: Final = 1_000_000
_SILENT: Final = "no answer by the driver"

PIPES: Final = {
    ComputeClass.GENERAL: (Pipe.FP32,),
    ComputeClass.INTELLIGENT: (Pipe.ANY_TENSOR,),
    ComputeClass.SUPER: (Pipe.DFMA_TENSOR, Pipe.DMMA_TENSOR, Pipe.FP64),
}
"""By class, the pipes of which the busiest counts."""


@dataclass(frozen=True, slots=True)
class CardModel:
    """What one card of a model sustains in a class; with the watts it draws idle and under a full load of products."""

    compute_class: ComputeClass
    ops_per_second: int
    idle_watts: int | None = None
    load_watts: int | None = None

    @property
    def by_energy(self) -> tuple[int, int] | None:
        """Idle and load watts, where both are known."""
        known = self.idle_watts is not None and self.load_watts is not None
        return (self.idle_watts or 0, self.load_watts or 0) if known else None


@dataclass(frozen=True, slots=True)
class NvidiaSettings:
    """`models` by the card's name, as `nvidia-smi -L` shows it. Times in seconds."""

    models: Mapping[str, CardModel]
    interval: float = 1.0
    max_gap: float = 5.0


@dataclass(slots=True)
class _Card:
    """One card under observation. The work of its pipes is in ns of full activity, of its energy in mJ."""

    device: NvmlDevice
    model: CardModel
    pipes: IntervalLog
    energy: IntervalLog
    last: Moment | None = None
    last_mj: int | None = None

    def observe(self, moment: Moment) -> None:
        activity, now_mj = self.device.activity(PIPES[self.model.compute_class]), self.device.energy_mj()
        last, last_mj = self.last, self.last_mj
        self.last, self.last_mj = moment, now_mj
        if last is None:
            return
        # A counter that goes back was set to zero by a reload of the driver: what the pipes say of it is void too.
        reset = BACKWARDS if now_mj is not None and last_mj is not None and now_mj < last_mj else ""
        busiest = max(pipe.ppm for pipe in activity) if activity is not None else 0
        work = busiest * (moment.at_ns - last.at_ns) // _PPM
        self.pipes.add(last, moment, work, reset or ("" if activity is not None else _SILENT))
        drawn = now_mj - last_mj if now_mj is not None and last_mj is not None else None
        self.energy.add(last, moment, drawn or 0, reset or ("" if drawn is not None else _SILENT))

    def used(self, start_ns: int, end_ns: int) -> Total:
        """The card's work in ns of full use, by the witness that tells least."""
        by_pipes = self.pipes.total(start_ns, end_ns) if self.device.has_pipes else None
        by_energy = self._used_by_energy(start_ns, end_ns)
        known = [total for total in (by_pipes, by_energy) if total is not None]
        if not known:
            return Total(end_ns - start_ns, 0, 0, 0, {"no pipe activity, and no idle_watts and load_watts": 1})
        return min(known, key=lambda total: total.work)

    def _used_by_energy(self, start_ns: int, end_ns: int) -> Total | None:
        if self.model.by_energy is None:
            return None
        idle, load = self.model.by_energy
        total = self.energy.total(start_ns, end_ns)
        # 1 mJ = 1e6 W·ns; the card's use is linear between idle and full load.
        above_idle = total.work * 1_000_000 - idle * total.covered_ns
        used = min(max(above_idle // (load - idle), 0), total.covered_ns)
        return replace(total, work=used)


class NvidiaMeter:
    """Meters the NVIDIA cards of this machine. `now` is the network's time; `retain` how long samples are kept."""

    kind = "nvidia"

    def __init__(self, settings: NvidiaSettings, now: Callable[[], float], retain: float) -> None:
        self._settings = settings
        self._now = now
        self._retain_ns = int(retain * _NS)
        self._cards: list[_Card] = []
        self._strangers: list[str] = []

    def capacity(self) -> Capacity:
        """What the cards seen sustain together, as the settings tell; zero before the first look."""
        return _sums([(card.model.compute_class, card.model.ops_per_second) for card in self._cards])

    async def run(self, stop: asyncio.Event) -> None:
        """Sample all cards until `stop`. Raises SourceError where NVML cannot be used."""
        with ExitStack() as stack:
            self._take(stack.enter_context(opened()))
            self._observe()
            while not await paused(stop, self._settings.interval):
                self._observe()

    async def measure(self, span: EpochSpan) -> Measurement:
        """The output of a span that is over. Raises NotMeasuredError."""
        start, end = span.start * _NS, span.end * _NS
        totals = [card.used(start, end) for card in self._cards]
        covered = min((total.covered_ns for total in totals), default=0)
        if not any(total.covered_ns for total in totals):
            raise NotMeasuredError(f"epoch {span.epoch}: no card was observed")
        return Measurement(
            span=span,
            method=f"nvidia: {len(totals)} cards, activity by pipe (GPM) and energy where known, by NVML",
            figures=self._figures(totals),
            covered_ms=covered // 1_000_000,
            samples=sum(total.intervals for total in totals),
            notes=self._notes(totals),
            counts_proofs=True,
        )

    async def offer(self) -> Sequence[str]:
        """The cards, what each counts as, and by what."""
        with opened() as devices:
            return [self._offer_of(device) for device in devices] or ["no NVIDIA card here"]

    def _take(self, devices: Sequence[NvmlDevice]) -> None:
        """The cards that the settings know. Refuses to run with none: an epoch of nothing would be signed."""
        gap = int(self._settings.max_gap * _NS)
        taken: set[str] = set()
        for device in devices:
            model = self._settings.models.get(device.name)
            if device.uuid in taken:
                self._strangers.append(f"{device.name} ({device.uuid}) is listed twice: counted once")
                continue
            taken.add(device.uuid)
            if model is None:
                self._strangers.append(f"{device.name} ({device.uuid}) is not in [meter.models]: not counted")
            else:
                self._cards.append(_Card(device, model, IntervalLog(gap), IntervalLog(gap)))
        if not self._cards:
            seen = ", ".join(sorted({device.name for device in devices})) or "none"
            raise SourceError(f"no card here is in [meter.models]; the cards here: {seen}")

    def _observe(self) -> None:
        for card in self._cards:
            moment = Moment(int(self._now() * _NS), time.monotonic_ns())
            card.observe(moment)
            card.pipes.drop_before(moment.at_ns - self._retain_ns)
            card.energy.drop_before(moment.at_ns - self._retain_ns)

    def _figures(self, totals: Sequence[Total]) -> Figures:
        capacity = self.capacity()
        done = _sums(
            [
                (card.model.compute_class, card.model.ops_per_second * total.work // _NS)
                for card, total in zip(self._cards, totals, strict=True)
            ]
        )
        observed = _sums(
            [
                (card.model.compute_class, card.model.ops_per_second * total.covered_ns // _NS)
                for card, total in zip(self._cards, totals, strict=True)
            ]
        )
        general, intelligent, super_ = (
            ClassFigures(most, work * _PPM // seen if seen else 0, work)
            for most, work, seen in zip(capacity, done, observed, strict=True)
        )
        return general, intelligent, super_

    def _notes(self, totals: Sequence[Total]) -> tuple[str, ...]:
        each = [
            f"{card.device.uuid}: {note}"
            for card, total in zip(self._cards, totals, strict=True)
            for note in total.notes
        ]
        return (*each, *self._strangers)

    def _offer_of(self, device: NvmlDevice) -> str:
        model = self._settings.models.get(device.name)
        if model is None:
            return f"{device.name} ({device.uuid}): not in [meter.models], not counted"
        refusal = device.refusal() if device.has_pipes else ""
        ways = [f"activity by pipe{f' (refused now: {refusal})' if refusal else ''}"] if device.has_pipes else []
        ways += ["energy"] if model.by_energy and device.energy_mj() is not None else []
        by = (
            " and ".join(ways) or "nothing that this card tells: give idle_watts and load_watts, or it counts as unused"
        )
        tera = model.ops_per_second / 1e12
        return f"{device.name} ({device.uuid}): {model.compute_class.name.lower()}, {tera:,.1f} Top/s, metered by {by}"


def _sums(figures: Sequence[tuple[ComputeClass, int]]) -> Capacity:
    sums = [0, 0, 0]
    for compute_class, figure in figures:
        sums[compute_class] += figure
    return sums[ComputeClass.GENERAL], sums[ComputeClass.INTELLIGENT], sums[ComputeClass.SUPER]
