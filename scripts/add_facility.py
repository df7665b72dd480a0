"""Registers a facility: `ape run add_facility --operator 0x… --reading-key 0x… … --account FOUNDER`."""

from __future__ import annotations

from pathlib import Path

import click
from ape import chain
from ape.api import AccountAPI
from ape.cli import account_option
from scripts._administration import Measure, administer
from scripts._commands import ADDRESS, ConnectedCommand, autosigning, dry_run_option, proposal_option
from scripts._deploy import load_suite

_CAPACITY = click.IntRange(0, 2**56 - 1)


@click.command(cls=ConnectedCommand)
@account_option()
@click.option("--operator", required=True, type=ADDRESS, help="Who runs it, offers its computing, and is paid.")
@click.option("--reading-key", required=True, type=ADDRESS, help="The address by which its meter signs.")
@click.option("--region", required=True, type=click.IntRange(0, 2**32 - 1), help="Where it is.")
@click.option("--capacity", type=(_CAPACITY, _CAPACITY, _CAPACITY), required=True, help="Raw nGAICPh an epoch: G I S.")
@click.option("--public-share-bps", default=10_000, show_default=True, type=click.IntRange(0, 10_000))
@dry_run_option
@proposal_option
def cli(
    account: AccountAPI,
    operator: str,
    reading_key: str,
    region: int,
    capacity: tuple[int, int, int],
    public_share_bps: int,
    dry_run: bool,
    proposal: Path | None,
) -> None:
    """Register a facility, whose output counts from the next epoch on.

    By the founder while founding lasts: run it again after the timelock's delay to execute. Later by --proposal, and a
    vote.

    Exit code 0: done, or with --dry-run could be; 1: refused, or not due, with the reason.
    """
    with autosigning(account, needed=not dry_run and proposal is None):
        suite = load_suite(chain.chain_id)
        terms = (operator, reading_key, region, list(capacity), public_share_bps)
        measure = Measure("oracles", "registerFacility", terms)
        click.echo(administer(suite, measure, account, proposal, f"A facility of {operator}", dry_run=dry_run))
