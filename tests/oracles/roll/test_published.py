"""A published roll.

prove   every citizen of any roll → the plain tree's proof, which leads to the root; who is not on it → refused
check   a proof in a file; anything changed in it → refused
verify  a whole roll → its manifest; any byte of any file changed, any file longer, shorter or gone → refused
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import RollError
from sbi_network.protocol.address import check_address
from sbi_network.roll import root_from_proof
from sbi_network.roll.layout import MANIFEST, Manifest, read_manifest
from sbi_network.roll.published import open_roll, read_proof
from sbi_network.roll.verify import verify_files
from tests.oracles.roll.registers import Bars, built, plain_batch, register, registered, untimed, write_csv


@pytest.fixture(scope="module")
def roll(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    built(folder / "roll", write_csv(folder / "a.csv", register(150, 3)))
    return folder / "roll"


def verified(roll: Path) -> Manifest:
    return verify_files(roll, Bars(), 2)


def test_prove__every_citizen__is_the_plain_trees_proof(roll: Path) -> None:
    with open_roll(roll) as opened:
        for region in (1, 2, 3):
            citizens = [citizen for citizen in register(150, 3) if citizen.region == region]
            batch = plain_batch(citizens)
            for leaf in batch.leaves:
                proof = opened.prove(leaf.account)
                assert proof.leaf == leaf
                assert proof.batch.region == region
                assert root_from_proof(leaf, proof.proof) == batch.root == proof.batch.root
                assert proof.proof == batch.proof(leaf.index)


@given(st.integers(200, 10_000))
def test_prove__who_is_not_on_it__is_refused(roll: Path, number: int) -> None:
    with open_roll(roll) as opened, pytest.raises(RollError, match="is not on this roll of 150 citizens"):
        opened.prove(check_address("account", registered(number).account))


def test_open_roll__no_roll__is_refused(tmp_path: Path) -> None:
    with pytest.raises(RollError, match="is no published roll"), open_roll(tmp_path):
        pass


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "sbi-roll-2"),
        ("batches", []),
        ("batches", [{"region": 1, "size": 0, "root": "0x" + "1" * 64}]),
        ("batches", [{"region": -1, "size": 1, "root": "0x" + "1" * 64}]),
        ("batches", [{"region": 1, "size": 1, "root": "0x1"}]),
        ("earlier", ["1"]),
        ("unknown", 1),
    ],
)
def test_read_manifest__not_as_it_should_be__is_refused(roll: Path, tmp_path: Path, field: str, value: object) -> None:
    given = json.loads((roll / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**given, field: value}))
    with pytest.raises(RollError, match=MANIFEST):
        read_manifest(tmp_path)


def proof_of(roll: Path, folder: Path, **changes: object) -> Path:
    with open_roll(roll) as opened:
        given = opened.prove(check_address("account", registered(0).account)).to_json()
    path = folder / "proof.json"
    path.write_text(json.dumps({**given, **changes}))
    return path


def test_read_proof__what_prove_gave__is_the_same(roll: Path, tmp_path: Path) -> None:
    with open_roll(roll) as opened:
        proof = opened.prove(check_address("account", registered(0).account))
    read = read_proof(proof_of(roll, tmp_path))
    assert (read.leaf, read.proof, read.batch.root) == (proof.leaf, proof.proof, proof.batch.root)


@pytest.mark.parametrize(
    "changes",
    [
        {"index": 0},
        {"account": registered(3).account},
        {"account": registered(0).account.lower()},
        {"person": registered(3).person},
        {"root": "0x" + "1" * 64},
        {"proof": []},
        {"proof": ["0x" + "1" * 64] * 41},
        {"proof": ["x"]},
        {"size": 1},
        {"more": 1},
    ],
)
def test_read_proof__anything_changed__is_refused(roll: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(RollError, match="proof"):
        read_proof(proof_of(roll, tmp_path, **changes))


def test_verify_files__whole__is_the_manifest(roll: Path) -> None:
    assert verified(roll) == read_manifest(roll)


def test_verify_files__one_citizen__is_the_manifest(tmp_path: Path) -> None:
    built(tmp_path / "roll", write_csv(tmp_path / "a.csv", register(1)))
    assert verified(tmp_path / "roll").size == 1


def test_verify_files__more_than_a_slice__is_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sbi_network.roll import verify

    built(tmp_path / "roll", write_csv(tmp_path / "a.csv", register(500, 2)))
    monkeypatch.setattr(verify, "ROWS_A_CHECK", 37)
    assert verified(tmp_path / "roll").size == 500


@untimed
@given(st.data())
def test_verify_files__any_byte_changed__is_refused(
    roll: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "roll"
    shutil.copytree(roll, copy)
    path = data.draw(st.sampled_from(sorted(path for path in copy.rglob("*.bin"))))
    place = data.draw(st.integers(0, path.stat().st_size - 1))
    whole = bytearray(path.read_bytes())
    whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    with pytest.raises(RollError):
        verified(copy)


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + b"\0", lambda text: b""])
@pytest.mark.parametrize("name", ["persons.bin", "batch-0001/leaves.bin", "batch-0002/tree.bin"])
def test_open_roll__file_of_another_size__is_refused(roll: Path, tmp_path: Path, name: str, change: object) -> None:
    shutil.copytree(roll, tmp_path / "roll")
    path = tmp_path / "roll" / name
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(RollError, match="the roll is not whole"), open_roll(tmp_path / "roll"):
        pass


def test_open_roll__file_gone__is_refused(roll: Path, tmp_path: Path) -> None:
    shutil.copytree(roll, tmp_path / "roll")
    (tmp_path / "roll" / "batch-0000" / "tree.bin").unlink()
    with pytest.raises(RollError, match=r"tree\.bin: cannot be read"), open_roll(tmp_path / "roll"):
        pass


def test_prove__leaf_damaged__is_refused(roll: Path, tmp_path: Path) -> None:
    shutil.copytree(roll, tmp_path / "roll")
    tree = tmp_path / "roll" / "batch-0000" / "tree.bin"
    tree.write_bytes(tree.read_bytes()[:32] + bytes(tree.stat().st_size - 32))
    with open_roll(tmp_path / "roll") as opened, pytest.raises(RollError, match="does not lead to the root"):
        opened.prove(check_address("account", registered(0).account))


def test_prove__a_roll_of_any_size__reads_some_hundred_places(roll: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search halves what is left at each look: counted here, so that no clock is needed."""
    from sbi_network.roll import published

    looks = 0

    class Counting:
        def __init__(self, rows: object) -> None:
            self._rows = rows

        def __getitem__(self, place: slice) -> bytes:
            nonlocal looks
            looks += 1
            return self._rows[place]  # type: ignore[index, no-any-return]

    with open_roll(roll) as opened:
        counted = published.PublishedRoll(
            opened.folder,
            opened.manifest,
            [Counting(each) for each in opened._leaves],  # type: ignore[misc]
            [Counting(each) for each in opened._trees],  # type: ignore[misc]
        )
        counted.prove(check_address("account", registered(0).account))
    assert looks <= 4 * 2 * 6 + 6
