"""What is brought to the disputes contract, by a sender that answers from a list.

bring     ├── accepted → brought, sent once
          ├── done by others, too late, refused → said so, nothing sent
          └── the endpoint fails → tried again, until the contract says that it is done
docket    └── evidence in the archive → filed once, closed; not again after a restart
custody   ├── a tree that a peer has → kept; a false one, or none → asked again, of the next
          └── reports that were not accepted → shown to all peers; the accepted one is not
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sbi_network.chain.errors import ChainError, ContractRefused, EndpointError, TransactionTimeoutError
from sbi_network.chain.registry import Record
from sbi_network.chain.sender import Call, Order, Receipt
from sbi_network.oracle.around import Reach, Surroundings
from sbi_network.oracle.bring import Ending, bring
from sbi_network.oracle.config import Timings
from sbi_network.oracle.custody import Custody
from sbi_network.oracle.docket import Docket
from sbi_network.oracle.faults import Faults
from sbi_network.oracle.transport import NoAnswerError
from sbi_network.protocol.abi.revert import DecodedError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Report
from sbi_network.protocol.sumtree import Leaf, Sums, SumTree
from tests.oracles.oracle.simulated import (
    CLOCK,
    EPOCH,
    REGISTRY,
    archive_of,
    observed,
    oracle_key,
    readings,
    terms_of,
)

TERMS = terms_of()
CALL = Call(REGISTRY, "0x")
OWN = check_address("own", oracle_key(0).address)
PRESENT = replace(CLOCK, genesis=int(time.time()) - (EPOCH + 1) * CLOCK.epoch_seconds)


def _refusal(name: str) -> ContractRefused:
    return ContractRefused(DecodedError(name, {}))


@dataclass
class Sending:
    """Answers each attempt with the next of `answers`, None being success; the last one for ever."""

    answers: list[ChainError | None]
    sent: list[Call] = field(default_factory=list)
    address: Any = OWN

    async def simulate(self, call: Call) -> None:
        answer = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        if answer is not None:
            raise answer

    async def send(self, call: Call, order: Order | None = None) -> Receipt:
        self.sent.append(call)
        return Receipt("0x00", 1, 1)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("NoOpenDemand", Ending.DONE_BY_OTHERS),
        ("SignerIsSlashed", Ending.DONE_BY_OTHERS),
        ("EvidenceTooLate", Ending.TOO_LATE),
        ("NoFault", Ending.REFUSED),
    ],
)
def test_bring__refused__says_how_it_ended_and_sends_nothing(name: str, ending: Ending) -> None:
    sending = Sending([_refusal(name)])
    assert asyncio.run(bring(sending, CALL, "it", 0.01)) is ending
    assert sending.sent == []


def test_bring__accepted__is_sent_once() -> None:
    sending = Sending([None])
    assert asyncio.run(bring(sending, CALL, "it", 0.01)) is Ending.BROUGHT
    assert sending.sent == [CALL]


def test_bring__endpoint_fails__is_tried_until_it_is_done() -> None:
    failures = [EndpointError("Timeout", "no answer"), TransactionTimeoutError("0x01"), EndpointError("Timeout", "")]
    sending = Sending([*failures, _refusal("NoOpenDemand")])
    assert asyncio.run(bring(sending, CALL, "it", 0.01)) is Ending.DONE_BY_OTHERS
    assert len(sending.answers) == 1


@dataclass
class Chain:
    """A registry of one epoch, and peers that have what one gives them."""

    record: Record | None = None
    trees: dict[int, list[SumTree | Exception | None]] = field(default_factory=dict)
    shown: list[tuple[int, Signed[Report]]] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    async def record_of(self, epoch: int) -> Record | None:
        return self.record

    async def config_at(self, epoch: int) -> Any:
        return TERMS.config

    def known(self, terms: Any, own: int | None) -> tuple[int, ...]:
        return (1, 2, 3)

    async def fetch_tree(self, terms: Any, peer: int, commitment: bytes) -> SumTree | None:
        self.asked.append(peer)
        answers = self.trees.get(peer, [None])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def push_report(self, terms: Any, peer: int, signed: Signed[Report]) -> None:
        self.shown.append((peer, signed))
        if peer == 2:
            raise NoAnswerError("down")


class Filing:
    """Stands in for the disputes contract: which calls were made."""

    def dispute_observations(self, *given: Any) -> Call:
        return CALL

    dispute_reports = dispute_readings = dispute_observations


class Around(Surroundings):
    async def disputes_at(self, epoch: int) -> Any:
        return Filing()


def _around(chain: Chain, sending: Sending) -> Surroundings:
    stand_in: Any = chain
    archive = archive_of(oracle_key(0))
    timings = Timings(poll_seconds=0.01)
    return Around(OWN, stand_in, archive, stand_in, sending, PRESENT, timings, Reach(1000, 1000, 100))


def test_docket__evidence__is_filed_once_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbi_network.oracle.docket._SPACING_SECONDS", 0.01)
    sending = Sending([EndpointError("Timeout", ""), None])
    around = _around(Chain(), sending)
    for output in (1, 2):
        around.archive.note(3, observed(TERMS, 3, readings(TERMS, output)).signed)

    async def play() -> None:
        running = asyncio.create_task(Docket(around).run())
        while around.archive.open_cases():  # noqa: ASYNC110 - nothing else says so from outside
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(play())
    assert len(sending.sent) == 1


def _leaves(public: int) -> SumTree:
    return SumTree([Leaf(0, Sums(100, 0, 0, public), b"\x01" * 32), Leaf(1)])


def _record(tree: SumTree) -> Record:
    return Record(tree.commitment, tree.sums.public_output, EPOCH, 1, 0b0110, 1, 0, 0, is_void=False)


def _custody(chain: Chain, sending: Sending) -> tuple[Custody, Surroundings]:
    around = _around(chain, sending)
    return Custody(around, Faults(around)), around


def test_custody__tree_at_a_peer__is_kept_whoever_fails_before() -> None:
    tree = _leaves(200)
    chain = Chain(_record(tree), {1: [NoAnswerError("down")], 2: [None, tree], 3: [None]})
    custody, around = _custody(chain, Sending([None]))
    asyncio.run(custody.after(TERMS))
    assert around.archive.tree(EPOCH, tree.commitment) is not None
    assert chain.asked == [1, 2, 3, 1, 2]  # signers first


def test_custody__faulty_leaf_in_the_accepted_tree__is_disputed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Filing, "dispute_leaf", Filing.dispute_observations, raising=False)
    for public, disputes in ((200, 0), (201, 1)):
        tree, sending = _leaves(public), Sending([None])
        custody, around = _custody(Chain(_record(tree)), sending)
        around.archive.keep_tree(EPOCH, tree)
        asyncio.run(custody.after(TERMS))
        assert len(sending.sent) == disputes


def test_custody__reports_that_were_not_accepted__are_shown_to_all_peers() -> None:
    tree = _leaves(200)
    accepted = Report(TERMS.config.digest, EPOCH, 1, 1, 2, tree.root, 100, 0, 0, 200)
    other = replace(accepted, view_number=0, raw_general=99)
    chain = Chain(_record(tree))
    custody, around = _custody(chain, Sending([None]))
    around.archive.keep_tree(EPOCH, tree)
    signed = [Signed(each, each.sign(oracle_key(3), TERMS.config.domain)) for each in (accepted, other)]
    for each in signed:
        around.archive.note(3, each)
    asyncio.run(custody.after(TERMS))
    assert chain.shown == [(peer, signed[1]) for peer in (1, 2, 3)]
