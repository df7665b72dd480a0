"""Sorting rows, in memory and in parts.

sort_rows                any rows, also those that begin alike
choose, cut, gather      the parts, one after the other, are all rows in order; none much larger than its share
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.roll.sorting import (
    Rows,
    choose_splitters,
    cut,
    gather,
    lower_bounds,
    put_rows,
    read_rows,
    repeats,
    sort_rows,
    write_rows,
)

from .registers import untimed

WIDTH = 12
STRIDE = 50
few_values = st.lists(st.lists(st.integers(0, 2), min_size=WIDTH, max_size=WIDTH), max_size=200)


def rows_of(values: list[list[int]]) -> Rows:
    return np.array(values, np.uint8).reshape(-1, WIDTH)


def as_bytes(rows: Rows) -> list[bytes]:
    return [bytes(row) for row in rows]


@untimed
@given(few_values)
def test_sort_rows__few_values__ascend_as_bytes_do(values: list[list[int]]) -> None:
    rows = rows_of(values)
    assert as_bytes(sort_rows(rows)) == sorted(as_bytes(rows))


@pytest.mark.parametrize("alike", [0, 8, 11])
def test_sort_rows__many_that_begin_alike__ascend(alike: int) -> None:
    rows = np.random.default_rng(1).integers(0, 256, (5_000, WIDTH), dtype=np.uint8)
    rows[:, :alike] = 7
    assert as_bytes(sort_rows(rows)) == sorted(as_bytes(rows))


@untimed
@given(few_values, few_values)
def test_lower_bounds__any_keys__count_what_is_less(values: list[list[int]], keys: list[list[int]]) -> None:
    rows, sought = sort_rows(rows_of(values)), sort_rows(rows_of(keys))[:, :9]
    expected = [sum(row[:9] < bytes(key) for row in as_bytes(rows)) for key in sought]
    assert lower_bounds(rows, sought).tolist() == expected


@untimed
@given(few_values)
def test_repeats__sorted_rows__are_those_like_the_one_before(values: list[list[int]]) -> None:
    rows = sort_rows(rows_of(values))
    expected = [i > 0 and bytes(rows[i, :3]) == bytes(rows[i - 1, :3]) for i in range(len(rows))]
    assert repeats(rows, 3).tolist() == expected


@pytest.mark.parametrize("skew", ["even", "ascending", "crowded"])
def test_gather__runs_of_any_distribution__parts_are_in_order_and_even(tmp_path: Path, skew: str) -> None:
    rng = np.random.default_rng(2)
    rows = rng.integers(0, 256, (20_000, WIDTH), dtype=np.uint8)
    if skew == "ascending":
        rows = sort_rows(rows)
    if skew == "crowded":
        rows[:18_000, :6] = 5
    runs = []
    for number, run in enumerate(np.array_split(rows, 7)):
        runs.append(tmp_path / f"{number}.rows")
        write_rows(runs[-1], sort_rows(run))
    splitters = choose_splitters(runs, WIDTH, WIDTH, 5, STRIDE)
    cuts = cut(runs, WIDTH, splitters)
    parts = [gather(runs, WIDTH, cuts[:, part], cuts[:, part + 1]) for part in range(len(splitters) + 1)]
    assert as_bytes(np.concatenate(parts)) == sorted(as_bytes(rows))
    assert len(parts) == 5
    assert max(map(len, parts)) <= 20_000 / 5 + STRIDE * (len(runs) + 1)


def test_put_rows__into_a_file__changes_these_rows_alone(tmp_path: Path) -> None:
    rows = np.arange(10 * WIDTH, dtype=np.uint8).reshape(-1, WIDTH)
    write_rows(tmp_path / "rows", rows)
    put_rows(tmp_path / "rows", rows[:2], 5)
    expected = rows.copy()
    expected[5:7] = rows[:2]
    assert (read_rows(tmp_path / "rows", WIDTH) == expected).all()
    assert (read_rows(tmp_path / "rows", WIDTH, 4, 8) == expected[4:8]).all()


def test_read_rows__beyond_the_end__raises(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows", np.zeros((2, WIDTH), np.uint8))
    with pytest.raises(EOFError):
        read_rows(tmp_path / "rows", WIDTH, 1, 4)
