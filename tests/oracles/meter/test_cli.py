"""`sbi meter` as an operator meets it.

run ── serves ── SIGKILL, SIGTERM ── restart gives the same ── port in use ── a meter that fails
measure ── check ── each thing wrong
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from sbi_network.meter.capacity import MatrixBench
from sbi_network.meter.cli import Reached, app, build_app
from sbi_network.meter.proof import Sizes
from sbi_network.meter.proof.obligations import Fleet, Obligation, Rules, challenges
from sbi_network.meter.proof_records import Duty, ProofRecords
from sbi_network.meter.store import Identity, ReadingStore
from sbi_network.protocol.json_form import decode_signed
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.units import ComputeClass
from tests.oracles.meter.stand_ins import DOMAIN, FACILITY, PASSWORD, ManualNetwork, signer, write_config

REPOSITORY = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, genesis: int, port: int) -> Iterator[subprocess.Popen[str]]:
    paths = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "oracles")])}
    command = [sys.executable, "-m", "tests.oracles.meter.meter_process", str(genesis), "1"]
    command += ["run", "--config", str(folder / "meter.toml")]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, env=os.environ | paths
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/healthz")
            yield process
        finally:
            process.kill()


def wait_for(url: str) -> httpx.Response:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            response = httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        if response.status_code == 200:
            return response
        time.sleep(0.05)
    raise AssertionError(f"{url} was not answered in time")


@pytest.mark.slow
def test_run__killed_and_started_again__serves_the_same_reading(tmp_path: Path) -> None:
    port, genesis = free_port(), int(time.time())
    write_config(tmp_path, port=port)
    said: list[tuple[int, bytes]] = []
    logs = ""
    for ending in (signal.SIGKILL, signal.SIGTERM):
        with running(tmp_path, genesis, port) as process:
            epoch = said[0][0] if said else httpx.get(f"http://127.0.0.1:{port}/v1/facility").json()["runningEpoch"]
            said.append((epoch, wait_for(f"http://127.0.0.1:{port}/v1/readings/{epoch}").content))
            process.send_signal(ending)
            started = time.monotonic()
            logs += process.communicate(timeout=10)[1]
            assert time.monotonic() - started < 4
            assert process.returncode == (-signal.SIGKILL if ending == signal.SIGKILL else 0)
    assert said[0] == said[1]
    lines = [json.loads(line) for line in logs.splitlines()]
    assert {"meter_started", "reading_kept", "meter_stopped"} <= {line["event"] for line in lines}
    assert PASSWORD not in logs
    assert "secret-access-key" not in logs


def cli(*arguments: str, head_age: int = 0, duty: Duty | None = None) -> Result:
    known = ManualNetwork()
    result = CliRunner().invoke(build_app(lambda _: Reached(known, int(known.time) - head_age, duty)), arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_run__the_port_is_taken__says_so_and_leaves_no_state(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = cli("run", "-c", str(write_config(tmp_path, port=port)))
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1 port {port} (Address already in use)" in result.stderr
    assert not (tmp_path / "meter.sqlite").exists()


def test_run__the_meter_fails__ends_the_process_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_config(tmp_path, 'kind = "host"\nmatrix_size = 64', free_port())
    monkeypatch.setattr(MatrixBench, "_multiply", lambda self: self._c.fill(1))
    result = cli("run", "-c", str(path))
    assert result.exit_code == 1
    assert "sbi meter: row 0 of a product of size 64 is wrong" in result.stderr


def test_run__a_chain_out_of_reach__says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "-c", str(write_config(tmp_path))])
    assert result.exit_code == 1
    assert "sbi meter: RPC endpoint: " in result.stderr


def test_measure__accounting__prints_the_reading_of_an_epoch(tmp_path: Path) -> None:
    result = cli("measure", "-c", str(write_config(tmp_path)), "--epoch", "3", "--seconds", "1")
    assert result.exit_code == 0
    assert "accounting meter, 1 s" in result.stdout
    assert "seconds 3 to 4" in result.stdout


@pytest.mark.slow
def test_measure__this_machine__prints_what_it_does() -> None:
    result = cli("measure", "--seconds", "2")
    assert result.exit_code == 0
    assert "host: median of 5 timed FP32 products" in result.stdout
    assert "2.0 of 2 s observed" in result.stdout


def test_check__all_well__is_ready_and_makes_no_state(tmp_path: Path) -> None:
    result = cli("check", "-c", str(write_config(tmp_path, port=free_port())))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "ready"
    assert f"signs as {signer().address}" in result.stdout
    assert "is not there: readings begin with the epoch in which `run` makes it" in result.stdout
    assert not (tmp_path / "meter.sqlite").exists()


def test_check__a_password_open_to_others__is_refused_a_keystore_pointed_at(tmp_path: Path) -> None:
    path = write_config(tmp_path, port=free_port())
    (tmp_path / "key.json").chmod(0o644)
    result = cli("check", "-c", str(path))
    assert result.exit_code == 0
    assert "key.json can be read by other users: chmod 600" in result.stdout
    (tmp_path / "key.password").chmod(0o644)
    for command in ("check", "run"):
        result = cli(command, "-c", str(path))
        assert result.exit_code == 1
        assert "key.password: can be read by other users: chmod 600" in result.stderr


def with_remote_key(path: Path, port: int) -> None:
    """The same meter, whose key a signer at a port of this machine has."""
    own = 'keystore = "key.json"\npassword_file = "key.password"\n'
    remote = f'url = "http://127.0.0.1:{port}"\naddress = "{signer().address}"\n'
    path.write_text(path.read_text().replace(own, remote))


@pytest.mark.slow
def test_run__key_with_a_remote_signer__serves_readings_that_the_signer_signed(tmp_path: Path) -> None:
    port, signing = free_port(), free_port()
    path = write_config(tmp_path, port=port)
    with_remote_key(path, signing)
    assert "remote signer: ConnectError" in cli("check", "-c", str(path)).stderr
    (tmp_path / "signer.toml").write_text(
        f"[http]\nport = {signing}\n"
        '[[keys]]\nkeystore = "key.json"\npassword_file = "key.password"\nsigns = "messages"\n'
    )
    command = [sys.executable, "-m", "sbi_network.cli", "signer", "run", "--config", str(tmp_path / "signer.toml")]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "oracles")}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as remote:
        try:
            wait_for(f"http://127.0.0.1:{signing}/upcheck")
            result = cli("check", "-c", str(path))
            assert f"signs as {signer().address}, with a remote signer" in result.stdout
            with running(tmp_path, int(time.time()), port):
                epoch = httpx.get(f"http://127.0.0.1:{port}/v1/facility").json()["runningEpoch"]
                served = wait_for(f"http://127.0.0.1:{port}/v1/readings/{epoch}").content
        finally:
            remote.kill()
    assert decode_signed(Reading, served).signer(DOMAIN) == signer().address


def test_check__a_chain_whose_time_is_another__is_pointed_at(tmp_path: Path) -> None:
    result = cli("check", "-c", str(write_config(tmp_path, port=free_port())), head_age=3600)
    assert result.exit_code == 0
    assert "the chain's last block is 3,600 s from this machine's time" in result.stdout


def test_check__the_state_of_another_facility__is_refused(tmp_path: Path) -> None:
    path = write_config(tmp_path, port=free_port())
    ReadingStore(tmp_path / "meter.sqlite", Identity(FACILITY + 1, signer().address, DOMAIN), 0.0).close()
    result = cli("check", "-c", str(path))
    assert result.exit_code == 1
    assert "belongs to facility 4" in result.stderr


def test_check__records_that_cannot_count__are_told_by_line(tmp_path: Path) -> None:
    meter = 'kind = "accounting"\ntasks = "t.csv"\ndevices = "d.csv"\ntrace_seconds = 60'
    path = write_config(tmp_path, meter, free_port())
    (tmp_path / "d.csv").write_text("device_model,compute_class,devices,ops_per_second\ncpu,general,1,1\n")
    (tmp_path / "t.csv").write_text("task,device_model,devices,share_milli,start,end\na,gpu,1,1000,0,9\n")
    result = cli("check", "-c", str(path))
    assert result.exit_code == 0
    assert "ok    meter: 0 task records that count" in result.stdout
    assert "t.csv: 1 of 1 lines, the first is 2: device model 'gpu' is not in the device table" in result.stdout
    (tmp_path / "d.csv").write_text("device_model,compute_class,devices,ops_per_second\ncpu,quantum,1,1\n")
    result = cli("check", "-c", str(path))
    assert result.exit_code == 1
    assert f"{tmp_path / 'd.csv'}:2: compute_class is 'quantum'" in result.stderr


AUDITS = {"audits": [{"class": "intelligent", "challenges": 300, "failures": 3, "provenOpsPerSecond": "4000000000000"}]}


def test_check__no_audits__points_at_what_oracles_will_ask_for(tmp_path: Path) -> None:
    result = cli("check", "-c", str(write_config(tmp_path, port=free_port())))
    assert "look  proof: no audits: an oracle that asks for proof counts this facility as zero" in result.stdout
    assert "ok    meter: 6 × edge-accelerator: intelligent, 0.800 Top/s each" in result.stdout
    assert "in full use would be at most 3,333 general, 13,333 intelligent, 1,111 super (raw nGAICPh)" in result.stdout


def test_check__audits_at_hand__tells_how_much_is_proved_and_what_that_makes(tmp_path: Path) -> None:
    (tmp_path / "audits.json").write_text(json.dumps(AUDITS))
    meter = 'kind = "accounting"\nsample = "small-facility"\n[evidence]\naudits = "audits.json"'
    result = cli("check", "-c", str(write_config(tmp_path, meter, free_port())))
    assert result.exit_code == 0
    assert (
        "ok    proof: intelligent: 3 of 300 audits failed, so at most 2.56 % would: 3,897.4 of 4,000.0 Gop/s count"
        in result.stdout
    )
    assert "at most 3,333 general, 10,826 intelligent, 1,111 super" in result.stdout


def test_measure__audits_at_hand__tells_what_is_proved_and_what_the_reading_would_be(tmp_path: Path) -> None:
    (tmp_path / "audits.json").write_text(json.dumps(AUDITS))
    meter = 'kind = "accounting"\nsample = "small-facility"\n[evidence]\naudits = "audits.json"'
    result = cli("measure", "-c", str(write_config(tmp_path, meter)), "--epoch", "3", "--seconds", "1")
    assert result.exit_code == 0
    assert "intelligent: 4,000.0 Gop/s proven in 297 of 300 audits, of which 97.44 % counts; used" in result.stdout
    assert "general: capacity as the meter measures or its settings claim it, audited by nobody" in result.stdout
    assert "the reading would be" in result.stdout
    assert "by the first table of weights" in result.stdout


@pytest.mark.parametrize(
    ("meter", "told"),
    [
        (
            'kind = "prometheus"\nurl = "http://u:hunter2@127.0.0.1:9"\npreset = "node-exporter"\ndevices = 2\n'
            "ops_per_second = 1",
            "sbi meter: Prometheus at 127.0.0.1:9: cannot be reached (ConnectError)",
        ),
        (
            'kind = "accounting"\nsample = "small-facility"\n[evidence]\naudits = "none.json"',
            "none.json: cannot be read (No such file or directory)",
        ),
        (
            'kind = "accounting"\nformat = "sacct"\ntasks = "none.txt"\ndevices = "d.csv"',
            "none.txt: cannot be read (No such file or directory)",
        ),
    ],
    ids=["no Prometheus", "no audits", "no records"],
)
def test_check__something_that_is_not_there__is_one_clear_line(tmp_path: Path, meter: str, told: str) -> None:
    (tmp_path / "d.csv").write_text("device_model,compute_class,devices,ops_per_second\ncpu,general,1,1\n")
    result = cli("check", "-c", str(write_config(tmp_path, meter, free_port())))
    assert result.exit_code == 1
    assert result.stderr.strip().endswith(told)
    assert len(result.stderr.strip().splitlines()) == 1
    assert "hunter2" not in result.output


def test_check__a_mistake_in_the_file__is_told_by_its_key(tmp_path: Path) -> None:
    path = write_config(tmp_path, 'kind = "host"\nsize = 5')
    result = cli("check", "-c", str(path))
    assert result.exit_code == 1
    assert "meter.host.size: unknown key" in result.stderr


SERVERS = Fleet(ComputeClass.GENERAL, 4, 300_000_000_000, 400_000_000_000, Sizes(64, 64, 64))
RULES = Rules(2, 10_000, 0, 0, 2_000, 100, 950_000, (2_500, 2_500, 2_500))
DUTY = Duty(0, RULES, Obligation((SERVERS,), records_count=False, from_epoch=0))


def test_check__the_network_asks_for_proof__says_which_tries_it_and_what_it_would_count(tmp_path: Path) -> None:
    result = cli("check", "-c", str(write_config(tmp_path, port=free_port())), duty=DUTY)
    assert result.exit_code == 0
    assert (
        "proof: asked of 4 of 4 general devices in each epoch: a product of 64 × 64 by 64 × 64 within 2.0 s, "
        "which shows 400.0 Gop/s each; counted are 300.0"
    ) in result.stdout
    assert "proof: tried by this machine: 4 of them took" in result.stdout
    assert "general: 0 of 4 audits failed, so at most 52.71 % would: 567.4 of 1,200.0 Gop/s count" in result.stdout
    assert "an epoch of 10 s in full use would be at most 1,576 general (raw nGAICPh)" in result.stdout
    assert "without buyers' receipts, of the capacity at most 25 % general" in result.stdout
    assert not (tmp_path / "meter-proofs.sqlite").exists()


def test_check__proof_asked_of_a_facility_without_devices__warns_that_nothing_counts(tmp_path: Path) -> None:
    bare = replace(DUTY, obligation=Obligation((), records_count=False, from_epoch=0))
    result = cli("check", "-c", str(write_config(tmp_path, port=free_port())), duty=bare)
    assert "look  proof: the network lists no device of this facility: its readings count as nothing" in result.stdout


def test_check__no_proof_is_asked_for__says_so(tmp_path: Path) -> None:
    result = cli(
        "check", "-c", str(write_config(tmp_path, port=free_port())), duty=replace(DUTY, rules=replace(RULES, slots=0))
    )
    assert "ok    proof: this network asks for none: readings count as they are signed" in result.stdout


def test_measure__after_challenges__counts_what_was_proved(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    plain = cli("measure", "-c", str(path), "--epoch", "3", "--seconds", "1").stdout
    assert "audited by nobody" in plain
    with closing(
        ProofRecords(tmp_path / "meter-proofs.sqlite", Identity(FACILITY, signer().address, DOMAIN))
    ) as records:
        records.ask(DUTY, challenges(FACILITY, 0, bytes(32), DUTY.obligation, RULES))
        for each in challenges(FACILITY, 0, bytes(32), DUTY.obligation, RULES)[:3]:
            records.passed(0, each.challenge.device)
    proved = cli("measure", "-c", str(path), "--epoch", "3", "--seconds", "1").stdout
    assert "general: 900.0 Gop/s proven in 3 of 4 audits, of which 24.86 % counts" in proved
    assert "super: no device of this class is challenged, so nothing of it is proved, and nothing counts" in proved
    assert "nothing shows who wanted the work: 25.0 % of the capacity counts at most" in proved
