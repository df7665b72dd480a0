"""Writes the bundled sample: one day of task accounting of a small facility that does not exist.

    python -m sbi_network.meter.samples.generate [folder]

Everything is made up here, from a fixed seed: no figure is copied from any real facility's records. Three kinds of
device, with round figures near what such hardware sustains in dense products when it is old, small or power-limited,
so that ten seconds of the facility come to some thousand nGAICPh:

- `cpu-node`: 4 nodes, 0.3 TFLOP/s FP32 each;
- `edge-accelerator`: 6 cards, 0.8 TFLOP/s FP16 each;
- `vector-node`: 1 node, 0.4 TFLOP/s FP64.

Each device is a line of its own in time: a task takes it (or a share of it, or several devices at once), runs from
two minutes to ninety minutes, and is followed by the next after a pause, which is shorter by day than by night. So no
device is ever used twice at one time, whatever the draw.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

DAY_SECONDS = 86_400
SEED = 20_260_101
_MINUTE, _HOUR = 60, 3_600
Row = tuple[str, str, int, int, int, int]
_DAYTIME = range(8 * _HOUR, 20 * _HOUR)


@dataclass(frozen=True, slots=True)
class _Line:
    """Devices that are always taken together, one task after the other."""

    model: str
    devices: int
    shares: tuple[int, ...]
    job: str


_DEVICES = (
    ("cpu-node", "general", 4, 300_000_000_000),
    ("edge-accelerator", "intelligent", 6, 800_000_000_000),
    ("vector-node", "super", 1, 400_000_000_000),
)
_LINES = (
    _Line("cpu-node", 1, (250, 500, 1000), "web"),
    _Line("cpu-node", 1, (500, 750, 1000), "etl"),
    _Line("cpu-node", 2, (1000,), "batch"),
    _Line("edge-accelerator", 1, (500, 1000), "infer"),
    _Line("edge-accelerator", 1, (250, 500, 1000), "infer-b"),
    _Line("edge-accelerator", 4, (1000,), "train"),
    _Line("vector-node", 1, (1000,), "model"),
)


def tasks() -> list[Row]:
    """The day's accounting, in order of start."""
    draw = random.Random(SEED)  # noqa: S311 - a sample, not a secret
    rows = [row for line in _LINES for row in _tasks_of(line, draw)]
    return sorted(rows, key=lambda row: (row[4], row[0]))


def _tasks_of(line: _Line, draw: random.Random) -> list[Row]:
    rows: list[Row] = []
    start = 0  # midnight finds the facility at work
    while start < DAY_SECONDS:
        end = min(start + draw.randrange(2 * _MINUTE, 90 * _MINUTE), DAY_SECONDS)
        name = f"{line.job}-{len(rows) + 1:03d}"
        rows.append((name, line.model, line.devices, draw.choice(line.shares), start, end))
        longest_pause = 10 * _MINUTE if end in _DAYTIME else 30 * _MINUTE
        start = end + draw.randrange(10, longest_pause)
    return rows


def write(folder: Path) -> None:
    """Write both files, the same bytes every time."""
    _write(folder / "tasks.csv", ("task", "device_model", "devices", "share_milli", "start", "end"), tasks())
    _write(folder / "devices.csv", ("device_model", "compute_class", "devices", "ops_per_second"), _DEVICES)


def _write(path: Path, header: tuple[str, ...], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
