"""`sbi meter` as a process of its own, with a network that the test dictates: genesis and epoch length come first."""

from __future__ import annotations

import sys
import time

from sbi_network.meter.cli import Reached, build_app
from tests.oracles.meter.stand_ins import ManualNetwork


class LiveNetwork(ManualNetwork):
    """Time is the machine's."""

    def now(self) -> float:
        return time.time()


if __name__ == "__main__":
    genesis, epoch_seconds, *arguments = sys.argv[1:]
    network = LiveNetwork(genesis=int(genesis), epoch_seconds=int(epoch_seconds))
    build_app(lambda _: Reached(network, int(time.time())))(arguments)
