"""Every exception this package raises on purpose.

    SBIError
    ├── ProtocolError             something does not follow docs/protocol.md
    │   ├── RangeError            a figure or value outside its range (also a ValueError)
    │   ├── FormatError           text, JSON or bytes that do not read as what they should be (also a ValueError)
    │   ├── SignatureError        a signature that nobody, or not the expected signer, made
    │   ├── SumOverflowError      a lane of a sum would pass 2**64 - 1
    │   ├── ProofError            a Merkle proof of the wrong shape, or one that does not lead to the root
    │   ├── AgreementError        observations or signatures from which no report follows
    │   └── AbiError              an ABI that is missing from the package, or that does not fit the data
    ├── RollError                 citizens that cannot be enrolled together
    │   └── RollFormatError       a line of a roll file that does not read as a citizen
    ├── SimulationError           a scenario that cannot be simulated; its children live in `simulation`
    ├── RecordError               a network that no deployment is recorded for
    ├── ListenError               the address to serve HTTP at cannot be had
    └── MeterError                a metering source or a proof of compute that failed; its children live in `meter`

Whoever catches `SBIError` catches all of them and nothing else: a plain `TypeError` out of this package is a bug in it.
"""

from __future__ import annotations


class SBIError(Exception):
    """Root of the tree."""


class ProtocolError(SBIError):
    """Something does not follow docs/protocol.md."""


class _UnexpectedValueError(ProtocolError, ValueError):
    """Attributes: `name` of the value, what was `given`, and what was `expected` in words."""

    def __init__(self, name: str, given: object, expected: str) -> None:
        super().__init__(name, given, expected)
        self.name = name
        self.given = given
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.name}: given {_shortened(self.given)}, expected {self.expected}"


class RangeError(_UnexpectedValueError):
    """A figure or value outside its range. Attributes: `name`, `given`, `expected` (in words)."""


class FormatError(_UnexpectedValueError):
    """Text, JSON or bytes that do not read as what they should be. Attributes: `name`, `given`, `expected`."""


class SignatureError(ProtocolError):
    """A signature that nobody, or not the expected signer, made."""


class SumOverflowError(ProtocolError):
    """A lane of a sum would pass 2**64 - 1.

    Attributes: `lane`, the name of the first such lane, and the `total` it would have held.
    """

    def __init__(self, lane: str, total: int) -> None:
        super().__init__(lane, total)
        self.lane = lane
        self.total = total

    def __str__(self) -> str:
        return f"lane {self.lane} of the sum would hold {self.total}, more than 2**64 - 1"


class ProofError(ProtocolError):
    """A Merkle proof of the wrong shape, or one that does not lead to the root."""


class AgreementError(ProtocolError):
    """Observations or signatures from which no report follows."""


class AbiError(ProtocolError):
    """An ABI that is missing from the package, or that does not fit the data."""


class RollError(SBIError):
    """Citizens that cannot be enrolled together."""


class RollFormatError(RollError):
    """A line of a roll file that does not read as a citizen.

    Attributes: the `line` number, counted from 1 as editors do, and the `reason`.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class SimulationError(SBIError):
    """A scenario that cannot be simulated."""


class RecordError(SBIError):
    """A network that no deployment is recorded for."""


class ListenError(SBIError):
    """The address to serve HTTP at cannot be had."""


class MeterError(SBIError):
    """A metering source or a proof of compute that failed."""


def _shortened(given: object, limit: int = 80) -> str:
    """What was given, fit for a log line even where a stranger sent megabytes."""
    if isinstance(given, int) and not isinstance(given, bool) and given.bit_length() > 512:
        return f"an integer of {given.bit_length()} bits"  # int() to text is quadratic, and refused beyond 4300 digits
    if isinstance(given, (str, bytes)):
        given = given[: limit + 1]
    text = repr(given)
    return text if len(text) <= limit else text[: limit - 1] + "…"
