"""How the suite stands: `ape run status --network …`."""

from __future__ import annotations

import json

import click
from ape import chain
from scripts import _status
from scripts._commands import ConnectedCommand
from scripts._deploy import load_suite


@click.command(cls=ConnectedCommand)
@click.option("--json", "as_json", is_flag=True, help="Figures for programs: money in wei, time in seconds.")
@click.option("--verify", is_flag=True, help="Compare the code on chain with the sources, and every address with it.")
def cli(as_json: bool, verify: bool) -> None:
    """Show addresses, epochs, supply, oracles and who holds which role. Sends nothing.

    Exit code 0: all is well; 1: no suite, or not what the sources give; 3: something wants attention, and is named.
    """
    suite = load_suite(chain.chain_id)
    told = _status.status(suite)
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        for line in _status.lines(suite, told):
            click.echo(line)
    if verify:
        _status.verify(suite)
        click.echo("the code on chain is what the sources give, and every contract knows its neighbours", err=True)
    faults = list(_status.faults(told))
    for fault in faults:
        click.echo(f"attention: {fault}", err=True)
    if faults:
        raise click.exceptions.Exit(3)
