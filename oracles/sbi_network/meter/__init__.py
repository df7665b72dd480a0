"""The meter: measures a facility's computing, signs a reading an epoch, serves the readings over HTTP.

    source ──▶ measurement ──▶ counting ──▶ service ──▶ store, HTTP
                                  ▲
      audits, probes (proof) ─────┤
      energy, schedule, deliveries┘

| module | does |
|---|---|
| `measurement` | the `Meter` interface, and what a measurement says |
| `host`, `capacity`, `utilisation` | this machine: timed matrix products, the operating system's counters |
| `nvidia`, `nvml` | this machine's NVIDIA cards |
| `prometheus`, `prometheus_api` | whatever a Prometheus server collects |
| `accounting`, `records`, `record_files`, `device_table` | a scheduler's records, live or replayed |
| `intervals` | samples of counters over time: gaps, resets, a clock that was set |
| `evidence`, `bounds`, `counting` | what of a measurement can be counted, by audits, witnesses and probes |
| `proof` | proof of compute: challenge, product, opening, check |
| `prover`, `devices`, `proof_records`, `second_opinion` | answers challenges; by which devices; what is kept of it |
| `audit_file`, `probing`, `witnesses`, `deliveries` | where other evidence comes from |
| `published` | what makers publish of real devices |
| `network` | when epochs begin and end, as the meter needs to know it |
| `store`, `service`, `process` | readings kept before they are served; HTTP; the process around them |
| `sources`, `settings`, `cli` | meter.toml, `sbi meter` |

Proof of compute plugs in as a `counting.Auditor`: audits by class, the probes of an epoch, and the work of proving.
"""

from sbi_network.meter.errors import (
    CapacityError,
    DevicesError,
    NotMeasuredError,
    ReadingStateError,
    SourceError,
    TraceError,
)
from sbi_network.meter.measurement import ClassFigures, EpochSpan, Measurement, Meter
from sbi_network.meter.network import Network

__all__ = [
    "CapacityError",
    "ClassFigures",
    "DevicesError",
    "EpochSpan",
    "Measurement",
    "Meter",
    "Network",
    "NotMeasuredError",
    "ReadingStateError",
    "SourceError",
    "TraceError",
]
