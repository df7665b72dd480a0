"""`sbi deployment`: the suites on public networks that this version knows."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sbi_network.deployments import load_record, recorded_chains

app = typer.Typer(no_args_is_help=True, help="Shows where the suite is deployed on public networks.")


@app.command("list")
def list_() -> None:
    """Print the chain ids that a record is packaged for."""
    for chain_id in recorded_chains():
        print(chain_id)


@app.command()
def show(chain_id: Annotated[int, typer.Argument(help="The network's chain id.")]) -> None:
    """Print a chain's deployment record as JSON: daemons read it as a file."""
    print(json.dumps(load_record(chain_id), indent=2))
