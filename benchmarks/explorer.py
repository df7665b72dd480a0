"""The explorer's figures: `make bench-explorer` writes `benchmarks/explorer.json`.

index   events of real signed payments on Anvil, indexed from the first block by `sbi explorer index`: events a second
lag     how long after a transaction is in a block a listener hears of it
load    visitors with open streams who read a figure after each pulse, and pages now and then; explorer and node on one
        core, the visitors on another: latencies by percentile, and errors, of which there may be none

Times are wall-clock on the machine that the file names. `--events`, `--visitors` and `--seconds` make it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from eth_abi.abi import encode
from rich.console import Console
from rich.progress import track
from tests.integration.shadow import HOST, ROOT, free_port, wait_until
from tests.support.anvil_nation import Nation, deployed_nation

from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import TransferWithAuthorization

OUT = Path(__file__).with_name("explorer.json")
PAYMENTS_A_TRANSACTION = 250
EVENTS_A_PAYMENT = 2
LAG_SAMPLES = 30
BLOCK_SECONDS = 2.0
PAGE_SHARE = 0.05
PAYMENTS = "(address,address,uint256,uint256,uint256,bytes32,bytes)[]"
FOREVER = 2**48
SERVER_CORE, VISITOR_CORE = 0, 1

_out = Console()


@dataclass
class Seen:
    """What visitors saw. Seconds by kind of request."""

    api: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)
    pulses: int = 0
    errors: list[str] = field(default_factory=list)


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--visitors", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, deployed_nation(Path(name), seed=1) as nation:
        folder = Path(name)
        _live(nation)
        _make_events(nation, given.events)
        figures: dict[str, Any] = {
            "command": f"make bench-explorer ARGS='{' '.join(sys.argv[1:])}'".replace(" ARGS=''", ""),
            "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
            **_index(nation, folder),
        }
        with _running(nation, folder) as base:
            figures |= {"lag_ms": _lag(nation, base)}
            figures |= _load(nation, base, given.visitors, given.seconds)
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    _out.print_json(json.dumps(figures))
    if figures["load_errors"]:
        sys.exit(f"{figures['load_errors']} errors under load: {figures['first_errors']}")


def _live(nation: Nation) -> None:
    """Some epochs with income, so that there is something to see and to pay with."""
    nation.enrol([person.address for person in nation.people])
    for index in range(len(nation.people)):
        nation.actors.activate(nation.deployer, 1, nation.rolls[1], index)
    for _ in range(4):
        nation.end_epoch_reported()


def _make_events(nation: Nation, events: int) -> None:
    """Signed payments of one wei, many a transaction. Each is signed while the node works on the one before."""
    each = PAYMENTS_A_TRANSACTION * EVENTS_A_PAYMENT
    function = keccak256(f"transferWithAuthorizations({PAYMENTS})".encode())[:4]
    sent = ""
    for place in track(range(max(1, events // each)), f"making {events:,} events", console=_out):
        data = function + encode([PAYMENTS], [_payments(nation, place * PAYMENTS_A_TRANSACTION)])
        _require_done(nation, sent)
        call = {"from": nation.deployer.address, "to": nation.addresses["token"], "data": hex_of(data)}
        sent = nation.rpc("eth_sendTransaction", {**call, "gas": hex(28_000_000)})
    _require_done(nation, sent)


def _payments(nation: Nation, first: int) -> list[tuple[Any, ...]]:
    payee, domain = nation.people[1].address, nation.actors.token_domain
    items = []
    for number in range(first, first + PAYMENTS_A_TRANSACTION):
        payer, nonce = nation.people[2 + number % 8], number.to_bytes(32)
        message = TransferWithAuthorization(payer.address, payee, 1, 0, FOREVER, nonce)  # type: ignore[arg-type]
        items.append((payer.address, payee, 1, 0, FOREVER, nonce, message.sign(payer.key, domain).to_bytes()))
    return items


def _require_done(nation: Nation, sent: str) -> None:
    """Once it is in a block. As the node says it: web3 would format its five hundred logs."""
    if not sent:
        return
    while (receipt := nation.rpc("eth_getTransactionReceipt", sent)) is None:
        time.sleep(0.005)
    if receipt["status"] != "0x1":
        sys.exit("a batch of payments failed")


def _index(nation: Nation, folder: Path) -> dict[str, Any]:
    """From the first block to the head, by the command as its user runs it."""
    _configure(nation, folder, free_port())
    command = [sys.executable, "-m", "sbi_network.cli", "explorer", "index", "--config", "explorer.toml"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr)
    events = int(done.stdout.strip().splitlines()[-1].split(":")[1].split()[0].replace(",", ""))
    return {"events": events, "index_seconds": round(seconds, 2), "events_per_second": round(events / seconds)}


@contextmanager
def _running(nation: Nation, folder: Path) -> Iterator[str]:
    port = free_port()
    _configure(nation, folder, port)
    command = [sys.executable, "-m", "sbi_network.cli", "explorer", "run", "--config", "explorer.toml"]
    with (folder / "explorer.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=log, stderr=log)
        base = f"http://{HOST}:{port}"
        try:
            wait_until("the explorer", lambda: _answers(base), 60)
            _pin(process.pid, SERVER_CORE)
            yield base
        finally:
            process.terminate()
            process.wait(20)


def _configure(nation: Nation, folder: Path, port: int) -> None:
    """Limits by visitor are off: here all come from one address."""
    (folder / "explorer.toml").write_text(
        f'[network]\nrpc_url = "{nation.rpc_url}"\ndeployment = "{nation.record}"\npoll_seconds = 0.2\n\n'
        f'[http]\nport = {port}\n\n[database]\nurl = "sqlite:///{folder / "explorer.sqlite"}"\n\n'
        "[limits]\nrequests_per_second = 100000\nburst = 1000000\nconnections = 10000\n"
        "connections_per_address = 10000\nstreams = 10000\nstreams_per_address = 10000\n",
        encoding="utf-8",
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz", timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _pin(process: int, core: int) -> None:
    """To one core, where there are two."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(process, {core})


def _lag(nation: Nation, base: str) -> dict[str, float]:
    """Milliseconds from the receipt of a payment to the pulse that has its block."""

    async def measure() -> list[float]:
        lags = []
        heard: asyncio.Queue[int] = asyncio.Queue()

        async def listen(session: aiohttp.ClientSession) -> None:
            async with session.get(f"{base}/v1/stream") as answer:
                async for line in answer.content:
                    if line.startswith(b"data: "):
                        heard.put_nowait(json.loads(line[6:])["block"])

        async with aiohttp.ClientSession() as session:
            listening = asyncio.create_task(listen(session))
            for _ in range(LAG_SAMPLES):
                await asyncio.sleep(random.uniform(0.5, 1.5))  # noqa: S311
                payer = nation.people[2]
                receipt = await asyncio.to_thread(nation.actors.pay, payer, nation.people[3].address, 1)
                mined = time.perf_counter()
                while await heard.get() < receipt["blockNumber"]:
                    pass
                lags.append(time.perf_counter() - mined)
            listening.cancel()
        return lags

    return _percentiles(asyncio.run(measure()))


def _load(nation: Nation, base: str, visitors: int, seconds: int) -> dict[str, Any]:
    """Visitors in a process of their own, while the chain goes on."""
    context = get_context("spawn")
    told: Any = context.Queue()
    accounts = [person.address for person in nation.people]
    loading = context.Process(target=_visit_all, args=(base, accounts, visitors, seconds, told))
    loading.start()
    payer, payee = nation.people[2], nation.people[3].address
    ends = time.monotonic() + seconds + 5
    while loading.is_alive() and told.empty():
        nation.actors.pay(payer, payee, 1)
        time.sleep(BLOCK_SECONDS)
        if time.monotonic() > ends + 120:
            loading.kill()
            sys.exit("the visitors do not end")
    seen: Seen = told.get(timeout=60)
    loading.join(30)
    return {
        "visitors": visitors,
        "seconds": seconds,
        "block_seconds": BLOCK_SECONDS,
        "requests": len(seen.api) + len(seen.page),
        "pulses": seen.pulses,
        "api_ms": _percentiles(seen.api),
        "page_ms": _percentiles(seen.page),
        "load_errors": len(seen.errors),
        "first_errors": seen.errors[:3],
    }


def _visit_all(base: str, accounts: Sequence[str], visitors: int, seconds: int, told: Any) -> None:
    _pin(0, VISITOR_CORE)
    seen = Seen()

    async def all_of_them() -> None:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None, connect=30, sock_read=60)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(*(_visit(session, base, accounts, seconds, seen) for _ in range(visitors)))

    asyncio.run(all_of_them())
    told.put(seen)


async def _visit(session: aiohttp.ClientSession, base: str, accounts: Sequence[str], seconds: int, seen: Seen) -> None:
    """Arrives within ten seconds, opens the page and a stream, and reads on for the rest of the time."""
    await asyncio.sleep(random.uniform(0, min(10, seconds / 4)))  # noqa: S311
    try:
        async with asyncio.timeout(seconds):
            for path in ("/", "/style.css", "/dashboard.js", "/v1/summary"):
                await _read(session, base, path, seen)
            async with session.get(f"{base}/v1/stream") as answer:
                if answer.status != 200:
                    seen.errors.append(f"stream: {answer.status}")
                    return
                async for line in answer.content:
                    if line.startswith(b"data: "):
                        seen.pulses += 1
                        await asyncio.sleep(random.uniform(0, 0.3))  # noqa: S311 - as the page does
                        await _read(session, base, _choice(accounts), seen)
            seen.errors.append("the stream ended")
    except TimeoutError:
        return
    except aiohttp.ClientError as error:
        seen.errors.append(f"{type(error).__name__}: {error}")


def _choice(accounts: Sequence[str]) -> str:
    """Mostly the summary, which the dashboard reads; now and then a page, or an account's history."""
    chance = random.random()  # noqa: S311
    if chance < PAGE_SHARE:
        return "/"
    if chance < 4 * PAGE_SHARE:
        return f"/v1/accounts/{random.choice(accounts)}/history?limit=25"  # noqa: S311
    return "/v1/summary"


async def _read(session: aiohttp.ClientSession, base: str, path: str, seen: Seen) -> None:
    started = time.perf_counter()
    async with session.get(base + path) as answer:
        body = await answer.read()
    taken = time.perf_counter() - started
    (seen.api if path.startswith("/v1/") else seen.page).append(taken)
    if answer.status != 200 or not body:
        seen.errors.append(f"{path}: {answer.status}")


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {
        name: round(1_000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    }


if __name__ == "__main__":
    main()
