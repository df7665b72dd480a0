"""When issuance waits: automatic brakes and the guardian, as the governance design has them, in a module of their own.

These rules are modelled after the text of the design, not ported from contracts. Once brakes are deployed this module
follows them, and the differential test takes them in. Until then a figure of "epochs held" is the model's.

- *Jump*: an epoch's output of more than `jump` times the mean of the last `window` makes issuance wait `hold`; then it
  resumes by itself, and for `rest` nothing trips again, so that brakes cannot chain. What waits is caught up later and
  trips nothing: only an epoch's own output is looked at, once.
- *Upheld faults* of a quorum's making void their epoch and hold likewise.
- *The guardian* may halt once, for at most `guardian_limit`, until a vote arms it again.
- A jump in *headcount* stops enrolment alone (`enrolment_cap`, applied by `citizens`), never issuance.
- Skipped epochs (few live oracles) trip nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sbi_network.simulation.facilities import Output
from sbi_network.simulation.scenario import DisputesUpheld, GuardianHalt, Rearm, Scenario
from sbi_network.simulation.vault import Outcome


@dataclass(frozen=True, slots=True)
class Waits:
    """By epoch: whether issuance waits at its end. `trips` are the epochs that tripped, `refused` the refused halts."""

    held: list[bool]
    trips: tuple[int, ...]
    refused: tuple[int, ...]


def judged(scenario: Scenario, output: Output) -> tuple[Output, Waits]:
    """The output with upheld epochs void, and when issuance waits for it."""
    outcomes = list(output.outcomes)
    upheld = {scenario.epoch_at(shock.at) for shock in scenario.shocks if isinstance(shock, DisputesUpheld)}
    for epoch in upheld:
        outcomes[epoch] = Outcome.VOID
    held, trips = _braked(scenario, outcomes, output.public, upheld)
    refused = _halted(scenario, held)
    return Output(outcomes, output.public, output.raw, output.offered), Waits(held, trips, refused)


def _braked(
    scenario: Scenario, outcomes: list[Outcome], public: list[int], upheld: set[int]
) -> tuple[list[bool], tuple[int, ...]]:
    rules = scenario.brakes
    jump, hold, rest = float(rules.jump), scenario.epoch_at(rules.hold), scenario.epoch_at(rules.rest)
    recent: deque[int] = deque(maxlen=max(1, scenario.epoch_at(rules.window)))
    total = 0
    held = [False] * len(outcomes)
    trips = []
    armed_at = 0
    for epoch, outcome in enumerate(outcomes):
        fault = epoch in upheld
        if outcome is not Outcome.FINAL and not fault:
            continue
        jumped = not fault and len(recent) == recent.maxlen and public[epoch] * len(recent) > jump * total
        if (jumped or fault) and epoch >= armed_at and hold:
            trips.append(epoch)
            held[epoch : epoch + hold] = [True] * len(held[epoch : epoch + hold])
            armed_at = epoch + hold + rest
        if not fault:
            if len(recent) == recent.maxlen:
                total -= recent[0]
            recent.append(public[epoch])
            total += public[epoch]
    return held, tuple(trips)


def _halted(scenario: Scenario, held: list[bool]) -> tuple[int, ...]:
    """Marks the guardian's halts; answers the epochs of those that were refused."""
    armed, refused = True, []
    limit = scenario.epoch_at(scenario.brakes.guardian_limit)
    acts = [shock for shock in scenario.shocks if isinstance(shock, (GuardianHalt, Rearm))]
    for act in sorted(acts, key=lambda shock: shock.at.value):
        epoch = scenario.epoch_at(act.at)
        if isinstance(act, Rearm):
            armed = True
        elif not armed:
            refused.append(epoch)
        else:
            armed = False
            end = epoch + min(limit, max(1, scenario.epoch_at(act.lasts)))
            held[epoch:end] = [True] * len(held[epoch:end])
    return tuple(refused)
