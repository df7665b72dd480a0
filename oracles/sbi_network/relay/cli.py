"""`sbi relay`: run, check."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Sends payments that people without ether have signed.")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The relayer's relay.toml.")]


@app.command()
def check(config: ConfigOption = Path("relay.toml")) -> None:
    """Try everything that `run` needs: one line each, exit code 1 if one fails. Signs and sends nothing."""
    from sbi_network.chain.checks import print_all
    from sbi_network.chain.settings import load_settings
    from sbi_network.relay.process import relay_findings
    from sbi_network.relay.settings import RelaySettings

    if not asyncio.run(print_all(relay_findings(load_settings(RelaySettings, config)), typer.echo)):
        raise typer.Exit(1)


@app.command()
def run(config: ConfigOption = Path("relay.toml")) -> None:
    """Take signed payments and send them, until told to stop (SIGTERM or SIGINT)."""
    # Imported here: web3 takes a second, which `--help` and the other commands need not wait for.
    from sbi_network.chain.settings import load_settings
    from sbi_network.chain.stopping import stopped_by_signals
    from sbi_network.log import log_as_json
    from sbi_network.relay.process import run_relay
    from sbi_network.relay.settings import RelaySettings

    log_as_json()
    settings = load_settings(RelaySettings, config)

    async def carry() -> None:
        with stopped_by_signals() as stop:
            await run_relay(settings, stop)

    asyncio.run(carry())
