"""When a facility is challenged within an epoch, and by when it must have answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sbi_network.errors import RangeError
from sbi_network.meter.proof.challenge import Sizes
from sbi_network.protocol.figure import UINT32_MAX, WORD_BYTES, check_uint, check_word
from sbi_network.protocol.keccak import keccak256

SLACK = Fraction(5, 4)
"""What a device of the claimed rate may take, in times of what it needs: it also generates and hashes."""

_TAG_SLOT = keccak256(b"SBI product slot")


def slots_of(regions: Mapping[int, int], epoch_beacon: bytes, slots: int) -> dict[int, int]:
    """The slot, from 0, of each facility. `regions` gives the region of each facility by its number.

    Within a region facilities are paired, in an order that nobody knows before the epoch's beacon, and the pairs dealt
    to the slots in turn, from a slot that the beacon draws for the region. So every slot has an even share of every
    region, within a pair, and a grid never sees all its machines at once; and any two facilities meet in a slot, again
    and again. Should a nation of more than two lie in one slot all the same, its last pair goes to the next.

    Raises RangeError.
    """
    check_word("epochBeacon", epoch_beacon)
    if check_uint("slots", slots, UINT32_MAX) == 0:
        raise RangeError("slots", slots, "at least one")
    by_region: dict[int, list[int]] = {}
    for facility, region in sorted(regions.items()):
        by_region.setdefault(region, []).append(facility)
    slot_of = {
        facility: (_draw(epoch_beacon, region, _REGION) + place // _PAIR) % slots
        for region, members in by_region.items()
        for place, facility in enumerate(_shuffled(members, epoch_beacon))
    }
    if len(slot_of) > _PAIR and len(set(slot_of.values())) == 1:
        last = _shuffled(list(slot_of), epoch_beacon)[-_PAIR:]
        slot_of |= {facility: (slot_of[facility] + 1) % slots for facility in last}
    return slot_of


_PAIR = 2
_FACILITY, _REGION = 0, 1


def _shuffled(facilities: Sequence[int], beacon: bytes) -> list[int]:
    return sorted(facilities, key=lambda facility: (_draw(beacon, facility, _FACILITY), facility))


def _draw(beacon: bytes, number: int, what: int) -> int:
    words = beacon + what.to_bytes(WORD_BYTES) + number.to_bytes(WORD_BYTES)
    return int.from_bytes(keccak256(_TAG_SLOT + words))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a device is asked: sizes, the `rate` it claims (operations a second), and what a block and a network take,
    `grace_ms`. Raises RangeError."""

    sizes: Sizes
    rate: int
    grace_ms: int

    def __post_init__(self) -> None:
        if type(self.rate) is not int or self.rate < 1:
            raise RangeError("rate", self.rate, "an integer of 1 or more")
        if type(self.grace_ms) is not int or self.grace_ms < 0:
            raise RangeError("grace_ms", self.grace_ms, "an integer of 0 or more")

    @property
    def allowed_ms(self) -> int:
        """From the first beacon's block to the deadline, in milliseconds, rounded down."""
        return int(SLACK * 1000 * self.sizes.operations / self.rate) + self.grace_ms

    @property
    def stops_the_lesser(self) -> bool:
        """Whether a machine of half the rate, or one that answers for two, is late: it takes twice what is needed."""
        return self.allowed_ms * self.rate < 2 * 1000 * self.sizes.operations
