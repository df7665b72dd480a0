"""What follows from the beacons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from Crypto.Cipher import ChaCha20
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import RangeError
from sbi_network.meter.proof import Challenge, Sizes, SizesError
from sbi_network.meter.proof.challenge import MAX_CHECKED, Matrix, opened_rows, vectors
from sbi_network.meter.proof.keystream import _with_pycryptodome, fill_from, stream_of
from sbi_network.protocol.keccak import keccak256
from tests.oracles.meter.proof.challenges import BEACON, SECOND, SIZES, challenge

SEED = keccak256(b"seed")


# The key stream


def test_stream__seed_of_zeros__is_that_of_the_standard() -> None:
    # RFC 8439, appendix A.1, test vector 1.
    expected = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    assert stream_of(bytes(32), 0, 32).tobytes().hex() == expected


@settings(deadline=None)
@given(start=st.integers(0, 2**32 - 40), count=st.integers(0, 2000))
def test_stream__from_any_block__is_pycryptodomes(start: int, count: int) -> None:
    cipher = ChaCha20.new(key=SEED, nonce=bytes(12))
    cipher.seek(64 * start)
    assert stream_of(SEED, 64 * start, count).tobytes() == cipher.encrypt(bytes(count))


def test_stream__longer_than_a_chunk__goes_on() -> None:
    count = (1 << 20) + 100
    cipher = ChaCha20.new(key=SEED, nonce=bytes(12))
    expected = cipher.encrypt(bytes(count))
    assert stream_of(SEED, 0, count).tobytes() == expected
    slow = bytearray(count)
    _with_pycryptodome(ChaCha20)(SEED, 0, memoryview(slow))
    assert bytes(slow) == expected


@pytest.mark.parametrize(("start", "size"), [(1, 64), (-64, 64), (2**38 - 64, 128)])
def test_stream__out_of_its_bounds__is_refused(start: int, size: int) -> None:
    with pytest.raises(ValueError, match="of a stream"):
        fill_from(SEED, start, np.empty(size, dtype=np.uint8))


# Sizes


@pytest.mark.parametrize(
    ("sizes", "name"),
    [
        ((32, 64, 64), "m"),
        ((64, 96, 64), "n"),
        ((64, 64, 2**23), "k"),
        ((64, 64, 0), "k"),
        ((2**21, 64, 64), "m"),
        ((64.0, 64, 64), "m"),
        ((True, 64, 64), "m"),
        ((2**17, 64, 2**22), "m·k"),
        ((64, 2**16, 2**22), "n·k"),
    ],
)
def test_sizes__outside_the_protocol__are_refused(sizes: tuple[int, int, int], name: str) -> None:
    with pytest.raises(SizesError) as refused:
        Sizes(*sizes)
    assert refused.value.name == name
    assert "expected" in str(refused.value)


def test_sizes__at_the_bounds__are_exact_in_fp64() -> None:
    # Most of the check's sums: 16·(16·255·n)·k on one side, 256·k·255·n on the other.
    assert 256 * 255 * MAX_CHECKED < 2**53
    assert Sizes(2**16, 2**15, 2**22).operations == 2 * 2**16 * 2**15 * 2**22


# Matrices


def test_matrices__any__hold_all_entries_from_minus_16_to_15() -> None:
    entries = challenge().a.rows(0, 128)
    assert sorted(set(entries.reshape(-1).tolist())) == list(range(-16, 16))
    assert abs(float(entries.mean()) + 0.5) < 0.3


def test_matrices__rows_taken_apart__are_those_of_the_whole() -> None:
    matrix = Matrix(SEED, 128, 256)
    whole = matrix.rows(0, 128)
    assert np.array_equal(whole[77], matrix.rows(77, 1)[0])
    raw = stream_of(SEED, 77 * 256, 256).view(np.int8)
    assert np.array_equal(whole[77], raw >> 3)


def test_seeds__what_is_asked__is_bound_in_them() -> None:
    base = challenge()
    others = [
        challenge(facility=4),
        challenge(device="gpu 1"),
        challenge(beacon=SECOND),
        replace(base, epoch=8),
        challenge(sizes=Sizes(64, 64, 256)),
        challenge(sizes=Sizes(128, 128, 256)),
        challenge(sizes=Sizes(128, 64, 512)),
    ]
    assert len({each.a.seed for each in [base, *others]}) == len(others) + 1
    # B is common to all devices of the beacon at one n and k, and only to them.
    assert [each.b.seed == base.b.seed for each in others] == [True, True, False, False, True, False, False]
    assert base.a.seed != base.b.seed


def test_challenge__of_its_product__is_itself() -> None:
    assert Challenge.of(challenge().product(SEED)) == challenge()


@pytest.mark.parametrize("changes", [{"device": b"short"}, {"beacon": ""}, {"facility": -1}, {"epoch": 2**64}])
def test_challenge__malformed__is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RangeError):
        replace(challenge(), **changes)  # type: ignore[arg-type]


# The second beacon


def test_rows__drawn__are_different_and_in_range() -> None:
    rows = opened_rows(Matrix(SEED, 128, 256), SECOND)
    assert len(set(rows)) == 64
    assert all(0 <= row < 128 for row in rows)
    assert rows != opened_rows(Matrix(SEED, 128, 256), BEACON)
    assert rows != opened_rows(Matrix(keccak256(SEED), 128, 256), SECOND)


def test_rows__as_many_as_there_are__are_all() -> None:
    assert sorted(opened_rows(Matrix(SEED, 64, 256), SECOND)) == list(range(64))


def test_rows__over_many_beacons__come_up_alike() -> None:
    counts = np.zeros(256, dtype=np.int64)
    draws = 2000
    for number in range(draws):
        counts[list(opened_rows(Matrix(SEED, 256, 64), keccak256(number.to_bytes(4))))] += 1
    # Each row a quarter of the time; 500 ± 19.4 (one deviation), so six of them on either side.
    assert 384 < counts.min() <= counts.max() < 616


def test_vectors__any__are_bytes_common_to_all_devices() -> None:
    first, second = challenge(facility=1), challenge(facility=2)
    r = vectors(first.b, SECOND)
    assert r.shape == (SIZES.n, 8)
    assert r.min() >= 0
    assert r.max() <= 255
    assert np.array_equal(r, vectors(second.b, SECOND))
    assert not np.array_equal(r, vectors(first.b, BEACON))
    assert np.array_equal(vectors(first.b, SECOND, 1), r[:, :1])
