"""What became of the epochs, as seen from outside: by the campaign's own log of who could work when, and the chain."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import httpx

from sbi_network.errors import SBIError
from sbi_network.oracle.views import Views
from sbi_network.protocol.json_form import decode_signed
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.units import public_output_down
from tests.chaos.chain import WEIGHTS
from tests.chaos.network import Network

_STEP = 0.25
_SEEN_SECONDS = 3.0
"""For the chain to take a report."""


@dataclass
class Spell:
    """A time in which an oracle could not work, in seconds since the Unix epoch; `until` None while it lasts.

    Epochs up to `through` it cannot work on afterwards either: its key was slashed and the next one is not of their
    set, or it was put back to a state file that does not know what it signed of them.
    """

    slot: int
    since: float
    until: float | None = None
    through: int = -1

    def covers(self, moment: float, epoch: int) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until or epoch <= self.through)


@dataclass
class Log:
    """What the campaign notes."""

    spells: list[Spell] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    unconfirmed: Counter[str] = field(default_factory=Counter)
    ended_by_themselves: int = 0
    recoveries: list[float] = field(default_factory=list)

    def able(self, count: int, moment: float, epoch: int) -> int:
        """How many oracles could work on an epoch at a moment."""
        return count - len({spell.slot for spell in self.spells if spell.covers(moment, epoch)})


class Observer:
    """Judges a finished campaign. It believes no oracle."""

    def __init__(self, network: Network, log: Log) -> None:
        self._network = network
        self._log = log
        self._views_needed = network.faults + 4
        """Views that a quorum needs together: as many as there may be liars, two that a restarted oracle sits out, one
        for it to be done in, and the one that runs."""

    def verdict(self, first: int, last: int) -> dict[str, Any]:
        """Figures over the epochs from `first` to `last`, whose deadlines have passed."""
        epochs = range(first, last + 1)
        accepted = self._accepted(first, last)
        lost = [epoch for epoch in epochs if epoch not in accepted and self.could_be_served(epoch)]
        doubled = self._network.signatures.doubled()
        honest = [place for place in doubled if place[0] not in self._network.equivocators]
        recoveries = sorted(self._log.recoveries)
        return {
            "faults": sum(self._log.faults.values()),
            "faults_by_kind": dict(sorted(self._log.faults.items())),
            "faults_without_effect": dict(sorted(self._log.unconfirmed.items())),
            "oracles_ended_by_themselves": self._log.ended_by_themselves,
            "epochs": len(epochs),
            "epochs_reported": len(accepted),
            "epochs_lost": len(lost),
            "epochs_voided": sum(bool(self._network.chain.record(epoch)[8]) for epoch in accepted),
            "lost": lost,
            "reports_duplicated": sum(len(reports) - 1 for reports in accepted.values()),
            "wrong_issues": sum(not self._is_right(epoch, reports[-1]) for epoch, reports in accepted.items()),
            "double_signatures_by_honest": len(honest),
            "double_signatures_by_liars": len(doubled) - len(honest),
            "slashed_honest": self._slashed_honest(),
            "nonces_used_for_two_things": len(self._network.transactions.doubled()),
            "transactions_seen": self._network.transactions.count,
            "signatures_seen": self._network.signatures.count,
            "recovery_seconds_median": round(statistics.median(recoveries), 1) if recoveries else None,
            "recovery_seconds_max": round(recoveries[-1], 1) if recoveries else None,
        }

    def could_be_served(self, epoch: int) -> bool:
        """Whether a quorum could work on an epoch for as long as that takes, between its end and its deadline."""
        chain, network = self._network.chain, self._network
        moment, deadline = float(chain.end_of(epoch)), chain.end_of(epoch) + network.times.report_window
        pace, oracles = network.pace, len(network.slots)
        views = Views(moment, moment + pace.gather, pace.view, oracles // 3 + 1)
        since: float | None = None
        while moment < deadline - _SEEN_SECONDS:
            able = self._log.able(oracles, moment, epoch) >= network.quorum
            since = (moment if since is None else since) if able else None
            if since is not None and views.at(moment) >= views.at(since + pace.gather) + self._views_needed:
                return True
            moment += _STEP
        return False

    def _accepted(self, first: int, last: int) -> dict[int, list[Any]]:
        """The reports in the chain as it is now, by epoch."""
        found: dict[int, list[Any]] = {}
        for log in self._network.chain.registry.events.ReportAccepted().get_logs(from_block=0):
            if first <= log["args"]["epoch"] <= last:
                found.setdefault(log["args"]["epoch"], []).append(log["args"]["report"])
        return found

    def _is_right(self, epoch: int, report: Any) -> bool:
        """Whether a report's public output is what some of the facilities say that they made; nobody else says any."""
        outputs = [output for meter in self._network.meters if (output := _output(meter, epoch)) is not None]
        sums = {sum(chosen) for size in range(len(outputs) + 1) for chosen in combinations(outputs, size)}
        return report["publicOutput"] in sums

    def _slashed_honest(self) -> int:
        bonds = self._network.chain.bonds
        keys = {key.address for slot in self._network.slots for key in slot.keys} - self._network.equivocators
        return sum(bool(bonds.functions.isSlashed(key).call()) for key in keys)


def _output(meter: str, epoch: int) -> int | None:
    answer = httpx.get(f"{meter}/v1/readings/{epoch}", timeout=5, trust_env=False)
    try:
        return public_output_down(decode_signed(Reading, answer.content).message.raw, WEIGHTS, 10_000)
    except SBIError:
        return None
