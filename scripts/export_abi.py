"""Writes ABIs and deployment records where the Python package keeps them: `ape run export_abi`, or `make abi`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
from ape import project
from scripts._deploy import DEPLOYMENTS
from scripts._plan import CONTRACTS
from scripts._sources import compile_sources

PACKAGE = Path(__file__).parents[1] / "oracles" / "sbi_network"
PACKAGED = PACKAGE / "protocol" / "abi"
PACKAGED_RECORDS = PACKAGE / "deployments"
LOCAL_CHAINS = {31337, 1337}
"""Whose records are of this machine alone."""


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


def stale_records() -> list[Path]:
    """Records of public networks that the package does not have as they are."""
    found = (path for path in DEPLOYMENTS.glob("*.json") if path.stem.isdigit() and int(path.stem) not in LOCAL_CHAINS)
    return [path for path in sorted(found) if not _same(path, PACKAGED_RECORDS / path.name)]


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


@click.command()
@click.option(
    "--check", "--dry-run", is_flag=True, help="Write nothing; fail if a packaged ABI is not the compiled one."
)
def cli(check: bool) -> None:
    """Write the ABIs and the records of public networks that sbi_network carries."""
    changed, records = stale(), stale_records()
    if check and (changed or records):
        named = ", ".join([*changed, *(path.name for path in records)])
        raise click.ClickException(f"stale in the package: {named}. Run `make abi`")
    for path in records:
        shutil.copy(path, PACKAGED_RECORDS / path.name)
        click.echo(f"record of chain {path.stem}")
    for contract in changed:
        (PACKAGED / f"{contract}.json").write_text(abi_text(contract), encoding="utf-8")
    click.echo(f"changed: {', '.join(changed)}" if changed else "all current")
