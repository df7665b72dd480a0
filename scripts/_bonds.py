"""Bonds oracles, so that they stand: for the demo, the tests and the benchmarks, which hold everybody's keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ape import chain

from sbi_network.protocol.address import check_address
from sbi_network.protocol.messages import Bond, bonds_domain

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from eth_account.signers.local import LocalAccount
    from scripts._deploy import Suite


def bond_oracles(suite: Suite, owner: AccountAPI, signers: Iterable[LocalAccount]) -> None:
    """Puts up the required bond for each signer, who consents to its owner."""
    owned_by = check_address("owner", owner.address)
    domain = bonds_domain(chain.chain_id, suite.bonds.address)
    amount = suite.bonds.requiredBond()
    for signer in signers:
        consent = Bond(check_address("signer", signer.address), owned_by).sign(signer, domain)
        suite.bonds.bond(signer.address, consent.to_bytes(), value=amount, sender=owner)
