"""Whose an oracle's files are."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from sbi_network.protocol.typed_data import Domain


def identity_of(signer: ChecksumAddress, domain: Domain) -> str:
    """Whose file it is, in words."""
    return f"oracle {signer}, registry {domain.verifying_contract}, chain {domain.chain_id}"
