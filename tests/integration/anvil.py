"""A real Anvil, and its own methods by name."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

ROOT = Path(os.environ.get("SBI_TOOLS_ROOT", Path(__file__).parents[2]))
"""Where node_modules is."""

_MNEMONIC = "test test test test test test test test test test test junk"
_START_SECONDS = 15.0


class Anvil:
    """A node that runs, and what can be asked of it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pid = 0
        self.url = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(trust_env=False, timeout=10)

    def __call__(self, method: str, *params: Any) -> Any:
        """A method's result. Raises AssertionError for an error."""
        answer = self._client.post(
            self.url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        ).json()
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        """Blocks, one by one, so that each takes what waits."""
        for _ in range(blocks):
            self("evm_mine")

    @property
    def height(self) -> int:
        return int(self("eth_blockNumber"), 16)

    def balance(self, account: str) -> int:
        return int(self("eth_getBalance", account, "latest"), 16)

    def count(self, account: str, block: str = "latest") -> int:
        return int(self("eth_getTransactionCount", account, block), 16)

    def waiting(self, account: str) -> int:
        """How many transactions of an account wait."""
        return self.count(account, "pending") - self.count(account)

    def reorg(self, depth: int) -> None:
        """Replace the newest blocks; what was in them is dropped, from the pool too."""
        self("anvil_reorg", depth, [])


def anvil_binary() -> str:
    """The native program, never the launcher: killing that one leaves Anvil running."""
    found = sorted(ROOT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*"))
    if not found:
        pytest.fail(f"no native anvil under {ROOT}/node_modules: run `make setup`")
    return str(found[0])


@contextmanager
def running_anvil(folder: Path, *flags: str, port: int | None = None) -> Iterator[Anvil]:
    """Anvil on a free port, with final blocks two behind; ended with the block."""
    anvil = Anvil(port or free_port())
    command = [anvil_binary(), "--port", str(anvil.port), "--slots-in-an-epoch", "1", "--accounts", "20", *flags]
    with (folder / f"anvil-{anvil.port}.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        anvil.pid = process.pid
        try:
            _await_answer(anvil)
            yield anvil
        finally:
            process.kill()
            process.wait()


def account(number: int) -> LocalAccount:
    """One of the development accounts."""
    Account.enable_unaudited_hdwallet_features()
    found: LocalAccount = Account.from_mnemonic(_MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return found


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _await_answer(anvil: Anvil) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            anvil("eth_chainId")
        except httpx.HTTPError:
            assert time.monotonic() < until, "anvil does not answer"
            time.sleep(0.05)
        else:
            return
