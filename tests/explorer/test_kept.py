"""`make demo KEEP=1`: node and pages can be reached as it says, until Ctrl-C."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.integration.demo import RUN_SECONDS, running_demo
from tests.integration.shadow import HOST, free_port_base, make_shadow, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(400)]


def test_demo__kept__stays_reachable_until_told(tmp_path: Path) -> None:
    base, folder = free_port_base(), make_shadow(tmp_path / "project")
    with running_demo(folder, base, "--keep") as demo:
        wait_until("the demo to say that it still runs", lambda: "Ctrl-C stops" in demo.printed, RUN_SECONDS)
        url = f"http://{HOST}:{base}"
        assert f"RPC: {url}" in demo.printed
        question = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
        assert httpx.post(url, json=question).json()["result"] == hex(31337)
        page = f"http://{HOST}:{base + 301}/"
        assert f"Dashboard: {page}" in demo.printed
        assert "text/html" in httpx.get(page).headers["content-type"]
        demo.process.send_signal(signal.SIGINT)
        assert demo.end() == 0, demo.printed
        assert demo.left_behind() == []
