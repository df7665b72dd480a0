"""The relayer's figures: `make bench-relay` writes `benchmarks/relay.json`.

gas        a payment's part of a relayed batch, in steady state (nonce words in use, payees with balances), at several
           sizes, out of the settled balance and with accrual settled; a fee's; a skipped one's; what goes alone
load       payments handed in over HTTP to a real `sbi relay run` on one core, with one Anvil: accepted and settled a
           second, by the wall and by the relayer's own time on the core, and how long each took, by percentile
flood      forged payments, as fast as they come: how many are refused a second, how long honest payers wait meanwhile
kill       SIGKILL in the middle of the load: acknowledged payments that were lost (none may be)

Times are wall-clock on the machine that the file names, gas is the same everywhere. `--payments` makes it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import aiohttp
import psutil
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from rich.console import Console
from rich.progress import track
from tests.support.actors import Person
from tests.support.anvil_nation import Nation, deployed_nation
from tests.support.relaying import HOUR, Relay, Signing, fresh_key, relaying

from sbi_network.chain.connection import Chain
from sbi_network.chain.token import SignedTransfer, Token
from sbi_network.protocol.messages import TransferWithAuthorization, token_domain
from sbi_network.protocol.sumtree import Leaf, Sums
from sbi_network.relay.calls import Contracts
from sbi_network.relay.quotes import nonce_at

OUT: Final = Path(__file__).with_name("relay.json")
SIZES: Final = (1, 10, 100, 500)
MOST: Final = max(SIZES)
FRESH_AT_ONCE: Final = 200
"""First uses of nonce words and payees cost twice as much: so many fit a block."""

BLOCK_GAS: Final = 29_000_000
FOREVER: Final = 2**48
CENT: Final = 10**16
AT_ONCE: Final = 24
SAMPLED: Final = 10
RELAY_CORE, OTHER_CORE = 0, 1

_out = Console()


class Bench:
    """A nation with many payers, all with income and nonces in use."""

    def __init__(self, nation: Nation) -> None:
        self.nation = nation
        self.domain = token_domain(nation.chain_id, nation.addresses["token"])  # type: ignore[arg-type]
        self.keys: list[LocalAccount] = [Account.from_key(keccak(text=f"payer {n}")) for n in range(MOST)]
        self.payees = [str(Account.from_key(keccak(text=f"payee {n}")).address) for n in range(MOST)]
        self.contracts = Contracts(Token(Chain("http://127.0.0.1:1"), self.domain.verifying_contract), None)
        self.used = 0
        """How many of each payer's nonces, all in one word, are spent."""

    @property
    def people(self) -> list[Signing]:
        return [Signing(key, self.domain) for key in self.keys]

    def live(self) -> None:
        """Enrol and activate all, and let there be income."""
        self.nation.enrol([key.address for key in self.keys])
        number = max(self.nation.rolls)
        for index in track(range(MOST), "activating", console=_out):
            self.nation.actors.activate(self.nation.deployer, number, self.nation.rolls[number], index)
        self.income()

    def income(self) -> None:
        self.nation._see_a_dividend()

    def nonce(self, payer: int, number: int) -> bytes:
        """As the relayer's quotes name them."""
        relayer = self.nation.deployer.address
        return nonce_at(self.domain.verifying_contract, relayer, self.keys[payer].address, number)  # type: ignore[arg-type]

    def transfer(self, payer: int, value: int, number: int, to: str | None = None) -> SignedTransfer:
        key = self.keys[payer]
        message = TransferWithAuthorization(
            key.address,
            to or self.payees[payer],  # type: ignore[arg-type]
            value,
            0,
            FOREVER,
            self.nonce(payer, number),
        )
        return SignedTransfer(message, message.sign(key, self.domain).to_bytes())

    def settled(self, payer: int) -> int:
        return int(self.nation.contract("token").functions.accountOf(self.keys[payer].address).call()[0])

    def batch(self, size: int, value: Callable[[int], int], to: str | None = None, *, skipped: int = 0) -> int:
        """Gas of one batch by the relayer's own call, of which so many are to be skipped."""
        items = [self.transfer(payer, value(payer), self.used, to) for payer in range(size)]
        gas = self.send(items, skipped)
        if not skipped:
            self.used += 1
        return gas

    def send(self, items: Sequence[SignedTransfer], skipped: int) -> int:
        call = self.contracts.together(items)
        given = {"from": self.nation.deployer.address, "to": call.to, "data": call.data, "gas": BLOCK_GAS}
        sent = self.nation.web3.eth.send_transaction(cast("Any", given))
        receipt = self.nation.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        found = [each for each in self.contracts.token.outcomes_in(receipt["logs"]).values() if each is not None]
        if receipt["status"] != 1 or len(found) != skipped:
            sys.exit(f"a batch of {len(items)} payments: status {receipt['status']}, {len(found)} skipped")
        return int(receipt["gasUsed"])

    def open_words(self) -> None:
        """Each payer's first nonce, each payee's first balance; settles what had accrued."""
        for start in range(0, MOST, FRESH_AT_ONCE):
            payers = range(start, min(MOST, start + FRESH_AT_ONCE))
            self.send([self.transfer(payer, self.settled(payer) + CENT, self.used) for payer in payers], 0)
        self.used += 1


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", type=int, default=4_000)
    parser.add_argument("--flood-seconds", type=int, default=20)
    parser.add_argument("--parts", default="gas,load,flood,kill", help="which to measure; the others stay as they are")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    measured: dict[str, Callable[[Bench, Path], dict[str, Any]]] = {
        "gas": lambda bench, _: {**gas_figures(bench), **published(bench)},
        "load": lambda bench, folder: {"load": load(bench, folder, given.payments)},
        "flood": lambda bench, folder: {"flood": flood(bench, folder, given.flood_seconds)},
        "kill": lambda bench, folder: {"kill": killed(bench, folder, given.payments // 4)},
    }
    with tempfile.TemporaryDirectory() as name, deployed_nation(Path(name), seed=1) as nation:
        bench = Bench(nation)
        bench.live()
        bench.open_words()
        for part in given.parts.split(","):
            keep(given.out, part, measured[part](bench, Path(name) / part))


def keep(out: Path, part: str, found: dict[str, Any]) -> None:
    """What a part found, beside what the others did, and under what load of the machine."""
    figures: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    machine = figures.get("machine", {}) | {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        f"load_average_after_{part}": round(os.getloadavg()[0], 1),
    }
    figures.pop("note", None)
    figures |= {"command": "make bench-relay", **found, "machine": machine}
    out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    _out.print_json(json.dumps(found))


def gas_figures(bench: Bench) -> dict[str, Any]:
    """Whole transactions, shared among the payments in them, rounded up."""
    plain = {str(size): -(-bench.batch(size, lambda _: CENT) // size) for size in SIZES}
    settling: dict[str, int] = {}
    for size in SIZES:
        bench.income()
        beyond = [bench.settled(payer) + CENT for payer in range(size)]
        settling[str(size)] = -(-bench.batch(size, beyond.__getitem__) // size)
    collector = bench.payees[0]
    fee = bench.batch(100, lambda _: CENT, collector)
    replayed = [bench.transfer(payer, CENT, bench.used - 1, collector) for payer in range(100)]
    too_much = bench.batch(100, lambda _: 10**30, skipped=100)
    return {
        "gas_per_payment": plain,
        "gas_per_payment_settling": settling,
        "gas_per_fee_at_100": -(-fee // 100),
        "gas_per_replayed_at_100": -(-bench.send(replayed, 100) // 100),
        "gas_per_emptied_at_100": -(-too_much // 100),
    }


def published(bench: Bench) -> dict[str, Any]:
    """What a rollup publishes of each act, bytes, plain and deflated; and slots that come into being with it."""
    chance = random.Random(5)  # noqa: S311
    amounts = [chance.randrange(CENT // 100, 100 * CENT) for _ in range(MOST)]
    items = [bench.transfer(payer, amounts[payer], bench.used) for payer in range(MOST)]
    batch = bytes.fromhex(bench.contracts.together(items).data[2:])
    citizens = bench.nation.contract("citizens")
    proof = [chance.randbytes(32) for _ in range(31)]
    leaf = [1, 2**31 - 2, bench.keys[0].address, chance.randbytes(32), proof]
    activation = bytes.fromhex(citizens.encode_abi("activate", leaf)[2:])
    enrolment = bytes.fromhex(citizens.encode_abi("enrol", [chance.randbytes(32), 2**31, 1])[2:])
    return {
        "bytes": {
            "payment": -(-len(batch) // MOST),
            "payment_deflated": -(-len(zlib.compress(batch, 9)) // MOST),
            "activation_2_31": len(activation),
            "activation_2_31_deflated": len(zlib.compress(activation, 9)),
            "enrolment": len(enrolment),
            "leaf_of_a_report": len(Leaf(0, Sums(), bytes(32)).preimage()),
        },
        "new_slots": new_slots(bench),
    }


def new_slots(bench: Bench) -> dict[str, int]:
    """Of the first payment between two accounts, of an activation, of an enrolment."""
    nation = bench.nation
    keys = [Account.from_key(keccak(text=f"newcomer {n}")) for n in range(2)]
    people = [Person(cast("Any", None), key) for key in keys]
    nation.enrol([key.address for key in keys])
    number = max(nation.rolls)
    enrolled = nation.web3.eth.get_block("latest")["transactions"][0]
    activated = nation.actors.activate(nation.deployer, number, nation.rolls[number], 0)["transactionHash"]
    bench.income()
    payee = str(Account.from_key(keccak(text="newcomer's payee")).address)
    paid = nation.actors.relay(nation.deployer, nation.actors.promise(people[0], payee, CENT, keccak(text="first")))
    sent = {"first_payment": paid["transactionHash"], "activation": activated, "enrolment": enrolled}
    return {name: slots_made(nation, transaction) for name, transaction in sent.items()}


def slots_made(nation: Nation, transaction: Any) -> int:
    """Storage slots that were zero before a transaction, and are not after it."""
    options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    diff = nation.rpc("debug_traceTransaction", "0x" + bytes(transaction).hex(), options)
    known = {account: state.get("storage", {}) for account, state in diff["pre"].items()}
    written = [
        (known.get(account, {}).get(slot, "0x0"), value)
        for account, state in diff["post"].items()
        for slot, value in state.get("storage", {}).items()
    ]
    return sum(int(before, 16) == 0 < int(after, 16) for before, after in written)


def settings(*, fees: bool = False) -> list[str]:
    """Limits by visitor and payer are off: here all come from one address, and each payer pays many times."""
    limits = "[limits]\nrequests_per_second = 100000\nburst = 1000000\nconnections = 10000\n"
    limits += "connections_per_address = 10000\npayments_per_hour = 1000000\npayment_burst = 100000\n"
    limits += "waiting_per_payer = 1000\nqueue = 100000"
    asked = '[fees]\npayment = "0.001"\nfirst_spend = "0.001"\npermit = "0.001"'
    return ["[bundles]\nwait_seconds = 1\npayments = 200", limits, *([asked] if fees else [])]


def signed_bodies(bench: Bench, count: int) -> list[dict[str, Any]]:
    """Payments by all payers in turn, signed beforehand: what is measured is the relayer."""
    bodies, people = [], bench.people
    first = bench.used
    for number in track(range(count), "signing", console=_out):
        payer = number % MOST
        nonce = bench.nonce(payer, first + number // MOST)
        bodies.append(people[payer].transfer(bench.payees[payer], CENT, nonce, bench.nation.now + 24 * HOUR))
    bench.used += -(-count // MOST)
    return bodies


def load(bench: Bench, folder: Path, count: int) -> dict[str, Any]:
    """A hundred in advance to warm up, then all of them."""
    bodies = signed_bodies(bench, count + 100)
    with relaying(bench.nation, folder, fresh_key(bench.nation, "load"), *settings()) as relay:
        pin(relay, bench.nation)
        asyncio.run(handed_in(relay, bodies[:100]))
        relay_done(relay, 100)
        warmed = sum(psutil.Process(relay.process.pid).cpu_times()[:2]) if relay.process else 0.0
        begun = time.perf_counter()
        seen = asyncio.run(handed_in(relay, bodies[100:], follow=True))
        accepted = time.perf_counter() - begun
        relay_done(relay, count + 100)
        settled = time.perf_counter() - begun
        process = psutil.Process(relay.process.pid) if relay.process else psutil.Process()
        memory, spent = process.memory_info().rss, sum(process.cpu_times()[:2]) - warmed
    return {
        "payments": count,
        "clients_at_once": AT_ONCE,
        "accepted_per_second": round(count / accepted, 1),
        "settled_per_second": round(count / settled, 1),
        "settled_per_core_second": round(count / spent, 1),
        "accept_ms": percentiles(seen.accepted),
        "settle_ms": percentiles(seen.settled),
        "refused": seen.refused,
        "memory_mib": round(memory / 2**20, 1),
    }


class Seen:
    """What clients saw, seconds."""

    def __init__(self) -> None:
        self.accepted: list[float] = []
        self.settled: list[float] = []
        self.refused = 0
        self.told: list[str] = []


async def handed_in(relay: Relay, bodies: Sequence[dict[str, Any]], *, follow: bool = False) -> Seen:
    """Hand in all, so many at once; follow some until they are made."""
    seen, waiting = Seen(), list(enumerate(bodies))[::-1]
    following: list[asyncio.Task[None]] = []

    async def client(session: aiohttp.ClientSession) -> None:
        while waiting:
            number, body = waiting.pop()
            begun = time.perf_counter()
            async with session.post(f"{relay.base}/v1/payments", json=body) as answer:
                told = await answer.json(content_type=None)
                if answer.status == 503:
                    waiting.append((number, body))
                    await asyncio.sleep(0.05)
                    continue
                if answer.status != 202:
                    seen.refused += 1
                    continue
            seen.accepted.append(time.perf_counter() - begun)
            seen.told.append(told["status_url"])
            if follow and number % SAMPLED == 0:
                following.append(asyncio.create_task(settle(session, told["status_url"], begun)))

    async def settle(session: aiohttp.ClientSession, url: str, begun: float) -> None:
        while True:
            await asyncio.sleep(0.25)
            async with session.get(relay.base + url) as answer:
                if (await answer.json())["state"] == "made":
                    seen.settled.append(time.perf_counter() - begun)
                    return

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(AT_ONCE)))
        # How long it took to accept is over here; whoever is followed is waited for apart.
        await asyncio.gather(*following)
    return seen


def relay_done(relay: Relay, count: int, seconds: float = 300) -> None:
    """Until so many payments are in blocks."""
    until = time.monotonic() + seconds
    while relay.metric('sbi_relay_jobs{state="made"}') < count:
        if time.monotonic() > until:
            sys.exit(f"not all of {count} payments were made:\n{relay.log()[-3000:]}")
        time.sleep(0.1)


def flood(bench: Bench, folder: Path, seconds: int) -> dict[str, Any]:
    """Forged payments without a pause; an honest one every half second."""
    honest = signed_bodies(bench, 4 * seconds)
    thief = Signing(Account.from_key(keccak(text="thief")), bench.domain)
    forged = []
    for number in range(500):
        nonce = keccak(text=f"forged {number}")
        forged.append(thief.transfer(bench.payees[0], CENT, nonce, FOREVER, payer=bench.keys[number].address))
    with relaying(bench.nation, folder, fresh_key(bench.nation, "flood"), *settings()) as relay:
        pin(relay, bench.nation)
        refused, waited, kept = asyncio.run(_flooded(relay, forged, honest, seconds))
        jobs = relay.metric('sbi_relay_jobs{state="queued"}') + relay.metric('sbi_relay_jobs{state="made"}')
    return {
        "seconds": seconds,
        "forged_refused_per_second": round(refused / seconds, 1),
        "honest_accepted": kept,
        "honest_accept_ms": percentiles(waited),
        "kept_beside_the_honest": max(0, int(jobs) - kept),
    }


async def _flooded(
    relay: Relay, forged: Sequence[dict[str, Any]], honest: Sequence[dict[str, Any]], seconds: int
) -> tuple[int, list[float], int]:
    ends, refused, waited = time.monotonic() + seconds, 0, list[float]()

    async def flooding(session: aiohttp.ClientSession) -> None:
        nonlocal refused
        while time.monotonic() < ends:
            async with session.post(f"{relay.base}/v1/payments", json=random.choice(forged)) as answer:  # noqa: S311
                if answer.status not in (422, 503):
                    sys.exit(f"a forged payment was answered {answer.status}")
                refused += 1

    async def paying(session: aiohttp.ClientSession) -> int:
        kept = 0
        for body in honest:
            if time.monotonic() > ends:
                break
            begun = time.perf_counter()
            while True:
                async with session.post(f"{relay.base}/v1/payments", json=body) as answer:
                    if answer.status == 202:
                        break
                await asyncio.sleep(0.1)
            waited.append(time.perf_counter() - begun)
            kept += 1
            await asyncio.sleep(0.5)
        return kept

    async with aiohttp.ClientSession() as session:
        *_, kept = await asyncio.gather(*(flooding(session) for _ in range(AT_ONCE)), paying(session))
    return refused, waited, int(cast("int", kept))


def killed(bench: Bench, folder: Path, count: int) -> dict[str, Any]:
    """SIGKILL three times while payments come in; what was acknowledged is looked for on the chain."""
    bodies = signed_bodies(bench, count)
    payee = bench.nation.contract("token").functions.authorizationState
    relay = Relay(bench.nation, folder, fresh_key(bench.nation, "kill"), *settings())
    acknowledged: list[dict[str, Any]] = []
    relay.start()
    try:
        for part in range(4):
            some = bodies[part * count // 4 : (part + 1) * count // 4]
            acknowledged += [body for body in some if relay.post(body).status_code == 202]
            if part < 3:
                relay.kill()
                relay.start()
        relay_done(relay, len(acknowledged))
    finally:
        relay.kill()
    lost = [each for each in acknowledged if not payee(each["from"], each["nonce"]).call()]
    return {"kills": 3, "acknowledged": len(acknowledged), "lost": len(lost)}


def pin(relay: Relay, nation: Nation) -> None:
    """The relayer to one core, the node and ourselves to another, where there are two."""
    if (os.cpu_count() or 1) < 2 or relay.process is None:
        return
    os.sched_setaffinity(relay.process.pid, {RELAY_CORE})
    os.sched_setaffinity(0, {OTHER_CORE})
    port = int(nation.rpc_url.rpartition(":")[2])
    for each in psutil.process_iter(["name"]):
        if "anvil" in (each.info["name"] or "") and str(port) in " ".join(each.cmdline()):
            each.cpu_affinity([OTHER_CORE])


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    at = {name: ordered[min(len(ordered) - 1, int(len(ordered) * part))] for name, part in _PARTS.items()}
    return {name: round(1000 * value, 1) for name, value in at.items()}


_PARTS: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}

if __name__ == "__main__":
    main()
