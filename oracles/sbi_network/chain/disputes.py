"""Typed reads, events and calls of ComputeDisputes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract, asked
from sbi_network.chain.sender import Call
from sbi_network.protocol.address import check_address
from sbi_network.protocol.exhibit import Exhibit, Place
from sbi_network.protocol.figure import WORD_BYTES
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Observation, Reading, Report
from sbi_network.protocol.signature import COMPACT_BYTES
from sbi_network.protocol.sumtree import Node

_BLOCKS_AT_ONCE: Final = 2_000
"""Blocks asked about in one question: public endpoints answer for no more."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand for a place: by whom, until when it can be answered (seconds), and what that pays (wei)."""

    demander: ChecksumAddress
    deadline: int
    bond: int
    is_open: bool


class Disputes(BoundContract):
    """A ComputeDisputes."""

    NAME = "ComputeDisputes"

    async def reveal_window(self) -> int:
        """How long there is to show what is demanded, seconds."""
        return int(await self.read("revealWindow"))

    async def evidence_horizon(self) -> int:
        """How long after an epoch's end evidence about it is accepted, seconds."""
        return int(await self.read("evidenceHorizon"))

    async def products(self) -> ChecksumAddress:
        """Where wrong products are shown."""
        return check_address("products", await self.read("products"))

    async def demand_of(self, place: Place, block: Block = LATEST) -> Demand:
        """The demand for a place; all zero, so not open, if nobody made one."""
        return Demand(*await self.read("demandOf", _place(place), block=block))

    async def bond_of_demand(self, epoch: int) -> int:
        """What a demand in an epoch costs now, wei."""
        return int(await self.read("bondOfDemand", epoch))

    async def demanded(self, first_block: int, last_block: int) -> AsyncIterator[Place]:
        """The places demanded in these blocks, answered since or not. Raises ChainError."""
        async for given in self._events("PlaceDemanded", first_block, last_block):
            yield Place(given["epoch"], given["level"], given["position"])

    async def revealed(self, first_block: int, last_block: int) -> AsyncIterator[tuple[Place, Exhibit]]:
        """What was shown of trees in these blocks. Raises ChainError."""
        async for given in self._events("PlaceRevealed", first_block, last_block):
            shown = given["shown"]
            siblings = tuple(_node_from(each) for each in shown["siblings"])
            exhibit = Exhibit(_node_from(shown["node"]), bytes(shown["preimage"]), shown["facilityCount"], siblings)
            yield Place(given["epoch"], given["level"], given["position"]), exhibit

    def demand(self, place: Place, facility_count: int, top: Node, bond: int) -> Call:
        """The call that demands a place, for a bond in wei."""
        data = self.call_data("demand", _place(place), facility_count, _node(top))
        return Call(self.address, data, value=bond)

    def reveal(self, place: Place, shown: Exhibit) -> Call:
        """The call that shows a place."""
        return Call(self.address, self.call_data("reveal", _place(place), _exhibit(shown)))

    def dispute_leaf(self, place: Place, shown: Exhibit) -> Call:
        """The call that disputes a leaf."""
        return Call(self.address, self.call_data("disputeLeaf", place.epoch, place.position, _exhibit(shown)))

    def dispute_structure(self, place: Place, shown: Exhibit) -> Call:
        """The call that disputes a tree's structure at a place."""
        return Call(self.address, self.call_data("disputeStructure", _place(place), _exhibit(shown)))

    def dispute_reports(self, oracle: int, first: Signed[Report], second: Signed[Report]) -> Call:
        """The call that shows that an oracle signed two reports."""
        return self._of_two("disputeReports", (oracle,), first, second)

    def dispute_observations(self, oracle: int, first: Signed[Observation], second: Signed[Observation]) -> Call:
        """The call that shows that an oracle signed two observations."""
        return self._of_two("disputeObservations", (oracle,), first, second)

    def dispute_readings(self, first: Signed[Reading], second: Signed[Reading]) -> Call:
        """The call that shows that a facility signed two readings."""
        return self._of_two("disputeReadings", (), first, second)

    def _of_two(self, function: str, leading: tuple[int, ...], first: Signed[Any], second: Signed[Any]) -> Call:
        messages = first.message.values(), second.message.values()
        data = self.call_data(function, *leading, *messages, _compact(first), _compact(second))
        return Call(self.address, data)

    async def _events(self, name: str, first_block: int, last_block: int) -> AsyncIterator[Any]:
        event = self._contract.events[name]()
        for start in range(first_block, last_block + 1, _BLOCKS_AT_ONCE):
            end = min(start + _BLOCKS_AT_ONCE - 1, last_block)
            for log in await asked(event.get_logs(from_block=start, to_block=end)):
                yield log["args"]


def _place(place: Place) -> tuple[int, int, int]:
    return (place.epoch, place.level, place.position)


def _node(node: Node) -> tuple[bytes, int]:
    return (node.hash, int.from_bytes(node.sums))


def _node_from(given: Any) -> Node:
    return Node(bytes(given["hash"]), given["sums"].to_bytes(WORD_BYTES))


def _exhibit(shown: Exhibit) -> tuple[Any, ...]:
    return (_node(shown.node), shown.preimage, shown.facility_count, [_node(each) for each in shown.siblings])


def _compact(signed: Signed[Any]) -> tuple[bytes, bytes]:
    data = signed.signature.to_compact()
    return (data[: COMPACT_BYTES // 2], data[COMPACT_BYTES // 2 :])
