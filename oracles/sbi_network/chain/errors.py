"""What can go wrong between a program and the chain.

SBIError
├── ChainError
│   ├── EndpointError              the RPC endpoint cannot be reached, or answers with nonsense
│   ├── WrongChainError            it is another chain's, or there is no contract where one should be
│   ├── FinalityError              a block that was final is no longer part of the chain
│   ├── ContractRefused            a contract reverted; says which error with which arguments
│   └── TransactionError
│       ├── TransactionTimeoutError    sent, and not in a block in time: it may still get there
│       ├── TransactionRevertedError   in a block, and reverted for a reason that can no longer be had
│       └── TransactionExpiredError    its deadline passed, and it will never be in a block
├── OutboxError                    an outbox file that cannot be used, or a key asked for with another call
├── LockedError                    another process has the same state file or key
├── KeyFileError                   a keystore or password file that cannot be used
├── SignerError                    a remote signer that does not sign, or signs something else
└── SettingsError                  a configuration file that cannot be used; one line for each thing wrong
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sbi_network.errors import SBIError
from sbi_network.protocol.abi import DecodedError


class ChainError(SBIError):
    """Root of what can go wrong on the chain's side."""


class EndpointError(ChainError):
    """The RPC endpoint cannot be reached, or answers with nonsense. The text never holds the endpoint's URL.

    Attributes: the `kind` of failure, as the library below calls it, and how many seconds the endpoint asked to be left
    alone (`retry_after`), if it did.
    """

    def __init__(self, kind: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"RPC endpoint: {self.kind}: {self.detail}"


class WrongChainError(ChainError):
    """The endpoint is another chain's, or there is no contract where one should be."""


class FinalityError(ChainError):
    """A block that was final is no longer part of the chain: nothing that was settled can be relied upon."""


class ContractRefused(ChainError):  # noqa: N818 - a refusal is an answer, not a fault of the program
    """A contract reverted.

    Attributes: the `name` of its custom error and the error's `arguments` by name. Without a known error the name is
    `unknown`, and the argument `data` holds what came.
    """

    def __init__(self, error: DecodedError) -> None:
        super().__init__(error)
        self.name = error.name
        self.arguments: Mapping[str, Any] = error.arguments

    def __str__(self) -> str:
        return f"the contract refused: {self.args[0]}"


class TransactionError(ChainError):
    """A transaction that was sent and did not succeed. Attribute: its `hash`."""

    reason = "failed"

    def __init__(self, transaction_hash: str) -> None:
        super().__init__(transaction_hash)
        self.hash = transaction_hash

    def __str__(self) -> str:
        return f"transaction {self.hash} {self.reason}"


class TransactionTimeoutError(TransactionError):
    """Sent, and not in a block in time: it may still get there."""

    reason = "was not included in time"


class TransactionRevertedError(TransactionError):
    """In a block, and reverted for a reason that can no longer be had."""

    reason = "reverted"


class TransactionExpiredError(TransactionError):
    """Its deadline passed. Attribute: `hash` is the intent's key, for it has no transaction that counts."""

    reason = "was given up: its deadline passed before it was in a block"


class OutboxError(SBIError):
    """An outbox file that cannot be used, or a key that was asked for with another call."""


class LockedError(SBIError):
    """Another process has the same state file or key."""


class KeyFileError(SBIError):
    """A keystore or password file that cannot be used. The text says which, never what is in it."""


class SignerError(SBIError):
    """A remote signer that cannot be reached, refuses, or signs something else. The text never holds its URL."""


class SettingsError(SBIError):
    """A configuration file that cannot be used. The text has one line for each thing that is wrong."""
