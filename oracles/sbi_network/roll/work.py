"""Stages of a build: flat Dask graphs of tasks whose results outlive the process.

A task is a function of the work folder and its number. It may run twice, or on two machines at once: what it writes
depends on its input alone, and its record, written last and whole, says that it is done. A build that was killed begins
with the first task that has no record.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import dask

from sbi_network.errors import RollError

if TYPE_CHECKING:
    from dask.delayed import Delayed

Result = dict[str, Any]
Task = Callable[[Path, int], Result]


@dataclass(frozen=True, slots=True)
class Stage:
    """So many tasks of one kind. `name` is its folder's, `label` what people see."""

    name: str
    label: str
    task: Task
    count: int


class Scheduler(Protocol):
    """Runs the tasks of a graph, in any order, and calls `done` after each."""

    def run(self, tasks: Sequence[Delayed], done: Callable[[], None]) -> None:
        """Returns when all have run. Raises what a task raises."""


class Progress(Protocol):
    """Who tells people how far it is."""

    def begin(self, label: str, total: int, done: int) -> None:
        """A stage begins, with some tasks done in an earlier run."""

    def advance(self) -> None:
        """One more task is done."""


class ThreadScheduler:
    """This machine's cores. Threads suffice: what takes time holds no interpreter's lock."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, tasks: Sequence[Delayed], done: Callable[[], None]) -> None:
        """Returns when all have run. Raises what a task raises."""
        from dask.callbacks import Callback

        with Callback(posttask=lambda *_: done()):
            dask.compute(*tasks, scheduler="threads", num_workers=self._workers)


class ClusterScheduler:
    """An existing Dask cluster whose workers see the work folder under the same path."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, tasks: Sequence[Delayed], done: Callable[[], None]) -> None:
        """Returns when all have run. Raises what a task raises."""
        from distributed import as_completed

        futures = self._client.compute(list(tasks))
        try:
            for future in as_completed(futures, loop=self._client.loop):
                future.result()
                done()
        except BaseException:
            self._client.cancel(futures)
            raise


_CONNECT_SECONDS: Final = 20


@contextmanager
def cluster(address: str, work: Path) -> Iterator[ClusterScheduler]:
    """A cluster by its scheduler's address. Raises RollError if it cannot be reached or cannot do the work."""
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise RollError(f"no Dask cluster at {address}: {error}") from None
    with client:
        _check_workers(client, address, work)
        yield ClusterScheduler(client)


def sees(folder: str) -> bool:
    """Whether this machine has a folder; asked of each worker."""
    return os.access(folder, os.W_OK)


def _check_workers(client: Any, address: str, work: Path) -> None:
    answers = client.run(sees, str(work), on_error="return")
    if not answers:
        raise RollError(f"the Dask cluster at {address} has no worker")
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):
            raise RollError(f"worker {worker} cannot run this package: {answer}; install sbi-network[roll] there")
        if not answer:
            raise RollError(f"worker {worker} cannot write to {work}: all workers need this folder, by this path")


def run_stage(work: Path, stage: Stage, scheduler: Scheduler, progress: Progress) -> list[Result]:
    """The results of all tasks, in order of their numbers. Those done in an earlier run are not done again."""
    folder = work / stage.name
    folder.mkdir(exist_ok=True)
    missing = [number for number in range(stage.count) if not _record(folder, number).exists()]
    progress.begin(stage.label, stage.count, stage.count - len(missing))
    perform = dask.delayed(perform_task, pure=False)
    scheduler.run([perform(stage.task, work, stage.name, number) for number in missing], progress.advance)
    return [read_json(_record(folder, number)) for number in range(stage.count)]


def perform_task(task: Task, work: Path, name: str, number: int) -> None:
    """Do one task, and record it; its faults, which may be many, beside the record."""
    result = task(work, number)
    if faults := result.pop("faults", None):
        write_json(_faults(work / name, number), faults)
    write_json(_record(work / name, number), result)


def recorded_faults(work: Path, name: str, number: int) -> list[Any]:
    """The faults that a task found."""
    path = _faults(work / name, number)
    return list(read_json(path)) if path.exists() else []


def results_so_far(work: Path, name: str, count: int) -> dict[int, Result]:
    """Of a stage, what the tasks that are done had to say."""
    records = ((number, _record(work / name, number)) for number in range(count))
    return {number: read_json(record) for number, record in records if record.exists()}


def write_json(path: Path, value: Any) -> None:
    """Write a file that is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    unfinished.write_text(json.dumps(value), encoding="ascii")
    unfinished.replace(path)


def read_json(path: Path) -> Any:
    """What `write_json` wrote."""
    return json.loads(path.read_text(encoding="ascii"))


def _faults(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.faults.json"


def _record(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.json"
