"""Deploys the suite by a recipe: `ape run deploy --network … --recipe local`."""

from __future__ import annotations

import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand, account_option
from scripts._deploy import DeploymentError, deploy_suite, write_record
from scripts._recipe import RecipeError, load_recipe


@click.command(cls=ConnectedProviderCommand)
@account_option()
@click.option(
    "--recipe", "recipe_name", default="local", show_default=True, help="Name in scripts/_recipes, or a path."
)
@click.option("--genesis", type=int, help="Genesis time in seconds since 1970; default: the recipe's delay from now.")
def cli(account: AccountAPI, recipe_name: str, genesis: int | None) -> None:
    """Deploy the suite, hand its permissions to the timelock, and write the deployment record."""
    try:
        recipe = load_recipe(recipe_name)
        suite = deploy_suite(recipe, account, genesis)
    except (RecipeError, DeploymentError) as error:
        raise click.ClickException(str(error)) from None
    path = write_record(suite, recipe)
    for role, address in suite.addresses().items():
        click.echo(f"{role:>9}  {address}")
    click.echo(f"recorded in {path.name}; genesis {suite.oracles.genesis()}")
