"""`sbi roll` as people type it, without a chain.

build, prove, check, verify, commit, new-key   a registrar's and a citizen's way through; errors in one line, status 1
without the extra                              the core imports; prove works; build and verify say what to install
killed                                         `kill -9` of the real command; the same command finishes the roll
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sbi_network.roll.cli import app
from sbi_network.roll.published import open_roll
from tests.oracles.roll.registers import built, content, plain_batch, register, registered, write_csv

ROOT = Path(__file__).parents[3]

WITHOUT_EXTRA = """
import sys
for name in ("dask", "distributed", "llvmlite", "numba", "pyarrow"):
    sys.modules[name] = None
import sbi_network.roll
from sbi_network.cli import main
main()
"""


def sbi(*arguments: str | Path, status: int = 0) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(each) for each in arguments])
    assert done.exit_code == status, (done.output, done.exception)
    return done.stdout if status == 0 else done.stderr


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}


def without_extra(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_EXTRA, "roll", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)


def test_build__register__is_proved_checked_and_verified(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(30, 2))
    told = sbi("build", path, "--out", tmp_path / "roll")
    for region in (1, 2):
        root = plain_batch(citizen for citizen in register(30, 2) if citizen.region == region).root
        assert f"region {region}: 15 citizens, root 0x{root.hex()}" in told
    proof = sbi("prove", tmp_path / "roll", registered(3).account)
    assert json.loads(proof)["account"] == registered(3).account
    (tmp_path / "proof.json").write_text(proof)
    assert "of the batch with root" in sbi("check", tmp_path / "proof.json")
    assert "30 citizens, each once" in sbi("verify", tmp_path / "roll")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("prove", "roll", registered(99).account), "is not on this roll"),
        (("prove", "roll", registered(1).account.lower()), "EIP-55 checksum"),
        (("prove", "none", registered(1).account), "is no published roll"),
        (("verify", "none"), "is no published roll"),
        (("build", "none.csv", "--out", "new"), "no such file or folder"),
        (("build", "a.csv", "--out", "roll"), "is there already"),
        (("build", "a.csv", "--out", "none/new"), "no such folder"),
        (("check", "a.csv"), "is no proof"),
        (("commit", "a.csv", "--key", "none", "--out", "b.csv"), "cannot be read"),
        (("activate", "roll"), "no account given"),
        (("activate", "roll", "--from-file", "none"), "cannot be read"),
        (("status", "roll"), "registrar.toml: cannot be read"),
        (
            ("recover", "roll", registered(1).account, "--successor", registered(2).account, "--signature", "z"),
            "not hex",
        ),
    ],
)
def test_sbi_roll__what_cannot_be__is_one_line_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    built(tmp_path / "roll", write_csv(tmp_path / "a.csv", register(5)))
    told = sbi(*arguments, status=1)
    assert reason in told
    assert told.startswith("sbi roll: ")


def test_build__faulty_register__lists_faults_and_the_report(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [registered(0)] * 30)
    told = sbi("build", path, "--out", tmp_path / "roll", status=1)
    assert f"29 faults in the input; nothing was written but the report {tmp_path}/roll.faults.csv" in told
    assert f"{path}:3: the same account as {path}:2" in told
    assert "… and 9 more" in told


def test_commit__new_key__makes_what_build_takes(tmp_path: Path) -> None:
    named = sbi("new-key", tmp_path / "key")
    lines = [f"{registered(number).account},1,id-card:000{number}\n" for number in range(3)]
    (tmp_path / "in.csv").write_text("account,region,identifier\n" + "".join(lines))
    told = sbi("commit", tmp_path / "in.csv", "--key", tmp_path / "key", "--out", tmp_path / "out.csv")
    assert named.split()[1] in told
    sbi("build", tmp_path / "out.csv", "--out", tmp_path / "roll")
    (tmp_path / "in.csv").write_text("account,region,identifier\n" + lines[0] + "secret\n")
    told = sbi("commit", tmp_path / "in.csv", "--key", tmp_path / "key", "--out", tmp_path / "more.csv", status=1)
    assert "in.csv: line 3: 1 columns" in told
    assert "secret" not in told


def test_core__without_the_extra__proves_and_says_what_to_install(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(5))
    built(tmp_path / "roll", path)
    proved = without_extra("prove", tmp_path / "roll", registered(0).account)
    assert proved.returncode == 0, proved.stderr
    for arguments in (("build", path, "--out", tmp_path / "new"), ("verify", tmp_path / "roll")):
        refused = without_extra(*arguments)
        assert refused.returncode == 1
        assert "pip install 'sbi-network[roll]'" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_build__killed_with_signal_9__is_finished_by_the_same_command(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(20_000, 2))
    arguments = ["build", str(path), "--out", str(tmp_path / "roll"), "--rows-a-task", "64"]
    command = [sys.executable, "-m", "sbi_network.cli", "roll", *arguments]
    records = tmp_path / ".roll.building" / "read"
    with subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL) as building:
        until = time.monotonic() + 60
        while len(list(records.glob("*.json"))) < 5:
            assert building.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        building.send_signal(signal.SIGKILL)
    assert not (tmp_path / "roll").exists()
    sbi(*arguments)
    built(tmp_path / "plain", path, rows=10_000)
    assert content(tmp_path / "roll") == content(tmp_path / "plain")
    with open_roll(tmp_path / "roll") as roll:
        assert roll.manifest.size == 20_000
