"""The pages in Chromium, against a real Anvil with the suite deployed, indexed by a real `sbi explorer run`.

onlooker   ├── both languages, phone and large screen, light and dark → four figures around the ring, nothing too wide
           ├── by keyboard to what proves a figure; the readings are hashed in the browser up to the reported root
           ├── a proof behind every figure; a halt and a vote, as they happen
           └── a forged reading → seen to be wrong
citizen    ├── connects (EIP-6963), activates, sees income come in, pays, buys, signs for delivery, votes
           └── a signature declined, a wallet lost, a wrong chain, a payment taken back, a connection lost: each is said
relayed    ├── without ether: activates and pays in one step, pays, each with its fee told before
           └── the relayer gone, before or after the signature → the wallet sends, and the payment is made once
developer  └── a development account of the local chain
everywhere └── axe finds nothing serious, no console error, no failed request, no foreign host

Screenshots are kept in `build/browser`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from sbi_network.chain.connection import connected
from sbi_network.chain.exchange import Exchange
from sbi_network.govern.ballot import load_ballot
from tests.integration.shadow import HOST, ROOT, free_port, wait_until
from tests.support import anvil_scenes as scenes
from tests.support.actors import Person
from tests.support.anvil_nation import OPERATORS, Nation, deployed_nation, person
from tests.support.relaying import fresh_key, relaying

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MODULES = ROOT / "web" / "node_modules" / "playwright-core"
SHOTS = ROOT / "build" / "browser"
STORY_SECONDS = 150
LATER = 20
"""Epochs ahead for which computing is offered: a slow machine's story takes minutes."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.integration,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.skipif(not MODULES.is_dir(), reason="the pages' packages are not installed: npm ci --prefix web"),
]

COIN = 10**18

Watched = tuple[Nation, "Running"]


class Running:
    """A `sbi explorer run` that can be stopped and started again."""

    def __init__(self, folder: Path, nation: Nation, meters: str, relayer: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://{HOST}:{self.port}"
        (folder / "explorer.toml").write_text(
            f'[network]\nrpc_url = "{nation.rpc_url}"\ndeployment = "{nation.record}"\npoll_seconds = 0.2\n\n'
            f'[http]\nport = {self.port}\n\n[database]\nurl = "sqlite:///{folder / "explorer.sqlite"}"\n\n'
            f'[pages]\nwallet_rpc_url = "{nation.rpc_url}"\n'
            + (f'relayer_url = "{relayer}"\n' if relayer else "")
            + "\n[limits]\nburst = 1000\n\n"
            f'[facilities]\n0 = "{meters}/0"\n1 = "{meters}/1"\n',
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sbi_network.cli", "explorer", "run", "--config", "explorer.toml"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}
        with (self.folder / "explorer.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        wait_until("the explorer", self._is_up, 60)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.base}/healthz", timeout=2).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def has_block(self, number: int) -> bool:
        block: int = httpx.get(f"{self.base}/healthz", timeout=5).json()["block"]
        return block >= number


@contextmanager
def meters_of(nation: Nation) -> Iterator[str]:
    """Serves the signed readings that the nation's reports are made of."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            facility, epoch = int(self.path.split("/")[1]), int(self.path.rsplit("/", 1)[1])
            signed = nation.readings.get((facility, epoch))
            self.send_response(200 if signed else 404)
            self.end_headers()
            self.wfile.write((signed or "").encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("browser")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with deployed_nation(folder, seed=3) as nation, meters_of(nation) as meters:
        nation.enrol([nation.people[0].address, nation.people[1].address, *(p.address for p in nation.people[4:9])])
        for _ in range(6):
            nation.end_epoch_reported()
        nation.lives()
        nation.warp(90)
        nation.end_epoch_reported()
        nation.schedule()
        text = "A tenth less for operators\n\n<img src=x onerror=alert(1)>"
        proposal = scenes.Proposal(nation, text, ("exchange", "setShares", [900, 2_000]))
        citizens = spenders(nation)
        proposal.propose(citizens[0])
        proposal.open()
        proposal.vote(citizens[1], scenes.FOR)
        proposal.vote(citizens[2], scenes.AGAINST)
        running = Running(folder, nation, meters)
        running.start()
        try:
            yield nation, running
        finally:
            running.stop()


def spenders(nation: Nation) -> list[Person]:
    """Three citizens who are active, and have just spent in every way there is."""
    citizens = nation.people[4:7]
    for index in (2, 3, 4):
        nation.actors.activate(nation.deployer, 1, nation.rolls[1], index)
    later = int(nation.contract("vault").functions.currentEpoch().call()) + LATER
    nation.actors.offer(person(OPERATORS[0]), 0, 0, later, 50_000)
    nation.actors.approve(citizens[0], nation.addresses["exchange"], 10**30)
    nation.actors.buy(citizens[0], (0, 0, later), 40_000, 10**30)
    _, signature = nation.actors.receipt(citizens[0], 0, 0, 25_000)
    nation.actors.deliver(person(OPERATORS[0]), 0, 25_000, signature)
    nation.actors.pay(citizens[1], nation.people[9].address, 125 * COIN)
    nation.actors.recycle(citizens[2], 40 * COIN)
    nation.actors.recirculate(citizens[2], 60 * COIN)
    nation.warp(10)
    return citizens


def play(story: str, watched: Watched, asks: dict[str, Callable[[Any], None]] | None = None, **order: Any) -> None:
    """Runs a story in Chromium, doing what it asks of the nation; `asks` are of this story alone."""
    nation, running = watched
    words = {name: json.loads((ROOT / "web" / "src" / "words" / f"{name}.json").read_text()) for name in ("en", "zh")}
    whole = {
        "story": story,
        "base": running.base,
        "rpc": nation.rpc_url,
        "chainId": nation.chain_id,
        "chromium": CHROMIUM,
        "shots": str(SHOTS),
        "payee": nation.people[9].address,
        "words": words,
        **order,
    }
    command = ["node", str(Path(__file__).with_name("story.mjs"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        assert node.stderr is not None
        timer = threading.Timer(STORY_SECONDS, node.kill)
        timer.start()
        try:
            _tell(node, whole)
            for line in node.stdout:
                told = json.loads(line)
                if told.get("done"):
                    break
                if asks and told["ask"] in asks:
                    asks[told["ask"]](told["given"])
                    _tell(node, "ok")
                else:
                    _tell(node, answer(watched, told["ask"], told["given"]))
            else:
                pytest.fail(f"{story}:\n{node.stderr.read()[-3_000:]}")
        finally:
            timer.cancel()
            node.kill()


def _tell(node: subprocess.Popen[str], what: Any) -> None:
    assert node.stdin is not None
    node.stdin.write(json.dumps(what) + "\n")
    node.stdin.flush()


def answer(watched: Watched, ask: str, given: Any) -> str:
    """What a story wants to happen in the nation."""
    nation, running = watched
    acts: dict[str, Callable[[], object]] = {
        "epoch": nation.end_epoch_reported,
        "indexed": lambda: _wait_for_head(nation, running),
        "offer": lambda: _offer(nation),
        "deliver": lambda: _deliver(nation, given),
        "propose": lambda: _propose(nation, given),
        "carry": lambda: _carry(nation, running, given),
        "halt": lambda: nation.send(person(scenes.GUARDIAN), "vault", "halt"),
        "resume": lambda: scenes.govern(nation, "vault", "resume"),
        "stop": running.stop,
        "start": running.start,
    }
    said = acts[ask]()
    return said if isinstance(said, str) else "ok"


def _wait_for_head(nation: Nation, running: Running) -> None:
    wait_until("the head", lambda: running.has_block(nation.web3.eth.block_number), 30)


def _offer(nation: Nation) -> None:
    now = int(nation.contract("vault").functions.currentEpoch().call())
    nation.actors.offer(person(OPERATORS[0]), 0, 0, now + LATER, 1_000)


def _deliver(nation: Nation, given: Any) -> str:
    signature = bytes.fromhex(given["signature"][2:])
    nation.actors.deliver(person(OPERATORS[0]), given["voucher"], int(given["delivered"]), signature)
    return "delivered" if _voucher(nation, given["voucher"]) == int(given["delivered"]) else "not delivered"


def _propose(nation: Nation, account: str) -> None:
    """By a citizen; from then on time passes by the block, so that voting stays open however slow the browser is."""
    nation.warp(10)
    proposal = scenes.Proposal(nation, "<i>Half the fee</i>", ("exchange", "setShares", [500, nation.now % 1_000]))
    proposal.propose(next(each for each in nation.people if each.address == account))
    nation.rpc("anvil_setBlockTimestampInterval", 1)
    proposal.open()


def _carry(nation: Nation, running: Running, given: Any) -> None:
    """A ballot as the wallet wrote it, read as `sbi govern carry` reads it."""
    path = running.folder / "ballot.json"
    path.write_text(json.dumps(given))
    signed = load_ballot(path)
    ballot = signed.ballot
    nation.send(
        nation.deployer, "governor", "castVoteBySig", ballot.proposal_id, ballot.support, ballot.voter, signed.signature
    )


def _voucher(nation: Nation, number: int) -> int:
    async def delivered() -> int:
        async with connected(nation.rpc_url) as chain:
            return (await Exchange(chain, nation.addresses["exchange"]).voucher(number)).delivered  # type: ignore[arg-type]

    return asyncio.run(delivered())


def proof_of(nation: Nation, index: int) -> dict[str, Any]:
    """What a registrar hands a citizen: a leaf of the last batch but those of `lives`, with its proof."""
    roll = nation.rolls[1]
    leaf = roll.leaves[index]
    proof = ["0x" + node.hex() for node in roll.proof(index)]
    return {"batch": 1, "index": index, "account": leaf.account, "person": "0x" + leaf.person.hex(), "proof": proof}


def test_dashboard__looked_at_by_anybody__is_understood_and_checked(watched: Watched) -> None:
    nation, running = watched
    _wait_for_head(nation, running)
    wait_until("the readings", lambda: _readings_known(running), 30)
    play("onlooker", watched)


def _readings_known(running: Running) -> bool:
    reported = httpx.get(f"{running.base}/v1/summary", timeout=5).json()["reported"]
    return bool(reported and reported["report"]["readings_known"])


@pytest.mark.parametrize(
    ("index", "language", "size", "theme"), [(0, "en", "desktop", "light"), (1, "zh", "phone", "dark")]
)
def test_wallet__a_citizens_whole_story__ends_well(
    watched: Watched, index: int, language: str, size: str, theme: str
) -> None:
    nation, _ = watched
    proof = proof_of(nation, index)
    someone = {"account": proof["account"], "proof": proof}
    play("citizen", watched, person=someone, language=language, size=size, theme=theme)


def test_wallet__without_a_wallet_on_a_local_chain__a_development_account_serves(watched: Watched) -> None:
    play("developer", watched)


def test_wallet__without_ether__activates_and_pays_through_the_relayer(watched: Watched, tmp_path: Path) -> None:
    nation, _ = watched
    proof = proof_of(nation, 5)
    nation.rpc("anvil_setBalance", proof["account"], "0x0")
    fees = '[fees]\npayment = "0.5"\nfirst_spend = "2"\npermit = "1"\ngrace_seconds = 600'
    key = fresh_key(nation, "relayer of the pages")
    with meters_of(nation) as meters, relaying(nation, tmp_path / "relay", key, fees) as relay:
        running = Running(tmp_path, nation, meters, relay.base)
        running.start()
        try:
            someone = {"account": proof["account"], "proof": proof}
            asks = {"relayer gone": lambda _: relay.kill(), "ether": lambda who: _give_ether(nation, who)}
            play("relayed", (nation, running), asks, person=someone, language="en", relayer=relay.base)
        finally:
            running.stop()


def _give_ether(nation: Nation, account: str) -> None:
    nation.rpc("anvil_setBalance", account, hex(10**18))
