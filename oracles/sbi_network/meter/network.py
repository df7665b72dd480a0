"""What a meter needs to know of the network: when epochs begin and end, and what its signatures are bound to.

`sbi_network.chain.clock.EpochClock` is one.
"""

from __future__ import annotations

from typing import Protocol

from sbi_network.meter.measurement import EpochSpan
from sbi_network.protocol.typed_data import Domain


class Network(Protocol):
    """The network's time and signing domain. Only `now` ever changes."""

    @property
    def genesis(self) -> int:
        """Unix second at which epoch 0 begins."""

    @property
    def epoch_seconds(self) -> int:
        """Length of an epoch."""

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of the registry."""

    def now(self) -> float:
        """Unix time. It must not ask over the network: a meter asks many times a second."""


def span_of(network: Network, epoch: int) -> EpochSpan:
    """The seconds of an epoch."""
    start = network.genesis + epoch * network.epoch_seconds
    return EpochSpan(epoch, start, start + network.epoch_seconds)


def running_epoch(network: Network) -> int:
    """The epoch that runs now; negative before genesis."""
    return int((network.now() - network.genesis) // network.epoch_seconds)
