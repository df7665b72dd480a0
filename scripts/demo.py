"""The closed loop on this machine: `make demo`.

Starts Anvil, deploys the suite, runs three meters, one of which cheats, and four oracles as processes of their own, and
follows three epochs from metering to recycling. Needs nothing but what `make setup` installs; leaves nothing running.
"""

from __future__ import annotations

import logging
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import ape
import click
from ape import accounts, chain
from ape.logging import LogLevel, logger
from rich.console import Console
from scripts._artifacts import compile_suite
from scripts._bonds import bond_oracles
from scripts._demo.invariants import InvariantBrokenError
from scripts._demo.loop import Loop
from scripts._demo.network import (
    HOST,
    Ports,
    require_tools,
    start_explorer,
    start_keeper,
    start_meters,
    start_node,
    start_oracles,
    wait_for_services,
)
from scripts._demo.processes import DemoError, Process, Processes, require_free_ports
from scripts._demo.roles import CHEAT, DEPLOYER, OPERATORS, ORACLES, READING_KEYS, development_account
from scripts._demo.story import Story
from scripts._deploy import DEPLOYMENTS, DeploymentError, deploy_suite, write_record
from scripts._recipe import Recipe, RecipeError, load_recipe
from scripts._sources import compile_sources

from sbi_network.errors import SBIError
from sbi_network.log import log_as_json

FOLDER = Path("build/demo")
PLAIN_WIDTH = 110
START_UP_SECONDS = 25
"""From deployment to genesis: six Python processes start and the live meter takes its first five samples."""


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running at the end, until Ctrl-C.")
@click.option("--pages", is_flag=True, help="Show the story on the explorer's pages while it unfolds.")
@click.option("--port-base", default=8545, show_default=True, help="The node's port; the others follow from it.")
def cli(keep: bool, pages: bool, port_base: int) -> None:
    """Show the closed loop: monitor, calculate, distribute, recycle."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped from outside: clean up as on Ctrl-C
    try:
        run(keep, pages, Ports(port_base), _console())
    except (DemoError, DeploymentError, InvariantBrokenError, RecipeError, SBIError) as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted; every process was stopped") from None


def _console() -> Console:
    """The terminal; a width that fits the tables where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def run(keep: bool, pages: bool, ports: Ports, console: Console) -> None:
    """The demo from start to end. Raises DemoError or InvariantBrokenError."""
    started = time.monotonic()
    logger.set_level(LogLevel.WARNING)
    log_as_json(logging.WARNING)
    require_tools()
    require_free_ports(HOST, ports.all)
    shutil.rmtree(FOLDER, ignore_errors=True)
    with Processes(FOLDER / "logs") as processes:
        console.print(f"Starting Anvil on port {ports.node}; logs in {FOLDER / 'logs'}.")
        start_node(processes, ports)
        # By its address: the Foundry plugin does not wait for receipts where blocks come by the clock.
        with ape.networks.parse_network_choice(f"ethereum:local:{ports.rpc_url}"):
            loop = _deploy(console, ports)
            oracles = _start_daemons(processes, ports, loop, console)
            if pages:
                _start_pages(console, processes, ports)
            story = Story(loop, processes, console, FOLDER / "govern")
            story.run(oracles)
            summary = story.write_summary(FOLDER / "summary.json")
            _conclude(console, summary, time.monotonic() - started)
            if keep:
                if not pages:
                    _start_pages(console, processes, ports)
                start_keeper(processes, ports, FOLDER, loop.suite.vault.address)
                _keep(console, processes, ports)


def _deploy(console: Console, ports: Ports) -> Loop:
    # All of it before genesis is set: in a new clone it takes minutes.
    with console.status("compiling"):
        compile_suite()
        compile_sources()
    with console.status("deploying the suite"):
        recipe = _with_a_cheat(load_recipe("local"))
        suite = deploy_suite(recipe, accounts.test_accounts[DEPLOYER], int(time.time()) + START_UP_SECONDS)
        bond_oracles(suite, accounts.test_accounts[DEPLOYER], map(development_account, (*ORACLES, READING_KEYS[CHEAT])))
        record = write_record(suite, recipe)
        loop = Loop(suite, ports)
        loop.enrol()
    console.print(f"Deployed by the local recipe; addresses in {record.relative_to(Path.cwd())}.")
    return loop


def _with_a_cheat(recipe: Recipe) -> Recipe:
    """The recipe with a facility more: it has what the last one has, but for its people, and proves it wrongly."""
    *_, last = recipe.facilities
    people = {"operator": OPERATORS[CHEAT], "reading_key": READING_KEYS[CHEAT]}
    cheat = last.model_copy(update={who: development_account(number).address for who, number in people.items()})
    return recipe.model_copy(update={"facilities": [*recipe.facilities, cheat]})


def _start_daemons(processes: Processes, ports: Ports, loop: Loop, console: Console) -> list[Process]:
    registry = loop.suite.oracles.address
    with console.status("starting three meters and four oracles"):
        start_meters(processes, ports, FOLDER, registry)
        oracles = start_oracles(processes, ports, FOLDER, registry)
        wait_for_services(processes, ports)
    console.print(f"Meters on ports {ports.meters}, oracles on ports {ports.oracles}: n = 4, f = 1.")
    return oracles


def _start_pages(console: Console, processes: Processes, ports: Ports) -> None:
    with console.status("starting the explorer"):
        address = start_explorer(processes, ports, FOLDER, DEPLOYMENTS / f"{chain.chain_id}.json")
    console.print(f"The loop, live: {address}  wallet: {address}wallet")


def _conclude(console: Console, summary: dict[str, Any], seconds: float) -> None:
    console.print(
        f"\n[bold green]The loop is closed.[/bold green] {summary['epochs']} epochs in {seconds:.0f} s; "
        f"figures in {FOLDER / 'summary.json'}."
    )


def _keep(console: Console, processes: Processes, ports: Ports) -> None:
    console.print(
        f"\nStill running. RPC: {ports.rpc_url}\n"
        f"Dashboard: http://{HOST}:{ports.explorer}/\n"
        f"Console: .venv/bin/ape console --network ethereum:local:{ports.rpc_url}\n"
        "Ctrl-C stops everything."
    )
    try:
        processes.wait_until("Ctrl-C", lambda: False, float("inf"))
    except KeyboardInterrupt:
        console.print("Stopping every process.")


if __name__ == "__main__":
    cli()
