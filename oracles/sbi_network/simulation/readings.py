"""Recorded readings in place of modelled output: what an accounting reader, or a registry's history, has to say.

One CSV file, one line a reading, in any order:

    epoch,facility,raw_general,raw_intelligent,raw_super

Raw output is whole nGAICPh of the class, as in the protocol's Reading. Facility n is the n-th of the scenario's groups,
whose public share counts. An epoch between the first and the last that has no line was skipped; a facility without a
line in an epoch had no accepted reading, and counts nothing. The first epoch recorded becomes epoch 0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from sbi_network.protocol.figure import UINT64_MAX
from sbi_network.simulation.errors import ReadingsError
from sbi_network.simulation.facilities import Recorded
from sbi_network.simulation.scenario import MOST_EPOCHS, Scenario
from sbi_network.simulation.vault import Outcome

COLUMNS = ("epoch", "facility", "raw_general", "raw_intelligent", "raw_super")
_MOST_FAULTS = 20

Line = tuple[int, int, int, int, int]


def read_readings(path: Path, facilities: int) -> Recorded:
    """Read a file of readings of this many facilities. Raises ReadingsError, with every fault and its line."""
    faults: list[str] = []
    try:
        lines = _lines(path, facilities, faults)
    except OSError as error:
        raise ReadingsError([f"{path}: cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise ReadingsError([f"{path}: is not UTF-8 text"]) from None
    except csv.Error as error:
        raise ReadingsError([f"{path}: is not CSV: {error}"]) from None
    if not lines and not faults:
        faults.append(f"{path}: holds no reading")
    if not faults:
        span = max(epoch for epoch, _ in lines) - min(epoch for epoch, _ in lines) + 1
        if span > MOST_EPOCHS:
            faults.append(f"{path}: spans {span} epochs, expected at most {MOST_EPOCHS}")
    if faults:
        raise ReadingsError(faults)
    return _recorded(lines.values(), facilities)


def _lines(path: Path, facilities: int, faults: list[str]) -> dict[tuple[int, int], Line]:
    """The readings of a file by epoch and facility; what does not read goes to `faults`."""
    lines: dict[tuple[int, int], Line] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = tuple(next(rows, ()))
        if sorted(header) != sorted(COLUMNS):
            raise ReadingsError([f"{path}:1: expected the columns {', '.join(COLUMNS)}, given {', '.join(header)}"])
        for cells in rows:
            _take(f"{path}:{rows.line_num}", header, cells, facilities, lines, faults)
            if len(faults) >= _MOST_FAULTS:
                break
    return lines


def write_readings(path: Path, readings: Iterable[Line]) -> None:
    """Write readings as `read_readings` takes them: (epoch, facility, raw general, intelligent, super)."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(readings)


def fitted(scenario: Scenario, recorded: Recorded) -> Scenario:
    """The scenario over what was recorded: its horizon is cut to the epochs there are. Raises ReadingsError."""
    epochs = len(recorded.outcomes)
    if epochs >= scenario.epochs:
        return scenario
    horizon = Fraction(epochs) * scenario.epoch
    late = [f"shocks.{n}.at" for n, shock in enumerate(scenario.shocks) if shock.at.value >= horizon]
    if late:
        raise ReadingsError([f"{scenario.name}: {', '.join(late)}: beyond the {epochs} epochs recorded"])
    return scenario.model_copy(update={"horizon": horizon})


def _take(
    where: str,
    header: Sequence[str],
    cells: Sequence[str],
    facilities: int,
    lines: dict[tuple[int, int], Line],
    faults: list[str],
) -> None:
    if len(cells) != len(COLUMNS):
        faults.append(f"{where}: expected {len(COLUMNS)} figures, given {len(cells)}")
        return
    row = dict(zip(header, cells, strict=True))
    figures = []
    for column, most in zip(COLUMNS, (2**32 - 1, facilities - 1, *(UINT64_MAX,) * 3), strict=True):
        cell = row[column]
        if not (cell.isascii() and cell.isdigit() and len(cell) <= 20 and int(cell) <= most):
            faults.append(f"{where}: {column}: expected an integer from 0 to {most}, given {cell[:40]!r}")
            return
        figures.append(int(cell))
    epoch, facility, general, intelligent, super_ = figures
    if (epoch, facility) in lines:
        faults.append(f"{where}: epoch {epoch} of facility {facility} is in the file already")
        return
    lines[epoch, facility] = (epoch, facility, general, intelligent, super_)


def _recorded(lines: Iterable[Line], facilities: int) -> Recorded:
    found = sorted(lines)
    first, last = found[0][0], found[-1][0]
    raw = np.zeros((last - first + 1, facilities, 3), dtype=object)
    outcomes = [Outcome.SKIPPED] * (last - first + 1)
    for epoch, facility, *by_class in found:
        raw[epoch - first, facility] = by_class
        outcomes[epoch - first] = Outcome.FINAL
    return Recorded(raw, outcomes)
