"""Random sequences of everything people do, against the model of the rules in prose; the invariants after each step.

SBI_LOOP=long    thousands of steps instead of hundreds
SBI_LOOP=hunt    stops at the first failure and does not shrink it: for seeded bugs
SBI_SEED=1234    the same run again: the seed is printed at the start of each
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import People
from tests.invariants.halts import Halts
from tests.invariants.nation import World, found_world

PROFILES: dict[str, dict[str, Any]] = {
    "short": {"max_examples": 20, "stateful_step_count": 40},
    "long": {"max_examples": 400, "stateful_step_count": 80},
    "hunt": {"max_examples": 60, "stateful_step_count": 40, "phases": [Phase.generate], "report_multiple_bugs": False},
}

ACTS = (
    "enrol",
    "activate",
    "replace",
    "present after the end",
    "return to life",
    "activate and pay",
    "pay by an activated leaf",
    "choose",
    "choose the leaf held",
    "void",
    "start retirement",
    "start recovery",
    "withdraw",
    "object",
    "object again",
    "uphold",
    "dismiss",
    "retire",
    "retire by proof",
    "recover",
    "move registrar",
    "suspend registrar",
    "reinstate registrar",
    "change region cap",
    "change turnover cap",
    "report",
    "skip",
    "expire",
    "distribute",
    "pay",
    "approve",
    "pay_for",
    "permit",
    "relay",
    "relay batch",
    "relay batch with a bad item",
    "collect",
    "cancel",
    "recycle",
    "recirculate",
    "offer",
    "buy",
    "buy signed",
    "deliver",
    "hand over",
    "refund",
    "change terms",
    "change shares",
    "hibernate",
    "bond",
    "unbond",
    "withdraw bond",
    "collect coins",
    "report a lie",
    "take out a leaf",
    "dispute a final leaf",
    "void by structure",
    "dispute a final structure",
    "double signing of reports",
    "double signing of observations",
    "double signing of readings",
    "change oracles",
    "schedule standby",
    "demand",
    "reveal",
    "lapse",
    "refund a demand",
    "halt",
    "re-arm",
    "end a halt",
    "let a jump go on",
    "brake",
    "enrol in a rush",
    "enrol beyond the cap",
    "distribute to nobody",
    "distribute too early",
    "distribute while halted",
    "distribute what is held",
    "halt twice",
    "halt too soon",
    "halt without office",
    "re-arm in vain",
    "resume in vain",
    "pay too much",
    "pay beyond the allowance",
    "collect another's payment",
    "recycle too much",
    "recirculate too much",
    "buy without the money",
    "activate and pay too much",
    "void too soon",
    "act carried out in vain",
    "object in vain",
    "act out of office",
    "report without standing",
    "dispute twice",
    "dispute in vain",
    "prove twice",
    "bond in vain",
    "unbond in vain",
    "withdraw in vain",
    "collect nothing",
    "change oracles too soon",
    "seat in vain",
    "bad enrol",
    "bad activate",
    "bad void",
    "bad choice",
    "bad start",
    "bad recovery",
    "bad objection",
    "bad end",
    "bad first payment",
    "bad report",
    "bad relay",
    "bad permit",
    "bad offer",
    "bad buy",
    "bad deliver",
    "overreach",
)
"""Everything that must have happened at least once in a run, the ill-formed attempts last."""


@pytest.fixture(scope="module")
def world(people: People, chain: Any, project: Any) -> World:
    """A suite of its own for the machine."""
    return found_world(people, chain, project)


def run(world: World, profile: str, seed_number: int, part: int = 1) -> None:
    """One run of the machine under a profile of `PROFILES`, or a part of one."""
    chosen = PROFILES[profile]
    Halts.world = world
    machine = seed(seed_number)(type("Loop", (Halts,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            **{**chosen, "max_examples": chosen["max_examples"] // part},
        ),
    )


def test_loop__any_sequence_of_acts__invariants_hold(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    profile = os.environ.get("SBI_LOOP", "short")
    seed_number = int(os.environ.get("SBI_SEED") or random.SystemRandom().randrange(2**32))
    # Taken here, inside what Ape undoes after the test: each sequence starts from it.
    world.mark = world.evm.snapshot()
    with capsys.disabled():
        print(f"\nthe loop: profile {profile}; the same again: SBI_LOOP={profile} SBI_SEED={seed_number}")
    # A run that never came to some act has not tested it: a few more sequences then.
    for extra in range(17):
        run(world, profile, seed_number + extra, part=4 if extra else 1)
        missing = [act for act in ACTS if not world.done[act]]
        if not missing or profile == "hunt":
            break
    with capsys.disabled():
        print("held      " + ", ".join(f"{act} {world.done[act]}" for act in ACTS))
        print("refused   " + ", ".join(f"{name} {count}" for name, count in sorted(world.refused.items())))
    assert not missing or profile == "hunt", f"never happened: {missing}"
