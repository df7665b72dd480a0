"""What to do after a deployment, in words, with the addresses filled in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ape import chain

if TYPE_CHECKING:
    from scripts._deploy import Deployment

_ETHER = 10**18


def next_steps(deployment: Deployment, record: Path) -> Iterator[str]:
    """Lines for whoever deployed."""
    suite, mined = deployment.suite, deployment.mined
    gas, fee = sum(each.gas_used for each in mined), sum(each.fee_wei for each in mined)
    yield f"deployed: {len(mined)} transactions, {gas:,} gas, {fee / _ETHER:.6f} coins"
    yield "the code on chain is what the sources give, and every contract knows its neighbours"
    for role, address in suite.addresses().items():
        yield f"{role:>9}  {address}"
    yield f"recorded in {record.name}; genesis {suite.oracles.genesis()}"
    yield ""
    yield "next:"
    network = f"--network {chain.provider.network_choice}"
    for line in (
        f"ape run status {network}                      # who may what, and how the epochs go",
        f"ape run export_sources --chain {chain.chain_id}            # for Etherscan and Sourcify",
        f"sbi oracle bond --config oracle.toml          # each oracle; registry = {suite.oracles.address}",
        f"sbi keeper run --config keeper.toml           # anybody; vault = {suite.vault.address}",
        f"ape run enrol {network} --account REGISTRAR …  # a first roll",
        f"ape run handover {network} --account FOUNDER    # ends founding: citizens alone decide from then on",
    ):
        yield f"  {line}"
