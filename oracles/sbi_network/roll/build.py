"""From civil registers to a published roll, through stages on disk: `tasks` says what each does.

What is unfinished lies in a hidden folder beside the roll; the roll appears by one rename, whole. The same input gives
the same roll, whatever the order of files and lines, the number of cores, or how often the build was interrupted.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sbi_network.errors import RollError
from sbi_network.protocol.figure import UINT32_MAX, WORD_BYTES, bytes_of_hex, hex_of
from sbi_network.roll import tasks
from sbi_network.roll.errors import FaultyInputError, InputChangedError, InputError
from sbi_network.roll.faults import REPORT_SUFFIX, Fault, tell, write_report
from sbi_network.roll.layout import BatchEntry, Manifest, read_manifest, write_manifest
from sbi_network.roll.rows import ACCOUNT_BYTES, CITIZEN_WIDTH, PERSON_BYTES, PERSON_WIDTH
from sbi_network.roll.source import find_inputs, plan_chunks
from sbi_network.roll.tasks import OUT, PLAN, Batches, BuildPlan
from sbi_network.roll.work import (
    Progress,
    Result,
    Scheduler,
    Stage,
    read_json,
    recorded_faults,
    results_so_far,
    run_stage,
    write_json,
)

ROWS_A_TASK: Final = 1 << 19
"""Some 200 MB of memory a core."""

MAX_BATCHES: Final = 4096
MAX_TOLD: Final = 500_000

BYTES_A_CITIZEN: Final = 170
"""Disk that a build takes at its peak, the roll itself (156) among it."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Build:
    """What to build: inputs (files or folders), the folder that shall appear, rolls enrolled before."""

    inputs: Sequence[Path]
    out: Path
    earlier: Sequence[Path] = ()
    rows_a_task: int = ROWS_A_TASK

    @property
    def work(self) -> Path:
        """Where the unfinished roll lies."""
        return self.out.absolute().parent / f".{self.out.name}.building"

    @property
    def report(self) -> Path:
        """Where faults are told."""
        return self.out.absolute().parent / (self.out.name + REPORT_SUFFIX)


def build_roll(
    build: Build, schedule: Callable[[Path], AbstractContextManager[Scheduler]], progress: Progress, *, restart: bool
) -> Manifest:
    """Build, or go on with a build that was interrupted; `restart` throws away what that had done.

    `schedule` gives a scheduler for a work folder. Raises FaultyInputError, InputChangedError or RollError; the folder
    `out` is then not there.
    """
    if build.out.exists():
        raise RollError(f"{build.out}: is there already; a roll is never written over")
    plan = _plan(build)
    if restart:
        _remove(build.work)
    with _work_folder(build, plan) as resumed, schedule(build.work) as scheduler:
        stages = _Stages(build.work, plan, scheduler, progress)
        if resumed:
            stages.check_input()
        batches = stages.sort_citizens()
        _refuse_faults(build, plan, stages.faults, stages.faulty)
        manifest = stages.close_trees(batches)
        _publish(build, manifest)
    return manifest


class _Stages:
    """The stages of one build, in their order."""

    def __init__(self, work: Path, plan: BuildPlan, scheduler: Scheduler, progress: Progress) -> None:
        self._work = work
        self._plan = plan
        self._scheduler = scheduler
        self._progress = progress
        self.faulty = 0
        self.faults: list[Fault] = []

    def check_input(self) -> None:
        """Raises InputChangedError if a chunk that was read before the interruption is another now."""
        before = results_so_far(self._work, "read", len(self._plan.chunks))
        shutil.rmtree(self._work / "reread", ignore_errors=True)
        now = self._run("reread", "checking the input again", tasks.reread, len(self._plan.chunks))
        for number, result in before.items():
            if now[number]["digest"] != result["digest"]:
                raise InputChangedError(self._plan.files[self._plan.chunks[number].file])

    def sort_citizens(self) -> Batches:
        """From the inputs to leaves and persons in order; faults are collected."""
        work, plan = self._work, self._plan
        stamps = [_stamp(path) for path in plan.files]
        read = self._run("read", "reading and checking citizens", tasks.read, len(plan.chunks))
        for path, stamp in zip(plan.files, stamps, strict=True):
            if _stamp(path) != stamp:
                raise InputChangedError(path)

        parts = tasks.prepare_parts(work, "accounts", _runs(read), CITIZEN_WIDTH, ACCOUNT_BYTES)
        accounts = self._run("accounts", "sorting accounts", tasks.accounts, parts)
        self._drop_runs("read")
        batches = tasks.prepare_batches(work, [result["regions"] for result in accounts])
        if not batches.sizes and not self.faulty:
            raise InputError("the inputs hold no citizen")
        if len(batches.sizes) > MAX_BATCHES or max(batches.sizes, default=0) > UINT32_MAX:
            raise InputError(
                f"{len(batches.sizes)} regions, the largest of {max(batches.sizes):,} citizens; "
                f"expected at most {MAX_BATCHES} regions of at most {UINT32_MAX:,}"
            )
        numbered = self._run("number", "numbering citizens", tasks.number, parts)
        self._drop_runs("accounts")

        parts = tasks.prepare_parts(work, "persons", _runs(numbered), PERSON_WIDTH, PERSON_BYTES)
        self._run("persons", "sorting persons", tasks.persons, parts)
        self._drop_runs("number")
        return batches

    def close_trees(self, batches: Batches) -> Manifest:
        """From the leaves to the roots."""
        work, rows = self._work, self._plan.rows
        hashed = self._run("hash", "hashing leaves", tasks.hash_slice, len(batches.slices(rows)))
        parts = tasks.prepare_parts(work, "place", _runs(hashed), *tasks.BATCH_HASH)
        self._run("place", "sorting leaf hashes", tasks.place, parts)
        self._drop_runs("hash")
        self._run("trees", "hashing nodes", tasks.close_tree, len(batches.subtrees(rows)))
        roots = self._run("roots", "joining trees", tasks.close_root, len(batches.sizes))
        return Manifest(
            tuple(
                BatchEntry(number, region, size, bytes_of_hex("root", result["root"], WORD_BYTES))
                for number, (region, size, result) in enumerate(zip(batches.regions, batches.sizes, roots, strict=True))
            ),
            tuple(bytes_of_hex("root", root, WORD_BYTES) for root in self._plan.earlier_roots),
        )

    def _run(self, name: str, label: str, task: Callable[[Path, int], Result], count: int) -> list[Result]:
        results = run_stage(self._work, Stage(name, label, task, count), self._scheduler, self._progress)
        for number, result in enumerate(results):
            self.faulty += result.get("faulty", 0)
            if result.get("faulty", 0) and len(self.faults) < MAX_TOLD:
                kept = recorded_faults(self._work, name, number)[: MAX_TOLD - len(self.faults)]
                self.faults += [Fault.from_json(fault) for fault in kept]
        return results

    def _drop_runs(self, stage: str) -> None:
        for run in (self._work / stage).glob("*.rows"):
            run.unlink()


def _plan(build: Build) -> BuildPlan:
    files = find_inputs(build.inputs)
    earlier = tuple(path.resolve() for path in build.earlier)
    roots = [hex_of(batch.root) for path in earlier for batch in read_manifest(path).batches]
    chunks = plan_chunks(files, build.rows_a_task)
    needed = sum(chunk.rows for chunk in chunks) * BYTES_A_CITIZEN
    folder = build.out.absolute().parent
    if not folder.is_dir():
        raise RollError(f"{folder}: no such folder")
    free = shutil.disk_usage(folder).free
    if free < needed and not build.work.exists():
        raise RollError(f"{folder}: {free / 1e9:.1f} GB free, and the build needs about {needed / 1e9:.1f} GB")
    return BuildPlan(build.rows_a_task, tuple(files), tuple(chunks), earlier, tuple(sorted(roots)))


@contextmanager
def _work_folder(build: Build, plan: BuildPlan) -> Iterator[bool]:
    """The work folder, for one process alone; whether an interrupted build is in it. Stays there if that may go on."""
    work = build.work
    try:
        work.mkdir(exist_ok=True)
    except OSError as error:
        raise RollError(f"{work}: cannot be made ({error.strerror})") from None
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RollError(f"{build.out}: another process is building it") from None
        resumed = _settle_plan(work, plan)
        try:
            yield resumed
        except InputError:
            _remove(work)  # the input must change before another try: there is nothing to go on with
            raise
    _remove(work)


def _settle_plan(work: Path, plan: BuildPlan) -> bool:
    """Whether the work folder holds an unfinished build of this plan. Raises InputChangedError if it is of another."""
    # What was not yet on disk when the machine went down is lost, though its record may be there.
    given = {"boot": _boot(), **plan.to_json()}
    path = work / PLAN
    if path.exists():
        before = read_json(path)
        if before["boot"] == given["boot"]:
            if before != given:
                raise InputChangedError(None)
            return True
        for leftover in work.iterdir():
            if leftover.is_dir():
                shutil.rmtree(leftover)
    (work / OUT).mkdir(exist_ok=True)
    write_json(path, given)
    return False


def _boot() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _runs(results: Sequence[Result]) -> list[str]:
    return [run for result in results for run in result["runs"]]


def _refuse_faults(build: Build, plan: BuildPlan, faults: Sequence[Fault], count: int) -> None:
    if count == 0:
        build.report.unlink(missing_ok=True)  # of an earlier try
        return
    told = tell(faults, plan.files)
    unfinished = build.report.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8") as stream:
        write_report(stream, told)
    unfinished.replace(build.report)
    raise FaultyInputError(count, told, build.report)


def _publish(build: Build, manifest: Manifest) -> None:
    """Everything to disk, then one rename."""
    out = build.work / OUT
    write_manifest(out, manifest)
    for path in sorted(out.rglob("*")):
        _sync(path)
    _sync(out)
    out.rename(build.out.absolute())
    _sync(build.out.absolute().parent)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _remove(work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
