"""What is asked of a device, and what is asked again once it has answered: everything that follows from the beacons.

`docs/proof-of-compute.md` is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sbi_network.meter.proof.errors import SizesError
from sbi_network.meter.proof.keystream import BLOCK_BYTES, MAX_STREAM, fill_from, stream_of
from sbi_network.protocol.figure import UINT32_MAX, UINT64_MAX, WORD_BYTES, check_uint, check_word
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import Product

OPENED_ROWS = 64
VECTORS = 8

MIN_SIZE = BLOCK_BYTES
MAX_ROWS = 2**20
MAX_TERMS = 2**22
"""256·k is then below 2^31: INT32 holds every partial sum."""

MAX_CHECKED = 2**37
"""Most n·k: the sums of the check are at most 2^16·n·k, and FP64 holds integers up to 2^53 exactly."""

_ENTRY_SHIFT = 3
"""A signed byte less its three lowest bits is an integer from -16 to 15.

So a product of two entries is at most 256 in size, and a sum of any of the k terms at most 256·k. FP32 holds all
integers up to 2^24: up to k = 65,536 every partial sum is exact, whatever the order and grouping of the terms, hence
the same on every machine. FP64 does so to k = 2^45, INT32 below 2^23.
"""

_MAX_SEGMENT = 4096
_ENTRY_BYTES = 4

_TAG_A = keccak256(b"SBI product A")
_TAG_B = keccak256(b"SBI product B")
_TAG_ROWS = keccak256(b"SBI product rows")
_TAG_VECTORS = keccak256(b"SBI product vectors")

Entries = npt.NDArray[np.int8]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sizes:
    """A is m × k, B is k × n, C is m × n; all powers of two. Raises SizesError."""

    m: int
    n: int
    k: int

    def __post_init__(self) -> None:
        for name, given, most in (("m", self.m, MAX_ROWS), ("n", self.n, MAX_ROWS), ("k", self.k, MAX_TERMS)):
            if type(given) is not int or not MIN_SIZE <= given <= most or given & (given - 1):
                raise SizesError(name, given, f"a power of two from {MIN_SIZE} to {most}")
        if self.m * self.k > MAX_STREAM:
            raise SizesError("m·k", self.m * self.k, f"at most {MAX_STREAM}")
        if self.n * self.k > MAX_CHECKED:
            raise SizesError("n·k", self.n * self.k, f"at most {MAX_CHECKED}")

    @property
    def operations(self) -> int:
        """Operations of the product by the textbook: a multiplication and an addition for each of m·n·k terms."""
        return 2 * self.m * self.n * self.k

    @property
    def segment(self) -> int:
        """Entries of C in one leaf."""
        return min(self.n, _MAX_SEGMENT)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of C."""
        return _ENTRY_BYTES * self.n


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix that follows from a seed: A by its rows, or B by its columns, `count` of them of k entries each."""

    seed: bytes
    count: int
    k: int

    def fill(self, first: int, out: Entries) -> None:
        """Overwrite `out`, contiguous, with the rows (of B: columns) from `first` on, one in each of its rows."""
        fill_from(self.seed, first * self.k, out.view(np.uint8).reshape(-1))
        np.right_shift(out, _ENTRY_SHIFT, out=out)

    def rows(self, first: int, count: int) -> Entries:
        """(count, k) entries from -16 to 15: the rows (of B: columns) from `first` on."""
        out = np.empty((count, self.k), dtype=np.int8)
        self.fill(first, out)
        return out


@dataclass(frozen=True)
class Challenge:
    """The product that one device of a facility is asked for. `device` and `beacon` are 32 bytes each.

    Raises RangeError.
    """

    facility: int
    epoch: int
    device: bytes
    beacon: bytes
    sizes: Sizes

    def __post_init__(self) -> None:
        check_uint("facility", self.facility, UINT32_MAX)
        check_uint("epoch", self.epoch, UINT64_MAX)
        check_word("device", self.device)
        check_word("beacon", self.beacon)

    @classmethod
    def of(cls, product: Product) -> Challenge:
        """The challenge that a product answers. Raises SizesError."""
        sizes = Sizes(product.m, product.n, product.k)
        return cls(product.facility, product.epoch, product.device, product.beacon, sizes)

    @cached_property
    def a(self) -> Matrix:
        """The device's own matrix, by rows."""
        own = (self.sizes.m, self.facility, int.from_bytes(self.device))
        return Matrix(_seed(_TAG_A, self._common, own), self.sizes.m, self.sizes.k)

    @cached_property
    def b(self) -> Matrix:
        """The matrix that all devices share which are challenged by this beacon at this n and k, by columns."""
        return Matrix(_seed(_TAG_B, self._common), self.sizes.n, self.sizes.k)

    @property
    def _common(self) -> tuple[int, ...]:
        # The sizes too: from the product at one k, that at another k of the same streams could be put together.
        return (self.epoch, int.from_bytes(self.beacon), self.sizes.n, self.sizes.k)

    def product(self, root: bytes) -> Product:
        """The answer: what the facility's reading key signs."""
        sizes = self.sizes
        return Product(self.facility, self.epoch, self.device, self.beacon, sizes.m, sizes.n, sizes.k, root)


def opened_rows(a: Matrix, second_beacon: bytes, count: int = OPENED_ROWS) -> tuple[int, ...]:
    """The different rows that a device is to open, in the order of the draw: `count`, or all if there are fewer."""
    seed = _seed(_TAG_ROWS, _word(second_beacon), _word(a.seed))
    count = min(count, a.count)
    drawn: dict[int, None] = {}
    start = 0
    while len(drawn) < count:
        # m is a power of two: the remainder is as even as the words.
        drawn |= dict.fromkeys((stream_of(seed, start, BLOCK_BYTES).view("<u8") % a.count).tolist())
        start += BLOCK_BYTES
    return tuple(drawn)[:count]


def vectors(b: Matrix, second_beacon: bytes, count: int = VECTORS) -> Doubles:
    """(n, count) entries from 0 to 255: the vectors that every product with this B is checked with."""
    seed = _seed(_TAG_VECTORS, _word(second_beacon), _word(b.seed))
    drawn = stream_of(seed, 0, b.count * VECTORS).reshape(b.count, VECTORS)
    return drawn[:, :count].astype(np.float64)


def _word(data: bytes) -> tuple[int]:
    return (int.from_bytes(check_word("beacon", data)),)


def _seed(tag: bytes, *parts: tuple[int, ...]) -> bytes:
    return keccak256(tag + b"".join(value.to_bytes(WORD_BYTES) for part in parts for value in part))
