"""The closed loop in radCAD, run by `benchmarks.simulate` in an environment of its own.

Two forms of the same model, each with the same exact vault, policy and exchange (imported from `sbi_network`):

- `plain`: cohorts are dictionaries in a list, updated one by one, as radCAD's documentation writes models;
- `numpy`: cohorts are the suite's own vectorised `Citizens`, in radCAD's state. Nothing in the model is then slower
  than in the suite: what remains is radCAD's engine, and that it runs one run after the other.

    python simulate_peer.py FORM SCENARIO EPOCHS RUNS      prints one line of JSON
"""

from __future__ import annotations

import json
import sys
import time
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from radcad import Model, Simulation
from radcad.engine import Backend, Engine

from sbi_network.simulation.citizens import Citizens
from sbi_network.simulation.loop import Case, OneRun, share_filled
from sbi_network.simulation.policy import IssuancePolicy
from sbi_network.simulation.scenario_file import load_scenario

State = dict[str, Any]


class Fixed:
    """What does not change while a model runs, and so has no place in radCAD's state, which is copied every step."""

    single: OneRun
    offered: np.ndarray[Any, Any]
    mix: list[float]
    rush: Any
    """For the plain form: whether anybody may be enrolled."""


def policy_at(epoch: int) -> IssuancePolicy:
    """A plain function, so that copying a vault copies no list of policies."""
    return Fixed.single.policies[epoch]


def prepare(scenario: Any, number: int) -> State:
    """A run's fixed parts, and its first state."""
    Fixed.single = OneRun(Case(scenario, number))
    Fixed.offered = Fixed.single.output.offered * np.array(Fixed.single.rates, dtype=float)[:, None]
    Fixed.mix = [float(share) for share in scenario.exchange.mix]
    books = Fixed.single.books
    books.vault._policy_at = policy_at
    return {"books": books, "citizens": Citizens([scenario]), "backlog": 0.0, "epoch": 0, "dividend": 0, "others": 0.0,
            "wanted": 0.0}  # fmt: skip


def cohorts_of(citizens: Citizens) -> list[State]:
    """The same cohorts as dictionaries."""
    roll = citizens._roll
    columns = {
        "people": roll._people, "arrivals": roll._arrivals, "enrolled_x": roll._enrolled, "active_x": roll._active,
        "enrolled": roll.enrolled, "active": roll.active, "held": citizens.held,
        "waiting": citizens.waiting, "backlog": citizens.backlog, "wage_share": citizens.wage_shares,
        "from_income": citizens._from_income, "from_holdings": citizens._from_holdings,
    }  # fmt: skip
    scalars = {
        "retiring": float(roll._retiring[0, 0]), "enrolment": float(roll._enrolment[0, 0]),
        "activation": float(roll._activation[0, 0]), "computing": float(citizens._computing[0, 0]),
        "patience": float(citizens._patience[0, 0]),
    }  # fmt: skip
    count = citizens.held.shape[1]
    return [
        {**{name: float(column[0, place]) for name, column in columns.items()}, **scalars} for place in range(count)
    ]


def opened(books: Any, epoch: int, heads: int, active: int, moved: float, backlog: float) -> tuple[Any, ...]:
    """The first half of an epoch at the books: the suite's own."""
    single = Fixed.single
    single.books, single.backlog = books, backlog
    return single.open(epoch, heads, active, moved)


def closed(books: Any, epoch: int, goods: float, paid: float, wanted: float, filled: float) -> float:
    """The second half; the enterprises' backlog."""
    single = Fixed.single
    single.books = books
    single.close(epoch, goods, paid, wanted, filled)
    return single.backlog


# The form with NumPy


def numpy_roll(_params: Any, _substep: int, _history: Any, state: State) -> State:
    epoch = state["epoch"]
    citizens = state["citizens"]
    moved = float(citizens.enter(epoch)[0])
    heads, active = int(citizens.enrolled.sum()), int(citizens.active.sum())
    dividend, others, wanted = opened(state["books"], epoch, heads, active, moved, state["backlog"])
    return {
        "citizens": citizens,
        "books": state["books"],
        "dividend": dividend,
        "others": float(others),
        "wanted": wanted,
    }


def numpy_trade(_params: Any, _substep: int, _history: Any, state: State) -> State:
    epoch = state["epoch"]
    citizens, books = state["citizens"], state["books"]
    citizens.receive(np.array([float(state["dividend"])]), np.array([state["others"]]))
    goods, orders = citizens.choose(epoch)
    filled = share_filled(orders + state["wanted"], Fixed.offered[epoch][None, :], np.array([Fixed.mix]))
    paid = citizens.buy(filled)
    backlog = closed(books, epoch, float(goods[0]), float(paid[0]), state["wanted"], float(filled[0]))
    citizens.tie(epoch, [books.citizens], [books.inactive], goods + orders)
    return {"citizens": citizens, "books": books, "backlog": backlog, "epoch": epoch + 1}


# The plain form


def plain_roll(_params: Any, _substep: int, _history: Any, state: State) -> State:
    epoch = state["epoch"]
    moved_all, joined, heads, active = 0.0, 0.0, 0, 0
    enrols = bool(Fixed.rush.open(epoch, np.array([sum(c["enrolled"] for c in state["citizens"])]))[0])
    for c in state["citizens"]:
        c["people"] += c["arrivals"] - c["people"] * c["retiring"]
        outside = max(c["people"] - c["enrolled_x"], 0.0)
        joining = min(outside * c["enrolment"], outside) if enrols else 0.0
        joined += joining
        c["enrolled_x"] = c["enrolled_x"] * (1 - c["retiring"]) + joining
        c["active_x"] *= 1 - c["retiring"]
        c["active_x"] += (c["enrolled_x"] - c["active_x"]) * c["activation"]
        inactive, was_active = c["enrolled"] - c["active"], c["active"]
        c["enrolled"] = float(int(c["enrolled_x"] + 1e-6))
        c["active"] = min(float(int(c["active_x"] + 1e-6)), c["enrolled"])
        came = min(max(c["active"] - was_active, 0.0), inactive)
        share = 1.0 if c["enrolled"] <= c["active"] else came / inactive if inactive > 0 else 0.0
        moved = c["waiting"] * share
        c["waiting"] -= moved
        c["held"] += moved
        moved_all += moved
        heads += int(c["enrolled"])
        active += int(c["active"])
    Fixed.rush.count(np.array([joined]))
    dividend, others, wanted = opened(state["books"], epoch, heads, active, moved_all, state["backlog"])
    return {"citizens": state["citizens"], "books": state["books"], "dividend": dividend, "others": float(others),
            "wanted": wanted}  # fmt: skip


def plain_trade(_params: Any, _substep: int, _history: Any, state: State) -> State:
    epoch = state["epoch"]
    cohorts, books = state["citizens"], state["books"]
    dividend, others = float(state["dividend"]), state["others"]
    goods_all = orders_all = paid_all = 0.0
    for c in cohorts:
        c["income"] = c["active"] * dividend
        c["held"] += c["income"] + c["wage_share"] * others
        c["waiting"] += (c["enrolled"] - c["active"]) * dividend
        spending = min(c["held"] * c["from_holdings"] + c["income"] * c["from_income"], c["held"])
        orders = spending * c["computing"]
        c["goods"] = spending - orders
        c["orders"] = min(orders + c["backlog"], c["held"] - c["goods"])
        goods_all += c["goods"]
        orders_all += c["orders"]
    ordered = orders_all + state["wanted"]
    filled = 1.0
    if ordered > 0:
        filled = min(
            1.0, sum(min(m, o / ordered) for m, o in zip(Fixed.mix, Fixed.offered[epoch].tolist(), strict=True))
        )
    for c in cohorts:
        paid = c["orders"] * filled
        c["backlog"] = (c["orders"] - paid) * c["patience"]
        c["held"] -= c["goods"] + paid
        paid_all += paid
    backlog = closed(books, epoch, goods_all, paid_all, state["wanted"], filled)
    held, waiting = sum(c["held"] for c in cohorts), sum(c["waiting"] for c in cohorts)
    for c in cohorts:
        c["held"] = max(c["held"], 0.0) * (books.citizens / held if held > 0 else 0.0)
        c["waiting"] = max(c["waiting"], 0.0) * (books.inactive / waiting if waiting > 0 else 0.0)
    return {"citizens": cohorts, "books": books, "backlog": backlog, "epoch": epoch + 1}


def update(name: str) -> Any:
    """A state update function that takes a policy's signal."""
    return lambda _params, _substep, _history, _state, signals: (name, signals[name])


def blocks(roll: Any, trade: Any) -> list[State]:
    """radCAD's partial state update blocks: one for each half of an epoch."""
    first = ("citizens", "books", "dividend", "others", "wanted")
    second = ("citizens", "books", "backlog", "epoch")
    return [
        {"policies": {"roll": roll}, "variables": {name: update(name) for name in first}},
        {"policies": {"trade": trade}, "variables": {name: update(name) for name in second}},
    ]


def run(form: str, state: State, epochs: int) -> int:
    """One run; what was issued, wei."""
    functions = (numpy_roll, numpy_trade) if form == "numpy" else (plain_roll, plain_trade)
    if form == "plain":
        Fixed.rush = state["citizens"]._roll._rush
        state = {**state, "citizens": cohorts_of(state["citizens"])}
    model = Model(initial_state=state, state_update_blocks=blocks(*functions), params={})
    simulation = Simulation(model=model, timesteps=epochs, runs=1)
    # Nothing but the last step is kept: results by step would be memory, not the model.
    simulation.engine = Engine(backend=Backend.SINGLE_PROCESS, raise_exceptions=True, drop_substeps=True)
    result = simulation.run()
    issued: int = result[-1]["books"].vault.issued
    return issued


def main() -> None:
    form, path, epochs, runs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    scenario = load_scenario(path)
    scenario = scenario.model_copy(update={"horizon": Fraction(epochs) * scenario.epoch, "shocks": ()})
    issued, seconds = [], 0.0
    for number in range(runs):
        began = time.process_time()
        state = prepare(scenario, number)
        issued.append(run(form, state, epochs))
        seconds += time.process_time() - began
    print(json.dumps({"cpu_s": seconds, "issued": [str(amount) for amount in issued],
                      "radcad": version("radcad"), "numpy": version("numpy")}))  # fmt: skip


if __name__ == "__main__":
    main()
