"""A real Prometheus server and a real node_exporter on this machine, for tests; skipped where not installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

SERVER, EXPORTER = "prometheus", "prometheus-node-exporter"
_READY_SECONDS = 60.0


def require_programs() -> None:
    """Skip, with what is missing."""
    missing = [name for name in (SERVER, EXPORTER) if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian packages of the same names)")


_BEGUN = time.time()
_WATTS = 500


class _Cards(BaseHTTPRequestHandler):
    """An exporter of two cards in dcgm-exporter's words, a quarter and three quarters active, and of a power meter."""

    def do_GET(self) -> None:
        card = 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{{gpu="{}",UUID="GPU-{}",modelName="NVIDIA H100 80GB HBM3"}} {}\n'
        body = "".join(card.format(number, number, active) for number, active in enumerate((0.25, 0.75)))
        body += f'pdu_energy_joules_total{{row="north"}} {_WATTS * (time.time() - _BEGUN)}\n'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


class LivePrometheus:
    """The pair, scraping once a second; with a third exporter that the tests make."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server_port, self._exporter_port = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self._server_port}"
        self._cards = ThreadingHTTPServer(("127.0.0.1", 0), _Cards)
        threading.Thread(target=self._cards.serve_forever, daemon=True).start()
        self.exporter: subprocess.Popen[bytes] | None = None
        self.server: subprocess.Popen[bytes] | None = None

    def start_exporter(self) -> None:
        collectors = ["--collector.disable-defaults", "--collector.cpu"]
        self.exporter = self._start(EXPORTER, *collectors, f"--web.listen-address=127.0.0.1:{self._exporter_port}")
        self.wait_until(lambda: _answers(f"http://127.0.0.1:{self._exporter_port}/metrics"))

    def start_server(self) -> None:
        config = self._folder / "prometheus.yml"
        jobs = {"node": self._exporter_port, "dcgm": self._cards.server_address[1]}
        config.write_text(
            "global: {scrape_interval: 1s}\nscrape_configs:\n"
            + "".join(
                f"- {{job_name: {name}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
                for name, port in jobs.items()
            )
        )
        listen = f"--web.listen-address=127.0.0.1:{self._server_port}"
        storage = f"--storage.tsdb.path={self._folder / 'data'}"
        self.server = self._start(SERVER, f"--config.file={config}", listen, storage)
        self.wait_until(lambda: _answers(f"{self.url}/-/ready"))

    def stop_exporter(self) -> None:
        assert self.exporter is not None
        self.exporter.kill()
        self.exporter.wait()

    def stop(self) -> None:
        self._cards.shutdown()
        self._cards.server_close()
        for process in (self.exporter, self.server):
            if process is not None:
                process.kill()
                process.wait()

    def value(self, expression: str) -> float | None:
        """An expression now, where it has one value."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        result = answer["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def wait_until(self, holds: object) -> None:
        assert callable(holds)
        until = time.monotonic() + _READY_SECONDS
        while not holds():
            assert time.monotonic() < until, "Prometheus did not get there in time"
            time.sleep(0.1)

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{program}.log").open("ab")
        return subprocess.Popen([program, *arguments], stdout=log, stderr=log, cwd=self._folder)


@contextmanager
def live_prometheus(folder: Path) -> Iterator[LivePrometheus]:
    """Both programs, running and answering, with two scrapes made."""
    require_programs()
    live = LivePrometheus(folder)
    with ExitStack() as stack:
        stack.callback(live.stop)
        live.start_exporter()
        live.start_server()
        for series in ("node_cpu_seconds_total", "pdu_energy_joules_total"):
            live.wait_until(lambda series=series: (live.value(f"min(count_over_time({series}[1m]))") or 0) >= 2)
        yield live


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
