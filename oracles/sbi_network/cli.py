"""`sbi`: the one command of the off-chain half."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from sbi_network.errors import SBIError

_PARTS: Final = {
    "meter": "sbi_network.meter.cli",
    "oracle": "sbi_network.oracle.cli",
    "keeper": "sbi_network.chain.cli",
    "relay": "sbi_network.relay.cli",
    "roll": "sbi_network.roll.cli",
    "simulate": "sbi_network.simulation.cli",
    "key": "sbi_network.chain.key_cli",
    "outbox": "sbi_network.chain.outbox_cli",
    "signer": "sbi_network.signer.cli",
    "govern": "sbi_network.govern.cli",
    "explorer": "sbi_network.explorer.cli",
    "deployment": "sbi_network.deployments.cli",
}
"""Sub-commands, and the modules whose `app` they are."""


class _Parts(TyperGroup):
    """Loads a sub-command when it is used: no process pays for what the others import, which is seconds."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_PARTS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _PARTS:
            return None
        command = get_command(import_module(_PARTS[cmd_name]).app)
        command.name = cmd_name
        return command


app = typer.Typer(cls=_Parts, no_args_is_help=True, help="The off-chain half of the Smart Basic Income suite.")


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - so it is called
    if wanted:
        print(f"sbi {version('sbi-network')}")
        raise typer.Exit


@app.callback()
def sbi(
    _version: Annotated[  # noqa: FBT002 - an option, given by its name
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The off-chain half of the Smart Basic Income suite."""


def main() -> None:
    """Entry point: an SBIError is one clear line and exit code 1, anything else is a bug and shows its traceback."""
    try:
        app()
    except SBIError as error:
        print(f"sbi: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
