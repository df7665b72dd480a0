"""One challenge of one device, from the side of who judges it: pure, without a network or a clock.

    commit(product, at) ──▶ opened_by(second_beacon, opening) ──▶ verdict

A product that nobody opens is worth nothing; one that is opened and wrong costs its signer the bond.
"""

from __future__ import annotations

from enum import Enum

from sbi_network.meter.proof.challenge import Challenge
from sbi_network.meter.proof.errors import OpeningFormatError, WrongProductError
from sbi_network.meter.proof.opening import Opening
from sbi_network.meter.proof.verifier import SharedCheck
from sbi_network.protocol.messages import Product


class Verdict(Enum):
    """What became of a challenge. Only `PROVED` is credited; only `WRONG` and `EQUIVOCATED` can be punished."""

    PROVED = "proved"
    MISSED = "no product came before the deadline"
    EQUIVOCATED = "two different products of one challenge were signed"
    WITHHELD = "the opening was not sent, or is none"
    WRONG = "an opened row is wrong"


class Audit:
    """`deadline_ms` is on the clock by which products are received, that of who judges. Signatures are checked before
    anything comes here.

    Attributes: `products`, all different ones that came for this challenge, in order, late ones too: two of them are
    the proof of EQUIVOCATED. `fault`: the row that is WRONG, and why.
    """

    def __init__(self, challenge: Challenge, deadline_ms: int) -> None:
        self.challenge = challenge
        self.deadline_ms = deadline_ms
        self.products: list[Product] = []
        self.fault: WrongProductError | None = None
        self._timely: Product | None = None
        self._opened: bool | None = None

    def commit(self, product: Product, at_ms: int) -> bool:
        """Take a product that was received at `at_ms`. Whether it answers this challenge in time, as the only one."""
        if product != self.challenge.product(product.root):
            return False
        if product not in self.products:
            self.products.append(product)
            if at_ms <= self.deadline_ms and self._timely is None:
                self._timely = product
        return self.verdict is not Verdict.EQUIVOCATED and product == self._timely

    def opened_by(self, shared: SharedCheck, opening: bytes) -> Verdict:
        """Judge an opening as it came, from whomever: what does not lead to the signed root leaves the verdict open."""
        if self._timely is not None and self._opened is None:
            try:
                shared.check(self._timely, Opening.from_bytes(opening, self.challenge.sizes))
                self._opened = True
            except OpeningFormatError:
                pass
            except WrongProductError as error:
                self.fault, self._opened = error, False
        return self.verdict

    @property
    def verdict(self) -> Verdict:
        """As far as it is known: until it is opened, a product counts as withheld."""
        if len(self.products) > 1:
            return Verdict.EQUIVOCATED
        if self._timely is None:
            return Verdict.MISSED
        if self._opened is None:
            return Verdict.WITHHELD
        return Verdict.PROVED if self._opened else Verdict.WRONG
