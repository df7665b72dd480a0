"""A daemon over a long run: does its memory grow? `python -m benchmarks.soak --seconds 3600 [--daemon oracle]`.

keeper   `sbi keeper run` as its own process, against a real Anvil with a block a second, and a stand-in vault for which
         one more epoch is final every other second: an intent, a transaction and a receipt each time. Now and then a
         block is reorganised away. Writes benchmarks/soak.json.
oracle   `sbi oracle run`, one of four with two meters, and an epoch every ten seconds: a day of these has as many as a
         year of hourly ones. Writes benchmarks/soak-oracle.json.

Each has the curve of resident memory and open files, and the growth of memory in bytes an hour by least squares over
the second half, when caches are warm. docs/images/soak.png shows what is known of both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from eth_account import Account
from matplotlib.figure import Figure
from tests.chaos.chain import Times
from tests.chaos.network import Pace, running_network
from tests.integration.anvil import Anvil, account, free_port, running_anvil
from tests.integration.counting_vault import counting_vault

ROOT = Path(__file__).parents[1]
VAULT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
RESULT = ROOT / "benchmarks" / "soak.json"
ORACLE_RESULT = ROOT / "benchmarks" / "soak-oracle.json"
PICTURE = ROOT / "docs" / "images" / "soak.png"
SAMPLE_SECONDS = 5.0
REORG_EVERY = 10
MB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--daemon", choices=["keeper", "oracle"], default="keeper")
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    measure = _keeper_soaked if chosen.daemon == "keeper" else _oracle_soaked
    result = {"command": " ".join(["python -m benchmarks.soak", *sys.argv[1:]]), **measure(chosen.seconds)}
    output = chosen.output or (RESULT if chosen.daemon == "keeper" else ORACLE_RESULT)
    output.write_text(json.dumps(result, indent=1) + "\n")
    print({name: value for name, value in result.items() if name != "curve"})
    _draw()


def _draw() -> None:
    """Resident memory over time, a panel a daemon, from zero."""
    known = {path.stem: json.loads(path.read_text()) for path in (RESULT, ORACLE_RESULT) if path.is_file()}
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    panels = figure.subplots(1, len(known), sharey=True, squeeze=False)[0]
    for panel, (name, soaked) in zip(panels, known.items(), strict=True):
        minutes = [row[0] / 60 for row in soaked["curve"]["rows"]]
        panel.plot(minutes, [row[1] / MB for row in soaked["curve"]["rows"]], color="#2a6f97")
        panel.set(title="an oracle" if name == "soak-oracle" else "a keeper", xlabel="minutes")
        panel.grid(alpha=0.3)
    most = max(row[1] for soaked in known.values() for row in soaked["curve"]["rows"])
    panels[0].set(ylabel="resident memory, MiB", ylim=(0, 1.2 * most / MB))
    # Without the program's name and version: the same picture is the same bytes.
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


def _keeper_soaked(seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, running_anvil(Path(name), "--block-time", "1") as anvil:
        anvil("anvil_setCode", VAULT, counting_vault())
        return _soaked(anvil, Path(name), seconds)


def _oracle_soaked(seconds: float) -> dict[str, Any]:
    """Of oracle 0. It observes, leads every fourth epoch, and sends."""
    times = Times(epoch=10, report_window=100, genesis_delay=40)
    curve: list[list[int]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_network(Path(folder) / "network", 4, times, Pace(2.0, 3.0, 1.0)) as network,
    ):
        process, began = psutil.Process(network.slots[0].process.pid), time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            curve.append([round(elapsed), process.memory_info().rss, process.num_fds()])
            time.sleep(SAMPLE_SECONDS)
        epochs = network.chain.running()
        reports = sum(network.chain.record(epoch) is not None for epoch in range(max(0, epochs - 100), epochs))
        status = network.slots[0].process.end()
    return {
        "seconds": seconds,
        "epochs": epochs,
        "reports_in_the_last_hundred_epochs": reports,
        **_growth(curve),
        "exit_status": status,
        "curve": {"columns": ["seconds", "resident_bytes", "open_files"], "rows": curve},
    }


def _soaked(anvil: Anvil, folder: Path, seconds: float) -> dict[str, Any]:
    port = free_port()
    process = _keeper(anvil, folder, port)
    began, curve, final = time.monotonic(), [], 0
    try:
        while (elapsed := time.monotonic() - began) < seconds:
            final += int(SAMPLE_SECONDS // 2)
            anvil("anvil_setStorageAt", VAULT, "0x1", f"0x{final:064x}")
            if anvil.height % REORG_EVERY > REORG_EVERY // 2:
                anvil.reorg(1)
            time.sleep(SAMPLE_SECONDS)
            figures = _figures(port)
            if figures:
                curve.append([round(elapsed), figures["process_resident_memory_bytes"], figures["process_open_fds"]])
        figures = _figures(port)
    finally:
        process.terminate()
        status = process.wait(10)
    return {
        "seconds": seconds,
        "transactions_final": int(figures['sbi_outbox_intents{state="final"}']),
        **_growth(curve),
        "exit_status": status,
        "curve": {"columns": ["seconds", "resident_bytes", "open_files"], "rows": curve},
    }


def _growth(curve: list[list[Any]]) -> dict[str, Any]:
    later = curve[len(curve) // 2 :]
    slope = statistics.linear_regression([each[0] for each in later], [each[1] for each in later]).slope
    return {
        "resident_mib_first": round(curve[0][1] / MB, 1),
        "resident_mib_last": round(curve[-1][1] / MB, 1),
        "growth_bytes_per_hour": round(slope * 3_600),
    }


def _keeper(anvil: Anvil, folder: Path, port: int) -> subprocess.Popen[bytes]:
    keystore = Account.encrypt(account(4).key, "soak", kdf="pbkdf2", iterations=2)
    for name, text in (("key.json", json.dumps(keystore)), ("key.password", "soak")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    config = folder / "keeper.toml"
    config.write_text(
        f'poll_seconds = 0.5\n[network]\nrpc_url = "{anvil.url}"\nvault = "{VAULT}"\n'
        f'[sending]\nkeystore = "key.json"\npassword_file = "key.password"\n[monitoring]\nport = {port}\n'
    )
    command = [sys.executable, "-m", "sbi_network.cli", "keeper", "run", "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}
    with (folder / "keeper.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)


def _figures(port: int) -> dict[str, float]:
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=10).text
    except httpx.HTTPError:
        return {}
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


if __name__ == "__main__":
    main()
