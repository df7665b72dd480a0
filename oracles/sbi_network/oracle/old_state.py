"""Whether the chain shows signatures of this oracle that its state file does not know of: then the file is a copy."""

from __future__ import annotations

import asyncio
from typing import Final

from eth_typing import ChecksumAddress

from sbi_network.chain.errors import ContractRefused
from sbi_network.chain.registry import Registry
from sbi_network.oracle.guard import SigningGuard

_LOOKED_AT: Final = 64
"""How many epochs back. Two thirds of all reports carry an oracle's signature: a copy of that age shows."""

_READS_AT_ONCE: Final = 16


async def epoch_beyond_file(registry: Registry, guard: SigningGuard, own: ChecksumAddress, ended: int) -> int | None:
    """The newest epoch before `ended` that was reported with a signature of this oracle that the file does not know of.

    None where there is no such epoch. Raises ChainError.
    """
    limit = asyncio.Semaphore(_READS_AT_ONCE)

    async def is_beyond(epoch: int) -> bool:
        async with limit:
            try:
                record = await registry.record_of(epoch)
            except ContractRefused:  # of an epoch that is forgotten
                return False
            if record is None:
                return False
            config = await registry.config_at(epoch)
            if own not in config.signers or config.signers.index(own) not in record.signers:
                return False
            return not guard.has_signed_report(config.digest, epoch)

    epochs = range(max(0, ended - _LOOKED_AT), max(0, ended))
    found = await asyncio.gather(*[is_beyond(epoch) for epoch in epochs])
    return max((epoch for epoch, beyond in zip(epochs, found, strict=True) if beyond), default=None)
