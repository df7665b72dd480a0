"""Looks at the chain until an epoch is settled, and until that cannot change any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

import structlog

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.errors import ChainError, ContractRefused
from sbi_network.chain.registry import Registry

_LOOKS: Final = 20
"""An epoch that has been open for so many polls is looked at ever less often."""

FINALIZED: Final = "finalized"

_GRACE_SECONDS: Final = 15.0
"""After the deadline, for a block that was made before it and is seen late."""

_log = structlog.get_logger("sbi.oracle")


class Standing(Enum):
    """How an epoch stands for those who work on it."""

    ACCEPTED = "accepted"
    """The registry has its report, in a block that may yet be replaced."""

    FINAL = "final"
    """The block with its report is final."""

    MISSED = "missed"
    """It can have no report any more."""

    DROPPED = "dropped"
    """It had a report, in a block that was replaced."""


async def until_settled(registry: Registry, clock: EpochClock, epoch: int, poll_seconds: float) -> Standing:
    """Accepted or missed, as soon as it is. A failing chain is asked again."""
    return await _asked_until(lambda: _settled(registry, clock, epoch), lambda: pause(clock, epoch, poll_seconds))


async def until_final(registry: Registry, clock: EpochClock, epoch: int, poll_seconds: float) -> Standing:
    """Of an epoch that was accepted: final or dropped, as soon as it is. A failing chain is asked again."""
    return await _asked_until(lambda: _kept(registry, epoch), lambda: pause(clock, epoch, poll_seconds))


def pause(clock: EpochClock, epoch: int, poll_seconds: float) -> float:
    """How long to wait before an epoch is looked at again: the longer it has been open, the longer, so that a backlog
    does not use up what the newest epoch needs."""
    return max(poll_seconds, (clock.now() - clock.end_of(epoch)) / _LOOKS)


async def _asked_until(ask: Callable[[], Awaitable[Standing | None]], pause_now: Callable[[], float]) -> Standing:
    told = ""
    while True:
        try:
            answer = await ask()
        except ChainError as error:
            if str(error) != told:
                told = str(error)
                _log.warning("chain_not_read", reason=told)
        else:
            told = ""
            if answer is not None:
                return answer
        await asyncio.sleep(pause_now())


async def _kept(registry: Registry, epoch: int) -> Standing | None:
    try:
        if await registry.record_of(epoch, FINALIZED) is not None:
            return Standing.FINAL
        return Standing.DROPPED if await registry.record_of(epoch) is None else None
    except ContractRefused as refusal:
        if refusal.name != "EpochForgotten":
            raise
        return Standing.FINAL


async def _settled(registry: Registry, clock: EpochClock, epoch: int) -> Standing | None:
    log = _log.bind(epoch=epoch)
    try:
        record = await registry.record_of(epoch)
    except ContractRefused as refusal:
        if refusal.name != "EpochForgotten":
            raise
        log.info("epoch_forgotten")
        return Standing.MISSED
    if record is not None:
        log.info("accepted", signers=record.signers, public_output=record.public_output, at=record.accepted_at)
        return Standing.ACCEPTED
    if clock.now() > clock.deadline_of(epoch) + _GRACE_SECONDS:
        log.warning("epoch_missed", deadline=clock.deadline_of(epoch))
        return Standing.MISSED
    return None
