"""Who computes the products: this machine, and workers of a Dask cluster.

cluster  two devices at once ── the worker that held a product is killed ── nobody there ── a backend that is missing ──
         no device of the class ── another scheduler in its place
prover   a device that fails costs the others nothing
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from sbi_network.meter.devices import HeldProduct, ThisMachine, dask_cluster
from sbi_network.meter.errors import DevicesError
from sbi_network.meter.proof import NumpyBackend
from sbi_network.meter.proof.obligations import Asked, challenges
from sbi_network.meter.proof.verifier import SharedCheck
from tests.oracles.meter.stand_ins import write_config
from tests.oracles.meter.test_cli import DUTY, cli, free_port
from tests.oracles.meter.test_prover import answered
from tests.oracles.oracle.audited import OBLIGATION, RULES, Facility, StubCalendar
from tests.support.dask_cluster import Cluster, started

FIRST, SECOND = bytes(31) + b"\1", bytes(31) + b"\2"
ASKED = challenges(0, 3, FIRST, OBLIGATION, RULES)


async def here(asked: Asked) -> HeldProduct:
    return await ThisMachine(NumpyBackend).prove(asked)


async def _holders(there: Cluster) -> dict[str, tuple[str, ...]]:
    """By worker, the tasks whose results it holds."""
    async with Client(there.address, asynchronous=True, set_as_default=False) as client:
        found: dict[str, tuple[str, ...]] = await client.has_what()
        return found


@pytest.mark.slow
@pytest.mark.integration
def test_dask_cluster__devices_asked_together__answer_as_this_machine_does_each_on_its_own(tmp_path: Path) -> None:
    async def play(there: Cluster) -> None:
        async with dask_cluster(there.address, "numpy") as devices:
            held = await asyncio.gather(*[devices.prove(each) for each in ASKED[:2]])
            assert [each.product for each in held] == [(await here(each)).product for each in ASKED[:2]]
            holding = [tasks for tasks in (await _holders(there)).values() if any("_prove" in task for task in tasks)]
            assert len(holding) == 2
            there.workers[0].send_signal(signal.SIGKILL)
            shared = SharedCheck(ASKED[0].challenge.b, SECOND)
            for each in held:
                shared.check(each.product, await each.open(SECOND))

    with started(tmp_path / "dask", 2, "--resources", "general=1") as there:
        asyncio.run(play(there))
        assert there.workers[0].wait(10) == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.integration
def test_check__a_cluster_with_no_device_of_the_class__warns_that_none_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sbi_network.meter.cli._LONGEST_TRIAL", 4.0)
    with started(tmp_path / "dask", 1, "--resources", "intelligent=1") as there:
        path = write_config(tmp_path, port=free_port())
        text = path.read_text(encoding="utf-8")
        path.write_text(f'{text}\n[proof]\ncluster = "{there.address}"\n', encoding="utf-8")
        result = cli("check", "-c", str(path), duty=DUTY)
    assert "look  proof: tried by the Dask cluster: 4 of them were not done in 4 s; allowed are 2.0 s" in result.stdout


@pytest.mark.slow
@pytest.mark.integration
def test_dask_cluster__another_scheduler_in_the_place_of_one_that_died__answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sbi_network.meter.devices._CONNECT_SECONDS", 2)
    monkeypatch.setattr("sbi_network.meter.devices._OPEN_SECONDS", 5)
    port = free_port()

    async def play(stack: ExitStack) -> None:
        stack.enter_context(started(tmp_path / "first", 1, "--resources", "general=1", port=port))
        async with dask_cluster(f"tcp://127.0.0.1:{port}", "numpy") as devices:
            lost = await devices.prove(ASKED[0])
            stack.close()
            with pytest.raises(DevicesError, match="the Dask cluster failed"):
                await lost.open(SECOND)
            with pytest.raises((DevicesError, TimeoutError)):
                async with asyncio.timeout(10):
                    await devices.prove(ASKED[0])
            with started(tmp_path / "second", 1, "--resources", "general=1", port=port):
                assert (await devices.prove(ASKED[0])).product == lost.product

    with ExitStack() as stack:
        asyncio.run(play(stack))


@pytest.mark.slow
@pytest.mark.integration
def test_dask_cluster__a_backend_that_workers_lack__is_refused(tmp_path: Path) -> None:
    async def play(there: Cluster) -> None:
        with pytest.raises(DevicesError, match=r"worker tcp://.* cannot prove by cuda: "):
            async with dask_cluster(there.address, "cuda"):
                pass

    with started(tmp_path / "dask", 1) as there:
        asyncio.run(play(there))


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_dask_cluster__nobody_there__is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbi_network.meter.devices._CONNECT_SECONDS", 1)

    async def play() -> None:
        with pytest.raises(DevicesError, match="no Dask cluster at"):
            async with dask_cluster(address, "numpy"):
                pass

    asyncio.run(play())


def test_answer__a_device_that_fails__costs_the_others_nothing(tmp_path: Path) -> None:
    class OneIsGone(ThisMachine):
        async def prove(self, asked: Asked) -> Any:
            if asked.challenge.device == ASKED[1].challenge.device:
                raise DevicesError("its worker is gone")
            return await super().prove(asked)

    calendar = StubCalendar({0: OBLIGATION})
    facility = Facility(calendar, tmp_path, devices=OneIsGone(NumpyBackend))
    answered(calendar, facility)
    opened = [facility.opening(3, each.challenge.device) is not None for each in ASKED]
    assert opened == [True, False, True, True]
