"""What a scenario has guardian and votes do, by epoch; upheld faults; and what waited for what.

What holds issuance back is the vault's own rule (`vault`): a jump in output waits, the guardian halts once. A jump in
headcount stops enrolment alone (`citizens`). All of it is held to the deployed contracts by a differential test.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation.facilities import Output
from sbi_network.simulation.scenario import DisputesUpheld, GuardianHalt, Rearm, Resume, Scenario
from sbi_network.simulation.vault import RefusedError, Vault


@dataclass(slots=True)
class Waits:
    """By epoch: whether issuance waits after its end. `trips` are the epochs that jumped, `refused` those of halts that
    were refused."""

    held: list[bool]
    trips: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


def with_void(scenario: Scenario, output: Output) -> Output:
    """The output with the epochs void of which faults are upheld."""
    outcomes = list(output.outcomes)
    for shock in scenario.shocks:
        if isinstance(shock, DisputesUpheld):
            outcomes[scenario.epoch_at(shock.at)] = Outcome.VOID
    return Output(outcomes, output.public, output.raw, output.offered)


class _EndOfHalt:
    """A vote that ends a halt, if there is one."""


class Acts:
    """What guardian and votes do, by the epoch after whose end they do it."""

    def __init__(self, scenario: Scenario) -> None:
        self._acts: defaultdict[int, list[type]] = defaultdict(list)
        halt = scenario.brakes.halt.value
        for shock in sorted(scenario.shocks, key=lambda shock: shock.at.value):
            if isinstance(shock, GuardianHalt | Rearm | Resume):
                self._acts[scenario.epoch_at(shock.at)].append(type(shock))
            if isinstance(shock, GuardianHalt) and shock.lasts.value < halt:
                end = scenario.epoch_at(shock.at) + max(1, scenario.epoch_at(shock.lasts))
                self._acts[end].append(_EndOfHalt)

    def happen(self, epoch: int, vault: Vault, now: int, waits: Waits) -> None:
        """The acts of an epoch, in order, at a time in seconds. What the contract refuses changes nothing."""
        for act in self._acts.get(epoch, ()):
            try:
                if act is GuardianHalt:
                    vault.halt(now)
                elif act is Rearm:
                    vault.rearm()
                elif act is Resume or now < vault.halted_until:
                    vault.resume(now)
            except RefusedError:
                if act is GuardianHalt:
                    waits.refused.append(epoch)
