"""`sbi oracle bond`: puts up what an oracle needs for its signatures to count."""

from __future__ import annotations

from sbi_network.chain.bonds import Bonds
from sbi_network.chain.clock import read_clock
from sbi_network.chain.connection import connected
from sbi_network.chain.registry import Registry
from sbi_network.chain.sender import Sender
from sbi_network.oracle.config import OracleSettings
from sbi_network.protocol.messages import Bond, bonds_domain
from sbi_network.signer.opening import opened_signer


async def put_up_bond(settings: OracleSettings) -> str:
    """What was done, in words: the sending key pays what is missing of the required bond and becomes its owner.

    Raises SBIError: a key that cannot be read, a chain that does not answer, a bond that the contract refuses.
    """
    network = settings.network
    async with (
        opened_signer(settings.signing) as signer,
        opened_signer(settings.sending) as paying,
        connected(network.rpc_urls, chain_id=network.chain_id) as chain,
    ):
        clock = await read_clock(chain, network.registry_address)
        bonds = Bonds(chain, await Registry(chain, clock.registry).bonds())
        held, required = await bonds.of(signer.address), await bonds.required()
        missing = required - held.amount
        if missing <= 0:
            return f"{signer.address} has a bond of {held.amount} wei already; {required} are required"
        message = Bond(signer_=signer.address, owner=paying.address)
        consent = await signer.sign(message.preimage(bonds_domain(clock.chain_id, bonds.address)))
        sender = Sender(chain, clock.chain_id, paying)
        receipt = await sender.send(bonds.put_up(signer.address, consent.to_bytes(), missing))
        return f"{paying.address} put up {missing} wei for {signer.address}, in transaction {receipt.transaction_hash}"
