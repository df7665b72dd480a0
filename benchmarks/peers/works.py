"""What is compared: the works, who could not be measured, and where a peer is ahead, why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.peers.node import Figure

CITIZENS: Final = 100

WORKS: Final = {
    "epoch": f"An epoch's income to {CITIZENS:,} citizens, until each can spend it",
    "epoch_transaction": "What starts an epoch's income, alone",
    "receive": "One citizen receives an epoch's income",
    "spend_income": "One citizen spends it: all that it sends",
    "transfer": "A transfer, no income being due",
    "relayed": "A signed payment, no income being due, relayed alone",
    "relayed_100": "One of 100 such payments that a relayer sends",
    "enrol": f"{CITIZENS:,} citizens come onto the roll",
    "join": "One citizen comes in, all told",
    "report": "A report by 31 oracles, as many signing as each system asks",
    "report_11": "A report that 11 oracles signed",
}

AHEAD: Final = {
    ("epoch_transaction", "OpenZeppelin ERC-4626"): (
        "it is a bare transfer into a vault: no report is read, nothing is issued, no epoch is kept and no balance "
        "changes; each citizen then sends a transaction of its own, as the rows around this one count"
    ),
    ("transfer", "Solady ERC-20"): (
        "its token is written in assembly and keeps nothing but a balance; ours finds in the same slot up to where its "
        "holder's income is settled, and whether more accrues"
    ),
    ("relayed", "OpenZeppelin ERC-3009, keys"): (
        "this form of it takes keys' signatures alone, and its nonces in order; ours takes a contract's signature too "
        "(ERC-1271), as does its other form, nonces in any order, and finds out whether income is due"
    ),
}
"""Each work in which a peer costs less than ours, and the reason. The benchmark fails on any other."""

NOT_MEASURED: Final = {
    "World ID": (
        "its npm package (`@worldcoin/world-id-contracts` 0.1.1, of 2022) holds the sources of an earlier design and "
        "not the identity manager that runs; Semaphore, which it grew from, is measured"
    ),
    "Chainlink OCR2 aggregator": (
        "`@chainlink/contracts` holds its abstract base alone; the forwarder and cache of its present data feeds are "
        "measured"
    ),
    "Circles, Proof of Humanity with UBI": "published as repositories; no npm package of their contracts is known",
    "Chronicle Scribe, Lido's oracle, Pyth's receiver": "likewise published as repositories",
    "UMA": "`@uma/core` could be had; it asks for one bonded assertion and no signed report, which is another work",
}


def rows(ours: Mapping[str, Figure], peers: Mapping[str, Mapping[str, Figure]]) -> list[dict[str, Any]]:
    """The comparison: a row a work. Raises ValueError where a peer is ahead and nothing says why, or the reverse."""
    result = []
    for work, title in WORKS.items():
        found = {name: figures[work] for name, figures in peers.items() if work in figures}
        ahead = {name for name, figure in found.items() if figure.gas < ours[work].gas}
        explained = {name for key, name in AHEAD if key == work}
        if ahead != explained:
            raise ValueError(f"{work}: ahead of ours are {sorted(ahead)}; reasons are given for {sorted(explained)}")
        result.append(
            {
                "work": work,
                "title": title,
                "ours": ours[work].gas,
                "peers": {name: figure.gas for name, figure in found.items()},
                "did": {"ours": ours[work].did, **{name: figure.did for name, figure in found.items()}},
                "ahead": {name: AHEAD[work, name] for name in sorted(ahead)},
            }
        )
    return result
