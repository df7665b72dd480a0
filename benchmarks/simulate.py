"""Speed of the simulation, against the same model in radCAD: `make bench-simulate`, writes `benchmarks/simulate.json`.

A figure is epochs × cohorts × runs a second of one core's time, the median of several repeats; the suite and its peer
take turns, so that both see the same machine. radCAD runs in an environment of its own (`build/bench/radcad`), which
this makes and whose versions it pins: radCAD wants an older NumPy than the suite. Both forms of the peer are in
`simulate_peer`; `ratio_to_peer` is against the quicker of the two. What both issue is compared, to the wei.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import venv
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from sbi_network.simulation.ensemble import batch_size
from sbi_network.simulation.loop import Case, simulate
from sbi_network.simulation.scenario import Scenario
from sbi_network.simulation.scenario_file import load_scenario

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).with_name("simulate.json")
PEER = Path(__file__).with_name("simulate_peer.py")
ENVIRONMENT = ROOT / "build" / "bench" / "radcad"
PINS = ("radcad==0.14.0", "pydantic==2.14.3", "PyYAML==6.0.3")
SCENARIO = ROOT / "scenarios" / "nation.yaml"

PAGE = ROOT / "docs" / "simulation.md"
BEGIN, END = "<!-- speed: written by `make bench-simulate` -->", "<!-- end of speed -->"

FORMS = ("plain", "numpy")
PEER_RUNS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=730, help="epochs of a run in the comparison")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dry", action="store_true", help="print, write nothing")
    given = parser.parse_args()
    python = peer_python()
    scenario = load_scenario(SCENARIO)
    short = scenario.model_copy(update={"horizon": Fraction(given.epochs) * scenario.epoch, "shocks": ()})
    side_by_side = batch_size(short)
    ours: list[float] = []
    alone: list[float] = []
    peers: dict[str, list[float]] = {form: [] for form in FORMS}
    for repeat in range(given.repeats):
        print(f"repeat {repeat + 1} of {given.repeats}", file=sys.stderr)
        seconds, issued = our_seconds(short, side_by_side)
        ours.append(side_by_side / seconds)
        alone.append(1 / our_seconds(short, 1)[0])
        for form in FORMS:
            answer = peer_answer(python, form, given.epochs)
            check_issued(form, issued[:PEER_RUNS], [int(amount) for amount in answer["issued"]])
            peers[form].append(PEER_RUNS / answer["cpu_s"])
    cells = given.epochs * scenario.citizens.cohorts
    found = result(cells, median(ours), median(alone), {form: median(rates) for form, rates in peers.items()})
    found |= nation(scenario) | {
        "epochs": given.epochs,
        "cohorts": scenario.citizens.cohorts,
        "side_by_side": side_by_side,
        "repeats": given.repeats,
        "about": {
            "command": "make bench-simulate",
            "measured": "epochs × cohorts × runs a second of one core's time (CPU), medians; the nation in wall time",
            "suite": "runs side by side in one process, as many as ensembles have",
            "peer": "radCAD 0.14.0, single process; plain: cohorts as dictionaries; numpy: the suite's own cohorts",
            "versions": {
                "python": platform.python_version(),
                "numpy": version("numpy"),
                "radcad": answer["radcad"],
                "radcad_numpy": answer["numpy"],
            },
        },
    }
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    print(text)
    if not given.dry:
        OUT.write_text(text, encoding="utf-8")
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


def result(cells: int, ours: float, alone: float, peers: dict[str, float]) -> dict[str, Any]:
    """The figures, from runs a second."""
    return {
        "epochs_x_cohorts_per_second": round(ours * cells),
        "epochs_x_cohorts_per_second_one_run": round(alone * cells),
        "peer_plain": round(peers["plain"] * cells),
        "peer_numpy": round(peers["numpy"] * cells),
        "ratio_to_peer": round(ours / max(peers.values()), 1),
        "ratio_to_peer_plain": round(ours / peers["plain"], 1),
        "ratio_to_peer_one_run": round(alone / max(peers.values()), 1),
    }


def with_table(page: str, found: dict[str, Any]) -> str:
    """The page with these figures in the place kept for them."""
    rows = (
        (f"the suite, {found['side_by_side']} runs side by side", "epochs_x_cohorts_per_second"),
        ("the suite, one run alone", "epochs_x_cohorts_per_second_one_run"),
        ("radCAD, cohorts in the suite's own NumPy", "peer_numpy"),
        ("radCAD, cohorts as Python objects", "peer_plain"),
    )
    best = found["epochs_x_cohorts_per_second"]
    lines = [f"| {words} | {found[key]:,} | {best / found[key]:,.1f} |" for words, key in rows]
    ten_years = (
        f"A run of {found['nation_people']:,} citizens in {found['cohorts']} cohorts over {found['nation_epochs']:,} "
        f"daily epochs, every epoch kept, took {found['nation_seconds']} s of wall time."
    )
    table = "\n".join(
        ["| | cells a second | of which the first is so many times |", "|---|---:|---:|", *lines, "", ten_years]
    )
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE}: has no place for the table, between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def our_seconds(scenario: Scenario, runs: int) -> tuple[float, list[int]]:
    """One core's seconds for runs side by side, and what each issued."""
    began = time.process_time()
    found = simulate([Case(scenario, number) for number in range(runs)], every=scenario.epochs)
    return time.process_time() - began, [run.rows[-1].issued for run in found]


def nation(scenario: Scenario) -> dict[str, float]:
    """1.4 billion citizens, a day an epoch, ten years: wall time of one run, every epoch kept."""
    began = time.perf_counter()
    found = simulate([Case(scenario)])[0]
    seconds = time.perf_counter() - began
    return {
        "nation_seconds": round(seconds, 2),
        "nation_epochs": len(found.rows),
        "nation_people": found.rows[0].headcount,
    }


def check_issued(form: str, ours: list[int], theirs: list[int]) -> None:
    """The peer is the same model only if it issues the same."""
    if ours != theirs:
        raise SystemExit(f"the peer ({form}) issued {theirs}, the suite {ours}: not the same model")


def peer_answer(python: Path, form: str, epochs: int) -> Any:
    """Runs the peer in its own environment."""
    arguments = [str(python), str(PEER), form, str(SCENARIO), str(epochs), str(PEER_RUNS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "oracles")}
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"the peer ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peer_python() -> Path:
    """The interpreter of radCAD's environment, which is made where it is not there, or where its pins changed."""
    python, mark = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "pins"
    if not mark.exists() or mark.read_text() != "\n".join(PINS):
        print(f"installing {', '.join(PINS)} into {ENVIRONMENT.relative_to(ROOT)}", file=sys.stderr)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PINS], check=True)
        mark.write_text("\n".join(PINS))
    return python


if __name__ == "__main__":
    main()
