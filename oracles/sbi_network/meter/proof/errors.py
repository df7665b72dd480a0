"""What goes wrong in a proof of compute.

    MeterError
    └── ProofOfComputeError
        ├── SizesError            sizes for which the protocol is not defined
        ├── OpeningFormatError    bytes that are no opening of the product they came for: nobody's fault is proved
        ├── WrongProductError     a row that was signed for, and is wrong
        └── BackendError          a backend that does not exist, or that this machine has not

Whoever catches `ProofOfComputeError` catches all of them.
"""

from __future__ import annotations

from sbi_network.errors import MeterError


class ProofOfComputeError(MeterError):
    """A proof of compute that cannot be made, or does not hold."""


class SizesError(ProofOfComputeError):
    """Sizes for which the protocol is not defined. Attributes: `name` of the size, the one `given`, the `expected`."""

    def __init__(self, name: str, given: object, expected: str) -> None:
        super().__init__(name, given, expected)
        self.name, self.given, self.expected = name, given, expected

    def __str__(self) -> str:
        return f"{self.name}: given {self.given!r:.80}, expected {self.expected}"


class OpeningFormatError(ProofOfComputeError):
    """Bytes that are no opening of the product they came for."""


class WrongProductError(ProofOfComputeError):
    """A row that was signed for, and is wrong. Attributes: the `row` and the `reason`."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(row, reason)
        self.row, self.reason = row, reason

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}"


class BackendError(ProofOfComputeError):
    """A backend that does not exist, or that this machine has not."""
