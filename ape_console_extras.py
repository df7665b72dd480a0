"""What `ape console` has at hand: the deployed suite by role, if the connected chain has one recorded."""

from typing import Any

from ape import chain, networks
from scripts._console import namespaces
from scripts._deploy import DeploymentError, load_suite


def ape_init_extras() -> dict[str, Any]:
    """A namespace for each role: `token`, `vault`, `oracles`, `citizens`, `policy`, `exchange`, `bonds`, `disputes`,
    `products`, `verifier`, `manager`, `timelock`, `votes`, `chamber`, `governor`, `audits`; `suite` with Ape's own
    objects; `SBI` and `GAICPh` for amounts; and what they say together: `epoch()`, `why(address)`, `trace(report)`,
    `proposals()`, `powers()`; and `assembly`, which proposes from a file, votes, tallies, queues and executes."""
    if networks.active_provider is None:
        return {}
    try:
        suite = load_suite(chain.chain_id)
    except DeploymentError as error:
        print(f"sbi: {error}")
        return {}
    return namespaces(suite)
