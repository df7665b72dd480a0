"""Looks at the chain until an epoch is settled."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.errors import ChainError, ContractRefused
from sbi_network.chain.registry import Registry

_GRACE_SECONDS: Final = 15.0
"""After the deadline, for a block that was made before it and is seen late."""

_log = structlog.get_logger("sbi.oracle")


async def until_settled(registry: Registry, clock: EpochClock, epoch: int, poll_seconds: float) -> None:
    """Returns once the registry has the epoch's report, or can have none any more. A failing chain is asked again."""
    log = _log.bind(epoch=epoch)
    told = ""
    while True:
        try:
            if await _is_settled(registry, clock, epoch):
                return
            told = ""
        except ChainError as error:
            if str(error) != told:
                told = str(error)
                log.warning("chain_not_read", reason=told)
        await asyncio.sleep(poll_seconds)


async def _is_settled(registry: Registry, clock: EpochClock, epoch: int) -> bool:
    log = _log.bind(epoch=epoch)
    try:
        record = await registry.record_of(epoch)
    except ContractRefused as refusal:
        if refusal.name != "EpochForgotten":
            raise
        log.info("epoch_forgotten")
        return True
    if record is not None:
        log.info("accepted", signers=record.signers, public_output=record.public_output, at=record.accepted_at)
        return True
    if clock.now() > clock.deadline_of(epoch) + _GRACE_SECONDS:
        log.warning("epoch_missed", deadline=clock.deadline_of(epoch))
        return True
    return False
