"""Halts dividends, once: `ape run pause --network … --account GUARDIAN`. Payments go on: nobody can stop those."""

from __future__ import annotations

import click
from ape import chain
from ape.api import AccountAPI
from ape.cli import account_option
from scripts import _explain
from scripts._commands import ConnectedCommand, autosigning, dry_run_option
from scripts._deploy import load_suite


@click.command(cls=ConnectedCommand)
@account_option()
@dry_run_option
@click.option("--yes", is_flag=True, help="Do not ask: the halt is spent until a vote re-arms it.")
def cli(account: AccountAPI, dry_run: bool, yes: bool) -> None:
    """Halt dividends for the halt span, as the guardian. Epochs wait and are distributed later; nothing else stops.

    Exit code 0: halted, or with --dry-run could be; 1: refused, with the contract's reason.
    """
    suite = load_suite(chain.chain_id)
    data = suite.vault.halt.encode_input()
    refusal = _explain.refusal({"from": account.address, "to": suite.vault.address, "data": data})
    if refusal is not None:
        raise click.ClickException(str(refusal))
    if dry_run:
        click.echo(f"{account.address} can halt dividends for {suite.vault.haltSpan()} s")
        return
    if not yes:
        click.confirm(f"Halt dividends for {suite.vault.haltSpan()} s? Only a vote re-arms it.", abort=True)
    with autosigning(account):
        suite.vault.halt(sender=account)
    click.echo(f"halted until {suite.vault.haltedUntil()[0]}")
