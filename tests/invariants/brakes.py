"""What holds dividends back, in prose: the guardian's halt, and the brake on output that jumps.

Recent outputs are a list, each of which counts an eighth less with every dividend since; nothing here knows of a
running peak, a packed figure or a flag.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class BrakeRules:
    """What the recipe fixes. Times in seconds, output in nGAICPh."""

    halt_span: int
    brake_span: int
    jump_floor: int
    jump: Fraction
    """An output above this multiple of the recent peak is a jump."""


@dataclass
class Brakes:
    """What was halted and braked, and until when."""

    rules: BrakeRules
    recent: list[int] = field(default_factory=list)
    """What each output still counts for."""

    seen: dict[int, bool] = field(default_factory=dict)
    """The epochs that were said to wait; true where a vote let them go on."""

    halted_until: int | None = None
    """When the last halt ends or ended; None before the first."""

    may_halt: bool = True

    # The brake

    @property
    def peak(self) -> int:
        """The greatest output of late, as it counts now."""
        return max(self.recent, default=0)

    @property
    def most(self) -> int:
        """The greatest output that is no jump."""
        return max(self.rules.jump_floor, floor(self.peak * self.rules.jump))

    def waits(self, epoch: int, output: int, ended_at: int, time: int) -> bool:
        """Whether an epoch of this output, which is final, has to wait."""
        let_go = self.seen.get(epoch, False)
        return output > self.most and time < ended_at + self.rules.brake_span and not let_go

    def count(self, output: int) -> None:
        """A dividend came of this output."""
        self.recent = [*(each - each // 8 for each in self.recent), output]

    # The guardian

    def is_halted(self, time: int) -> bool:
        """Whether a halt lasts."""
        return self.halted_until is not None and time < self.halted_until

    @property
    def next_halt_from(self) -> int:
        """A halt is followed by as long a time without one."""
        return 0 if self.halted_until is None else self.halted_until + self.rules.halt_span

    def halt(self, time: int) -> int:
        """Answers its end."""
        self.may_halt, self.halted_until = False, time + self.rules.halt_span
        return self.halted_until

    def resumes(self, epoch: int, time: int) -> bool:
        """Whether there is anything that a vote could let go on."""
        return self.is_halted(time) or self.seen.get(epoch) is False

    def resume(self, epoch: int, time: int) -> None:
        """A vote ends a halt, and lets the epoch go on that was said to wait."""
        if self.is_halted(time):
            self.halted_until = time
        if epoch in self.seen:
            self.seen[epoch] = True
