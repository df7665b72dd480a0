"""Agreement on one epoch, message by message.

receive     ├── new → true, the same → false, another of the same oracle → equivocation
            └── forged, of another config, epoch or key, with a reading nobody signed → refused
observe     └── twice, or after a restart → the same observation
propose     └── lists the observations that cover most
cosign      ├── what follows → a signature
            └── not the leader, wrong view, other figures, short list, second digest → refused
completed   └── a quorum, and no more
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sbi_network.oracle.errors import Reason, RefusedError
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.wire import Proposal
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Reading, Report
from sbi_network.protocol.oracle_set import check_report_signatures
from tests.oracles.oracle.simulated import (
    CAPACITY,
    EPOCH,
    HonestOracle,
    facility_key,
    key,
    observed,
    oracle_key,
    reading,
    readings,
    terms_of,
    with_terms,
)

TERMS = terms_of()
LEADER = TERMS.leader_of(0)
FOLLOWER = (LEADER + 1) % 4


def _refused(reason: Reason, act: Any, *arguments: Any) -> RefusedError:
    async def acting() -> None:
        result = act(*arguments)
        if asyncio.iscoroutine(result):
            await result

    with pytest.raises(RefusedError) as caught:
        asyncio.run(acting())
    assert caught.value.reason is reason
    return caught.value


def _proposal(view: int = 0, output: int = 100, terms: Any = TERMS, listed: Any = range(3)) -> Proposal:
    """As an honest leader makes it."""
    leader = HonestOracle(terms, terms.leader_of(view))
    for number in listed:
        leader.agreement.receive(observed(terms, number, readings(terms, output)))
    return asyncio.run(leader.agreement.propose(view))


def _signed_by_leader(report: Report) -> Signed[Report]:
    return Signed(report, report.sign(oracle_key(LEADER), TERMS.config.domain))


def test_receive__new_then_the_same__is_news_once() -> None:
    oracle = HonestOracle(TERMS, 0)
    observation = observed(TERMS, 1, readings(TERMS))
    assert oracle.agreement.receive(observation) is True
    assert oracle.agreement.receive(observation) is False
    assert oracle.agreement.missing == {0, 2, 3}


def test_receive__second_observation_of_an_oracle__is_refused_and_witnessed_once() -> None:
    oracle = HonestOracle(TERMS, 0)
    oracle.agreement.receive(observed(TERMS, 1, readings(TERMS)))
    for output in (101, 102):
        _refused(Reason.EQUIVOCATION, oracle.agreement.receive, observed(TERMS, 1, readings(TERMS, output)))
    # The facilities signed two readings as well: each maker is told of, once.
    witnessed = sorted((each.kind, each.number) for each in oracle.witnessed)
    assert witnessed == [("observation", 1), ("reading", 0), ("reading", 1)]


def test_receive__facility_signed_two_readings__is_witnessed() -> None:
    oracle = HonestOracle(TERMS, 0)
    oracle.agreement.receive(observed(TERMS, 1, readings(TERMS)))
    oracle.agreement.receive(observed(TERMS, 2, (reading(TERMS, 0, 101), reading(TERMS, 1))))
    assert [(each.kind, each.number) for each in oracle.witnessed] == [("reading", 0)]


def _bad_observations() -> dict[str, tuple[BackedObservation, Reason]]:
    other_epoch, other_config = terms_of(epoch=EPOCH + 1), terms_of(version=2)
    good, other = readings(TERMS), readings(TERMS, 5)
    first = good[0]
    assert first is not None
    made = observed(TERMS, 1, good)
    return {
        "stranger": (observed(TERMS, 1, good, signer=key("stranger")), Reason.NOT_MEMBER),
        "other member's number": (observed(TERMS, 1, good, signer=oracle_key(2)), Reason.BAD_SIGNATURE),
        "other epoch": (observed(other_epoch, 1, readings(other_epoch)), Reason.WRONG_EPOCH),
        "other config": (observed(other_config, 1, readings(other_config)), Reason.WRONG_CONFIG),
        "readings not those signed": (replace(made, readings=other), Reason.BAD_READING),
        "too few facilities": (observed(TERMS, 1, good[:1]), Reason.BAD_READING),
        "reading nobody signed": (observed(TERMS, 1, (reading(TERMS, 0, signer=key("x")), None)), Reason.BAD_READING),
        "reading of another facility": (
            observed(TERMS, 1, (reading(TERMS, 1, signer=facility_key(1)), None)),
            Reason.BAD_READING,
        ),
        "reading of another epoch": (
            observed(TERMS, 1, (reading(TERMS, 0, epoch=EPOCH - 1), None)),
            Reason.BAD_READING,
        ),
        "reading above capacity": (observed(TERMS, 1, (reading(TERMS, 0, CAPACITY + 1), None)), Reason.BAD_READING),
    }


@pytest.mark.parametrize("case", _bad_observations())
def test_receive__bad_observation__is_refused_with_its_reason(case: str) -> None:
    observation, reason = _bad_observations()[case]
    oracle = HonestOracle(TERMS, 0)
    _refused(reason, oracle.agreement.receive, observation)
    assert oracle.agreement.missing == {0, 1, 2, 3}


def test_receive__the_same_readings_of_many__are_checked_once_and_others_each(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[int] = []
    honest = EpochTerms.fault_of

    def fault_of(self: EpochTerms, signed: Signed[Reading], facility: int) -> str | None:
        checked.append(facility)
        return honest(self, signed, facility)

    monkeypatch.setattr(EpochTerms, "fault_of", fault_of)
    oracle, seen = HonestOracle(TERMS, 0), readings(TERMS)
    for number in (1, 2, 3):
        oracle.agreement.receive(observed(TERMS, number, seen))
    assert checked == [0, 1]
    forged = (seen[0], replace(reading(TERMS, 1), signature=reading(TERMS, 0).signature))
    _refused(Reason.BAD_READING, oracle.agreement.receive, observed(TERMS, 1, forged))
    assert checked == [0, 1, 1]


def test_receive__reading_of_inactive_facility__is_refused() -> None:
    terms = with_terms(TERMS, 1, active=False)
    oracle = HonestOracle(terms, 0)
    refusal = _refused(Reason.BAD_READING, oracle.agreement.receive, observed(terms, 1, readings(terms)))
    assert "not active" in refusal.detail
    assert oracle.agreement.receive(observed(terms, 1, (reading(terms, 0), None)))


def test_observe__again_after_restart_with_other_readings__is_what_was_signed_before(tmp_path: Path) -> None:
    before = HonestOracle(TERMS, 0, tmp_path / "state")
    first = asyncio.run(before.agreement.observe(readings(TERMS)))
    after = HonestOracle(TERMS, 0, tmp_path / "state")
    second = asyncio.run(after.agreement.observe((None, None)))
    assert second == first


def test_propose__one_oracle_saw_less__lists_those_who_saw_more() -> None:
    leader = HonestOracle(TERMS, LEADER)
    leader.agreement.receive(observed(TERMS, 0, (None, None)))
    for number in (1, 2, 3):
        leader.agreement.receive(observed(TERMS, number, readings(TERMS)))
    proposal = asyncio.run(leader.agreement.propose(0))
    assert [each.oracle for each in proposal.observations] == [1, 2, 3]
    assert proposal.signed.message.raw_general == 200
    assert proposal.signed.message.public_output == 400


def test_propose__facility_seen_by_f_plus_one__counts() -> None:
    leader = HonestOracle(TERMS, LEADER)
    leader.agreement.receive(observed(TERMS, 0, (None, None)))
    for number in (1, 2):
        leader.agreement.receive(observed(TERMS, number, readings(TERMS)))
    assert asyncio.run(leader.agreement.propose(0)).signed.message.raw_general == 200


def test_cosign__what_follows__is_signed_and_completes_at_quorum() -> None:
    leader = HonestOracle(TERMS, LEADER)
    for number in range(3):
        leader.agreement.receive(observed(TERMS, number, readings(TERMS)))
    proposal = asyncio.run(leader.agreement.propose(0))
    for number in sorted({0, 1, 2, 3} - {LEADER}):
        follower = HonestOracle(TERMS, number)
        leader.agreement.add_signature(0, number, asyncio.run(follower.agreement.cosign(proposal, 0)))
    signed = leader.agreement.completed(0)
    assert signed is not None
    assert len(signed.signers) == 3
    assert check_report_signatures(signed.report, signed.signatures, TERMS.config) == signed.signers


def test_completed__fewer_than_quorum__is_none() -> None:
    leader = HonestOracle(TERMS, LEADER)
    for number in range(3):
        leader.agreement.receive(observed(TERMS, number, readings(TERMS)))
    proposal = asyncio.run(leader.agreement.propose(0))
    follower = HonestOracle(TERMS, FOLLOWER)
    leader.agreement.add_signature(0, FOLLOWER, asyncio.run(follower.agreement.cosign(proposal, 0)))
    assert leader.agreement.completed(0) is None
    assert leader.agreement.completed(4) is None


def test_add_signature__of_another_oracle__is_refused() -> None:
    leader = HonestOracle(TERMS, LEADER)
    for number in range(3):
        leader.agreement.receive(observed(TERMS, number, readings(TERMS)))
    proposal = asyncio.run(leader.agreement.propose(0))
    signature = asyncio.run(HonestOracle(TERMS, FOLLOWER).agreement.cosign(proposal, 0))
    _refused(Reason.BAD_SIGNATURE, leader.agreement.add_signature, 0, (FOLLOWER + 1) % 4, signature)


def test_cosign__proposed_by_another_than_the_leader__is_refused() -> None:
    report = _proposal().signed.message
    forged = Signed(report, report.sign(oracle_key(FOLLOWER), TERMS.config.domain))
    proposal = replace(_proposal(), signed=forged)
    _refused(Reason.NOT_LEADER, HonestOracle(TERMS, FOLLOWER).agreement.cosign, proposal, 0)


@pytest.mark.parametrize(("current", "is_taken"), [(3, True), (4, True), (5, True), (2, False), (6, False)])
def test_cosign__view_beside_the_current__is_taken_within_one(current: int, is_taken: bool) -> None:
    oracle = HonestOracle(TERMS, (TERMS.leader_of(4) + 1) % 4)
    proposal = _proposal(view=4)
    if is_taken:
        assert asyncio.run(oracle.agreement.cosign(proposal, current))
    else:
        _refused(Reason.WRONG_VIEW, oracle.agreement.cosign, proposal, current)


def test_cosign__of_another_epoch_or_config__is_refused() -> None:
    oracle = HonestOracle(TERMS, FOLLOWER)
    _refused(Reason.WRONG_CONFIG, oracle.agreement.cosign, _proposal(terms=terms_of(version=2)), 0)
    _refused(Reason.WRONG_EPOCH, oracle.agreement.cosign, _proposal(terms=terms_of(epoch=EPOCH + 4)), 0)


def test_cosign__figures_that_do_not_follow__is_refused() -> None:
    proposal = _proposal()
    more = replace(proposal.signed.message, public_output=proposal.signed.message.public_output + 1)
    oracle = HonestOracle(TERMS, FOLLOWER)
    _refused(Reason.OTHER_REPORT, oracle.agreement.cosign, replace(proposal, signed=_signed_by_leader(more)), 0)
    assert oracle.most_digests == 0


def test_cosign__list_short_or_with_repeats__is_refused() -> None:
    proposal = _proposal()
    listed = proposal.observations
    oracle = HonestOracle(TERMS, FOLLOWER)
    for wrong in (listed[:2], (), (*listed[:2], listed[1]), (*listed, observed(TERMS, 3, readings(TERMS)))):
        _refused(Reason.OTHER_REPORT, oracle.agreement.cosign, replace(proposal, observations=wrong), 0)


def test_cosign__second_report_in_a_view__is_refused_even_after_restart(tmp_path: Path) -> None:
    first, second = _proposal(output=100), _proposal(output=101, listed=sorted({0, 1, 2, 3} - {FOLLOWER}))
    oracle = HonestOracle(TERMS, FOLLOWER, tmp_path / "state")
    signature = asyncio.run(oracle.agreement.cosign(first, 0))
    _refused(Reason.SECOND_DIGEST, oracle.agreement.cosign, second, 0)
    assert ("report", LEADER) in [(each.kind, each.number) for each in oracle.witnessed]
    restarted = HonestOracle(TERMS, FOLLOWER, tmp_path / "state")
    _refused(Reason.SECOND_DIGEST, restarted.agreement.cosign, second, 0)
    assert asyncio.run(restarted.agreement.cosign(first, 0)) == signature


def test_cosign__lists_another_observation_than_the_one_received__is_signed_and_witnessed() -> None:
    oracle = HonestOracle(TERMS, FOLLOWER)
    liar = min({0, 1, 2} - {FOLLOWER, LEADER})
    oracle.agreement.receive(observed(TERMS, liar, (None, None)))
    assert asyncio.run(oracle.agreement.cosign(_proposal(), 0))
    assert [(each.kind, each.number) for each in oracle.witnessed] == [("observation", liar)]
