"""Batches of citizens.

CitizenLeaf     hash as eth_abi encodes it; fields out of range
build_batch     same as npm's @openzeppelin/merkle-tree; any order; gaps, repeats, none
proof           every citizen of any batch; anything changed; no such index
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sbi_network.errors import RangeError, RollError
from sbi_network.protocol.address import address_of
from sbi_network.roll import CitizenLeaf, build_batch, root_from_proof, verify_proof

ROOT = Path(__file__).parents[3]
MERKLE_TREE = ROOT / "node_modules" / "@openzeppelin" / "merkle-tree"

NODE_SCRIPT = """
const {StandardMerkleTree} = require(process.argv[1]);
const sizes = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(sizes.map(values => {
  const tree = StandardMerkleTree.of(values, ["uint256", "address", "bytes32"]);
  return {root: tree.root, proofs: values.map((_, i) => tree.getProof(i))};
})));
"""


def citizen(index: int) -> CitizenLeaf:
    seed = keccak(index.to_bytes(4, "big"))
    return CitizenLeaf(index, address_of(seed[:20]), seed)


def citizens(size: int) -> list[CitizenLeaf]:
    return [citizen(index) for index in range(size)]


sizes = st.integers(1, 40)


def plain_root(leaves: list[CitizenLeaf]) -> bytes:
    """The root by queue: the last two of the heap-shaped array are always joined next, into the front."""
    queue = sorted(
        keccak(keccak(encode(["uint256", "address", "bytes32"], dataclasses.astuple(leaf)))) for leaf in leaves
    )
    while len(queue) > 1:
        left, right, *queue = queue
        queue.append(keccak(min(left, right) + max(left, right)))
    return bytes(queue[0])


@given(
    st.integers(0, 2**32 - 1),
    st.binary(min_size=20, max_size=20).filter(any),
    st.binary(min_size=32, max_size=32).filter(any),
)
def test_hash__any_leaf__is_the_double_hash_of_the_abi_encoding(index: int, account: bytes, person: bytes) -> None:
    leaf = CitizenLeaf(index, address_of(account), person)
    assert leaf.hash() == keccak(keccak(encode(["uint256", "address", "bytes32"], [index, leaf.account, person])))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("index", -1),
        ("index", 2**32),
        ("index", True),
        ("account", "0x" + "0" * 40),
        ("account", citizen(0).account.lower()),
        ("account", citizen(0).account.swapcase()),
        ("account", citizen(0).account[:-1]),
        ("account", None),
        ("person", bytes(32)),
        ("person", bytes(31)),
        ("person", "0x"),
    ],
)
def test_citizen_leaf__field_out_of_range__refused(field: str, value: Any) -> None:
    with pytest.raises(RangeError):
        dataclasses.replace(citizen(0), **{field: value})


@given(sizes)
def test_build_batch__any_size__has_the_root_of_the_plain_reading(size: int) -> None:
    batch = build_batch(citizens(size))
    assert (batch.root, batch.size) == (plain_root(citizens(size)), size)


@pytest.mark.skipif(shutil.which("node") is None or not MERKLE_TREE.is_dir(), reason="needs node and `make setup`")
def test_build_batch__many_sizes__is_the_tree_of_the_npm_package() -> None:
    batches = [build_batch(citizens(size)) for size in (1, 2, 3, 4, 5, 7, 8, 9, 33, 100)]
    values = [[[leaf.index, leaf.account, "0x" + leaf.person.hex()] for leaf in batch.leaves] for batch in batches]
    command = ["node", "-e", NODE_SCRIPT, str(MERKLE_TREE)]
    answer = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=True, timeout=60)
    for batch, theirs in zip(batches, json.loads(answer.stdout), strict=True):
        assert "0x" + batch.root.hex() == theirs["root"]
        ours = [["0x" + sibling.hex() for sibling in batch.proof(index)] for index in range(batch.size)]
        assert ours == theirs["proofs"]


@given(st.permutations(range(9)))
def test_build_batch__another_order__is_the_same(order: list[int]) -> None:
    batch = build_batch(citizen(index) for index in order)
    assert batch.root == build_batch(citizens(9)).root
    assert [leaf.index for leaf in batch.leaves] == list(range(9))


@given(sizes, st.data())
def test_proof__every_citizen__leads_to_the_root(size: int, data: st.DataObject) -> None:
    batch = build_batch(citizens(size))
    for leaf in batch.leaves:
        proof = batch.proof(leaf.index)
        assert len(proof) <= (size - 1).bit_length()
        assert verify_proof(leaf, proof, batch.root)


@given(sizes, st.data())
@settings(max_examples=100)
def test_verify_proof__anything_changed__fails(size: int, data: st.DataObject) -> None:
    batch = build_batch(citizens(size))
    leaf = batch.leaves[data.draw(st.integers(0, size - 1))]
    proof = batch.proof(leaf.index)
    other = data.draw(st.sampled_from([dataclasses.replace(leaf, index=leaf.index + 1), citizen(10_000), None]))
    if other is not None:
        assert not verify_proof(other, proof, batch.root)
        return
    place = data.draw(st.integers(0, len(proof)))
    word = data.draw(st.binary(min_size=32, max_size=32))
    changed = data.draw(st.sampled_from([(*proof[:place], word, *proof[place + 1 :]), proof[:-1], (*proof, word)]))
    assume(changed != proof)
    assert not verify_proof(leaf, changed, batch.root)


def test_root_from_proof__batch_of_one__is_the_leaf() -> None:
    assert build_batch(citizens(1)).root == root_from_proof(citizen(0), ()) == citizen(0).hash()


@pytest.mark.parametrize("index", [-1, 3, True])
def test_proof__no_such_index__refused(index: int) -> None:
    with pytest.raises(RangeError, match="index"):
        build_batch(citizens(3)).proof(index)


def test_build_batch__nobody__refused() -> None:
    with pytest.raises(RollError, match="at least one"):
        build_batch([])


def test_build_batch__gap_or_repeat_in_indices__refused() -> None:
    with pytest.raises(RollError, match="2 appears where 1 is missing"):
        build_batch([citizen(0), citizen(2)])
    with pytest.raises(RollError, match="1 appears where 0 is missing"):
        build_batch([citizen(1)])
    with pytest.raises(RollError, match="1 appears twice"):
        build_batch([citizen(0), citizen(1), dataclasses.replace(citizen(2), index=1)])


@pytest.mark.parametrize("field", ["account", "person"])
def test_build_batch__somebody_twice__refused_with_both_places(field: str) -> None:
    twin = dataclasses.replace(citizen(2), **{field: getattr(citizen(0), field)})
    with pytest.raises(RollError, match=f"{field} .* index 0 and at index 2"):
        build_batch([citizen(0), citizen(1), twin])
