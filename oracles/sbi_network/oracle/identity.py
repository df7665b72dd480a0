"""Whose an oracle's files are."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from sbi_network.protocol.typed_data import Domain


def identity_of(what: str, signer: ChecksumAddress, domain: Domain) -> str:
    """Which file of whose it is, in words."""
    return f"{what} of oracle {signer}, registry {domain.verifying_contract}, chain {domain.chain_id}"
