"""The loop against answers worked out by hand, its invariants, and what becomes of it far out.

constant output: dividend, reserve, growth bound ── where money goes: held, recycled, recirculated, refunded
orders: parity, queue ── people: none, activation, retirement ── side by side = alone ── conservation ── extremes
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation.books import Books
from sbi_network.simulation.errors import ConservationError, ScenarioError
from sbi_network.simulation.loop import LONGEST_QUEUE_DAYS, Case, Row, Run, simulate
from sbi_network.simulation.measures import MEASURES, measured
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.vault import INDEX_UNIT
from tests.oracles.simulation.plain import plain, shock

SBI = 10**18
A_DAY = 24 * SBI
"""What the plain scenario is entitled to, within the rounding of its output to whole nGAICPh."""

NOBODY_SPENDS = {
    "citizens__spent__poorest": "0 %",
    "citizens__spent__richest": "0 %",
    "citizens__drawn__poorest": "0 %",
    "citizens__drawn__richest": "0 %",
    "enterprises__computing": "0 %",
}
ALL_FOR_COMPUTING = {
    "citizens__spent__poorest": "100 %",
    "citizens__spent__richest": "100 %",
    "citizens__drawn__poorest": "0 %",
    "citizens__drawn__richest": "0 %",
    "citizens__computing": "100 %",
    "citizens__patience": "0 %",
    "enterprises__computing": "0 %",
    "exchange__operators_spend": "0 %",
}


def run(scenario: Scenario) -> Run:
    return simulate([Case(scenario)])[0]


def test_simulate__constant_output_released_at_once__its_hundredth_to_each() -> None:
    rows = run(plain()).rows
    for row in rows:
        assert row.output == pytest.approx(24e9, abs=2)
        assert row.dividend == pytest.approx(row.output * 10**9 // 100, abs=2 * INDEX_UNIT)
    assert rows[-1].issued == pytest.approx(30 * A_DAY, rel=1e-9)
    assert rows[-1].reserve < 100 * INDEX_UNIT


@pytest.mark.parametrize("release", [5, 50])
def test_simulate__a_share_of_the_reserve__released_geometrically(release: int) -> None:
    rows = run(plain(policy__release=f"{release} %")).rows
    for row in rows:
        expected = 24 / 100 * (1 - (1 - release / 100) ** (row.epoch + 1))
        assert row.dividend / SBI == pytest.approx(expected, rel=1e-8)


def test_simulate__a_low_floor__releases_grow_by_the_bound_and_no_more() -> None:
    rows = run(plain(vault__release_floor="2 SBI", vault__growth="110 %")).rows
    dividends = [row.dividend * 100 / SBI for row in rows]
    for epoch, dividend in enumerate(dividends):
        assert dividend == pytest.approx(2 * 1.1**epoch, rel=1e-7)


def test_simulate__nobody_spends__all_that_was_issued_is_held() -> None:
    last = run(plain(**NOBODY_SPENDS)).rows[-1]
    assert last.citizens == last.supply == last.issued
    assert (last.recycled, last.escrow, last.enterprises) == (0, 0, 0)


def test_simulate__all_spent_on_computing__recirculation_multiplies_income() -> None:
    """D = E + r·D, with r the recirculated part: in the long run D = E / (1 − r)."""
    changes = dict(ALL_FOR_COMPUTING, exchange__fee="10 %", exchange__recirculated="20 %")
    rows = run(plain("60 d", **changes)).rows
    assert rows[0].dividend * 100 / SBI == pytest.approx(24, rel=1e-8)
    assert rows[1].dividend * 100 / SBI == pytest.approx(24 * 1.2, rel=1e-6)
    assert rows[-1].dividend * 100 / SBI == pytest.approx(24 / 0.8, rel=1e-6)
    bought = rows[-1].recycled + rows[-1].fees
    assert rows[-1].fees == pytest.approx(bought / 10, rel=1e-12)
    assert rows[-1].recirculated == pytest.approx(bought / 5, rel=1e-12)
    assert rows[-1].operators == rows[-1].fees


def test_simulate__a_tenth_offered__a_fifth_of_orders_filled() -> None:
    """48 GAICPh a day can be computed; 4.8 of them are offered, 24 wanted, and more as unspent income is ordered."""
    changes = dict(ALL_FOR_COMPUTING, exchange__offered="10 %", exchange__recirculated="0 %")
    rows = run(plain(**changes)).rows
    assert rows[0].offered / SBI == pytest.approx(4.8, rel=1e-9)
    assert rows[0].filled == pytest.approx(0.2, rel=1e-8)
    assert all(row.filled * row.ordered <= row.offered * (1 + 1e-9) for row in rows)


def test_simulate__patient_buyers__queue_grows_by_what_is_not_filled() -> None:
    changes = dict(
        ALL_FOR_COMPUTING, exchange__offered="10 %", exchange__recirculated="0 %", citizens__patience="100 %"
    )
    rows = run(plain(**changes)).rows
    for row in rows:
        assert row.queue_days == pytest.approx((24 - 4.8) * (row.epoch + 1) / 4.8, rel=1e-6)


def test_simulate__nothing_on_offer__queue_is_said_to_be_the_longest() -> None:
    found = run(plain(**dict(ALL_FOR_COMPUTING, exchange__offered="0 %", citizens__patience="100 %")))
    assert found.queue_days[-1] == LONGEST_QUEUE_DAYS
    assert found.rows[-1].recycled == 0


def test_simulate__half_delivered__the_rest_returns_to_who_paid() -> None:
    changes = dict(ALL_FOR_COMPUTING, exchange__delivered="50 %", exchange__recirculated="0 %", exchange__fee="0 %")
    rows = run(plain(**changes)).rows
    paid = sum(row.ordered * row.filled for row in rows[:-1])
    assert rows[-1].recycled == pytest.approx(paid / 2, rel=1e-9)
    assert rows[-1].citizens == pytest.approx(paid / 2, rel=1e-9)


def test_simulate__nobody_enrolled__epochs_wait_and_nothing_is_issued() -> None:
    found = run(plain(citizens__enrolled="0 %", citizens__enrolment="0 %/d"))
    assert found.rows[-1].issued == found.rows[-1].passed == 0
    assert all(math.isfinite(value) for value in measured(found).values())


def test_simulate__enrolled_late__what_waited_and_did_not_expire_is_paid() -> None:
    changes = {"citizens__enrolled": "0 %", "citizens__enrolment": "0 %/d", "vault__expiry_age": "5 d",
               "brakes__halt": "1 d"}  # fmt: skip
    found = run(plain("20 d", [shock("enrolment", at="10 d", share="100 %")], **changes))
    first = next(row for row in found.rows if row.dividend)
    assert first.epoch == 10
    assert first.expired == 6
    assert first.dividend * 100 / SBI == pytest.approx(24 * 5, rel=1e-6)


def test_simulate__headcount_jumps__enrolment_alone_rests() -> None:
    """A quarter of those outside come each day, and 20 may in ten days: more than that ends it until the next ten."""
    rush = {"brakes__rush": "25 %", "brakes__rush_floor": "20 people", "brakes__rush_period": "10 d"}
    changes = {"citizens__enrolled": "0 %", "citizens__enrolment": "25 %/d", **rush}
    found = run(plain("40 d", **changes))
    heads = [row.headcount for row in found.rows]
    # Whole heads of four cohorts each: of 25; of 25 + 19, and 14 more, which is beyond 20.
    assert heads[:20] == [24] * 10 + [40] + [56] * 9
    assert not any(found.waits.held)


def test_simulate__not_activated__income_waits_and_comes_with_activation() -> None:
    changes = dict(NOBODY_SPENDS, citizens__activated="0 %", citizens__activation="0 %/d")
    rows = run(plain("20 d", [shock("activation", at="10 d", share="100 %")], **changes)).rows
    assert rows[9].inactive == rows[9].issued == rows[9].supply
    assert rows[9].citizens == 0
    assert rows[10].inactive == 0
    assert rows[-1].citizens == rows[-1].issued


def test_simulate__people_retire__accrue_no_more_and_lose_nothing() -> None:
    changes = dict(NOBODY_SPENDS, citizens__retirements="5000 %/a", citizens__enrolment="0 %/d")
    rows = run(plain("60 d", **changes)).rows
    assert rows[-1].headcount < 10
    assert all(later.issued >= earlier.issued for earlier, later in pairwise(rows))
    assert rows[-1].citizens == rows[-1].issued


def test_simulate__policy_changes__rate_and_price_from_its_epoch_on() -> None:
    rows = run(plain("20 d", [shock("policy", at="10 d", rate="2 SBI/GAICPh", release="100 %")])).rows
    assert rows[9].dividend * 100 / SBI < 24.1 + rows[9].recirculated / SBI
    assert rows[10].entitled - rows[9].entitled == 2 * 10**9 * rows[10].output
    assert rows[10].rate == 2 * rows[9].rate


def test_simulate__oracle_outage__epochs_are_passed() -> None:
    found = run(plain("20 d", [shock("oracle_outage", at="5 d", lasts="3 d")]))
    assert found.rows[-1].passed == 3
    assert [row.outcome for row in found.rows[4:9]] == [Outcome.FINAL, *[Outcome.SKIPPED] * 3, Outcome.FINAL]
    assert not any(found.waits.held)


def test_simulate__half_the_facilities_fail__smoothed_income_does_not_halve() -> None:
    fails = [shock("facilities_fail", at="50 d", lasts="5 d", share="50 %")]
    at_once, smoothed = (run(plain("60 d", fails, policy__release=f"{r} %", **NOBODY_SPENDS)) for r in (100, 5))
    assert at_once.dividends[50] / at_once.dividends[49] == pytest.approx(0.5, abs=0.01)
    assert smoothed.dividends[50] / smoothed.dividends[49] == pytest.approx(1 - 0.05 * 0.5, abs=0.01)


def test_simulate__hoarding_and_a_run__move_spending_and_orders() -> None:
    shocks = [shock("hoarding", at="10 d", lasts="5 d", share="0 %"),
              shock("computing_run", at="20 d", lasts="2 d", share="100 %")]  # fmt: skip
    rows = run(plain("30 d", shocks, enterprises__computing="0 %", citizens__patience="0 %")).rows
    assert rows[12].ordered == 0
    assert rows[9].ordered > 0
    assert rows[20].ordered > 3 * rows[9].ordered


def different(number: int) -> Scenario:
    """Scenarios of one shape that differ in everything else."""
    changes = {
        "computing__noise": f"{number} %",
        "facilities__hall__failures": f"{number * 30} /a",
        "citizens__retirements": f"{number} %/a",
        "citizens__activated": "20 %",
        "policy__release": f"{number * 7 + 1} %",
        "exchange__offered": f"{number * 5} %",
        "exchange__delivered": "91 %",
    }
    return plain("40 d", [shock("facilities_fail", at="7 d", lasts="2 d", share=f"{number * 10} %")], **changes)


def test_simulate__side_by_side__each_as_if_alone() -> None:
    cases = [Case(different(number), number) for number in range(1, 8)]
    together = simulate(cases)
    for case, found in zip(cases, together, strict=True):
        alone = simulate([case])[0]
        assert alone.rows == found.rows
        assert alone.held.tobytes() == found.held.tobytes()
        assert measured(alone) == measured(found)


def test_simulate__same_seed__same_rows_another__others() -> None:
    scenario = different(3)
    assert run(scenario).rows == run(scenario).rows
    assert run(scenario.model_copy(update={"seed": 5})).rows != run(scenario).rows
    assert simulate([Case(scenario, 1)])[0].rows != run(scenario).rows


def test_simulate__every_tenth__keeps_those_and_the_last() -> None:
    kept = simulate([Case(different(2))], every=10)[0]
    assert [row.epoch for row in kept.rows] == [0, 10, 20, 30, 39]
    assert kept.rows == [run(different(2)).rows[epoch] for epoch in (0, 10, 20, 30, 39)]


def more(books: Books) -> None:
    books.citizens += 1


def unentitled(books: Books) -> None:
    books.vault.reserve += 1


def out_of_escrow(books: Books) -> None:
    books.vouchers.escrow -= 1
    books.citizens += 1


def below_zero(books: Books) -> None:
    books.citizens += books.operators + 1
    books.operators = -1


@pytest.mark.parametrize(
    ("leak", "rule"), [(more, "1: "), (unentitled, "3: "), (out_of_escrow, "11: "), (below_zero, "2, 5: ")]
)
def test_simulate__a_wei_comes_from_nowhere__conservation_error(
    leak: Callable[[Books], None], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Books.check

    def leaky(books: Books, epoch: int) -> None:
        if epoch == 7:
            leak(books)
        sound(books, epoch)

    monkeypatch.setattr(Books, "check", leaky)
    with pytest.raises(ConservationError) as error:
        run(plain())
    assert error.value.epoch == 7
    assert error.value.rule.startswith(rule)


def test_simulate__cohorts_drift_from_the_books__conservation_error(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Books.trade

    def twice(books: Books, epoch: int, goods: float, computing: float, enterprises: float) -> None:
        sound(books, epoch, goods * 1.001, computing, enterprises)

    monkeypatch.setattr(Books, "trade", twice)
    with pytest.raises(ConservationError, match="cohorts"):
        run(plain())


EXTREMES = {
    "computing.intelligent": ["0 PFLOPS", "1 GFLOPS", "1e11 PFLOPS"],
    "computing.growth": ["-90 %/a", "100 times/a"],
    "computing.noise": ["0 %", "100 %"],
    "computing.utilisation": ["0 %", "100 %"],
    "facilities.hall.failures": ["0 /a", "1 /d"],
    "facilities.hall.repair": ["0 d", "1 s", "36500 d"],
    "facilities.hall.public_share": ["0 %", "100 %"],
    "citizens.people": ["4 people", "1e12 people"],
    "citizens.enrolled": ["0 %", "100 %"],
    "citizens.enrolment": ["0 /d", "1 /d"],
    "citizens.retirements": ["0 %/a", "100 times/a"],
    "citizens.arrivals": ["0 %/a", "100 times/a"],
    "citizens.activated": ["0 %", "100 %"],
    "citizens.activation": ["0 /d", "1 /d"],
    "citizens.dormant": ["0 %", "100 %"],
    "citizens.spent.poorest": ["0 %", "100 %"],
    "citizens.drawn.richest": ["0 %", "100 %"],
    "citizens.computing": ["0 %", "100 %"],
    "citizens.patience": ["0 %", "100 %"],
    "citizens.groups.town.income": ["0 CNY/d", "1e9 CNY/d"],
    "citizens.groups.town.inequality": ["0 %", "95 %"],
    "enterprises.wages": ["0 %", "80 %"],
    "policy.rate": ["1 wei/nGAICPh", "10 SBI/GAICPh"],
    "policy.release": ["1 %", "100 %"],
    "vault.release_floor": ["2 SBI", "1e15 SBI"],
    "vault.growth": ["100 %", "1e7 %"],
    "exchange.recirculated": ["0 %", "70 %"],
    "exchange.offered": ["0 %", "100 %"],
    "exchange.delivered": ["0 %", "100 %"],
    "exchange.delivery": ["0 d", "100 d"],
    "brakes.jump": ["100 %", "1e7 %"],
    "brakes.jump_floor": ["0 GAICPh", "1e10 GAICPh"],
    "brakes.hold": ["0 d", "40 d"],
    "brakes.halt": ["0 d", "40 d"],
    "brakes.rush": ["0 %", "100 %"],
    "brakes.rush_floor": ["0 people", "1e12 people"],
    "brakes.rush_period": ["1 s", "36500 d"],
    "economy.market_price_change": ["-90 %/a", "100 times/a"],
    "economy.computing_economy": ["0 CNY/a", "1e15 CNY/d"],
}


def test_simulate__more_people_than_a_roll_counts__is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"citizens: expected at most 1,099,511,627,775 people within the horizon"):
        run(plain("30 d", citizens__people="1e12 people", citizens__arrivals="100 times/a"))


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({}, optional={path: st.sampled_from(ends) for path, ends in EXTREMES.items()}))
def test_simulate__extreme_figures__finite_or_refused(changes: dict[str, str]) -> None:
    try:
        found = run(plain("30 d", **{path.replace(".", "__"): text for path, text in changes.items()}))
    except ScenarioError:
        return
    values = measured(found)
    assert set(values) == {measure.name for measure in MEASURES}
    assert all(math.isfinite(value) for value in values.values()), values
    for field, column in zip(Row._fields, zip(*found.rows, strict=True), strict=True):
        assert all(math.isfinite(value) and value >= 0 for value in column), field
    assert 0 <= values["parity"] <= 100
    assert 0 <= values["holdings_gini"] <= 1
