"""The product is exact, and its commitment the same whoever multiplies."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pytest

from sbi_network.meter.proof import Backend, BackendError, NumpyBackend, Sizes, TorchBackend, backend_named, prove
from sbi_network.meter.proof import backends as backends_module
from sbi_network.meter.proof.tree import RowHasher, Tree, levels_of, path_in, root_from_path
from tests.oracles.meter.proof.challenges import SECOND, challenge, plain_product

# The product and root of sizes 128 × 64 × 256, held here as a fixed point of the protocol.
ROOT = "c5f28b2a4e653b1b666606b0fdfcc81dfde1a6fa238c5b6b53ff6ff091505578"

SHAPES = [Sizes(128, 64, 256), Sizes(64, 256, 64), Sizes(256, 128, 1024), Sizes(64, 8192, 64)]


def missing(make: Callable[[], Backend]) -> str:
    """Why this machine has no such backend; empty if it has."""
    try:
        make()
    except BackendError as error:
        return str(error)
    return ""


def _cuda(arithmetic: str) -> Callable[[], Backend]:
    return lambda: TorchBackend("cuda", arithmetic)


OTHERS: dict[str, Callable[[], Backend]] = {
    "torch": TorchBackend,
    "torch-fp64": lambda: TorchBackend("cpu", "fp64"),
    "cuda-int8": _cuda("int8"),
    "cuda-fp32": _cuda("fp32"),
    "cuda-fp64": _cuda("fp64"),
}


@pytest.fixture(params=list(OTHERS))
def other(request: pytest.FixtureRequest) -> Backend:
    """Every backend but numpy's; skipped, with its reason, where this machine has not got it."""
    make = OTHERS[request.param]
    if reason := missing(make):
        pytest.skip(reason)
    return make()


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_prove__with_numpy__is_the_product_in_plain_integers(sizes: Sizes) -> None:
    asked = challenge(sizes=sizes)
    proof = prove(asked, NumpyBackend())
    expected = plain_product(asked)
    rows = [np.frombuffer(proof.opened_row(row).data, dtype="<i4") for row in range(sizes.m)]
    assert np.array_equal(np.stack(rows), expected)


def test_prove__fixed_challenge__has_the_root_that_it_always_had() -> None:
    assert prove(challenge(), NumpyBackend()).product.root.hex() == ROOT


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_prove__with_another_backend__commits_to_the_same(sizes: Sizes, other: Backend) -> None:
    asked = challenge(sizes=sizes)
    assert prove(asked, other).product == prove(asked, NumpyBackend()).product


@pytest.mark.slow
def test_prove__terms_beyond_fp32__are_split_and_exact() -> None:
    asked = challenge(sizes=Sizes(64, 64, 2**18))
    proof = prove(asked, NumpyBackend())
    rows = [np.frombuffer(proof.opened_row(row).data, dtype="<i4") for row in range(64)]
    assert np.array_equal(np.stack(rows), plain_product(asked))


@pytest.mark.slow
def test_prove__terms_beyond_fp32_with_another_backend__commits_to_the_same(other: Backend) -> None:
    asked = challenge(sizes=Sizes(64, 64, 2**18))
    assert prove(asked, other).product == prove(asked, NumpyBackend()).product


def test_multiply__largest_entries_and_terms__is_exact() -> None:
    # The worst case of the range proof: all entries −16, as many terms as FP32 takes at once. One more is one too many.
    most = backends_module.FP32_TERMS
    backend = NumpyBackend()
    backend._a = np.full((2, 2 * most), -16, dtype=np.float32)
    backend._a[:, most:] = 0
    backend._a[:, -1] = -1
    backend._b = np.full((3, 2 * most), -16, dtype=np.float32)
    backend._b[:, -1] = -1
    assert np.array_equal(backend.multiply(), np.full((2, 3), 2**24 + 1))
    backend._a, backend._b = backend._a[:, :most], backend._b[:, :most]
    assert np.array_equal(backend.multiply(), np.full((2, 3), 2**24))


class Panelled(NumpyBackend):
    """As on a GPU: a few rows at a time."""

    panel = 16  # type: ignore[assignment]


def test_prove__in_panels__is_the_same() -> None:
    whole, parts = prove(challenge(), NumpyBackend()), prove(challenge(), Panelled())
    assert parts.product == whole.product
    assert parts.open(SECOND) == whole.open(SECOND)


def test_prove__again_with_one_backend__leaves_the_first_proof_as_it_was() -> None:
    backend = NumpyBackend()
    first = prove(challenge(facility=1), backend)
    opening = first.open(SECOND)
    prove(challenge(facility=2), backend)
    assert first.open(SECOND) == opening


def test_backend_named__unknown__is_refused() -> None:
    with pytest.raises(BackendError, match="expected one of numpy, torch, cuda"):
        backend_named("abacus")
    assert backend_named("numpy").name == "numpy"


def test_torch_backend__unknown_arithmetic__is_refused() -> None:
    if reason := missing(TorchBackend):
        pytest.skip(reason)
    with pytest.raises(BackendError, match="expected one of int8, fp32, fp64"):
        TorchBackend("cpu", "fp8")


# The tree


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_tree__over_segments__is_written_out_here(sizes: Sizes) -> None:
    c = plain_product(challenge(sizes=sizes)).astype("<i4")
    level = [sha256(c.reshape(-1, sizes.segment)[i].tobytes()).digest() for i in range(c.size // sizes.segment)]
    assert len(level) == sizes.m * max(1, sizes.n // 4096)
    while len(level) > 1:
        level = [sha256(level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
    hasher = RowHasher(sizes)
    nodes = hasher.nodes(c)
    hasher.close()
    assert Tree(nodes).root == level[0]


def test_path__of_every_place__leads_to_the_root() -> None:
    leaves = [sha256(bytes([i])).digest() for i in range(16)]
    levels = levels_of(leaves)
    for place, leaf in enumerate(leaves):
        path = path_in(levels, place)
        assert root_from_path(leaf, place, path) == levels[-1][0]
        assert root_from_path(leaf, place ^ 1, path) != levels[-1][0]
