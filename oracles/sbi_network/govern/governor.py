"""Typed reads and calls of a SuiteGovernor and its second chamber."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from sbi_network.chain.connection import BoundContract
from sbi_network.govern.proposal import Proposal
from sbi_network.protocol.typed_data import Address


class State(IntEnum):
    """How a proposal stands, as OpenZeppelin's Governor numbers it."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


class Support(IntEnum):
    """A choice."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@dataclass(frozen=True, slots=True)
class Tally:
    """Where a proposal stands. Times in seconds since the Unix epoch; `eta` is zero before it is queued."""

    state: State
    against: int
    in_favour: int
    abstaining: int
    quorum: int | None
    snapshot: int
    deadline: int
    eta: int
    objections: int


class Governor(BoundContract):
    """A SuiteGovernor."""

    NAME = "SuiteGovernor"

    async def tally(self, number: int) -> Tally:
        """Raises ContractRefused (GovernorNonexistentProposal). The quorum is known from the snapshot on."""
        block = (await self.chain.head()).number
        snapshot = int(await self.read("proposalSnapshot", number, block=block))
        state = State(await self.read("state", number, block=block))
        against, in_favour, abstaining = await self.read("proposalVotes", number, block=block)
        chamber = Chamber(self.chain, await self.read("chamber", block=block))
        return Tally(
            state=state,
            against=int(against),
            in_favour=int(in_favour),
            abstaining=int(abstaining),
            quorum=None if state is State.PENDING else int(await self.read("quorum", snapshot, block=block)),
            snapshot=snapshot,
            deadline=int(await self.read("proposalDeadline", number, block=block)),
            eta=int(await self.read("proposalEta", number, block=block)),
            objections=int(await chamber.read("objectionsTo", number, block=block)),
        )

    async def nonce(self, voter: Address) -> int:
        """How many ballots of a voter have been carried."""
        return int(await self.read("nonces", voter))

    async def time_to_effect(self, delay: int) -> int:
        """Seconds from a proposal until it can be executed, with this delay of the timelock, if nobody objects."""
        return int(await self.read("votingDelay")) + int(await self.read("votingPeriod")) + delay + 2

    def propose(self, proposal: Proposal) -> str:
        """The data of a call that proposes."""
        return self.call_data("propose", proposal.targets, proposal.values, proposal.calldatas, proposal.description)

    def queue(self, proposal: Proposal) -> str:
        """The data of a call that queues what was decided."""
        return self._by_hash("queue", proposal)

    def execute(self, proposal: Proposal) -> str:
        """The data of a call that executes what was queued."""
        return self._by_hash("execute", proposal)

    def vote(self, number: int, support: Support) -> str:
        """The data of a call that votes, for whoever sends it."""
        return self.call_data("castVote", number, int(support))

    def carry(self, number: int, support: Support, voter: Address, signature: bytes) -> str:
        """The data of a call that carries a ballot."""
        return self.call_data("castVoteBySig", number, int(support), voter, signature)

    def _by_hash(self, function: str, proposal: Proposal) -> str:
        return self.call_data(
            function, proposal.targets, proposal.values, proposal.calldatas, proposal.description_hash
        )


class Votes(BoundContract):
    """CitizenVotes."""

    NAME = "CitizenVotes"


class Chamber(BoundContract):
    """A SecondChamber."""

    NAME = "SecondChamber"


class Timelock(BoundContract):
    """A SuiteTimelock."""

    NAME = "SuiteTimelock"

    async def delay(self) -> int:
        """Seconds from queueing to execution."""
        return int(await self.read("getMinDelay"))
