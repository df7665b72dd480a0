"""The chain under the stateful tests: exact time, little overhead, the same on all three networks.

Ape's own calls estimate gas, wait and trace; a property test makes tens of thousands. Here a transaction is one call
into py-evm, or a few requests to a node, in a block whose time the test chooses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_utils.address import to_canonical_address, to_checksum_address

if TYPE_CHECKING:
    from ape.api import ProviderAPI
    from eth_account.signers.local import LocalAccount

GAS = 8_000_000
_PRICE = 10**12  # above any base fee that a chain of nearly empty blocks can reach


@dataclass(frozen=True)
class Log:
    """An event as it was emitted."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Mined:
    """A transaction's end: whether it held, what it returned or reverted with, its events."""

    ok: bool
    output: bytes
    logs: tuple[Log, ...]


class Evm(ABC):
    """One chain; `now` is the time of its last block, in seconds."""

    now: int

    @abstractmethod
    def send(self, sender: LocalAccount, to: str, data: bytes, at: int) -> Mined:
        """Mines one transaction in a block of its own at time `at`, later than `now`."""

    @abstractmethod
    def look(self, program: bytes) -> bytes:
        """What contract-creation code returns, run on the present state and kept nowhere."""

    @abstractmethod
    def snapshot(self) -> object:
        """A mark to which `restore` can return, more than once."""

    @abstractmethod
    def restore(self, mark: object) -> object:
        """Returns to a mark; answers the mark to use next time."""


def evm_of(provider: ProviderAPI) -> Evm:
    """The chain of a connected Ape provider: Ape's built-in EVM, Anvil, or Hardhat's node."""
    backend = getattr(provider, "evm_backend", None)
    if backend is not None:
        return LocalEvm(backend)
    return HardhatEvm(provider) if provider.name == "hardhat" else AnvilEvm(provider)


class LocalEvm(Evm):
    """Ape's built-in EVM, driven at the level of py-evm."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._nonces: dict[str, int] = {}
        # An empty block to return to: restoring executes the block it returns to once more.
        backend.mine_blocks()
        self.now = self._latest_time()

    def send(self, sender: LocalAccount, to: str, data: bytes, at: int) -> Mined:
        from eth_keys.datatypes import PrivateKey

        chain = self._backend.chain
        chain.header = chain.header.copy(timestamp=at)
        address = to_canonical_address(sender.address)
        nonce = self._nonces.setdefault(sender.address, -1)
        if nonce < 0:
            nonce = chain.get_vm().state.get_nonce(address)
        unsigned = chain.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=chain.chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=0,
            max_fee_per_gas=_PRICE,
            gas=GAS,
            to=to_canonical_address(to),
            value=0,
            data=data,
            access_list=(),
        )
        _, receipt, computation = chain.apply_transaction(unsigned.as_signed_transaction(PrivateKey(sender.key)))
        self._nonces[sender.address] = nonce + 1
        self._backend.mine_blocks()
        self.now = at
        logs = tuple(
            Log(to_checksum_address(log.address), tuple(t.to_bytes(32) for t in log.topics), log.data)
            for log in receipt.logs
        )
        return Mined(computation.is_success, bytes(computation.output), logs)

    def look(self, program: bytes) -> bytes:
        from eth.vm.spoof import SpoofTransaction

        chain = self._backend.chain
        # A block of the same state whose gas costs nothing, so that nobody need pay for looking.
        vm = chain.get_vm(chain.header.copy(timestamp=self.now + 1, base_fee_per_gas=0))
        unsigned = vm.get_transaction_builder().new_unsigned_dynamic_fee_transaction(
            chain_id=chain.chain_id,
            nonce=0,
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=GAS,
            to=b"",
            value=0,
            data=program,
            access_list=(),
        )
        computation = vm.state.apply_transaction(SpoofTransaction(unsigned, from_=b"\xee" * 20))
        computation.raise_if_error()
        return bytes(computation.output)

    def snapshot(self) -> object:
        return self._backend.take_snapshot()

    def restore(self, mark: object) -> object:
        self._backend.revert_to_snapshot(mark)
        self._nonces.clear()
        self.now = self._latest_time()
        return mark

    def _latest_time(self) -> int:
        return int(self._backend.get_block_by_number("latest")["timestamp"])


class NodeEvm(Evm):
    """A node, over its RPC: what Anvil and Hardhat's have in common."""

    def __init__(self, provider: ProviderAPI) -> None:
        self._request = provider.make_request
        self._request("evm_mine", [])
        self.now = self._latest_time()

    def send(self, sender: LocalAccount, to: str, data: bytes, at: int) -> Mined:
        self._request("evm_setNextBlockTimestamp", [at])
        transaction = {"from": sender.address, "to": to, "data": "0x" + data.hex(), "gas": hex(GAS)}
        mined = self._mine(transaction)
        self.now = at
        return mined

    @abstractmethod
    def _mine(self, transaction: dict[str, str]) -> Mined:
        """Sends a transaction for an account whose key the node has, or does without."""

    def _receipt_of(self, tx_hash: str) -> Any:
        receipt = None
        while receipt is None:
            receipt = self._request("eth_getTransactionReceipt", [tx_hash])
        return receipt

    def look(self, program: bytes) -> bytes:
        answer = self._request("eth_call", [{"data": "0x" + program.hex(), "gas": hex(GAS)}, "latest"])
        return bytes.fromhex(answer[2:])

    def snapshot(self) -> object:
        return self._request("evm_snapshot", [])

    def restore(self, mark: object) -> object:
        # A node uses a mark up: a new one takes its place.
        if not self._request("evm_revert", [mark]):
            raise RuntimeError(f"the node knows no snapshot {mark}")
        self.now = self._latest_time()
        return self._request("evm_snapshot", [])

    def _latest_time(self) -> int:
        return int(self._request("eth_getBlockByNumber", ["latest", False])["timestamp"], 16)


class AnvilEvm(NodeEvm):
    """Anvil: a transaction that reverts is mined like any other, and traced for what it returned."""

    def __init__(self, provider: ProviderAPI) -> None:
        super().__init__(provider)
        self._request("anvil_autoImpersonateAccount", [True])

    def _mine(self, transaction: dict[str, str]) -> Mined:
        tx_hash = self._request("eth_sendTransaction", [transaction])
        receipt = self._receipt_of(tx_hash)
        if int(receipt["status"], 16):
            return Mined(True, b"", _logs(receipt))
        trace = self._request("debug_traceTransaction", [tx_hash, {"tracer": "callTracer"}])
        return Mined(False, bytes.fromhex(trace.get("output", "0x")[2:]), ())


class HardhatEvm(NodeEvm):
    """Hardhat's node: it answers a transaction that reverts with an error, which says what it returned."""

    def __init__(self, provider: Any) -> None:
        super().__init__(provider)
        self._raw = provider.web3.provider.make_request
        self._open: set[str] = set()

    def _mine(self, transaction: dict[str, str]) -> Mined:
        self._impersonate(transaction["from"])
        answer = self._raw("eth_sendTransaction", [transaction])
        if "error" not in answer:
            return Mined(True, b"", _logs(self._receipt_of(answer["result"])))
        reverted = answer["error"].get("data") or {}
        if "txHash" not in reverted or int(self._receipt_of(reverted["txHash"])["status"], 16):
            raise RuntimeError(f"Hardhat's node did not mine it: {answer['error']}")
        return Mined(False, bytes.fromhex(reverted["data"][2:]), ())

    def _impersonate(self, address: str) -> None:
        if address not in self._open:
            self._request("hardhat_impersonateAccount", [address])
            self._open.add(address)


def _logs(receipt: Any) -> tuple[Log, ...]:
    return tuple(
        Log(
            to_checksum_address(log["address"]),
            tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
            bytes.fromhex(log["data"][2:]),
        )
        for log in receipt["logs"]
    )
