"""Several RPC endpoints as one.

Reads go to the first endpoint that is fit, in the order of the configuration, and on to the next where one fails. An
endpoint that fails rests, longer each time; one that answers for another chain, lags behind, or has another block where
the others agree is set aside. Endpoints are told by their number, counted from 1: a URL may hold an access key.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import structlog
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from sbi_network.chain.answer import is_endpoints_fault
from sbi_network.chain.errors import EndpointError, WrongChainError
from sbi_network.chain.provider import HttpProvider

T = TypeVar("T")

_FIRST_REST: Final = 0.25
_LONGEST_REST: Final = 8.0
_LONGEST_WAIT: Final = 1.0
"""Seconds that a request waits where every endpoint rests. Then the one that has rested most is asked all the same."""

_SURE_SECONDS: Final = 15.0
"""How long an endpoint is taken to be the chain's before it is asked for the chain id again."""

_MOST_AT_ONCE: Final = 16
"""Requests under way to an endpoint. More would each take longer, until none is answered in time."""

ASIDE_SECONDS: Final = 60.0
"""How long an endpoint stays set aside after it was last seen to be wrong."""

_log = structlog.get_logger("sbi.chain.endpoints")


class EndpointObserver(Protocol):
    """Who wants to know how endpoints fare."""

    def endpoint_failed(self, number: int, kind: str) -> None:
        """An endpoint gave no answer that can be used."""

    def endpoint_set_aside(self, number: int, *, aside: bool) -> None:
        """An endpoint is, or is no longer, set aside."""


class Endpoint:
    """One endpoint and how it fares. Times are of `time.monotonic`."""

    def __init__(self, number: int, provider: HttpProvider) -> None:
        self.number: Final = number
        self.provider: Final = provider
        self.turns: Final = asyncio.Semaphore(_MOST_AT_ONCE)
        self.making_sure: Final = asyncio.Lock()
        self.failures = 0
        self.rests_until = 0.0
        self.spared_until = 0.0
        self.sure_until = 0.0
        self.aside_until = 0.0
        self.aside_reason: str | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.number})"

    @property
    def is_aside(self) -> bool:
        """Whether it was seen to be wrong, and not yet seen to be right again."""
        return self.aside_reason is not None and time.monotonic() < self.aside_until

    @property
    def is_resting(self) -> bool:
        """Whether it failed just now."""
        return time.monotonic() < self.rests_until

    def failed(self, retry_after: float | None) -> None:
        """Let it rest: twice as long each time, with jitter, or as long as it asked for."""
        rest = min(_FIRST_REST * 2**self.failures, _LONGEST_REST) * random.uniform(0.5, 1.0)  # noqa: S311
        self.failures = min(self.failures + 1, 16)
        self.spared_until = time.monotonic() + (retry_after or 0.0)
        self.rests_until = max(time.monotonic() + rest, self.spared_until)

    def answered(self) -> None:
        """Trust it again."""
        self.failures = 0
        self.rests_until = self.spared_until = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What one endpoint said: an answer, or why there is none."""

    endpoint: Endpoint
    answer: RPCResponse | None
    error: EndpointError | None = None

    @property
    def result(self) -> Any:
        """The result; None where there is none."""
        return None if self.answer is None else self.answer.get("result")

    @property
    def message(self) -> str:
        """What the endpoint said instead of a result; empty where there is one."""
        if self.answer is None:
            return str(self.error)
        error = self.answer.get("error")
        return str(error.get("message", "error")) if isinstance(error, dict) else ""


@dataclass
class _Told:
    """What was logged last, so that a lasting fault is told once."""

    by_number: dict[int, str] = field(default_factory=dict)

    def is_new(self, number: int, text: str) -> bool:
        new = self.by_number.get(number) != text
        self.by_number[number] = text
        return new


class EndpointPool(AsyncJSONBaseProvider):
    """The provider under `Chain`. `chain_id`, where given, is what every endpoint must answer for."""

    def __init__(self, rpc_urls: Sequence[str], request_seconds: float, chain_id: int | None = None) -> None:
        super().__init__()
        if not rpc_urls:
            raise WrongChainError("no RPC endpoint is configured")
        providers = [HttpProvider(url, request_seconds) for url in rpc_urls]
        self.endpoints: Final = tuple(Endpoint(number, each) for number, each in enumerate(providers, start=1))
        self.chain_id = chain_id
        self.observers: list[EndpointObserver] = []
        self._told = _Told()
        self._agreeing = asyncio.Lock()

    async def disconnect(self) -> None:
        """Close all connections."""
        await asyncio.gather(*[each.provider.disconnect() for each in self.endpoints])

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The first usable answer. Raises EndpointError, or WrongChainError where only other chains answer."""
        return (await self._first_usable(method, lambda endpoint: self._alone(endpoint, method, params)))[0]

    async def make_batch(self, method: RPCEndpoint, each_params: Sequence[Any]) -> list[RPCResponse]:
        """Likewise, of one method asked many times in one request: all answers are the same endpoint's."""
        return await self._first_usable(
            method, lambda endpoint: self._given(endpoint, lambda: endpoint.provider.make_batch(method, each_params))
        )

    async def _first_usable(
        self, method: str, ask: Callable[[Endpoint], Awaitable[list[RPCResponse]]]
    ) -> list[RPCResponse]:
        await self._agree_on_chain()
        last: EndpointError | list[RPCResponse] | None = None
        for endpoint in await self._candidates():
            try:
                await self._make_sure(endpoint)
                answers = await ask(endpoint)
            except EndpointError as error:
                last = error
                continue
            faulty = next((each for each in answers if is_endpoints_fault(each)), None)
            if faulty is None:
                return answers
            self._note_failure(endpoint, EndpointError("NodeError", f"{method}: {Reply(endpoint, faulty).message}"))
            last = answers
        if last is None or isinstance(last, EndpointError):
            raise last or EndpointError("NoEndpoint", f"{method}: no endpoint may be asked{self._reasons()}")
        return last

    async def ask_each(self, method: str, params: Any) -> list[Reply]:
        """What every endpoint says, set aside or resting ones included, in their order."""

        async def one(endpoint: Endpoint) -> Reply:
            try:
                return Reply(endpoint, await self._asked(endpoint, method, params))
            except EndpointError as error:
                return Reply(endpoint, None, error)

        return list(await asyncio.gather(*[one(endpoint) for endpoint in self.endpoints]))

    async def broadcast(self, raw: bytes) -> list[Reply]:
        """Give the same bytes to every endpoint."""
        return await self.ask_each("eth_sendRawTransaction", ["0x" + raw.hex()])

    def doubt(self) -> None:
        """Ask every endpoint for its chain id again before anything else is believed."""
        for endpoint in self.endpoints:
            endpoint.sure_until = 0.0

    def set_aside(self, endpoint: Endpoint, reason: str) -> None:
        """Ask an endpoint nothing for a while."""
        endpoint.aside_reason = reason
        endpoint.aside_until = time.monotonic() + ASIDE_SECONDS
        endpoint.sure_until = 0.0
        if self._told.is_new(endpoint.number, reason):
            _log.error("endpoint_set_aside", endpoint=endpoint.number, reason=reason)
        self._tell(lambda observer: observer.endpoint_set_aside(endpoint.number, aside=True))

    def take_back(self, endpoint: Endpoint) -> None:
        """Ask an endpoint again."""
        if endpoint.aside_reason is not None:
            _log.info("endpoint_taken_back", endpoint=endpoint.number)
        endpoint.aside_reason = None
        self._told.is_new(endpoint.number, "")
        self._tell(lambda observer: observer.endpoint_set_aside(endpoint.number, aside=False))

    async def _alone(self, endpoint: Endpoint, method: RPCEndpoint, params: Any) -> list[RPCResponse]:
        return [await self._asked(endpoint, method, params)]

    async def _asked(self, endpoint: Endpoint, method: str, params: Any) -> RPCResponse:
        return await self._given(endpoint, lambda: endpoint.provider.make_request(RPCEndpoint(method), params))

    async def _given(self, endpoint: Endpoint, ask: Callable[[], Awaitable[T]]) -> T:
        """What an endpoint gives, in its turn, with how it fares noted."""
        try:
            async with endpoint.turns:
                given = await ask()
        except EndpointError as error:
            self._note_failure(endpoint, error)
            raise
        endpoint.answered()
        return given

    async def _candidates(self) -> list[Endpoint]:
        """Whom to ask, in order: the fit ones, then those that rest. Those set aside are left out.

        Where all rest, only the first to be fit again is asked, and not even that before the time that it asked for.
        """
        trusted = [each for each in self.endpoints if not each.is_aside]
        if trusted and all(each.is_resting for each in trusted):
            soonest = min(each.rests_until for each in trusted)
            await asyncio.sleep(max(0.0, min(soonest - time.monotonic(), _LONGEST_WAIT)))
        fit = [each for each in trusted if not each.is_resting]
        resting = sorted((each for each in trusted if each.is_resting), key=lambda each: each.rests_until)
        if fit:
            return fit + resting
        return [each for each in resting[:1] if time.monotonic() >= each.spared_until]

    async def _make_sure(self, endpoint: Endpoint) -> None:
        """Raises EndpointError, and sets the endpoint aside, if it answers for another chain. One question does for all
        who wait for its answer."""
        failures = endpoint.failures
        async with endpoint.making_sure:
            if time.monotonic() < endpoint.sure_until:
                return
            if endpoint.failures > failures:
                raise EndpointError("Resting", f"endpoint {endpoint.number} failed while others asked it")
            answer = await self._asked(endpoint, "eth_chainId", [])
            found = _chain_id_in(Reply(endpoint, answer))
            if found != self.chain_id:
                reason = f"answers for chain {found}, not {self.chain_id}"
                self.set_aside(endpoint, reason)
                raise EndpointError("WrongChain", f"endpoint {endpoint.number} {reason}")
            endpoint.sure_until = time.monotonic() + _SURE_SECONDS

    async def _agree_on_chain(self) -> None:
        """Settle which chain this is, once. Raises EndpointError where nobody answers, WrongChainError where as many
        endpoints answer for one chain as for another."""
        if self.chain_id is not None:
            return
        async with self._agreeing:
            if self.chain_id is not None:
                return
            replies = await self.ask_each("eth_chainId", [])
            counted = Counter(found for reply in replies if (found := _chain_id_in(reply)) is not None)
            if not counted:
                raise next((each.error for each in replies if each.error), EndpointError("NoAnswer", "eth_chainId"))
            (chain_id, most), *others = counted.most_common()
            if others and others[0][1] == most:
                raise WrongChainError(f"endpoints answer for chains {sorted(counted)}: set network.chain_id")
            self.chain_id = chain_id

    def _note_failure(self, endpoint: Endpoint, error: EndpointError) -> None:
        endpoint.failed(error.retry_after)
        self._tell(lambda observer: observer.endpoint_failed(endpoint.number, error.kind))
        if self._told.is_new(endpoint.number, error.kind):
            _log.warning("endpoint_failed", endpoint=endpoint.number, reason=str(error))

    def _tell(self, what: Callable[[EndpointObserver], None]) -> None:
        for observer in self.observers:
            what(observer)

    def _reasons(self) -> str:
        return "".join(f"; {each.number} {each.aside_reason}" for each in self.endpoints if each.is_aside)


def _chain_id_in(reply: Reply) -> int | None:
    return int(reply.result, 16) if isinstance(reply.result, str) else None
