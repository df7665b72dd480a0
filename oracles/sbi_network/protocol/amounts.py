"""Amounts that print with their unit: integers as the contracts count them, words as people read them.

>>> SBI("1.5") + SBI.of(10**18)
2.5 SBI
>>> GAICPh("0.000000002").at(10**18)
2 SBI
>>> SBI("2").buys(10**18)
0.000000002 GAICPh
"""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Self

from sbi_network.errors import RangeError
from sbi_network.protocol.units import format_gaicph, format_sbi, parse_gaicph, parse_sbi


class _Amount(int):
    """A whole number of the smallest unit. Sums and differences keep the unit; other arithmetic gives plain numbers."""

    __slots__ = ()

    @classmethod
    def of(cls, smallest: int) -> Self:
        """So many of the smallest unit. Raises TypeError for what is no whole number."""
        return int.__new__(cls, index(smallest))

    @classmethod
    def _written(cls, written: str, parse: Callable[[str], int]) -> Self:
        if not isinstance(written, str):
            name = cls.__name__
            raise TypeError(
                f'{name}: expected text, such as {name}("1.5"), given {written!r}; {name}.of(n) counts wholes'
            )
        return cls.of(-parse(written[1:]) if written.startswith("-") else parse(written))

    def __add__(self, other: int) -> Self:
        return self.of(int(self) + self._same(other))

    def __sub__(self, other: int) -> Self:
        return self.of(int(self) - self._same(other))

    def _same(self, other: int) -> int:
        if isinstance(other, _Amount) and type(other) is not type(self):
            raise TypeError(f"expected an amount of {type(self).__name__}, given {other!r}")
        return int(other)

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return int.__hash__(self)


class SBI(_Amount):
    """An amount of money: wei, 1e18 to the SBI."""

    __slots__ = ()

    def __new__(cls, written: str) -> Self:
        """What a person wrote: `SBI("1.5")`. Raises FormatError, and TypeError for what is no text."""
        return cls._written(written, parse_sbi)

    def __str__(self) -> str:
        return f"-{format_sbi(-int(self))}" if self < 0 else format_sbi(int(self))

    def buys(self, rate: int) -> GAICPh:
        """The output that it stands for at a rate (wei per nGAICPh), rounded down. Raises RangeError for no rate."""
        if index(rate) <= 0:
            raise RangeError("rate", rate, "a rate above zero, in wei per nGAICPh")
        return GAICPh.of(int(self) // rate)


class GAICPh(_Amount):
    """An amount of computing: nGAICPh, 1e9 to the GAICPh, which is one PFLOP/s for one hour."""

    __slots__ = ()

    def __new__(cls, written: str) -> Self:
        """What a person wrote: `GAICPh("2.5")`. Raises FormatError, and TypeError for what is no text."""
        return cls._written(written, parse_gaicph)

    def __str__(self) -> str:
        return f"-{format_gaicph(-int(self))}" if self < 0 else format_gaicph(int(self))

    def at(self, rate: int) -> SBI:
        """What it comes to in money at a rate (wei per nGAICPh), exactly."""
        return SBI.of(int(self) * index(rate))
