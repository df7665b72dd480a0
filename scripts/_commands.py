"""What every script does alike: errors as one line with exit code 1, one unlocking for many signatures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from eth_abi.exceptions import EncodingError
from scripts._anvil import AnvilError
from scripts._artifacts import CompilationError
from scripts._deploy import DeploymentError
from scripts._handover import HandoverError
from scripts._progress import ProgressError
from scripts._recipe import RecipeError
from scripts._sending import SendingError

from sbi_network.errors import SBIError

if TYPE_CHECKING:
    from ape.api import AccountAPI

_EXPECTED = (
    AnvilError,
    CompilationError,
    DeploymentError,
    EncodingError,
    HandoverError,
    ProgressError,
    RecipeError,
    SBIError,
    SendingError,
)


@contextmanager
def reported() -> Iterator[None]:
    """What can go wrong, in one line and with exit code 1; anything else is a bug and shows its traceback."""
    try:
        yield
    except _EXPECTED as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def autosigning(account: AccountAPI) -> Iterator[None]:
    """Asks for a keyfile's passphrase once, and signs without further questions within the block.

    Other accounts, such as hardware wallets, have ways of their own to ask.
    """
    if not hasattr(account, "set_autosign"):
        yield
        return
    account.set_autosign(True)
    try:
        yield
    finally:
        account.set_autosign(False)
