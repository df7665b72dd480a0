"""`sbi keeper`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Calls the vault's distribute whenever the next epoch is ready.")


ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The keeper's keeper.toml.")]


@app.command()
def check(config: ConfigOption = Path("keeper.toml")) -> None:
    """Try everything that `run` needs: one line each, exit code 1 if one fails. Signs and sends nothing."""
    from sbi_network.chain.checks import print_all
    from sbi_network.chain.keeper import KeeperSettings, keeper_findings
    from sbi_network.chain.settings import load_settings

    if not asyncio.run(print_all(keeper_findings(load_settings(KeeperSettings, config)), typer.echo)):
        raise typer.Exit(1)


@app.command()
def run(config: ConfigOption = Path("keeper.toml")) -> None:
    """Distribute each epoch as it becomes final, until told to stop (SIGTERM or SIGINT)."""
    # Imported here: web3 takes a second, which `--help` and the other commands need not wait for.
    from sbi_network.chain.keeper import KeeperSettings, run_keeper
    from sbi_network.chain.settings import load_settings
    from sbi_network.chain.stopping import stopped_by_signals
    from sbi_network.log import log_as_json

    log_as_json()
    settings = load_settings(KeeperSettings, config)

    async def keep() -> None:
        with stopped_by_signals() as stop:
            await run_keeper(settings, stop)

    asyncio.run(keep())
