"""Networks with up to f liars, whatever they do and whatever is lost: honest oracles agree.

safety      no honest oracle signs two digests for a place; what a quorum signs lies between honest readings
liveness    once nothing is lost any more, the first view that an honest oracle leads has its report
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sbi_network.errors import SBIError
from sbi_network.oracle.agreement import SignedReport
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.wire import Proposal, decode_proposal, encode_proposal, proposal_chars
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.oracle_set import check_report_signatures
from tests.oracles.oracle.simulated import HonestOracle, observed, oracle_key, reading, readings, terms_of

LIES = ("silent", "zero", "two_observations", "two_lists", "inflated", "stale", "other_report")


@dataclass(frozen=True)
class Scene:
    """Who lies and how; which messages get lost in the first views; what honest oracles saw of each facility."""

    oracles: int
    lies: dict[int, str]
    seen: tuple[tuple[bool, ...], ...]
    lost: frozenset[tuple[int, int, int]]
    lossy_views: int


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    faults = draw(st.integers(1, 2))
    oracles, facilities = 3 * faults + 1, draw(st.integers(1, 3))
    liars = draw(st.sets(st.integers(0, oracles - 1), max_size=faults))
    lies = {liar: draw(st.sampled_from(LIES)) for liar in sorted(liars)}
    seen = tuple(tuple(draw(st.booleans()) for _ in range(facilities)) for _ in range(oracles))
    lossy_views = draw(st.integers(0, 2))
    place = st.tuples(st.integers(0, 2), st.integers(0, oracles - 1), st.integers(0, oracles - 1))
    return Scene(oracles, lies, seen, frozenset(draw(st.sets(place, max_size=20))), lossy_views)


class Network:
    """Delivers what is not lost, from honest and lying oracles, view by view."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.terms = terms_of(scene.oracles, len(scene.seen[0]))
        self.honest = {n: HonestOracle(self.terms, n) for n in range(scene.oracles) if n not in scene.lies}
        self.reports: list[SignedReport] = []

    async def run(self) -> None:
        observations = [await self._observation(number) for number in range(self.scene.oracles)]
        for view in range(self.scene.lossy_views + self.scene.oracles):
            self._exchange(view, observations)
            await self._lead(view, observations)

    async def _observation(self, number: int) -> dict[int, BackedObservation]:
        """What an oracle sends to each other one."""
        everyone = range(self.scene.oracles)
        full, nothing = readings(self.terms), tuple(None for _ in self.terms.facilities)
        lie = self.scene.lies.get(number)
        if lie is None:
            seen = tuple(full[i] if is_seen else None for i, is_seen in enumerate(self.scene.seen[number]))
            made = await self.honest[number].agreement.observe(seen)
            return dict.fromkeys(everyone, made)
        if lie == "silent":
            return {}
        if lie == "stale":
            return dict.fromkeys(everyone, observed(replace(self.terms, epoch=self.terms.epoch - 1), number, nothing))
        if lie == "inflated":
            forged = tuple(reading(self.terms, i, 10**6, signer=oracle_key(number)) for i in range(len(full)))
            return dict.fromkeys(everyone, observed(self.terms, number, forged))
        if lie == "two_observations":
            return {to: observed(self.terms, number, full if to % 2 else nothing) for to in everyone}
        return dict.fromkeys(everyone, observed(self.terms, number, nothing))

    def _exchange(self, view: int, observations: list[dict[int, BackedObservation]]) -> None:
        for sender, sent in enumerate(observations):
            for to, observation in sent.items():
                if to in self.honest and self._arrives(view, sender, to):
                    try:
                        self.honest[to].agreement.receive(observation)
                    except SBIError:
                        assert sender in self.scene.lies

    async def _lead(self, view: int, observations: list[dict[int, BackedObservation]]) -> None:
        leader = self.terms.leader_of(view)
        if leader not in self.honest:
            await self._lead_as_liar(leader, view, observations)
            return
        agreement = self.honest[leader].agreement
        if not agreement.has_quorum:
            return
        proposal = await agreement.propose(view)
        for to, oracle in self.honest.items():
            if to != leader and self._arrives(view, leader, to) and self._arrives(view, to, leader):
                received = _over_the_wire(proposal, self.terms)
                agreement.add_signature(view, to, await oracle.agreement.cosign(received, view))
        signed = agreement.completed(view)
        if signed is not None:
            self.reports.append(signed)

    async def _lead_as_liar(self, leader: int, view: int, observations: list[dict[int, BackedObservation]]) -> None:
        """Different lists to two halves, and with luck figures that do not follow."""
        lie = self.scene.lies[leader]
        if lie not in ("two_lists", "other_report"):
            return
        by_oracle = [sent[leader] for sent in observations if leader in sent]
        quorum = self.terms.config.quorum
        helper = HonestOracle(self.terms, leader)
        for half, listed in enumerate((by_oracle[:quorum], by_oracle[-quorum:])):
            proposal = await _forged(helper, view, listed, inflate=lie == "other_report")
            for to, oracle in self.honest.items():
                if proposal is not None and to % 2 == half:
                    try:
                        await oracle.agreement.cosign(proposal, view)
                        assert lie != "other_report"
                    except SBIError:
                        pass

    def _arrives(self, view: int, sender: int, to: int) -> bool:
        return view >= self.scene.lossy_views or (view, sender, to) not in self.scene.lost


async def _forged(
    helper: HonestOracle, view: int, listed: list[BackedObservation], *, inflate: bool
) -> Proposal | None:
    """A proposal of these observations, signed again and again by somebody without a guard."""
    fresh = HonestOracle(helper.agreement.terms, helper.number).agreement
    for observation in listed:
        try:
            fresh.receive(observation)
        except SBIError:
            return None
    if not fresh.has_quorum:
        return None
    proposal = await fresh.propose(view)
    if not inflate:
        return proposal
    report = replace(proposal.signed.message, public_output=proposal.signed.message.public_output + 1)
    signature = report.sign(oracle_key(helper.number), helper.agreement.terms.config.domain)
    return replace(proposal, signed=Signed(report, signature))


def _over_the_wire(proposal: Proposal, terms: object) -> Proposal:
    text = encode_proposal(proposal)
    limit = proposal_chars(len(proposal.observations[0].readings), len(proposal.observations))
    assert len(text) <= limit
    received = decode_proposal(text.encode(), limit)
    assert received == proposal
    return received


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenes())
def test_agreement__any_f_liars_and_losses__honest_oracles_agree(scene: Scene) -> None:
    network = Network(scene)
    asyncio.run(network.run())

    assert all(oracle.most_digests <= 1 for oracle in network.honest.values())
    # Of n views in a row without losses, an honest oracle leads at least 2f + 1.
    assert len(network.reports) >= 2 * (scene.oracles // 3) + 1
    full = readings(network.terms)
    for signed in network.reports:
        check_report_signatures(signed.report, signed.signatures, network.terms.config)
        possible = sum(each.message.raw_general for each in full if each is not None)
        certain = sum(
            each.message.raw_general
            for facility, each in enumerate(full)
            if each is not None and all(scene.seen[number][facility] for number in network.honest)
        )
        assert certain <= signed.report.raw_general <= possible
