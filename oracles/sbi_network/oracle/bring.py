"""Brings proofs and parts of trees to the disputes contract: what somebody else has brought already is well done."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Final

import structlog

from sbi_network.chain.errors import ChainError, ContractRefused
from sbi_network.chain.sender import Call, TransactionSender

_DONE: Final = frozenset(
    {"NoOpenDemand", "SignerIsSlashed", "SignersAlreadySlashed", "LeafAlreadyTakenOut", "AlreadyDisproved"}
)
_TOO_LATE: Final = frozenset({"RevealTooLate", "EvidenceTooLate", "EpochNotDisputable", "EpochForgotten"})

_log = structlog.get_logger("sbi.oracle")


class Ending(Enum):
    """How it ended."""

    BROUGHT = "brought"
    DONE_BY_OTHERS = "done_by_others"
    TOO_LATE = "too_late"
    REFUSED = "refused_by_contract"


async def bring(sender: TransactionSender, call: Call, what: str, retry_seconds: float) -> Ending:
    """Try a call and send it, until the contract has it or says why it will not.

    Raises nothing of the chain's: an endpoint that fails is asked again, and what was sent and not seen may still
    arrive; then the next try says that it is done.
    """
    log = _log.bind(what=what)
    told = ""
    while True:
        try:
            await sender.simulate(call)
            receipt = await sender.send(call)
        except ContractRefused as refusal:
            ending = _ending_of(refusal)
            tell = log.error if ending is Ending.REFUSED else log.info
            tell(ending.value, reason=str(refusal))
            return ending
        except ChainError as error:
            if type(error).__name__ != told:
                told = type(error).__name__
                log.warning("delayed", reason=str(error))
        else:
            log.info(Ending.BROUGHT.value, transaction=receipt.transaction_hash, gas=receipt.gas_used)
            return Ending.BROUGHT
        await asyncio.sleep(retry_seconds)


def _ending_of(refusal: ContractRefused) -> Ending:
    if refusal.name in _DONE:
        return Ending.DONE_BY_OTHERS
    return Ending.TOO_LATE if refusal.name in _TOO_LATE else Ending.REFUSED
