"""Enrols a batch of citizens: `ape run enrol --root … --size … --region … --network … --account REGISTRAR`."""

from __future__ import annotations

import click
from ape import chain
from ape.api import AccountAPI
from ape.cli import account_option
from scripts import _explain
from scripts._commands import MERKLE_ROOT, ConnectedCommand, autosigning, dry_run_option
from scripts._deploy import load_suite


@click.command(cls=ConnectedCommand)
@account_option()
@click.option(
    "--root",
    required=True,
    type=MERKLE_ROOT,
    help="The batch's Merkle root, 0x and 64 digits: `sbi roll build` prints it.",
)
@click.option("--size", required=True, type=click.IntRange(1, 2**32 - 1), help="Citizens in the batch.")
@click.option("--region", required=True, type=click.IntRange(0, 2**32 - 1), help="The region they belong to.")
@dry_run_option
def cli(account: AccountAPI, root: str, size: int, region: int, dry_run: bool) -> None:
    """Enrol one batch by its root. `sbi roll enrol` does this for a whole roll, and resumes.

    Exit code 0: enrolled, or with --dry-run could be; 1: refused, with the contract's reason, or enrolled before.
    """
    suite = load_suite(chain.chain_id)
    # Nothing on chain forbids it: its people would be counted twice, and everybody's share be the less for it.
    for log in suite.logs(suite.citizens.BatchEnrolled):
        if bytes(log.root) == bytes.fromhex(root.removeprefix("0x")):
            raise click.ClickException(f"{root} is enrolled already, as batch {log.batch}")
    data = suite.citizens.enrol.encode_input(root, size, region)
    refusal = _explain.refusal({"from": account.address, "to": suite.citizens.address, "data": data})
    if refusal is not None:
        raise click.ClickException(str(refusal))
    if dry_run:
        click.echo(f"batch {suite.citizens.batchCount()} of {size:,} citizens can be enrolled in region {region}")
        return
    with autosigning(account):
        suite.citizens.enrol(root, size, region, sender=account)
    click.echo(f"enrolled batch {int(suite.citizens.batchCount()) - 1}: {suite.vault.headcount():,} citizens share")
