"""Whether a JSON-RPC answer has the shape that its method has, and whose fault an error is.

An endpoint behind a failing proxy answers with JSON that is no answer. What is caught here is asked
of another endpoint; what web3 stumbled over later could not be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from sbi_network.chain.errors import EndpointError

_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")

Shape = Callable[[Any, Any], bool]
"""Whether a result is one, by the parameters asked with."""


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _quantity(result: Any, _: Any) -> bool:
    return _is(_QUANTITY, result)


def _data(result: Any, _: Any) -> bool:
    return _is(_DATA, result)


def _block(result: Any, params: Any) -> bool:
    if result is None:
        return True
    if not isinstance(result, dict) or not _is(_HASH, result.get("hash")):
        return False
    if not all(_is(_QUANTITY, result.get(name)) for name in ("number", "timestamp")):
        return False
    asked = params[0]
    return not _is(_QUANTITY, asked) or int(asked, 16) == int(result["number"], 16)


def _receipt(result: Any, params: Any) -> bool:
    if result is None:
        return True
    if not isinstance(result, dict) or str(result.get("transactionHash")).lower() != str(params[0]).lower():
        return False
    quantities = all(_is(_QUANTITY, result.get(name)) for name in ("status", "blockNumber", "gasUsed"))
    return quantities and _is(_HASH, result.get("blockHash"))


_SHAPES: Final[Mapping[str, Shape]] = {
    "eth_chainId": _quantity,
    "eth_blockNumber": _quantity,
    "eth_getTransactionCount": _quantity,
    "eth_getBalance": _quantity,
    "eth_maxPriorityFeePerGas": _quantity,
    "eth_estimateGas": _quantity,
    "eth_call": _data,
    "eth_getCode": _data,
    "eth_sendRawTransaction": lambda result, _: _is(_HASH, result),
    "eth_getBlockByNumber": _block,
    "eth_getTransactionReceipt": _receipt,
}

_ENDPOINT_CODES: Final = frozenset({-32005, -32016, -32603, 429})
"""Limit exceeded (EIP-1474), rate limited, internal error."""

_ENDPOINT_WORDS: Final = re.compile(
    r"header not found|unknown block|block not found|missing trie node|rate limit|too many requests|"
    r"request limit|historical state|BlockOutOfRange",
    re.IGNORECASE,
)
"""What nodes say that lack a block or its state, under codes that they use for other things too."""


def check_answer(method: str, params: Any, answer: object) -> None:
    """Raises EndpointError for what is not an answer to `method`."""
    if not isinstance(answer, dict):
        raise EndpointError("NoAnswer", f"{method}: no JSON-RPC object")
    error = answer.get("error")
    if error is not None:
        if not isinstance(error, dict) or not isinstance(error.get("message", ""), str):
            raise EndpointError("NoAnswer", f"{method}: an error without a message")
        return
    if "result" not in answer:
        raise EndpointError("NoAnswer", f"{method}: neither a result nor an error")
    shape = _SHAPES.get(method)
    if shape is not None and not shape(answer["result"], params):
        raise EndpointError("WrongShape", f"{method}: the result is not one")


def is_endpoints_fault(answer: Mapping[str, Any]) -> bool:
    """Whether an error speaks of the endpoint rather than of what was asked: another may know better."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return False
    message = str(error.get("message", ""))
    if "revert" in message.lower():
        return False
    return error.get("code") in _ENDPOINT_CODES or _ENDPOINT_WORDS.search(message) is not None
