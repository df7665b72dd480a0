"""The check: what is honest passes, what is wrong does not, as often as theory says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.meter.proof import (
    Challenge,
    NumpyBackend,
    Opening,
    OpeningFormatError,
    SharedCheck,
    Sizes,
    SizesError,
    WrongProductError,
    checked_opening,
    find_wrong_entry,
    prove,
)
from sbi_network.meter.proof import verifier as verifier_module
from sbi_network.meter.proof.challenge import opened_rows
from sbi_network.meter.proof.opening import opening_bytes
from sbi_network.meter.proof.soundness import detection, escape, false_accept
from sbi_network.meter.proof.tree import root_from_path
from sbi_network.protocol.keccak import keccak256
from tests.oracles.meter.proof.challenges import SECOND, SIZES, challenge, committed, plain_product, resized


@pytest.fixture(scope="module")
def shared() -> SharedCheck:
    return SharedCheck(challenge().b, SECOND)


def seconds(count: int) -> Iterator[bytes]:
    """Second beacons."""
    return (keccak256(b"second" + number.to_bytes(4)) for number in range(count))


# Honest answers


@settings(deadline=None)
@given(
    facility=st.integers(0, 2**32 - 1),
    beacon=st.binary(min_size=32, max_size=32),
    second=st.binary(min_size=32, max_size=32),
    sizes=st.builds(Sizes, *[st.sampled_from([64, 128, 256])] * 3),
)
def test_check__honest_answer__always_passes(facility: int, beacon: bytes, second: bytes, sizes: Sizes) -> None:
    proof = prove(challenge(facility, beacon, sizes), NumpyBackend())
    opening = Opening.from_bytes(proof.open(second).to_bytes(), sizes)
    SharedCheck(proof.challenge.b, second).check(proof.product, opening)


def test_check__of_many_devices__needs_one_pass_over_b(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    real = verifier_module._product_with

    def counted(*given: Any) -> npt.NDArray[np.float64]:
        passes.append(1)
        return real(*given)

    monkeypatch.setattr(verifier_module, "_product_with", counted)
    check = SharedCheck(challenge().b, SECOND)
    for facility in range(5):
        proof = prove(challenge(facility), NumpyBackend())
        check.check(proof.product, proof.open(SECOND))
    assert passes == [1]


def test_product_with__more_columns_than_at_once__is_exact() -> None:
    b = challenge(sizes=Sizes(64, 4096, 64)).b
    check = SharedCheck(b, SECOND)
    r = check._r.astype(np.int64)
    assert np.array_equal(check._br, b.rows(0, 4096).astype(np.int64).T @ r)


# Wrong rows


@pytest.mark.parametrize("error", [1, -1, 2**20, -(2**31), 2**31 - 1])
def test_check__one_wrong_entry_in_an_opened_row__is_wrong(shared: SharedCheck, error: int) -> None:
    c = plain_product(challenge())
    row = opened_rows(challenge().a, SECOND)[17]
    c[row, 5] = error if abs(error) > 2**20 else c[row, 5] + error
    proof = committed(challenge(), c)
    with pytest.raises(WrongProductError) as wrong:
        shared.check(proof.product, proof.open(SECOND))
    assert wrong.value.row == row
    assert f"row {row}" in str(wrong.value)


def test_check__wrong_rows_that_are_not_opened__pass(shared: SharedCheck) -> None:
    # What the check cannot see: hence the share that it catches, below.
    c = plain_product(challenge())
    unseen = sorted(set(range(SIZES.m)) - set(opened_rows(challenge().a, SECOND)))
    c[unseen] = 0
    proof = committed(challenge(), c)
    shared.check(proof.product, proof.open(SECOND))


@pytest.mark.parametrize("share", [1 / 128, 1 / 32, 1 / 16])
def test_check__share_of_wrong_rows__is_caught_as_often_as_theory_says(share: float) -> None:
    sizes = Sizes(1024, 64, 64)
    asked = challenge(sizes=sizes)
    wrong = int(share * sizes.m)
    c = plain_product(asked)
    c[np.random.default_rng(1).choice(sizes.m, wrong, replace=False), 0] += 1
    proof = committed(asked, c)
    trials = 300
    caught = sum(_is_wrong(proof.product, proof.open(second), asked, second) for second in seconds(trials))
    expected = detection(sizes.m, wrong)
    deviation = (expected * (1 - expected) / trials) ** 0.5
    assert abs(caught / trials - expected) < 4 * deviation


def _is_wrong(product: object, opening: Opening, asked: Challenge, second: bytes) -> bool:
    try:
        SharedCheck(asked.b, second).check(product, opening)  # type: ignore[arg-type]
    except WrongProductError:
        return True
    return False


def test_check__with_one_vector__accepts_wrong_rows_as_often_as_theory_says() -> None:
    # One vector instead of eight, so that it happens at all: once in 256 for the worst error, one wrong entry in a row.
    # In each row it is another, so that the rows are independent.
    sizes = Sizes(64, 64, 64)
    asked = challenge(sizes=sizes)
    proof = committed(asked, plain_product(asked) + np.eye(64, dtype=np.int64))
    accepted = trials = 0
    for second in seconds(120):
        check, opening = SharedCheck(asked.b, second, 1), proof.open(second)
        picked = opened_rows(asked.a, second)
        accepted += len(picked) - len(check._wrong_rows(asked.a, picked, opening))
        trials += len(picked)
    expected = false_accept(1)
    assert expected == 1 / 256
    assert abs(accepted - trials * expected) < 4 * (trials * expected * (1 - expected)) ** 0.5


def test_check__with_all_vectors__accepts_no_wrong_row() -> None:
    sizes = Sizes(64, 64, 64)
    asked = challenge(sizes=sizes)
    c = plain_product(asked)
    c[11, 3] += 1
    proof = committed(asked, c)
    assert all(_is_wrong(proof.product, proof.open(second), asked, second) for second in seconds(100))


# Theory


def test_escape__known_figures__are_right() -> None:
    assert escape(128, 0) == 1
    assert escape(128, 65) == 0
    assert escape(4, 1, opened=2) == 0.5
    # What docs/proof-of-compute.md says of 64 rows, of so many that putting back makes no difference.
    assert [round(1 - escape(10**6, w), 3) for w in (10_000, 50_000, 100_000)] == [0.474, 0.962, 0.999]
    assert false_accept() == 2.0**-64


# Before it is sent


def test_checked_opening__honest__is_the_opening() -> None:
    proof = prove(challenge(), NumpyBackend())
    assert checked_opening(proof, SECOND) == proof.open(SECOND)


def test_checked_opening__flipped_bit__is_not_sent() -> None:
    c = plain_product(challenge())
    c[opened_rows(challenge().a, SECOND)[3], 2] ^= 1 << 4
    with pytest.raises(WrongProductError):
        checked_opening(committed(challenge(), c), SECOND)


# Openings that are none


def test_from_bytes__another_length__is_refused() -> None:
    size = opening_bytes(SIZES)
    assert size == 64 * (4 * 64 + 32 * 7)
    for length in (0, size - 1, size + 1):
        with pytest.raises(OpeningFormatError, match=f"expected {size}"):
            Opening.from_bytes(bytes(length), SIZES)


def test_check__rows_that_do_not_lead_to_the_root__prove_nothing(shared: SharedCheck) -> None:
    proof = prove(challenge(), NumpyBackend())
    opening = proof.open(SECOND)
    forged = resized(opening, data=bytes(SIZES.row_bytes))
    with pytest.raises(OpeningFormatError, match="does not lead to the root"):
        shared.check(proof.product, forged)
    swapped = Opening((opening.rows[1], opening.rows[0], *opening.rows[2:]))
    with pytest.raises(OpeningFormatError, match="does not lead to the root"):
        shared.check(proof.product, swapped)


def test_check__opening_of_another_form__is_refused(shared: SharedCheck) -> None:
    proof = prove(challenge(), NumpyBackend())
    opening = proof.open(SECOND)
    with pytest.raises(OpeningFormatError, match="63 rows opened: expected 64"):
        shared.check(proof.product, Opening(opening.rows[1:]))
    for changes in ({"data": opening.rows[0].data[:-4]}, {"path": opening.rows[0].path[1:]}):
        with pytest.raises(OpeningFormatError, match="expected 256 with 7"):
            shared.check(proof.product, resized(opening, **changes))


def test_check__product_with_another_b__is_refused(shared: SharedCheck) -> None:
    proof = prove(challenge(beacon=SECOND), NumpyBackend())
    with pytest.raises(OpeningFormatError, match="another B"):
        shared.check(proof.product, proof.open(SECOND))


def test_check__product_of_impossible_sizes__is_refused(shared: SharedCheck) -> None:
    proof = prove(challenge(), NumpyBackend())
    with pytest.raises(SizesError):
        shared.check(replace(proof.product, k=100), proof.open(SECOND))


# The entry that the chain is shown


@pytest.mark.parametrize("sizes", [SIZES, Sizes(64, 8192, 64)], ids=str)
def test_find_wrong_entry__one_wrong__is_that_with_its_way_to_the_root(sizes: Sizes) -> None:
    asked = challenge(sizes=sizes)
    c = plain_product(asked)
    column = sizes.n - 7
    right = int(c[9, column])
    c[9, column] = right - 1
    proof = committed(asked, c)
    entry = find_wrong_entry(asked, 9, proof.opened_row(9))
    assert entry is not None
    assert (entry.row, entry.column, entry.claimed, entry.computed) == (9, column, right - 1, right)
    assert len(entry.segment) == 4 * min(sizes.n, 4096)
    place = 9 * (sizes.n // sizes.segment) + column // sizes.segment
    assert root_from_path(sha256(entry.segment).digest(), place, entry.path) == proof.product.root


def test_find_wrong_entry__none_wrong__is_none() -> None:
    proof = prove(challenge(), NumpyBackend())
    assert find_wrong_entry(challenge(), 9, proof.opened_row(9)) is None
