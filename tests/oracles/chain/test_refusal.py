"""What a contract refused with, out of the several forms in which nodes give it."""

from __future__ import annotations

import pytest
from web3.exceptions import ContractLogicError

from sbi_network.chain.refusal import UNKNOWN, known_refusal, refusal_of
from sbi_network.protocol.abi import DecodedError, load_abi
from sbi_network.protocol.abi.revert import selector_of

NAME = "EpochNotFinal"
ERROR = next(item for item in load_abi("DistributionVault") if item["type"] == "error" and item["name"] == NAME)
DATA = "0x" + selector_of(ERROR).hex() + "07".rjust(64, "0") + "01".rjust(64, "0")


@pytest.mark.parametrize("given", [DATA, {"message": "reverted", "data": DATA}, {"result": DATA}])
def test_known_refusal__as_geth_hardhat_and_others_give_it__is_the_contracts_error(given: object) -> None:
    expected = DecodedError(NAME, {"epoch": 7, "outcome": 1})
    assert known_refusal(ContractLogicError("reverted", given)) == expected  # type: ignore[arg-type]
    assert refusal_of(ContractLogicError("reverted", given)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, "0x", "reverted", "0xabcdef01", DATA[:-2], {"data": None}, {"data": "0xz"}])
def test_known_refusal__nothing_that_fits__is_none_and_told_as_unknown(given: object) -> None:
    error = ContractLogicError("execution reverted", given)  # type: ignore[arg-type]
    assert known_refusal(error) is None
    assert refusal_of(error).name == UNKNOWN
