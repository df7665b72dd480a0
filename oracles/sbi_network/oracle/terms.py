"""What an epoch is judged by: the oracle set and every facility's key, capacity and share, as of that epoch.

All of it was fixed before the epoch began (changes start in an epoch that has not begun), so that every oracle reads
the same whenever it reads after the epoch's start.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_typing import ChecksumAddress

from sbi_network.chain.registry import FacilityTerms, Registry
from sbi_network.protocol.exhibit import LeafTerms
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Reading
from sbi_network.protocol.oracle_set import OracleConfig, leader
from sbi_network.protocol.sumtree import Leaf

_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class FacilityAtEpoch:
    """A facility as of an epoch."""

    reading_key: ChecksumAddress
    terms: FacilityTerms


@dataclass(frozen=True, slots=True)
class EpochTerms:
    """An epoch's oracle set and facilities, by number."""

    epoch: int
    config: OracleConfig
    facilities: tuple[FacilityAtEpoch, ...]

    @property
    def public_shares_bps(self) -> tuple[int, ...]:
        """The public share of each facility, basis points."""
        return tuple(facility.terms.public_share_bps for facility in self.facilities)

    @property
    def oracles(self) -> int:
        """n."""
        return len(self.config.signers)

    def leader_of(self, view: int) -> int:
        """Who leads a view."""
        return leader(self.epoch, view, self.oracles)

    def number_of(self, account: ChecksumAddress) -> int | None:
        """The number of an oracle, if it is of this epoch's set."""
        return self.config.signers.index(account) if account in self.config.signers else None

    def leaf_terms(self, facility: int) -> LeafTerms:
        """What a facility's leaf is judged by."""
        weights = self.config.weights_x16
        if facility >= len(self.facilities):
            return LeafTerms(active=False, capacities=(0, 0, 0), weights_x16=weights, public_share_bps=0)
        known = self.facilities[facility].terms
        return LeafTerms(known.active, known.capacities, weights, known.public_share_bps)

    def is_faulty(self, leaf: Leaf) -> bool:
        """Whether a leaf in its place is not what its facility's terms allow."""
        return not self.leaf_terms(leaf.facility).allow(leaf.sums)

    def fault_of(self, signed: Signed[Reading], facility: int) -> str | None:
        """Why a reading does not count as this facility's in this epoch; None where it does."""
        reading = signed.message
        if not 0 <= facility < len(self.facilities):
            return f"facility {facility} is not among {len(self.facilities)}"
        if reading.facility != facility:
            return f"the reading is facility {reading.facility}'s"
        if reading.epoch != self.epoch:
            return f"the reading is of epoch {reading.epoch}"
        known = self.facilities[facility]
        if not known.terms.active:
            return "the facility is not active"
        for raw, capacity in zip(reading.raw, known.terms.capacities, strict=True):
            if raw > capacity:
                return f"raw output {raw} is above the capacity of {capacity}"
        signer = signed.signer(self.config.domain)
        return None if signer == known.reading_key else f"{signer} signed, not the reading key {known.reading_key}"


class Terms:
    """The terms of recent epochs, each read once. Until an epoch has begun they may still change."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: OrderedDict[int, EpochTerms] = OrderedDict()

    async def of(self, epoch: int) -> EpochTerms:
        """An epoch's terms. The epoch has begun. Raises ChainError."""
        if epoch not in self._known:
            self._known[epoch] = await read_terms(self._registry, epoch)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[epoch]


async def read_terms(registry: Registry, epoch: int) -> EpochTerms:
    """An epoch's terms. The epoch has begun. Raises ChainError."""
    config = await registry.config_at(epoch)
    found = await registry.facilities_at(epoch)
    return EpochTerms(epoch, config, _known([FacilityAtEpoch(who.reading_key, terms) for who, terms in found]))


def _known(facilities: Sequence[FacilityAtEpoch]) -> tuple[FacilityAtEpoch, ...]:
    """Without those at the end that were registered too late for this epoch: numbers are given out in order."""
    count = len(facilities)
    while count and not facilities[count - 1].terms.is_known:
        count -= 1
    return tuple(facilities[:count])
