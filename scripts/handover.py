"""Ends founding: `ape run handover --network … --account FOUNDER`; with `--check` only says what is left."""

from __future__ import annotations

import click
from ape import chain
from ape.api import AccountAPI
from ape.cli import account_option
from scripts._commands import ConnectedCommand, autosigning
from scripts._deploy import load_suite
from scripts._handover import HandoverError, hand_over, remaining_powers, votes_short
from scripts._permissions import holdings


@click.command(cls=ConnectedCommand)
@account_option()
@click.option("--check", "--dry-run", is_flag=True, help="Send nothing; fail, naming them, if any power is left.")
@click.option("--short-of-votes", is_flag=True, help="Hand over although there are too few citizens for a quorum.")
def cli(account: AccountAPI, check: bool, short_of_votes: bool) -> None:
    """Give up the founder's powers, and show that none is left.

    Exit code 0: nobody but timelock and governor administers; 1: somebody does, or the account is not the founder's.
    """
    suite = load_suite(chain.chain_id)
    if check:
        left = remaining_powers(suite)
        if left:
            raise HandoverError("; ".join(left))
    else:
        short = votes_short(suite)
        if short and not short_of_votes:
            raise HandoverError(f"a quorum lacks {short} citizens: until there are, nobody could decide anything")
        with autosigning(account):
            for line in hand_over(suite, account):
                click.echo(line)
    for holding in holdings(suite):
        click.echo(f"{holding.authority:>18}  {holding.role:<13}  {holding.holder}")
    click.echo("handed over: the timelock alone administers, and the governor alone proposes to it")
