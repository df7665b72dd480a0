"""RPC endpoints over real HTTP that answer as a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

CHAIN_ID = 31337


class ScriptedEndpoint:
    """A node with `height` blocks, all but two final. `fork` changes the hashes of blocks from there on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.chain_id = CHAIN_ID
        self.height = 10
        self.head_time = 1_800_000_000
        self.fork: int | None = None
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: str | None = None
        self.overrides: dict[str, Any] = {}
        self.takes_batches = True
        self.batches: list[int] = []
        self.asked: list[str] = []
        self.url = ""

    def answer(self, request: Any) -> str:
        """What is sent back. A batch is answered from its end: order is not promised."""
        if isinstance(request, list) and self.takes_batches and self.body is None:
            self.batches.append(len(request))
            return "[" + ",".join(self.answer(each) for each in reversed(request)) + "]"
        if isinstance(request, list):
            return self.body or json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no"}})
        self.asked.append(request["method"])
        if self.body is not None:
            return self.body
        method, params = request["method"], request["params"]
        if method in self.overrides:
            given = self.overrides[method]
            given = given(params) if callable(given) else given
            return json.dumps({"jsonrpc": "2.0", "id": request["id"], **given})
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": self._result(method, params)})

    def _result(self, method: str, params: list[Any]) -> Any:
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_getBalance":
            return hex(int(self.name.encode().hex(), 16))
        if method == "eth_getBlockByNumber":
            return self._block({"latest": self.height, "finalized": self.height - 2}.get(params[0], params[0]))
        raise AssertionError(method)

    def _block(self, number: int | str) -> Any:
        at = int(number, 16) if isinstance(number, str) else number
        if not 0 <= at <= self.height:
            return None
        forked = self.fork is not None and at >= self.fork
        hash_ = f"0x{at:032x}" + ("f" if forked else "0") * 32
        time = self.head_time - self.height + at
        return {"number": hex(at), "timestamp": hex(time), "hash": hash_, "baseFeePerGas": hex(10**9)}


@asynccontextmanager
async def served(*endpoints: ScriptedEndpoint) -> AsyncIterator[list[str]]:
    """The endpoints' URLs, in order."""
    async with AsyncExitStack() as stack:
        for endpoint in endpoints:
            server = await asyncio.start_server(_serving(endpoint), "127.0.0.1", 0)
            stack.callback(server.close)
            endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/SECRET"
        yield [endpoint.url for endpoint in endpoints]


def _serving(endpoint: ScriptedEndpoint) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        body = endpoint.answer(json.loads(await reader.readexactly(int(length)))).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | endpoint.headers).items())
        writer.write(f"HTTP/1.1 {endpoint.status} X\r\n{lines}\r\n".encode() + body)
        writer.close()

    return serve
