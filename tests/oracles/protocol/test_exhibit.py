"""Parts of trees as they are shown, against trees that the contracts' tests build by hand (tests/invariants/trees.py).

exhibit_of        every place, padding too → as the other builder has it; leads to the commitment
commitment_from   anything changed → elsewhere, or refused
is_unsound        sums that are not those below, at any level; padding that is not empty
is_faulty_leaf    out of place, inactive, above capacity, wrong public output
decode_leaves     what encode_leaves wrote → the same tree
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import ProofError, SBIError
from sbi_network.protocol.exhibit import (
    Exhibit,
    LeafTerms,
    Place,
    commitment_from,
    decode_leaves,
    encode_leaves,
    exhibit_of,
    is_faulty_leaf,
    is_unsound,
)
from sbi_network.protocol.sumtree import Leaf, Node, Sums, SumTree
from tests.invariants.trees import Tree, leaf_bytes, packed

small = st.integers(0, 2**40)
digests = st.binary(min_size=32, max_size=32)
leaf_lists = st.lists(st.tuples(small, small, small, small, digests), min_size=1, max_size=9)

TERMS = LeafTerms(active=True, capacities=(100, 0, 0), weights_x16=(32, 16, 64), public_share_bps=5_000)


def _both(leaves: list[tuple[int, int, int, int, bytes]]) -> tuple[SumTree, Tree]:
    ours = SumTree([Leaf(number, Sums(*sums), digest) for number, (*sums, digest) in enumerate(leaves)])
    words = [packed(sums[:3], sums[3]) for *sums, _ in leaves]
    theirs = Tree([(leaf_bytes(i, word, leaves[i][4]), word) for i, word in enumerate(words)])
    return ours, theirs


def _exhibit(tree: Tree, level: int, position: int) -> Exhibit:
    (hashed, sums), preimage, count, siblings = tree.exhibit(level, position)
    return Exhibit(_node(hashed, sums), preimage, count, tuple(_node(*each) for each in siblings))


def _node(hashed: bytes, sums: int) -> Node:
    return Node(hashed, sums.to_bytes(32))


@given(leaf_lists)
def test_exhibit_of__every_place__is_what_another_builder_shows(leaves: list[tuple[int, int, int, int, bytes]]) -> None:
    ours, theirs = _both(leaves)
    assert ours.commitment == theirs.commitment
    for level, position in theirs.places:
        shown = exhibit_of(ours, level, position)
        assert shown == _exhibit(theirs, level, position)
        assert commitment_from(Place(7, level, position), shown) == ours.commitment
        assert not is_unsound(Place(7, level, position), shown)


@given(leaf_lists)
def test_decode_leaves__what_was_encoded__is_the_same_tree(leaves: list[tuple[int, int, int, int, bytes]]) -> None:
    tree, _ = _both(leaves)
    assert decode_leaves(encode_leaves(tree.leaves)).commitment == tree.commitment


@pytest.mark.parametrize("data", [b"", bytes(63), bytes(65), b"\xff" * 128])
def test_decode_leaves__no_tree__is_refused(data: bytes) -> None:
    with pytest.raises(SBIError):
        decode_leaves(data)


def test_commitment_from__another_place_or_way__leads_elsewhere_or_nowhere() -> None:
    tree, _ = _both([(1, 2, 3, 4, bytes(32))] * 3)
    shown = exhibit_of(tree, 0, 1)
    other = dataclasses.replace(shown, siblings=shown.siblings[::-1])
    assert commitment_from(Place(7, 0, 0), shown) != tree.commitment
    assert commitment_from(Place(7, 0, 1), other) != tree.commitment
    for level, position in ((1, 1), (0, 4), (3, 0)):
        with pytest.raises(ProofError):
            commitment_from(Place(7, level, position), shown)


def test_is_unsound__sums_of_a_lying_tree__are_seen_where_they_lie() -> None:
    word = packed((1, 0, 0), 2)
    leaves = [(leaf_bytes(number, word, bytes(32)), word) for number in range(3)]
    counted_more = Tree([*leaves[:2], (leaves[2][0], word + 1)])
    full_padding = Tree(leaves, padding=(b"\x01" * 32, 5))
    taller = Tree(leaves, top=packed((9, 0, 0), 9))
    for tree, lie in ((counted_more, (0, 2)), (full_padding, (0, 3)), (taller, (2, 0))):
        assert is_unsound(Place(7, *lie), _exhibit(tree, *lie))
        assert not is_unsound(Place(7, 0, 0), _exhibit(tree, 0, 0))


def test_is_unsound__overflowing_lane__is_seen() -> None:
    most = packed((2**64 - 1, 0, 0), 0)
    leaves = [(leaf_bytes(number, most, bytes(32)), most) for number in range(2)]
    tree = Tree([leaves[0], leaves[1]], top=0)
    assert is_unsound(Place(7, 1, 0), _exhibit(tree, 1, 0))


def _leaf(position: int, raw: tuple[int, int, int], public: int, facility: int | None = None) -> tuple[Place, Exhibit]:
    """A leaf at a position of two, whatever it says."""
    word = packed(raw, public)
    number = position if facility is None else facility
    leaves = [(leaf_bytes(number if i == position else i, word, bytes(32)), word) for i in range(2)]
    return Place(7, 0, position), _exhibit(Tree(leaves), 0, position)


def test_is_faulty_leaf__each_fault__is_seen_and_a_true_leaf_is_not() -> None:
    inactive = dataclasses.replace(TERMS, active=False)
    assert not is_faulty_leaf(*_leaf(1, (100, 0, 0), 100), TERMS)
    assert not is_faulty_leaf(*_leaf(1, (0, 0, 0), 0), inactive)
    assert is_faulty_leaf(*_leaf(1, (0, 0, 0), 1), inactive)
    assert is_faulty_leaf(*_leaf(1, (101, 0, 0), 101), TERMS)
    assert is_faulty_leaf(*_leaf(1, (0, 0, 1), 2), TERMS)
    assert is_faulty_leaf(*_leaf(1, (100, 0, 0), 99), TERMS)
    assert is_faulty_leaf(*_leaf(1, (100, 0, 0), 100, facility=0), TERMS)


def test_is_faulty_leaf__bytes_that_were_not_hashed__is_refused() -> None:
    place, shown = _leaf(1, (100, 0, 0), 100)
    for preimage in (b"", shown.preimage[:-1], b"\x01" + shown.preimage[1:], shown.preimage[:-1] + b"\x01"):
        with pytest.raises(ProofError):
            is_faulty_leaf(place, dataclasses.replace(shown, preimage=preimage), TERMS)
