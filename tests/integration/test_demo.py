"""`make demo`, on its bad days and on a good one. It runs as its user runs it, in a shadow of the project.

bad days: status 1, a message for a person, and nothing left running
├── ports in use: named, before anything starts
├── SIGTERM or a closed terminal in the middle, and again: every process is stopped
└── a meter that dies: named, with its log
a good day
└── the loop closes: summary.json, read from the chain, adds up; kept running, see tests/explorer/test_kept.py
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.demo import RUN_SECONDS, running_demo
from tests.integration.shadow import HOST, free_port_base, make_shadow, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(400)]

START_SECONDS = 90.0
IMPATIENT_SECONDS = 0.15
CITIZENS = 1_000
QUORUM = 3
EPOCHS = 3
BOND_WEI = 10**19


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_shadow(tmp_path / "project")


def test_demo__ports_in_use__names_them_and_starts_nothing(folder: Path) -> None:
    base = free_port_base()
    taken = [base, base + 102, base + 202]
    with ExitStack() as stack:
        for port in taken:
            listener = stack.enter_context(socket.socket())
            listener.bind((HOST, port))
            listener.listen()
        demo = stack.enter_context(running_demo(folder, base))
        assert demo.end() == 1
        assert f"in use on {HOST}: port {', '.join(map(str, taken))}" in demo.printed
        assert "--port-base" in demo.printed
        assert "Traceback" not in demo.printed
        assert demo.left_behind() == []
    assert not (folder / "build").exists()


@pytest.mark.parametrize("asking", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_demo__told_to_end_in_the_middle__stops_every_process(folder: Path, asking: signal.Signals) -> None:
    with running_demo(folder, free_port_base()) as demo:
        # The worst moment: the last process is being started. And once more while all are being stopped.
        wait_until("the last process of the demo", demo.started, START_SECONDS)
        demo.process.send_signal(asking)
        time.sleep(IMPATIENT_SECONDS)
        demo.process.send_signal(asking)
        assert demo.end() != 0  # 1, or the second signal itself where it met an interpreter that had all but ended
        assert "interrupted; every process was stopped" in demo.printed
        assert "Traceback" not in demo.printed
        assert demo.left_behind() == []


def test_demo__a_meter_dies__names_it_and_its_log(folder: Path) -> None:
    with running_demo(folder, free_port_base()) as demo:
        wait_until("all processes of the demo", demo.started, START_SECONDS)
        demo.child("meter-1").kill()
        assert demo.end() == 1
        assert f"meter-1 ended by itself with status {-signal.SIGKILL}" in demo.printed
        assert os.path.join("build", "demo", "logs", "meter-1.log") in demo.printed  # noqa: PTH118
        assert "Traceback" not in demo.printed
        assert demo.left_behind() == []


def test_demo__undisturbed__closes_the_loop(folder: Path) -> None:
    with running_demo(folder, free_port_base()) as demo:
        assert demo.end(RUN_SECONDS) == 0, demo.printed
        printed = demo.printed
        assert demo.left_behind() == []
    assert "The loop is closed." in printed
    assert "is stopped now" in printed

    summary = json.loads((folder / "build" / "demo" / "summary.json").read_text())
    signers = summary["signers_per_epoch"]
    assert summary["epochs"] == len(signers) >= EPOCHS
    assert all(QUORUM <= count <= QUORUM + 1 for count in signers)
    assert summary["output_nano_gaicph"] > 0
    assert summary["citizens"] == CITIZENS
    assert summary["issued"] == summary["dividend"] * CITIZENS > 0
    assert 0 < summary["recycled"] < summary["issued"]
    assert summary["issued"] - summary["recycled"] == summary["total_supply"]
    rates = list(summary["rates"].values())
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 2 * rates[-1]
    assert summary["votes"] == [0, 4, 0]
    assert "In force:" in printed
    # The facility that cheats: refused in every epoch, and slashed for an entry that the chain worked out again.
    assert all(2 in refused for refused in summary["refused"])
    assert summary["slashed_wei"] == BOND_WEI
    assert "an opened row is wrong" in printed
    assert "Slashed: facility 2 signed a product of zeros" in printed
    assert sorted(map(int, summary["invariants"])) == list(range(1, 13))
    shown = [number for number, by in summary["invariants"].items() if by.startswith("chain: ")]
    assert sorted(map(int, shown)) == [1, 2, 3, 4, 7, 8, 9, 10, 11]
