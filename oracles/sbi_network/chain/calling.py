"""Trying a call without sending it."""

from __future__ import annotations

from typing import Any, Final

from eth_typing import ChecksumAddress
from web3.exceptions import ContractLogicError
from web3.types import RPCEndpoint, TxParams

from sbi_network.chain.connection import LATEST, Block, Chain, asked
from sbi_network.chain.errors import ContractRefused, EndpointError
from sbi_network.chain.refusal import refusal_of
from sbi_network.chain.transaction import Call

_SHOWN_CHARS: Final = 200

GAS_MARGIN_PERCENT: Final = 20
"""Gas beyond the estimate: storage that another transaction changes in between may cost more."""


async def simulate(chain: Chain, sender: ChecksumAddress, call: Call, block: Block = LATEST) -> None:
    """Try a call at a block. Raises ContractRefused or EndpointError."""
    await asked(chain.web3.eth.call(_params(call, sender), block))  # type: ignore[arg-type]


async def answer_of(chain: Chain, sender: ChecksumAddress, call: Call) -> bytes:
    """What a call would return at the newest block. Raises ContractRefused or EndpointError.

    Straight to the endpoints, for those who ask for every stranger: web3 asks for the chain id with each call, and
    takes several times as long over it.
    """
    given = {"from": sender, "to": call.to, "data": call.data, "value": hex(call.value)}
    answer: Any = await asked(chain.pool.make_request(RPCEndpoint("eth_call"), [given, LATEST]))
    error = answer.get("error")
    if not error:
        return bytes.fromhex(str(answer["result"]).removeprefix("0x"))
    message, data = str(error.get("message", "")), error.get("data")
    if data is None and "revert" not in message.lower():
        raise EndpointError("NodeError", f"eth_call: {message[:_SHOWN_CHARS]}")
    raise ContractRefused(refusal_of(ContractLogicError(message, data=data)))


async def gas_for(chain: Chain, sender: ChecksumAddress, call: Call) -> int:
    """Gas that a call needs, and a margin. Raises ContractRefused or EndpointError."""
    estimate = int(await asked(chain.web3.eth.estimate_gas(_params(call, sender))))
    return estimate + estimate * GAS_MARGIN_PERCENT // 100


def _params(call: Call, sender: ChecksumAddress) -> TxParams:
    return {"from": sender, "to": call.to, "data": call.data, "value": call.value}  # type: ignore[typeddict-item]
