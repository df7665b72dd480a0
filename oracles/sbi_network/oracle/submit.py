"""Brings a signed report onto the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from sbi_network.chain.errors import ContractRefused, EndpointError, FinalityError, TransactionError
from sbi_network.chain.registry import Registry
from sbi_network.chain.sender import Call, Order, TransactionSender
from sbi_network.oracle.agreement import SignedReport
from sbi_network.protocol.figure import hex_of

_log = structlog.get_logger("sbi.oracle")


class Submitter:
    """Submits until the registry has the epoch's report or says why it will not have this one.

    One transaction an epoch: a later view's report joins what is under way. After the epoch's deadline it is withdrawn.
    """

    def __init__(
        self, registry: Registry, sender: TransactionSender, retry_seconds: float, deadline_of: Callable[[int], int]
    ) -> None:
        self._registry = registry
        self._sender = sender
        self._retry_seconds = retry_seconds
        self._deadline_of = deadline_of

    async def submit(self, signed: SignedReport) -> None:
        """Raises nothing of the chain's: the next view's leader goes on where this one fails."""
        report = signed.report
        call = Call(self._registry.address, self._registry.submit_report(report, signed.signatures))
        # The digest is bound to chain, registry and configuration.
        order = Order(f"{hex_of(report.config_digest)}/{report.epoch}/report", self._deadline_of(report.epoch))
        log = _log.bind(epoch=report.epoch, view=report.view_number)
        while True:
            try:
                receipt = await self._sender.send(call, order)
            except ContractRefused as refusal:
                if refusal.name == "AlreadyReported":
                    log.info("already_reported")
                    return
                if refusal.name != "EpochNotEnded":  # the newest block may be older than the epoch's end
                    log.error("submission_refused", reason=str(refusal))
                    return
            except EndpointError as error:
                log.warning("submission_delayed", reason=str(error))
            except (TransactionError, FinalityError) as error:
                log.error("submission_failed", reason=str(error))
                return
            else:
                sent = {"transaction": receipt.transaction_hash, "gas": receipt.gas_used}
                log.info("submitted", signers=signed.signers, block=receipt.block_number, **sent)
                return
            await asyncio.sleep(self._retry_seconds)
