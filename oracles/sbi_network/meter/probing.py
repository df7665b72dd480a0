"""A probe: what of this machine's processors is free, measured by using it, at the lowest priority there is.

A challenge of the proof of compute has a deadline and so the right of way: it shows what the machine can do, and
displaces what was running. A probe displaces nothing and shows what was not in use. Counters that claim the rest and
more are refuted (`evidence.contradicts`).
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Final

from sbi_network.meter.bounds import PPM
from sbi_network.meter.capacity import MatrixBench
from sbi_network.meter.evidence import Probe, ProofWork
from sbi_network.protocol.units import ComputeClass

_SIZE: Final = 1024
_LOWEST_NICENESS: Final = 19


def at_lowest_priority() -> None:
    """Let every other process go before this one, for good. Its threads are told one by one: they do not inherit."""
    if not hasattr(os, "sched_setscheduler"):
        os.nice(_LOWEST_NICENESS)
        return
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_IDLE, os.sched_param(0))


def take_probe(seconds: int, capacity: int) -> tuple[Probe, ProofWork]:
    """What of `capacity` operations per second of the class `general` is free now: rounded down; and the work that it
    took. Blocks for `seconds`. Raises CapacityError where a product is wrong."""
    bench = MatrixBench(_SIZE, seconds)
    at_lowest_priority()
    start = math.floor(time.time())
    sample = bench.sample()
    end = math.ceil(sample.at_ns / 1e9)
    free = min(PPM, sample.rate * PPM // capacity)
    return Probe(ComputeClass.GENERAL, start, end, free), ProofWork(ComputeClass.GENERAL, end, sample.operations)
