"""Keccak-256: a published hash, and every implementation that may be installed."""

from __future__ import annotations

import sys

import pytest

from sbi_network.protocol import keccak

OF_NOTHING = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_keccak256__of_nothing__is_the_published_hash() -> None:
    assert keccak.keccak256(b"").hex() == OF_NOTHING


def test_fastest__without_safe_pysha3__hashes_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sha3", None)
    slower = keccak._fastest()
    assert slower(b"").hex() == OF_NOTHING
    assert slower(bytes(129)) == keccak.keccak256(bytes(129))
