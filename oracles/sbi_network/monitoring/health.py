"""Whether a process lives, and whether it can do its work now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Probe = Callable[[], str | None]
"""None if all is well, else what is not, in a line. It asks nobody: what it looks at is kept by others."""


@dataclass
class Health:
    """Named probes. `alive` fails where only a restart helps, `ready` where the process waits for something outside."""

    alive: dict[str, Probe] = field(default_factory=dict)
    ready: dict[str, Probe] = field(default_factory=dict)

    def not_alive(self) -> dict[str, str]:
        """The probes that fail, and what they say."""
        return _failing(self.alive)

    def not_ready(self) -> dict[str, str]:
        """Likewise; a process that is not alive is not ready."""
        return _failing(self.alive | self.ready)


def _failing(probes: dict[str, Probe]) -> dict[str, str]:
    return {name: said for name, probe in probes.items() if (said := probe()) is not None}
