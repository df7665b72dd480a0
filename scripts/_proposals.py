"""Proposals from the console, as `sbi govern` has them: the same files, the same numbers, Ape's accounts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ape import chain
from scripts._plan import CONTRACTS

from sbi_network.govern.governor import State, Support
from sbi_network.govern.proposal import Proposal, decode_call, load_proposal
from sbi_network.govern.settings import Deployment

if TYPE_CHECKING:
    from ape.api import AccountAPI, ReceiptAPI
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
    logs = suite.logs(suite.governor.ProposalCreated)
    return [_listed(suite, int(log.proposalId), log.description) for log in logs]


def _listed(suite: Suite, number: int, description: str) -> Listed:
    state = State(suite.governor.state(number)).name.lower()
    against, in_favour, abstaining = suite.governor.proposalVotes(number)
    return Listed(number, description, state, int(against), int(in_favour), int(abstaining))


class Assembly:
    """What citizens do with proposals: each verb takes a proposal's file, and the account that acts."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite

    def read(self, path: str | Path) -> Proposal:
        """A proposal file. Raises ProposalError, which says where and why."""
        return load_proposal(Path(path), self._deployment)

    def explain(self, path: str | Path) -> list[str]:
        """The calls in words. `sbi govern explain` also rehearses them on a fork."""
        return [str(decode_call(call, self._deployment)) for call in self.read(path).calls]

    def propose(self, path: str | Path, sender: AccountAPI) -> int:
        """Proposes, as a citizen whose vote is ripe; the proposal's number."""
        proposal = self.read(path)
        calls = (proposal.targets, proposal.values, proposal.calldatas)
        self._suite.governor.propose(*calls, proposal.description, sender=sender)
        return proposal.number

    def vote(self, path: str | Path, support: str, sender: AccountAPI) -> ReceiptAPI:
        """Votes: `for`, `against` or `abstain`."""
        choice = int(Support[support.upper()])
        receipt: ReceiptAPI = self._suite.governor.castVote(self.read(path).number, choice, sender=sender)
        return receipt

    def tally(self, path: str | Path) -> Listed:
        """Where it stands."""
        proposal = self.read(path)
        return _listed(self._suite, proposal.number, proposal.description)

    def queue(self, path: str | Path, sender: AccountAPI) -> ReceiptAPI:
        """Queues what was decided; anybody may."""
        receipt: ReceiptAPI = self._suite.governor.queue(*self._decided(path), sender=sender)
        return receipt

    def execute(self, path: str | Path, sender: AccountAPI) -> ReceiptAPI:
        """Executes what is due; anybody may."""
        receipt: ReceiptAPI = self._suite.governor.execute(*self._decided(path), sender=sender)
        return receipt

    def _decided(self, path: str | Path) -> tuple[Any, ...]:
        proposal = self.read(path)
        return (proposal.targets, proposal.values, proposal.calldatas, proposal.description_hash)

    @property
    def _deployment(self) -> Deployment:
        contracts = {
            role: {"contract": CONTRACTS[role], "address": address} for role, address in self._suite.addresses().items()
        }
        return Deployment.model_validate({"chain_id": chain.chain_id, "contracts": contracts})
