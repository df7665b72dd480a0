"""What peers speak to: who asks first, then sizes, shape, signatures, and what is said."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Protocol

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from sbi_network.errors import SBIError
from sbi_network.oracle.errors import OracleStateError, Reason, RefusedError
from sbi_network.oracle.mailbox import Mailbox
from sbi_network.oracle.passport import HEADER, Gate
from sbi_network.oracle.wire import encode_observation, encode_signature, encode_tree
from sbi_network.protocol.figure import UINT32_MAX
from sbi_network.protocol.json_form import MAX_TEXT_CHARS
from sbi_network.protocol.oracle_set import MAX_ORACLES
from sbi_network.state_file import MAX_KEPT_INTEGER

_BODY_SECONDS: Final = 10.0
"""The longest that a sender may take over a body."""

_JSON: Final = "application/json"
_SHOWN_CHARS: Final = 200

EpochInPath = Annotated[int, Path(ge=0, le=MAX_KEPT_INTEGER)]
OracleInPath = Annotated[int, Path(ge=0, lt=MAX_ORACLES)]
FacilityInPath = Annotated[int, Path(ge=0, le=UINT32_MAX)]
WordInPath = Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")]


class Findings(Protocol):
    """What is told to anybody of facilities' proofs."""

    def finding(self, epoch: int, facility: int) -> dict[str, Any] | None:
        """What was found of a facility; None while it is not known."""

    def wrong_products(self) -> list[dict[str, Any]]:
        """Products that are wrong, with all that it takes to show it."""


def build_app(mailbox: Mailbox, findings: Findings | None = None) -> FastAPI:
    """The HTTP side of an oracle."""
    gate = Gate(mailbox.identity.address, mailbox.identity.clock, mailbox.is_known)
    app = FastAPI(title="sbi oracle", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(OracleStateError, _state_failed)
    app.add_exception_handler(SBIError, _failed)
    app.add_exception_handler(RequestValidationError, _bad_request)

    @app.post("/v1/observations")
    async def observations(request: Request) -> Response:
        mailbox.take_observation(await _body(request, gate, mailbox.observation_limit))
        return JSONResponse({"accepted": True})

    @app.post("/v1/proposals")
    async def proposals(request: Request) -> Response:
        signature = await mailbox.answer_proposal(await _body(request, gate, mailbox.proposal_limit))
        return Response(encode_signature(signature), media_type=_JSON)

    @app.post("/v1/reports")
    async def reports(request: Request) -> Response:
        mailbox.take_report(await _body(request, gate, MAX_TEXT_CHARS))
        return JSONResponse({"accepted": True})

    @app.get("/v1/observations/{epoch}/{oracle}")
    async def observation(request: Request, epoch: EpochInPath, oracle: OracleInPath) -> Response:
        await _body(request, gate, 0)
        return Response(encode_observation(mailbox.observation_of(epoch, oracle)), media_type=_JSON)

    @app.get("/v1/trees/{epoch}/{commitment}")
    async def tree(request: Request, epoch: EpochInPath, commitment: WordInPath) -> Response:
        await _body(request, gate, 0)
        return Response(encode_tree(mailbox.leaves_of(epoch, bytes.fromhex(commitment[2:]))), media_type=_JSON)

    @app.get("/v1/audits/{epoch}/{facility}")
    async def audits(epoch: EpochInPath, facility: FacilityInPath) -> Response:
        found = findings.finding(epoch, facility) if findings else None
        if found is None:
            raise RefusedError(Reason.UNKNOWN, f"nothing is found of facility {facility} in epoch {epoch} (yet)")
        return JSONResponse(found)

    @app.get("/v1/wrong-products")
    async def wrong_products() -> Response:
        return JSONResponse({"wrongProducts": findings.wrong_products() if findings else []})

    @app.get("/v1/status")
    async def status() -> dict[str, Any]:
        return _status(mailbox)

    return app


async def _body(request: Request, gate: Gate, limit: int) -> bytes:
    """The body of a request that a peer signed, at most `limit` bytes. Raises RefusedError."""
    admission = gate.admit(request.headers.get(HEADER))
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise RefusedError(Reason.TOO_LARGE, f"the body is longer than {limit} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise RefusedError(Reason.TOO_LARGE, f"the body is longer than {limit} bytes")
    except TimeoutError:
        raise RefusedError(Reason.MALFORMED, f"the body took longer than {_BODY_SECONDS:g} s") from None
    admission.check(request.method, request.url.path, bytes(body))
    return bytes(body)


def _status(mailbox: Mailbox) -> dict[str, Any]:
    clock = mailbox.identity.clock
    return {
        "oracle": mailbox.identity.address,
        "chainId": clock.chain_id,
        "registry": clock.registry,
        "time": round(clock.now(), 3),
        "runningEpoch": clock.epoch_at(clock.now()),
        "openEpochs": list(mailbox.open_epochs),
    }


def _problem(status: int, reason: str, detail: str) -> JSONResponse:
    """Problem details, RFC 9457, with the refusal's word."""
    content = {"type": "about:blank", "title": "Refused", "status": status, "reason": reason, "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusedError):
        raise error
    return _problem(error.reason.status, error.reason.word, error.detail)


async def _state_failed(request: Request, error: Exception) -> Response:
    return _problem(503, "state_failed", "the state file cannot be used")


async def _failed(request: Request, error: Exception) -> Response:
    return _problem(503, "failed", type(error).__name__)


async def _bad_request(request: Request, error: Exception) -> Response:
    detail = f"{request.url.path[:_SHOWN_CHARS]}: expected an epoch, and an oracle's number or 0x and 64 digits"
    return _problem(422, Reason.MALFORMED.word, detail)
