"""Networks with up to f liars, whatever they do, whatever is lost and whoever is restarted: honest oracles agree.

safety      no honest oracle signs two digests for a place, also where its state file was put back from an old copy;
            what a quorum signs lies between honest readings
liveness    once nothing is lost any more, the first view that an honest oracle leads has its report
evidence    whoever told two honest oracles two things is found out once they show each other what they saw
control     with views signed that an earlier process may have signed, the first of these fails
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sbi_network.errors import SBIError
from sbi_network.oracle.agreement import EpochAgreement, SignedReport
from sbi_network.oracle.errors import Reason, RefusedError, UnsureError
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.views import VIEW_TOLERANCE
from sbi_network.oracle.wire import Proposal, decode_proposal, encode_proposal, proposal_chars
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.oracle_set import check_report_signatures
from tests.oracles.oracle.simulated import HonestOracle, observed, oracle_key, reading, readings, terms_of

_LAST_RESTART = 3
LIES = ("silent", "zero", "two_observations", "two_lists", "two_reports", "inflated", "stale", "other_report")


@dataclass(frozen=True)
class Scene:
    """Who lies and how; which messages get lost in the first views; what honest oracles saw of each facility; who is
    restarted at the beginning of which view, and whether with an old copy of its state file."""

    oracles: int
    lies: dict[int, str]
    seen: tuple[tuple[bool, ...], ...]
    lost: frozenset[tuple[int, int, int]]
    lossy_views: int
    restarts: frozenset[tuple[int, int, bool]] = frozenset()


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    faults = draw(st.integers(1, 2))
    oracles, facilities = 3 * faults + 1, draw(st.integers(1, 3))
    liars = draw(st.sets(st.integers(0, oracles - 1), max_size=faults))
    lies = {liar: draw(st.sampled_from(LIES)) for liar in sorted(liars)}
    seen = tuple(tuple(draw(st.booleans()) for _ in range(facilities)) for _ in range(oracles))
    lossy_views = draw(st.integers(0, 2))
    place = st.tuples(st.integers(0, 2), st.integers(0, oracles - 1), st.integers(0, oracles - 1))
    restart = st.tuples(st.integers(0, 3), st.integers(0, oracles - 1), st.booleans())
    restarts = frozenset(draw(st.sets(restart, max_size=4)))
    return Scene(oracles, lies, seen, frozenset(draw(st.sets(place, max_size=20))), lossy_views, restarts)


class Network:
    """Delivers what is not lost, from honest and lying oracles, view by view."""

    def __init__(self, scene: Scene, *, sits_out: bool = True) -> None:
        self.scene = scene
        self._sits_out = sits_out
        self.terms = terms_of(scene.oracles, len(scene.seen[0]))
        self.honest = {n: HonestOracle(self.terms, n) for n in range(scene.oracles) if n not in scene.lies}
        self.reports: list[SignedReport] = []

    async def run(self) -> None:
        observations = [await self._observation(number) for number in range(self.scene.oracles)]
        # As many as there are oracles after the last view that somebody may sit out.
        for view in range(self.scene.lossy_views + _LAST_RESTART + VIEW_TOLERANCE + 1 + self.scene.oracles):
            for at, number, forgets in sorted(self.scene.restarts):
                if at == view and number in self.honest:
                    await self._restart(number, view, forgets=forgets)
            self._exchange(view, observations)
            await self._lead(view, observations)

    async def _restart(self, number: int, view: int, *, forgets: bool) -> None:
        """As an oracle does: it sits out the views that it may have signed for, and asks for its own observation."""
        first_view = view + VIEW_TOLERANCE + 1 if self._sits_out else 0
        oracle = self.honest[number] = self.honest[number].restarted(first_view, forgets=forgets)
        for other in self.honest.values():
            found = other.agreement.observation_of(number)
            if found is not None and not oracle.agreement.has_observed and other is not oracle:
                oracle.agreement.receive(found)
        if oracle.agreement.has_observed:
            await oracle.agreement.observe(readings(self.terms))

    def show_each_other(self) -> None:
        """What is done about an epoch once it is settled."""
        for oracle in self.honest.values():
            for other in self.honest.values():
                for number, signed in oracle.archive.seen_reports(self.terms.epoch):
                    other.witness.saw_report(self.terms, number, signed)

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
        if not agreement.has_quorum or view < agreement.first_view:
            return
        proposal = await agreement.propose(view)
        for to, oracle in self.honest.items():
            if to != leader and self._arrives(view, leader, to) and self._arrives(view, to, leader):
                received = _over_the_wire(proposal, oracle.agreement)
                try:
                    signature = await oracle.agreement.cosign(received, view)
                except RefusedError as refusal:
                    assert refusal.reason is Reason.UNSURE  # noqa: PT017 - one that was restarted sits this view out
                else:
                    agreement.add_signature(view, to, signature)
        signed = agreement.completed(view)
        if signed is not None:
            self.reports.append(signed)

    async def _lead_as_liar(self, leader: int, view: int, observations: list[dict[int, BackedObservation]]) -> None:
        """Different lists to two halves, and with luck figures that do not follow."""
        lie = self.scene.lies[leader]
        if lie not in ("two_lists", "two_reports", "other_report"):
            return
        by_oracle = [sent[leader] for sent in observations if leader in sent]
        quorum = self.terms.config.quorum
        helper = HonestOracle(self.terms, leader)
        for half, listed in enumerate((by_oracle[:quorum], by_oracle[-quorum:])):
            is_inflated = lie == "other_report" or (lie == "two_reports" and half == 1)
            proposal = await _forged(helper, view, listed, inflate=is_inflated)
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


def _over_the_wire(proposal: Proposal, to: EpochAgreement) -> Proposal:
    """As it is received: what is listed is had from the receiver's own state, or from the leader."""
    text = encode_proposal(proposal)
    limit = proposal_chars(len(proposal.observations))
    assert len(text) <= limit
    outline = decode_proposal(text.encode(), limit)
    assert outline.signed == proposal.signed
    by_oracle = {each.oracle: each for each in proposal.observations}
    found = [to.listed(each) or by_oracle[each.oracle] for each in outline.listed]
    assert [each.signed.message for each in found] == [each.signed.message for each in outline.listed]
    return Proposal(outline.signed, tuple(found))


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


def test_agreement__a_leader_tells_two_halves_two_things__is_found_out_by_all() -> None:
    liar = terms_of(7).leader_of(0)
    scene = Scene(7, {liar: "two_reports"}, ((True,),) * 7, frozenset(), 0)
    network = Network(scene)
    asyncio.run(network.run())
    assert all(oracle.witnessed == [] for oracle in network.honest.values())
    network.show_each_other()
    for oracle in network.honest.values():
        assert [(case.kind, case.number) for case in oracle.archive.open_cases()] == [("report", liar)]
    assert network.reports[0].report.view_number == 1


def test_agreement__views_not_sat_out_with_an_old_state_file__are_signed_twice() -> None:
    """The control: what keeps this from happening is that a restarted oracle sits out two views."""
    terms = terms_of(4)
    leader = terms.leader_of(0)
    scene = Scene(4, {}, ((True, True),) * 4, frozenset(), 0)
    digests: dict[bool, int] = {}
    for sits_out in (True, False):
        network = Network(scene, sits_out=sits_out)
        asyncio.run(_proposed_again(network, leader))
        digests[sits_out] = network.honest[leader].most_digests
    assert digests == {True: 1, False: 2}


async def _proposed_again(network: Network, leader: int) -> None:
    """A leader is put back to an old copy within its view, and by then knows of other observations."""
    full, none = readings(network.terms), (None, None)
    agreement = network.honest[leader].agreement
    for number, seen in enumerate((full, full, none, none)):
        agreement.receive(observed(network.terms, number, seen))
    await agreement.propose(0)
    await network._restart(leader, 0, forgets=True)
    agreement = network.honest[leader].agreement
    for number, seen in enumerate((none, none, none, none)):
        if number != leader:
            agreement.receive(observed(network.terms, number, seen))
    with suppress(UnsureError):
        await agreement.propose(0)
