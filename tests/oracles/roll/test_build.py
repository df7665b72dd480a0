"""Building a roll.

build     any size, in tasks of any size, of any order of lines and files → the plain tree's root, in every region
          many sizes → root and proofs of npm's @openzeppelin/merkle-tree
refused   duplicates of accounts and persons, within a file, across files, against earlier rolls → each by file and line
          nothing but a report is left; an existing folder, an empty register, too little disk
resumed   killed by SIGKILL in every stage → the same bytes, nothing done twice; the input changed meanwhile → refused
          another build at work → refused
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import RollError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import hex_of
from sbi_network.roll.build import Build, build_roll
from sbi_network.roll.errors import FaultyInputError, InputChangedError, InputError
from sbi_network.roll.published import open_roll
from sbi_network.roll.tasks import Batches
from tests.oracles.roll.registers import (
    Bars,
    Registered,
    backwards,
    built,
    content,
    leftovers,
    plain_batch,
    register,
    registered,
    roots,
    two_threads,
    write_csv,
)
from tests.oracles.roll.test_batch import MERKLE_TREE, NODE_SCRIPT

ROOT = Path(__file__).parents[3]


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 300), st.integers(1, 4), st.integers(64, 400), st.randoms(use_true_random=False))
def test_build_roll__any_register__has_the_roots_of_the_plain_trees(
    tmp_path_factory: pytest.TempPathFactory, size: int, regions: int, rows: int, random: Random
) -> None:
    folder = tmp_path_factory.mktemp("roll")
    citizens = register(size, regions)
    random.shuffle(citizens)
    manifest = built(folder / "roll", write_csv(folder / "a.csv", citizens), rows=rows)
    expected = {
        region: plain_batch(citizen for citizen in citizens if citizen.region == region).root
        for region in range(1, min(size, regions) + 1)
    }
    assert roots(manifest) == expected
    assert leftovers(folder) == ["roll"]


@pytest.mark.skipif(shutil.which("node") is None or not MERKLE_TREE.is_dir(), reason="needs node and `make setup`")
def test_build_roll__many_sizes__is_the_tree_of_the_npm_package(tmp_path: Path) -> None:
    sizes = (1, 2, 3, 4, 5, 7, 8, 9, 100, 1_000)
    rolls = {}
    for size in sizes:
        rolls[size] = tmp_path / f"roll-{size}"
        built(rolls[size], write_csv(tmp_path / f"{size}.csv", register(size)))
    batches = [plain_batch(register(size)).leaves for size in sizes]
    values = [[[leaf.index, leaf.account, hex_of(leaf.person)] for leaf in leaves] for leaves in batches]
    command = ["node", "-e", NODE_SCRIPT, str(MERKLE_TREE)]
    answer = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=True, timeout=60)
    for size, leaves, theirs in zip(sizes, batches, json.loads(answer.stdout), strict=True):
        with open_roll(rolls[size]) as roll:
            proofs = [roll.prove(leaf.account) for leaf in leaves]
        assert {hex_of(proof.batch.root) for proof in proofs} == {theirs["root"]}
        assert [[hex_of(sibling) for sibling in proof.proof] for proof in proofs] == theirs["proofs"]


def test_build_roll__files_formats_and_order_changed__is_the_same_to_the_byte(tmp_path: Path) -> None:
    citizens = register(500, 3)
    built(tmp_path / "first", write_csv(tmp_path / "all.csv", citizens), rows=64)
    half = citizens[250:]
    columns = {name: pa.array([getattr(each, name) for each in half]) for name in ("account", "region", "person")}
    pq.write_table(pa.table(columns), tmp_path / "b.parquet", row_group_size=90)
    inputs = [tmp_path / "b.parquet", write_csv(tmp_path / "a.csv", citizens[249::-1])]
    build_roll(Build(inputs, tmp_path / "second", (), 200), backwards, Bars(), restart=False)
    assert content(tmp_path / "second") == content(tmp_path / "first")


def test_build_roll__a_task_run_twice__changes_nothing(tmp_path: Path) -> None:
    """As a cluster does when it believes a worker lost."""
    from sbi_network.roll import work

    path = write_csv(tmp_path / "a.csv", register(300, 2))
    built(tmp_path / "once", path)
    plain, again = work.perform_task, work.perform_task

    def twice(*given: object) -> None:
        for _ in range(2):
            plain(*given)  # type: ignore[arg-type]

    work.perform_task = twice  # type: ignore[assignment]
    try:
        built(tmp_path / "twice", path)
    finally:
        work.perform_task = again
    assert content(tmp_path / "twice") == content(tmp_path / "once")


def faults_of(caught: pytest.ExceptionInfo[FaultyInputError]) -> list[tuple[str, int, str]]:
    return [(Path(fault.file).name, fault.line, fault.text) for fault in caught.value.faults]


def like(citizen: Registered, other: Registered, field: str) -> Registered:
    return dataclasses.replace(citizen, **{field: getattr(other, field)})


@pytest.mark.parametrize("rows", [64, 1_000])
@pytest.mark.parametrize("field", ["account", "person"])
def test_build_roll__somebody_twice__is_told_by_file_and_line(tmp_path: Path, field: str, rows: int) -> None:
    first, second = register(400, 2), [registered(number, 3) for number in range(400, 800)]
    first[390] = like(first[390], first[7], field)
    second[5] = like(second[5], first[7], field)
    second[6] = like(second[6], second[300], field)
    inputs = [write_csv(tmp_path / "a.csv", first), write_csv(tmp_path / "b.csv", second)]
    with pytest.raises(FaultyInputError) as caught:
        built(tmp_path / "roll", *inputs, rows=rows)
    assert faults_of(caught) == [
        ("a.csv", 392, f"the same {field} as {tmp_path}/a.csv:9"),
        ("b.csv", 7, f"the same {field} as {tmp_path}/a.csv:9"),
        ("b.csv", 302, f"the same {field} as {tmp_path}/b.csv:8"),
    ]
    assert caught.value.count == 3
    assert leftovers(tmp_path) == []
    with (tmp_path / "roll.faults.csv").open(newline="") as report:
        told = [(row["file"], int(row["line"]), row["fault"]) for row in csv.DictReader(report)]
    assert told == [(fault.file, fault.line, fault.text) for fault in caught.value.faults]


@pytest.mark.parametrize("field", ["account", "person"])
def test_build_roll__somebody_on_an_earlier_roll__is_told(tmp_path: Path, field: str) -> None:
    enrolled = register(300, 2)
    built(tmp_path / "first", write_csv(tmp_path / "a.csv", enrolled))
    built(tmp_path / "second", write_csv(tmp_path / "b.csv", [registered(500)]), earlier=[tmp_path / "first"])
    newer = [registered(number) for number in range(1_000, 1_100)]
    newer[50] = like(newer[50], enrolled[3], field)
    newer[60] = like(newer[60], registered(500), field)
    path = write_csv(tmp_path / "c.csv", newer)
    with pytest.raises(FaultyInputError) as caught:
        built(tmp_path / "third", path, earlier=[tmp_path / "first", tmp_path / "second"])
    with open_roll(tmp_path / "first") as roll:
        found = roll.find(check_address("account", enrolled[3].account))
    assert found is not None
    where = f"index {found[1].index} of {tmp_path}/first/batch-{found[0].number:04}"
    assert faults_of(caught) == [
        ("c.csv", 52, f"the same {field} as {where}"),
        ("c.csv", 62, f"the same {field} as index 0 of {tmp_path}/second/batch-0000"),
    ]


def test_build_roll__earlier_rolls__are_named_by_their_roots(tmp_path: Path) -> None:
    first = built(tmp_path / "first", write_csv(tmp_path / "a.csv", register(9, 2)))
    path = write_csv(tmp_path / "b.csv", [registered(500)])
    second = built(tmp_path / "second", path, earlier=[tmp_path / "first"])
    assert set(second.earlier) == {batch.root for batch in first.batches}


def test_build_roll__the_same_citizen_on_every_line__stays_small_and_tells_all(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [registered(1)] * 2_000)
    with pytest.raises(FaultyInputError) as caught:
        built(tmp_path / "roll", path)
    assert caught.value.count == 1_999
    assert [fault.line for fault in caught.value.faults] == list(range(3, 2_002))


def test_build_roll__faulty_lines_and_duplicates__are_told_together(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [*register(3), registered(0)])
    path.write_bytes(path.read_bytes() + b"nonsense\n")
    with pytest.raises(FaultyInputError) as caught:
        built(tmp_path / "roll", path)
    assert [line for _, line, _ in faults_of(caught)] == [5, 6]


def test_build_roll__accounts_that_all_begin_alike__are_sorted_all_the_same(tmp_path: Path) -> None:
    from sbi_network.protocol.address import address_of

    citizens = [
        dataclasses.replace(registered(number), account=address_of(number.to_bytes(20, "big")))
        for number in range(1, 1_001)
    ]
    manifest = built(tmp_path / "roll", write_csv(tmp_path / "a.csv", citizens))
    assert manifest.batches[0].root == plain_batch(citizens).root


def test_build_roll__corrected_after_a_report__is_built(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [registered(1)] * 2)
    with pytest.raises(FaultyInputError):
        built(tmp_path / "roll", path)
    built(tmp_path / "roll", write_csv(path, [registered(1)]))
    assert leftovers(tmp_path) == ["roll"]
    assert not (tmp_path / "roll.faults.csv").exists()


def test_build_roll__folder_there__is_refused_and_left_alone(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(2))
    (tmp_path / "roll").mkdir()
    with pytest.raises(RollError, match="is there already"):
        built(tmp_path / "roll", path)
    assert list((tmp_path / "roll").iterdir()) == []


def test_build_roll__nobody__is_refused(tmp_path: Path) -> None:
    with pytest.raises(RollError, match="hold no citizen"):
        built(tmp_path / "roll", write_csv(tmp_path / "a.csv", []))
    assert leftovers(tmp_path) == []


def test_build_roll__file_that_is_found_broken_on_the_way__leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(write_csv(path, register(200)).read_bytes() + b"x" * 200_000)
    with pytest.raises(InputError, match="a line of more than"):
        built(tmp_path / "roll", path)
    assert leftovers(tmp_path) == []


def test_build_roll__a_region_for_everybody__is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sbi_network.roll import tasks

    monkeypatch.setattr(tasks, "MAX_BATCHES", 9)
    path = write_csv(tmp_path / "a.csv", register(100, 10))
    with pytest.raises(InputError, match="10 regions or more, expected at most 9"):
        built(tmp_path / "roll", path)
    assert leftovers(tmp_path) == []


def test_build_roll__little_disk__is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "a.csv", register(100))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 1_000))
    with pytest.raises(RollError, match="the build needs about"):
        built(tmp_path / "roll", path)
    assert leftovers(tmp_path) == []


def killed(given: Path, out: Path, stage: str, tasks: int) -> None:
    command = [sys.executable, "-m", "tests.oracles.roll.killed_build", str(given), str(out), stage, str(tasks)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "oracles")])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("stage", ["read", "accounts", "persons", "place", "trees"])
def test_build_roll__killed_and_called_again__goes_on_to_the_same_bytes(tmp_path: Path, stage: str) -> None:
    path = write_csv(tmp_path / "a.csv", register(700, 2))
    killed(path, tmp_path / "roll", stage, 3)
    assert not (tmp_path / "roll").exists()
    bars = Bars()
    built(tmp_path / "roll", path, bars=bars)
    done = {label: already for label, _, already in bars.stages}
    assert sum(already > 0 for already in done.values()) > 0, done
    built(tmp_path / "plain", path)
    assert content(tmp_path / "roll") == content(tmp_path / "plain")
    assert leftovers(tmp_path) == ["plain", "roll"]


def changed_last(citizens: Sequence[Registered]) -> list[Registered]:
    return [*citizens[:-1], registered(9_999)]


def test_build_roll__input_changed_since_the_kill__is_refused(tmp_path: Path) -> None:
    citizens = register(300)
    path = write_csv(tmp_path / "a.csv", citizens)
    killed(path, tmp_path / "roll", "accounts", 1)
    before = path.stat()
    write_csv(path, changed_last(citizens))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputChangedError, match=r"a\.csv has changed"):
        built(tmp_path / "roll", path)
    assert not (tmp_path / "roll").exists()
    write_csv(path, citizens)
    assert roots(built(tmp_path / "roll", path)) == {1: plain_batch(citizens).root}


def test_build_roll__another_input_or_setting_since_the_kill__is_refused_until_restarted(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(300))
    killed(path, tmp_path / "roll", "accounts", 1)
    longer = write_csv(tmp_path / "b.csv", register(301))
    for inputs, rows in (([longer], 64), ([path, write_csv(tmp_path / "c.csv", [registered(999)])], 64), ([path], 100)):
        with pytest.raises(InputChangedError, match="--restart"):
            built(tmp_path / "roll", *inputs, rows=rows)
    assert roots(built(tmp_path / "roll", longer, restart=True)) == {1: plain_batch(register(301)).root}


def test_build_roll__input_changed_while_it_is_read__is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(300))

    def touch(bars: Bars) -> None:
        if bars.advanced == 1:
            os.utime(path, ns=(0, 0))

    with pytest.raises(InputChangedError):
        built(tmp_path / "roll", path, bars=Bars(after=touch))


def test_build_roll__machine_restarted_since__begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had not reached the disk is lost then, though its record may be there."""
    from sbi_network.roll import build

    path = write_csv(tmp_path / "a.csv", register(300))
    killed(path, tmp_path / "roll", "accounts", 1)
    monkeypatch.setattr(build, "_boot", lambda: "another")
    bars = Bars()
    built(tmp_path / "roll", path, bars=bars)
    assert all(already == 0 for _, _, already in bars.stages)


def test_build_roll__another_process_at_it__is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", register(300))
    refusals = []

    def build_too(bars: Bars) -> None:
        if bars.advanced == 1:
            with pytest.raises(RollError, match="another process is building it"):
                build_roll(Build([path], tmp_path / "roll", (), 64), two_threads, Bars(), restart=False)
            refusals.append(bars.advanced)

    built(tmp_path / "roll", path, bars=Bars(after=build_too))
    assert refusals == [1]


def test_batches__two_of_them__are_cut_into_slices_and_subtrees() -> None:
    batches = Batches((1, 2), (1, 5))
    assert batches.slices(2) == [(0, 0, 1), (1, 0, 2), (1, 2, 4), (1, 4, 5)]
    assert batches.subtrees(2) == [(0, 0), (1, 3), (1, 4), (1, 5), (1, 6)]
