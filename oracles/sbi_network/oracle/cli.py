"""`sbi oracle`: run, check, bond."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Gathers readings, agrees with the other oracles, submits the report.")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The oracle's oracle.toml.")]


@app.command()
def run(
    config: ConfigOption = Path("oracle.toml"),
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Gather and compute only; no key is needed.")] = False,
) -> None:
    """Serve every epoch until told to stop (SIGTERM or SIGINT)."""
    # Imported here: web3 takes a second, which `--help` and the other commands need not wait for.
    from sbi_network.chain.stopping import stopped_by_signals
    from sbi_network.log import log_as_json
    from sbi_network.oracle.config import load_oracle_settings
    from sbi_network.oracle.process import run_dry, run_oracle

    log_as_json()
    settings = load_oracle_settings(config)

    async def serve() -> None:
        with stopped_by_signals() as stop:
            await (run_dry(settings, stop) if dry_run else run_oracle(settings, stop))

    asyncio.run(serve())


@app.command()
def check(config: ConfigOption = Path("oracle.toml")) -> None:
    """Try everything that `run` needs: one line each, exit code 1 if one fails. Signs and sends nothing."""
    from sbi_network.oracle.check import check as check_all
    from sbi_network.oracle.config import load_oracle_settings

    if not asyncio.run(check_all(load_oracle_settings(config), typer.echo)):
        raise typer.Exit(1)


@app.command()
def bond(config: ConfigOption = Path("oracle.toml")) -> None:
    """Put up what is missing of the required bond: without it, this oracle's signatures do not count.

    The sending key pays and owns the bond; the signing key consents. Coins that are put up can be lost: whoever proves
    that this oracle signed two different reports of one view, or a faulty one, has them slashed.
    """
    from sbi_network.log import log_as_json
    from sbi_network.oracle.bond import put_up_bond
    from sbi_network.oracle.config import load_oracle_settings

    log_as_json(logging.WARNING)
    typer.echo(asyncio.run(put_up_bond(load_oracle_settings(config))))
