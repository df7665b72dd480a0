"""`sbi oracle bond`: puts up what an oracle needs for its signatures to count."""

from __future__ import annotations

from sbi_network.chain.bonds import Bonds
from sbi_network.chain.clock import read_clock
from sbi_network.chain.connection import connected
from sbi_network.chain.outbox import opened_outbox
from sbi_network.chain.registry import Registry
from sbi_network.oracle.config import OracleSettings
from sbi_network.protocol.messages import Bond, bonds_domain
from sbi_network.signer.opening import opened_signer


async def put_up_bond(settings: OracleSettings) -> str:
    """What was done, in words: the sending key pays what is missing of the required bond and becomes its owner.

    It goes by the oracle's own outbox: broken off, it is found again, and not paid twice; dropped by a reorganisation,
    the oracle sends it again. Raises SBIError: a key that cannot be read, or that a running oracle sends with; a chain
    that does not answer; a bond that the contract refuses.
    """
    network, outbox = settings.network, settings.outbox
    async with (
        opened_signer(settings.signing) as signer,
        opened_signer(settings.sending, alone=True) as paying,
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
        call = bonds.put_up(signer.address, consent.to_bytes(), missing)
        async with opened_outbox(chain, paying, outbox.file, outbox.rules, outbox.poll_seconds) as sender:
            # Without a key for the order: the same call joins one that is under way, and nothing else.
            receipt = await sender.send(call)
        return f"{paying.address} put up {missing} wei for {signer.address}, in transaction {receipt.transaction_hash}"
