"""The oracle's side: check opened rows; B·r once for all devices that share B."""

from __future__ import annotations

import numpy as np

from sbi_network.meter.proof.challenge import VECTORS, Challenge, Doubles, Matrix, opened_rows, vectors
from sbi_network.meter.proof.errors import OpeningFormatError, WrongProductError
from sbi_network.meter.proof.opening import Opening, levels_above_rows, opened_count
from sbi_network.meter.proof.tree import root_from_path, segment_hashes, top_of
from sbi_network.protocol.messages import Product

_COLUMNS_AT_ONCE = 1024
"""Columns of B that are multiplied with r at a time. FP32 then is exact: 16 · 255 · 1024 < 2^24."""


class SharedCheck:
    """What checks every product with one B after one second beacon: the vectors r, and B·r, computed here."""

    def __init__(self, b: Matrix, second_beacon: bytes, count: int = VECTORS) -> None:
        self.b = b
        self.second_beacon = second_beacon
        self._r = vectors(b, second_beacon, count)
        self._br = _product_with(b, self._r)

    def check(self, product: Product, opening: Opening) -> None:
        """Check the rows that a product's device opened.

        Raises OpeningFormatError where they are not the picked rows of what was signed, which proves nothing about who
        signed: anybody can send such bytes. Raises WrongProductError where they are, and one is wrong: the signer's
        fault, which the chain can be shown (see `wrong_entry`). Raises SizesError for impossible sizes.
        """
        challenge = Challenge.of(product)
        if challenge.b != self.b:
            raise OpeningFormatError("this product has another B than the one that is checked")
        picked = opened_rows(challenge.a, self.second_beacon)
        _require_form(challenge, opening)
        for row, opened in zip(picked, opening.rows, strict=True):
            node = top_of(segment_hashes(memoryview(opened.data), challenge.sizes))
            if root_from_path(node, row, opened.path) != product.root:
                raise OpeningFormatError(f"row {row}: it does not lead to the root that was signed")
        wrong = self._wrong_rows(challenge.a, picked, opening)
        if wrong:
            raise WrongProductError(wrong[0], "it is not the product of its row of A with B")

    def _wrong_rows(self, a: Matrix, picked: tuple[int, ...], opening: Opening) -> list[int]:
        """Rows for which C_i·r is not A_i·(B·r). Exact: no sum passes 2^53 (see `challenge.MAX_CHECKED`)."""
        c = np.stack([np.frombuffer(opened.data, dtype="<i4") for opened in opening.rows]).astype(np.float64)
        largest = 256 * a.k
        rows_of_a = np.concatenate([a.rows(row, 1) for row in picked]).astype(np.float64)
        # An entry that no product has could make the sums inexact; it is wrong in any case.
        impossible = np.abs(c).max(axis=1) > largest
        differs = ((c @ self._r) != (rows_of_a @ self._br)).any(axis=1)
        return [row for row, is_wrong in zip(picked, impossible | differs, strict=True) if is_wrong]


def _product_with(b: Matrix, r: Doubles) -> Doubles:
    """B·r, (k, vectors): exact, since no entry passes 16·255·n < 2^53."""
    total = np.zeros((r.shape[1], b.k), dtype=np.float64)
    step = min(_COLUMNS_AT_ONCE, b.count)
    narrow = np.ascontiguousarray(r.T, dtype=np.float32)
    for first in range(0, b.count, step):
        total += narrow[:, first : first + step] @ b.rows(first, step).astype(np.float32)
    return total.T


def _require_form(challenge: Challenge, opening: Opening) -> None:
    sizes = challenge.sizes
    count, levels = opened_count(sizes), levels_above_rows(sizes)
    if len(opening.rows) != count:
        raise OpeningFormatError(f"{len(opening.rows)} rows opened: expected {count}")
    for opened in opening.rows:
        if len(opened.data) != sizes.row_bytes or len(opened.path) != levels:
            raise OpeningFormatError(
                f"a row of {len(opened.data)} bytes with {len(opened.path)} hashes: "
                f"expected {sizes.row_bytes} with {levels}"
            )
