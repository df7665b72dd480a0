"""How an epoch stands: contracts/interfaces/IReportSource.sol, which explains each."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """How an epoch stands; the numbers are IReportSource's."""

    OPEN = 0
    PENDING = 1
    FINAL = 2
    SKIPPED = 3
    VOID = 4
