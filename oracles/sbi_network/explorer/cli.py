"""`sbi explorer`: run, index, audit."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Indexes the suite's events and serves dashboard, wallet page and API.")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The explorer's explorer.toml.")]


@app.command()
def run(config: ConfigOption = Path("explorer.toml")) -> None:
    """Index and serve until told to stop (SIGTERM or SIGINT)."""
    # Imported where needed: web3 takes a second, which `--help` need not wait for.
    from sbi_network.chain.settings import load_settings
    from sbi_network.chain.stopping import stopped_by_signals
    from sbi_network.explorer.process import run_explorer
    from sbi_network.explorer.settings import ExplorerSettings
    from sbi_network.log import log_as_json

    log_as_json()
    settings = load_settings(ExplorerSettings, config)

    async def serve() -> None:
        with stopped_by_signals() as stop:
            await run_explorer(settings, stop)

    asyncio.run(serve())


@app.command()
def index(config: ConfigOption = Path("explorer.toml")) -> None:
    """Index up to the chain's head, with a progress bar, and end. `run` goes on from there."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sbi_network.chain.settings import load_settings
    from sbi_network.explorer.feed import Header
    from sbi_network.explorer.process import index_once
    from sbi_network.explorer.settings import ExplorerSettings
    from sbi_network.explorer.store import Tip
    from sbi_network.log import log_as_json

    log_as_json(logging.WARNING)
    settings = load_settings(ExplorerSettings, config)
    columns = (TextColumn("blocks"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task("")

        def show(tip: Tip, head: Header) -> None:
            bar.update(task, completed=tip.number, total=head.number, description=f"{tip.events:,} events")

        tip = asyncio.run(index_once(settings, show))
    typer.echo(f"indexed to block {tip.number:,}: {tip.events:,} events")


@app.command()
def audit(config: ConfigOption = Path("explorer.toml")) -> None:
    """Recompute every balance, total and root, and compare with the contracts' answers. Status 1 where one differs."""
    from rich.progress import Progress

    from sbi_network.chain.settings import load_settings
    from sbi_network.explorer.errors import AuditError
    from sbi_network.explorer.process import audit_once
    from sbi_network.explorer.settings import ExplorerSettings
    from sbi_network.log import log_as_json

    log_as_json(logging.WARNING)
    settings = load_settings(ExplorerSettings, config)
    with Progress(transient=True) as bar:
        task = bar.add_task("comparing")
        findings = asyncio.run(audit_once(settings, lambda done, of: bar.update(task, completed=done, total=of)))
    for kind, count in sorted(findings.checked.items()):
        typer.echo(f"{kind}: {count:,} compared")
    for difference in findings.differences:
        typer.echo(str(difference), err=True)
    if findings.wrong:
        raise AuditError(f"{findings.wrong} figures differ from the contracts' at block {findings.block}")
    typer.echo(f"every figure is the contracts' at block {findings.block:,}")
