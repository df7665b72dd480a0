"""`sbi signer`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Signs for other processes: a small reference of web3signer's eth1 API.")


@app.callback()
def signer() -> None:
    """A group of one command."""


@app.command()
def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="The signer's signer.toml.")] = Path("signer.toml"),
) -> None:
    """Serve until told to stop (SIGTERM or SIGINT). Whoever reaches its address can have things signed."""
    # Imported here: `--help` need not wait for it.
    from sbi_network.chain.settings import load_settings
    from sbi_network.chain.stopping import stopped_by_signals
    from sbi_network.log import log_as_json
    from sbi_network.signer.process import run_signer
    from sbi_network.signer.settings import SignerSettings

    log_as_json()
    settings = load_settings(SignerSettings, config)

    async def serve() -> None:
        with stopped_by_signals() as stop:
            await run_signer(settings, stop)

    asyncio.run(serve())
