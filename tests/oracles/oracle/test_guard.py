"""The signing guard.

claim   ├── the same digest again → passes
        ├── another digest, also from another process or after a restart → SecondDigestError
        └── another config, epoch or view → a place of its own
file    └── another oracle's, no database, a folder → OracleStateError
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sbi_network.oracle.errors import OracleStateError, SecondDigestError
from tests.oracles.oracle.simulated import guard_of, oracle_key

A, B = b"\x0a" * 32, b"\x0b" * 32
CONFIG, OTHER = b"\x01" * 32, b"\x02" * 32


def test_claim_report__same_digest_again__passes() -> None:
    guard = guard_of(oracle_key(0))
    guard.claim_report(CONFIG, 7, 0, A)
    guard.claim_report(CONFIG, 7, 0, A)


def test_claim_report__second_digest__is_refused_and_the_first_stands() -> None:
    guard = guard_of(oracle_key(0))
    guard.claim_report(CONFIG, 7, 0, A)
    with pytest.raises(SecondDigestError) as caught:
        guard.claim_report(CONFIG, 7, 0, B)
    assert (caught.value.signed, caught.value.given) == (A, B)
    guard.claim_report(CONFIG, 7, 0, A)


@pytest.mark.parametrize("place", [(OTHER, 7, 0), (CONFIG, 8, 0), (CONFIG, 7, 1)])
def test_claim_report__another_place__is_free(place: tuple[bytes, int, int]) -> None:
    guard = guard_of(oracle_key(0))
    guard.claim_report(CONFIG, 7, 0, A)
    guard.claim_report(*place, B)


def test_claim_observation__second_digest__is_refused_and_readings_stay() -> None:
    guard = guard_of(oracle_key(0))
    guard.claim_observation(CONFIG, 7, A, b"first")
    with pytest.raises(SecondDigestError):
        guard.claim_observation(CONFIG, 7, B, b"second")
    assert guard.observed(CONFIG, 7) == b"first"
    assert guard.observed(CONFIG, 8) is None


def test_claim__by_a_second_process_or_after_restart__is_held_to_the_first(tmp_path: Path) -> None:
    first, second = (guard_of(oracle_key(0), tmp_path / "state") for _ in range(2))
    first.claim_report(CONFIG, 7, 0, A)
    with pytest.raises(SecondDigestError):
        second.claim_report(CONFIG, 7, 0, B)
    first.close()
    second.close()
    with pytest.raises(SecondDigestError):
        guard_of(oracle_key(0), tmp_path / "state").claim_report(CONFIG, 7, 0, B)


def test_signing_guard__file_of_another_oracle__is_refused(tmp_path: Path) -> None:
    guard_of(oracle_key(0), tmp_path / "state").close()
    with pytest.raises(OracleStateError, match="belongs to"):
        guard_of(oracle_key(1), tmp_path / "state")


def test_signing_guard__corrupt_file_or_folder__is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"not a database, but long enough to look like one" * 100)
    for path in (tmp_path / "state", tmp_path):
        with pytest.raises(OracleStateError, match=path.name):
            guard_of(oracle_key(0), path)


def test_claim_report__figures_beyond_sqlite__is_refused() -> None:
    with pytest.raises(OracleStateError):
        guard_of(oracle_key(0)).claim_report(CONFIG, 2**63, 0, A)
