"""An epoch's views by the clock: all oracles are in the same one, also one that has just started.

end ──gather_seconds──▶ view 0 ──view_seconds──▶ view 1 ──view_seconds──▶ view 2 …

Nobody can know beforehand how long agreement takes on a bad day. So after every f + 1 views, of whose leaders at least
one is honest, a view becomes twice as long, up to four times: where the first ones were too short, later ones are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sbi_network.chain.clock import EpochClock
from sbi_network.oracle.config import Timings

VIEW_TOLERANCE: Final = 1
"""Views by which a leader's clock may be ahead of or behind ours."""

_DOUBLINGS: Final = 2


@dataclass(frozen=True, slots=True)
class Views:
    """When the views of one epoch begin and end, in seconds since the Unix epoch.

    The first `turn` views take `seconds` each, the next so many twice that, all later ones four times.
    """

    epoch_end: float
    first_at: float
    seconds: float
    turn: int

    @classmethod
    def of(cls, epoch: int, clock: EpochClock, timings: Timings, oracles: int) -> Views:
        """An epoch's views, of so many oracles (3f + 1)."""
        end = clock.end_of(epoch)
        return cls(end, end + timings.gather_seconds, timings.view_seconds, oracles // 3 + 1)

    def at(self, moment: float) -> int:
        """The view of a moment; 0 before the first."""
        view, left, length = 0, moment - self.first_at, self.seconds
        for _ in range(_DOUBLINGS):
            if left < self.turn * length:
                break
            view, left, length = view + self.turn, left - self.turn * length, 2 * length
        return max(0, view + int(left // length))

    def end_of(self, view: int) -> float:
        """When a view gives way to the next."""
        turns = min(view // self.turn, _DOUBLINGS)
        longer = 1 << turns
        whole_turns = self.turn * (longer - 1)
        return self.first_at + self.seconds * (whole_turns + longer * (view - turns * self.turn + 1))

    def first_unsigned(self, started_at: float) -> int:
        """The first view that a process which had ended by `started_at` cannot have signed for: it worked on no epoch
        that was not over, and in no view beyond the tolerance."""
        return 0 if started_at < self.epoch_end else self.at(started_at) + VIEW_TOLERANCE + 1
