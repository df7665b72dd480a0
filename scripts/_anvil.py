"""An Anvil of one's own: for rehearsals, which need a chain that is thrown away."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requests.exceptions import RequestException
from web3 import HTTPProvider, Web3

HOST = "127.0.0.1"
_BINARY = Path(sys.executable).parent / "anvil"
_START_S = 30.0
_POLL_S = 0.05


class AnvilError(RuntimeError):
    """Anvil is missing, or did not come up."""


@contextmanager
def own_anvil(*flags: str) -> Iterator[Web3]:
    """A fresh Anvil on a free port, ended with the block."""
    if not _BINARY.is_file():
        raise AnvilError(f"expected Anvil at {_BINARY}: `make setup` puts it there")
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = listener.getsockname()[1]
    command = [str(_BINARY), "--host", HOST, "--port", str(port), "--silent", "--hardfork", "prague", *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        web3 = Web3(HTTPProvider(f"http://{HOST}:{port}", request_kwargs={"timeout": 60}))
        _await(web3, process)
        yield web3
    finally:
        process.terminate()
        process.wait()


def _await(web3: Web3, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while True:
        if process.poll() is not None:
            raise AnvilError(f"anvil ended by itself with status {process.returncode}")
        try:
            web3.eth.chain_id  # noqa: B018 - asked for the answer's sake
        except RequestException:
            if time.monotonic() > until:
                raise AnvilError(f"anvil did not answer within {_START_S:g} s") from None
            time.sleep(_POLL_S)
        else:
            return
