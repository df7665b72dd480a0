"""The reference page of `sbi`: what each command says of itself with --help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from sbi_network.cli import app

_TERMINAL = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}


def commands_page() -> str:
    """Markdown with the help of `sbi` and every command under it."""
    parts = ["# The command `sbi`"]
    for path in paths():
        told = CliRunner().invoke(app, [*path, "--help"], env=_TERMINAL, prog_name="sbi")
        help_text = "\n".join(line.rstrip() for line in told.output.strip("\n").splitlines())
        parts += [f"{'#' * min(len(path) + 1, 3)} `{' '.join(('sbi', *path))}`", f"```text\n{help_text}\n```"]
    return "\n\n".join(parts) + "\n"


def paths() -> Iterator[tuple[str, ...]]:
    """Every command under `sbi`, as the words that name it, groups before what is in them."""

    def under(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if hasattr(command, "list_commands"):
            context = command.context_class(command)
            for name in command.list_commands(context):
                yield (*path, name)
                yield from under(command.get_command(context, name), (*path, name))

    yield from under(get_command(app), ())
