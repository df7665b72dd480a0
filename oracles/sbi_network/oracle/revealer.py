"""Shows what is demanded of trees, in time; and looks at what others show.

A demand that nobody answers voids the epoch and slashes all who signed. So every oracle answers, members or not, one
after the other: whoever is first by the epoch and the place is paid the bond, the next one looks first whether it was.
All have had their turn after half of the time there is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog
from eth_typing import ChecksumAddress

from sbi_network.chain.block_search import first_block_since
from sbi_network.chain.disputes import Demand, Disputes
from sbi_network.chain.errors import ChainError
from sbi_network.errors import SBIError
from sbi_network.oracle.around import Surroundings
from sbi_network.oracle.bring import bring
from sbi_network.oracle.custody import Custody
from sbi_network.oracle.faults import Faults
from sbi_network.oracle.terms import EpochTerms, Terms
from sbi_network.protocol.exhibit import Exhibit, Place, exhibit_of

_LOOKS_A_WINDOW: Final = 20
"""How often, in the time that there is to answer."""

_REORG_BLOCKS: Final = 64
"""Looked at again each time: a block that was looked at may have been replaced."""

_log = structlog.get_logger("sbi.oracle")


@dataclass(slots=True)
class _Followed:
    """A disputes contract, the first block not looked at for good, and what was found from there on."""

    contract: Disputes
    next_block: int


class Revealer:
    """Follows the disputes contracts of the epochs that are within reach."""

    def __init__(self, around: Surroundings, terms: Terms, custody: Custody, faults: Faults) -> None:
        self._around = around
        self._terms = terms
        self._custody = custody
        self._faults = faults
        self._followed: dict[ChecksumAddress, _Followed] = {}
        self._asked_about: set[int] = set()
        self._answered: set[Place] = set()
        self._examined: set[Place] = set()

    async def run(self) -> None:
        """Look now and then. Never ends by itself."""
        told = ""
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await self._look(tasks)
                    told = ""
                except ChainError as error:
                    if str(error) != told:
                        told = str(error)
                        _log.warning("demands_not_read", reason=told)
                await asyncio.sleep(self._around.reach.reveal / _LOOKS_A_WINDOW)

    async def _look(self, tasks: asyncio.TaskGroup) -> None:
        head = await self._around.registry.chain.head()
        for followed in await self._contracts():
            async for place in followed.contract.demanded(followed.next_block, head.number):
                if place not in self._answered and not self._is_beyond(place):
                    self._answered.add(place)
                    tasks.create_task(self._answer(followed.contract, place))
            async for place, shown in followed.contract.revealed(followed.next_block, head.number):
                if place not in self._examined and not self._is_beyond(place):
                    self._examined.add(place)
                    tasks.create_task(self._examine(place, shown))
            followed.next_block = max(followed.next_block, head.number - _REORG_BLOCKS)
        oldest = self._around.oldest_within(self._around.reach.finality)
        self._asked_about = {epoch for epoch in self._asked_about if epoch >= oldest}
        self._answered = {place for place in self._answered if not self._is_beyond(place)}
        self._examined = {place for place in self._examined if not self._is_beyond(place)}

    def _is_beyond(self, place: Place) -> bool:
        return self._around.is_over(place.epoch, self._around.reach.finality)

    async def _contracts(self) -> list[_Followed]:
        """Those of the running epoch and of the oldest within reach: a change between them is scheduled far ahead."""
        around = self._around
        running = max(0, around.clock.epoch_at(around.clock.now()))
        for epoch in {running, around.oldest_within(around.reach.finality)} - self._asked_about:
            address = await around.registry.disputes_at(epoch)
            if address not in self._followed:
                since = around.clock.now() - around.reach.finality - around.clock.epoch_seconds
                first = await first_block_since(around.registry.chain, since)
                self._followed[address] = _Followed(Disputes(around.registry.chain, address), first)
            # An epoch's configuration does not change once it has begun.
            self._asked_about.add(epoch)
        return list(self._followed.values())

    async def _answer(self, disputes: Disputes, place: Place) -> None:
        """Until the demand is closed or it is too late. What the chain does not answer is asked again."""
        log = _log.bind(epoch=place.epoch, level=place.level, position=place.position)
        log.warning("demanded")
        while not self._is_beyond(place):
            try:
                await self._answer_once(disputes, place)
                return
            except SBIError as error:
                log.warning("demand_not_answered", reason=str(error))
            await asyncio.sleep(self._around.timings.poll_seconds)

    async def _answer_once(self, disputes: Disputes, place: Place) -> None:
        record = await self._around.registry.record_of(place.epoch)
        demand = await disputes.demand_of(place)
        if record is None or not demand.is_open:
            return
        terms = await self._terms.of(place.epoch)
        tree = await self._custody.tree_of(terms, record)
        if tree is None:
            return
        await asyncio.sleep(self._wait(terms, place, demand))
        if (await disputes.demand_of(place)).is_open:
            shown = exhibit_of(tree, place.level, place.position)
            what = f"level {place.level}, position {place.position} of epoch {place.epoch}"
            await bring(self._around.sender, disputes.reveal(place, shown), what, self._around.timings.poll_seconds)

    def _wait(self, terms: EpochTerms, place: Place, demand: Demand) -> float:
        left = max(0.0, demand.deadline - self._around.clock.now())
        spacing = min(self._around.timings.view_seconds, left / (2 * terms.oracles + 2))
        return spacing * self._around.rank(terms.config, place.epoch + place.position)

    async def _examine(self, place: Place, shown: Exhibit) -> None:
        while not self._is_beyond(place):
            try:
                await self._faults.examine(await self._terms.of(place.epoch), place, shown)
                return
            except SBIError as error:
                _log.warning("exhibit_not_examined", epoch=place.epoch, reason=str(error))
            await asyncio.sleep(self._around.timings.poll_seconds)
