"""Reads of many things of one kind, over real HTTP.

facilities_at  ├── thousands → all, in their order, a hundred in a request, whatever order they are answered in
               ├── an endpoint that does not take batches → one by one, with the same result
               ├── one that fails, answers too little or nonsense → the next endpoint's
               └── a call of them that is refused → ContractRefused
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_account import Account

from sbi_network.chain.connection import connected
from sbi_network.chain.errors import ContractRefused, EndpointError
from sbi_network.chain.registry import Facility, FacilityTerms, Registry
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.abi.revert import selector_of
from sbi_network.protocol.address import check_address
from tests.oracles.chain.scripted import CHAIN_ID, ScriptedEndpoint, served
from tests.oracles.chain.stand_in import ADDRESS, revert_data

MANY = 2_350
EPOCH = 7
KEY = check_address("key", Account.from_key(b"\3" * 32).address)
_FUNCTIONS = [item for item in load_abi("ComputeOracleRegistry") if item["type"] == "function"]
_NAMES = {selector_of(item): item["name"] for item in _FUNCTIONS}


def _call(params: list[Any]) -> dict[str, Any]:
    """A registry with MANY facilities, each told apart by its figures."""
    data = bytes.fromhex(params[0]["data"][2:])
    name = _NAMES[data[:4]]
    if name == "facilityCount":
        return {"result": "0x" + encode(["uint256"], [MANY]).hex()}
    if name == "facilityOf":
        (number,) = decode(["uint256"], data[4:])
        return {"result": "0x" + encode(["address", "address", "uint256"], [ADDRESS, KEY, number]).hex()}
    number, epoch = decode(["uint256", "uint256"], data[4:])
    figures = (number, number + 1, number + 2, epoch, 10_000, True)
    return {"result": "0x" + encode(["uint64", "uint64", "uint64", "uint64", "uint16", "bool"], figures).hex()}


def _endpoint(name: str = "a", **attributes: Any) -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint(name)
    endpoint.overrides["eth_call"] = _call
    for attribute, value in attributes.items():
        setattr(endpoint, attribute, value)
    return endpoint


def _facilities(*endpoints: ScriptedEndpoint) -> list[tuple[Facility, FacilityTerms]]:
    async def play() -> list[tuple[Facility, FacilityTerms]]:
        async with served(*endpoints) as urls, connected(urls, 60, CHAIN_ID) as chain:
            return await Registry(chain, ADDRESS).facilities_at(EPOCH)

    return asyncio.run(play())


EXPECTED = [
    (Facility(ADDRESS, KEY, number), FacilityTerms((number, number + 1, number + 2), EPOCH, 10_000, active=True))
    for number in range(MANY)
]


def test_facilities_at__thousands__are_read_a_hundred_at_a_time_in_order() -> None:
    endpoint = _endpoint()
    assert _facilities(endpoint) == EXPECTED
    assert sorted(endpoint.batches) == sorted([100] * 46 + [50] * 2)


def test_facilities_at__endpoint_without_batches__gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.oracles.chain.test_many_reads.MANY", 120)
    endpoint = _endpoint(takes_batches=False)
    assert _facilities(endpoint) == EXPECTED[:120]
    assert endpoint.batches == []


def _only_some(endpoint: ScriptedEndpoint) -> None:
    """Batches come back one short."""
    honest = endpoint.answer

    def answer(request: Any) -> str:
        return honest(request[1:] if isinstance(request, list) else request)

    endpoint.answer = answer  # type: ignore[method-assign]


def _fails(endpoint: ScriptedEndpoint) -> None:
    endpoint.overrides["eth_call"] = {"error": {"code": -32005, "message": "limit exceeded"}}


def _nonsense(endpoint: ScriptedEndpoint) -> None:
    endpoint.overrides["eth_call"] = {"result": "lots"}


@pytest.mark.parametrize("broken", [_only_some, _fails, _nonsense])
def test_facilities_at__an_endpoint_fails__the_nexts_are_taken(broken: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.oracles.chain.test_many_reads.MANY", 250)
    first, second = _endpoint("a"), _endpoint("b")
    broken(first)
    assert _facilities(first, second) == EXPECTED[:250]
    assert second.batches
    with pytest.raises(EndpointError) as caught:
        _facilities(first)
    assert "SECRET" not in str(caught.value)


def test_facilities_at__one_call_refused__says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.oracles.chain.test_many_reads.MANY", 90)
    endpoint = _endpoint()

    def call(params: list[Any]) -> dict[str, Any]:
        if params[0]["data"].endswith(f"{77:064x}"):
            data = revert_data("UnknownFacility", 77, MANY)
            return {"error": {"code": 3, "message": "execution reverted", "data": data}}
        return _call(params)

    endpoint.overrides["eth_call"] = call
    with pytest.raises(ContractRefused) as caught:
        _facilities(endpoint)
    assert caught.value.name == "UnknownFacility"
    assert caught.value.arguments == {"facility": 77, "registered": 90}
