"""The read API and the pages, over HTTP. It only reads, and takes nothing but GET.

Parameters are checked one by one, and unknown ones refused: nobody can ask one thing in a thousand ways.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import structlog
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sbi_network.errors import RangeError
from sbi_network.explorer import models
from sbi_network.explorer.answers import Answer, AnswerCache, as_csv, as_json, respond
from sbi_network.explorer.deployment import Deployment
from sbi_network.explorer.errors import DatabaseError
from sbi_network.explorer.models import Page
from sbi_network.explorer.pages import Pages
from sbi_network.explorer.queries import MAX_INTEGER, Position, Reader
from sbi_network.explorer.settings import ExplorerSettings
from sbi_network.explorer.store import Store
from sbi_network.explorer.stream import Pulse, PulseResponse
from sbi_network.explorer.work import Terms
from sbi_network.limits import Allowance, visitor_of
from sbi_network.problems import Problem, Refusal, problem_response
from sbi_network.protocol.address import check_address

MAX_PAGE: Final = 100
_LONGEST_QUERY: Final = 512
_SEND_SECONDS: Final = 30.0
_OF_NOBODY: Final = "there is no such page; /openapi.json lists what there is"

T = TypeVar("T", bound=BaseModel)

_log = structlog.get_logger("sbi.explorer.api")

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most items of the page.")]
Number = Annotated[int, Path(ge=0, le=MAX_INTEGER)]
Below = Annotated[int, Query(ge=0, le=MAX_INTEGER, description="Cursor: `next` of the page before.")]
Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,18}-[0-9]{1,9}$", description="Cursor: `next` of the page before.")
]
Format = Annotated[Literal["json", "csv"], Query()]
Address = Annotated[str, Path(min_length=42, max_length=42, description="With its EIP-55 checksum.")]
Hash = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]
Proposal = Annotated[str, Path(pattern=r"^(0|[1-9][0-9]{0,77})$", description="A proposal's number.")]
Word = Annotated[str | None, Query(pattern=r"^[A-Za-z]{1,64}$")]


@dataclass(slots=True)
class Explorer:
    """What the HTTP side needs: the index, who it is of, and the pulse. `trouble` says what keeps it from going on."""

    store: Store
    deployment: Deployment
    terms: Terms
    settings: ExplorerSettings
    pulse: Pulse
    state: object = None
    """Changes whenever the index does; what was answered before is of no use then."""
    trouble: Callable[[], str] = lambda: ""


def build_app(explorer: Explorer, pages: Pages) -> ASGIApp:
    """The explorer's HTTP side."""
    app = FastAPI(
        title="SBI explorer",
        description="Read-only figures of a Smart Basic Income suite, each with the transaction that proves it.",
        version="1",
        docs_url=None,
        redoc_url=None,
        responses={422: {"model": Problem}, 429: {"model": Problem}, 503: {"model": Problem}},
    )
    for kind, handler in _PROBLEMS.items():
        app.add_exception_handler(kind, handler)
    desk = _Desk(app, explorer)
    _add_suite(desk, explorer)
    _add_people(desk)
    _add_votes(desk)
    _add_chain(desk, explorer)
    _add_stream(app, explorer)
    _add_pages(app, pages)
    return Guard(app, explorer, pages.headers, desk.cache)


class _Desk:
    """Adds questions to the app, and answers them out of the cache or the index."""

    def __init__(self, app: FastAPI, explorer: Explorer) -> None:
        self._app = app
        self._explorer = explorer
        self.cache: Final = AnswerCache()

    def get(self, path: str, model: Any, summary: str) -> Callable[[Callable[..., Awaitable[Response]]], Any]:
        """Declares a question."""
        return self._app.get(path, response_model=None, responses={200: {"model": model}}, summary=summary)

    async def answer(
        self, request: Request, look: Callable[[Reader], BaseModel | None], form: str = "json"
    ) -> Response:
        """What is found. Raises Refusal."""
        explorer = self._explorer

        def make() -> Answer:
            with explorer.store.reading() as connection:
                found = look(Reader(connection, explorer.deployment, explorer.terms))
            if found is None:
                raise Refusal(404, "Not found", "there is no such thing in the index, or not yet")
            return as_csv(found) if form == "csv" and isinstance(found, Page) else as_json(found)

        _refuse_unknown(request)
        answer = await self.cache.get(explorer.state, _asked(request.scope), make)
        return respond(answer, request.headers.get("if-none-match"))


def _add_suite(desk: _Desk, explorer: Explorer) -> None:
    @desk.get("/v1/summary", models.SummaryView, "All that the dashboard shows")
    async def summary(request: Request) -> Response:
        return await desk.answer(request, Reader.summary)

    @desk.get("/v1/deployment", models.DeploymentView, "Where the suite's contracts are")
    async def deployment(request: Request) -> Response:
        return await desk.answer(request, lambda _: _deployment_view(explorer))

    @desk.get("/v1/epochs", Page[models.EpochView], "Epochs, newest first")
    async def epochs(request: Request, cursor: Below = MAX_INTEGER, limit: Limit = 25, format: Format = "json") -> Any:  # noqa: A002
        return await desk.answer(request, lambda reader: reader.epochs(cursor, limit), format)

    @desk.get("/v1/epochs/{epoch}", models.EpochView, "One epoch")
    async def epoch(request: Request, epoch: Number) -> Response:
        return await desk.answer(request, lambda reader: reader.epoch(epoch))

    @desk.get(
        "/v1/epochs/{epoch}/readings", Page[models.ReadingView], "The readings behind a report, with their proofs"
    )
    async def readings(
        request: Request,
        epoch: Number,
        cursor: Annotated[int, Query(ge=-1, le=MAX_INTEGER)] = -1,
        limit: Limit = 25,
        format: Format = "json",  # noqa: A002
    ) -> Response:
        return await desk.answer(request, lambda reader: reader.readings(epoch, cursor, limit), format)


def _add_people(desk: _Desk) -> None:
    @desk.get("/v1/accounts/{address}", models.AccountView, "An account's balance and standing")
    async def account(request: Request, address: Address) -> Response:
        checked = _checked(address)
        return await desk.answer(request, lambda reader: reader.account(checked))

    @desk.get("/v1/accounts/{address}/history", Page[models.EntryView], "What changed a balance, newest first")
    async def history(
        request: Request,
        address: Address,
        cursor: Cursor = None,
        limit: Limit = 25,
        format: Format = "json",  # noqa: A002
    ) -> Response:
        checked, below = _checked(address), _position(cursor)
        return await desk.answer(request, lambda reader: reader.history(checked, below, limit), format)

    @desk.get("/v1/accounts/{address}/vouchers", Page[models.VoucherView], "Somebody's vouchers, newest first")
    async def vouchers(
        request: Request,
        address: Address,
        cursor: Below = MAX_INTEGER,
        limit: Limit = 25,
        format: Format = "json",  # noqa: A002
    ) -> Response:
        checked = _checked(address)
        return await desk.answer(request, lambda reader: reader.vouchers(checked, cursor, limit), format)

    @desk.get("/v1/offers", Page[models.OfferView], "Computing on offer in running and coming epochs")
    async def offers(request: Request, format: Format = "json") -> Response:  # noqa: A002
        def look(reader: Reader) -> Page[models.OfferView]:
            return Page(items=reader.offers(), next=None, block=reader.tip.number)

        return await desk.answer(request, look, format)

    @desk.get("/v1/batches", Page[models.BatchView], "Batches of citizens, newest first")
    async def batches(request: Request, cursor: Below = MAX_INTEGER, limit: Limit = 25, format: Format = "json") -> Any:  # noqa: A002
        return await desk.answer(request, lambda reader: reader.batches(cursor, limit), format)


def _add_votes(desk: _Desk) -> None:
    @desk.get("/v1/proposals", Page[models.ProposalView], "What citizens vote on, newest first")
    async def proposals(request: Request, cursor: Cursor = None, limit: Limit = 25, format: Format = "json") -> Any:  # noqa: A002
        below = _position(cursor)
        return await desk.answer(request, lambda reader: reader.proposals(below, limit), format)

    @desk.get("/v1/proposals/{proposal}", models.ProposalView, "One proposal")
    async def proposal(request: Request, proposal: Proposal) -> Response:
        number = _proposal(proposal)
        return await desk.answer(request, lambda reader: reader.proposal(number))

    @desk.get("/v1/proposals/{proposal}/votes", Page[models.VoteView], "Votes on a proposal, newest first")
    async def votes(
        request: Request,
        proposal: Proposal,
        cursor: Cursor = None,
        limit: Limit = 25,
        format: Format = "json",  # noqa: A002
    ) -> Response:
        number, below = _proposal(proposal), _position(cursor)
        return await desk.answer(request, lambda reader: reader.votes(number, below, limit), format)

    @desk.get("/v1/accounts/{address}/votes", Page[models.VoteView], "Somebody's votes, newest first")
    async def votes_of(
        request: Request,
        address: Address,
        cursor: Cursor = None,
        limit: Limit = 25,
        format: Format = "json",  # noqa: A002
    ) -> Response:
        checked, below = _checked(address), _position(cursor)
        return await desk.answer(request, lambda reader: reader.votes_of(checked, below, limit), format)


def _add_chain(desk: _Desk, explorer: Explorer) -> None:
    @desk.get("/v1/events", Page[models.EventView], "What the contracts said, newest first")
    async def events(
        request: Request,
        role: Word = None,
        name: Word = None,
        cursor: Cursor = None,
        limit: Limit = 25,
        format: Format = "json",  # noqa: A002
    ) -> Response:
        below, names = _position(cursor), [name] if name else []
        return await desk.answer(request, lambda reader: reader.events(below, limit, role=role, names=names), format)

    @desk.get("/v1/transactions/{transaction}", Page[models.EventView], "What a transaction made the contracts say")
    async def transaction(request: Request, transaction: Hash, cursor: Cursor = None, limit: Limit = 25) -> Response:
        below = _position(cursor)
        return await desk.answer(request, lambda reader: reader.events(below, limit, transaction=transaction))

    @desk.get("/healthz", models.TipView, "Whether the index goes on")
    async def health(request: Request) -> Response:
        if trouble := explorer.trouble():
            raise Refusal(503, "The index does not go on", trouble)
        return await desk.answer(request, Reader.tip_view)


def _add_stream(app: FastAPI, explorer: Explorer) -> None:
    told = {"content": {"text/event-stream": {}}, "description": "`pulse` messages, each a TipView"}

    @app.get("/v1/stream", response_model=None, responses={200: told}, summary="Each new state, as server-sent events")
    async def stream(request: Request) -> Response:
        _refuse_unknown(request)
        return PulseResponse(explorer.pulse, request)


def _add_pages(app: FastAPI, pages: Pages) -> None:
    @app.get("/{path:path}", include_in_schema=False)
    async def page(request: Request, path: str) -> Response:
        found = pages.get(path, gzip="gzip" in request.headers.get("accept-encoding", ""))
        if found is None:
            raise Refusal(404, "Not found", _OF_NOBODY)
        response = respond(found.answer, request.headers.get("if-none-match"))
        response.headers["vary"] = "accept-encoding"
        if found.is_gzip:
            response.headers["content-encoding"] = "gzip"
        return response


class Guard:
    """What stands before every answer: sizes, rates, and the headers that keep a browser from doing what a page of ours
    never asks for."""

    def __init__(self, app: ASGIApp, explorer: Explorer, page_headers: dict[str, str], cache: AnswerCache) -> None:
        limits = explorer.settings.limits
        self._app = app
        self._explorer = explorer
        self._cache = cache
        self._allowance = Allowance(limits.requests_per_second, limits.burst)
        self._headers = [(name.encode(), value.encode()) for name, value in page_headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] != "http":
            return
        app: ASGIApp = self._refusal(scope) or self._known(scope) or self._app
        # Of what GET would answer, the server sends the head alone.
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._headers if pair[0] not in own)]
            async with asyncio.timeout(_SEND_SECONDS):
                await send(message)

        try:
            await app(asked, receive, send_guarded)
        except TimeoutError:
            _log.info("reader_too_slow", path=scope["path"][:100])

    def _known(self, scope: Scope) -> Response | None:
        """What was answered to the same words in this state of the index: they need not be understood again."""
        answer = self._cache.present(self._explorer.state, _asked(scope))
        if answer is None:
            return None
        none_match = dict(scope["headers"]).get(b"if-none-match")
        return respond(answer, None if none_match is None else none_match.decode("latin-1"))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = dict(scope["headers"])
        if scope["method"] not in ("GET", "HEAD"):
            told = Problem(title="Only reads", status=405, detail="the explorer takes GET and HEAD only")
            return problem_response(told, {"Allow": "GET, HEAD"})
        if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
            told = Problem(title="No bodies", status=413, detail="the explorer takes no bodies")
            return problem_response(told, {"Connection": "close"})
        if len(scope.get("query_string", b"")) > _LONGEST_QUERY:
            detail = f"a query has at most {_LONGEST_QUERY} characters"
            return problem_response(Problem(title="Too long", status=414, detail=detail))
        client = scope.get("client")
        wait = self._allowance.wait_for(visitor_of(client[0] if client else ""))
        if wait:
            told = Problem(title="Too many requests", status=429, detail=f"come back in {wait:.1f} s")
            return problem_response(told, {"Retry-After": str(int(wait) + 1)})
        return None


def _deployment_view(explorer: Explorer) -> models.DeploymentView:
    deployment, pages = explorer.deployment, explorer.settings.pages
    return models.DeploymentView(
        chain_id=deployment.chain_id,
        genesis=explorer.terms.genesis,
        contracts=[
            models.ContractView(role=role, contract=entry.contract, address=entry.address)
            for role, entry in deployment.contracts.items()
        ],
        has_votes=deployment.has_votes,
        wallet_rpc_url=pages.wallet_rpc_url,
        relayer_url=pages.relayer_url,
    )


def _asked(scope: Scope) -> str:
    """What a request asks, in its own words."""
    return f"{scope['path']}?{scope['query_string'].decode('latin-1')}"


def _refuse_unknown(request: Request) -> None:
    """A parameter that nobody reads, or that comes twice, is a mistake: better told than passed over."""
    route = request.scope["route"]
    known = {parameter.alias for parameter in route.dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    odd = sorted({name for name in given if name not in known or given.count(name) > 1})
    if odd:
        shown = ", ".join(repr(name[:40]) for name in odd[:5])
        raise Refusal(422, "Bad parameters", f"given {shown}; known, once each: {', '.join(sorted(known)) or 'none'}")


def _checked(address: str) -> str:
    try:
        return check_address("address", address)
    except RangeError as error:
        raise Refusal(422, "Bad parameters", str(error)) from None


def _proposal(number: str) -> int:
    if (given := int(number)) < 2**256:
        return given
    raise Refusal(422, "Bad parameters", "proposal: a number has 256 bits")


def _position(cursor: str | None) -> Position:
    if cursor is None:
        return Position()
    block, _, index = cursor.partition("-")
    return Position(int(block), int(index))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return problem_response(error.problem)


async def _bad_request(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    detail = "; ".join(f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in faults[:5])
    return problem_response(Problem(title="Bad parameters", status=422, detail=re.sub(r"\s+", " ", detail)[:500]))


async def _no_such_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return problem_response(Problem(title="Refused", status=status, detail=_OF_NOBODY))


async def _database_failed(request: Request, error: Exception) -> Response:
    _log.error("database_failed", reason=str(error))
    return problem_response(Problem(title="The index cannot be read", status=503, detail="come back later"))


_PROBLEMS: Final[dict[Any, Callable[[Request, Exception], Awaitable[Response]]]] = {
    Refusal: _refused,
    RequestValidationError: _bad_request,
    HTTPException: _no_such_page,
    DatabaseError: _database_failed,
}
