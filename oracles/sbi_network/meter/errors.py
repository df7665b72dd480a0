"""What can go wrong in a meter, below `sbi_network.errors.MeterError`.

    MeterError
    ├── TraceError             accounting records or a device table that cannot be counted
    ├── SourceError            a metering source that cannot be reached, or that answers nonsense
    ├── CapacityError          a capacity sample that cannot be taken or trusted
    ├── DevicesError           devices that cannot be reached, or that cannot compute what is asked of them
    ├── NotMeasuredError       nothing at all is known of a span of time
    └── ReadingStateError      a state file that is another meter's, or that cannot be read or written

Settings, key and chain fail with the errors of `sbi_network.chain.errors`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sbi_network.errors import MeterError


class TraceError(MeterError):
    """Accounting records or a device table that cannot be counted.

    Attribute: `faults`, each as `file:line: reason`.
    """

    SHOWN = 20

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        rest = len(self.faults) - self.SHOWN
        more = [f"and {rest} more"] if rest > 0 else []
        return "\n".join([*self.faults[: self.SHOWN], *more])


class SourceError(MeterError):
    """A metering source that cannot be reached, or that answers nonsense. Nothing is counted; asking again may help."""


class CapacityError(MeterError):
    """A capacity sample that cannot be taken or trusted."""


class DevicesError(MeterError):
    """Devices that cannot be reached, or that cannot compute what is asked of them. Asking again may help."""


class NotMeasuredError(MeterError):
    """Nothing at all is known of a span of time: it gets no reading, which counts as no output."""


class ReadingStateError(MeterError):
    """A state file that is another meter's, or that cannot be read or written."""
