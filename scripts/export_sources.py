"""Writes what source verification services want: `ape run export_sources --chain 11155111`. Needs no node."""

from __future__ import annotations

from pathlib import Path

import click
from scripts._commands import reported
from scripts._verification import export


@click.command()
@click.option("--chain", "chain_id", required=True, type=int, help="The chain whose deployment record is meant.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; default: build/verification/CHAIN."
)
@click.option("--dry-run", is_flag=True, help="Check that the sources are the record's, write nothing.")
def cli(chain_id: int, out: Path | None, dry_run: bool) -> None:
    """Write the standard-JSON input, and for each contract its name, address and constructor arguments.

    The same sources give the same bytes on every machine. Exit code 0: written; 1: the sources are not those that were
    deployed, or nothing is recorded.
    """
    with reported():
        for line in export(chain_id, None if dry_run else out or Path("build/verification") / str(chain_id)):
            click.echo(line)
