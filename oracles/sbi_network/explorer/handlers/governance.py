"""Governor, second chamber and timelock: what is proposed, how citizens vote, and what is scheduled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from sbi_network.explorer import schema
from sbi_network.explorer.events import Event
from sbi_network.explorer.work import Handler, Work, blank, placed

_TALLIES: Final = ("against", "in_favour", "abstaining")
"""By what a vote says, as OpenZeppelin's Governor numbers it."""


def _scheduled(work: Work, event: Event) -> None:
    """One event for each call of an operation."""
    operation, ready_at = event.args["id"], work.timestamp + event.integer("delay")
    before = work.state.get(schema.operations, operation) if event.integer("index") else None
    calls = [*(json.loads(before["calls"]) if before else []), [event.address("target"), event.args["data"]]]
    row = {"id": operation, "calls": json.dumps(calls), "ready_at": ready_at, "status": "scheduled"}
    work.state.put(schema.operations, {**row, **placed(event)})
    work.scheduled = (event.transaction, operation)


def _ended(work: Work, event: Event) -> None:
    """The timelock lets nothing be executed or cancelled that was not scheduled."""
    status = "executed" if event.name == "CallExecuted" else "cancelled"
    work.change(schema.operations, event.args["id"], status=status)


def _proposed(work: Work, event: Event) -> None:
    row = {
        "proposal": event.integer("proposalId"),
        "proposer": event.address("proposer"),
        "description": json.dumps(event.args["description"]),
        "calls": json.dumps(_pairs(event.args["targets"], event.args["calldatas"])),
        "vote_start": event.integer("voteStart"),
        "vote_end": event.integer("voteEnd"),
        **dict.fromkeys((*_TALLIES, "objections"), 0),
    }
    work.state.put(schema.proposals, {**blank(schema.proposals), **row, **placed(event)})


def _pairs(targets: Sequence[str], calldatas: Sequence[str]) -> list[list[str]]:
    return [[target, data] for target, data in zip(targets, calldatas, strict=True)]


def _voted(work: Work, event: Event) -> None:
    proposal = work.must(schema.proposals, event.integer("proposalId"))
    support, weight = event.integer("support"), event.integer("weight")
    vote = {"proposal": proposal["proposal"], "voter": event.address("voter"), "support": support, "weight": weight}
    work.state.put(schema.votes, {**vote, **placed(event)})
    work.change(schema.proposals, proposal["proposal"], **{_TALLIES[support]: proposal[_TALLIES[support]] + weight})


def _queued(work: Work, event: Event) -> None:
    transaction, operation = work.scheduled
    known = {"operation": operation} if transaction == event.transaction else {}
    work.change(schema.proposals, event.integer("proposalId"), queued_until=event.integer("etaSeconds"), **known)


def _proposal_ended(work: Work, event: Event) -> None:
    how = "executed" if event.name == "ProposalExecuted" else "cancelled"
    work.change(schema.proposals, event.integer("proposalId"), ended_as=how)


def _vote_terms_changed(work: Work, event: Event) -> None:
    terms = event.args["terms"]
    row = {
        "since": work.timestamp,
        "quorum_floor": int(terms["quorumFloor"]),
        "quorum_bps": int(terms["quorumBps"]),
    }
    work.state.put(schema.vote_terms, {**row, **placed(event)})


def _objected(work: Work, event: Event) -> None:
    work.change(schema.proposals, event.integer("proposal"), objections=event.integer("objections"))


def _appointed(work: Work, event: Event) -> None:
    row = {"seat": event.integer("seat"), "holder": event.address("holder")}
    work.state.put(schema.seats, {**row, **placed(event)})


HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "timelock": {"CallScheduled": _scheduled, "CallExecuted": _ended, "Cancelled": _ended},
    "governor": {
        "ProposalCreated": _proposed,
        "VoteCast": _voted,
        "VoteCastWithParams": _voted,
        "ProposalQueued": _queued,
        "ProposalExecuted": _proposal_ended,
        "ProposalCanceled": _proposal_ended,
        "VoteTermsChanged": _vote_terms_changed,
    },
    "chamber": {"SeatObjected": _objected, "SeatAppointed": _appointed},
}
