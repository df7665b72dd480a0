"""What endpoints give as a revert's data, and the contract's own error in it."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from sbi_network.chain.refusal import decoded_revert
from sbi_network.protocol.keccak import keccak256

DATA = "0x" + (keccak256(b"ChangeTooSoon(uint256,uint256)")[:4] + encode(["uint256", "uint256"], [7, 8])).hex()


@pytest.mark.parametrize(
    "given",
    [
        DATA,
        {"message": "Error: VM Exception while processing transaction", "data": DATA},  # Hardhat's node
        {"result": DATA},
    ],
)
def test_decoded_revert__as_nodes_give_it__is_the_contracts_error(given: Any) -> None:
    assert str(decoded_revert(given)) == "ChangeTooSoon(fromEpoch=7, earliest=8)"


@pytest.mark.parametrize("given", [None, "", "0x", "0x1234", "Reverted", {}, {"data": None}, DATA[:-2], 5])
def test_decoded_revert__no_error_that_is_known__is_none(given: Any) -> None:
    assert decoded_revert(given) is None
