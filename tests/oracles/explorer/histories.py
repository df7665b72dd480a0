"""A short history as the contracts would tell it, and the index of it: no node is needed to ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from eth_account import Account

from sbi_network.explorer.deployment import NEEDED, VOTING, Deployment
from sbi_network.explorer.events import Event
from sbi_network.explorer.store import IndexedBlock, Store
from sbi_network.explorer.work import DAY_SECONDS, Terms, VoteSpans
from sbi_network.protocol.address import ZERO_ADDRESS
from sbi_network.protocol.agreement import Entry, tree_of
from sbi_network.protocol.sumtree import SumTree

GENESIS: Final = 1_000_000
EPOCH: Final = 100
SBI: Final = 10**18
UNIT: Final = 10**6


def address(number: int) -> str:
    """Somebody's address."""
    return str(Account.from_key(number.to_bytes(32)).address)


CONTRACTS: Final = {role: address(900 + place) for place, role in enumerate((*NEEDED, *VOTING))}
NAMES: Final = {
    "token": "SBIToken",
    "vault": "DistributionVault",
    "oracles": "ComputeOracleRegistry",
    "citizens": "CitizenRegistry",
    "exchange": "ComputeExchange",
    "bonds": "SignerBonds",
    "disputes": "ComputeDisputes",
    "governor": "SuiteGovernor",
    "votes": "CitizenVotes",
    "chamber": "SecondChamber",
    "timelock": "SuiteTimelock",
}
ADA, BOB, OPERATOR = address(1), address(2), address(3)
ORACLES: Final = [address(number) for number in range(10, 14)]
TERMS: Final = Terms(GENESIS, EPOCH, 50, 5, 300, DAY_SECONDS, CONTRACTS["exchange"], VoteSpans(5, 600, 30, 2))
WEIGHTS: Final = (32, 16, 64)
SHARES: Final = (10_000, 5_000)


def deployment() -> Deployment:
    """A record of these contracts."""
    contracts = {role: {"contract": NAMES[role], "address": at} for role, at in CONTRACTS.items()}
    return Deployment.model_validate({"chain_id": 31337, "genesis": GENESIS, "contracts": contracts})


def opened_store(folder: Path) -> Store:
    """An empty index."""
    return Store(f"sqlite:///{folder / 'index.sqlite'}", deployment())


class Teller:
    """Writes history block by block: one event after the other, each with its own transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.number = -1

    def block(self, timestamp: int, *said: tuple[str, str, dict[str, Any]], final: bool = False) -> None:
        """One block in which the contracts said this, in one transaction."""
        self.number += 1
        block = block_of(self.number, timestamp, said)
        self.store.write([block], TERMS, final=final)


def block_of(number: int, timestamp: int, said: Sequence[tuple[str, str, dict[str, Any]]]) -> IndexedBlock:
    """A block whose hash follows from its number and what it says."""
    transaction = f"0x{number + 1:064x}"
    events = [Event(number, place, transaction, role, name, args) for place, (role, name, args) in enumerate(said)]
    return IndexedBlock(number, f"0x{number:032x}{abs(hash(repr(said))):032x}", timestamp, events)


def tree() -> SumTree:
    """What two facilities made: the second's public share is a half."""
    entries = [Entry(1_000, 0, 0, b"\1" * 32), Entry(10, 20, 30, b"\2" * 32)]
    return tree_of(entries, WEIGHTS, SHARES)


def beginning() -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """A configuration, two facilities, a registrar."""
    terms = {"capacityGeneral": "5000", "capacityIntelligent": "5000", "capacitySuper": "5000", "fromEpoch": "0"}
    facilities = [
        (
            (
                "oracles",
                "FacilityRegistered",
                {"facility": str(n), "operator": OPERATOR, "readingKey": address(20 + n), "region": "1"},
            ),
            (
                "oracles",
                "FacilityTermsScheduled",
                {"facility": str(n), "terms": {**terms, "publicShareBps": str(SHARES[n]), "active": True}},
            ),
        )
        for n in range(2)
    ]
    config = {
        "version": "1",
        "fromEpoch": "0",
        "digest": "0x" + "c0" * 32,
        "weightsVersion": "1",
        "weightsX16": [str(weight) for weight in WEIGHTS],
        "oracles": ORACLES,
        "verifiers": {},
    }
    return (("oracles", "ConfigScheduled", config), *facilities[0], *facilities[1])


def report(epoch: int, signers: int = 0b0111) -> tuple[str, str, dict[str, Any]]:
    """An accepted report of `tree()`."""
    made = tree()
    general, intelligent, super_, public = (str(lane) for lane in made.sums.lanes)
    return (
        "oracles",
        "ReportAccepted",
        {
            "epoch": str(epoch),
            "configVersion": "1",
            "signers": str(signers),
            "report": {
                "configDigest": "0x" + "c0" * 32,
                "epoch": str(epoch),
                "viewNumber": "0",
                "weightsVersion": "1",
                "facilityCount": "2",
                "root": "0x" + made.root.hex(),
                "rawGeneral": general,
                "rawIntelligent": intelligent,
                "rawSuper": super_,
                "publicOutput": public,
            },
        },
    )


def dividend(epoch: int, each: int, headcount: int = 3) -> tuple[str, str, dict[str, Any]]:
    """A dividend of so many wei each."""
    return (
        "vault",
        "DividendDistributed",
        {
            "epoch": str(epoch),
            "publicOutput": str(tree().sums.public_output),
            "entitlement": str(each * headcount),
            "issued": str(each * headcount),
            "dividend": str(each),
            "headcount": str(headcount),
            "reserve": "0",
        },
    )


def transfer(payer: str, payee: str, amount: int) -> tuple[str, str, dict[str, Any]]:
    """The token's event."""
    return ("token", "Transfer", {"from": payer, "to": payee, "value": str(amount)})


def enrolled(batch: int, size: int, entry_index: int = 0) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """A batch joins region 1."""
    heads = {"heads": str(size), "headcount": str(size), "index": str(entry_index)}
    args = {
        "batch": str(batch),
        "registrar": address(30),
        "region": "1",
        "root": "0x" + "ab" * 32,
        "size": str(size),
        "entryIndex": str(entry_index),
    }
    return (("vault", "HeadsAdmitted", heads), ("citizens", "BatchEnrolled", args))


def activated(account: str, batch: int, index: int) -> tuple[str, str, dict[str, Any]]:
    """A citizen activates."""
    return ("citizens", "CitizenActivated", {"account": account, "batch": str(batch), "index": str(index)})


def proposed(number: int, description: str, start: int, end: int, *calls: tuple[str, str]) -> tuple[str, str, Any]:
    """Somebody proposes calls: pairs of target and data."""
    args = {
        "proposalId": str(number),
        "proposer": ADA,
        "targets": [target for target, _ in calls],
        "values": ["0"] * len(calls),
        "signatures": [""] * len(calls),
        "calldatas": [data for _, data in calls],
        "voteStart": str(start),
        "voteEnd": str(end),
        "description": description,
    }
    return ("governor", "ProposalCreated", args)


def voted(number: int, voter: str, support: int, weight: int = 1) -> tuple[str, str, Any]:
    """Somebody votes."""
    args = {"voter": voter, "proposalId": str(number), "support": str(support), "weight": str(weight), "reason": ""}
    return ("governor", "VoteCast", args)


def vote_terms(floor: int, bps: int) -> tuple[str, str, Any]:
    """What makes a quorum from now on."""
    terms = {"votingDelay": "1", "votingPeriod": "8", "quorumFloor": str(floor), "quorumBps": str(bps)}
    return ("governor", "VoteTermsChanged", {"terms": terms})


def short_history(store: Store) -> Teller:
    """Three citizens, one dividend of 5 SBI, Ada pays Bob 2 by signature and recirculates 1."""
    teller = Teller(store)
    teller.block(GENESIS, *beginning())
    teller.block(GENESIS + 1, *enrolled(0, 3), activated(ADA, 0, 0), activated(BOB, 0, 1))
    teller.block(GENESIS + EPOCH + 1, report(0))
    teller.block(GENESIS + EPOCH + 10, dividend(0, 5 * SBI))
    used = ("token", "AuthorizationUsed", {"authorizer": ADA, "nonce": "0x" + "11" * 32})
    teller.block(GENESIS + EPOCH + 20, used, transfer(ZERO_ADDRESS, ADA, 5 * SBI), transfer(ADA, BOB, 2 * SBI))
    given = ("token", "Recirculated", {"account": ADA, "amount": str(SBI)})
    teller.block(GENESIS + EPOCH + 30, transfer(ADA, ZERO_ADDRESS, SBI), given)
    return teller
