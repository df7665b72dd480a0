"""Signs a reading at the end of each epoch, and serves the signed readings over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol

import structlog
from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from sbi_network.chain.keys import Signer
from sbi_network.errors import ProtocolError, SBIError
from sbi_network.meter.errors import NotMeasuredError, ReadingStateError
from sbi_network.meter.measurement import Measurement, Meter, paused, unless_stopped
from sbi_network.meter.network import Network, running_epoch, span_of
from sbi_network.meter.store import Identity, KeptReading, ReadingStore
from sbi_network.protocol.figure import ZERO_WORD
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.units import OPERATIONS_PER_NANO_GAICPH, ComputeClass
from sbi_network.state_file import MAX_KEPT_INTEGER

CATCH_UP_EPOCHS = 100
"""How far back a restarted meter looks for epochs that it has not signed."""

_LONGEST_PAUSE = 30.0
"""Seconds after which the clock is looked at again, should somebody have set it."""

_RETRY_SECONDS = 1.0
_REMEMBERED_MISSES = 1000
_SHOWN = 10

_log = structlog.get_logger("sbi.meter.service")


@dataclass(frozen=True, slots=True)
class Absent:
    """Why there is no reading of an epoch; `retry_after` in seconds, where there may be one later."""

    reason: str
    retry_after: int | None = None


class Proofs(Protocol):
    """What a facility answers to challenges: see `prover`."""

    async def until_answered(self, epoch: int) -> None:
        """Wait until an epoch's challenges are answered, or are not any more."""

    def evidence(self, epoch: int) -> bytes:
        """The root of an epoch's products whose opening was good."""

    async def allowed(self, epoch: int) -> tuple[int, int, int] | None:
        """The most raw output by class that enough oracles will accept; None where they do not say."""

    def products(self, epoch: int) -> list[str]:
        """The signed products of an epoch, as JSON."""

    def opening(self, epoch: int, device: bytes) -> bytes | None:
        """The opened rows of a device, if there are any (yet)."""


class MeterService:
    """One facility's meter at work: from measurements to kept readings."""

    def __init__(
        self,
        meter: Meter,
        network: Network,
        facility: int,
        signer: Signer,
        store: ReadingStore,
        proofs: Proofs | None = None,
    ) -> None:
        """Without `proofs` readings are signed with none: they count where the network asks for none."""
        self.meter = meter
        self.proofs = proofs
        self.network = network
        self.identity = Identity(facility, signer.address, network.domain)
        self._signer = signer
        self._store = store
        self._first = first_epoch(network, store.made_at)
        self._next = max(self._first, running_epoch(network) - CATCH_UP_EPOCHS)
        self._missed: dict[int, str] = {}
        self.trouble = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Sign each epoch as it ends, until `stop`."""
        while not stop.is_set():
            # Left wherever it waits, for the last scrapes say: what is fixed but not signed is signed after a restart.
            await unless_stopped(stop, self.sign_ended())
            await paused(stop, self._pause())

    async def sign_ended(self) -> None:
        """Sign every epoch that is over and has no reading. Where keeping or signing fails, it is tried again."""
        try:
            while self._next < running_epoch(self.network):
                await self._sign(self._next)
                self._next += 1
        except SBIError as error:  # the state file, or a signer that is elsewhere
            self.trouble = str(error)
            _log.error("reading_not_kept", epoch=self._next, reason=str(error))
        else:
            self.trouble = ""

    def reading(self, epoch: int) -> KeptReading | Absent:
        """The kept reading of an epoch, or why there is none."""
        return self._store.get(epoch) or self._absent(epoch)

    def last_readings(self) -> list[KeptReading]:
        """The latest, newest first."""
        return self._store.last(_SHOWN)

    async def _sign(self, epoch: int) -> None:
        """Measure, fix, sign, keep: in this order, see `store`."""
        if self._store.get(epoch):
            return
        reading = self._store.fixed(epoch) or await self._fixed_now(epoch)
        if reading is None:
            return
        preimage = reading.preimage(self.identity.domain)
        kept = self._store.keep(Signed(reading, await self._signer.sign(preimage)))
        _log.info("reading_kept", epoch=epoch, words=kept.words)

    async def _fixed_now(self, epoch: int) -> Reading | None:
        """What the epoch's reading says from now on; None where there is nothing that could be said."""
        try:
            evidence, allowed = ZERO_WORD, None
            if self.proofs is not None:
                await self.proofs.until_answered(epoch)
                evidence, allowed = self.proofs.evidence(epoch), await self.proofs.allowed(epoch)
            measurement = await self.meter.measure(span_of(self.network, epoch))
            if allowed is not None:
                measurement = _within(measurement, allowed)
            general, intelligent, super_ = measurement.raw
            reading = Reading(self.identity.facility, epoch, general, intelligent, super_, evidence)
        except (NotMeasuredError, ProtocolError) as error:
            self._miss(epoch, str(error))
            return None
        return self._store.fix(reading, measurement)

    def _miss(self, epoch: int, reason: str) -> None:
        _log.warning("epoch_not_measured", epoch=epoch, reason=reason)
        self._missed[epoch] = reason
        while len(self._missed) > _REMEMBERED_MISSES:
            del self._missed[next(iter(self._missed))]

    def _absent(self, epoch: int) -> Absent:
        end = span_of(self.network, epoch).end
        wait = end - self.network.now()
        if wait > 0:
            return Absent(f"epoch {epoch} ends in {wait:.0f} s, at {end}", int(wait) + 1)
        if epoch in self._missed:
            return Absent(f"epoch {epoch} was not measured: {self._missed[epoch]}")
        if epoch >= self._next:
            return Absent(f"epoch {epoch} is over, and its reading is being signed", int(_RETRY_SECONDS))
        return Absent(f"epoch {epoch} was not measured; this meter's readings begin with epoch {self._first}")

    def _pause(self) -> float:
        if self.trouble:
            return _RETRY_SECONDS
        until_end = span_of(self.network, max(self._next, 0)).end - self.network.now()
        return min(until_end + 0.001, _LONGEST_PAUSE)


def first_epoch(network: Network, made_at: float) -> int:
    """The first epoch that had not ended when the state file was made: what ended before is not signed."""
    return max(0, int((made_at - network.genesis) // network.epoch_seconds))


def _within(measurement: Measurement, allowed: tuple[int, int, int]) -> Measurement:
    """A measurement that says no more than oracles accept, and why: more would be refused as a whole."""
    figures, notes = [], list(measurement.notes)
    for compute_class, known, most in zip(ComputeClass, measurement.figures, allowed, strict=True):
        if known.raw > most:
            notes.append(f"{compute_class.name.lower()}: oracles accept {most:,} nGAICPh, of {known.raw:,}")
            known = replace(known, operations=most * OPERATIONS_PER_NANO_GAICPH)
        figures.append(known)
    return replace(measurement, figures=(figures[0], figures[1], figures[2]), notes=tuple(notes))


def build_http(service: MeterService) -> FastAPI:
    """The HTTP side: it only reads what is kept, and signs nothing."""
    http = FastAPI(title="sbi meter", docs_url=None, redoc_url=None, openapi_url=None)
    http.add_exception_handler(RequestValidationError, _bad_request)
    http.add_exception_handler(404, _no_such_page)
    http.add_exception_handler(ReadingStateError, _state_failed)

    @http.get("/v1/readings/{epoch}")
    async def reading(epoch: Annotated[int, Path(ge=0, le=MAX_KEPT_INTEGER)]) -> Response:
        found = service.reading(epoch)
        if isinstance(found, KeptReading):
            return Response(found.signed, media_type="application/json")
        retry = {} if found.retry_after is None else {"Retry-After": str(found.retry_after)}
        return _problem(404, "No reading of this epoch", found.reason, retry)

    @http.get("/v1/evidence/{epoch}")
    async def evidence(epoch: Annotated[int, Path(ge=0, le=MAX_KEPT_INTEGER)]) -> Response:
        found = service.reading(epoch)
        if isinstance(found, KeptReading):
            return JSONResponse({"words": found.words, **found.evidence})
        return _problem(404, "No reading of this epoch", found.reason)

    @http.get("/v1/facility")
    async def facility() -> dict[str, Any]:
        return _facility_object(service)

    @http.get("/healthz")
    async def health() -> Response:
        if service.trouble:
            return _problem(503, "Readings cannot be made or kept", service.trouble)
        measuring = any(service.meter.capacity())
        return JSONResponse({"status": "measuring" if measuring else "starting"})

    _add_proofs(http, service)
    return http


def _add_proofs(http: FastAPI, service: MeterService) -> None:
    @http.get("/v1/products/{epoch}")
    async def products(epoch: Annotated[int, Path(ge=0, le=MAX_KEPT_INTEGER)]) -> Response:
        signed = service.proofs.products(epoch) if service.proofs else []
        return Response(f'{{"products":[{",".join(signed)}]}}', media_type="application/json")

    @http.get("/v1/openings/{epoch}/{device}")
    async def opening(
        epoch: Annotated[int, Path(ge=0, le=MAX_KEPT_INTEGER)], device: Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")]
    ) -> Response:
        found = service.proofs.opening(epoch, bytes.fromhex(device[2:])) if service.proofs else None
        if found is None:
            return _problem(404, "No opening", f"epoch {epoch}: no rows of this device are open (yet)")
        return Response(found, media_type="application/octet-stream")


def _facility_object(service: MeterService) -> dict[str, Any]:
    """Short, whatever the readings rest on: oracles take no long answer from a stranger."""
    identity, capacity = service.identity, service.meter.capacity()
    names = [compute_class.name.lower() for compute_class in ComputeClass]
    return {
        "facility": identity.facility,
        "signer": identity.signer,
        "registry": identity.domain.verifying_contract,
        "chainId": identity.domain.chain_id,
        "meter": service.meter.kind,
        "capacityOpsPerSecond": dict(zip(names, capacity, strict=True)),
        "runningEpoch": running_epoch(service.network),
        "lastReadings": [reading.epoch for reading in service.last_readings()],
    }


def _problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Problem details, RFC 9457."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


async def _bad_request(request: Request, error: Exception) -> Response:
    expected = f"an epoch is an integer from 0 to {MAX_KEPT_INTEGER}, a device 0x and 64 digits"
    return _problem(422, "Not an epoch", f"{request.url.path}: {expected}")


async def _no_such_page(request: Request, error: Exception) -> Response:
    return _problem(
        404,
        "No such page",
        "there are /v1/readings/{epoch}, /v1/evidence/{epoch}, /v1/products/{epoch}, /v1/openings/{epoch}/{device}, "
        "/v1/facility and /healthz",
    )


async def _state_failed(request: Request, error: Exception) -> Response:
    return _problem(503, "The state file cannot be read", str(error))
