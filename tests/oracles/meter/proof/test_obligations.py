"""What must be proved, and what a reading may say then.

drawn ── all ── a share, the same for all who look, another by each beacon ── at least one of each fleet
audits ── count as the rules say ── no more epochs than the terms hold ── failures seen ── what failed now is not proven
allowance ── by hand ── cap ── receipts ── records ── nothing without a device
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sbi_network.errors import RangeError
from sbi_network.meter.bounds import MAX_CHALLENGES, failure_share_up
from sbi_network.meter.proof import Sizes
from sbi_network.meter.proof.obligations import (
    Fleet,
    Obligation,
    Rules,
    allowance,
    audit_of,
    challenges,
    device_name,
    excess,
    tallied_epochs,
)
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.units import ComputeClass

GENERAL, INTELLIGENT, SUPER = ComputeClass
RULES = Rules(4, 10_000, 0, 0, 3_000, 1_000, 950_000, (5_000, 5_000, 5_000))
CPUS = Fleet(GENERAL, 4, 36_000_000_000, 36_000_000_000, Sizes(64, 64, 64))  # 10 nGAICPh a second each
CARDS = Fleet(INTELLIGENT, 100, 72_000_000_000, 144_000_000_000, Sizes(128, 64, 64))
BOTH = Obligation((CPUS, CARDS), records_count=False, from_epoch=0)
BEACON = keccak256(b"slot")


def names(rules: Rules, beacon: bytes = BEACON, facility: int = 3) -> list[bytes]:
    return [each.challenge.device for each in challenges(facility, 7, beacon, BOTH, rules)]


def test_challenges__every_device__in_order_with_its_own_product() -> None:
    asked = challenges(3, 7, BEACON, BOTH, RULES)
    assert [each.challenge.device for each in asked[:4]] == [device_name(0, number) for number in range(4)]
    assert [each.challenge.device for each in asked[4:]] == [device_name(1, number) for number in range(100)]
    assert {each.challenge.beacon for each in asked} == {BEACON}
    assert asked[4].challenge.sizes == CARDS.sizes
    assert asked[4].terms.rate == CARDS.pace == 2 * CARDS.rate
    assert asked[4].terms.grace_ms == 3_000
    assert len({each.challenge.a.seed for each in asked}) == 104
    assert len({each.challenge.b.seed for each in asked}) == 1  # one n and k: one B, whatever m is


def test_challenges__a_share__is_drawn_by_the_beacon_and_by_nothing_else() -> None:
    tenth = replace(RULES, audit_bps=1_000)
    assert len(names(tenth)) == 1 + 10  # rounded up: at least one of each fleet
    assert names(tenth) == names(tenth)
    assert names(tenth) != names(tenth, keccak256(b"another"))
    assert names(tenth) != names(tenth, facility=4)
    drawn = {name for number in range(200) for name in names(tenth, keccak256(number.to_bytes(4)))}
    assert drawn == set(names(RULES))  # nobody is spared


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(4, 0), (5, 1), (6, 2), (14, 10), (15, 10), (1_000, 10)],
    ids=["before", "the first", "the second", "the window is full", "and stays", "for ever"],
)
def test_tallied_epochs__since_the_terms_hold__up_to_the_window(epoch: int, expected: int) -> None:
    rules = replace(RULES, tally_epochs=10, since=3)
    assert tallied_epochs(replace(BOTH, from_epoch=5), rules, epoch, GENERAL) == expected
    assert tallied_epochs(replace(BOTH, from_epoch=1), replace(rules, since=5), epoch, GENERAL) == expected
    assert tallied_epochs(BOTH, rules, epoch, SUPER) == 0


def test_audit_of__failures__count_in_the_window_and_cost_their_rate_now() -> None:
    rules = replace(RULES, tally_epochs=10)
    failed = {3: [CPUS, CPUS], 12: [CPUS], 13: [CPUS, CARDS]}
    audit = audit_of(BOTH, rules, 13, GENERAL, failed)
    assert (audit.challenges, audit.failures, audit.proven) == (40, 2, 3 * CPUS.rate)
    assert audit_of(BOTH, rules, 12, GENERAL, failed).failures == 3  # epoch 3 is in that window still
    assert audit_of(BOTH, rules, 13, INTELLIGENT, failed).proven == 99 * CARDS.rate


def test_audit_of__everything_failed__proves_nothing() -> None:
    audit = audit_of(BOTH, RULES, 0, GENERAL, {0: [CPUS] * 4})
    assert (audit.failures, audit.proven, audit.capacity_down(950_000)) == (4, 0, 0)


def test_audit_of__more_challenges_than_are_counted__keeps_the_share_of_failures() -> None:
    many = Obligation((replace(CARDS, devices=2 * MAX_CHALLENGES),), records_count=False, from_epoch=0)
    audit = audit_of(many, RULES, 99, INTELLIGENT, {99: [CARDS] * 9})
    assert (audit.challenges, audit.failures) == (MAX_CHALLENGES, 5)  # 4.5, up


def test_allowance__by_hand() -> None:
    audits = [audit_of(BOTH, RULES, 4, compute_class, {}) for compute_class in ComputeClass]
    bound = failure_share_up(20, 0, 950_000)
    full = 4 * CPUS.rate * (1_000_000 - bound) // 1_000_000 * 60 // 3_600_000_000
    assert 2_000 < full < 2_400
    assert allowance(BOTH, RULES, audits, 60, (0, 0, 0))[0] == full // 2
    assert allowance(BOTH, RULES, audits, 60, (100, 0, 0))[0] == full // 2 + 100
    assert allowance(BOTH, RULES, audits, 60, (10**9, 0, 0))[0] == full  # no more than was proved
    assert allowance(replace(BOTH, records_count=True), RULES, audits, 60, (0, 0, 0))[0] == full
    assert allowance(BOTH, replace(RULES, unbacked_bps=(0, 10_000, 0)), audits, 60, (7, 0, 0))[0] == 7
    assert allowance(BOTH, RULES, audits, 60, (0, 0, 5))[2] == 0  # no device of that class: nothing of it counts
    with pytest.raises(RangeError):
        allowance(BOTH, RULES, audits, 0, (0, 0, 0))


def test_excess__names_the_first_class_that_claims_more() -> None:
    assert excess((5, 6, 7), (5, 6, 7)) is None
    assert excess((5, 6, 8), (5, 6, 7)) == "super: 8 nGAICPh claimed, 7 proved"
