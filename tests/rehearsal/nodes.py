"""Public networks played on this machine: Sepolia's chain id, a block a second for its twelve, and their weather.

The weather, by the clock: base fees that jump, a mempool that forgets, and, on Anvil, reorganisations; in front of the
node an endpoint that refuses now and then, as shared ones do.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

MODULES = Path(__file__).with_name("node_modules")
"""Where `npm ci` puts Hardhat, by the lock beside this file."""

HOST = "127.0.0.1"
CHAIN_ID = 11155111
BLOCK_S = 1
"""A twelfth of Sepolia's."""

ACCOUNTS = 20
_GWEI = 10**9
EVERY = 60
"""The endpoint refuses one request of so many."""


class Rpc:
    """A node's methods by name."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def __call__(self, method: str, *params: Any) -> Any:
        answer = self._client.post(
            "", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        ).json()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


def anvil_command(binary: Path, port: int, mnemonic: str) -> list[str | Path]:
    """Anvil as a public network: a mempool and a clock, nothing mined because somebody asks."""
    return [
        *(binary, "--host", HOST, "--port", str(port), "--chain-id", str(CHAIN_ID), "--block-time", str(BLOCK_S)),
        *("--slots-in-an-epoch", "1", "--hardfork", "prague", "--accounts", str(ACCOUNTS), "--mnemonic", mnemonic),
        *("--balance", "2", "--silent"),
    ]


def hardhat_command(folder: Path, port: int, network: dict[str, Any]) -> list[str]:
    """Hardhat's node, with a configuration of its own in `folder`: `network` is Hardhat's own section on itself."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"solidity": "0.8.26", "networks": {"hardhat": {"hardfork": "prague", **network}}}
    (folder / "hardhat.config.js").write_text(f"module.exports = {json.dumps(config)};\n", encoding="utf-8")
    (folder / "package.json").write_text('{"name": "node", "private": true}\n', encoding="utf-8")
    (folder / "node_modules").unlink(missing_ok=True)
    (folder / "node_modules").symlink_to(MODULES)
    # It wants to be run from the folder that it is installed in.
    program = "node_modules/hardhat/internal/cli/cli.js"
    start = f'cd "$0" && exec node {program} node --hostname {HOST} --port {port}'
    return ["sh", "-c", start, str(folder)]


def public_hardhat(mnemonic: str) -> dict[str, Any]:
    """Hardhat's node as a public network, likewise."""
    accounts = {"mnemonic": mnemonic, "count": ACCOUNTS, "accountsBalance": str(2 * 10**18)}
    mining = {"auto": False, "interval": BLOCK_S * 1000}
    return {"chainId": CHAIN_ID, "accounts": accounts, "mining": mining}


class Weather:
    """What befalls the network until it is stopped. Counts what it did."""

    def __init__(self, rpc: Rpc, *, kind: str, seed: int) -> None:
        self._rpc = rpc
        self._kind = kind
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._blow, daemon=True)
        self.depth = 3
        self.done = {"fees": 0, "drops": 0, "reorgs": 0}

    def __enter__(self) -> Weather:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _blow(self) -> None:
        beat = 0
        while not self._ended.wait(1.3 * BLOCK_S):
            beat += 1
            self._rpc(f"{self._kind}_setNextBlockBaseFeePerGas", hex(self._random.randint(1, 8) * _GWEI // 2))
            self.done["fees"] += 1
            if beat % 4 == 0:
                self._forget()
            if beat % 9 == 0 and self._kind == "anvil":
                self._rpc("anvil_reorg", self._random.randint(1, self.depth), [])
                self.done["reorgs"] += 1

    def _forget(self) -> None:
        if self._kind == "anvil":
            self._rpc("anvil_dropAllTransactions")
        else:
            for waiting in self._rpc("eth_pendingTransactions"):
                self._rpc("hardhat_dropTransaction", waiting["hash"])
        self.done["drops"] += 1


class _Limited(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server.asked += 1
        if server.asked % EVERY == 0:
            server.refused += 1
            self._answer(429, b"", {"Retry-After": "1"})
            return
        answer = server.client.post(server.node, content=body, headers={"Content-Type": "application/json"})
        self._answer(answer.status_code, answer.content, {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing."""


class _Endpoint(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was stopped in the middle: nothing to tell."""


@contextmanager
def limited_endpoint(port: int, node_url: str) -> Iterator[Any]:
    """An endpoint in front of the node that answers 429 to one request of so many."""
    server: Any = _Endpoint((HOST, port), _Limited)
    server.asked, server.refused, server.node = 0, 0, node_url
    server.client = httpx.Client(trust_env=False, timeout=30)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
