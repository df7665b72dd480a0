"""`sbi keeper`: the open job of calling `distribute` whenever the next epoch can be dealt with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from sbi_network.chain.checks import (
    Finding,
    account_of_key,
    balance_finding,
    block_time_finding,
    endpoint_findings,
    key_finding,
    outbox_finding,
)
from sbi_network.chain.connection import connected
from sbi_network.chain.daemon import OutboxSection, footing
from sbi_network.chain.errors import ChainError, ContractRefused
from sbi_network.chain.intent import Order
from sbi_network.chain.sender import Call, TransactionSender
from sbi_network.chain.settings import AnyKeySettings, ConfiguredAddress, RpcSettings, Seconds, Section
from sbi_network.chain.stopping import until_stopped
from sbi_network.chain.vault import Vault
from sbi_network.monitoring.app import MonitoringSettings
from sbi_network.protocol.address import check_address

_WAITING = frozenset({"EpochNotFinal", "NoCitizens", "EpochHeld", "IssuanceIsHalted"})
"""Refusals that say: not yet."""

_log = structlog.get_logger("sbi.keeper")


class KeeperNetwork(RpcSettings):
    """Where the chain is, and the vault on it."""

    vault: ConfiguredAddress


class KeeperSettings(Section):
    """keeper.toml."""

    network: KeeperNetwork
    sending: AnyKeySettings
    outbox: OutboxSection
    monitoring: MonitoringSettings | None = None
    poll_seconds: Seconds = 12.0


class Keeper:
    """Distributes whatever can be distributed. `chain_id` only names the intents."""

    def __init__(self, vault: Vault, sender: TransactionSender, chain_id: int) -> None:
        self._vault = vault
        self._sender = sender
        self._chain_id = chain_id

    async def distribute_if_ready(self) -> bool:
        """Whether something was distributed. Raises ChainError, but for a vault that says: not yet.

        What was sent before a restart is found again under its epoch's name, and not sent a second time.
        """
        epoch = await self._vault.next_epoch()
        call = Call(self._vault.address, self._vault.distribute())
        try:
            await self._sender.simulate(call)
            receipt = await self._sender.send(call, self._order(epoch))
        except ContractRefused as refusal:
            if refusal.name not in _WAITING:
                raise
            return False
        next_epoch = await self._vault.next_epoch()
        sent = {"transaction": receipt.transaction_hash, "gas": receipt.gas_used, "block": receipt.block_number}
        _log.info("distributed", epoch=epoch, next_epoch=next_epoch, **sent)
        return next_epoch > epoch  # an endpoint behind the others still shows the epoch that was dealt with

    async def run(self, poll_seconds: float) -> None:
        """Look at every poll, for ever. A chain that fails is asked again at the next."""
        while True:
            try:
                while await self.distribute_if_ready():
                    pass  # several epochs may be waiting
            except ChainError as error:
                _log.warning("distribution_failed", reason=str(error))
            await asyncio.sleep(poll_seconds)

    def _order(self, epoch: int) -> Order:
        return Order(key=f"{self._chain_id}/{self._vault.address}/{epoch}/distribute")


async def run_keeper(settings: KeeperSettings, stop: asyncio.Event) -> None:
    """Keep until `stop`. Raises SBIError where that cannot begin."""
    address = check_address("vault", settings.network.vault)
    async with footing(settings.network, settings.sending, settings.outbox, settings.monitoring) as base:
        await base.chain.require_code("vault", address)
        keeper = Keeper(Vault(base.chain, address), base.outbox, await base.chain.chain_id())
        _log.info("keeper_started", vault=address, sender=base.outbox.address)
        await until_stopped(stop, keeper.run(settings.poll_seconds))
    _log.info("keeper_stopped")


async def keeper_findings(settings: KeeperSettings) -> AsyncIterator[Finding]:
    """Everything that `run` needs, in order. What needs the chain is left out where its own lines say why."""
    yield await key_finding("sending key", settings.sending)
    account = account_of_key(settings.sending)
    async with connected(settings.network.rpc_urls, chain_id=settings.network.chain_id) as chain:
        async for finding in endpoint_findings(chain):
            yield finding
        try:
            yield await block_time_finding(chain)
            address = check_address("vault", settings.network.vault)
            await chain.require_code("vault", address)
            yield Finding("vault", True, f"{address}, next epoch {await Vault(chain, address).next_epoch()}")
            if account is not None:
                yield await balance_finding(chain, account, settings.outbox.least_ether)
                yield outbox_finding(settings.outbox.file, account, await chain.chain_id())
        except ChainError as error:
            yield Finding("chain", False, str(error))
