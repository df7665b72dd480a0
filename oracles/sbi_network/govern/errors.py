"""What can go wrong in governance.

SBIError
└── GovernError
    ├── ProposalError       a proposal file that cannot be read as calls to the suite's contracts
    ├── BallotError         a ballot that is not one, or another's
    └── RehearsalError      a fork that cannot be had
"""

from __future__ import annotations

from sbi_network.errors import SBIError


class GovernError(SBIError):
    """Root of what can go wrong in governance."""


class ProposalError(GovernError):
    """A proposal file that cannot be read as calls to the suite's contracts. The text says where and why."""


class BallotError(GovernError):
    """A ballot that is not one, or that its voter did not sign."""


class RehearsalError(GovernError):
    """A fork of the present state that cannot be had."""
