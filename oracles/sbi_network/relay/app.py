"""The relayer over HTTP: terms, quotes, payments and permits in, their status out. `/openapi.json` describes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sbi_network.chain.errors import ChainError
from sbi_network.errors import RangeError
from sbi_network.limits import Allowance, visitor_of
from sbi_network.problems import Problem, Refusal, problem_response
from sbi_network.protocol.address import check_address
from sbi_network.protocol.typed_data import Address
from sbi_network.relay.errors import RelayError
from sbi_network.relay.gate import Gate
from sbi_network.relay.jobs import Kind
from sbi_network.relay.requests import MAX_BODY_BYTES, PaymentBody, PermitBody, read_job
from sbi_network.relay.settings import RelayLimits
from sbi_network.relay.store import RelayStore
from sbi_network.relay.views import JobView, QuoteView, TermsView, job_view, quote_view, status_path, terms_view

_LONGEST_QUERY: Final = 256
_BODY_SECONDS: Final = 10.0
_AGAIN: Final = {"Retry-After": "10"}

_log = structlog.get_logger("sbi.relay.app")

Told = Callable[[int], None]
"""Hears the status of each answer: for the metrics."""


def build_app(gate: Gate, store: RelayStore, limits: RelayLimits, told: Told = lambda status: None) -> ASGIApp:
    """The relayer's HTTP side."""
    problems: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (409, 422, 429, 503)}
    app = FastAPI(
        title="SBI relayer",
        description="Sends payments that citizens without ether have signed.",
        version="1",
        docs_url=None,
        redoc_url=None,
        responses=problems,
    )
    for kind, handler in _PROBLEMS.items():
        app.add_exception_handler(kind, handler)
    _add_questions(app, gate, store)
    _add_acts(app, gate)
    # Wallet pages of any origin may ask: there is nothing here that only a logged-in browser could do.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["content-type"],
        expose_headers=["location", "retry-after"],
    )
    return Guard(app, limits, told)


def _add_questions(app: FastAPI, gate: Gate, store: RelayStore) -> None:
    @app.get("/v1/terms", summary="Chain, contracts, fees and limits")
    async def terms() -> TermsView:
        return terms_view(gate.terms)

    @app.get("/v1/quotes", summary="What a payer's next payment costs, and the nonces to sign it with")
    async def quotes(
        payer: Annotated[str, Query(alias="from", max_length=42)], kind: Annotated[Kind, Query()] = Kind.PAYMENT
    ) -> QuoteView:
        return quote_view(gate.terms, *await gate.quote(_address(payer), kind))

    @app.get("/v1/payments/{name}", summary="How a payment or permit stands")
    async def status(name: Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]) -> JobView:
        record = store.find(name)
        if record is None:
            raise Refusal(404, "Not found", "no such payment was handed in here, or it was forgotten")
        return job_view(record)


def _add_acts(app: FastAPI, gate: Gate) -> None:
    async def accept(body: PaymentBody | PermitBody) -> JSONResponse:
        try:
            job = read_job(body, gate.terms.collector)
        except RangeError as error:
            raise Refusal(422, "Bad request", str(error)) from None
        record, is_new = await gate.admit(job, body.quote)
        headers = {"Location": status_path(record)}
        return JSONResponse(job_view(record).model_dump(mode="json"), 202 if is_new else 200, headers)

    answers: dict[int | str, dict[str, Any]] = {202: {"model": JobView}, 200: {"model": JobView}}

    @app.post("/v1/payments", status_code=202, responses=answers, response_model=None, summary="Hand in a payment")
    async def payments(body: PaymentBody) -> Response:
        return await accept(body)

    @app.post("/v1/permits", status_code=202, responses=answers, response_model=None, summary="Hand in a permit")
    async def permits(body: PermitBody) -> Response:
        return await accept(body)


class Guard:
    """What stands before every answer: rates and sizes. A body is read here, so that no parser sees a long one."""

    def __init__(self, app: ASGIApp, limits: RelayLimits, told: Told) -> None:
        self._app = app
        self._told = told
        self._allowance = Allowance(limits.requests_per_second, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] != "http":
            return

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._told(message["status"])
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            await send(message)

        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, send_told)
            return
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            body = None
        if body is None:
            await _too_long()(scope, receive, send_told)
            return
        await self._app(scope, _replayed(body, receive), send_told)

    def _refusal(self, scope: Scope) -> Response | None:
        client = scope.get("client")
        wait = self._allowance.wait_for(visitor_of(client[0] if client else ""))
        if wait:
            told = Problem(title="Too many requests", status=429, detail=f"come back in {wait:.1f} s")
            # A page of another origin has to be able to read why it was refused.
            return problem_response(told, {"Retry-After": str(int(wait) + 1), "Access-Control-Allow-Origin": "*"})
        if len(scope.get("query_string", b"")) > _LONGEST_QUERY:
            detail = f"a query has at most {_LONGEST_QUERY} characters"
            return problem_response(Problem(title="Too long", status=414, detail=detail))
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return _too_long()
        return None


def _too_long() -> Response:
    detail = f"a body has at most {MAX_BODY_BYTES} bytes, and comes within {_BODY_SECONDS:g} s"
    return problem_response(Problem(title="Too long", status=413, detail=detail), {"Connection": "close"})


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None for one that is too long."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _address(text: str) -> Address:
    try:
        return check_address("from", text)
    except RangeError as error:
        raise Refusal(422, "Bad request", str(error)) from None


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return problem_response(error.problem, error.headers)


async def _bad_request(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    detail = "; ".join(f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in faults[:5])
    return problem_response(Problem(title="Bad request", status=422, detail=re.sub(r"\s+", " ", detail)[:500]))


async def _no_such_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return problem_response(Problem(title="Refused", status=status, detail="/openapi.json lists what there is"))


async def _chain_failed(request: Request, error: Exception) -> Response:
    _log.warning("chain_not_asked", reason=str(error))
    told = Problem(title="Cannot ask the chain now", status=503, detail="nothing was accepted: come back later")
    return problem_response(told, dict(_AGAIN))


async def _disk_failed(request: Request, error: Exception) -> Response:
    _log.error("not_kept", reason=str(error))
    told = Problem(title="Cannot keep anything now", status=503, detail="nothing was accepted: come back later")
    return problem_response(told, dict(_AGAIN))


_PROBLEMS: Final[dict[Any, Callable[[Request, Exception], Awaitable[Response]]]] = {
    Refusal: _refused,
    RequestValidationError: _bad_request,
    HTTPException: _no_such_page,
    ChainError: _chain_failed,
    RelayError: _disk_failed,
}
