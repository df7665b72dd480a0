"""`sbi oracle run` that can be killed at a step of its outbox: `python -m tests.chaos.armed <oracle.toml>`.

A trap is a file in the campaign's folder, `trap-<step>`, that names the oracles it is for. The first of them to come to
that step takes the trap away, by giving it its own name, and kills itself (SIGKILL) right there.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import sbi_network.chain.daemon as daemon
from sbi_network.chain.intent import Intent
from sbi_network.chain.outbox import opened_outbox
from sbi_network.chain.outbox_worker import Step
from sbi_network.cli import main


def arm(config: Path) -> None:
    """From here on, traps beside the oracle's folder are looked for at every step of the outbox."""
    home = config.resolve().parent

    def reached(step: Step, intent: Intent) -> None:
        trap = home.parent / f"trap-{step.value}"
        with suppress(FileNotFoundError):
            if home.name in json.loads(trap.read_text()):
                trap.rename(home.parent / f"trap-{step.value}-took-{home.name}")
                os.kill(os.getpid(), signal.SIGKILL)

    daemon.opened_outbox = functools.partial(opened_outbox, reached=reached)  # type: ignore[attr-defined]


if __name__ == "__main__":
    arm(Path(sys.argv[1]))
    sys.argv[1:] = ["oracle", "run", "--config", sys.argv[1]]
    main()
