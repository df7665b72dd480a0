"""A probe: what is free is measured at the lowest priority, and noted in the file of audits.

add       beside what is there ── the oldest are dropped ── a file that is nonsense stays as it was
command   its threads yield to all else ── the probe is in the file ── nothing to measure against, no file
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sbi_network.meter import audit_file
from sbi_network.meter.audit_file import AuditFile
from sbi_network.meter.errors import SourceError
from sbi_network.meter.evidence import Probe, ProofWork
from sbi_network.meter.measurement import EpochSpan
from sbi_network.protocol.units import ComputeClass
from tests.oracles.meter.stand_ins import write_config
from tests.oracles.meter.test_cli import cli

ALL = EpochSpan(0, 0, 2**40)
AUDITS = {"audits": [{"class": "general", "challenges": 300, "failures": 3, "provenOpsPerSecond": str(2**60)}]}


def probe(start: int) -> tuple[Probe, ProofWork]:
    return Probe(ComputeClass.GENERAL, start, start + 5, 120_000), ProofWork(ComputeClass.GENERAL, start + 5, 2**55)


def test_add__to_a_file__keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "audits.json"
    path.write_text(json.dumps(AUDITS), encoding="utf-8")
    file = AuditFile(path)
    audits = file.audits(ALL)
    for start in (100, 200):
        file.add(*probe(start))
    assert file.audits(ALL) == audits
    assert [audits[0].proven, *file.probes(ALL)] == [2**60, probe(100)[0], probe(200)[0]]
    assert file.proving(ALL) == [probe(100)[1], probe(200)[1]]
    assert [each.name for each in tmp_path.iterdir()] == ["audits.json"]


def test_add__beyond_what_is_kept__drops_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_file, "_MOST_NOTED", 2)
    file = AuditFile(tmp_path / "audits.json")
    for start in (100, 200, 300):
        file.add(*probe(start))
    assert file.probes(ALL) == [probe(200)[0], probe(300)[0]]
    assert file.proving(ALL) == [probe(200)[1], probe(300)[1]]


def test_add__to_nonsense__leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "audits.json"
    path.write_text('{"audits": 5}', encoding="utf-8")
    with pytest.raises(SourceError, match="audits: "):
        AuditFile(path).add(*probe(100))
    assert path.read_text(encoding="utf-8") == '{"audits": 5}'


def config(folder: Path, audits: Mapping[str, object] | None) -> Path:
    path = write_config(folder)
    if audits is not None:
        (folder / "audits.json").write_text(json.dumps(audits), encoding="utf-8")
        path.write_text(path.read_text(encoding="utf-8") + '\n[evidence]\naudits = "audits.json"\n', encoding="utf-8")
    return path


def run_probe(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, which never gets its priority back."""
    command = [str(Path(sys.executable).with_name("sbi")), "meter", "probe", "-c", str(path), "--seconds", "1", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("capacity", "free"), [(1, 1_000_000), (10**24, 0)])
def test_probe__is_noted_in_the_file(tmp_path: Path, capacity: int, free: int) -> None:
    done = run_probe(config(tmp_path, AUDITS), "--capacity", str(capacity))
    assert done.returncode == 0, done.stderr
    assert f"{free / 10_000:.1f} %" in done.stdout
    file = AuditFile(tmp_path / "audits.json")
    (noted,) = file.probes(ALL)
    (work,) = file.proving(ALL)
    assert (noted.compute_class, noted.free_ppm, noted.end) == (ComputeClass.GENERAL, free, work.end)
    assert work.operations % (2 * 1024**3) == 0 < work.operations


@pytest.mark.slow
def test_probe__by_what_was_proved__is_its_share(tmp_path: Path) -> None:
    done = run_probe(config(tmp_path, AUDITS))
    assert done.returncode == 0, done.stderr
    assert f"of {2**60 / 1e9:,.1f} Gop/s were free" in done.stdout


def test_at_lowest_priority__every_thread__yields_to_all_else() -> None:
    script = (
        "import os, numpy as np\n"
        "from sbi_network.meter.probing import at_lowest_priority\n"
        "np.ones((512, 512), np.float32) @ np.ones((512, 512), np.float32)\n"
        "at_lowest_priority()\n"
        "print({os.sched_getscheduler(int(thread)) == os.SCHED_IDLE for thread in os.listdir('/proc/self/task')})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "{True}\n"


@pytest.mark.parametrize(
    ("audits", "reason"),
    [(None, "nothing of the class general is proved yet"), ({}, "say by --capacity how much there is")],
)
def test_probe__nothing_proved__is_refused(tmp_path: Path, audits: Mapping[str, object] | None, reason: str) -> None:
    result = cli("probe", "-c", str(config(tmp_path, audits)))
    assert result.exit_code == 1
    assert reason in result.stderr


def test_probe__no_file_to_note_it_in__is_refused(tmp_path: Path) -> None:
    result = cli("probe", "-c", str(config(tmp_path, None)), "--capacity", "1")
    assert result.exit_code == 1
    assert "no audits under [evidence]" in result.stderr
