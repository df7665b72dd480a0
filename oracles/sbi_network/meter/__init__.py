"""The meter: measures a facility's computing, signs a reading an epoch, serves the readings over HTTP.

| module | does |
|---|---|
| `measurement` | the `Meter` interface, and what a measurement says |
| `host`, `capacity`, `utilisation` | this machine: timed matrix products, the operating system's counters |
| `accounting`, `trace` | a facility's task records, replayed |
| `network` | when epochs begin and end, as the meter needs to know it |
| `store`, `service`, `process` | readings kept before they are served; HTTP; the process around them |
| `settings`, `cli` | meter.toml, `sbi meter` |
"""

from sbi_network.meter.errors import (
    CapacityError,
    NotMeasuredError,
    ReadingStateError,
    TraceError,
)
from sbi_network.meter.measurement import ClassFigures, EpochSpan, Measurement, Meter
from sbi_network.meter.network import Network

__all__ = [
    "CapacityError",
    "ClassFigures",
    "EpochSpan",
    "Measurement",
    "Meter",
    "Network",
    "NotMeasuredError",
    "ReadingStateError",
    "TraceError",
]
