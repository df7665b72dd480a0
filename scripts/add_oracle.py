"""Changes the oracle set: `ape run add_oracle --add 0x… --remove 0x… --network … --account FOUNDER`."""

from __future__ import annotations

from pathlib import Path

import click
from ape import chain
from ape.api import AccountAPI
from ape.cli import account_option
from scripts._administration import administer, oracle_set
from scripts._commands import ADDRESS, ConnectedCommand, autosigning, dry_run_option, proposal_option
from scripts._deploy import load_suite


@click.command(cls=ConnectedCommand)
@account_option()
@click.option(
    "--add", "added", multiple=True, type=ADDRESS, help="A signing address that joins; may be given several times."
)
@click.option("--remove", "removed", multiple=True, type=ADDRESS, help="One that leaves; a set is 3f + 1.")
@click.option("--from-epoch", type=click.IntRange(min=1), help="First epoch of the new set; default: the next but one.")
@dry_run_option
@proposal_option
def cli(
    account: AccountAPI,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    from_epoch: int | None,
    dry_run: bool,
    proposal: Path | None,
) -> None:
    """Schedule another oracle set: the present one with some added and some removed, three more or one for one.

    By the founder while founding lasts: run it again after the timelock's delay to execute, with the same --from-epoch.
    Later by --proposal, and a vote. Each new oracle bonds before its first epoch (`sbi oracle bond`).

    Exit code 0: done, or with --dry-run could be; 1: refused, or not due, with the reason.
    """
    if not added and not removed:
        raise click.UsageError("expected --add or --remove")
    with autosigning(account, needed=not dry_run and proposal is None):
        suite = load_suite(chain.chain_id)
        measure = oracle_set(suite, added, removed, from_epoch)
        reason = f"Another oracle set from epoch {measure.arguments[-1]} on"
        click.echo(administer(suite, measure, account, proposal, reason, dry_run=dry_run))
