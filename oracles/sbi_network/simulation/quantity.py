"""Numbers with units, as scenarios give them: `906 EFLOPS`, `47 %/a`, `1 SBI/GAICPh`.

A dimension lists its units with what one is worth in the canonical one, exactly, so that a rate in whole wei stays one.
A year is 365 days. `nan`, `inf`, a bare number and another dimension's unit are refused with what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sbi_network.protocol.units import GAICPH_DECIMALS, SBI_DECIMALS

DAYS_A_YEAR = 365
_LONGEST = 64
_NUMBER = re.compile(r"([+-]?[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?) ?(\D.*)")

_SBI = Fraction(10**SBI_DECIMALS)
_GAICPH = Fraction(10**GAICPH_DECIMALS)


@dataclass(frozen=True)
class Dimension:
    """What a figure may be: its units, their worth in the canonical unit (the one of worth 1), its range, inclusive.

    `shown` are the units that people are told it in, the largest first.
    """

    name: str
    units: Mapping[str, Fraction]
    lowest: Fraction
    highest: Fraction
    shown: tuple[str, ...]

    @property
    def unit(self) -> str:
        """The canonical unit."""
        return next(unit for unit, worth in self.units.items() if worth == 1)

    def words(self, value: float | Fraction) -> str:
        """A canonical value for people, in the largest unit of which there is one."""
        fits = (unit for unit in self.shown if abs(Fraction(value)) >= self.units[unit])
        unit = next(fits, self.shown[-1])
        return f"{said(float(value) / float(self.units[unit]))} {unit}"

    def parse(self, text: object) -> Fraction:
        """The canonical number in `text`. Raises ValueError."""
        expected = f"{self.name} such as 1 {' or 1 '.join(self.units)}"
        if isinstance(text, str) and len(text) <= _LONGEST and (match := _NUMBER.fullmatch(text.strip())):
            worth = self.units.get(match[2].strip())
            if worth is not None:
                return self.check(Fraction(match[1].replace("_", "")) * worth)
        raise ValueError(f"expected {expected}, given {_shown(text)}")

    def check(self, value: Fraction) -> Fraction:
        """`value` itself, if it lies in the range. Raises ValueError."""
        if not self.lowest <= value <= self.highest:
            limits = f"{self.words(self.lowest)} to {self.words(self.highest)}"
            raise ValueError(f"expected {self.name} from {limits}, given {self.words(value)}")
        return value


def said(value: float) -> str:
    """A number for people: as many digits as tell it from its neighbours in a table."""
    return f"{value:.6g}"


def _shown(given: object) -> str:
    text = repr(given[: _LONGEST + 1] if isinstance(given, str) else given)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _dimension(
    name: str, lowest: int | str, highest: int | str, units: Mapping[str, Fraction | int | str], *shown: str
) -> Dimension:
    worths = {unit: Fraction(worth) for unit, worth in units.items()}
    canonical = next(unit for unit, worth in worths.items() if worth == 1)
    return Dimension(name, worths, Fraction(lowest), Fraction(highest), shown or (canonical,))


CAPACITY = _dimension(
    "a computing capacity",
    0,
    10**12,
    {"TFLOPS": "1/1000", "PFLOPS": 1, "EFLOPS": 10**3, "ZFLOPS": 10**6, "GFLOPS": "1/1000000"},
    "ZFLOPS",
    "EFLOPS",
    "PFLOPS",
    "TFLOPS",
)
"""Nominal operations a second at the class's own precision; canonical: PFLOPS."""

SHARE = _dimension("a share", 0, 1, {"%": "1/100", "‰": "1/1000", "bps": "1/10000", "whole": 1}, "%")
"""A part of a whole; canonical: 1."""

BPS = _dimension("a share", 0, 10**4, {"bps": 1, "%": 100, "‰": 10}, "%")
"""A part of a whole as the contracts keep it; canonical: basis points."""

GROWTH_BPS = _dimension("a bound on growth", 10**4, 2**32 - 1, {"bps": 1, "%": 100}, "%")

CHANGE = _dimension("a change a year", "-9/10", 100, {"%/a": "1/100", "‰/a": "1/1000", "times/a": 1}, "%/a")
"""What is added in a year, as a part of what was there; negative where it falls. Canonical: 1."""

POINT_EFFECT = _dimension(
    "an effect of an index point", -1, 1, {"%/point": "1/100", "‰/point": "1/1000", "1/point": 1}, "‰/point"
)
"""What one point of a 0 to 100 score goes with, as a part."""

POINTS = _dimension("a change of the index", -100, 100, {"points/a": 1})

HAZARD = _dimension(
    "a frequency",
    0,
    1,
    {"/d": 1, "%/d": "1/100", "/a": f"1/{DAYS_A_YEAR}", "%/a": f"1/{DAYS_A_YEAR * 100}"},
    "/d",
    "%/d",
    "/a",
)
"""How often something happens to one of many; canonical: a day."""

SPAN = _dimension(
    "a span of time",
    0,
    100 * DAYS_A_YEAR,
    {"d": 1, "h": "1/24", "min": "1/1440", "s": "1/86400", "a": DAYS_A_YEAR},
    "d",
    "h",
    "min",
    "s",
)
"""Canonical: days."""

PEOPLE = _dimension(
    "a number of people",
    0,
    2**40 - 1,
    {"people": 1, "million people": 10**6, "billion people": 10**9},
    "billion people",
    "million people",
    "people",
)

RATE = _dimension("a rate of issue", 1, 10**18, {"wei/nGAICPh": 1, "SBI/GAICPh": _SBI / _GAICPH}, "SBI/GAICPh")
"""Canonical: wei per nGAICPh, the contracts' unit."""

OUTPUT = _dimension("an output", 0, 2**64 - 1, {"nGAICPh": 1, "GAICPh": _GAICPH}, "GAICPh", "nGAICPh")
"""Weighted public output of an epoch; canonical: nGAICPh."""

MONEY = _dimension(
    "an amount of SBI",
    0,
    2**112 - 1,
    {"wei": 1, "SBI": _SBI, "million SBI": _SBI * 10**6, "billion SBI": _SBI * 10**9},
    "billion SBI",
    "million SBI",
    "SBI",
    "wei",
)
"""Canonical: wei."""

GROWTH_FACTOR = _dimension("a factor", 0, 10**6, {"times": 1, "%": "1/100"}, "%")
"""What something is multiplied by; canonical: 1."""

PRICE = _dimension("a price of computing", 0, 10**9, {"CNY/GAICPh": 1})

INCOME = _dimension("an income", 0, 10**9, {"CNY/d": 1, "CNY/a": f"1/{DAYS_A_YEAR}"}, "CNY/a")
"""Canonical: CNY a day."""

TURNOVER = _dimension(
    "a turnover of an industry",
    0,
    10**15,
    {"CNY/a": f"1/{DAYS_A_YEAR}", "CNY/d": 1, "trillion CNY/a": Fraction(10**12, 365)},
    "trillion CNY/a",
    "CNY/a",
)
"""Canonical: CNY a day."""

COUNT = _dimension("a number of facilities", 1, 10**6, {"facilities": 1})
