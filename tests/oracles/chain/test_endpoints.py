"""Several endpoints as one, over real HTTP.

make_request    ├── the first is fit → it alone is asked
                ├── it fails: HTTP error, 429, no JSON, too deep, too long, wrong shape, a node's own error
                │       → the next answers, and the first rests
                ├── 429 with Retry-After → rests as long as it asked, even the only one
                ├── it answers for another chain → the next answers, and it is set aside
                ├── a refusal by the contract → an answer, from the first
                └── all fail, or are set aside → EndpointError, without any URL
chain id        ├── many ask at once → one question for all, answered or not
                └── as many for one as for another → WrongChainError; most agree → theirs; configured → that
watch           ├── behind, or other final blocks than most → set aside, and taken back once right again
                ├── two that differ → who keeps what was agreed on before is right
                └── two that differ from the start → told, the first is kept
broadcast       └── → the same bytes to every one
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sbi_network.chain import provider
from sbi_network.chain.calling import simulate
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.endpoint_watch import EndpointWatch
from sbi_network.chain.errors import ContractRefused, EndpointError, WrongChainError
from sbi_network.chain.transaction import Call
from sbi_network.protocol.address import check_address
from tests.oracles.chain.scripted import CHAIN_ID, ScriptedEndpoint, served
from tests.oracles.chain.stand_in import ADDRESS

ACCOUNT = check_address("account", ADDRESS)
FIRST, SECOND = int(b"a".hex(), 16), int(b"b".hex(), 16)


def _play(
    endpoints: list[ScriptedEndpoint], play: Callable[[Chain], Awaitable[Any]], chain_id: int | None = None
) -> Any:
    async def playing() -> Any:
        async with served(*endpoints) as urls, connected(urls, 2, chain_id) as chain:
            return await play(chain)

    return asyncio.run(playing())


async def _balance(chain: Chain) -> int:
    return await chain.ether_of(ACCOUNT)


def test_make_request__the_first_is_fit__asks_it_alone() -> None:
    first, second = ScriptedEndpoint("a"), ScriptedEndpoint("b")
    assert _play([first, second], _balance, CHAIN_ID) == FIRST
    assert second.asked == []


def _broken(**attributes: Any) -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint("a")
    for name, value in attributes.items():
        setattr(endpoint, name, value)
    return endpoint


FAULTS = {
    "http error": {"status": 503},
    "429": {"status": 429},
    "no json": {"body": "<html>"},
    "no object": {"body": "[]"},
    "neither": {"body": "{}"},
    "too deep": {"body": "[" * 100_000},
    "error without words": {"body": '{"error": 5}'},
    "wrong shape": {"overrides": {"eth_getBalance": {"result": "lots"}}},
    "null": {"overrides": {"eth_getBalance": {"result": None}}},
    "internal": {"overrides": {"eth_getBalance": {"error": {"code": -32603, "message": "oops"}}}},
    "rate": {"overrides": {"eth_getBalance": {"error": {"code": -32005, "message": "limit exceeded"}}}},
    "lacks state": {"overrides": {"eth_getBalance": {"error": {"code": -32000, "message": "missing trie node 12"}}}},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_make_request__the_first_fails__the_next_answers(
    fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sbi_network.chain.endpoints._FIRST_REST", 60.0)
    monkeypatch.setattr("sbi_network.chain.endpoints._LONGEST_REST", 60.0)
    first, second = _broken(**fault), ScriptedEndpoint("b")

    async def twice(chain: Chain) -> list[int]:
        answers = [await _balance(chain)]
        assert chain.pool.endpoints[0].is_resting
        before = len(first.asked)
        answers.append(await _balance(chain))
        assert len(first.asked) == before
        return answers

    assert _play([first, second], twice, CHAIN_ID) == [SECOND, SECOND]


def test_make_request__too_long__the_next_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "MAX_ANSWER_BYTES", 1_000)
    first, second = _broken(body=" " * 2_000), ScriptedEndpoint("b")
    assert _play([first, second], _balance, CHAIN_ID) == SECOND


def test_make_request__asked_to_wait__rests_as_long() -> None:
    first, second = _broken(status=429, headers={"retry-after": "30"}), ScriptedEndpoint("b")

    async def play(chain: Chain) -> float:
        await _balance(chain)
        return chain.pool.endpoints[0].rests_until - asyncio.get_running_loop().time()

    assert 25 < _play([first, second], play, CHAIN_ID) <= 30


def test_make_request__the_only_one_asked_to_wait__is_not_asked() -> None:
    only = _broken(status=429, headers={"retry-after": "30"})

    async def play(chain: Chain) -> None:
        with pytest.raises(EndpointError, match="429"):
            await _balance(chain)
        before = len(only.asked)
        with pytest.raises(EndpointError, match="no endpoint may be asked"):
            await _balance(chain)
        assert len(only.asked) == before

    _play([only], play, CHAIN_ID)


def test_make_request__it_becomes_another_chains__is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbi_network.chain.endpoints._SURE_SECONDS", 0.0)
    first, second = ScriptedEndpoint("a"), ScriptedEndpoint("b")

    async def play(chain: Chain) -> int:
        assert await _balance(chain) == FIRST
        first.chain_id = 1
        return await _balance(chain)

    assert _play([first, second], play) == SECOND


def test_make_request__the_contract_refuses__is_an_answer_of_the_first() -> None:
    first, second = ScriptedEndpoint("a"), ScriptedEndpoint("b")
    first.overrides["eth_call"] = {"error": {"code": 3, "message": "execution reverted", "data": "0x"}}
    with pytest.raises(ContractRefused):
        _play([first, second], lambda chain: simulate(chain, ACCOUNT, Call(ACCOUNT, "0x")), CHAIN_ID)
    assert second.asked == []


def test_make_request__all_fail__is_told_without_a_url() -> None:
    with pytest.raises(EndpointError) as caught:
        _play([_broken(status=500), _broken(body="x")], _balance)
    assert "SECRET" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_make_request__only_another_chain_answers__is_told() -> None:
    with pytest.raises(EndpointError, match=f"answers for chain 1, not {CHAIN_ID}"):
        _play([_broken(chain_id=1)], _balance, CHAIN_ID)


def test_chain_id__many_ask_at_once__is_asked_once_for_all() -> None:
    only = ScriptedEndpoint("a")

    async def play(chain: Chain) -> list[int]:
        chain.pool.doubt()
        return list(await asyncio.gather(*[_balance(chain) for _ in range(40)]))

    assert _play([only], play, CHAIN_ID) == [FIRST] * 40
    assert only.asked.count("eth_chainId") == 1


def test_chain_id__nobody_answers_many__all_fail_with_the_first() -> None:
    """Not one after the other: that would be forty times as long."""
    connections = 0

    async def play() -> list[BaseException]:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with connected(url, 0.3, CHAIN_ID) as chain:
            failures = await asyncio.gather(*[_balance(chain) for _ in range(40)], return_exceptions=True)
        server.close()
        return [each for each in failures if isinstance(each, BaseException)]

    failures = asyncio.run(play())
    assert len(failures) == 40
    assert all(isinstance(each, EndpointError) for each in failures)
    assert connections == 1


def test_chain_id__as_many_for_one_as_for_another__is_refused() -> None:
    with pytest.raises(WrongChainError, match=r"chains \[1, 31337\]"):
        _play([_broken(chain_id=1), ScriptedEndpoint("b")], _balance)


def test_chain_id__most_agree__is_theirs() -> None:
    second, third = ScriptedEndpoint("b"), ScriptedEndpoint("c")
    assert _play([_broken(chain_id=1), second, third], _balance) == SECOND


def _aside(chain: Chain) -> list[int]:
    return [each.number for each in chain.pool.endpoints if each.is_aside]


@pytest.mark.parametrize("wrong", [{"fork": 5}, {"head_time": 1_800_000_000 - 120}, {"chain_id": 2}])
def test_look__one_of_three_is_wrong__is_set_aside_until_right(wrong: dict[str, Any]) -> None:
    first, others = _broken(**wrong), [ScriptedEndpoint("b"), ScriptedEndpoint("c")]

    async def play(chain: Chain) -> None:
        watch = EndpointWatch(chain.pool)
        await watch.look()
        assert _aside(chain) == [1]
        assert await _balance(chain) == SECOND
        assert watch.disagreement is None
        good = ScriptedEndpoint("a")
        first.fork, first.head_time, first.chain_id = good.fork, good.head_time, good.chain_id
        await watch.look()
        assert _aside(chain) == []
        assert await _balance(chain) == FIRST

    _play([first, *others], play, CHAIN_ID)


def test_look__one_of_two_rewrites_what_was_agreed__is_set_aside() -> None:
    first, second = ScriptedEndpoint("a"), ScriptedEndpoint("b")

    async def play(chain: Chain) -> None:
        watch = EndpointWatch(chain.pool)
        await watch.look()
        assert _aside(chain) == []
        first.fork = 3
        first.height = second.height = 20
        await watch.look()
        assert _aside(chain) == [1]

    _play([first, second], play)


def test_look__two_differ_from_the_start__is_told_and_the_first_kept() -> None:
    first, second = ScriptedEndpoint("a"), _broken(fork=3)

    async def play(chain: Chain) -> None:
        watch = EndpointWatch(chain.pool)
        await watch.look()
        assert _aside(chain) == [2]
        assert watch.disagreement == "endpoints [1, 2] have different blocks 8"

    _play([first, second], play)


def test_look__one_does_not_answer__leaves_it_as_it_is() -> None:
    async def play(chain: Chain) -> None:
        await EndpointWatch(chain.pool).look()
        assert _aside(chain) == []

    _play([_broken(status=500), ScriptedEndpoint("b")], play)


def test_broadcast__several_endpoints__gives_each_the_same_bytes() -> None:
    first, second = ScriptedEndpoint("a"), _broken(status=500, body="{}")
    first.overrides["eth_sendRawTransaction"] = {"error": {"code": -32000, "message": "already known"}}

    async def play(chain: Chain) -> list[str]:
        return [reply.message for reply in await chain.pool.broadcast(b"\2\1")]

    known, failed = _play([first, second], play)
    assert known == "already known"
    assert "500" in failed
    assert first.asked == second.asked == ["eth_sendRawTransaction"]
