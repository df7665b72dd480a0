"""From a measurement to what can be counted: capacity lower bound × utilisation lower bound × time, by class.

    capacity    = the lesser of what the meter measures and what audits proved, × (1 − Clopper–Pearson bound), down
    utilisation = the least share that any witness tells, less the work of proofs themselves; without a witness of
                  demand, at most the governed cap; where a probe refuted the claim, at most what the probe left
    operations  = floor( capacity × utilisation × seconds )
    raw output  = floor( operations / 3.6e9 ), in nGAICPh of the class; the chain applies the weight

The shares are exact fractions, so that nothing is rounded between; both floors are against the facility. No evidence
ever raises a figure: each can only take away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from sbi_network.meter.bounds import PPM
from sbi_network.meter.errors import NotMeasuredError
from sbi_network.meter.evidence import (
    AuditResult,
    Evidence,
    Probe,
    ProofWork,
    Statement,
    Terms,
    contradicts,
)
from sbi_network.meter.measurement import Basis, Capacity, ClassFigures, EpochSpan, Measurement, Meter
from sbi_network.protocol.units import ComputeClass, raw_nano_down


class Auditor(Protocol):
    """Where audits and probes of this facility come from: proof of compute."""

    def audits(self, span: EpochSpan) -> Sequence[AuditResult]:
        """The results that hold for an epoch, one a class at most. Raises MeterError."""

    def probes(self, span: EpochSpan) -> Sequence[Probe]:
        """The unannounced probes that ran within an epoch. Raises MeterError."""

    def proving(self, span: EpochSpan) -> Sequence[ProofWork]:
        """What answering challenges and probes that ended within an epoch was in work. Raises MeterError."""

    def terms(self, span: EpochSpan, own: Terms) -> Terms:
        """How evidence of an epoch is weighed: the network's terms, or the facility's `own` where it has none."""


class OtherWitness(Protocol):
    """A second source of how much was used: see `witnesses`."""

    async def testify(self, measured: Measurement) -> Sequence[Statement]:
        """What it says of the same epoch. Raises MeterError where it is configured and cannot be asked."""

    async def offer(self) -> Sequence[str]:
        """What it is, in plain words, a line each. Raises MeterError where it cannot be reached."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """One class, counted."""

    figures: ClassFigures
    basis: Basis
    notes: tuple[str, ...]


def counted(measured: Measurement, evidence: Evidence, terms: Terms) -> Measurement:
    """What of a measurement can be counted, with all that it rests on."""
    classes = [_counted_class(compute_class, measured, evidence, terms) for compute_class in ComputeClass]
    figures, basis = [c.figures for c in classes], [c.basis for c in classes]
    notes = tuple(note for c in classes for note in c.notes)
    return replace(
        measured,
        figures=(figures[0], figures[1], figures[2]),
        basis=(basis[0], basis[1], basis[2]),
        notes=(*measured.notes, *notes),
    )


def _counted_class(compute_class: ComputeClass, measured: Measurement, evidence: Evidence, terms: Terms) -> _Counted:
    figures, seconds = measured.figures[compute_class], measured.span.seconds
    audit = evidence.audits.get(compute_class)
    proving = evidence.proving.get(compute_class, 0) if measured.counts_proofs else 0
    wanted = replace(figures, operations=max(0, figures.operations - proving))
    own = Statement(measured.witness, compute_class, wanted.share_of(seconds), measured.method)
    statements = [own, *(t for t in evidence.statements if t.compute_class is compute_class)]
    bound = audit.bound_ppm(terms.confidence_ppm) if audit else PPM
    basis = Basis(audit, bound, statements)
    if not figures.capacity:
        return _Counted(figures, basis, ())
    capacity = counted_capacity(figures.capacity, audit, terms)
    share, why = _least_share(statements, evidence.contradicted.get(compute_class), terms)
    operations = int(capacity * share * seconds)
    if proving:
        why.append(f"{proving:,} operations were the proofs' own: no output")
    notes = [*_capacity_notes(compute_class, audit, bound), *(f"{compute_class.name.lower()}: {w}" for w in why)]
    # Utilisation is told of the time observed, as the meter tells it; the share is of the whole span.
    lowered = ClassFigures(capacity, min(figures.utilisation_ppm, _ppm_of(share, measured)), operations)
    return _Counted(lowered, basis, tuple(notes))


def counted_capacity(measured: int, audit: AuditResult | None, terms: Terms) -> int:
    """Operations per second that count: what is measured, but no more than audits vouch for, rounded down."""
    if audit is None:
        return measured
    return min(measured, audit.proven) * (PPM - audit.bound_ppm(terms.confidence_ppm)) // PPM


def _least_share(statements: Sequence[Statement], probe: Probe | None, terms: Terms) -> tuple[Fraction, list[str]]:
    """The share that counts, and what lowered it below the first statement, which is the meter's own."""
    own, least = statements[0], min(statements, key=lambda statement: statement.share)
    share, why = least.share, []
    if share < own.share:
        why.append(f"used {_percent(share)} by {least.witness}, where the meter says {_percent(own.share)}")
    if probe is not None:
        free = Fraction(probe.free_ppm, PPM)
        why.append(f"a probe found {_percent(free)} free: the meter's claim is refuted for the epoch")
        share = min(share, probe.most_used)
    if not any(statement.witness in terms.backing for statement in statements):
        cap = terms.unbacked(own.compute_class)
        if share > cap:
            why.append(f"nothing shows who wanted the work: {_percent(cap)} of the capacity counts at most")
        share = min(share, cap)
    return share, why


def _capacity_notes(compute_class: ComputeClass, audit: AuditResult | None, bound: int) -> Iterator[str]:
    name = compute_class.name.lower()
    if audit is None:
        yield f"{name}: capacity is not audited"
    elif not audit.challenges:
        yield f"{name}: no device of this class is challenged, so nothing of it is proved, and nothing counts"
    else:
        tried = f"{audit.failures} of {audit.challenges} audits failed"
        yield f"{name}: {tried}, so at most {bound / 10_000:.2f} % of the capacity would"


def _ppm_of(share: Fraction, measured: Measurement) -> int:
    """A share of the whole span as one of the time observed, in millionths rounded down."""
    if not measured.covered_ms:
        return 0
    return min(PPM, int(share * PPM * measured.span.seconds * 1000 / measured.covered_ms))


def _percent(share: Fraction) -> str:
    return f"{float(share) * 100:.1f} %"


class CountingMeter:
    """A metering source whose measurements are lowered to what can be counted, by all evidence there is."""

    def __init__(self, source: Meter, auditor: Auditor | None, witnesses: Sequence[OtherWitness], terms: Terms) -> None:
        self.source = source
        self._auditor = auditor
        self._witnesses = witnesses
        self.terms = terms

    @property
    def kind(self) -> str:
        """The source's."""
        return self.source.kind

    def capacity(self) -> Capacity:
        """What the source measures, not yet lowered by audits."""
        return self.source.capacity()

    async def run(self, stop: asyncio.Event) -> None:
        """Observe until `stop`."""
        await self.source.run(stop)

    async def measure(self, span: EpochSpan) -> Measurement:
        """What of the source's measurement can be counted. Raises NotMeasuredError, and MeterError as they do."""
        measured = await self.source.measure(span)
        statements = [said for witness in self._witnesses for said in await witness.testify(measured)]
        audits = {audit.compute_class: audit for audit in self._auditor.audits(span)} if self._auditor else {}
        terms = self.terms_of(span)
        evidence = Evidence(audits, self._proving(span), statements, await self._contradicted(span, terms))
        return counted(measured, evidence, terms)

    def terms_of(self, span: EpochSpan) -> Terms:
        """How evidence of a span is weighed."""
        return self._auditor.terms(span, self.terms) if self._auditor else self.terms

    async def offer(self) -> Sequence[str]:
        """What the source and the other witnesses have to say of themselves."""
        return [*await self.source.offer(), *[line for witness in self._witnesses for line in await witness.offer()]]

    def proofs(self, span: EpochSpan) -> Sequence[str]:
        """What audits say of the capacity, a line a class. Raises MeterError."""
        audits = self._auditor.audits(span) if self._auditor else ()
        return [self._proof(audit, self.terms_of(span)) for audit in audits if audit.challenges]

    def most(self, span: EpochSpan) -> tuple[int, int, int]:
        """Raw nGAICPh by class of a span in full use, by the capacity known now and the audits; any cap aside."""
        audits = {audit.compute_class: audit for audit in self._auditor.audits(span)} if self._auditor else {}
        rates = [
            counted_capacity(rate, audits.get(compute_class), self.terms_of(span))
            for compute_class, rate in zip(ComputeClass, self.capacity(), strict=True)
        ]
        general, intelligent, super_ = (raw_nano_down(rate * span.seconds) for rate in rates)
        return general, intelligent, super_

    def _proof(self, audit: AuditResult, terms: Terms) -> str:
        """One audit result in words."""
        bound, counts = audit.bound_ppm(terms.confidence_ppm), audit.capacity_down(terms.confidence_ppm)
        return (
            f"{audit.compute_class.name.lower()}: {audit.failures} of {audit.challenges} audits failed, so at most "
            f"{bound / 10_000:.2f} % would: {counts / 1e9:,.1f} of {audit.proven / 1e9:,.1f} Gop/s count"
        )

    def _proving(self, span: EpochSpan) -> dict[ComputeClass, int]:
        done: dict[ComputeClass, int] = {}
        for work in self._auditor.proving(span) if self._auditor else ():
            done[work.compute_class] = done.get(work.compute_class, 0) + work.operations
        return done

    async def _contradicted(self, span: EpochSpan, terms: Terms) -> dict[ComputeClass, Probe]:
        """By class, the probe that leaves least, of those that refute what the source says of the seconds around."""
        refuting: dict[ComputeClass, Probe] = {}
        for probe in self._auditor.probes(span) if self._auditor else ():
            claimed = await self._claimed_around(probe, span)
            known = refuting.get(probe.compute_class)
            if contradicts(probe, claimed, terms.probe_tolerance_ppm) and (
                known is None or probe.free_ppm > known.free_ppm
            ):
                refuting[probe.compute_class] = probe
        return refuting

    async def _claimed_around(self, probe: Probe, span: EpochSpan) -> Fraction:
        """What the source says of as long a time before the probe and after it, within the epoch: the lesser.

        Not of the probe's own seconds: there the counters show the probe. And not of one side alone: a task may have
        ended just then, or begun, and neither is a lie.
        """
        length = probe.end - probe.start
        sides = [(max(span.start, probe.start - length), probe.start), (probe.end, min(span.end, probe.end + length))]
        claims = [
            await self._claimed(EpochSpan(span.epoch, start, end), probe.compute_class)
            for start, end in sides
            if start < end
        ]
        return min(claims, default=Fraction(0))

    async def _claimed(self, span: EpochSpan, compute_class: ComputeClass) -> Fraction:
        try:
            figures = (await self.source.measure(span)).figures[compute_class]
        except NotMeasuredError:
            return Fraction(0)
        return figures.share_of(span.seconds)
