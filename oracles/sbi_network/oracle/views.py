"""An epoch's views by the clock: all oracles are in the same one, also one that has just started.

end ──gather_seconds──▶ view 0 ──view_seconds──▶ view 1 ──view_seconds──▶ view 2 …
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sbi_network.chain.clock import EpochClock
from sbi_network.oracle.config import Timings

VIEW_TOLERANCE: Final = 1
"""Views by which a leader's clock may be ahead of or behind ours."""


@dataclass(frozen=True, slots=True)
class Views:
    """When the views of one epoch begin and end, in seconds since the Unix epoch."""

    epoch_end: float
    first_at: float
    seconds: float

    @classmethod
    def of(cls, epoch: int, clock: EpochClock, timings: Timings) -> Views:
        """An epoch's views."""
        end = clock.end_of(epoch)
        return cls(end, end + timings.gather_seconds, timings.view_seconds)

    def at(self, moment: float) -> int:
        """The view of a moment; 0 before the first."""
        return max(0, int((moment - self.first_at) // self.seconds))

    def end_of(self, view: int) -> float:
        """When a view gives way to the next."""
        return self.first_at + (view + 1) * self.seconds

    def first_unsigned(self, started_at: float) -> int:
        """The first view that a process which had ended by `started_at` cannot have signed for: it worked on no epoch
        that was not over, and in no view beyond the tolerance."""
        return 0 if started_at < self.epoch_end else self.at(started_at) + VIEW_TOLERANCE + 1
