"""Units of computing output and of money, and how people write them.

Computing is counted in nano-GAICP-hours (nGAICPh), SBI in wei; both are integers everywhere but in text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from sbi_network.errors import FormatError, RangeError
from sbi_network.protocol.figure import UINT64_MAX, UINT256_MAX, check_uint

OPERATIONS_PER_NANO_GAICPH = 3_600_000_000
"""Weighted operations in one nGAICPh: 1 GAICPh is 1 PFLOP/s for one hour, 3.6e18 operations."""

WEIGHT_ONE = 16
"""Weights are kept in sixteenths: this is the weight 1."""

SHARE_ONE_BPS = 10_000
"""Public shares are kept in basis points: this is the whole."""

GAICPH_DECIMALS = 9
SBI_DECIMALS = 18


class ComputeClass(IntEnum):
    """The three classes of computing, each with a raw ledger of its own. The value is the number used on chain."""

    GENERAL = 0
    INTELLIGENT = 1
    SUPER = 2


FIRST_WEIGHTS_X16 = (32, 16, 64)
"""The weights table of version 1, in sixteenths by class. What counts is the table on chain."""


def weight_x16(operand_bits: int) -> int:
    """Weight, in sixteenths, of an operation on operands of this width. FP16 gives 16, FP64 64, INT8 8.

    The weight is the width over 16 bits, so that in sixteenths it is the width itself.
    """
    if type(operand_bits) is not int or not 1 <= operand_bits <= 64:
        raise RangeError("operand_bits", operand_bits, "an operand width from 1 to 64 bits")
    return operand_bits


def raw_nano_down(operations: int) -> int:
    """Unweighted operations as raw nGAICPh of their class, rounded down: what is counted was surely done."""
    return check_uint("operations", operations, UINT256_MAX) // OPERATIONS_PER_NANO_GAICPH


def weighted_nano_down(operations: int, operand_bits: int) -> int:
    """Operations on operands of one width as weighted nGAICPh, rounded down once."""
    weighted = check_uint("operations", operations, UINT256_MAX) * weight_x16(operand_bits)
    return weighted // (WEIGHT_ONE * OPERATIONS_PER_NANO_GAICPH)


def operations_from_nano(nano: int) -> int:
    """Operations in this many nGAICPh, exactly: weighted ones if the figure is weighted, raw ones if it is raw."""
    return check_uint("nano", nano, UINT256_MAX) * OPERATIONS_PER_NANO_GAICPH


def weighted_x16(raw: Sequence[int], weights_x16: Sequence[int]) -> int:
    """Sum of raw output by class times its weight: sixteenths of a weighted nGAICPh, exactly."""
    general, intelligent, super_ = raw
    weight_general, weight_intelligent, weight_super = weights_x16
    return general * weight_general + intelligent * weight_intelligent + super_ * weight_super


def public_output_down(raw: Sequence[int], weights_x16: Sequence[int], public_share_bps: int) -> int:
    """Weighted output in nGAICPh that counts for the public, rounded down once.

    `raw` and `weights_x16` are three figures by class; `public_share_bps` is from 0 to 10,000.
    Raises RangeError for figures out of range, and where the result would pass 2**64 - 1.
    """
    for figure in raw:
        check_uint("raw output", figure, UINT64_MAX)
    for weight in weights_x16:
        check_uint("weight", weight, UINT256_MAX)
    check_uint("public_share_bps", public_share_bps, SHARE_ONE_BPS)
    output = weighted_x16(raw, weights_x16) * public_share_bps // (WEIGHT_ONE * SHARE_ONE_BPS)
    return check_uint("public output", output, UINT64_MAX)


def format_gaicph(nano: int) -> str:
    """nGAICPh as people read it: `1,234.5 GAICPh`. Nothing is rounded."""
    return _format(nano, GAICPH_DECIMALS, "GAICPh")


def parse_gaicph(text: str) -> int:
    """The nGAICPh in what a person wrote, the unit and the commas being optional. Raises FormatError, never rounds."""
    return _parse(text, GAICPH_DECIMALS, "GAICPh")


def format_sbi(wei: int) -> str:
    """An amount of wei as people read it: `12.05 SBI`. Nothing is rounded."""
    return _format(wei, SBI_DECIMALS, "SBI")


def parse_sbi(text: str) -> int:
    """The wei in what a person wrote, the unit and the commas being optional. Raises FormatError, never rounds."""
    return _parse(text, SBI_DECIMALS, "SBI")


_NUMBER = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]+))?(?: ([A-Za-z]+))?")
_LONGEST_NUMBER = 128
"""Characters: beyond any amount, and short of where turning text into an integer gets slow."""


def _format(amount: int, decimals: int, unit: str) -> str:
    whole, rest = divmod(check_uint(unit, amount, UINT256_MAX), 10**decimals)
    fraction = f".{rest:0{decimals}d}".rstrip("0").rstrip(".")
    return f"{whole:,}{fraction} {unit}"


def _parse(text: str, decimals: int, unit: str) -> int:
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if match is not None:
        whole, fraction = match[1].replace(",", ""), match[2] or ""
        amount = int(whole + fraction.ljust(decimals, "0"))
        if len(fraction) <= decimals and match[3] in (None, unit) and amount <= UINT256_MAX:
            return amount
    raise FormatError(unit, text, f"a number with at most {decimals} decimals, such as 1,234.5 {unit}")
