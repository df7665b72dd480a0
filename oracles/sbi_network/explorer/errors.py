"""What can go wrong in the explorer.

SBIError
└── ExplorerError
    ├── DatabaseError         the database cannot be opened, or belongs to another deployment
    ├── InconsistentError     an event does not follow from those before it: the index would be wrong
    ├── AuditError            figures that differ from the contracts'
    └── UnsettledChainError   the chain changed while it was read; asking again helps
"""

from __future__ import annotations

from sbi_network.errors import SBIError


class ExplorerError(SBIError):
    """Root of what can go wrong in the explorer."""


class DatabaseError(ExplorerError):
    """The database cannot be opened, or belongs to another deployment. The text never holds the database's URL."""


class InconsistentError(ExplorerError):
    """An event does not follow from those before it: the index would be wrong."""


class AuditError(ExplorerError):
    """Figures that differ from the contracts'."""


class UnsettledChainError(ExplorerError):
    """The chain changed while it was read; asking again helps."""
