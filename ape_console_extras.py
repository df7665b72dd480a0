"""What `ape console` has at hand: the deployed suite by role, if the connected chain has one recorded."""

from functools import partial
from typing import Any

from ape import chain, networks
from scripts._deploy import DeploymentError, load_suite
from scripts._permissions import holdings
from scripts._proposals import Assembly, proposals


def ape_init_extras() -> dict[str, Any]:
    """`suite`, and each of its contracts by role: `token`, `vault`, `oracles`, `citizens`, `policy`, `exchange`,
    `bonds`, `disputes`, `products`, `verifier`, `manager`, `timelock`, `votes`, `chamber`, `governor`, `audits`; and
    what they say together: `proposals()`, and `powers()`, which lists every role and its holders; and `assembly`, which
    proposes from a file, votes, tallies, queues and executes."""
    if networks.active_provider is None:
        return {}
    try:
        suite = load_suite(chain.chain_id)
    except DeploymentError as error:
        print(f"sbi: {error}")
        return {}
    helpers = {"proposals": partial(proposals, suite), "powers": partial(holdings, suite), "assembly": Assembly(suite)}
    return {"suite": suite, **vars(suite), **helpers}
