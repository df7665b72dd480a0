"""The signing guard.

claim   ├── the same digest again → passes
        ├── another digest, also from another process or after a restart → SecondDigestError
        ├── another config, epoch or view → a place of its own
        ├── nothing signed there, and none may be new → UnsureError; the same digest again → passes
        └── pruned epochs are forgotten, others not
file    └── another oracle's, no database, a folder → OracleStateError
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sbi_network.oracle.errors import OracleStateError, SecondDigestError, UnsureError
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


def test_claim__where_none_may_be_new__is_unsure_unless_it_is_known() -> None:
    guard = guard_of(oracle_key(0))
    guard.claim_report(CONFIG, 7, 0, A)
    guard.claim_observation(CONFIG, 7, A, b"seen")
    guard.claim_report(CONFIG, 7, 0, A, may_be_new=False)
    guard.claim_observation(CONFIG, 7, A, b"seen", may_be_new=False)
    with pytest.raises(UnsureError, match="epoch 7, view 1"):
        guard.claim_report(CONFIG, 7, 1, A, may_be_new=False)
    with pytest.raises(UnsureError, match="epoch 8"):
        guard.claim_observation(CONFIG, 8, A, b"seen", may_be_new=False)
    with pytest.raises(SecondDigestError):
        guard.claim_report(CONFIG, 7, 0, B, may_be_new=False)
    assert guard.observed(CONFIG, 8) is None
    guard.claim_report(CONFIG, 7, 1, B)


def test_prune__older_epochs__are_forgotten_and_others_are_not() -> None:
    guard = guard_of(oracle_key(0))
    for epoch in (6, 7):
        guard.claim_report(CONFIG, epoch, 0, A)
        guard.claim_observation(CONFIG, epoch, A, b"seen")
    guard.prune(7)
    assert not guard.has_signed_report(CONFIG, 6)
    assert guard.observed(CONFIG, 6) is None
    assert guard.has_signed_report(CONFIG, 7)
    with pytest.raises(SecondDigestError):
        guard.claim_report(CONFIG, 7, 0, B)
