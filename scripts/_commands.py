"""What every script does alike: a patient connection, errors as one line with exit code 1, one unlocking for many
signatures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from ape.cli import ConnectedProviderCommand
from ape.cli.commands import parse_network
from ape.exceptions import ContractLogicError, NetworkMismatchError, ProviderError
from eth_abi.exceptions import EncodingError
from scripts._administration import AdministrationError
from scripts._anvil import AnvilError
from scripts._artifacts import CompilationError
from scripts._console import refused
from scripts._deploy import DeploymentError
from scripts._explain import decoded_refusal, in_words
from scripts._handover import HandoverError
from scripts._progress import ProgressError
from scripts._recipe import RecipeError
from scripts._sending import SendingError
from web3.exceptions import ContractCustomError, ContractPanicError
from web3.exceptions import ContractLogicError as Reverted

from sbi_network.errors import SBIError

if TYPE_CHECKING:
    from ape.api import AccountAPI, ProviderAPI
    from ape.api.networks import ProviderContextManager

_EXPECTED = (
    AdministrationError,
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


_CONNECTING_S = (1, 1, 1)
"""Seconds before an endpoint is asked again whether it is there."""

dry_run_option = click.option("--dry-run", is_flag=True, help="Try it against the chain as it stands; send nothing.")
proposal_option = click.option(
    "--proposal", type=click.Path(dir_okay=False, path_type=Path), help="Write a proposal for `sbi govern` instead."
)


class ConnectedCommand(ConnectedProviderCommand):
    """Ape's command on a network; but an endpoint that refuses the first question, as busy ones do, is asked again."""

    def invoke(self, ctx: click.Context) -> Any:
        """Connects and runs the command. Raises ProviderError if the endpoint stays away."""
        connection = parse_network(ctx)
        if connection is None:
            return super().invoke(ctx)
        with ExitStack() as held:
            return self._invoke(ctx, provider=_connected(connection, held))


def _connected(connection: ProviderContextManager, held: ExitStack) -> ProviderAPI:
    for seconds in _CONNECTING_S:
        try:
            return held.enter_context(connection)
        except NetworkMismatchError:
            raise
        except ProviderError:
            time.sleep(seconds)
    return held.enter_context(connection)


@contextmanager
def reported() -> Iterator[None]:
    """What can go wrong, in one line and with exit code 1; anything else is a bug and shows its traceback."""
    try:
        yield
    except _EXPECTED as error:
        raise click.ClickException(str(error)) from None
    except (ContractCustomError, ContractPanicError, Reverted) as refusal:
        raise click.ClickException(in_words(decoded_refusal(refusal) or str(refusal))) from None
    except ContractLogicError as refusal:
        raise click.ClickException(refused(refusal)) from None


@contextmanager
def autosigning(account: AccountAPI, *, needed: bool = True) -> Iterator[None]:
    """Asks for a keyfile's passphrase once, and signs without further questions within the block.

    Other accounts, such as hardware wallets, have ways of their own to ask.
    """
    if not needed or not hasattr(account, "set_autosign"):
        yield
        return
    account.set_autosign(True)
    try:
        yield
    finally:
        account.set_autosign(False)
