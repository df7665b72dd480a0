"""Hostile clients against a real `sbi explorer run`, over raw sockets: each is refused in words, and others are served.

head that never ends, or comes too slowly   → closed in time, told why
head, query, body, page too large           → refused
thousands of connections, hundreds of streams → refused beyond the limit; the rest goes on
answer that nobody reads                    → no memory is held for it, others are served
told to stop while all that hangs           → ends
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from tests.integration.shadow import HOST, ROOT, free_port, wait_until
from tests.support.anvil_nation import deployed_nation

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(240)]

CONNECTIONS = 40
STREAMS = 5
MOST_MEGABYTES_MORE = 60


class Target:
    """An explorer with small limits, and raw connections to it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process
        self.base = f"http://{HOST}:{port}"

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=30)

    def say(self, *parts: bytes) -> bytes:
        """What a connection is answered, until it is closed."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return _rest(connection)

    def serves(self) -> bool:
        """Whether somebody else is answered."""
        try:
            return httpx.get(f"{self.base}/healthz", timeout=10).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("hostile")
    with deployed_nation(folder, seed=1) as nation:
        port = free_port()
        (folder / "explorer.toml").write_text(
            f'[network]\nrpc_url = "{nation.rpc_url}"\ndeployment = "{nation.record}"\n\n[http]\nport = {port}\n\n'
            f'[database]\nurl = "sqlite:///{folder / "explorer.sqlite"}"\n\n'
            f"[limits]\nburst = 100000\nconnections_per_address = {CONNECTIONS}\nstreams_per_address = {STREAMS}\n"
        )
        command = [sys.executable, "-m", "sbi_network.cli", "explorer", "run", "--config", "explorer.toml"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}
        with (folder / "explorer.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
            found = Target(port, process)
            try:
                wait_until("the explorer", found.serves, 60)
                yield found
            finally:
                process.kill()
                process.wait(10)


def test_head__that_never_ends__is_closed_with_a_word(target: Target) -> None:
    with target.connect() as slow, target.connect() as silent:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert target.serves()
        for connection in (slow, silent):
            assert b"no request within" in _rest(connection)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", b"400"),
        (b"GET /v1/epochs?limit=" + b"9" * 2_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"414"),
        (b"GET /v1/epochs?limit=1000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"422"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"413"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    ],
    ids=["head", "query", "page", "post", "body", "chunked", "tls"],
)
def test_request__too_large_or_no_http__is_refused(target: Target, request_bytes: bytes, status: bytes) -> None:
    with target.connect() as connection:
        with suppress(OSError):  # refused before all of it was sent
            connection.sendall(request_bytes)
        assert connection.recv(64).startswith(b"HTTP/1.1 " + status)
    assert target.serves()


def test_connections__beyond_a_visitors__are_refused_until_some_close(target: Target) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(target.connect()) for _ in range(CONNECTIONS)]
        wait_until("all places to be taken", lambda: not target.serves(), 20)
        with target.connect() as one_more:
            assert b"as many connections as there may be" in _rest(one_more)
        held[0].close()
    wait_until("a place to be free", target.serves, 20)


def test_streams__beyond_a_visitors__are_refused(target: Target) -> None:
    ask = b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(STREAMS):
            stream = stack.enter_context(target.connect())
            stream.sendall(ask)
            assert stream.recv(64).startswith(b"HTTP/1.1 200")
        one_more = stack.enter_context(target.connect())
        one_more.sendall(ask)
        assert one_more.recv(64).startswith(b"HTTP/1.1 503")
        assert target.serves()


def test_answers__that_nobody_reads__hold_no_memory(target: Target) -> None:
    before = psutil.Process(target.process.pid).memory_info().rss
    with ExitStack() as stack:
        for _ in range(CONNECTIONS - 5):
            greedy = stack.enter_context(socket.socket())
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            greedy.connect((HOST, target.port))
            greedy.sendall(b"GET /wallet.js HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        assert target.serves()
        time.sleep(2)
        assert target.serves()
        more = psutil.Process(target.process.pid).memory_info().rss - before
    assert more < MOST_MEGABYTES_MORE * 1024 * 1024


def test_stop__while_connections_hang__ends(target: Target) -> None:
    with target.connect() as hanging, target.connect() as stream:
        hanging.sendall(b"GET / HTTP/1.1\r\n")
        stream.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.recv(64)
        target.process.send_signal(signal.SIGTERM)
        assert target.process.wait(20) == 0


def _rest(connection: socket.socket) -> bytes:
    said = bytearray()
    while part := connection.recv(65_536):
        said += part
    return bytes(said)
