"""A facility that did not compute what it signed, from the oracle's check to the slash: real proofs, a real chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ape
import numpy as np

from sbi_network.meter.proof import (
    Audit,
    Challenge,
    Evidence,
    NumpyBackend,
    SharedCheck,
    Sizes,
    Terms,
    Verdict,
    WrongEntry,
    find_wrong_entry,
    prove,
)
from sbi_network.meter.proof.prover import Proof, Stages
from sbi_network.meter.proof.tree import RowHasher, Tree
from sbi_network.protocol.agreement import NO_ENTRY, Entry, tree_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import Product, Reading, Report, products_domain, registry_domain
from sbi_network.protocol.sumtree import SumTree
from tests.contracts.test_deployment import EPOCH, pass_to
from tests.contracts.test_messages import config_of
from tests.support.actors import Told

if TYPE_CHECKING:
    from scripts._deploy import Suite
    from scripts._recipe import Recipe

    from tests.conftest import People
    from tests.support.actors import Actors

CHEAT = 1
SIZES = Sizes(128, 64, 128)
TERMS = Terms(SIZES, rate=10**6, grace_ms=100)


def block_word(number: int) -> bytes:
    """A beacon: the hash of a block of this chain."""
    return bytes(ape.chain.blocks[number].hash)


def without_work(asked: Challenge) -> Proof:
    """A commitment to zeros."""
    zeros = np.zeros((asked.sizes.m, asked.sizes.n), dtype=np.int32)
    hasher = RowHasher(asked.sizes)
    tree = Tree(hasher.nodes(zeros))
    hasher.close()
    return Proof(asked, [zeros], tree, Stages(0, 0, 0))


def as_argument(product: Product) -> tuple[Any, ...]:
    """A product as the contract takes it."""
    p = product
    return (p.facility, p.epoch, p.device, p.beacon, p.m, p.n, p.k, p.root)


def compact(signature: bytes) -> tuple[bytes, bytes]:
    """A signature as the contract takes it."""
    return signature[:32], signature[32:]


def exhibit(tree: SumTree, facility: int) -> tuple[Any, ...]:
    """A leaf as the contract takes it."""
    leaf = tree.leaves[facility]
    node = leaf.node()
    preimage = b"\x00" + facility.to_bytes(4) + leaf.sums.pack() + leaf.reading_digest
    siblings = [(sibling.hash, int.from_bytes(sibling.sums)) for sibling in tree.proof(facility)]
    return (node.hash, int.from_bytes(node.sums)), preimage, tree.count, siblings


def judged(proof: Proof, second: bytes) -> tuple[Verdict, WrongEntry | None]:
    """What an oracle makes of a proof, and what it can show the chain."""
    audit = Audit(proof.challenge, TERMS.allowed_ms)
    audit.commit(proof.product, TERMS.allowed_ms)
    verdict = audit.opened_by(SharedCheck(proof.challenge.b, second), proof.open(second).to_bytes())
    if audit.fault is None:
        return verdict, None
    row = audit.fault.row
    return verdict, find_wrong_entry(proof.challenge, row, proof.opened_row(row))


def test_wrong_product__shown_by_an_oracle__costs_the_bond_and_the_leaf(
    suite: Suite, recipe: Recipe, people: People, actors: Actors[Any]
) -> None:
    key, reporter, anybody = people.reading_keys[CHEAT], people.stranger, people.relayer
    bond = 10**18
    consent = actors.consent(key.key, reporter.address)
    suite.bonds.bond(key.address, consent, value=bond, sender=reporter.account)
    domain = products_domain(ape.chain.chain_id, suite.products.address)

    # In epoch 0 the facility is challenged, signs zeros, and is found out.
    asked = Challenge(CHEAT, 0, keccak256(b"device"), block_word(-1), SIZES)
    proof = without_work(asked)
    signed = proof.product.sign(key.key, domain)
    assert bytes(suite.products.productDigest(as_argument(proof.product))) == proof.product.digest(domain)
    ape.chain.mine()
    verdict, entry = judged(proof, block_word(-1))
    assert verdict is Verdict.WRONG
    assert entry is not None
    assert judged(prove(asked, NumpyBackend()), block_word(-1)) == (Verdict.PROVED, None)

    # It gets a reading with that evidence into a report all the same.
    digest = proof.product.digest(domain)
    evidence = Evidence([digest, keccak256(b"another product")])
    reading = Reading(CHEAT, 0, 100, 200, 300, evidence.root)
    registry = registry_domain(ape.chain.chain_id, suite.oracles.address)
    config = config_of(suite, 0)
    shares = [facility.public_share_bps for facility in recipe.facilities]
    entries = [NO_ENTRY, Entry(*reading.raw, reading.digest(registry))]
    tree = tree_of(entries, config.weights_x16, shares)
    pass_to(ape.chain, suite.oracles.genesis() + EPOCH)
    report = Report(config.digest, 0, 0, config.weights_version, tree.count, tree.root, *tree.sums.lanes)
    told = Told(report, tree)
    actors.report(anybody, told, actors.co_sign(told, (0, 1, 2)))
    assert suite.oracles.outcomeOf(0).publicOutput == tree.sums.public_output > 0

    # The chain works one entry out. What comes of it anybody may then bring about.
    shown = (entry.row, entry.column, entry.segment, list(entry.path))
    receipt = suite.products.disprove(as_argument(proof.product), shown, sender=reporter.account)
    (disproved,) = receipt.decode_logs(suite.products.ProductDisproved)
    assert (disproved.claimed, disproved.computed) == (0, entry.computed)
    path = list(evidence.path(digest))
    raw = (reading.facility, reading.epoch, *reading.raw, reading.evidence)
    suite.products.takeOut(raw, as_argument(proof.product), path, exhibit(tree, CHEAT), sender=anybody.account)
    assert suite.oracles.outcomeOf(0).publicOutput == 0
    suite.products.slashForProduct(as_argument(proof.product), compact(signed.to_compact()), sender=anybody.account)
    assert suite.bonds.isSlashed(key.address)
    assert suite.bonds.due(reporter.address) == bond * suite.bonds.rewardBps() // 10_000
    assert not any(suite.bonds.isSlashed(oracle.address) for oracle in people.oracles)
    # The reading that lists it would have been enough.
    by_reading = compact(reading.sign(key.key, registry).to_compact())
    with ape.reverts(suite.bonds.SignerIsSlashed):
        suite.products.slashForReading(raw, by_reading, as_argument(proof.product), path, sender=anybody.account)


def test_right_product__of_an_honest_device__cannot_be_disproved(suite: Suite, people: People) -> None:
    asked = Challenge(0, 0, keccak256(b"device"), keccak256(b"beacon"), SIZES)
    proof = prove(asked, NumpyBackend())
    opened = proof.opened_row(7)
    leaf = opened.data  # of 64 entries: a row is one segment
    with ape.reverts(suite.products.EntryIsRight):
        shown = (7, 11, leaf, list(opened.path))
        suite.products.disprove(as_argument(proof.product), shown, sender=people.stranger.account)
