"""Slots and deadlines."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import RangeError
from sbi_network.meter.proof import Sizes, Terms, slots_of
from sbi_network.protocol.keccak import keccak256
from tests.oracles.meter.proof.challenges import BEACON, SECOND

NATION = {facility: facility % 7 for facility in range(400)}


@settings(deadline=None)
@given(
    regions=st.dictionaries(st.integers(0, 300), st.integers(0, 5), max_size=60),
    beacon=st.binary(min_size=32, max_size=32),
    slots=st.integers(1, 12),
)
def test_slots_of__any_nation__holds_an_even_share_of_each_region(
    regions: dict[int, int], beacon: bytes, slots: int
) -> None:
    slot_of = slots_of(regions, beacon, slots)
    assert slot_of.keys() == regions.keys()
    assert all(0 <= slot < slots for slot in slot_of.values())
    if len(set(slot_of.values())) > 1:
        for region, size in Counter(regions.values()).items():
            by_slot = Counter(slot_of[facility] for facility in regions if regions[facility] == region)
            # An even share, within the pair that a nation of few may have had to move.
            assert max(by_slot.values()) <= 2 * -(-size // (2 * slots)) + 2
    assert len(set(slot_of.values())) > 1 or slots == 1 or len(regions) <= 2


def test_slots_of__a_nation_in_several_slots__has_an_even_share_in_each() -> None:
    for number in range(50):
        by_slot = Counter(slots_of(NATION, keccak256(bytes([number])), 10).values())
        # A tenth, and of each of seven regions at most a pair more.
        assert max(by_slot.values()) <= 40 + 14


def test_slots_of__nation_of_three_regions_of_one__is_never_in_one_slot() -> None:
    nation = {0: 1, 1: 2, 2: 3}
    taken = [len(set(slots_of(nation, keccak256(bytes([number])), 2).values())) for number in range(200)]
    assert set(taken) == {2}


def test_slots_of__another_beacon__is_another_order() -> None:
    assert slots_of(NATION, BEACON, 10) == slots_of(NATION, BEACON, 10)
    assert slots_of(NATION, BEACON, 10) != slots_of(NATION, SECOND, 10)


def test_slots_of__two_facilities_over_many_epochs__meet() -> None:
    epochs, slots = 1000, 10
    nation = {facility: NATION[facility] for facility in range(70)}
    met = {"of one region": 0, "of two": 0}
    for number in range(epochs):
        slot_of = slots_of(nation, keccak256(number.to_bytes(4)), slots)
        met["of one region"] += slot_of[0] == slot_of[7]
        met["of two"] += slot_of[0] == slot_of[1]
    # Of a region of ten: one of the nine others is a facility's pair. Of two regions: by chance.
    assert abs(met["of one region"] - epochs / 9) < 4 * (epochs / 9) ** 0.5
    assert abs(met["of two"] - epochs / 10) < 4 * (epochs / 10) ** 0.5


@pytest.mark.parametrize(("beacon", "slots"), [(b"short", 3), (BEACON, 0)])
def test_slots_of__malformed__is_refused(beacon: bytes, slots: int) -> None:
    with pytest.raises(RangeError):
        slots_of(NATION, beacon, slots)


# Deadlines


def test_terms__of_a_machine__allow_a_quarter_more_and_the_grace() -> None:
    # 2·2^39 operations at 2^30 a second take 1024 s.
    terms = Terms(Sizes(8192, 8192, 8192), 2**30, 2_000)
    assert terms.allowed_ms == 1_280_000 + 2_000
    assert terms.stops_the_lesser


def test_terms__grace_beside_the_product__stops_the_lesser_below_three_quarters() -> None:
    sizes = Sizes(8192, 8192, 8192)
    assert Terms(sizes, 2**30, 767_999).stops_the_lesser
    assert not Terms(sizes, 2**30, 768_000).stops_the_lesser


@pytest.mark.parametrize("changes", [{"rate": 0}, {"rate": 1.5}, {"grace_ms": -1}, {"grace_ms": True}])
def test_terms__malformed__are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RangeError):
        Terms(**({"sizes": Sizes(64, 64, 64), "rate": 1, "grace_ms": 0} | changes))  # type: ignore[arg-type]
