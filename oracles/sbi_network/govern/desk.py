"""What the commands do: each opens the chain, checks that it is the deployment's, acts, and says what happened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.errors import WrongChainError
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.sender import Call, Sender
from sbi_network.govern.ballot import SignedBallot, load_ballot, sign_ballot
from sbi_network.govern.errors import BallotError
from sbi_network.govern.governor import Governor, Support, Tally, Timelock
from sbi_network.govern.proposal import Proposal, decode_call, load_proposal
from sbi_network.govern.rehearsal import rehearse
from sbi_network.govern.settings import Deployment, GovernSettings, load_deployment


@dataclass(frozen=True, slots=True)
class Desk:
    """A suite's governor on an open chain."""

    chain: Chain
    deployment: Deployment
    governor: Governor

    async def send(self, signer: KeystoreSigner, data: str) -> str:
        """A transaction to the governor, simulated first; its hash."""
        sender = Sender(self.chain, self.deployment.chain_id, signer)
        return (await sender.send(Call(self.governor.address, data))).transaction_hash


@asynccontextmanager
async def opened(settings: GovernSettings) -> AsyncIterator[Desk]:
    """Raises WrongChainError where the endpoint is another chain than the deployment's."""
    deployment = load_deployment(settings.network.deployment)
    async with connected(settings.network.rpc_url.get_secret_value()) as chain:
        number = await chain.chain_id()
        if number != deployment.chain_id:
            raise WrongChainError(f"the endpoint is chain {number}, the deployment is on chain {deployment.chain_id}")
        address = deployment.address_of("governor")
        await chain.require_code("governor", address)
        yield Desk(chain, deployment, Governor(chain, address))


async def propose(settings: GovernSettings, path: Path) -> list[str]:
    """Proposes what a file says."""
    signer = settings.sending_key().load()
    async with opened(settings) as desk:
        proposal = load_proposal(path, desk.deployment)
        sent = await desk.send(signer, desk.governor.propose(proposal))
    return [f"proposal {proposal.number}", f"proposed in transaction {sent}"]


async def vote(settings: GovernSettings, number: int, support: Support) -> list[str]:
    """Votes by a transaction of the sending key's account."""
    signer = settings.sending_key().load()
    async with opened(settings) as desk:
        sent = await desk.send(signer, desk.governor.vote(number, support))
    return [f"{signer.address} voted {support.name.lower()} in transaction {sent}"]


async def sign(settings: GovernSettings, number: int, support: Support) -> SignedBallot:
    """A ballot of the voting key's account."""
    signer = settings.voting_key().load()
    async with opened(settings) as desk:
        nonce = await desk.governor.nonce(signer.address)
        governor = desk.governor.address
        return await sign_ballot(signer, desk.deployment.chain_id, governor, number, support, nonce)


async def carry(settings: GovernSettings, path: Path) -> list[str]:
    """Brings another's ballot onto the chain."""
    signer, signed = settings.sending_key().load(), load_ballot(path)
    ballot = signed.ballot
    async with opened(settings) as desk:
        expected = (desk.deployment.chain_id, desk.governor.address)
        given = (signed.domain.chain_id, signed.domain.verifying_contract)
        if given != expected:
            raise BallotError(f"{path}: for governor {given[1]} on chain {given[0]}, expected {expected[1]}")
        data = desk.governor.carry(ballot.proposal_id, Support(ballot.support), ballot.voter, signed.signature)
        sent = await desk.send(signer, data)
    return [f"{ballot.voter} voted {Support(ballot.support).name.lower()}, carried in transaction {sent}"]


async def queue(settings: GovernSettings, path: Path) -> list[str]:
    """Queues what was decided."""
    return await _advance(settings, path, "queue")


async def execute(settings: GovernSettings, path: Path) -> list[str]:
    """Executes what was queued."""
    return await _advance(settings, path, "execute")


async def _advance(settings: GovernSettings, path: Path, what: str) -> list[str]:
    signer = settings.sending_key().load()
    async with opened(settings) as desk:
        proposal = load_proposal(path, desk.deployment)
        data = desk.governor.queue(proposal) if what == "queue" else desk.governor.execute(proposal)
        sent = await desk.send(signer, data)
        tally = await desk.governor.tally(proposal.number)
    return [f"proposal {proposal.number}: {what}d in transaction {sent}", *described(tally)]


async def tally(settings: GovernSettings, number: int) -> list[str]:
    """Where a proposal stands."""
    async with opened(settings) as desk:
        return described(await desk.governor.tally(number))


async def explain(settings: GovernSettings, path: Path) -> tuple[list[str], bool]:
    """What a proposal would change, and whether every call of it would go through."""
    async with opened(settings) as desk:
        proposal = load_proposal(path, desk.deployment)
        delay = await Timelock(desk.chain, desk.deployment.address_of("timelock")).delay()
        wait = await desk.governor.time_to_effect(delay)
        calls = [str(decode_call(call, desk.deployment)) for call in proposal.calls]
        rehearsal = await rehearse(settings.network.rpc_url.get_secret_value(), proposal, desk.deployment, wait)
    lines = [f"proposal {proposal.number}", proposal.description, "", "It would call, as the timelock:"]
    for call, step in zip(calls, rehearsal.steps, strict=True):
        lines += [f"  {call}", *(f"    {event}" for event in step.events)]
        lines += [f"    refused: {step.refusal}"] if step.refusal else []
    changed = "that changes:" if rehearsal.changes else "no contract answers otherwise than before."
    lines += ["", f"On a fork of the present state, {wait} s from now, {changed}"]
    lines += [f"  {change}" for change in rehearsal.changes]
    return lines, rehearsal.passes


def described(found: Tally) -> list[str]:
    """A tally for people."""
    quorum = "known from the snapshot on" if found.quorum is None else str(found.quorum)
    lines = [
        f"state      {found.state.name.lower()}",
        f"for        {found.in_favour}",
        f"against    {found.against}",
        f"abstaining {found.abstaining}",
        f"quorum     {quorum}",
        f"voting     {_time(found.snapshot)} to {_time(found.deadline)}",
        f"objections {found.objections} of the second chamber's seats",
    ]
    return [*lines, f"executable {_time(found.eta)}"] if found.eta else lines


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def number_of(settings: GovernSettings, given: str) -> int:
    """A proposal's number: written out, or that of a proposal file."""
    if given.isdecimal():
        return int(given)
    return load_proposal(Path(given), load_deployment(settings.network.deployment)).number


__all__ = ["Proposal", "carry", "execute", "explain", "number_of", "propose", "queue", "sign", "tally", "vote"]
