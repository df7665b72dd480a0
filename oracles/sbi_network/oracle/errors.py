"""What can go wrong in an oracle.

SBIError
└── OracleError
    ├── SecondDigestError      the signing guard: another digest is signed already
    ├── UnsureError            the signing guard: an earlier process may have signed another digest
    ├── ParkedError            this oracle's key was seen to sign elsewhere: it signs nothing more here
    ├── OracleStateError       a state file that is another oracle's, or that cannot be read or written
    └── RefusedError           a message that is not accepted; see `Reason`
"""

from __future__ import annotations

from enum import Enum

from sbi_network.errors import SBIError
from sbi_network.protocol.figure import hex_of


class OracleError(SBIError):
    """Root of what can go wrong in an oracle."""


class OracleStateError(OracleError):
    """A state file that is another oracle's, or that cannot be read or written."""


class SecondDigestError(OracleError):
    """The signing guard: for this place another digest is signed already. Attributes: `place`, `signed`, `given`."""

    def __init__(self, place: str, signed: bytes, given: bytes) -> None:
        super().__init__(place, signed, given)
        self.place = place
        self.signed = signed
        self.given = given

    def __str__(self) -> str:
        return f"{self.place}: signed {hex_of(self.signed)} already, so not {hex_of(self.given)}"


class UnsureError(OracleError):
    """The signing guard: an earlier process with this key may have signed another digest for this place."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place

    def __str__(self) -> str:
        return f"{self.place}: may have been signed before this process started"


class ParkedError(OracleError):
    """This oracle's key was seen to sign elsewhere: it signs nothing more here. The text says what was seen."""


class Reason(Enum):
    """Why a message is refused: the word in logs and answers, and the HTTP status."""

    MALFORMED = ("malformed", 400)
    TOO_LARGE = ("too_large", 413)
    WRONG_CONFIG = ("wrong_config", 409)
    WRONG_EPOCH = ("wrong_epoch", 409)
    NOT_OPEN = ("not_open", 503)
    """The epoch is not worked on here: not yet, or no longer. It may be tried again."""
    NOT_MEMBER = ("not_member", 403)
    BAD_SIGNATURE = ("bad_signature", 403)
    BAD_READING = ("bad_reading", 422)
    EQUIVOCATION = ("equivocation", 409)
    NOT_LEADER = ("not_leader", 403)
    WRONG_VIEW = ("wrong_view", 409)
    OTHER_REPORT = ("other_report", 409)
    SECOND_DIGEST = ("second_digest", 409)
    UNSURE = ("unsure", 409)
    PARKED = ("parked", 409)
    UNSIGNED = ("unsigned", 401)
    TOO_MANY = ("too_many", 429)
    """More than a peer may send in that time. It may be tried again."""
    UNKNOWN = ("unknown", 404)
    DRY_RUN = ("dry_run", 409)

    def __init__(self, word: str, status: int) -> None:
        self.word = word
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same message may be accepted later."""
        return self in (Reason.NOT_OPEN, Reason.TOO_MANY)


class RefusedError(OracleError):
    """A message that is not accepted. Attributes: the `reason`, and the `detail` in words."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason.word}: {self.detail}"
