"""Keccak of eight messages at a time: what the plain implementation says, for any number of them.

hash_leaves      the leaf's hash, from any first index
hash_pairs       the sorted pair's hash, equal siblings too
mark_capitals    EIP-55, as address_of spells it
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.protocol.address import address_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.roll import CitizenLeaf
from sbi_network.roll.keccak_lanes import hash_leaves, hash_pairs, mark_capitals

from .registers import untimed

leaves = st.lists(st.binary(min_size=52, max_size=52).filter(lambda b: any(b[:20]) and any(b[20:])), max_size=20)
nodes = st.lists(st.tuples(*[st.binary(min_size=32, max_size=32)] * 2), max_size=20)
addresses = st.lists(st.binary(min_size=20, max_size=20), min_size=1, max_size=20)


@untimed
@given(leaves, st.integers(0, 2**32 - 21))
def test_hash_leaves__any_citizens__are_the_hashes_of_their_leaves(rows: list[bytes], first: int) -> None:
    hashes = np.empty((len(rows), 4), np.uint64)
    hash_leaves(first, np.frombuffer(b"".join(rows), np.uint32).reshape(-1, 13), hashes)
    expected = [CitizenLeaf(first + i, address_of(row[:20]), row[20:]).hash() for i, row in enumerate(rows)]
    assert [bytes(word.tobytes()) for word in hashes] == expected


@untimed
@given(nodes)
def test_hash_pairs__any_nodes__are_hashed_in_ascending_order(pairs: list[tuple[bytes, bytes]]) -> None:
    pairs = [*pairs, (bytes(32), bytes(32)), (b"\1" * 31 + b"\2", b"\1" * 32)]
    children = np.frombuffer(b"".join(left + right for left, right in pairs), np.uint64).reshape(-1, 4)
    parents = np.empty((len(pairs), 4), np.uint64)
    hash_pairs(children, parents)
    assert [bytes(node.tobytes()) for node in parents] == [keccak256(b"".join(sorted(pair))) for pair in pairs]


@untimed
@given(addresses)
def test_mark_capitals__any_addresses__are_spelt_as_address_of_does(raw: list[bytes]) -> None:
    marks = np.empty(len(raw), np.uint64)
    mark_capitals(np.frombuffer(b"".join(raw), np.uint8).reshape(-1, 20), marks)
    spelt = [
        "".join(digit.upper() if mark >> place & 1 else digit for place, digit in enumerate(address.hex()))
        for address, mark in zip(raw, marks.tolist(), strict=True)
    ]
    assert ["0x" + text for text in spelt] == [address_of(address) for address in raw]
