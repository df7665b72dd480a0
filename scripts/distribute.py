"""Distributes what is due: `ape run distribute --network … --account …`; `sbi keeper` does it for ever."""

from __future__ import annotations

import click
from ape import chain
from ape.api import AccountAPI
from ape.cli import account_option
from scripts import _explain
from scripts._commands import ConnectedCommand, autosigning, dry_run_option
from scripts._deploy import load_suite

from sbi_network.protocol.amounts import SBI


@click.command(cls=ConnectedCommand)
@account_option()
@dry_run_option
def cli(account: AccountAPI, dry_run: bool) -> None:
    """Distribute the next epoch's dividend.

    Exit code 0: done, or with --dry-run could be; 1: refused, with the contract's reason.
    """
    suite = load_suite(chain.chain_id)
    refusal = _explain.refusal({"to": suite.vault.address, "data": suite.vault.distribute.encode_input()})
    if refusal is not None:
        raise click.ClickException(str(refusal))
    epoch = int(suite.vault.nextEpoch())
    if dry_run:
        click.echo(f"epoch {epoch} is due")
        return
    with autosigning(account):
        receipt = suite.vault.distribute(sender=account)
    for log in receipt.decode_logs(suite.vault.DividendDistributed):
        click.echo(f"epoch {log.epoch}: {SBI.of(log.dividend)} to each of {log.headcount:,} citizens")
    click.echo(f"next: epoch {suite.vault.nextEpoch()}")
