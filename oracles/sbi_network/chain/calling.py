"""Trying a call without sending it."""

from __future__ import annotations

from typing import Final

from eth_typing import ChecksumAddress
from web3.types import TxParams

from sbi_network.chain.connection import LATEST, Block, Chain, asked
from sbi_network.chain.transaction import Call

GAS_MARGIN_PERCENT: Final = 20
"""Gas beyond the estimate: storage that another transaction changes in between may cost more."""


async def simulate(chain: Chain, sender: ChecksumAddress, call: Call, block: Block = LATEST) -> None:
    """Try a call at a block. Raises ContractRefused or EndpointError."""
    await asked(chain.web3.eth.call(_params(call, sender), block))  # type: ignore[arg-type]


async def gas_for(chain: Chain, sender: ChecksumAddress, call: Call) -> int:
    """Gas that a call needs, and a margin. Raises ContractRefused or EndpointError."""
    estimate = int(await asked(chain.web3.eth.estimate_gas(_params(call, sender))))
    return estimate + estimate * GAS_MARGIN_PERCENT // 100


def _params(call: Call, sender: ChecksumAddress) -> TxParams:
    return {"from": sender, "to": call.to, "data": call.data, "value": call.value}  # type: ignore[typeddict-item]
