"""Keccak of eight messages at a time: what the plain implementation says, for any number of them.

hash_leaves      the leaf's hash, from any first index
hash_pairs       the sorted pair's hash, equal siblings too
match_checksums  EIP-55, as check_address has it: every spelling of every address
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import RangeError
from sbi_network.protocol.address import address_of, check_address
from sbi_network.protocol.keccak import keccak256
from sbi_network.roll import CitizenLeaf
from sbi_network.roll.keccak_lanes import hash_leaves, hash_pairs, match_checksums

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
@given(addresses, st.data())
def test_match_checksums__any_spelling__agrees_with_check_address(raw: list[bytes], data: st.DataObject) -> None:
    texts = [address_of(address)[2:] for address in raw]
    turned = data.draw(st.lists(st.integers(0, 39), min_size=len(raw), max_size=len(raw)))
    spelt = [
        text[:place] + text[place].swapcase() + text[place + 1 :] if data.draw(st.booleans()) else text
        for text, place in zip(texts, turned, strict=True)
    ]
    letters = [sum(sign.isalpha() << place for place, sign in enumerate(text)) for text in spelt]
    capitals = [sum(sign.isupper() << place for place, sign in enumerate(text)) for text in spelt]
    matches = np.empty(len(raw), np.bool_)
    accounts = np.frombuffer(b"".join(raw), np.uint8).reshape(-1, 20)
    match_checksums(accounts, np.array(letters, np.uint64), np.array(capitals, np.uint64), matches)
    assert matches.tolist() == [_is_address("0x" + text) for text in spelt]


def _is_address(text: str) -> bool:
    try:
        check_address("account", text)
    except RangeError:
        return False
    return True
