"""`sbi keeper`: the open job of calling `distribute` whenever the next epoch can be dealt with."""

from __future__ import annotations

import asyncio

import structlog

from sbi_network.chain.connection import connected
from sbi_network.chain.errors import ChainError, ContractRefused
from sbi_network.chain.sender import Call, Sender, TransactionSender
from sbi_network.chain.settings import ConfiguredAddress, KeySettings, RpcUrl, Seconds, Section
from sbi_network.chain.stopping import until_stopped
from sbi_network.chain.vault import Vault
from sbi_network.protocol.address import check_address

_WAITING = frozenset({"EpochNotFinal", "NoCitizens", "EpochHeld", "IssuanceIsHalted"})
"""Refusals that say: not yet."""

_log = structlog.get_logger("sbi.keeper")


class KeeperNetwork(Section):
    """Where the chain is."""

    rpc_url: RpcUrl
    vault: ConfiguredAddress


class KeeperSettings(Section):
    """keeper.toml."""

    network: KeeperNetwork
    sending: KeySettings
    poll_seconds: Seconds = 12.0


class Keeper:
    """Distributes whatever can be distributed."""

    def __init__(self, vault: Vault, sender: TransactionSender) -> None:
        self._vault = vault
        self._sender = sender

    async def distribute_if_ready(self) -> bool:
        """Whether something was distributed. Raises ChainError, but for a vault that says: not yet."""
        call = Call(self._vault.address, self._vault.distribute())
        try:
            await self._sender.simulate(call)
            receipt = await self._sender.send(call)
        except ContractRefused as refusal:
            if refusal.name not in _WAITING:
                raise
            return False
        next_epoch = await self._vault.next_epoch()
        _log.info("distributed", next_epoch=next_epoch, transaction=receipt.transaction_hash, gas=receipt.gas_used)
        return True

    async def run(self, poll_seconds: float) -> None:
        """Look at every poll, for ever. A chain that fails is asked again at the next."""
        while True:
            try:
                while await self.distribute_if_ready():
                    pass  # several epochs may be waiting
            except ChainError as error:
                _log.warning("distribution_failed", reason=str(error))
            await asyncio.sleep(poll_seconds)


async def run_keeper(settings: KeeperSettings, stop: asyncio.Event) -> None:
    """Keep until `stop`. Raises SBIError where that cannot begin."""
    signer = settings.sending.load()
    address = check_address("vault", settings.network.vault)
    async with connected(settings.network.rpc_url.get_secret_value()) as chain:
        await chain.require_code("vault", address)
        sender = Sender(chain, await chain.chain_id(), signer)
        _log.info("keeper_started", vault=address, sender=signer.address)
        await until_stopped(stop, Keeper(Vault(chain, address), sender).run(settings.poll_seconds))
    _log.info("keeper_stopped")
