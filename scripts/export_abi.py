"""Writes the compiled ABIs where the Python package keeps them: `ape run export_abi`, or `make abi`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from ape import project
from scripts._deploy import CONTRACTS
from scripts._sources import compile_sources

PACKAGED = Path(__file__).parents[1] / "oracles" / "sbi_network" / "protocol" / "abi"


def abi_text(contract: str) -> str:
    """A contract's ABI as the package keeps it, from the present sources."""
    items = project.get_contract(contract).contract_type.abi
    listed = [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in items]
    return json.dumps(listed, indent=1) + "\n"


def stale() -> list[str]:
    """Contracts whose packaged ABI differs from the compiled one."""

    compile_sources()

    def differs(contract: str) -> bool:
        path = PACKAGED / f"{contract}.json"
        return not path.is_file() or path.read_text(encoding="utf-8") != abi_text(contract)

    return [contract for contract in CONTRACTS.values() if differs(contract)]


@click.command()
@click.option(
    "--check", "--dry-run", is_flag=True, help="Write nothing; fail if a packaged ABI is not the compiled one."
)
def cli(check: bool) -> None:
    """Write the ABIs that sbi_network carries."""
    changed = stale()
    if check and changed:
        raise click.ClickException(f"stale ABIs: {', '.join(changed)}. Run `make abi`")
    for contract in changed:
        (PACKAGED / f"{contract}.json").write_text(abi_text(contract), encoding="utf-8")
    click.echo(f"changed: {', '.join(changed)}" if changed else "all current")
