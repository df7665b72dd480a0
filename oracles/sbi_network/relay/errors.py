"""What can go wrong in the relayer itself. What a client is refused for is a `Refusal` (`problems`).

SBIError
└── RelayError        the relayer's state file cannot be used
"""

from __future__ import annotations

from sbi_network.errors import SBIError


class RelayError(SBIError):
    """The relayer's state file cannot be read or written, or belongs to another."""
