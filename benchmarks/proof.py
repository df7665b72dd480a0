"""What a proof of compute costs over the plain product, and a check of it: `make bench-proof`.

    python -m benchmarks.proof [--backend numpy …] [--sizes 4096x4096x16384 …] [--repeats 5] [--trials 1000]

For each backend and size, in each repeat one after the other: the plain product of matrices that lie ready, the proof
(generating A and B, the product, hashing), the pass over B that all devices share, and the check of one device. All
figures are medians over the repeats, all percentages ratios to the plain product of the same run. Writes
`benchmarks/proof.json`:

    product_s            the plain product, seconds
    overhead_pct         what the proof takes beyond its product
    shared_check_pct     the pass over B, once for all devices
    check_pct            the check of one device's opening
    response_bytes       the opening
    false_accepts        products with one wrong entry in each row that were accepted, of `trials`
    false_rejects        honest products that were refused, of `trials`

On a CPU the overhead is what is generated and hashed, which cannot overlap the product. On a GPU, where it does, it is
the whole proof less the plain product; generating and hashing are the host's work there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from sbi_network.meter.proof import (
    Backend,
    BackendError,
    Challenge,
    NumpyBackend,
    Opening,
    SharedCheck,
    Sizes,
    WrongProductError,
    backend_named,
    prove,
)
from sbi_network.meter.proof.prover import Proof, Stages
from sbi_network.meter.proof.tree import RowHasher, Tree
from sbi_network.protocol.keccak import keccak256

OUT = Path(__file__).with_name("proof.json")
REACH_OVERHEAD, REACH_CHECK = 4.0, 0.3
SIZES = {
    "numpy": ((4096, 4096, 16384), (8192, 8192, 8192)),
    "torch": ((4096, 4096, 16384), (8192, 8192, 8192)),
    # On a GPU small products measure hashing, not computing.
    "cuda": ((16384, 16384, 131072), (32768, 32768, 131072)),
}
TRIAL_SIZES = Sizes(256, 64, 256)


@dataclass(frozen=True)
class Row:
    """One line of proof.json."""

    backend: str
    m: int
    n: int
    k: int
    product_s: float
    gigaops: float
    overhead_pct: float
    generate_pct: float
    hash_pct: float
    shared_check_pct: float
    check_pct: float
    response_bytes: int
    false_accepts: int
    false_rejects: int
    trials: int
    repeats: int


def challenge(number: int, sizes: Sizes) -> Challenge:
    """A challenge of its own for each number; they share B."""
    return Challenge(number, 0, keccak256(b"device"), keccak256(b"beacon"), sizes)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def plain(backend: Backend, asked: Challenge) -> float:
    """The product alone, of matrices that lie ready, in the panels of the backend; its memory is used once before."""
    panel = min(backend.panel or asked.sizes.m, asked.sizes.m)
    wait = getattr(backend, "synchronize", lambda: None)
    backend.load_b(asked.b)
    backend.load_a(asked.a, 0, panel)

    def products() -> None:
        for _ in range(0, asked.sizes.m, panel):
            backend.multiply()
        wait()

    wait()
    return seconds(products)


def measured(backend: Backend, asked: Challenge, number: int) -> dict[str, float]:
    """One repeat."""
    product = plain(backend, asked)
    started = time.perf_counter()
    proof = prove(asked, backend)
    whole = time.perf_counter() - started
    overlapped = backend.panel is not None
    stages = proof.stages
    overhead = whole - product if overlapped else stages.generating + stages.hashing
    second = keccak256(b"second" + number.to_bytes(4))
    opening = proof.open(second).to_bytes()
    started = time.perf_counter()
    shared = SharedCheck(asked.b, second)
    passed = time.perf_counter()
    shared.check(proof.product, Opening.from_bytes(opening, asked.sizes))
    checked = time.perf_counter()
    # The proof's own product is the same work: the two together make a steadier figure on a machine that others use.
    reference = product if overlapped else median([product, stages.multiplying])
    return {
        "product_s": product,
        "overhead_pct": 100 * overhead / reference,
        "generate_pct": 100 * stages.generating / reference,
        "hash_pct": 100 * stages.hashing / reference,
        "shared_check_pct": 100 * (passed - started) / reference,
        "check_pct": 100 * (checked - passed) / reference,
        "response_bytes": len(opening),
    }


def accepted(proof: Proof, second: bytes) -> bool:
    """Whether a proof passes."""
    try:
        SharedCheck(proof.challenge.b, second).check(proof.product, proof.open(second))
    except WrongProductError:
        return False
    return True


def trial(number: int) -> tuple[bool, bool]:
    """Whether a product with one wrong entry in each row was accepted, and whether the honest one was refused."""
    asked = challenge(number, TRIAL_SIZES)
    honest = prove(asked, NumpyBackend())
    rows = [np.frombuffer(honest.opened_row(row).data, dtype="<i4") for row in range(TRIAL_SIZES.m)]
    wrong = np.stack(rows)
    wrong[:, number % TRIAL_SIZES.n] += 1
    hasher = RowHasher(TRIAL_SIZES)
    cheat = Proof(asked, [wrong], Tree(hasher.nodes(wrong)), Stages(0, 0, 0))
    hasher.close()
    second = keccak256(b"trial" + number.to_bytes(4))
    return accepted(cheat, second), not accepted(honest, second)


def bench(name: str, sizes: Sizes, repeats: int, faults: tuple[int, int, int]) -> Row:
    """The medians of one backend at one size."""
    backend = backend_named(name)
    asked = challenge(0, sizes)
    plain(backend, asked)  # touches its memory and starts its threads
    taken = []
    for number in range(repeats):
        taken.append(measured(backend, asked, number))
        print(f"  {name} {sizes.m}x{sizes.n}x{sizes.k} {number + 1}/{repeats}: {_words(taken[-1])}", flush=True)
    figures = {key: median([each[key] for each in taken]) for key in taken[0]}
    rate = sizes.operations / figures["product_s"] / 1e9
    shown = {key: round(value, 4) for key, value in figures.items() if key != "response_bytes"}
    return Row(
        backend=backend.name,
        m=sizes.m,
        n=sizes.n,
        k=sizes.k,
        gigaops=round(rate, 1),
        response_bytes=int(figures["response_bytes"]),
        false_accepts=faults[0],
        false_rejects=faults[1],
        trials=faults[2],
        repeats=repeats,
        **shown,
    )


def _words(figures: dict[str, float]) -> str:
    return ", ".join(f"{key} {value:.4g}" for key, value in figures.items())


def _sizes(text: str) -> Sizes:
    m, n, k = (int(part) for part in text.split("x"))
    return Sizes(m, n, k)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", nargs="*", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--sizes", nargs="*", type=_sizes, help="instead of each backend's own: 4096x4096x16384")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    outcomes = [trial(number) for number in range(chosen.trials)]
    faults = (sum(wrong for wrong, _ in outcomes), sum(refused for _, refused in outcomes), chosen.trials)
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    for name in chosen.backend:
        try:
            backend_named(name)
        except BackendError as error:
            print(f"  {name}: skipped: {error}")
            skipped[name] = str(error)
            continue
        asked = chosen.sizes or [Sizes(*each) for each in SIZES[name]]
        rows += [bench(name, sizes, chosen.repeats, faults) for sizes in asked]
    chosen.out.write_text(json.dumps(_report(rows, skipped), indent=2) + "\n", encoding="ascii")
    for row in rows:
        print(f"{row.backend} {row.m}x{row.n}x{row.k}: overhead {row.overhead_pct:.2f} %, check {row.check_pct:.3f} %")


def _report(rows: list[Row], skipped: dict[str, str]) -> dict[str, Any]:
    return {
        "about": {
            "command": "make bench-proof",
            "machine": f"{os.cpu_count()} cores, {platform.machine()}",
            "numpy": np.__version__,
            "reach": {"overhead_pct": REACH_OVERHEAD, "check_pct": REACH_CHECK, "on": "CPU"},
            "skipped": skipped,
        },
        "rows": [vars(row) for row in rows],
    }


if __name__ == "__main__":
    main()
