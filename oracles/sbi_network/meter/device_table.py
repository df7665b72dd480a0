"""The device table: what is installed, and what one device of each model sustains at its class's precision.

    device_model,compute_class,devices,ops_per_second

It is refused as a whole where a line is wrong, with all faults at once, each as `file:line: reason`: a reading must not
rest on half a table.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from sbi_network.meter.errors import TraceError
from sbi_network.meter.records import MOST_DEVICES, DeviceModel
from sbi_network.protocol.units import ComputeClass

COLUMNS = ("device_model", "compute_class", "devices", "ops_per_second")
_MOST_OPS = 2**63 - 1
_MAX_DIGITS = 19


def read_device_table(path: Path) -> dict[str, DeviceModel]:
    """The models by name. Raises TraceError."""
    models: dict[str, DeviceModel] = {}
    faults: list[str] = []
    for line, row in _rows(path, faults):
        try:
            model = _model(row)
            if model.name in models:
                raise _FaultError(f"device model {model.name!r} is in the table already")
            models[model.name] = model
        except _FaultError as fault:
            faults.append(f"{path}:{line}: {fault}")
    if not models and not faults:
        faults.append(f"{path}:1: no device model in the table")
    if faults:
        raise TraceError(faults)
    return models


class _FaultError(Exception):
    """Why one line is refused."""


def _rows(path: Path, faults: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines with their numbers, counted from 1 as editors do."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = tuple(next(reader, ()))
            if sorted(header) != sorted(COLUMNS):
                raise TraceError([f"{path}:1: the columns are {','.join(header)!r}, expected {','.join(COLUMNS)}"])
            for fields in reader:
                if len(fields) == len(header):
                    yield reader.line_num, dict(zip(header, fields, strict=True))
                elif fields:
                    faults.append(f"{path}:{reader.line_num}: {len(fields)} fields, expected {len(header)}")
    except OSError as error:
        raise TraceError([f"{path}: cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise TraceError([f"{path}: is not UTF-8 text ({error.reason})"]) from error
    except csv.Error as error:
        raise TraceError([f"{path}: is not CSV ({error})"]) from error


def _model(row: Mapping[str, str]) -> DeviceModel:
    name = row["device_model"].strip()
    if not name:
        raise _FaultError("device_model is empty")
    try:
        compute_class = ComputeClass[row["compute_class"].upper()]
    except KeyError:
        known = ", ".join(c.name.lower() for c in ComputeClass)
        raise _FaultError(f"compute_class is {row['compute_class'][:40]!r}, expected one of {known}") from None
    devices = _figure(row, "devices", MOST_DEVICES)
    return DeviceModel(name, compute_class, devices, _figure(row, "ops_per_second", _MOST_OPS))


def _figure(row: Mapping[str, str], column: str, most: int) -> int:
    text = row[column]
    # isdecimal alone also takes digits of other scripts; a length limit keeps int() quick.
    value = int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None
    if value is None or not 1 <= value <= most:
        raise _FaultError(f"{column} is {text[:40]!r}, expected an integer from 1 to {most}")
    return value
