"""Which products a reading rests on."""

from __future__ import annotations

import pytest

from sbi_network.errors import ProofError, RangeError
from sbi_network.meter.proof import Evidence
from sbi_network.meter.proof.evidence import lists
from sbi_network.protocol.keccak import keccak256

DIGESTS = [keccak256(bytes([number])) for number in range(9)]


@pytest.mark.parametrize("count", range(1, 10))
def test_evidence__of_any_number__lists_each_and_no_other(count: int) -> None:
    evidence = Evidence(DIGESTS[:count])
    for digest in DIGESTS[:count]:
        assert lists(evidence.root, digest, evidence.path(digest))
        assert not lists(evidence.root, keccak256(digest), evidence.path(digest))
    with pytest.raises(ProofError, match="among the evidence"):
        evidence.path(keccak256(b"another"))


def test_evidence__order_and_repeats__do_not_matter() -> None:
    assert Evidence(DIGESTS).root == Evidence([*reversed(DIGESTS), DIGESTS[3]]).root


def test_evidence__of_nothing__is_zero() -> None:
    assert Evidence([]).root == bytes(32)


def test_evidence__a_node__does_not_pass_for_a_product() -> None:
    evidence = Evidence(DIGESTS[:2])
    assert Evidence(DIGESTS[:1]).root == keccak256(DIGESTS[0])
    assert not lists(evidence.root, evidence.root, ())


def test_evidence__what_is_no_digest__is_refused() -> None:
    with pytest.raises(RangeError):
        Evidence([b"short"])
