"""`python -m tests.chaos`: the campaign, and its verdict as JSON."""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.chain import Times
from tests.chaos.faults import KINDS
from tests.chaos.network import Pace, running_network
from tests.chaos.processes import slowness

ZEROS = (
    "epochs_lost",
    "epochs_voided",
    "reports_duplicated",
    "wrong_issues",
    "double_signatures_by_honest",
    "slashed_honest",
    "nonces_used_for_two_things",
)
"""What must be zero."""


def times(slow: int) -> Times:
    """Epochs of ten seconds, and eighteen of them to report one."""
    return Times(
        epoch=10 * slow,
        report_window=180 * slow,
        dispute_window=90 * slow,
        max_extension=200 * slow,
        reveal_window=60 * slow,
        evidence_horizon=3_000 * slow,
        lock=4_000 * slow,
        ring=512,
        genesis_delay=50 + 10 * slow,
    )


def pace(slow: int) -> Pace:
    """What goes with them."""
    return Pace(gather=2.5 * slow, view=3.0 * slow, poll=1.0 * slow, request=2.5 * slow)


def main() -> int:
    """0 where all is as it must be, and every fault took effect as often as was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--oracles", type=int, default=7, help="3f + 1")
    parser.add_argument("--each", type=int, default=10, help="how many faults of every kind")
    parser.add_argument("--epochs", type=int, default=60, help="at least so many")
    parser.add_argument("--only", nargs="*", default=[], help="kinds; all without it")
    parser.add_argument("--slow", type=int, help="how many times slower, on a busy machine; measured without it")
    parser.add_argument("--out", type=Path, help="where the verdict goes")
    parser.add_argument("--keep", type=Path, help="a folder for logs and state; a temporary one without it")
    given = parser.parse_args()
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    absent = [f"{kind.kind} ({missing})" for kind in KINDS if (missing := kind.missing()) is not None]
    kinds = [kind for kind in KINDS if kind.missing() is None and (not given.only or kind.kind in given.only)]
    print(f"seed {given.seed}; {given.oracles} oracles; {len(kinds)} kinds, {given.each} each", flush=True)
    if absent:
        print(f"left out, for what is missing here: {', '.join(absent)}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary) / "network"
        slow = given.slow or slowness()
        print(f"{slow} times slower than on an idle machine", flush=True)
        with running_network(folder, given.oracles, times(slow), pace(slow)) as network:
            campaign = Campaign(network, given.seed, lambda line: print(line, flush=True))
            verdict = campaign.run([kind for kind in kinds for _ in range(given.each)], given.epochs)
    command = " ".join(["python -m tests.chaos", *sys.argv[1:]])
    told = {"command": command, "seed": given.seed, "oracles": given.oracles, "times_slower": slow}
    told |= {"minutes": round((time.monotonic() - began) / 60, 1), "epoch_seconds": times(slow).epoch}
    short = [kind.kind for kind in kinds if verdict["faults_by_kind"].get(kind.kind, 0) < given.each]
    verdict = {**told, **verdict, "kinds_left_out": absent, "kinds_too_seldom": short}
    print(json.dumps(verdict, indent=2))
    if given.out is not None:
        given.out.write_text(json.dumps(verdict, indent=2) + "\n")
    return 0 if not short and all(verdict[name] == 0 for name in ZEROS) else 1


if __name__ == "__main__":
    sys.exit(main())
