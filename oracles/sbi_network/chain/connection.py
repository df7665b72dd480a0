"""The chain through one or several RPC endpoints, and contracts on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from eth_abi.exceptions import DecodingError
from eth_typing import ChecksumAddress
from eth_utils.abi import get_abi_output_types
from web3 import AsyncWeb3
from web3.contract import AsyncContract
from web3.exceptions import BadFunctionCallOutput, ContractLogicError, Web3Exception
from web3.types import RPCEndpoint, RPCResponse

from sbi_network.chain.endpoints import EndpointPool
from sbi_network.chain.errors import ContractRefused, EndpointError, WrongChainError
from sbi_network.chain.refusal import refusal_of
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.figure import hex_of

T = TypeVar("T")

REQUEST_SECONDS: Final = 10.0

Block = int | str
"""A block's number, or `latest`, `safe`, `finalized`."""

LATEST: Final = "latest"

_SHOWN_CHARS: Final = 200

_BATCH: Final = 100
"""Calls in one request: what public endpoints take."""

_BATCHES_AT_ONCE: Final = 4


FINAL: Final = "finalized"


@dataclass(frozen=True, slots=True)
class Head:
    """A block: number, time in seconds, base fee in wei, its hash and its parent's as 0x and digits."""

    number: int
    timestamp: int
    base_fee: int
    hash: str = ""
    parent: str = ""


class Chain:
    """A chain. Close it after use, or use `connected`.

    Several URLs are several endpoints of one chain: see `endpoints`. With a `chain_id`, no other chain will do.
    """

    def __init__(
        self, rpc_urls: str | Sequence[str], request_seconds: float = REQUEST_SECONDS, chain_id: int | None = None
    ) -> None:
        urls = [rpc_urls] if isinstance(rpc_urls, str) else list(rpc_urls)
        self.pool: Final = EndpointPool(urls, request_seconds, chain_id)
        self.web3: Final = AsyncWeb3(self.pool)
        self._chain_id: int | None = None

    async def close(self) -> None:
        """Close the connections. Nothing can be asked afterwards."""
        await self.pool.disconnect()

    async def chain_id(self) -> int:
        """The chain's EIP-155 number, asked once: that it stays so the pool sees to."""
        if self._chain_id is None:
            self._chain_id = int(await asked(self.web3.eth.chain_id))
        return self._chain_id

    async def head(self, block: Block = LATEST) -> Head:
        """A block, the newest unless another is given. Raises EndpointError (BlockNotFound) where there is none."""
        found = await asked(self.web3.eth.get_block(block))  # type: ignore[arg-type]
        figures = int(found["number"]), int(found["timestamp"]), int(found.get("baseFeePerGas", 0))
        parent = found.get("parentHash")
        return Head(*figures, hex_of(bytes(found["hash"])), "" if parent is None else hex_of(bytes(parent)))

    async def ether_of(self, account: ChecksumAddress) -> int:
        """An account's balance in the chain's own coin, wei."""
        return int(await asked(self.web3.eth.get_balance(account)))

    async def call_each(self, calls: Sequence[Any]) -> list[bytes]:
        """What many calls return, each its `eth_call` parameters. Raises ContractRefused, EndpointError."""
        method = RPCEndpoint("eth_call")
        provider: Any = self.web3.provider
        try:
            answers = await asked(provider.make_batch(method, calls))
        except EndpointError as error:
            if error.kind != "NoBatch":
                raise
            answers = [await asked(provider.make_request(method, each)) for each in calls]
        return [_returned(answer) for answer in answers]

    async def require_code(self, role: str, address: ChecksumAddress) -> None:
        """Raises WrongChainError if no contract is at an address."""
        if not await asked(self.web3.eth.get_code(address)):
            raise WrongChainError(f"{role}: there is no contract at {address}")


@asynccontextmanager
async def connected(
    rpc_urls: str | Sequence[str], request_seconds: float = REQUEST_SECONDS, chain_id: int | None = None
) -> AsyncIterator[Chain]:
    """A chain that is closed at the end of the block."""
    chain = Chain(rpc_urls, request_seconds, chain_id)
    try:
        yield chain
    finally:
        await chain.close()


class BoundContract:
    """A contract of the suite at an address. Subclasses give its functions types."""

    NAME: str

    def __init__(self, chain: Chain, address: ChecksumAddress) -> None:
        self.chain: Final = chain
        self.address: Final = address
        self._contract: AsyncContract = chain.web3.eth.contract(address=address, abi=load_abi(self.NAME))

    async def read(self, function: str, *arguments: object, block: Block = LATEST) -> Any:
        """What a view function returns at a block. Raises ContractRefused, WrongChainError or EndpointError."""
        call = self._contract.get_function_by_name(function)(*arguments)
        try:
            return await asked(call.call(block_identifier=block))
        except BadFunctionCallOutput:
            raise WrongChainError(f"{self.NAME}.{function}: no such contract at {self.address}") from None

    async def read_each(self, function: str, given: Sequence[tuple[object, ...]], block: Block = LATEST) -> list[Any]:
        """What a view function returns for each of many arguments, many in a request. Raises as `read`.

        Addresses are without a checksum. All of one request are of one endpoint; a block that is not `latest` makes
        them of one state too.
        """
        function_abi = self._contract.get_function_by_name(function).abi
        types = get_abi_output_types(function_abi)
        at = hex(block) if isinstance(block, int) else block
        asked_at_once = asyncio.Semaphore(_BATCHES_AT_ONCE)

        async def some(part: Sequence[tuple[object, ...]]) -> list[bytes]:
            async with asked_at_once:
                calls = [({"to": self.address, "data": self.call_data(function, *each)}, at) for each in part]
                return await self.chain.call_each(calls)

        parts = [given[start : start + _BATCH] for start in range(0, len(given), _BATCH)]
        answers = [each for part in await asyncio.gather(*[some(part) for part in parts]) for each in part]
        return [self._decoded(function, types, answer) for answer in answers]

    def _decoded(self, function: str, types: list[str], answer: bytes) -> Any:
        try:
            found = self.chain.web3.codec.decode(types, answer)
        except DecodingError:
            raise WrongChainError(f"{self.NAME}.{function}: no such contract at {self.address}") from None
        return found[0] if len(found) == 1 else found

    def call_data(self, function: str, *arguments: object) -> str:
        """The data of a transaction that calls a function, as 0x and digits."""
        return str(self._contract.encode_abi(function, list(arguments)))


def _returned(answer: RPCResponse) -> bytes:
    """Raises ContractRefused for a revert, EndpointError for another error."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return bytes.fromhex(str(answer["result"]).removeprefix("0x"))
    message = str(error.get("message", ""))[:_SHOWN_CHARS]
    if "revert" not in message.lower():
        raise EndpointError("NodeError", message)
    raise ContractRefused(refusal_of(ContractLogicError(message, error.get("data"))))


async def asked(answer: Awaitable[T]) -> T:
    """The answer of an endpoint. Raises ContractRefused for a revert, EndpointError for whatever else went wrong.

    BadFunctionCallOutput passes: what an empty answer means is for the caller to say.
    """
    try:
        return await answer
    except BadFunctionCallOutput:
        raise
    except ContractLogicError as error:
        raise ContractRefused(refusal_of(error)) from None
    except (EndpointError, WrongChainError):
        raise
    except (Web3Exception, ValueError, TypeError, LookupError) as error:
        # The last three are what web3 makes of an answer that is JSON and not what was asked for.
        raise EndpointError(type(error).__name__, str(error)[:_SHOWN_CHARS]) from None
