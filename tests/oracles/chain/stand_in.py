"""A node that answers from a table: JSON-RPC methods to results, view functions by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth_abi.abi import decode, encode
from web3.providers.async_base import AsyncBaseProvider
from web3.types import RPCEndpoint

from sbi_network.chain.connection import Chain
from sbi_network.protocol.abi import AbiItem, load_abi
from sbi_network.protocol.abi.revert import selector_of, signature_of
from sbi_network.protocol.address import check_address

ADDRESS = check_address("contract", "0x5FbDB2315678afecb367f032d93F642f64180aa3")
GAS_USED = 60_000


class Reverted(Exception):  # noqa: N818
    """Makes the node answer with a revert of this data."""

    def __init__(self, data: str) -> None:
        super().__init__(data)
        self.data = data


class StandInNode(AsyncBaseProvider):
    """Views answer what `views` holds or calls; every transaction sent is in the next block."""

    def __init__(self, contract: str, views: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._items = {selector_of(item): item for item in load_abi(contract) if item["type"] == "function"}
        self.views = views or {}
        self.sent: list[bytes] = []
        self.receipt_status = 1
        self.includes = True
        self.answers: dict[str, Callable[[list[Any]], Any]] = {
            "eth_chainId": lambda _: "0x7a69",
            "eth_getCode": lambda _: "0x01",
            "eth_getBlockByNumber": lambda _: _block(),
            "eth_estimateGas": lambda _: hex(50_000),
            "eth_maxPriorityFeePerGas": lambda _: hex(10**9),
            "eth_getTransactionCount": lambda _: hex(len(self.sent)),
            "eth_sendRawTransaction": self._take,
            "eth_getTransactionReceipt": self._receipt,
            "eth_call": self._call,
        }

    async def make_request(self, method: RPCEndpoint, params: Any) -> Any:
        try:
            return {"jsonrpc": "2.0", "id": 1, "result": self.answers[method](params)}
        except Reverted as revert:
            error = {"code": 3, "message": "execution reverted", "data": revert.data}
            return {"jsonrpc": "2.0", "id": 1, "error": error}

    async def make_batch(self, method: RPCEndpoint, each_params: Any) -> list[Any]:
        return [await self.make_request(method, params) for params in each_params]

    def chain(self) -> Chain:
        chain = Chain("http://nowhere.invalid")
        chain.web3.provider = self  # type: ignore[assignment]
        return chain

    def _call(self, params: list[Any]) -> str:
        data = bytes.fromhex(params[0]["data"][2:])
        item = self._items[data[:4]]
        answer = self.views[item["name"]]
        given = answer(*decode(_types(item["inputs"]), data[4:])) if callable(answer) else answer
        outputs = _types(item["outputs"])
        return "0x" + encode(outputs, given if len(outputs) != 1 else [given]).hex()

    def _take(self, params: list[Any]) -> str:
        self.sent.append(bytes.fromhex(params[0][2:]))
        return "0x" + f"{len(self.sent):064x}"

    def _receipt(self, params: list[Any]) -> Any:
        if not self.includes:
            return None
        return {
            "transactionHash": params[0],
            "status": hex(self.receipt_status),
            "blockNumber": "0x5",
            "gasUsed": hex(GAS_USED),
        }


def revert_data(name: str, *arguments: Any, contract: str = "ComputeOracleRegistry") -> str:
    """What a contract's custom error looks like in a revert."""
    (item,) = [each for each in load_abi(contract) if each["type"] == "error" and each["name"] == name]
    return "0x" + (selector_of(item) + encode(_types(item["inputs"]), arguments)).hex()


def reverting(data: str) -> Callable[..., Any]:
    def answer(*_: Any) -> Any:
        raise Reverted(data)

    return answer


def _types(parameters: list[AbiItem]) -> list[str]:
    inner = signature_of({"name": "", "inputs": parameters})[1:-1]
    types, depth, start = [], 0, 0
    for place, sign in enumerate(inner + ","):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            types.append(inner[start:place])
            start = place + 1
    return types if inner else []


def _block() -> dict[str, Any]:
    return {"number": "0x5", "timestamp": hex(1_800_000_000), "baseFeePerGas": hex(10**9), "hash": "0x" + "00" * 32}
