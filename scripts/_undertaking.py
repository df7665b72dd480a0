"""A deployment that may be interrupted at any moment: begun once, gone on with until it is done, then recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ape import chain
from scripts import _deploy
from scripts._artifacts import Compiled, compile_suite
from scripts._deploy import Deployment, DeploymentError, finished, load_suite, record_path, write_record
from scripts._plan import Plan, first_audited_epoch, plan_suite
from scripts._progress import Begun, Progress
from scripts._sending import Manner, Sender, Tell, silent

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from scripts._recipe import Recipe

_NAMES = {
    "chain_start": "the chain is another one, with the same number",
    "recipe_sha256": "the recipe was changed",
    "sources_sha256": "the contracts or the compiler's settings were changed",
    "deployer": "the deployer is another account",
    "plan_sha256": "the plan is another one",
}


@dataclass(frozen=True)
class Undertaking:
    """A plan with its notes. `resumed` if some of it was signed before."""

    recipe: Recipe
    compiled: Compiled
    plan: Plan
    progress: Progress
    resumed: bool

    def carry_out(self, deployer: AccountAPI, manner: Manner, tell: Tell = silent) -> tuple[Deployment, Path]:
        """Sends what is left, checks the chain, writes the record. Raises SendingError or DeploymentError.

        Whatever interrupts it, another call with the notes on disk goes on where it stopped.
        """
        self.progress.write()
        mined = Sender(deployer, self.plan, manner, self.progress, tell).run()
        deployment = finished(self.plan, self.compiled, mined)
        path = write_record(deployment.suite, self.recipe, deployment)
        self.progress.done()
        return deployment, path


def undertake(
    recipe: Recipe, deployer: str, nonce: int, genesis: int | None = None, *, restart: bool = False
) -> Undertaking:
    """The deployment that was begun on the connected chain, or else a new one; nothing is sent.

    Raises RecipeError for a recipe of another chain, and DeploymentError where a suite is recorded already or the notes
    are of something else. `restart` begins a new one in either case.
    """
    chain_id = chain.chain_id
    recipe.require_chain(chain_id)
    compiled = compile_suite()
    path = notes_path(chain_id)
    progress = None if restart else Progress.read(path)
    if progress is None:
        if not restart:
            _require_none_recorded(chain_id)
        started = _now()
        if recipe.network.public and genesis is not None and genesis < started + recipe.governance.set_up_s:
            raise DeploymentError(f"expected a genesis after set-up ends, {started + recipe.governance.set_up_s}")
        plan = plan_suite(recipe, compiled, deployer, nonce, started, genesis)
        return Undertaking(recipe, compiled, plan, Progress(path, _begun(recipe, compiled, plan)), resumed=False)
    begun = progress.begun
    if genesis not in (None, begun.genesis):
        raise DeploymentError(f"{path}: was begun with genesis {begun.genesis}, given {genesis}")
    terms = (recipe, compiled, deployer, begun.first_nonce, begun.started, begun.genesis)
    plan = plan_suite(*terms, first_audited=begun.first_audited)
    now = _begun(recipe, compiled, plan)
    differing = [text for key, text in _NAMES.items() if getattr(begun, key) != getattr(now, key)]
    if differing:
        raise DeploymentError(
            f"{path}: a deployment was begun there, by {begun.deployer}, and {', '.join(differing)}: go back to what "
            "it was begun with, or begin another with --restart"
        )
    _require_set_up_goes_on(recipe, plan, progress)
    # Rules cannot begin with an epoch that has begun: if it did so meanwhile, what is not signed yet names a later one.
    late = first_audited_epoch(recipe, plan.genesis, _now(), len(plan.steps))
    named = tuple(
        epoch if progress.signed(step.nonce) else max(epoch, late)
        for epoch, step in zip(plan.first_audited, plan.audits_steps, strict=True)
    )
    if named != plan.first_audited:
        plan = plan_suite(*terms, first_audited=named)
        progress.begun = _begun(recipe, compiled, plan)
    return Undertaking(recipe, compiled, plan, progress, resumed=True)


def notes_path(chain_id: int) -> Path:
    """Where the notes of a chain's deployment lie until it is done."""
    return _deploy.DEPLOYMENTS / f"{chain_id}.begun.json"


def _require_set_up_goes_on(recipe: Recipe, plan: Plan, progress: Progress) -> None:
    """The last step alone, giving up what is over then, needs none of the deployer's permissions."""
    ends = plan.started + recipe.governance.set_up_s
    if _now() >= ends and not progress.signed(plan.steps[-2].nonce):
        raise DeploymentError(
            f"{progress.path}: set-up ended at {ends}, governance.set_up_s ({recipe.governance.set_up_s} s) after it "
            "began, and with it the deployer's permissions: what is left cannot be done; begin another with --restart"
        )


def _now() -> int:
    """The chain's time, in seconds since 1970."""
    return int(chain.provider.web3.eth.get_block("latest")["timestamp"])


def _begun(recipe: Recipe, compiled: Compiled, plan: Plan) -> Begun:
    return Begun(
        chain_id=chain.chain_id,
        chain_start="0x" + bytes(chain.provider.web3.eth.get_block(0)["hash"]).hex(),
        deployer=plan.deployer,
        first_nonce=plan.first_nonce,
        started=plan.started,
        genesis=plan.genesis,
        first_audited=plan.first_audited,
        recipe_sha256=recipe.digest(),
        sources_sha256=compiled.digest,
        plan_sha256=plan.digest(),
    )


def _require_none_recorded(chain_id: int) -> None:
    if not record_path(chain_id).is_file():
        return
    try:
        load_suite(chain_id)
    except DeploymentError:
        return  # of a chain that was begun anew: stale
    raise DeploymentError(
        f"{record_path(chain_id)}: a suite is deployed on chain {chain_id} already; --restart deploys another"
    )
