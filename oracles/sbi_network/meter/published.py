"""What makers and lists publish of real devices, from `published.csv`: nominal peaks of dense products, with sources.

Nobody is paid by these figures. They hold the weights against real devices in docs/units.md, and refuse a meter.toml
that claims more for a card than its maker does.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from sbi_network.protocol.units import FIRST_WEIGHTS_X16, ComputeClass, weight_x16

FILE: Final = Path(__file__).parent / "published.csv"


@dataclass(frozen=True, slots=True)
class Published:
    """One device at one precision. `ops_per_second` is its dense peak, or for a system what HPL measured.

    `nvml_names` are beginnings of what NVML calls the card.
    """

    device: str
    compute_class: ComputeClass
    operand_bits: int
    ops_per_second: int
    nvml_names: tuple[str, ...]
    source: str
    address: str

    @property
    def weighted_x16(self) -> int:
        """Sixteenths of weighted operations a second: what the device counts for, were it always at this peak."""
        return self.ops_per_second * weight_x16(self.operand_bits)


@cache
def published() -> Sequence[Published]:
    """The whole table, in the file's order."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return [
            Published(
                device=row["device"],
                compute_class=ComputeClass[row["compute_class"].upper()],
                operand_bits=int(row["operand_bits"]),
                ops_per_second=int(row["ops_per_second"]),
                nvml_names=tuple(name for name in row["nvml_names"].split(";") if name),
                source=row["source"],
                address=row["address"],
            )
            for row in csv.DictReader(file)
        ]


def published_peak(nvml_name: str, compute_class: ComputeClass) -> int | None:
    """The published peak of a card at its class's own precision, by the name that NVML gives it; None if not known."""
    peaks = [
        row.ops_per_second
        for row in published()
        if row.compute_class is compute_class
        and row.operand_bits == FIRST_WEIGHTS_X16[compute_class]
        and any(_is_a(nvml_name, name) for name in row.nvml_names)
    ]
    return max(peaks, default=None)


def _is_a(nvml_name: str, beginning: str) -> bool:
    """`NVIDIA A10` is the beginning of `NVIDIA A10-24Q`, and of neither `NVIDIA A100` nor `NVIDIA A10G`."""
    rest = nvml_name.removeprefix(beginning)
    return rest != nvml_name and not rest[:1].isalnum()
