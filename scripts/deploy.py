"""Deploys the suite by a recipe: `ape run deploy --network … --account … --recipe …`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
from ape import chain
from ape.api import AccountAPI
from ape.cli import account_option
from scripts import _deploy
from scripts._commands import ConnectedCommand, autosigning
from scripts._deploy import GWEI
from scripts._next import next_steps
from scripts._preview import preview
from scripts._progress import alone
from scripts._recipe import load_recipe
from scripts._sending import Manner, Stage
from scripts._undertaking import notes_path, undertake

if TYPE_CHECKING:
    from scripts._plan import Step


_POLL_S = {True: 1.0, False: 0.1}
"""Seconds between looks, by whether the network is a public one."""


@click.command(cls=ConnectedCommand)
@account_option()
@click.option(
    "--recipe", "recipe_name", default="local", show_default=True, help="Name in scripts/_recipes, or a path."
)
@click.option(
    "--genesis",
    type=click.IntRange(0, 2**40 - 1),
    help="Genesis time in seconds since 1970; default: the recipe's delay from now.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan, send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@click.option("--restart", is_flag=True, help="Begin anew, whatever was begun or deployed on this chain before.")
@click.option("--max-fee-gwei", type=click.IntRange(min=1), help="The most for a unit of gas; default: the recipe's.")
@click.option(
    "--records",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of deployment records; default: scripts/_deployments.",
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds until a waiting transaction's fees are raised.",
)
def cli(
    account: AccountAPI,
    recipe_name: str,
    genesis: int | None,
    dry_run: bool,
    yes: bool,
    restart: bool,
    max_fee_gwei: int | None,
    records: Path | None,
    patience: float,
) -> None:
    """Deploy the suite, hand its permissions to the timelock, and write the deployment record.

    Shows the plan first: addresses, gas, cost, and the permissions in the end. Interrupted, the same command goes on
    where it stopped. Exit code 0: deployed and checked; 1: not, and the reason is printed; 2: wrong usage.
    """
    if records is not None:
        _deploy.DEPLOYMENTS = records
    with nullcontext() if dry_run else alone(notes_path(chain.chain_id)):
        recipe = load_recipe(recipe_name)
        undertaking = undertake(recipe, str(account.address), account.nonce, genesis, restart=restart)
        plan = undertaking.plan
        done = min(account.nonce - plan.first_nonce, len(plan.steps)) if undertaking.resumed else 0
        shown = preview(plan, undertaking.compiled, chain.chain_id, chain.provider.web3, done)
        click.echo(f"chain     {chain.chain_id}, recipe {recipe_name} ({recipe.digest()[:12]})")
        if undertaking.resumed:
            click.echo(f"resumed   {undertaking.progress.path.name}: {done} of {len(plan.steps)} transactions are done")
        for line in shown.lines():
            click.echo(line)
        held = int(account.balance)
        if held < shown.cost_wei:
            raise click.ClickException(
                f"{account.address} holds {held / 10**18:.6f} coins, the plan costs {shown.cost_wei / 10**18:.6f}"
            )
        if dry_run:
            return
        if not yes:
            click.confirm("\nDeploy?", abort=True)
        manner = Manner(
            (max_fee_gwei or recipe.network.max_fee_gwei) * GWEI,
            recipe.network.confirmations,
            _POLL_S[recipe.network.public],
            patience,
        )
        with autosigning(account):
            deployment, path = undertaking.carry_out(account, manner, _tell)
        click.echo("")
        for line in next_steps(deployment, path):
            click.echo(line)


def _tell(step: Step, stage: Stage, remark: str) -> None:
    if stage is not Stage.SIGNED or remark.startswith("waits"):
        click.echo(f"{step.nonce:>6}  {stage.value:<6}  {step.label}  {remark}")
