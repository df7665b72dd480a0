"""From what an endpoint says of a revert to the contract's own error."""

from __future__ import annotations

from web3.exceptions import ContractLogicError

from sbi_network.errors import AbiError
from sbi_network.protocol.abi import DecodedError, packaged_errors

UNKNOWN = "unknown"


def refusal_of(error: ContractLogicError) -> DecodedError:
    """The custom error in a revert, by the packaged ABIs."""
    data = _revert_data(error.data)
    if data is None:
        return DecodedError(UNKNOWN, {"message": str(error.message)})
    return decoded_revert(error.data) or DecodedError(UNKNOWN, {"data": data})


def decoded_revert(given: object) -> DecodedError | None:
    """The custom error in what an endpoint gave as a revert's data; None where there is none that is known."""
    data = _revert_data(given)
    try:
        return packaged_errors().decode(data) if data else None
    except AbiError:
        return None


def _revert_data(given: object) -> bytes | None:
    """Endpoints give the bytes as text, or as text in an object."""
    if isinstance(given, dict):
        given = given.get("data", given.get("result"))
    if not isinstance(given, str) or not given.startswith("0x"):
        return None
    try:
        return bytes.fromhex(given[2:]) or None
    except ValueError:
        return None
