"""Events out of logs.

decode  ├── every event in every ABI of the suite, any arguments → its arguments by name, as JSON (hypothesis)
        ├── of another contract, or unknown → none
        └── bytes that do not fit → kept as they are
feed    ├── logs in order and in range → as they are
        └── out of order, out of range, of a stranger, taken back, or nonsense → refused
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import EndpointError
from sbi_network.explorer.events import UNDECODED, EventDecoder, Log, encode_args
from sbi_network.explorer.feed import Feed
from sbi_network.protocol.abi import AbiItem, load_abi
from sbi_network.protocol.abi.revert import signature_of
from sbi_network.protocol.address import address_of, check_address
from sbi_network.protocol.keccak import keccak256
from tests.oracles.explorer.histories import CONTRACTS, NAMES, address, deployment

EVENTS = [(role, item) for role, name in NAMES.items() for item in load_abi(name) if item["type"] == "event"]
TOKEN = check_address("token", CONTRACTS["token"])
WORD = "0x" + "ab" * 32


def _value(parameter: AbiItem, kind: str) -> st.SearchStrategy[Any]:
    """A value as eth_abi encodes it, with what JSON should make of it."""
    if kind.endswith("]"):
        inner, length = kind[: kind.rindex("[")], kind[kind.rindex("[") + 1 : -1]
        lists = st.lists(_value(parameter, inner), min_size=int(length or 0), max_size=int(length or 3))
        return lists.map(lambda pairs: ([one for one, _ in pairs], [other for _, other in pairs]))
    if kind == "tuple":
        names = [each["name"] for each in parameter["components"]]
        parts = st.tuples(*(_value(each, each["type"]) for each in parameter["components"]))
        return parts.map(
            lambda pairs: (tuple(p[0] for p in pairs), dict(zip(names, [p[1] for p in pairs], strict=True)))
        )
    if kind == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: ("0x" + raw.hex(), address_of(raw)))
    if kind == "bool":
        return st.booleans().map(lambda value: (value, value))
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1).map(lambda value: (value, str(value)))
    if kind == "string":
        return st.text(max_size=40).map(lambda text: (text, text))
    size = int(kind[5:]) if kind != "bytes" else 0
    raw = st.binary(min_size=size, max_size=size or 100)
    return raw.map(lambda value: (value, "0x" + value.hex()))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_decode__any_event_of_the_suite__gives_its_arguments(data: st.DataObject) -> None:
    role, item = data.draw(st.sampled_from(EVENTS))
    drawn = {each["name"]: data.draw(_value(each, each["type"])) for each in item["inputs"]}
    canonical = {each["name"]: signature_of({"name": "", "inputs": [each]})[1:-1] for each in item["inputs"]}
    indexed = [each["name"] for each in item["inputs"] if each["indexed"]]
    plain = [each["name"] for each in item["inputs"] if not each["indexed"]]
    topics = [keccak256(signature_of(item).encode())] + [encode([canonical[n]], [drawn[n][0]]) for n in indexed]
    body = encode([canonical[n] for n in plain], [drawn[n][0] for n in plain])
    where = check_address("contract", CONTRACTS[role])
    event = EventDecoder(deployment().known).decode(Log(5, 2, WORD, WORD, where, tuple(topics), body))
    assert event is not None
    assert (event.role, event.name, event.block, event.index) == (role, item["name"], 5, 2)
    assert event.args == {name: expected for name, (_, expected) in drawn.items()}
    assert json.loads(encode_args(event.args)) == event.args
    assert encode_args(event.args).isascii()


def test_decode__of_a_stranger_or_unknown__is_none() -> None:
    decoder = EventDecoder(deployment().known)
    topic = keccak256(b"Transfer(address,address,uint256)")
    stranger = check_address("stranger", address(77))
    assert decoder.decode(Log(0, 0, WORD, WORD, stranger, (topic,), b"")) is None
    assert decoder.decode(Log(0, 0, WORD, WORD, TOKEN, (b"\1" * 32,), b"")) is None
    assert decoder.decode(Log(0, 0, WORD, WORD, TOKEN, (), b"")) is None


def test_decode__bytes_that_do_not_fit__are_kept_as_they_are() -> None:
    topic = keccak256(b"Transfer(address,address,uint256)")
    event = EventDecoder(deployment().known).decode(Log(0, 0, WORD, WORD, TOKEN, (topic, b"\2" * 32), b"\3"))
    assert event is not None
    assert event.args == {UNDECODED: "0x" + "02" * 32 + "03"}


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ((b"\1" * 32, b"\0" * 32), b"\0" * 32),  # an address of 32 bytes
        ((b"\0" * 32, b"\0" * 32), b"\0" * 31),
        ((b"\0" * 32,), b"\0" * 64),
    ],
)
def test_decode__words_that_are_no_such_values__are_kept_as_they_are(topics: tuple[bytes, ...], data: bytes) -> None:
    transfer = keccak256(b"Transfer(address,address,uint256)")
    event = EventDecoder(deployment().known).decode(Log(0, 0, WORD, WORD, TOKEN, (transfer, *topics), data))
    assert event is not None
    assert event.args == {UNDECODED: "0x" + (b"".join(topics) + data).hex()}


def test_decode__text_that_is_no_utf8__hides_nothing_else() -> None:
    governor = check_address("governor", CONTRACTS["governor"])
    topic = keccak256(b"VoteCast(address,uint256,uint8,uint256,string)")
    said = encode(["uint256", "uint8", "uint256", "bytes"], [7, 1, 1, b"\xff\xfe!"])
    log = Log(0, 0, WORD, WORD, governor, (topic, bytes(12) + bytes.fromhex(address(1)[2:])), said)
    event = EventDecoder(deployment().known).decode(log)
    assert event is not None
    assert event.args == {
        "voter": address(1),
        "proposalId": "7",
        "support": "1",
        "weight": "1",
        "reason": "\ufffd\ufffd!",
    }


def _raw_log(block: int, index: int, **changed: Any) -> dict[str, Any]:
    return {
        "blockNumber": hex(block),
        "logIndex": hex(index),
        "blockHash": WORD,
        "transactionHash": WORD,
        "address": CONTRACTS["token"].lower(),
        "topics": [WORD],
        "data": "0x",
        **changed,
    }


def _logs_between(answer: Any) -> list[Log]:
    class Answering:
        async def make_request(self, method: str, params: Any) -> Any:
            return {"jsonrpc": "2.0", "id": 1, **answer}

    chain = Chain("http://nowhere.invalid")
    chain.web3.provider = Answering()  # type: ignore[assignment]
    return asyncio.run(Feed(chain, [TOKEN]).logs_between(5, 9))


def test_logs__in_order_and_range__are_as_they_are() -> None:
    logs = _logs_between({"result": [_raw_log(5, 3), _raw_log(5, 4), _raw_log(9, 0, blockTimestamp="0x10")]})
    assert [(log.block, log.index, log.timestamp) for log in logs] == [(5, 3, None), (5, 4, None), (9, 0, 16)]


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -32005, "message": "query returned more than 10000 results"}},
        {"result": None},
        {"result": [{}]},
        {"result": ["x"]},
        {"result": [_raw_log(5, 4), _raw_log(5, 3)]},
        {"result": [_raw_log(5, 4), _raw_log(5, 4)]},
        {"result": [_raw_log(4, 0)]},
        {"result": [_raw_log(10, 0)]},
        {"result": [_raw_log(5, 0, address=address(77).lower())]},
        {"result": [_raw_log(5, 0, removed=True)]},
        {"result": [_raw_log(5, 0, blockHash="0x12")]},
        {"result": [_raw_log(5, 0, topics=["0xzz"])]},
        {"result": [_raw_log(5, 0, logIndex="0x" + "f" * 40)]},
        {"result": [_raw_log(5, 0, data="nonsense")]},
    ],
)
def test_logs__that_cannot_be__are_refused(answer: Any) -> None:
    with pytest.raises(EndpointError):
        _logs_between(answer)
