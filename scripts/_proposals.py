"""Proposals as the console lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ape import chain

from sbi_network.govern.governor import State

if TYPE_CHECKING:
    from scripts._deploy import Suite


@dataclass(frozen=True)
class Listed:
    """A proposal, in brief."""

    number: int
    description: str
    state: str
    against: int
    in_favour: int
    abstaining: int


def proposals(suite: Suite) -> list[Listed]:
    """Every proposal since the first block, oldest first."""
    found = []
    for log in suite.governor.ProposalCreated.range(0, chain.blocks.height + 1):
        number = int(log.proposalId)
        state = State(suite.governor.state(number)).name.lower()
        against, in_favour, abstaining = suite.governor.proposalVotes(number)
        found.append(Listed(number, log.description, state, int(against), int(in_favour), int(abstaining)))
    return found
