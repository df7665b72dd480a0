"""What the check is worth, by theory; the tests hold it against the code."""

from __future__ import annotations

from math import comb

from sbi_network.meter.proof.challenge import OPENED_ROWS, VECTORS

_VALUES = 256
"""Values that an entry of r may have."""


def false_accept(count: int = VECTORS) -> float:
    """The most chance that a wrong row, opened, passes `count` vectors.

    C_i·r is linear in r: if the errors of the row are not all zero, then whatever the other entries of r are, one value
    at most of the entry at a wrong place makes them cancel (R. Freivalds, 1977).
    """
    return float(_VALUES) ** -count


def escape(rows: int, wrong: int, opened: int = OPENED_ROWS) -> float:
    """The chance that none of `wrong` among `rows` is opened: drawn without putting back."""
    opened = min(opened, rows)
    return comb(rows - wrong, opened) / comb(rows, opened)


def detection(rows: int, wrong: int, opened: int = OPENED_ROWS) -> float:
    """The chance that a product with that many wrong rows is refused, at least."""
    return (1 - escape(rows, wrong, opened)) * (1 - false_accept())
