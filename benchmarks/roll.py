"""How fast rolls are built: `make bench-roll`.

Registers of made-up citizens are written as CSV, built by processes of their own as `sbi roll build` builds them, and
set beside `@openzeppelin/merkle-tree` on the same leaves in the same run. Writes `benchmarks/roll.json`.

- *Hashing and tree*: the stages from the leaves in order to the root, on disk. The peer's figure is that of
  `StandardMerkleTree.of` on values that are in memory already.
- *End to end*: the whole process from its start, imports and the loading of compiled functions included: parsing,
  EIP-55, duplicates of accounts and persons, hashing, tree, writing and syncing the roll. It is set beside the same
  figure of the peer.
- Compiling happens once on a machine. It is measured by itself, with an empty cache, and is in no other figure.
- Memory is the highest resident size of the building process (there is but one), mapped files included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from sbi_network.protocol.address import address_of
from sbi_network.roll.compiled import compiled
from sbi_network.roll.keccak_lanes import mark_capitals
from sbi_network.roll.layout import LEAF_WIDTH, LEAVES, batch_folder
from sbi_network.roll.published import open_roll

ROOT: Final = Path(__file__).parents[1]
OUT: Final = Path(__file__).with_name("roll.json")
PEER: Final = ROOT / "node_modules" / "@openzeppelin" / "merkle-tree"

NATION: Final = 1_400_000_000
SIZES: Final = (1_000_000, 10_000_000, 100_000_000)
PEER_SIZE: Final = 1_000_000
REPEATS: Final = {1_000_000: 3}
PROOFS: Final = 300
SEED: Final = 55

TREE_STAGES: Final = ("hashing leaves", "sorting leaf hashes", "hashing nodes", "joining trees")
_LINE_BYTES: Final = 112
_CSV_ROWS: Final = 1 << 18
_DISK_A_CITIZEN: Final = 300
_SAMPLE_SECONDS: Final = 0.5
_GIB: Final = 1 << 30

PEER_SCRIPT: Final = """
const {StandardMerkleTree} = require(process.argv[1]);
const lines = require("fs").readFileSync(process.argv[2], "utf8").trim().split("\\n").slice(1);
const values = lines.map((line, i) => { const [account, , person] = line.split(","); return [i, account, person]; });
const start = process.hrtime.bigint();
const tree = StandardMerkleTree.of(values, ["uint256", "address", "bytes32"]);
console.log(JSON.stringify({seconds: Number(process.hrtime.bigint() - start) / 1e9, root: tree.root}));
"""


@compiled
def _write_lines(accounts: Any, marks: Any, persons: Any, text: Any) -> None:
    for row in range(accounts.shape[0]):
        line = text[row]
        line[0], line[1], line[42], line[43], line[44] = 48, 120, 44, 49, 44  # 0 x , 1 ,
        for digit in range(40):
            value = accounts[row, digit // 2] >> 4 if digit % 2 == 0 else accounts[row, digit // 2] & 15
            capital = marks[row] >> np.uint64(digit) & np.uint64(1)
            line[2 + digit] = 48 + value if value < 10 else (55 + value if capital else 87 + value)
        line[45], line[46], line[111] = 48, 120, 10
        for digit in range(64):
            value = persons[row, digit // 2] >> 4 if digit % 2 == 0 else persons[row, digit // 2] & 15
            line[47 + digit] = 48 + value if value < 10 else 87 + value


def write_register(path: Path, size: int) -> None:
    """A register of one region with so many made-up citizens; the same for the same size."""
    rng = np.random.default_rng(SEED)
    with path.open("wb") as file:
        file.write(b"account,region,person\n")
        for begin in range(0, size, _CSV_ROWS):
            count = min(_CSV_ROWS, size - begin)
            accounts = rng.integers(0, 256, (count, 20), np.uint8)
            persons = rng.integers(0, 256, (count, 32), np.uint8)
            marks, text = np.empty(count, np.uint64), np.empty((count, _LINE_BYTES), np.uint8)
            mark_capitals(accounts, marks)
            _write_lines(accounts, marks, persons, text)
            file.write(text.data)


@dataclass(frozen=True)
class Built:
    """One build in a process of its own."""

    seconds: float
    stages: dict[str, float]
    memory_gib: float
    peak_disk_gib: float
    root: str


def build(register: Path, out: Path, environment: dict[str, str] | None = None) -> Built:
    """Build a roll, and watch."""
    command = [sys.executable, "-m", "benchmarks.roll", "--build", str(register), str(out)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    with _disk_watch(out.parent) as peak:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status != 0:
        raise SystemExit(f"the build failed: {told}")
    answer = json.loads(told)
    return Built(seconds, answer["stages"], usage.ru_maxrss * 1024 / _GIB, peak[0] / _GIB, answer["root"])


@contextmanager
def _disk_watch(folder: Path) -> Iterator[list[int]]:
    """The most that a folder held during the block, above what it held at its beginning; bytes."""
    before, peak, ended = _bytes_in(folder), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], _bytes_in(folder) - before)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peak
    finally:
        peak[0] = max(peak[0], _bytes_in(folder) - before)
        ended.set()
        watching.join()


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            continue  # removed between the two looks
    return total


class _Clock:
    """Notes when each stage begins."""

    def __init__(self) -> None:
        self.begins: list[tuple[str, float]] = []

    def begin(self, label: str, total: int, done: int) -> None:
        self.begins.append((label, time.perf_counter()))

    def advance(self) -> None:
        pass

    def seconds(self) -> dict[str, float]:
        ends = [begin for _, begin in self.begins[1:]] + [time.perf_counter()]
        return {label: end - begin for (label, begin), end in zip(self.begins, ends, strict=True)}


def run_build(register: Path, out: Path) -> None:
    """What the process does that is watched: as `sbi roll build`, with a clock for a progress bar."""
    from sbi_network.roll.build import Build, build_roll
    from sbi_network.roll.work import Scheduler, ThreadScheduler

    @contextmanager
    def threads(_: Path) -> Iterator[Scheduler]:
        yield ThreadScheduler(_cores())

    clock = _Clock()
    manifest = build_roll(Build([register], out), threads, clock, restart=False)
    print(json.dumps({"stages": clock.seconds(), "root": "0x" + manifest.batches[0].root.hex()}))


def measure_size(folder: Path, size: int) -> dict[str, Any]:
    """All figures of one size: medians over the repeats, memory and disk the highest."""
    register, roll = folder / "register.csv", folder / "roll"
    write_register(register, size)
    builds = []
    for _ in range(REPEATS.get(size, 1)):
        shutil.rmtree(roll, ignore_errors=True)
        builds.append(build(register, roll))
        _tell(f"{size:,}: {builds[-1].seconds:.1f} s, {builds[-1].memory_gib:.2f} GiB")
    seconds = statistics.median(built.seconds for built in builds)
    tree = statistics.median(sum(built.stages[stage] for stage in TREE_STAGES) for built in builds)
    on_disk = sum(path.stat().st_size for path in roll.rglob("*") if path.is_file())
    return {
        "repeats": len(builds),
        "end_to_end_seconds": round(seconds, 2),
        "end_to_end_leaves_per_second": round(size / seconds),
        "hashing_and_tree_seconds": round(tree, 3),
        "hashing_and_tree_leaves_per_second": round(size / tree),
        "stage_seconds": {stage: round(taken, 2) for stage, taken in builds[-1].stages.items()},
        "peak_memory_gib": round(max(built.memory_gib for built in builds), 3),
        "peak_disk_gib": round(max(built.peak_disk_gib for built in builds), 3),
        "roll_on_disk_gib": round(on_disk / _GIB, 3),
        "bytes_a_citizen_on_disk": round(on_disk / size, 1),
        "register_gib": round(register.stat().st_size / _GIB, 3),
        "proof": _proof_times(roll, size),
        "root": builds[-1].root,
    }


def _proof_times(roll: Path, size: int) -> dict[str, float]:
    """From opening the roll to a proof that was checked, for accounts drawn by lot; milliseconds."""
    leaves, taken = batch_folder(roll, 0) / LEAVES, []
    with leaves.open("rb") as file:
        for index in random.Random(SEED).sample(range(size), PROOFS):  # noqa: S311 - a sample, no secret
            account = address_of(os.pread(file.fileno(), 20, index * LEAF_WIDTH))
            begun = time.perf_counter()
            with open_roll(roll) as opened:
                opened.prove(account)
            taken.append(1_000 * (time.perf_counter() - begun))
    return {"proofs": PROOFS, "median_ms": round(statistics.median(taken), 3), "highest_ms": round(max(taken), 3)}


def measure_peer(folder: Path, size: int) -> dict[str, Any]:
    """The npm package on the register's citizens, in the register's order."""
    register = folder / "peer.csv"
    write_register(register, size)
    node = shutil.which("node")
    if node is None or not PEER.is_dir():
        raise SystemExit("the peer needs Node.js and `make setup`")
    command = [node, "--max-old-space-size=8192", "-e", PEER_SCRIPT, str(PEER), str(register)]
    told = json.loads(_output(command))
    _tell(f"peer, {size:,}: {told['seconds']:.1f} s")
    return {
        "package": "@openzeppelin/merkle-tree " + json.loads((PEER / "package.json").read_text())["version"],
        "node": _output([node, "--version"]).strip(),
        "size": size,
        "seconds": round(told["seconds"], 2),
        "leaves_per_second": round(size / told["seconds"]),
    }


def measure_compiling(folder: Path) -> dict[str, Any]:
    """A small build with nothing compiled, and again with everything."""
    register = folder / "small.csv"
    write_register(register, 10_000)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")}
    seconds = [build(register, folder / name, environment).seconds for name in ("first", "second")]
    _tell(f"compiling: {seconds[0] - seconds[1]:.1f} s, once")
    return {"first_build_seconds": round(seconds[0], 2), "second_build_seconds": round(seconds[1], 2)}


def extrapolate(size: int, figures: dict[str, Any], cores: int) -> dict[str, Any]:
    """What a roll of 1.4 billion takes on such a machine, from the largest roll that was built."""
    factor = NATION / size
    return {
        "citizens": NATION,
        "from_size": size,
        "hours": round(figures["end_to_end_seconds"] * factor / 3600, 2),
        "peak_memory_gib": figures["peak_memory_gib"],
        "peak_disk_gib": round(figures["peak_disk_gib"] * factor),
        "roll_on_disk_gib": round(figures["roll_on_disk_gib"] * factor),
        "register_gib": round(figures["register_gib"] * factor),
        "reasons": [
            "every stage passes over the rows a fixed number of times in tasks of a fixed size, so that time and disk "
            "grow with the citizens",
            "a task of a sorting stage reads a slice of every run: at 1.4e9 some 2,700 slices of 200 rows each, 7 to "
            "13 KB, which a solid-state disk reads at nearly its full rate; a spinning disk would not",
            f"memory follows the tasks at work ({cores} here), not the citizens; the samples that choose the parts add "
            "0.5 GB at 1.4e9 for a short time",
            "proofs gain three levels and a few steps of a binary search",
        ],
    }


def measure(sizes: Sequence[int], peer_size: int, folder: Path) -> dict[str, Any]:
    """All that `roll.json` holds."""
    needed, free = max(sizes) * _DISK_A_CITIZEN, shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(f"{folder}: {free / 1e9:.0f} GB free, {max(sizes):,} citizens need {needed / 1e9:.0f} GB")
    compiling = measure_compiling(folder)
    by_size = {}
    peer = measure_peer(folder, peer_size)
    for size in sizes:
        by_size[size] = measure_size(folder, size)
    nearest = by_size[min(sizes, key=lambda size: abs(size - peer_size))]
    largest, hundred = max(sizes), by_size.get(100_000_000)
    rate = peer["leaves_per_second"]
    return {
        "command": "make bench-roll" + (f" SIZES={','.join(map(str, sizes))}" if tuple(sizes) != SIZES else ""),
        "machine": {
            "cores": _cores(),
            "processor": _processor(),
            "memory_gib": round(psutil.virtual_memory().total / _GIB, 1),
            "load_average_at_the_end": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
        },
        "ratio_to_peer": round(nearest["hashing_and_tree_leaves_per_second"] / rate, 1),
        "ratio_end_to_end": round(nearest["end_to_end_leaves_per_second"] / rate, 1),
        "peak_memory_gib_at_1e8": hundred and hundred["peak_memory_gib"],
        "temporary_disk_gib_at_1e8": hundred and round(hundred["peak_disk_gib"] - hundred["roll_on_disk_gib"], 3),
        "peer": peer,
        "compiling": compiling,
        "sizes": {str(size): figures for size, figures in by_size.items()},
        "extrapolation": extrapolate(largest, by_size[largest], _cores()),
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="citizens, comma-separated")
    parser.add_argument("--peer-size", type=int, default=PEER_SIZE)
    parser.add_argument("--folder", type=Path, default=ROOT / "build", help="where the rolls are built")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--build", nargs=2, type=Path, metavar=("IN", "OUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.build:
        run_build(*given.build)
        return
    given.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-roll-") as folder:
        figures = measure([int(size) for size in given.sizes.split(",")], given.peer_size, Path(folder))
    given.out.write_text(json.dumps(figures, indent=1) + "\n")
    for key in ("ratio_to_peer", "ratio_end_to_end", "peak_memory_gib_at_1e8", "temporary_disk_gib_at_1e8"):
        print(f"{key}: {figures[key]}")


if __name__ == "__main__":
    main()
