"""`sbi govern`: propose, vote, sign, carry, tally, queue, execute, explain."""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sbi_network.govern.governor import Support
    from sbi_network.govern.settings import GovernSettings

app = typer.Typer(no_args_is_help=True, help="Proposals, votes, and what a proposal would change.")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="govern.toml.")]
FileArgument = Annotated[Path, typer.Argument(help="The proposal's file.")]
NumberArgument = Annotated[str, typer.Argument(help="The proposal's number, or its file.")]
CONFIG = Path("govern.toml")


class Choice(StrEnum):
    """How to vote."""

    FOR = "for"
    AGAINST = "against"
    ABSTAIN = "abstain"


SupportOption = Annotated[Choice, typer.Option("--support", "-s", help="The choice.")]


def _settings(config: Path) -> GovernSettings:
    # Imported here, as in the commands: web3 takes a second, which `--help` need not wait for.
    from sbi_network.chain.settings import load_settings
    from sbi_network.govern.settings import GovernSettings
    from sbi_network.log import log_as_json

    log_as_json(logging.WARNING)  # what was sent is said in words
    return load_settings(GovernSettings, config)


def _support(choice: Choice) -> Support:
    from sbi_network.govern.governor import Support

    return Support[choice.name]


def _say(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


@app.command()
def explain(file: FileArgument, config: ConfigOption = CONFIG) -> None:
    """Decode a proposal and rehearse it on a fork of the present state; exit code 2 if a call would be refused."""
    from sbi_network.govern import desk

    lines, passes = asyncio.run(desk.explain(_settings(config), file))
    _say(lines)
    if not passes:
        raise typer.Exit(2)


@app.command()
def propose(file: FileArgument, config: ConfigOption = CONFIG) -> None:
    """Propose; the sending key's account must be a citizen whose vote is ripe."""
    from sbi_network.govern import desk

    _say(asyncio.run(desk.propose(_settings(config), file)))


@app.command()
def vote(number: NumberArgument, support: SupportOption, config: ConfigOption = CONFIG) -> None:
    """Vote by a transaction of the sending key's account."""
    from sbi_network.govern import desk

    settings = _settings(config)
    _say(asyncio.run(desk.vote(settings, desk.number_of(settings, number), _support(support))))


@app.command()
def sign(
    number: NumberArgument,
    support: SupportOption,
    config: ConfigOption = CONFIG,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the ballot.")] = None,
) -> None:
    """Sign a ballot with the voting key, for anybody to carry."""
    from sbi_network.govern import desk

    settings = _settings(config)
    ballot = asyncio.run(desk.sign(settings, desk.number_of(settings, number), _support(support))).to_json()
    if output is None:
        typer.echo(ballot)
    else:
        output.write_text(ballot + "\n", encoding="utf-8")


@app.command()
def carry(ballot: Annotated[Path, typer.Argument(help="A signed ballot.")], config: ConfigOption = CONFIG) -> None:
    """Bring a signed ballot onto the chain."""
    from sbi_network.govern import desk

    _say(asyncio.run(desk.carry(_settings(config), ballot)))


@app.command()
def tally(number: NumberArgument, config: ConfigOption = CONFIG) -> None:
    """Say where a proposal stands."""
    from sbi_network.govern import desk

    settings = _settings(config)
    _say(asyncio.run(desk.tally(settings, desk.number_of(settings, number))))


@app.command()
def queue(file: FileArgument, config: ConfigOption = CONFIG) -> None:
    """Queue what was decided in the timelock."""
    from sbi_network.govern import desk

    _say(asyncio.run(desk.queue(_settings(config), file)))


@app.command()
def execute(file: FileArgument, config: ConfigOption = CONFIG) -> None:
    """Execute what was queued, after its delay."""
    from sbi_network.govern import desk

    _say(asyncio.run(desk.execute(_settings(config), file)))
