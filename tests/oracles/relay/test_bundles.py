"""What is sent together.

every job that is ready goes into one bundle, in order; gas and number are bounded; what goes alone is alone at once
what is young and not full waits; what is old goes, whatever its company
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.relay.bundles import FEE_GAS, planned
from sbi_network.relay.settings import BundleSettings
from tests.oracles.relay.people import record

RULES = BundleSettings(payments=5, gas=300_000, wait_seconds=3)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(30_000, 90_000), st.booleans()), max_size=30),
    st.lists(st.booleans(), max_size=12),
)
def test_planned__of_old_jobs__takes_each_once_within_bounds(jobs: list[tuple[int, bool]], fees: list[bool]) -> None:
    queued = [record(number, gas, is_wallet=wallet) for number, (gas, wallet) in enumerate(jobs)]
    due = [record(100 + number, is_wallet=wallet) for number, wallet in enumerate(fees)]
    plans = planned(queued, due, RULES, now=10)
    assert sorted(r.number for plan in plans for r in plan.deeds) == [r.number for r in queued]
    assert sorted(r.number for plan in plans for r in plan.fees) == [r.number for r in due]
    for plan in plans:
        together = [*plan.deeds, *plan.fees]
        assert len(together) <= RULES.payments
        assert len(together) == 1 or not any(each.is_wallet for each in together)
        gas = sum(each.gas for each in plan.deeds) + FEE_GAS * len(plan.fees)
        assert len(together) == 1 or gas <= RULES.gas
        assert [r.number for r in plan.deeds] == sorted(r.number for r in plan.deeds)


def test_planned__young_and_not_full__waits_for_company() -> None:
    young = [record(number, at=9) for number in range(3)]
    assert planned(young, [], RULES, now=10) == []
    assert len(planned(young, [], RULES, now=12)) == 1
    assert [len(plan.deeds) for plan in planned([*young, record(3, at=9), record(4, at=9)], [], RULES, now=10)] == [5]
    assert [len(plan.deeds) for plan in planned([record(9, is_wallet=True, at=9)], [], RULES, now=10)] == [1]


def test_planned__one_old_among_young__takes_them_along() -> None:
    (plan,) = planned([record(1, at=0), record(2, at=9)], [record(3, at=9)], RULES, now=10)
    assert (len(plan.deeds), len(plan.fees)) == (2, 1)


def test_planned__nothing__is_nothing() -> None:
    assert planned([], [], RULES, now=10) == []
