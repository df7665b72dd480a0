"""Audits and probes from a JSON file: what proof of compute hands to the meter.

    {"audits": [{"class": "intelligent", "challenges": 300, "failures": 3, "provenOpsPerSecond": "701000000000000"}],
     "probes": [{"class": "intelligent", "start": 1767225600, "end": 1767225605, "freePpm": 120000}],
     "proving": [{"class": "intelligent", "end": 1767225605, "operations": "420000000000000"}]}

Oracles draw their challenges themselves and do not read this file: it is for networks that ask for no proof on chain,
and for probes, which `sbi meter probe` and a facility's own scheduler note here. Figures beyond 2^53 are text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic.alias_generators import to_camel

from sbi_network.errors import RangeError
from sbi_network.meter.errors import SourceError
from sbi_network.meter.evidence import AuditResult, Probe, ProofWork, Terms
from sbi_network.meter.measurement import EpochSpan
from sbi_network.protocol.units import ComputeClass

_MOST_BYTES: Final = 1024 * 1024
_EXACT_IN_JSON: Final = 2**53
_MOST_DIGITS: Final = 30
_MOST_NOTED: Final = 2_000
"""Probes that are kept: more than two months of one an hour, and well within the file's size."""


def class_named(name: object) -> ComputeClass:
    """The class of a name in a file. Raises ValueError, as validators do."""
    if isinstance(name, str) and name in {c.name.lower() for c in ComputeClass}:
        return ComputeClass[name.upper()]
    raise ValueError("is not one of general, intelligent, super")


def _whole(given: object) -> int:
    if type(given) is int:
        return given
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS:
        return int(given)
    raise ValueError("is not a whole number")


def _text_if_large(figure: int) -> int | str:
    return figure if figure <= _EXACT_IN_JSON else str(figure)


def _fields(of: Probe | ProofWork, *names: str) -> dict[str, int]:
    return {to_camel(name): getattr(of, name) for name in names}


NamedClass = Annotated[
    ComputeClass, BeforeValidator(class_named), PlainSerializer(lambda given: given.name.lower(), when_used="json")
]
_Whole = Annotated[int, BeforeValidator(_whole), PlainSerializer(_text_if_large, when_used="json")]


class _Item(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)
    compute_class: NamedClass = Field(alias="class")


class _Audit(_Item):
    challenges: _Whole
    failures: _Whole
    proven_ops_per_second: _Whole

    def result(self) -> AuditResult:
        return AuditResult(self.compute_class, self.challenges, self.failures, self.proven_ops_per_second)


class _Probe(_Item):
    start: _Whole
    end: _Whole
    free_ppm: _Whole

    def result(self) -> Probe:
        return Probe(self.compute_class, self.start, self.end, self.free_ppm)


class _Proving(_Item):
    end: _Whole
    operations: _Whole

    def result(self) -> ProofWork:
        return ProofWork(self.compute_class, self.end, self.operations)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    audits: list[_Audit] = []
    probes: list[_Probe] = []
    proving: list[_Proving] = []


class AuditFile:
    """An auditor whose results are in a file, read anew for each epoch."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def audits(self, span: EpochSpan) -> Sequence[AuditResult]:
        """One a class, the last of each. Raises SourceError."""
        with self._in_range():
            return list({audit.compute_class: audit.result() for audit in self._read().audits}.values())

    def probes(self, span: EpochSpan) -> Sequence[Probe]:
        """Those that ran within the epoch. Raises SourceError."""
        with self._in_range():
            probes = [probe.result() for probe in self._read().probes]
        return [probe for probe in probes if span.start <= probe.start and probe.end <= span.end]

    def proving(self, span: EpochSpan) -> Sequence[ProofWork]:
        """The work that ended within the epoch. Raises SourceError."""
        with self._in_range():
            done = [work.result() for work in self._read().proving]
        return [work for work in done if span.start < work.end <= span.end]

    def terms(self, span: EpochSpan, own: Terms) -> Terms:
        """The facility's own: the file has none."""
        return own

    def add(self, probe: Probe, work: ProofWork) -> None:
        """Note a probe and what it took; the oldest are dropped. All of it or nothing. Raises SourceError."""
        known = self._read() if self._path.exists() else _File()
        name = probe.compute_class.name.lower()
        known.probes.append(_Probe.model_validate({"class": name, **_fields(probe, "start", "end", "free_ppm")}))
        known.proving.append(_Proving.model_validate({"class": name, **_fields(work, "end", "operations")}))
        known.probes, known.proving = known.probes[-_MOST_NOTED:], known.proving[-_MOST_NOTED:]
        new = self._path.with_name(f".{self._path.name}.new")
        try:
            new.write_text(known.model_dump_json(by_alias=True, indent=1), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be written ({error.strerror})") from None

    @contextmanager
    def _in_range(self) -> Iterator[None]:
        try:
            yield
        except RangeError as error:
            raise SourceError(f"{self._path}: {error}") from None

    def _read(self) -> _File:
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                raise SourceError(f"{self._path}: is larger than {_MOST_BYTES} bytes")
            return _File.model_validate_json(self._path.read_bytes())
        except OSError as error:
            raise SourceError(f"{self._path}: cannot be read ({error.strerror})") from None
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the file"
            raise SourceError(f"{self._path}: {place}: {first['msg'].removeprefix('Value error, ')}") from None
