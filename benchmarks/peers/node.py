"""The chain that all contracts are deployed to, and what a transaction on it costs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from benchmarks.peers.packages import Built, linked

GAS: Final = 29_000_000
"""Of every transaction: below the block's limit, and never what it costs."""

DAY: Final = 86_400
NOBODY: Final = "0x" + 40 * "0"

_PATIENCE_S: Final = 300.0
_POLL_S: Final = 0.002


def person(label: str, number: int = 0) -> str:
    """An address that is the same in every run. The node sends for it without its key."""
    return Web3.to_checksum_address(keccak(text=f"{label} {number}")[12:])


OFFICE: Final = person("office")
"""Deploys, administers and funds."""


@dataclass(frozen=True)
class Figure:
    """What a peer's work cost, in gas, and what exactly it did."""

    gas: int
    did: str


class Node:
    """An Anvil whose clock the wall's does not move, where anybody can send without ether or a key.

    `FLAGS` start it: gas has no price, the first block's time is fixed, so that every run signs the same bytes, and a
    contract may be larger than EIP-170 allows, as a peer's deployer for tests is.
    """

    FLAGS: Final = (
        *("--gas-price", "0", "--block-base-fee-per-gas", "0"),
        *("--timestamp", "2000000000", "--accounts", "20"),
        *("--disable-code-size-limit", "--prune-history"),
    )

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3
        self.request("anvil_autoImpersonateAccount", True)
        self.pace(0)

    def request(self, method: str, *params: Any) -> Any:
        """A JSON-RPC call. Raises RuntimeError on an error."""
        answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def pace(self, seconds: int) -> None:
        """How much later each block is than the last; none, and the clock moves only where it is set."""
        self.request("anvil_setBlockTimestampInterval", seconds)

    def now(self) -> int:
        """The last block's timestamp, in seconds."""
        return int(self.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def wait(self, seconds: int) -> None:
        """Mines one block, that much later."""
        self.request("evm_setNextBlockTimestamp", self.now() + seconds)
        self.request("evm_mine")

    def transact(self, sender: str, to: str | None, data: str) -> tuple[int, str | None]:
        """One transaction: its gas, and the address of what it deployed. Raises RuntimeError if it reverts."""
        call = {"from": sender, "data": data, "gas": hex(GAS), "gasPrice": "0x0"}
        if to is not None:
            call["to"] = to
        digest = self.request("eth_sendTransaction", call)
        receipt = self._receipt(digest)
        if int(receipt["status"], 16) != 1:
            raise RuntimeError(f"reverted: {sender} to {to}: {data[:138]}")
        return int(receipt["gasUsed"], 16), receipt["contractAddress"]

    def _receipt(self, digest: str) -> Any:
        """Without web3's own wait, whose decoding takes longer than the node."""
        until = time.monotonic() + _PATIENCE_S
        while (receipt := self.request("eth_getTransactionReceipt", digest)) is None:
            if time.monotonic() > until:
                raise RuntimeError(f"not mined within {_PATIENCE_S:g} s: {digest}")
            time.sleep(_POLL_S)
        return receipt

    def send(self, call: ContractFunction, sender: str = OFFICE) -> int:
        """Calls a contract in a transaction; returns its gas."""
        return self.transact(sender, call.address, call._encode_transaction_data())[0]

    def deploy(self, built: Built, *arguments: Any, libraries: Mapping[str, str] | None = None) -> Contract:
        """Deploys with published or compiled creation code."""
        return self.deployed(built, *arguments, libraries=libraries)[0]

    def deployed(
        self, built: Built, *arguments: Any, libraries: Mapping[str, str] | None = None
    ) -> tuple[Contract, int]:
        """The same, with what it cost."""
        code = linked(built.creation, built.links, libraries or {})
        kind = self.web3.eth.contract(abi=built.abi, bytecode=HexBytes(code))
        gas, address = self.transact(OFFICE, None, kind.constructor(*arguments).data_in_transaction)
        assert address is not None
        return self.at(built.abi, address), gas

    def at(self, abi: Sequence[Any], address: str) -> Contract:
        """A contract that is there already."""
        return self.web3.eth.contract(address=Web3.to_checksum_address(address), abi=abi)
