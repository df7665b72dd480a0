"""A build on a Dask cluster of processes: a scheduler and two workers.

build  one of the workers killed → the same bytes as on this machine
       no cluster there, no worker, a worker that cannot write to the folder → refused
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sbi_network.errors import RollError
from sbi_network.roll.build import Build, build_roll
from sbi_network.roll.work import ClusterScheduler, cluster
from tests.oracles.roll.registers import Bars, built, content, leftovers, register, write_csv
from tests.support.dask_cluster import started

pytestmark = [pytest.mark.slow, pytest.mark.integration]


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
