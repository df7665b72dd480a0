"""The contracts' ABIs as package data, one `<Contract>.json` each (a JSON list of ABI items, written by `make abi`),
and the names of the custom errors in them.
"""

from sbi_network.protocol.abi.loading import AbiItem, available_abis, load_abi
from sbi_network.protocol.abi.revert import DecodedError, ErrorDecoder, packaged_errors

__all__ = ["AbiItem", "DecodedError", "ErrorDecoder", "available_abis", "load_abi", "packaged_errors"]
