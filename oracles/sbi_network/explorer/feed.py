"""Blocks and logs out of a node. Whatever it answers is checked for shape before anything is made of it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from web3.types import RPCEndpoint

from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import EndpointError
from sbi_network.explorer.events import Log
from sbi_network.protocol.address import address_of
from sbi_network.protocol.figure import WORD_BYTES
from sbi_network.protocol.typed_data import Address

BLOCKS_UNTIL_FINAL: Final = 64
"""Taken where a node knows no `finalized`."""

_SHOWN_CHARS: Final = 200
_MOST_NUMBER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Header:
    """A block: number, hashes as 0x text, time in seconds."""

    number: int
    hash: str
    parent: str
    timestamp: int


class Feed:
    """What the indexer reads of one chain."""

    def __init__(self, chain: Chain, addresses: Sequence[Address]) -> None:
        self._chain = chain
        self._addresses = list(addresses)
        self._known = set(addresses)

    async def head(self) -> Header:
        """The newest block."""
        header = await self._header("latest")
        if header is None:
            raise EndpointError("NoBlock", "eth_getBlockByNumber: there is no newest block")
        return header

    async def header(self, number: int) -> Header | None:
        """A block by its number; None beyond the newest."""
        return await self._header(hex(number))

    async def final_number(self, head: Header) -> int:
        """The newest block that the node says no reorg can reach."""
        try:
            final = await self._header("finalized")
        except EndpointError:
            final = None
        return min(final.number, head.number) if final else max(0, head.number - BLOCKS_UNTIL_FINAL)

    async def logs_of(self, block: Header) -> list[Log]:
        """The suite's logs in one block, named by its hash: no reorg in between can mix two blocks."""
        return await self._logs({"blockHash": block.hash}, block.number, block.number)

    async def logs_between(self, first: int, last: int) -> list[Log]:
        """The suite's logs in blocks that are final, both ends included, in their order."""
        return await self._logs({"fromBlock": hex(first), "toBlock": hex(last)}, first, last)

    async def _header(self, block: str) -> Header | None:
        found = await self._ask("eth_getBlockByNumber", [block, False])
        if found is None:
            return None
        try:
            return Header(
                _number(found["number"]),
                _word(found["hash"]),
                _word(found["parentHash"]),
                _number(found["timestamp"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EndpointError("BadAnswer", f"eth_getBlockByNumber: no block ({type(error).__name__})") from None

    async def _logs(self, where: Mapping[str, str], first: int, last: int) -> list[Log]:
        found = await self._ask("eth_getLogs", [{**where, "address": self._addresses}])
        try:
            logs = [_log(each) for each in found]
        except (KeyError, TypeError, ValueError) as error:
            raise EndpointError("BadAnswer", f"eth_getLogs: no logs ({type(error).__name__})") from None
        places = [(log.block, log.index) for log in logs]
        in_order = all(earlier < later for earlier, later in itertools.pairwise(places))
        in_range = not places or (first <= places[0][0] and places[-1][0] <= last)
        if not (in_order and in_range and all(log.address in self._known for log in logs)):
            raise EndpointError("BadAnswer", f"eth_getLogs: not the logs of blocks {first} to {last}, in order")
        return logs

    async def _ask(self, method: str, params: Any) -> Any:
        """The raw answer: web3's own formatting of a million logs takes longer than all the rest."""
        answer = await self._chain.web3.provider.make_request(RPCEndpoint(method), params)
        if not isinstance(answer, dict) or "error" in answer or "result" not in answer:
            said = answer.get("error") if isinstance(answer, dict) else None
            raise EndpointError("Refused", f"{method}: {str(said)[:_SHOWN_CHARS]}")
        return answer["result"]


def _log(given: Mapping[str, Any]) -> Log:
    if not isinstance(given, dict) or given.get("removed"):
        raise ValueError("no log, or one that was taken back")
    timestamp = given.get("blockTimestamp")
    return Log(
        block=_number(given["blockNumber"]),
        index=_number(given["logIndex"]),
        block_hash=_word(given["blockHash"]),
        transaction=_word(given["transactionHash"]),
        address=_address(given["address"]),
        topics=tuple(bytes.fromhex(_word(topic)[2:]) for topic in given["topics"]),
        data=bytes.fromhex(given["data"][2:]),
        timestamp=None if timestamp is None else _number(timestamp),
    )


@lru_cache(maxsize=256)
def _address(text: str) -> Address:
    return address_of(bytes.fromhex(text[2:]))


def _number(text: str) -> int:
    number = int(text, 16)
    if not 0 <= number <= _MOST_NUMBER:
        raise ValueError(text)
    return number


def _word(text: str) -> str:
    if not isinstance(text, str) or len(text) != 2 + 2 * WORD_BYTES or not text.startswith("0x"):
        raise ValueError(text)
    return text.lower()
