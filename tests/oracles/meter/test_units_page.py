"""docs/units.md: every worked line, every row and every share on the page is computed again here."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest

from sbi_network.meter.bounds import failure_share_up
from sbi_network.meter.evidence import Terms
from sbi_network.meter.published import published, published_peak
from sbi_network.protocol.units import FIRST_WEIGHTS_X16, OPERATIONS_PER_NANO_GAICPH, ComputeClass

PAGE = (Path(__file__).parents[3] / "docs" / "units.md").read_text(encoding="utf-8")
CALCULATIONS = [line for block in re.findall(r"```calc\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
BITS = {ComputeClass.GENERAL: 32, ComputeClass.INTELLIGENT: 16, ComputeClass.SUPER: 64}


def worked_out(expression: str) -> Fraction:
    """Sums, products and quotients of numbers, left to right by the usual rules, in exact fractions; floor(…) too."""
    floor = re.fullmatch(r"floor\((.*)\)", expression)
    if floor:
        return Fraction(math.floor(worked_out(floor[1])))
    return sum((product(term) for term in expression.split(" + ")), Fraction(0))


def product(term: str) -> Fraction:
    parts = re.split(r" ?([×/]) ?", term)
    value = Fraction(parts[0])
    for sign, number in zip(parts[1::2], parts[2::2], strict=True):
        value = value * Fraction(number) if sign == "×" else value / Fraction(number)
    return value


@pytest.mark.parametrize("line", CALCULATIONS)
def test_page__a_worked_line__is_right(line: str) -> None:
    expression, _, result = line.rpartition(" = ")
    assert worked_out(expression) == Fraction(result)


def test_page__the_worked_lines__are_all_there() -> None:
    assert len(CALCULATIONS) == 16
    assert Fraction(3_600_000_000) == OPERATIONS_PER_NANO_GAICPH


def row_of(number: int) -> str:
    device = published()[number]
    peak = f"{device.ops_per_second / 10**12:,.6f}".rstrip("0").rstrip(".")
    weighted = f"{float(Fraction(device.weighted_x16, 16 * 10**15)):,.6f}".rstrip("0").rstrip(".")
    where = f"{device.source}, {device.address}"
    name = device.compute_class.name.lower()
    return f"| {device.device} | {name} | {device.operand_bits} | {peak} | {weighted} | {where} |"


def test_page__the_table_of_devices__is_the_packages_own() -> None:
    rows = [line for line in PAGE.splitlines() if "https://" in line and line.startswith("| ")]
    assert rows == [row_of(number) for number in range(len(published()))]


def test_page__every_device_asked_for__is_in_the_table() -> None:
    devices = " ".join(row.device for row in published())
    for asked in ("T4", "V100", "A10", "A100", "H100", "H200", "MI300X", "Ascend 910B", "EPYC", "El Capitan"):
        assert asked in devices


def test_page__the_weights__are_the_first_table() -> None:
    for compute_class, bits in BITS.items():
        assert FIRST_WEIGHTS_X16[compute_class] == bits
        assert re.search(rf"\| {compute_class.name.lower()} \| .* \| {bits}/16 \|", PAGE)


def test_page__the_shares_by_audits__are_the_bounds() -> None:
    rows = re.findall(r"\| (\d+) \| (\d+) \| ([\d.]+) % \| ([\d.]+) % \|", PAGE)
    assert len(rows) == 6
    for challenges, failures, fails, counts in rows:
        bound = failure_share_up(int(challenges), int(failures))
        assert (fails, counts) == (f"{bound / 10_000:.4f}", f"{(1_000_000 - bound) / 10_000:.4f}")


def test_page__the_first_cap__is_a_half_and_the_tolerance_two_percent() -> None:
    assert Terms().unbacked_ppm == (500_000,) * 3
    assert Terms().probe_tolerance_ppm == 20_000


def test_published__the_rule__is_neutral_where_the_page_says_so() -> None:
    weighted = {(row.device, row.operand_bits): row.weighted_x16 for row in published()}
    for device, one, other in (("NVIDIA T4", 8, 16), ("NVIDIA A100 SXM4", 8, 16), ("NVIDIA H100 SXM5", 8, 16)):
        assert weighted[device, one] == pytest.approx(weighted[device, other], rel=0.003)
    assert weighted["AMD EPYC 9654", 32] == weighted["AMD EPYC 9654", 64]
    assert weighted["NVIDIA A100 SXM4", 16] == 4 * weighted["NVIDIA A100 SXM4", 64]


@pytest.mark.parametrize(
    ("name", "compute_class", "tera"),
    [
        ("NVIDIA H200", ComputeClass.INTELLIGENT, 989.4),
        ("NVIDIA A100-SXM4-80GB", ComputeClass.INTELLIGENT, 312),
        ("NVIDIA A100-SXM4-80GB", ComputeClass.SUPER, 19.5),
        ("NVIDIA A10", ComputeClass.INTELLIGENT, 125),
        ("Tesla T4", ComputeClass.INTELLIGENT, 65.13),
        ("NVIDIA A10G", ComputeClass.INTELLIGENT, None),
        ("NVIDIA L4", ComputeClass.INTELLIGENT, None),
    ],
)
def test_published_peak__by_nvmls_name__is_that_cards_and_no_others(
    name: str, compute_class: ComputeClass, tera: float | None
) -> None:
    assert published_peak(name, compute_class) == (None if tera is None else round(tera * 10**12))
