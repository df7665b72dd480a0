"""Who computes the products that are asked for: this machine, or the workers of a Dask cluster, one device each.

Only computing is theirs. Challenges are drawn, products signed and openings checked by the meter: no worker has a key,
and what a worker returns is looked at before it is shown to anybody.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any, Final, Protocol

from sbi_network.errors import SBIError
from sbi_network.meter.errors import DevicesError
from sbi_network.meter.proof.backends import Backend, backend_named
from sbi_network.meter.proof.challenge import Matrix
from sbi_network.meter.proof.obligations import Asked
from sbi_network.meter.proof.opening import Opening
from sbi_network.meter.proof.prover import Proof, prove
from sbi_network.protocol.messages import Product

_CONNECT_SECONDS: Final = 20.0
_OPEN_SECONDS: Final = 60.0


class HeldProduct(Protocol):
    """A product whose C is held by whoever computed it, until this is dropped."""

    product: Product

    async def open(self, second_beacon: bytes) -> Opening:
        """The rows that the second beacon picks, not checked. Raises DevicesError."""


class Devices(Protocol):
    """What answers for a facility's devices."""

    async def prove(self, asked: Asked) -> HeldProduct:
        """Compute a product, once a device is free for it. Several may be asked at once. Raises DevicesError.

        Devices that are not there any more may never answer: whoever asks stops waiting at the deadline.
        """


class OneAtATime:
    """A backend, one product after the other. Devices that are asked together share B: it is generated once."""

    def __init__(self, make_backend: Callable[[], Backend]) -> None:
        self._make_backend = make_backend
        self._backend: Backend | None = None
        self._loaded: Matrix | None = None
        self._busy = threading.Lock()

    def prove(self, asked: Asked) -> Proof:
        """Compute a product, once those before it are done."""
        challenge = asked.challenge
        with self._busy:
            if self._backend is None:
                self._backend = self._make_backend()
            known, self._loaded = self._loaded, None
            proof = prove(challenge, self._backend, has_b=known == challenge.b)
            self._loaded = challenge.b
            return proof


class ThisMachine:
    """This machine is all that the facility's fleets claim to be."""

    def __init__(self, make_backend: Callable[[], Backend]) -> None:
        self._backend = OneAtATime(make_backend)

    def __str__(self) -> str:
        return "this machine"

    async def prove(self, asked: Asked) -> HeldProduct:
        """On a thread of its own."""
        return _HeldHere(await asyncio.to_thread(self._backend.prove, asked))


class _HeldHere:
    def __init__(self, proof: Proof) -> None:
        self.product = proof.product
        self._proof = proof

    async def open(self, second_beacon: bytes) -> Opening:
        return self._proof.open(second_beacon)


class DaskCluster:
    """Workers that say by a resource of their class's name, such as `general=1`, for how many devices they stand.

    A worker that dies with a product costs the time to compute it again elsewhere. A scheduler that dies costs what its
    workers held; whatever is asked next goes to the one that is there then.
    """

    def __init__(self, address: str, backend: str) -> None:
        self._address = address
        self._backend = backend
        self._client: Any = None
        self._connecting = asyncio.Lock()

    def __str__(self) -> str:
        return "the Dask cluster"

    async def prove(self, asked: Asked) -> HeldProduct:
        """On a worker that is free, or the first that will be."""
        client, resources = await self.connected(), {asked.fleet.compute_class.name.lower(): 1}
        with _told():
            proof = client.submit(_prove_there, asked, self._backend, pure=False, resources=resources)
            return _HeldThere(client, proof, await client.submit(_product_of, proof, pure=False))

    async def connected(self) -> Any:
        """Dask's client; another, where the last one has given up. Raises DevicesError."""
        async with self._connecting:
            if self._client is None or self._client.status in {"closing", "closed"}:
                self._client = await _client_of(self._address)
            return self._client

    async def require_backend(self) -> None:
        """Raises DevicesError where a worker cannot prove."""
        with _told():
            answers = await (await self.connected()).run(_try_backend, self._backend, on_error="return")
        for worker, answer in answers.items():
            if answer is not None:
                raise DevicesError(f"worker {worker} cannot prove by {self._backend}: {answer}")

    async def close(self) -> None:
        """Leave the cluster."""
        if self._client is not None:
            await self._client.close()


class _HeldThere:
    def __init__(self, client: Any, proof: Any, product: Product) -> None:
        self.product = product
        self._client = client
        self._proof = proof

    async def open(self, second_beacon: bytes) -> Opening:
        # Of a scheduler that dies in between Dask's client says nothing, for ever.
        with _told():
            async with asyncio.timeout(_OPEN_SECONDS):
                opening: Opening = await self._client.submit(_open_there, self._proof, second_beacon, pure=False)
                return opening


@asynccontextmanager
async def dask_cluster(address: str, backend: str) -> AsyncIterator[DaskCluster]:
    """A cluster by its scheduler's address. Raises DevicesError where there is none, or a worker cannot prove."""
    devices = DaskCluster(address, backend)
    try:
        await devices.require_backend()
        yield devices
    finally:
        await devices.close()


async def _client_of(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise DevicesError("a Dask cluster takes the package distributed: install sbi-network[cluster]") from None
    client = Client(address, asynchronous=True, timeout=_CONNECT_SECONDS, set_as_default=False)
    try:
        return await client
    except (OSError, TimeoutError, ValueError) as error:
        await client.close()
        raise DevicesError(f"no Dask cluster at {address}: {error}") from None


@contextmanager
def _told() -> Iterator[None]:
    """A task raises whatever its worker raised, and Dask much of its own."""
    try:
        yield
    except SBIError:
        raise
    except Exception as error:
        raise DevicesError(f"the Dask cluster failed: {type(error).__name__}: {error}") from error


# What workers run.


@cache
def _backend_there(name: str) -> OneAtATime:
    """A worker's own, for as long as it lives."""
    return OneAtATime(lambda: backend_named(name))


def _try_backend(name: str) -> None:
    backend_named(name)


def _prove_there(asked: Asked, backend: str) -> Proof:
    return _backend_there(backend).prove(asked)


def _product_of(proof: Proof) -> Product:
    return proof.product


def _open_there(proof: Proof, second_beacon: bytes) -> Opening:
    return proof.open(second_beacon)
