"""What every script does alike: a patient connection, errors as one line with exit code 1, one unlocking for many
signatures."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from ape.cli import ConnectedProviderCommand
from ape.cli.commands import parse_network
from ape.exceptions import (
    AccountsError,
    ContractLogicError,
    ConversionError,
    NetworkMismatchError,
    ProviderError,
)
from eth_abi.exceptions import EncodingError
from requests.exceptions import HTTPError, RequestException
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
from scripts._strict import typed_address
from web3.exceptions import CannotHandleRequest, ContractCustomError, ContractPanicError
from web3.exceptions import ContractLogicError as Reverted

from sbi_network.errors import SBIError

if TYPE_CHECKING:
    from ape.api import AccountAPI, ProviderAPI
    from ape.api.networks import ProviderContextManager

_EXPECTED = (
    AccountsError,
    AdministrationError,
    AnvilError,
    CompilationError,
    ConversionError,
    DeploymentError,
    EncodingError,
    HandoverError,
    ProgressError,
    ProviderError,
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
    """Ape's command on a network; but an endpoint that refuses the first question, as busy ones do, is asked again.

    One that stays away is told of as everything else that goes wrong.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Connects and runs the command."""
        connection = parse_network(ctx)
        with reported(), ExitStack() as held:
            if connection is None:
                return super().invoke(ctx)
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


class _Matching(click.ParamType):
    """Text of a certain form, brought into one form."""

    def __init__(self, name: str, expected: str, read: Callable[[str], str | None]) -> None:
        self.name = name
        self._expected, self._read = expected, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text in its one form; wrong usage for any other text."""
        found = self._read(str(value))
        if found is None:
            self.fail(f"expected {self._expected}, given {str(value)!r}", param, ctx)
        return found


ADDRESS = _Matching("address", "an address, 0x and 40 digits with a fitting checksum", typed_address)
MERKLE_ROOT = _Matching(
    "root",
    "0x and 64 hexadecimal digits",
    lambda text: text if re.fullmatch("0x[0-9a-fA-F]{64}", text) else None,
)


@contextmanager
def reported() -> Iterator[None]:
    """What can go wrong, in one line and with exit code 1; anything else is a bug and shows its traceback."""
    try:
        yield
    except _EXPECTED as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:  # of whoever reads what is printed
        raise
    except HTTPError as error:  # without its address, which may hold an access key
        status = error.response.status_code if error.response is not None else "an error"
        raise click.ClickException(f"the node answers HTTP {status}") from None
    except (CannotHandleRequest, ConnectionError, RequestException):
        raise click.ClickException("the node does not answer; is it up, and its address right?") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from None
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
