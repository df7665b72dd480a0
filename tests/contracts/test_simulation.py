"""The simulation's money is the contracts': policy, vault and exchange as deployed, driven with what was simulated.

Every call that a simulated economy makes of its vault is made of a deployed one, in the same order at the same time, on
a real EVM: same issue, dividend and state, to the wei.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest
from eth_utils.crypto import keccak

from sbi_network.protocol.outcome import Outcome
from sbi_network.simulation import loop
from sbi_network.simulation.citizens import most_arrivals
from sbi_network.simulation.exchange import price_of, split
from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.policy import IssuancePolicy
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.scenario_file import load_scenario, scenario_of
from sbi_network.simulation.vault import (
    Bounds,
    Braked,
    Event,
    Issue,
    NotYetError,
    Passed,
    RefusedError,
    Vault,
    kept_peak,
)
from tests.conftest import OVERRIDES
from tests.stories.town import Town
from tests.support.evm import Evm, Mined, evm_of

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Actors

T = TypeVar("T")

SCENARIO = Path("scenarios/town.yaml")
STATE = (
    "index",
    "headcount",
    "next_epoch",
    "last_release",
    "issued",
    "reserve",
    "recirculated",
    "peak",
    "halted_until",
    "is_spent",
)
MINT = 10**6


@dataclass(frozen=True)
class Call:
    """One call of a simulated vault: what was asked, what it answered, its state afterwards.

    A verb with a time has it as its first argument. `REFUSED` is the answer to what it would not do.
    """

    verb: str
    arguments: tuple[int, ...]
    answer: Any
    state: dict[str, int]


REFUSED = "refused"
TIMED = ("distribute", "halt", "resume")


def state_of(vault: Vault) -> dict[str, int]:
    return {name: getattr(vault, name) for name in STATE}


class Heard(Vault):
    """A vault that remembers what was asked of it. One at a time: `calls` is the last one's."""

    calls: list[Call]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Heard.calls = []

    def _heard(self, verb: str, answer: T, *arguments: int) -> T:
        Heard.calls.append(Call(verb, arguments, answer, state_of(self)))
        return answer

    def distribute(self, now: int, source: Any) -> list[Event]:
        try:
            return self._heard("distribute", super().distribute(now, source), now)
        except NotYetError:
            self._heard("distribute", REFUSED, now)
            raise

    def halt(self, now: int) -> None:
        self._tried("halt", super().halt, now)

    def rearm(self) -> None:
        self._tried("rearm", super().rearm)

    def resume(self, now: int) -> None:
        self._tried("resume", super().resume, now)

    def _tried(self, verb: str, act: Callable[..., None], *arguments: int) -> None:
        try:
            act(*arguments)
        except RefusedError:
            self._heard(verb, REFUSED, *arguments)
            raise
        self._heard(verb, None, *arguments)

    def note_recirculated(self, amount: int) -> None:
        super().note_recirculated(amount)
        self._heard("recirculate", None, amount)

    def admit(self, heads: int) -> int:
        return self._heard("admit", super().admit(heads), heads)

    def dismiss(self, since: int, heads: int = 1) -> None:
        self._heard("dismiss", super().dismiss(since, heads), since, heads)


class Deployed:
    """A vault on the chain whose token and citizen registry are accounts of the test, and whose source it tells."""

    def __init__(self, project: Any, chain: Any, people: People, policy: IssuancePolicy, bounds: Bounds) -> None:
        deployer = people.deployer.account
        self.people, self._project, self._chain = people, project, chain
        self.start = int(chain.blocks.head.timestamp) + 10_000
        self.source = deployer.deploy(project.MockReportSource, self.start, bounds.epoch_length, 2**63)
        self.policy = deployer.deploy(project.IssuancePolicy, policy.rate, policy.release_bps)
        self.manager = deployer.deploy(project.SuiteAccessManager, deployer.address, 2**40)
        token, citizens = people.citizens[:2]
        terms = (self.start, bounds.epoch_length, bounds.expiry_age, bounds.max_rate)
        brakes = (bounds.halt_span, bounds.brake_span, bounds.jump_floor, bounds.jump_bps)
        self.vault = deployer.deploy(
            project.DistributionVault,
            self.manager.address,
            token.address,
            citizens.address,
            self.policy.address,
            self.source.address,
            (*terms, bounds.release_floor, bounds.growth_bps, 1, *brakes),
        )
        self._senders = {"noteRecirculated": token, "admit": citizens, "dismiss": citizens, "unissue": citizens}
        self.evm: Evm = evm_of(chain.provider)

    def send(self, contract: Any, function: str, *arguments: Any, at: int = 0) -> Mined:
        """Sends at the time given, on the simulation's clock, or as soon after as can be."""
        sender = self._senders.get(function, self.people.deployer)
        data = getattr(contract, function).encode_input(*arguments)
        return self.evm.send(sender.key, contract.address, bytes(data), max(self.start + at, self.evm.now + 1))

    def do(self, verb: str, *arguments: int, at: int) -> list[Mined]:
        """A verb of the simulated vault; a dismissal of many heads is as many calls."""
        if verb == "dismiss":
            since, heads = arguments
            return [self.send(self.vault, "dismiss", since, at=at) for _ in range(heads)]
        passed = () if verb in TIMED else arguments
        return [self.send(self.vault, {"recirculate": "noteRecirculated"}.get(verb, verb), *passed, at=at)]

    def state(self) -> dict[str, int]:
        vault = self.vault
        until, is_spent = vault.haltedUntil()
        return {
            "index": int(vault.dividendIndex()),
            "headcount": int(vault.headcount()),
            "next_epoch": int(vault.nextEpoch()),
            "last_release": int(vault.lastRelease()) // MINT,
            "issued": int(vault.issued()),
            "reserve": int(vault.reserve()),
            "recirculated": int(vault.recirculated()),
            "peak": int(vault.peakOutput()),
            "halted_until": max(0, int(until) - self.start),
            "is_spent": bool(is_spent),
        }

    def events(self, mined: Mined) -> list[Event]:
        """What a call of `distribute` did, as the simulation says it."""
        found: list[Event] = []
        vault = self.vault
        known = (vault.DividendDistributed, vault.EpochPassed, vault.EpochExpired, vault.EpochBraked)
        by_selector = {keccak(text=event.abi.selector): event.abi for event in known}
        for log in mined.logs:
            abi = by_selector[log.topics[0]]
            epoch = int.from_bytes(log.topics[1])
            words = [int.from_bytes(log.data[at : at + 32]) for at in range(0, len(log.data), 32)]
            if abi.name == "DividendDistributed":
                found.append(Issue(epoch, *words))
            elif abi.name == "EpochBraked":
                output, most, until = words
                found.append(Braked(epoch, output, most, until - self.start))
            else:
                found.append(Passed(epoch, Outcome(words[0]) if abi.name == "EpochPassed" else None))
        return found


def hamlet() -> Scenario:
    """The town with forty people and everything that can befall a vault within 150 epochs."""
    town = load_scenario(
        SCENARIO,
        [
            "citizens.enrolment=0 %/d",
            "citizens.retirements=1500 %/a",
            "citizens.arrivals=300 %/a",
            "vault.release_floor=2 SBI",
            "vault.growth=103 %",
            "vault.expiry_age=4 d",
            "exchange.recirculated=40 %",
            "brakes.halt=1.5 d",
        ],
    )
    source = {"source": "assumption"}
    shocks = [
        {"kind": "enrolment", "at": "5 d", "share": "100 %", **source},
        {"kind": "oracle_outage", "at": "6 d", "lasts": "1 d", **source},
        {"kind": "output_jump", "at": "8 d", "lasts": "4 h", "factor": "4 times", **source},
        {"kind": "resume", "at": "8.2 d", **source},
        {"kind": "disputes_upheld", "at": "9.5 d", **source},
        {"kind": "output_jump", "at": "10 d", "lasts": "12 h", "factor": "1000000 times", **source},
        {"kind": "guardian_halt", "at": "13 d", "lasts": "1 d", **source},
        {"kind": "guardian_halt", "at": "13.2 d", "lasts": "1 d", **source},
        {"kind": "rearm", "at": "13.5 d", **source},
        {"kind": "guardian_halt", "at": "14.5 d", "lasts": "1 d", **source},
        {"kind": "enrolment", "at": "15 d", "share": "100 %", **source},
        {"kind": "guardian_halt", "at": "16 d", "lasts": "6 d", **source},
        {"kind": "rearm", "at": "20 d", **source},
        {"kind": "rearm", "at": "20.5 d", **source},
        {"kind": "resume", "at": "21 d", **source},
        {"kind": "policy", "at": "22 d", "rate": "2000000007 wei/nGAICPh", "release": "33.33 %", **source},
        {"kind": "facilities_fail", "at": "23 d", "lasts": "1 d", "share": "100 %", **source},
    ]
    given = {**town.as_given(), "horizon": "25 d", "shocks": shocks}
    given["citizens"]["groups"][0]["cohorts"] = 4
    given["citizens"]["people"] = {"value": "40 people", **source}
    return scenario_of(given, "hamlet")


def test_vault__a_simulated_economy__same_as_deployed_to_the_wei(
    project: Any, chain: Any, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = hamlet()
    single = loop.OneRun(Case(scenario))
    single.reported = scenario.epochs
    monkeypatch.setattr(loop, "Vault", Heard)
    run = simulate([Case(scenario)])[0]
    calls = Heard.calls

    second = single.policies[-1]
    # Deployed before the driver counts nonces.
    successor = people.deployer.account.deploy(project.IssuancePolicy, second.rate, second.release_bps).address
    deployed = Deployed(project, chain, people, single.policies[0], single.bounds)
    changed_at = single.policies.index(single.policies[-1])
    epoch_length, finality = single.bounds.epoch_length, single.finality
    issues = []
    told = 0
    scheduled = False
    for number, call in enumerate(calls):
        later = (c.arguments[0] for c in calls[number:] if c.verb in TIMED)
        now = next(later, (scenario.epochs + 1) * epoch_length)
        while (told + 1) * epoch_length + finality <= now and told < scenario.epochs:
            outcome, output = single.outcome_of(told)
            deployed.send(deployed.source, "say", told, outcome, output)
            told += 1
        if not scheduled and deployed.evm.now >= deployed.start + (changed_at - 2) * epoch_length:
            mined = deployed.send(
                deployed.vault, "scheduleTerms", successor, deployed.source.address, changed_at,
                at=(changed_at - 1) * epoch_length - 7,
            )  # fmt: skip
            assert mined.ok
            scheduled = True
        mined_all = deployed.do(call.verb, *call.arguments, at=now if call.verb in TIMED else 0)
        assert all(mined.ok == (call.answer != REFUSED) for mined in mined_all), (number, call)
        assert deployed.state() == call.state, (number, call)
        if call.verb == "distribute" and call.answer != REFUSED:
            assert deployed.events(mined_all[0]) == call.answer
            issues += [event for event in call.answer if isinstance(event, Issue)]
    assert scheduled
    _assert_everything_happened(calls, issues, single.bounds, run.rows[-1])


def _assert_everything_happened(calls: list[Call], issues: list[Issue], bounds: Bounds, last: Any) -> None:
    """Without what it is to show, the test above would show nothing."""
    held = [call for call in calls if call.answer != REFUSED]
    events = [event for call in held if call.verb == "distribute" for event in call.answer]
    assert {call.verb for call in calls if call.answer == REFUSED} == {"distribute", "halt", "rearm", "resume"}
    assert len([event for event in events if isinstance(event, Braked)]) == 2
    assert [call.verb for call in held if call.verb in ("halt", "rearm", "resume")] == [
        "resume", "halt", "rearm", "resume", "halt", "rearm",
    ]  # fmt: skip
    passed = {event.outcome for event in events if isinstance(event, Passed)}
    assert passed == {Outcome.SKIPPED, Outcome.VOID, None}
    assert {call.verb for call in calls} >= {"admit", "dismiss", "recirculate", "distribute"}
    assert len(issues) > 80
    assert any(issue.output > 10**16 for issue in issues), "the jump"
    assert any(issue.entitlement == 0 for issue in issues), "an epoch without output"
    released = [issue.issued for issue in issues]
    assert any(max(bounds.release_floor - 40 * MINT, 0) < amount <= bounds.release_floor for amount in released), (
        "floor"
    )
    assert last.recirculated > 0
    assert len({call.arguments[0] for call in held if call.verb == "distribute"}) < len(
        [call for call in held if call.verb == "distribute"]
    ), "several dividends caught up at a time"


EXTREMES = (0, 1, 7, 2**40 - 1, 2**62 + 1, 2**64 - 1, 2**64, 2**80)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_vault__extreme_figures__same_as_deployed_to_the_wei(
    project: Any, chain: Any, people: People, seed: int
) -> None:
    """Every clamp: outputs beyond 64 bits, a reserve and an issue beyond 112, an index beyond 80."""
    rng = random.Random(seed)
    policy = IssuancePolicy(rng.choice([1, 10**18 - 1, 10**18]), rng.choice([100, 3_333, 10_000]))
    floor = rng.choice([2**40 * 10**6, 2**112, 10**30])
    bounds = Bounds(
        0,
        1_000,
        10**9,
        rng.choice([policy.rate, 2**96 - 1]),
        floor,
        rng.choice([10_000, 12_501, 2**32 - 1]),
        halt_span=rng.choice([0, 700, 2_500]),
        brake_span=rng.choice([600, 1_700, 3_300]),
        jump_floor=rng.choice([0, 2**40, 2**63]),
        jump_bps=rng.choice([10_000, 13_333, 2**32 - 1]),
    )
    vault = Vault(bounds, lambda _: policy)
    deployed = Deployed(project, chain, people, policy, bounds)
    outcomes: dict[int, tuple[Outcome, int]] = {}
    for epoch in range(40):
        _move(rng, vault, deployed, epoch)
        outcome = rng.choice([Outcome.FINAL] * 4 + [Outcome.SKIPPED, Outcome.VOID])
        output = rng.choice(EXTREMES) if outcome is Outcome.FINAL else 0
        outcomes[epoch] = (outcome, output)
        deployed.send(deployed.source, "say", epoch, outcome, output)
        for verb in rng.choices(["halt", "rearm", "resume", "nothing"], k=2):
            if verb != "nothing":
                mined = deployed.do(verb, at=0)[0]
                assert mined.ok == _held(vault, verb, deployed.evm.now - deployed.start), (epoch, verb)
        mined = deployed.do("distribute", at=bounds.end_of(epoch) + 500)[0]
        now = deployed.evm.now - deployed.start
        try:
            answer = vault.distribute(now, lambda e: outcomes.get(e, (Outcome.OPEN, 0)))
        except NotYetError:
            assert not mined.ok
        else:
            assert mined.ok
            assert deployed.events(mined) == answer
        assert deployed.state() == state_of(vault)
    assert vault.issued > 0


def _move(rng: random.Random, vault: Vault, deployed: Deployed, epoch: int) -> None:
    """Two of the calls that token and citizen registry make, on both."""
    for verb in rng.choices(["admit", "dismiss", "unissue", "recirculate"], k=2):
        if verb == "admit":
            heads = rng.choice([1, 3, 10**6 + 3, 2**39])
            if vault.headcount + heads < 2**40:
                vault.admit(heads)
                assert deployed.do("admit", heads, at=epoch * 1_000 + 1)[0].ok
        elif verb == "dismiss" and vault.headcount > 0:
            since = vault.index - (min(vault.index, rng.choice([0, 5])) if vault.issued > 10**12 else 0)
            vault.dismiss(since)
            assert deployed.do("dismiss", since, 1, at=epoch * 1_000 + 1)[0].ok
        elif verb == "unissue" and vault.index > 9 and vault.issued > 10**12:
            vault.unissue(vault.index - 9, vault.index - 2)
            assert deployed.do("unissue", vault.index - 9, vault.index - 2, at=epoch * 1_000 + 1)[0].ok
        elif verb == "recirculate" and vault.issued > 1:
            amount = rng.randrange(1, vault.issued // 2 + 1) // rng.choice([1, 10**6])
            vault.note_recirculated(amount)
            assert deployed.do("recirculate", amount, at=epoch * 1_000 + 1)[0].ok


def _held(vault: Vault, verb: str, now: int) -> bool:
    """Whether a simulated vault did it."""
    try:
        vault.rearm() if verb == "rearm" else getattr(vault, verb)(now)
    except RefusedError:
        return False
    return True


def test_kept_peak__many_outputs__same_as_deployed(project: Any, chain: Any, people: People) -> None:
    rng = random.Random(3)
    bounds = Bounds(0, 1_000, 10**9, 1, 10**30, 10_000, 0, 0, 2**64 - 1, 10_000)
    deployed = Deployed(project, chain, people, IssuancePolicy(1, 100), bounds)
    deployed.do("admit", 1, at=0)
    # Ever greater, so that the peak is the last of them.
    outputs = sorted({rng.randrange(2 ** rng.randrange(65)) for _ in range(40)} | {2**30 - 1, 2**30, 2**42, 2**64 - 1})
    for epoch, output in enumerate(outputs):
        deployed.send(deployed.source, "say", epoch, Outcome.FINAL, output)
        assert deployed.do("distribute", at=bounds.end_of(epoch))[0].ok
        assert deployed.state()["peak"] == kept_peak(output)


def test_most_arrivals__random_batches__same_as_deployed(chain: Any, people: People) -> None:
    """A registrar enrols batch after batch, and rests when the simulation does."""
    from scripts._deploy import deploy_suite
    from scripts._recipe import load_recipe

    period, floor, bps = 500, 40, 2_500
    changes = {"citizens.turnover_period_s": period, "citizens.jump_floor": floor, "citizens.jump_bps": bps}
    founded = load_recipe("local", {**OVERRIDES, **changes})
    citizens = deploy_suite(founded, people.deployer.account, int(chain.blocks.head.timestamp) + 10_000).citizens
    evm, rng = evm_of(chain.provider), random.Random(4)
    heads = arrived = rests = 0
    now = evm.now - evm.now % period + period
    for number in range(60):
        later = now + rng.choice([1, 60, 400])
        arrived = 0 if later // period > now // period else arrived
        now, size = later, rng.choice([1, 7, 30, 90])
        figures = (np.array([float(each)]) for each in (heads, arrived, floor, bps))
        allowed = arrived <= int(most_arrivals(*figures)[0])
        data = citizens.enrol.encode_input(keccak(text=str(number)), size, 1)
        assert evm.send(people.registrar.key, citizens.address, bytes(data), now).ok == allowed, number
        heads, arrived = heads + size * allowed, arrived + size * allowed
        rests += not allowed
    assert 5 < rests < 55


def test_policy__many_figures__same_as_deployed(project: Any, people: People) -> None:
    rng = random.Random(9)
    for rate, release in ((1, 100), (10**18, 10_000), (999_999_937, 3_333)):
        policy = IssuancePolicy(rate, release)
        deployed = people.deployer.account.deploy(project.IssuancePolicy, rate, release)
        for _ in range(8):
            output, reserve = rng.randrange(2**64), rng.randrange(2**112)
            assert tuple(deployed.assess(output, reserve)) == policy.assess(output, reserve)


def test_price_of__every_class__same_as_deployed(suite: Suite, recipe: Recipe) -> None:
    rng = random.Random(5)
    for number, weight in enumerate(recipe.weights_x16):
        for units in (0, 1, 3, rng.randrange(2**40), 2**50 + 1):
            price = price_of(units, weight, recipe.policy.rate_wei_per_ngaicph)
            assert int(suite.exchange.priceOf(number, units)) == price


def test_split__a_delivery__same_as_deployed(
    suite: Suite, recipe: Recipe, people: People, actors: Actors[Any], chain: Any
) -> None:
    town = Town(suite, recipe, people, actors, chain)
    town.live_an_epoch()
    buyer, operator = people.citizens[0], people.operators[0]
    epoch = int(suite.oracles.currentEpoch()) + 1
    actors.offer(operator, 0, 0, epoch, 100)
    units = 17
    price = int(suite.exchange.priceOf(0, units))
    actors.approve(buyer, suite.exchange.address, price)
    actors.buy(buyer, (0, 0, epoch), units, price)
    shares = tuple(map(int, suite.exchange.shares()))
    released = 0
    for delivered in (5, 16, 17):
        _, signature = actors.receipt(buyer, 0, 0, delivered)
        receipt = actors.deliver(people.stranger, 0, delivered, signature)
        event = next(iter(receipt.decode_logs(suite.exchange.ComputeDelivered)))
        due = price * delivered // units
        assert (event.fee, event.recirculated, event.recycled) == split(due - released, *shares)
        released = due
    assert released == price
