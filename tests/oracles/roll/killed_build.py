"""A build that kills its own process, as `kill -9` would, after so many tasks of a stage.

python -m tests.oracles.roll.killed_build IN OUT STAGE TASKS
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.oracles.roll.registers import Bars, built


def main(given: str, out: str, stage: str, tasks: str) -> None:
    def after(bars: Bars) -> None:
        folder = Path(out).parent / f".{Path(out).name}.building" / stage
        if folder.is_dir() and len(list(folder.glob("[0-9]*[0-9].json"))) >= int(tasks):
            os.kill(os.getpid(), signal.SIGKILL)

    built(Path(out), Path(given), bars=Bars(after=after))


if __name__ == "__main__":
    main(*sys.argv[1:])
