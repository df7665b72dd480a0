"""The Merkle-sum tree, against a reading of docs/protocol.md that stores every padded node and hashes with eth_utils.

Sums            pack, unpack, add, overflow
SumTree         same as the reading; leaves out of place; overflow; one facility; many
verify_proof    every leaf; anything changed
"""

from __future__ import annotations

import dataclasses

import pytest
from eth_utils.crypto import keccak
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sbi_network.errors import FormatError, ProofError, RangeError, SumOverflowError
from sbi_network.protocol.sumtree import PADDING, Leaf, Node, Sums, SumTree, depth_of, top_from_proof, verify_proof

from .strategies import uint64s, words

sums = st.builds(Sums, uint64s, uint64s, uint64s, uint64s)
small_sums = st.builds(Sums, *[st.integers(0, 2**57)] * 4)
leaf_lists = st.lists(st.tuples(small_sums, words), min_size=1, max_size=20).map(
    lambda parts: [Leaf(facility, *part) for facility, part in enumerate(parts)]
)


def plain_top(leaves: list[Leaf]) -> tuple[bytes, list[int]]:
    """Hash and lanes of the top, level by level over all 2**depth positions."""
    width = 1
    while width < len(leaves):
        width *= 2
    level = [
        (
            keccak(b"\0" + leaf.facility.to_bytes(4, "big") + word(leaf.sums.lanes) + leaf.reading_digest),
            list(leaf.sums.lanes),
        )
        for leaf in leaves
    ]
    level += [(bytes(32), [0, 0, 0, 0])] * (width - len(leaves))
    while len(level) > 1:
        pairs = [(level[i], level[i + 1]) for i in range(0, len(level), 2)]
        level = [
            (
                keccak(b"\1" + left[0] + word(left[1]) + right[0] + word(right[1])),
                [a + b for a, b in zip(left[1], right[1], strict=True)],
            )
            for left, right in pairs
        ]
    return level[0]


def word(lanes: list[int] | tuple[int, ...]) -> bytes:
    return int("".join(f"{lane:016x}" for lane in lanes), 16).to_bytes(32, "big")


@given(sums)
def test_unpack__what_pack_wrote__is_the_same(given_sums: Sums) -> None:
    assert given_sums.pack() == word(given_sums.lanes)
    assert Sums.unpack(given_sums.pack()) == given_sums


@pytest.mark.parametrize("size", [0, 31, 33])
def test_unpack__another_length__refused(size: int) -> None:
    with pytest.raises(FormatError):
        Sums.unpack(bytes(size))


@given(sums, sums)
def test_add__any_two__adds_lane_by_lane_or_refuses(left: Sums, right: Sums) -> None:
    lanes = [a + b for a, b in zip(left.lanes, right.lanes, strict=True)]
    if max(lanes) < 2**64:
        assert list((left + right).lanes) == lanes
    else:
        with pytest.raises(SumOverflowError):
            left + right


@pytest.mark.parametrize("lane", range(4))
def test_add__one_lane_full__refused_by_name(lane: int) -> None:
    full = [0, 0, 0, 0]
    full[lane] = 2**64 - 1
    one = [0, 0, 0, 0]
    one[lane] = 1
    with pytest.raises(SumOverflowError) as caught:
        Sums(*full) + Sums(*one)
    assert caught.value.lane == ("general", "intelligent", "super", "publicOutput")[lane]
    assert caught.value.total == 2**64


@pytest.mark.parametrize(("count", "depth"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (10_000, 14)])
def test_depth_of__count__is_the_least_with_room(count: int, depth: int) -> None:
    assert depth_of(count) == depth


@given(leaf_lists)
def test_sum_tree__any_leaves__is_the_plain_reading(leaves: list[Leaf]) -> None:
    tree = SumTree(leaves)
    top_hash, lanes = plain_top(leaves)
    assert (tree.root, list(tree.sums.lanes)) == (top_hash, lanes)
    assert tree.top.sums == word(lanes)
    assert tree.commitment == keccak(b"\2" + len(leaves).to_bytes(4, "big") + top_hash + word(lanes))


@given(leaf_lists)
def test_verify_proof__every_leaf__holds(leaves: list[Leaf]) -> None:
    tree = SumTree(leaves)
    for leaf in leaves:
        assert verify_proof(leaf, tree.proof(leaf.facility), tree.count, tree.commitment)


@given(leaf_lists, st.data())
@settings(max_examples=150)
def test_verify_proof__anything_changed__fails(leaves: list[Leaf], data: st.DataObject) -> None:
    tree = SumTree(leaves)
    leaf = data.draw(st.sampled_from(leaves))
    proof, count, commitment = tree.proof(leaf.facility), tree.count, tree.commitment
    changed_leaf, changed_proof, changed_count = leaf, proof, count
    change = data.draw(st.sampled_from(["facility", "sums", "digest", "sibling", "longer", "shorter", "count"]))
    if change == "facility":
        changed_leaf = dataclasses.replace(leaf, facility=data.draw(st.integers(0, 40)))
    elif change == "sums":
        changed_leaf = dataclasses.replace(leaf, sums=data.draw(sums))
    elif change == "digest":
        changed_leaf = dataclasses.replace(leaf, reading_digest=data.draw(words))
    elif change == "sibling" and proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        sibling = (
            Node(proof[place].hash, data.draw(words))
            if data.draw(st.booleans())
            else Node(data.draw(words), proof[place].sums)
        )
        changed_proof = (*proof[:place], sibling, *proof[place + 1 :])
    elif change == "longer":
        changed_proof = (*proof, PADDING)
    elif change == "shorter":
        changed_proof = proof[:-1]
    elif change == "count":
        changed_count = data.draw(st.integers(1, 40))
    assume((changed_leaf, changed_proof, changed_count) != (leaf, proof, count))
    assert not verify_proof(changed_leaf, changed_proof, changed_count, commitment)


def test_verify_proof__padding_taken_for_a_facility__fails() -> None:
    tree = SumTree([Leaf(0), Leaf(1), Leaf(2)])
    with pytest.raises(ProofError, match="facility 3"):
        top_from_proof(Leaf(3), tree.proof(2), 3)


def test_top_from_proof__sibling_of_another_size__refused() -> None:
    with pytest.raises(ProofError, match="32 bytes"):
        top_from_proof(Leaf(0), (Node(bytes(31), bytes(33)),), 2)


def test_top_from_proof__lane_would_overflow__refused() -> None:
    sibling = Node(bytes(32), Sums(general=2**64 - 1).pack())
    with pytest.raises(SumOverflowError, match="general"):
        top_from_proof(Leaf(0, Sums(general=1)), (sibling,), 2)


def test_sum_tree__total_would_overflow__refused() -> None:
    with pytest.raises(SumOverflowError, match="super"):
        SumTree([Leaf(facility, Sums(super_=2**63)) for facility in range(3)])


def test_sum_tree__total_exactly_full__built() -> None:
    full = SumTree([Leaf(0, Sums(*[2**63] * 4)), Leaf(1, Sums(*[2**63 - 1] * 4))])
    assert full.top.sums == b"\xff" * 32


def test_sum_tree__leaves_out_of_place__refused() -> None:
    with pytest.raises(RangeError, match="leaf 0"):
        SumTree([Leaf(1), Leaf(0)])
    with pytest.raises(RangeError, match="leaf 1"):
        SumTree([Leaf(0), Leaf(0)])


def test_sum_tree__no_leaf__refused() -> None:
    with pytest.raises(RangeError, match="at least one"):
        SumTree([])


@pytest.mark.parametrize("position", [-1, 3, True])
def test_proof__position_not_in_the_tree__refused(position: int) -> None:
    with pytest.raises(RangeError, match="position"):
        SumTree([Leaf(0), Leaf(1), Leaf(2)]).proof(position)


def test_sum_tree__ten_thousand_facilities__proofs_hold() -> None:
    tree = SumTree([Leaf(facility, Sums(facility, 1, 2, 3)) for facility in range(10_000)])
    assert tree.sums == Sums(49_995_000, 10_000, 20_000, 30_000)
    for facility in (0, 8191, 8192, 9_999):
        assert verify_proof(tree.leaves[facility], tree.proof(facility), 10_000, tree.commitment)
