"""What can go wrong in a simulation, on purpose.

SimulationError
├── ScenarioError        a scenario, or a change to one, that does not read; one line a fault, with its path
├── ReadingsError        recorded readings that do not read; one line a fault, with its line
├── ConservationError    the loop lost or made money: a bug here, never the scenario's fault
└── ClusterError         the Dask cluster cannot be reached, or was lost
"""

from __future__ import annotations

from collections.abc import Sequence

from sbi_network.errors import SimulationError


class _FaultsError(SimulationError):
    """Attributes: `faults`, one text each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(*faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(self.faults)


class ScenarioError(_FaultsError):
    """A scenario, or a change to one, that does not read. Attributes: `faults`, each `file: path: reason`."""


class ReadingsError(_FaultsError):
    """Recorded readings that do not read. Attributes: `faults`, each `file:line: reason`."""


class ConservationError(SimulationError):
    """The loop lost or made money. Attributes: the `epoch`, and `rule`, the invariant that broke, in words."""

    def __init__(self, epoch: int, rule: str) -> None:
        super().__init__(epoch, rule)
        self.epoch = epoch
        self.rule = rule

    def __str__(self) -> str:
        return f"epoch {self.epoch}: {self.rule}"


class ClusterError(SimulationError):
    """The Dask cluster cannot be reached, or was lost."""
