"""A build on a Dask cluster of processes: a scheduler and two workers.

build  one of the workers killed → the same bytes as on this machine
       no cluster there, no worker, a worker that cannot write to the folder → refused
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributed import Client

from sbi_network.errors import RollError
from sbi_network.roll.build import Build, build_roll
from sbi_network.roll.work import ClusterScheduler, cluster
from tests.oracles.roll.registers import Bars, built, content, leftovers, register, write_csv

pytestmark = [pytest.mark.slow, pytest.mark.integration]

ROOT = Path(__file__).parents[3]
DASK = Path(sys.executable).with_name("dask")
START_SECONDS = 60


@dataclass(frozen=True)
class Cluster:
    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def process(*command: str | Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
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
def started(folder: Path, workers: int) -> Iterator[Cluster]:
    """A cluster by Dask's own commands; it ends with the block."""
    folder.mkdir()
    with ExitStack() as stack:
        where = folder / "scheduler.json"
        options = ("--port", "0", "--no-dashboard", "--scheduler-file", where)
        stack.enter_context(process(DASK, "scheduler", "--host", "127.0.0.1", *options, log=folder / "scheduler.log"))
        running = []
        for number in range(workers):
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--scheduler-file", where)
            log = folder / f"worker-{number}.log"
            running.append(stack.enter_context(process(DASK, "worker", "--name", number, *options, log=log)))
        with Client(scheduler_file=str(where), timeout=START_SECONDS, set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=START_SECONDS)
            address = client.scheduler.address
        yield Cluster(address, running)


def test_build_roll__a_worker_killed__is_the_same_to_the_byte(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(2_000, 3))
    with started(tmp_path / "dask", workers=2) as there:

        def kill_one(bars: Bars) -> None:
            if bars.advanced == 10:
                there.workers[0].send_signal(signal.SIGKILL)

        @contextmanager
        def on_cluster(work: Path) -> Iterator[ClusterScheduler]:
            with cluster(there.address, work) as scheduler:
                yield scheduler

        bars = Bars(after=kill_one)
        build_roll(Build([path], tmp_path / "far", (), 64), on_cluster, bars, restart=False)
        assert there.workers[0].wait(10) == -signal.SIGKILL
        assert there.workers[1].poll() is None
    assert bars.advanced > 100
    built(tmp_path / "near", path)
    assert content(tmp_path / "far") == content(tmp_path / "near")
    assert leftovers(tmp_path) == ["dask", "far", "near"]


@pytest.mark.parametrize(("workers", "reason"), [(0, "has no worker"), (1, "all workers need this folder")])
def test_cluster__no_worker_or_one_without_the_folder__is_refused(tmp_path: Path, workers: int, reason: str) -> None:
    with (
        started(tmp_path / "dask", workers) as there,
        pytest.raises(RollError, match=reason),
        cluster(there.address, tmp_path / "none"),
    ):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_cluster__nobody_there__is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    from sbi_network.roll import work

    monkeypatch.setattr(work, "_CONNECT_SECONDS", 1)
    with pytest.raises(RollError, match="no Dask cluster at"), cluster(address, tmp_path):
        pass
