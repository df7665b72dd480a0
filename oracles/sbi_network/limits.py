"""What one visitor may ask of a public server, and what all together: everybody else is refused in words.

Every structure here is bounded: who comes from many addresses costs a bounded amount of memory.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field
from uvicorn.protocols.http.h11_impl import H11Protocol

from sbi_network.chain.settings import Section

HEAD_SECONDS: Final = 10.0
"""How long a connection may take over the head of its first request."""

_MOST_REMEMBERED: Final = 20_000
_IPV6_PREFIX: Final = 64
_UNKNOWN: Final = "unknown"
"""Whoever comes without an address: a proxy may hand on any text as one."""

_REFUSAL: Final = b'{"type":"about:blank","title":"Too many connections","status":503,"detail":"%s"}'


class VisitorLimits(Section):
    """What one visitor, and all together, may ask for."""

    requests_per_second: Annotated[float, Field(gt=0, le=100_000)] = 20.0
    """Of one address, on average; an IPv6 address counts as its /64."""
    burst: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    connections: Annotated[int, Field(ge=1, le=100_000)] = 4_000
    connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 64


def visitor_of(host: str) -> str:
    """By what a visitor is told from others: the address; of IPv6 the /64, which one household has."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)


class Allowance:
    """A token bucket for each visitor; those longest unseen are forgotten first."""

    def __init__(self, per_second: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, visitor: str) -> float:
        """Take one request out of the visitor's allowance; seconds to wait where there is none left."""
        now = self._now()
        left, since = self._buckets.pop(visitor, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        granted = left >= 1
        self._buckets[visitor] = (left - 1 if granted else left, now)
        while len(self._buckets) > _MOST_REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - left) / self._per_second


class Places:
    """How many of something there may be at once, in all and for each visitor."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: Counter[str] = Counter()
        self.total = 0

    def enter(self, visitor: str) -> bool:
        """Take a place; False where there is none."""
        if self.total >= self._most or self._taken[visitor] >= self._most_each:
            return False
        self.total += 1
        self._taken[visitor] += 1
        return True

    def leave(self, visitor: str) -> None:
        """Give a place back."""
        self.total -= 1
        self._taken[visitor] -= 1
        if not self._taken[visitor]:
            del self._taken[visitor]

    @contextmanager
    def place(self, visitor: str) -> Iterator[bool]:
        """A place for the time of the block, if there is one."""
        entered = self.enter(visitor)
        try:
            yield entered
        finally:
            if entered:
                self.leave(visitor)


def guarded_protocol(limits: VisitorLimits) -> type[H11Protocol]:
    """uvicorn's protocol with bounds on connections, and on how long they may take over the head of a request."""
    places = Places(limits.connections, limits.connections_per_address)
    return type("BoundedProtocol", (GuardedProtocol,), {"places": places})


class GuardedProtocol(H11Protocol):
    """One connection. What it is refused for is told before it is closed."""

    places: ClassVar[Places]
    _visitor: str | None = None
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a place, or refuse."""
        peer = transport.get_extra_info("peername")
        visitor = visitor_of(str(peer[0])) if isinstance(peer, tuple) else _UNKNOWN
        if not self.places.enter(visitor):
            transport.write(_refusal("there are as many connections as there may be: close some, or come later"))
            transport.close()
            return
        self._visitor = visitor
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Time the head of each request: the first, and those that follow on the same connection."""
        if self._visitor is None:
            return
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        else:
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        if self._visitor is None:
            return
        self._stop_timer()
        self.places.leave(self._visitor)
        self._visitor = None
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._refuse_slow)

    def _refuse_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_refusal(f"no request within {HEAD_SECONDS:g} s"))
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _refusal(detail: str) -> bytes:
    body = _REFUSAL % detail.encode()
    head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nConnection: close\r\n"
    return head + b"Retry-After: 10\r\nContent-Length: %d\r\n\r\n" % len(body) + body
