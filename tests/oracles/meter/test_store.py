"""The state file: one reading an epoch, for ever, whoever asks.

keep ── new ── kept already ── by another process at the same time ── owner ── failures
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from sbi_network.meter.errors import ReadingStateError
from sbi_network.meter.store import Identity, ReadingStore
from sbi_network.protocol.figure import ZERO_WORD
from sbi_network.protocol.json_form import Signed, decode_signed, encode_signed
from sbi_network.protocol.messages import Reading
from tests.oracles.meter.stand_ins import DOMAIN, FACILITY, measurement, signer

REPOSITORY = Path(__file__).parents[3]
IDENTITY = Identity(FACILITY, signer().address, DOMAIN)


def signed(epoch: int, output: int) -> Signed[Reading]:
    return sign(Reading(FACILITY, epoch, output, 0, 0, ZERO_WORD))


def sign(reading: Reading) -> Signed[Reading]:
    return Signed(reading, asyncio.run(signer().sign(reading.preimage(DOMAIN))))


def keep(store: ReadingStore, epoch: int, output: int) -> str:
    return store.keep(
        sign(store.fix(Reading(FACILITY, epoch, output, 0, 0, ZERO_WORD), measurement(epoch, output)))
    ).signed


def test_keep__a_new_epoch__is_kept_with_its_evidence(tmp_path: Path) -> None:
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)
    text = keep(store, 7, 1000)
    assert text == encode_signed(signed(7, 1000))
    found = store.get(7)
    assert found is not None
    assert found.signed == text
    assert found.evidence["classes"]["general"]["rawNanoGaicph"] == 1000
    assert found.words.startswith("epoch 7: general 1,000 nGAICPh raw (50.0 % of 7.0 Gop/s)")
    assert store.get(8) is None


def test_fix__another_measurement_of_the_same_epoch__gives_what_was_fixed_first(tmp_path: Path) -> None:
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)
    first = keep(store, 7, 1000)
    assert store.fix(signed(7, 2000).message, measurement(7, 2000)) == signed(7, 1000).message
    assert keep(store, 7, 2000) == first


def test_fix__killed_before_signing__the_next_process_can_sign_nothing_else(tmp_path: Path) -> None:
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)
    store.fix(signed(7, 1000).message, measurement(7, 1000))
    assert store.get(7) is None
    assert store.last(9) == []
    store.close()
    again = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 6.0)
    assert again.fixed(7) == signed(7, 1000).message
    assert decode_signed(Reading, keep(again, 7, 2000)).message == signed(7, 1000).message


@pytest.mark.parametrize("fixed_first", [True, False])
def test_keep__a_reading_other_than_the_fixed__is_refused(tmp_path: Path, fixed_first: bool) -> None:
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)
    if fixed_first:
        store.fix(signed(7, 1000).message, measurement(7, 1000))
    with pytest.raises(ReadingStateError, match="another reading of epoch 7 is fixed than the one signed"):
        store.keep(signed(7, 2000))
    assert store.get(7) is None


def test_keep__figures_of_64_bits__come_back_exactly(tmp_path: Path) -> None:
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)
    assert decode_signed(Reading, keep(store, 7, 2**64 - 1)).message.raw_general == 2**64 - 1


def test_keep__opened_again__gives_the_same_text_and_age(tmp_path: Path) -> None:
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)
    first = keep(store, 7, 1000)
    store.close()
    again = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 99.0)
    assert again.made_at == 5.0
    assert keep(again, 7, 2000) == first


def test_last__several__are_newest_first(tmp_path: Path) -> None:
    store = ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)
    for epoch in (3, 1, 2):
        keep(store, epoch, 1)
    assert [kept.epoch for kept in store.last(2)] == [3, 2]


@pytest.mark.parametrize(
    "other",
    [
        Identity(FACILITY + 1, IDENTITY.signer, DOMAIN),
        Identity(FACILITY, DOMAIN.verifying_contract, DOMAIN),
        Identity(FACILITY, IDENTITY.signer, type(DOMAIN)(DOMAIN.name, 1, DOMAIN.verifying_contract)),
        Identity(FACILITY, IDENTITY.signer, type(DOMAIN)(DOMAIN.name, DOMAIN.chain_id, IDENTITY.signer)),
    ],
    ids=["facility", "signer", "chain", "registry"],
)
def test_store__a_file_of_another_meter__is_refused(tmp_path: Path, other: Identity) -> None:
    ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0).close()
    with pytest.raises(ReadingStateError, match=r"m\.sqlite belongs to facility 3, .*; this is facility"):
        ReadingStore(tmp_path / "m.sqlite", other, 5.0)


def test_store__a_file_that_is_no_database__is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_text("this is not a database, whatever its name says" * 20)
    with pytest.raises(ReadingStateError, match="file is not a database"):
        ReadingStore(tmp_path / "m.sqlite", IDENTITY, 5.0)


def test_store__a_folder_that_is_not_there__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadingStateError, match="unable to open database file"):
        ReadingStore(tmp_path / "none" / "m.sqlite", IDENTITY, 5.0)


RIVAL = """
import sys
from pathlib import Path
from sbi_network.meter.store import ReadingStore
from tests.oracles.meter.test_store import IDENTITY, keep

print("ready", flush=True)
sys.stdin.readline()
store = ReadingStore(Path(sys.argv[1]), IDENTITY, 5.0)
for epoch in range(50):
    print(keep(store, epoch, int(sys.argv[2])))
"""


def test_keep__two_processes_with_one_file__say_the_same_of_each_epoch(tmp_path: Path) -> None:
    def rival(output: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", RIVAL, str(tmp_path / "m.sqlite"), str(output)]
        environment = {"PYTHONPATH": ":".join([str(REPOSITORY), str(REPOSITORY / "oracles")])}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=REPOSITORY)

    with rival(1000) as one, rival(2000) as other:
        for process in (one, other):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0].splitlines() for process in (one, other)]
    assert [process.returncode for process in (one, other)] == [0, 0]
    assert said[0] == said[1]
    assert len(said[0]) == 50
