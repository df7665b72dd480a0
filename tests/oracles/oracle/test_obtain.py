"""What a proposal lists and this oracle does not know, and what it signed before a restart, had from peers.

obtain    ├── all known → nobody is asked; an equivocator's other observation → had of the leader, and kept
          └── short list, in another's name, leader down or with another one → refused, with the reason
recall    ├── a peer has this oracle's own → it is its own again
          ├── 2f peers have none → signed anew; fewer → asked again
          ├── the file is known to be old → not signed, nobody is asked
          └── a peer has another one than the file → parked: two processes sign with this key
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sbi_network.oracle.config import Timings
from sbi_network.oracle.epoch_round import EpochRound, Means
from sbi_network.oracle.errors import ParkedError, Reason, RefusedError, UnsureError
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.transport import NoAnswerError
from sbi_network.oracle.wire import Listed, Outline
from tests.oracles.oracle.simulated import CLOCK, EPOCH, HonestOracle, observed, oracle_key, reading, readings, terms_of

TERMS = terms_of()
LEADER = TERMS.leader_of(0)
OWN = (LEADER + 1) % 4
OTHERS = tuple(number for number in range(4) if number != OWN)
PRESENT = replace(CLOCK, genesis=int(time.time()) - (EPOCH + 1) * CLOCK.epoch_seconds)
SEEN = readings(TERMS)


@dataclass
class Peers:
    """Peers that have what one gives them, by (peer, oracle)."""

    has: dict[tuple[int, int], BackedObservation | Exception | None] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def known(self, terms: Any, own: int) -> tuple[int, ...]:
        return OTHERS

    async def fetch_observation(self, terms: Any, peer: int, oracle: int) -> BackedObservation | None:
        self.asked.append((peer, oracle))
        found = self.has.get((peer, oracle))
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Facilities:
    async def gather(self, terms: Any, seconds: float) -> Any:
        return SEEN


def _round(peers: Peers, *, first_view: int = 0, trusts_its_file: bool = True, path: Any = None) -> Any:
    oracle = HonestOracle(TERMS, OWN, path, first_view=first_view)
    stand_in: Any = peers
    gatherer: Any = Facilities()
    means = Means(PRESENT, Timings(poll_seconds=0.01), gatherer, stand_in, stand_in, stand_in)
    return oracle, EpochRound(oracle.agreement, means, trusts_its_file=trusts_its_file)


def _outline(*observations: BackedObservation) -> Outline:
    leader = HonestOracle(TERMS, LEADER)
    for number in (0, 1, 2):
        leader.agreement.receive(observed(TERMS, number, SEEN))
    signed = asyncio.run(leader.agreement.propose(0)).signed
    return Outline(signed, tuple(Listed(each.oracle, each.signed) for each in observations))


def test_obtain__what_is_known_and_what_is_not__asks_the_leader_for_the_rest() -> None:
    first, second, other = (observed(TERMS, number, SEEN) for number in OTHERS)
    equivocated = observed(TERMS, other.oracle, (reading(TERMS, 0, 5), None))
    peers = Peers({(LEADER, other.oracle): other})
    oracle, work = _round(peers)
    for each in (first, second, equivocated):
        oracle.agreement.receive(each)
    outline = _outline(first, second, other)
    proposal = asyncio.run(work.obtain(outline))
    assert [each.oracle for each in proposal.observations] == list(OTHERS)
    assert peers.asked == [(LEADER, other.oracle)]
    asyncio.run(oracle.agreement.cosign(proposal, 0))
    assert ("observation", other.oracle) in [(each.kind, each.number) for each in oracle.witnessed]
    asyncio.run(work.obtain(outline))
    assert len(peers.asked) == 1


def test_obtain__what_cannot_be_had__is_refused_with_the_reason() -> None:
    first, second, other = (observed(TERMS, number, SEEN) for number in OTHERS)
    forged = observed(TERMS, other.oracle, SEEN, signer=oracle_key(first.oracle))
    cases: list[tuple[Any, tuple[BackedObservation, ...], Reason]] = [
        (None, (first, second), Reason.OTHER_REPORT),
        (None, (first, second, forged), Reason.BAD_SIGNATURE),
        (None, (first, second, other), Reason.OTHER_REPORT),
        (NoAnswerError("down"), (first, second, other), Reason.NOT_OPEN),
        (observed(TERMS, other.oracle, (None, None)), (first, second, other), Reason.OTHER_REPORT),
    ]
    for answer, listed, reason in cases:
        oracle, work = _round(Peers({(LEADER, other.oracle): answer}))
        for each in (first, second):
            oracle.agreement.receive(each)
        with pytest.raises(RefusedError) as caught:
            asyncio.run(work.obtain(_outline(*listed)))
        assert caught.value.reason is reason


def test_observe__a_peer_has_what_was_signed_before__is_it_again() -> None:
    before = observed(TERMS, OWN, (reading(TERMS, 0, 7), None))
    oracle, work = _round(Peers({(OTHERS[1], OWN): before}), first_view=2)
    own = asyncio.run(work._observe())
    assert own.signed.message == before.signed.message
    assert oracle.most_digests == 1


def test_observe__2f_peers_have_none__is_signed_anew() -> None:
    peers = Peers({(OTHERS[0], OWN): NoAnswerError("down")})
    _, work = _round(peers, first_view=2)
    own = asyncio.run(work._observe())
    assert own is not None
    assert own.readings == SEEN


@pytest.mark.parametrize("trusts_its_file", [True, False])
def test_observe__peers_do_not_suffice__is_asked_again_and_not_signed(*, trusts_its_file: bool) -> None:
    """Too few answer; or all have none, and the file is known to be old."""
    down = OTHERS[:2] if trusts_its_file else ()
    peers = Peers({(number, OWN): NoAnswerError("down") for number in down})
    oracle, work = _round(peers, first_view=2, trusts_its_file=trusts_its_file)

    async def play() -> None:
        observing = asyncio.create_task(work._observe())
        while len(peers.asked) < 7 and not observing.done():  # noqa: ASYNC110 - nothing else says so from outside
            await asyncio.sleep(0.01)
        observing.cancel()

    asyncio.run(play())
    assert oracle.most_digests == 0
    with pytest.raises(UnsureError):
        asyncio.run(oracle.agreement.observe(SEEN, may_be_new=False))


def test_observe__file_known_to_be_old__takes_what_a_peer_gives_back() -> None:
    before = observed(TERMS, OWN, (reading(TERMS, 0, 7), None))
    _, work = _round(Peers({(OTHERS[2], OWN): before}), first_view=2, trusts_its_file=False)
    assert asyncio.run(work._observe()).signed.message == before.signed.message


def test_receive__another_own_observation_than_the_files__parks(tmp_path: Any) -> None:
    asyncio.run(HonestOracle(TERMS, OWN, tmp_path / "state").agreement.observe(SEEN))
    other = observed(TERMS, OWN, (None, None))
    oracle, work = _round(Peers({(OTHERS[0], OWN): other}), first_view=2, path=tmp_path / "state")
    with pytest.raises(ParkedError, match="already"):
        oracle.agreement.receive(other)
    assert oracle.desk.parked is not None
    assert asyncio.run(work._observe()) is None
