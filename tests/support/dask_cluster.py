"""A Dask cluster of processes, as its own commands start it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed import Client

ROOT = Path(__file__).parents[2]
DASK = Path(sys.executable).with_name("dask")
START_SECONDS = 60


@dataclass(frozen=True)
class Cluster:
    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def process(*command: str | int | Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "oracles")])}
    with log.open("wb") as out:
        started = subprocess.Popen([str(part) for part in command], env=environment, stdout=out, stderr=out)
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def started(folder: Path, workers: int, *worker_options: str, port: int = 0) -> Iterator[Cluster]:
    """A cluster by Dask's own commands; it ends with the block."""
    folder.mkdir()
    with ExitStack() as stack:
        where = folder / "scheduler.json"
        options: tuple[str | int | Path, ...] = ("--port", port, "--no-dashboard", "--scheduler-file", where)
        stack.enter_context(process(DASK, "scheduler", "--host", "127.0.0.1", *options, log=folder / "scheduler.log"))
        running = []
        for number in range(workers):
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--scheduler-file", where, *worker_options)
            log = folder / f"worker-{number}.log"
            running.append(stack.enter_context(process(DASK, "worker", "--name", number, *options, log=log)))
        with Client(scheduler_file=str(where), timeout=START_SECONDS, set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=START_SECONDS)
            address = client.scheduler.address
        yield Cluster(address, running)
