"""`docs/scale.md` is what the committed benchmarks give.

page      worked out again → the same
figures   doubled gas of a payment → twice the gas a day; a name that no figure has → an error, no gap
"""

from __future__ import annotations

import copy

import pytest
from benchmarks.scale import PAGE, TEMPLATE, figures, load, render


def test_page__worked_out_again__is_the_same() -> None:
    expected = render(TEMPLATE.read_text(encoding="utf-8"), figures(load()))
    assert PAGE.read_text(encoding="utf-8") == expected, "run `make scale`"


def test_figures__of_another_benchmark__are_others() -> None:
    known = load()
    doubled = copy.deepcopy(known)
    doubled["relay"]["gas_per_payment"]["100"] *= 2
    before, after = figures(known), figures(doubled)
    changed = {name for name in before if before[name] != after[name]}
    assert {"gas_payment", "pay_day", "pay_share", "payers_chain", "region_gas_a_second"} <= changed
    assert not changed & {"gas_report", "activate_day", "pay_blob_day"}


def test_render__a_name_without_a_figure__raises() -> None:
    with pytest.raises(KeyError):
        render("{nothing}", figures(load()))
