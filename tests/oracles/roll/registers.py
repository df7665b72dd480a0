"""Civil registers to build rolls from, and schedulers and bars that the tests look into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from dask.delayed import Delayed
from hypothesis import settings

from sbi_network.protocol.address import address_of
from sbi_network.roll import Batch, CitizenLeaf, build_batch
from sbi_network.roll.build import Build, build_roll
from sbi_network.roll.layout import Manifest
from sbi_network.roll.work import Scheduler, ThreadScheduler

HEADER = "account,region,person"

untimed = settings(deadline=None)
"""The first call of a compiled function compiles it."""


@dataclass(frozen=True)
class Registered:
    """A line of a register."""

    account: str
    region: int
    person: str

    @property
    def line(self) -> str:
        return f"{self.account},{self.region},{self.person}"


def registered(number: int, region: int = 1) -> Registered:
    seed = sha256(str(number).encode()).digest()
    return Registered(address_of(seed[12:]), region, "0x" + sha256(seed).hexdigest())


def register(size: int, regions: int = 1) -> list[Registered]:
    return [registered(number, number % regions + 1) for number in range(size)]


def csv_text(citizens: Iterable[Registered], end: str = "\n") -> str:
    return "".join(line + end for line in (HEADER, *(citizen.line for citizen in citizens)))


def write_csv(path: Path, citizens: Iterable[Registered]) -> Path:
    path.write_bytes(csv_text(citizens).encode())
    return path


def plain_batch(citizens: Iterable[Registered]) -> Batch:
    """The batch of one region by the plain code, which knows nothing of files, parts or lanes."""
    ordered = sorted(citizens, key=lambda citizen: citizen.account.lower())
    return build_batch(
        CitizenLeaf(index, address_of(bytes.fromhex(citizen.account[2:])), bytes.fromhex(citizen.person[2:]))
        for index, citizen in enumerate(ordered)
    )


@dataclass
class Bars:
    """Notes what was told, and calls `after` at each task that is done."""

    stages: list[tuple[str, int, int]] = field(default_factory=list)
    advanced: int = 0
    after: Callable[[Bars], None] = lambda _: None

    def begin(self, label: str, total: int, done: int) -> None:
        self.stages.append((label, total, done))

    def advance(self) -> None:
        self.advanced += 1
        self.after(self)


@contextmanager
def two_threads(_: Path) -> Iterator[Scheduler]:
    yield ThreadScheduler(2)


class BackwardsScheduler:
    """Runs tasks one by one, the last first."""

    def run(self, tasks: Sequence[Delayed], done: Callable[[], None]) -> None:
        for task in reversed(tasks):
            task.compute(scheduler="sync")
            done()


@contextmanager
def backwards(_: Path) -> Iterator[Scheduler]:
    yield BackwardsScheduler()


def built(
    out: Path,
    *inputs: Path,
    earlier: Sequence[Path] = (),
    rows: int = 64,
    bars: Bars | None = None,
    restart: bool = False,
) -> Manifest:
    """A roll built with as many tasks as its size allows."""
    return build_roll(Build(inputs, out, earlier, rows), two_threads, bars or Bars(), restart=restart)


def roots(manifest: Manifest) -> dict[int, bytes]:
    return {batch.region: batch.root for batch in manifest.batches}


def content(roll: Path) -> dict[str, bytes]:
    """Every byte of a published roll."""
    return {str(path.relative_to(roll)): path.read_bytes() for path in sorted(roll.rglob("*")) if path.is_file()}


def leftovers(folder: Path) -> list[str]:
    """What a build left lying about in the folder of its roll, but for the inputs."""
    return sorted(path.name for path in folder.iterdir() if path.suffix not in {".csv", ".parquet"})
