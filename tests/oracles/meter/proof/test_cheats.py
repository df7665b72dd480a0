"""Each cheat of docs/proof-of-compute.md, played.

Who judges is an `Audit`. Time is counted in products: an honest machine of the claimed rate takes `T` for one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from sbi_network.meter.proof import (
    Audit,
    Challenge,
    NumpyBackend,
    Proof,
    SharedCheck,
    Sizes,
    Terms,
    Verdict,
    find_wrong_entry,
    prove,
    slots_of,
)
from sbi_network.meter.proof.challenge import opened_rows
from sbi_network.meter.proof.soundness import escape
from sbi_network.protocol.keccak import keccak256
from tests.oracles.meter.proof.challenges import BEACON, SECOND, SIZES, challenge, committed, plain_product

RATE = 10**6
TERMS = Terms(SIZES, RATE, grace_ms=500)
T = -(-1000 * SIZES.operations // RATE)
"""Milliseconds."""


def audit(asked: Challenge) -> Audit:
    """Begins at 0 ms."""
    return Audit(asked, TERMS.allowed_ms)


def judged(asked: Challenge, proof: Proof, at_ms: int = T, second: bytes = SECOND) -> Verdict:
    """What becomes of a proof whose product comes at that time, and is opened."""
    judge = audit(asked)
    judge.commit(proof.product, at_ms)
    return judge.opened_by(SharedCheck(asked.b, second), proof.open(second).to_bytes())


def test_audit__honest_device__is_proved() -> None:
    assert audit(challenge()).verdict is Verdict.MISSED
    judge = audit(challenge())
    proof = prove(challenge(), NumpyBackend())
    assert judge.commit(proof.product, T)
    # A device that was restarted computes and signs the same again.
    assert judge.commit(prove(challenge(), NumpyBackend()).product, T + 1)
    assert judge.verdict is Verdict.WITHHELD
    assert judge.opened_by(SharedCheck(challenge().b, SECOND), proof.open(SECOND).to_bytes()) is Verdict.PROVED


# Precomputation


def test_precomputation__product_of_a_guessed_beacon__does_not_answer() -> None:
    guessed = challenge(beacon=keccak256(b"what the beacon might be"))
    ready = prove(guessed, NumpyBackend())
    assert not audit(challenge()).commit(ready.product, 1)
    # Signed as the answer to what was asked, it is wrong.
    relabelled = committed(challenge(), plain_product(guessed))
    assert judged(challenge(), relabelled) is Verdict.WRONG


# One machine for two facilities


def test_one_machine__two_facilities_in_one_slot__second_is_late() -> None:
    first, second = (prove(challenge(facility), NumpyBackend()) for facility in (1, 2))
    assert TERMS.stops_the_lesser
    assert judged(challenge(1), first, at_ms=T) is Verdict.PROVED
    assert judged(challenge(2), second, at_ms=2 * T) is Verdict.MISSED


def test_one_machine__two_devices_of_a_facility__are_asked_different_products() -> None:
    one, other = challenge(device="gpu 0"), challenge(device="gpu 1")
    answer = committed(other, plain_product(one))
    assert judged(other, answer) is Verdict.WRONG


def test_one_machine__two_facilities_over_many_epochs__are_caught() -> None:
    regions = {facility: facility % 3 for facility in range(30)}
    slots = 10
    caught = [
        epoch
        for epoch in range(100)
        if (slot_of := slots_of(regions, keccak256(bytes([epoch])), slots))[0] == slot_of[1]
    ]
    assert caught


# Copies


def test_copied_answer__of_another_facility__is_wrong() -> None:
    theirs = prove(challenge(1), NumpyBackend())
    mine = challenge(2)
    assert not audit(mine).commit(theirs.product, T)
    assert judged(mine, committed(mine, plain_product(theirs.challenge))) is Verdict.WRONG


def test_copied_root__without_its_rows__cannot_be_opened() -> None:
    theirs = prove(challenge(1), NumpyBackend())
    mine = challenge(2)
    judge = audit(mine)
    assert judge.commit(mine.product(theirs.product.root), T)
    shared = SharedCheck(mine.b, SECOND)
    # The rows that are picked for the copier are others than those the owner shows.
    assert judge.opened_by(shared, theirs.open(SECOND).to_bytes()) is Verdict.WITHHELD
    # With the owner's help it opens the right rows, and they are those of another A.
    helped = b"".join(
        row.data + b"".join(row.path) for row in [theirs.opened_row(place) for place in opened_rows(mine.a, SECOND)]
    )
    assert judge.opened_by(shared, helped) is Verdict.WRONG


# Earlier products


def test_cached_product__of_an_earlier_epoch__is_wrong() -> None:
    earlier = replace(challenge(), epoch=6)
    assert not audit(challenge()).commit(prove(earlier, NumpyBackend()).product, 1)
    assert judged(challenge(), committed(challenge(), plain_product(earlier))) is Verdict.WRONG


def test_cached_product__of_half_the_terms__cannot_be_put_together() -> None:
    # Of one stream, rows of k terms are pairs of rows of k/2: did the seeds not bind the sizes, so would the sums.
    half = challenge(sizes=Sizes(2 * SIZES.m, 2 * SIZES.n, SIZES.k // 2))
    c = plain_product(half)
    together = c[::2, ::2] + c[1::2, 1::2]
    assert judged(challenge(), committed(challenge(), together)) is Verdict.WRONG


# Less work


def low_rank(asked: Challenge, share: int = 2) -> npt.NDArray[np.int64]:
    """C of only a part of the terms, scaled: what a cheap approximation gives."""
    terms = asked.sizes.k // share
    a = asked.a.rows(0, asked.sizes.m)[:, :terms].astype(np.int64)
    return share * (a @ asked.b.rows(0, asked.sizes.n)[:, :terms].astype(np.int64).T)


def best_of_rank(asked: Challenge, rank: int) -> npt.NDArray[np.int64]:
    """The nearest C of that rank."""
    u, s, v = np.linalg.svd(plain_product(asked).astype(np.float64), full_matrices=False)
    nearest: npt.NDArray[np.int64] = np.rint((u[:, :rank] * s[:rank]) @ v[:rank]).astype(np.int64)
    return nearest


def test_less_work__zeros__are_wrong() -> None:
    zeros = np.zeros((SIZES.m, SIZES.n), dtype=np.int64)
    assert judged(challenge(), committed(challenge(), zeros)) is Verdict.WRONG


@pytest.mark.parametrize("rank", [1, 32, 63])
def test_less_work__product_of_low_rank__is_wrong(rank: int) -> None:
    assert judged(challenge(), committed(challenge(), best_of_rank(challenge(), rank))) is Verdict.WRONG


def test_less_work__half_of_the_terms__is_wrong() -> None:
    assert judged(challenge(), committed(challenge(), low_rank(challenge()))) is Verdict.WRONG


def test_less_work__coarse_arithmetic__is_wrong() -> None:
    # FP16 sums: 11 bits.
    c = plain_product(challenge()).astype(np.float16).astype(np.int64)
    assert judged(challenge(), committed(challenge(), c)) is Verdict.WRONG


def test_less_work__one_entry_in_each_row__is_wrong() -> None:
    c = plain_product(challenge())
    c[:, 0] += 1
    proof = committed(challenge(), c)
    assert judged(challenge(), proof) is Verdict.WRONG


# Rows that are right only where usually sampled


def test_some_rows__right_where_they_were_picked_before__are_caught_all_the_same() -> None:
    sizes = Sizes(512, 64, 64)
    asked = challenge(sizes=sizes)
    habits = np.zeros(sizes.m, dtype=np.int64)
    for epoch in range(40):
        seen = replace(asked, epoch=epoch)
        habits[list(opened_rows(seen.a, keccak256(bytes([epoch]))))] += 1
    usual = np.argsort(habits)[sizes.m // 8 :]
    c = np.zeros((sizes.m, sizes.n), dtype=np.int64)
    c[usual] = plain_product(asked)[usual]
    proof = committed(asked, c)
    trials = 60
    escaped = sum(
        judged(asked, proof, second=keccak256(b"later" + bytes([number]))) is Verdict.PROVED for number in range(trials)
    )
    assert escape(sizes.m, sizes.m // 8) < 0.001
    assert escaped == 0


def test_some_rows__the_credit_on_average__is_less_than_of_honest_work() -> None:
    for percent in range(1, 100):
        share = percent / 100
        assert escape(10**6, round(10**6 * (1 - share))) < share


# Withholding


def test_withholding__of_the_opening__is_not_credited_and_not_punished() -> None:
    judge = audit(challenge())
    zeros = committed(challenge(), np.zeros((SIZES.m, SIZES.n), dtype=np.int64))
    judge.commit(zeros.product, T)
    assert judge.verdict is Verdict.WITHHELD
    assert judge.opened_by(SharedCheck(challenge().b, SECOND), b"") is Verdict.WITHHELD
    assert judge.fault is None


def test_withholding__of_the_product_until_the_rows_are_known__is_late() -> None:
    # Only the picked rows are computed, once they are known: after the deadline.
    c = np.zeros((SIZES.m, SIZES.n), dtype=np.int64)
    picked = list(opened_rows(challenge().a, SECOND))
    c[picked] = plain_product(challenge())[picked]
    assert judged(challenge(), committed(challenge(), c), at_ms=TERMS.allowed_ms + 1) is Verdict.MISSED
    assert judged(challenge(), committed(challenge(), c), at_ms=TERMS.allowed_ms) is Verdict.PROVED


# Grinding


def test_grinding__another_root__picks_the_same_rows() -> None:
    # By Fiat–Shamir each junk leaf would be another try.
    sizes = Sizes(512, 64, 64)
    asked = challenge(sizes=sizes)
    roots = set()
    picks = set()
    for number in range(20):
        c = plain_product(asked)
        c[:51] = number
        proof = committed(asked, c)
        roots.add(proof.product.root)
        picks.add(opened_rows(Challenge.of(proof.product).a, SECOND))
    assert (len(roots), len(picks)) == (20, 1)


def test_grinding__many_signed_roots__prove_themselves_wrong() -> None:
    judge = audit(challenge())
    right = prove(challenge(), NumpyBackend())
    assert judge.commit(committed(challenge(), np.zeros((SIZES.m, SIZES.n), dtype=np.int64)).product, 1)
    assert not judge.commit(right.product, 2)
    assert judge.verdict is Verdict.EQUIVOCATED
    assert judge.opened_by(SharedCheck(challenge().b, SECOND), right.open(SECOND).to_bytes()) is Verdict.EQUIVOCATED
    assert len(judge.products) == 2


def test_grinding__a_second_root_that_is_late__proves_it_as_well() -> None:
    judge = audit(challenge())
    right = prove(challenge(), NumpyBackend())
    assert judge.commit(right.product, T)
    assert judge.opened_by(SharedCheck(challenge().b, SECOND), right.open(SECOND).to_bytes()) is Verdict.PROVED
    assert not judge.commit(challenge().product(BEACON), TERMS.allowed_ms + 1)
    assert judge.verdict is Verdict.EQUIVOCATED


# Sabotage


def test_sabotage__openings_sent_by_others__do_not_spoil_the_honest_one() -> None:
    judge = audit(challenge())
    proof = prove(challenge(), NumpyBackend())
    judge.commit(proof.product, T)
    shared = SharedCheck(challenge().b, SECOND)
    good = proof.open(SECOND).to_bytes()
    for junk in (b"", bytes(len(good)), good[:-1] + bytes([good[-1] ^ 1]), bytes([good[0] ^ 1]) + good[1:]):
        assert judge.opened_by(shared, junk) is Verdict.WITHHELD
    assert judge.opened_by(shared, good) is Verdict.PROVED
    # And nothing that comes later undoes it.
    assert judge.opened_by(shared, bytes(len(good))) is Verdict.PROVED


def test_wrong__verdict__comes_with_what_the_chain_is_shown() -> None:
    c = plain_product(challenge())
    c[:, 7] += 1
    proof = committed(challenge(), c)
    judge = audit(challenge())
    judge.commit(proof.product, T)
    assert judge.opened_by(SharedCheck(challenge().b, SECOND), proof.open(SECOND).to_bytes()) is Verdict.WRONG
    assert judge.fault is not None
    entry = find_wrong_entry(challenge(), judge.fault.row, proof.opened_row(judge.fault.row))
    assert entry is not None
    assert (entry.column, entry.claimed - entry.computed) == (7, 1)
