"""What peers answer, who may be anybody.

fetch_tree         the tree → it; another one, nonsense, too long, 404 → none; trouble → NoAnswerError
fetch_observation  404 → none; not open, trouble → NoAnswerError; nonsense → refused
requests           signed, each anew; a signer that fails → NoAnswerError
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sbi_network.chain.errors import KeyFileError
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.oracle.errors import RefusedError
from sbi_network.oracle.passport import HEADER, Passport
from sbi_network.oracle.peers import Peers
from sbi_network.oracle.transport import NoAnswerError, Transport
from sbi_network.oracle.wire import encode_tree
from sbi_network.protocol.address import check_address
from sbi_network.protocol.exhibit import encode_leaves
from sbi_network.protocol.sumtree import Leaf, Sums, SumTree
from tests.oracles.oracle.simulated import CLOCK, oracle_key, terms_of

TERMS = terms_of()
TREE = SumTree([Leaf(0, Sums(1, 2, 3, 4)), Leaf(1)])
OTHER = SumTree([Leaf(0, Sums(1, 2, 3, 5)), Leaf(1)])


class Peer:
    """Peer 1, who answers as one says, and keeps what it was asked."""

    def __init__(self, answer: httpx.Response | Exception, signer: Any = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        transport = Transport(1.0, lambda: httpx.AsyncClient(transport=httpx.MockTransport(self._handle)))
        urls = {check_address("peer", oracle_key(1).address): "http://peer"}
        self.peers = Peers(transport, Passport(signer or KeystoreSigner(oracle_key(0)), CLOCK), urls)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def tree(self) -> SumTree | None:
        return asyncio.run(self.peers.fetch_tree(TERMS, 1, TREE.commitment))

    def observation(self) -> Any:
        return asyncio.run(self.peers.fetch_observation(TERMS, 1, 2))


def _shown(tree: SumTree) -> httpx.Response:
    return httpx.Response(200, text=encode_tree(encode_leaves(tree.leaves)))


def test_fetch_tree__the_one_asked_for__is_it() -> None:
    found = Peer(_shown(TREE)).tree()
    assert found is not None
    assert found.leaves == TREE.leaves


@pytest.mark.parametrize(
    "answer",
    [
        _shown(OTHER),
        httpx.Response(200, text='{"leaves": "0x"}'),
        httpx.Response(200, text='{"leaves": "0x' + "ff" * 128 + '"}'),
        httpx.Response(200, text="[" * 3000),
        httpx.Response(404),
    ],
)
def test_fetch_tree__another_or_none__is_none(answer: httpx.Response) -> None:
    assert Peer(answer).tree() is None


@pytest.mark.parametrize(
    "answer", [httpx.Response(503), httpx.Response(200, text="x" * 100_000), httpx.ConnectError("down")]
)
def test_fetch__trouble__is_no_answer(answer: httpx.Response | Exception) -> None:
    asks: tuple[Callable[[], Any], ...] = (Peer(answer).tree, Peer(answer).observation)
    for ask in asks:
        with pytest.raises(NoAnswerError):
            ask()


def test_fetch_observation__none_or_nonsense__is_told_apart() -> None:
    assert Peer(httpx.Response(404)).observation() is None
    with pytest.raises(RefusedError):
        Peer(httpx.Response(200, text="{}")).observation()


def test_requests__equal_ones__are_signed_anew_and_not_without_a_signer() -> None:
    peer = Peer(httpx.Response(404))
    peer.tree()
    peer.tree()
    first, second = (request.headers[HEADER] for request in peer.requests)
    assert first != second
    assert oracle_key(0).address in first

    class Unreachable:
        address = oracle_key(0).address

        async def sign(self, preimage: bytes) -> Any:
            raise KeyFileError("the signer is gone")

    with pytest.raises(NoAnswerError, match="could not be signed"):
        Peer(httpx.Response(404), Unreachable()).tree()
