"""The same work by ours and by peers, on one Anvil, in gas: `make peers`.

Installs the peers' packages from npm into `.tools/peers`, deploys their contracts beside ours, and writes
`benchmarks/peers.json`, the tables of `docs/peers.md` and its chart; `--check` writes nothing and fails on any figure
that is another; `--draw` makes tables and chart again from the committed figures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Final, cast

import ape
from ape import project
from ape.logging import LogLevel, logger
from scripts._anvil import own_anvil
from web3 import HTTPProvider

from benchmarks.peers import gooddollar, merkle, ours, page, registers, reports, superfluid, synthetix, tokens
from benchmarks.peers.differences import differences
from benchmarks.peers.node import Figure, Node, person
from benchmarks.peers.packages import modules, version
from benchmarks.peers.works import CITIZENS, NOT_MEASURED, rows

PACKAGES: Final = (
    superfluid.PACKAGE,
    gooddollar.PACKAGE,
    synthetix.PACKAGE,
    merkle.PACKAGE,
    tokens.OPENZEPPELIN,
    tokens.SOLADY,
    registers.SEMAPHORE,
    registers.EAS,
    reports.CHAINLINK,
    reports.API3,
)


def peers(node: Node) -> dict[str, dict[str, Figure]]:
    """What each peer's work costs, by name."""
    citizens = [person("citizen", i) for i in range(CITIZENS)]
    deployer = superfluid.framework(node)
    connected = superfluid.measure(node, deployer, citizens)
    by_key, by_anybody = tokens.measure_signed(node)
    found = {
        "Superfluid": connected,
        "Superfluid, not connected": {"receive": connected.pop("receive_unconnected")},
        "GoodDollar": gooddollar.measure(node, deployer, citizens),
        "Synthetix StakingRewards": synthetix.measure(node, citizens),
        "Uniswap MerkleDistributor": merkle.measure(node, citizens),
        "OpenZeppelin ERC-4626": tokens.measure_vault(node, citizens),
        "OpenZeppelin ERC-20": tokens.measure_openzeppelin(node),
        "OpenZeppelin ERC-3009, keys": by_key,
        "OpenZeppelin ERC-3009, any signer": by_anybody,
        "Solady ERC-20": tokens.measure_solady(node),
        "Semaphore": registers.measure_semaphore(node, citizens),
        "EAS": registers.measure_eas(node, citizens),
        "Chainlink": reports.measure_chainlink(node),
        "API3": reports.measure_api3(node),
    }
    for name, figures in found.items():
        print(f"peers: {name}: {', '.join(f'{work} {figure.gas:,}' for work, figure in figures.items())}", flush=True)
    return found


def measure() -> dict[str, Any]:
    """What `peers.json` holds."""
    modules()
    logger.set_level(LogLevel.WARNING)
    project.load_contracts()
    with own_anvil(*Node.FLAGS) as web3:
        node = Node(web3)
        os.environ["APE_FOUNDRY_HOST"] = str(cast(HTTPProvider, web3.provider).endpoint_uri)
        with ape.networks.parse_network_choice("ethereum:local:foundry"):
            own = ours.measure()
            node.pace(1)  # a slot that holds a time is changed by every transaction, as on any chain
            found = rows(own, peers(node))
    return {
        "rows": found,
        "not_measured": NOT_MEASURED,
        "packages": {f"`{name}`": version(name) for name in PACKAGES},
        "about": {
            "command": "make peers",
            "measured": "gasUsed of receipts, whole transactions, one Anvil, hardfork prague, steady state",
            "citizens": CITIZENS,
        },
    }


def main() -> None:
    """Command line of `make peers`."""
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="fail if any figure is another; do not write")
    what.add_argument("--draw", action="store_true", help="write tables and chart from the committed figures")
    arguments = parser.parse_args()
    committed = json.loads(page.RESULT.read_text(encoding="utf-8")) if page.RESULT.is_file() else {}
    if arguments.draw:
        page.write(committed)
        return
    result = measure()
    changed = sorted(differences(result, committed))
    if changed:
        print("differs: " + "; ".join(changed), file=sys.stderr)
    if arguments.check:
        raise SystemExit(1 if changed else 0)
    page.RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write(result)


if __name__ == "__main__":
    main()
