"""`sbi outbox`: look into an outbox file, and resume one that stands still because finality was broken."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Shows what an outbox has sent, and resumes one that stands still.")

FileOption = Annotated[Path, typer.Option("--file", "-f", help="The outbox file.")]


@app.command()
def show(
    file: FileOption = Path("outbox.sqlite"),
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many intents, the newest first.")] = 20,
) -> None:
    """The newest intents: when, state, nonce, transaction, key. A daemon may be running."""
    from sbi_network.chain.outbox_store import OutboxStore

    with closing(OutboxStore.existing(file)) as store:
        typer.echo(store.identity())
        broken = store.broken()
        if broken is not None:
            typer.echo(f"STANDS STILL: {broken}")
        for intent in store.newest(limit):
            when = datetime.fromtimestamp(intent.created_at, UTC).isoformat(timespec="seconds")
            offers = store.attempts(intent)
            last = intent.inclusion.transaction if intent.inclusion else offers[0].transaction if offers else "-"
            nonce = "-" if intent.nonce is None else str(intent.nonce)
            typer.echo(f"{when}  {intent.state:<9}  nonce {nonce:>6}  {last}  {intent.key}")


@app.command()
def resume(file: FileOption = Path("outbox.sqlite")) -> None:
    """Go on after a reorg below finality; what was dropped is sent again. Stop the daemon first; look at the chain."""
    from sbi_network.chain.locking import locked
    from sbi_network.chain.outbox_store import OutboxStore

    with closing(OutboxStore.existing(file)) as store, locked(file, "outbox"):
        broken = store.broken()
        if broken is None:
            typer.echo("it does not stand still: nothing to resume")
            return
        store.resume()
        typer.echo(f"resumed; it stood still because {broken}")
