"""`python -m benchmarks.oracle`: how long oracles take to agree, how fast they verify, and what a report costs.

latency     n oracle processes on Anvil: seconds from an epoch's end to the block with its report, and the processor
            time that all of them took: where that nears what the cores have, it is the machine that is measured
verifying   observations of F facilities, signatures included, on one core, by coincurve and in Python alone
size        what an epoch's messages weigh at n oracles and F facilities, and what one oracle computes for it
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import psutil
from eth_keys.backends.native.main import NativeECCBackend
from eth_keys.datatypes import Signature as EthSignature
from tests.chaos.chain import Times
from tests.chaos.network import Network, Pace, running_network, wait_for_report
from tests.oracles.oracle.simulated import HonestOracle, observed, readings, terms_of

from sbi_network.oracle.observation import check_backed
from sbi_network.oracle.wire import (
    Proposal,
    decode_observation,
    encode_observation,
    encode_proposal,
    observation_chars,
)
from sbi_network.protocol.address import address_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.signature import Signature

BITS_PER_SECOND: Final = 100_000_000
"""What an oracle's connection is taken to carry, each way."""

OUT: Final = Path(__file__).parent / "oracle.json"
PEERS: Final = {
    "oracles": [4, 7, 16, 31],
    "OCR2 transmit, f + 1 signatures": [95_315, 104_583, 132_440, 178_848],
    "Scribe poke, 2f + 1 signatures": [68_397, 81_053, 112_640, 165_509],
    "Lido, reports of a majority": [218_253, 282_029, 600_909, 1_047_341],
    "Pyth updatePriceFeeds, 2n / 3 + 1 signatures": [107_521, 124_082, 173_886, 257_186],
}
"""Gas of whole transactions, measured on the same node; `docs/gas.md` says how."""


def latency(count: int, epochs: int) -> dict[str, Any]:
    """Real processes; the first epoch, in which they get to know each other, is left out."""
    pace = Pace(gather=3.0, view=5.0, poll=1.0, request=3.0)
    times = Times(epoch=20, report_window=200, genesis_delay=40 + 4 * count)
    others = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_network(Path(folder) / "network", count, times, pace) as network,
    ):
        first = max(0, network.chain.running()) + 1
        _until_end_of(network, first - 1)
        before, began = _processor_seconds(network), time.time()
        records = [wait_for_report(network, epoch) for epoch in range(first, first + epochs)]
        spent, took = _processor_seconds(network) - before, time.time() - began
        delays = [record[3] - network.chain.end_of(epoch) for epoch, record in enumerate(records, first)]
        gas = _gas_of_reports(network, first)
    return {
        "oracles": count,
        "epochs": epochs,
        "seconds_median": statistics.median(delays),
        "seconds_max": max(delays),
        "gather_seconds": pace.gather,
        "view_seconds": pace.view,
        "block_seconds": 1,
        "gas_median": statistics.median(gas),
        "processor_seconds_per_epoch": round(spent / epochs, 2),
        "share_of_all_cores": round(spent / took / (os.cpu_count() or 1), 2),
        "load_of_others_before": round(others, 1),
    }


def _told_apart(found: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
    """With `protocol_seconds`, what the fewest oracles took, who leave the processor idle: the protocol has as many
    rounds for any number, so that what more of them take beyond that is `contention_seconds`, for the processor."""
    protocol = (before or [found])[0]["seconds_median"]
    return {**found, "protocol_seconds": protocol, "contention_seconds": found["seconds_median"] - protocol}


def verifying(facilities: int, repeats: int) -> dict[str, Any]:
    """Observations a second on one core, each of so many facilities with an own signature each."""
    terms = terms_of(4, facilities)
    made = observed(terms, 1, readings(terms))
    native = NativeECCBackend()

    def recover(self: Signature, digest: bytes) -> Any:
        signature = EthSignature(vrs=(self.y_parity, self.r, self.s), backend=native)
        return address_of(keccak256(signature.recover_public_key_from_msg_hash(digest).to_bytes())[12:])

    coincurve = _rate(lambda: check_backed(made, terms), repeats)
    with patch.object(Signature, "recover", recover):
        python = _rate(lambda: check_backed(made, terms), max(1, repeats // 10))
    return {
        "facilities": facilities,
        "observations_per_second_coincurve": round(coincurve, 2),
        "observations_per_second_python": round(python, 3),
        "ratio": round(coincurve / python, 1),
    }


def size(oracles: int, facilities: int) -> dict[str, Any]:
    """An epoch of so many oracles and facilities: what goes over the wire, and what one oracle computes, measured here.

    All others' observations are decoded and checked as they come; then the report is computed once, as leader or to
    co-sign. `agreement_seconds` adds what takes time beside that: the wire at BITS_PER_SECOND, both ways at once.
    """
    terms = terms_of(oracles, facilities)
    seen = readings(terms)
    own = HonestOracle(terms, terms.leader_of(0))
    others = [number for number in range(oracles) if number != own.number]
    texts = [encode_observation(observed(terms, number, seen)).encode() for number in others]
    limit = observation_chars(facilities)
    observe = _seconds(lambda: asyncio.run(own.agreement.observe(seen)))
    decode = _seconds(lambda: decode_observation(texts[0], limit))
    first = _seconds(lambda: check_backed(decode_observation(texts[0], limit), terms))
    receive = _seconds(lambda: [own.agreement.receive(decode_observation(text, limit)) for text in texts])
    proposed: list[Proposal] = []
    propose = _seconds(lambda: proposed.append(asyncio.run(own.agreement.propose(0))))
    proposal = len(encode_proposal(proposed[0]))
    sent = (oracles - 1) * len(texts[0])
    wire = 8 * sent / BITS_PER_SECOND
    return {
        "oracles": oracles,
        "facilities": facilities,
        "observation_bytes": len(texts[0]),
        "proposal_bytes": proposal,
        "sent_by_each_oracle_bytes": sent,
        "sent_by_a_leader_more_bytes": (oracles - 1) * proposal,
        "decode_observation_seconds": round(decode, 3),
        "check_observation_of_unknown_readings_seconds": round(first - decode, 3),
        "observe_seconds": round(observe, 2),
        "receive_all_observations_seconds": round(receive, 2),
        "compute_and_sign_report_seconds": round(propose, 2),
        "one_oracle_processor_seconds": round(observe + receive + propose, 2),
        "bits_per_second": BITS_PER_SECOND,
        "wire_seconds": round(wire, 2),
        "agreement_seconds": round(observe + max(wire, receive) + 2 * propose, 1),
    }


def _until_end_of(network: Network, epoch: int) -> None:
    time.sleep(max(0.0, network.chain.end_of(epoch) - time.time()))


def _processor_seconds(network: Network) -> float:
    times = [psutil.Process(slot.process.pid).cpu_times() for slot in network.slots]
    return float(sum(each.user + each.system for each in times))


def _gas_of_reports(network: Network, first: int) -> list[int]:
    eth = network.chain.web3.eth
    logs = network.chain.registry.events.ReportAccepted().get_logs(from_block=0)
    return [
        eth.get_transaction_receipt(log["transactionHash"])["gasUsed"] for log in logs if log["args"]["epoch"] >= first
    ]


def _rate(work: Callable[[], object], repeats: int) -> float:
    return 1 / statistics.median([_seconds(work) for _ in range(repeats)])


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> int:
    """Measures and writes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oracle", description=__doc__)
    parser.add_argument("--oracles", type=int, nargs="*", default=[4, 7, 16, 31])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--facilities", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    result: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks.oracle", *sys.argv[1:]]),
        "cores": os.cpu_count(),
    }
    result["verifying"] = verifying(100, 30)
    result["size"] = [size(count, given.facilities) for count in (4, 31)]
    result["gas_of_peers"] = PEERS
    result["gas_note"] = "of a network's first epochs; once the ring of reports has wrapped, 34,200 less"
    result["latency"] = []
    for count in given.oracles:
        result["latency"].append(_told_apart(latency(count, given.epochs), result["latency"]))
        given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
