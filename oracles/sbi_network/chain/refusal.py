"""From what an endpoint says of a revert to the contract's own error."""

from __future__ import annotations

from web3.exceptions import ContractLogicError

from sbi_network.errors import AbiError
from sbi_network.protocol.abi import DecodedError, packaged_errors

UNKNOWN = "unknown"


def refusal_of(error: ContractLogicError) -> DecodedError:
    """The custom error in a revert, by the packaged ABIs; one called `unknown` for any other."""
    data = _revert_data(error.data)
    words = {"message": str(error.message)} if data is None else {"data": data}
    return known_refusal(error) or DecodedError(UNKNOWN, words)


def known_refusal(error: ContractLogicError) -> DecodedError | None:
    """The custom error in a revert, by the packaged ABIs; None where they have none that fits."""
    try:
        return packaged_errors().decode(_revert_data(error.data) or b"")
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
