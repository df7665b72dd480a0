"""Write tests/vectors/protocol.json: what Python computes of docs/protocol.md, for the Solidity tests to check.

    python tests/vectors/make_vectors.py

The figures are arbitrary but fixed. A facility without an accepted reading is among those of the trees of 3 and 5.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from sbi_network.protocol.address import address_of
from sbi_network.protocol.agreement import NO_ENTRY, Entry, encode_entries, readings_hash, tree_of
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import message_to_object
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import (
    CancelAuthorization,
    Observation,
    Permit,
    Reading,
    Receipt,
    ReceiveWithAuthorization,
    Report,
    TransferWithAuthorization,
    exchange_domain,
    registry_domain,
    token_domain,
)
from sbi_network.protocol.oracle_set import OracleConfig, pack_signatures
from sbi_network.protocol.sumtree import SumTree
from sbi_network.protocol.typed_data import Domain, TypedMessage
from sbi_network.protocol.units import FIRST_WEIGHTS_X16
from sbi_network.roll import CitizenLeaf, build_batch

PATH = Path(__file__).with_name("protocol.json")

CHAIN_ID = 31337
CONTRACT = address_of(bytes.fromhex("000000000000000000000000000000000000dEaD"))
REGISTRY = registry_domain(CHAIN_ID, CONTRACT)
EXCHANGE = exchange_domain(CHAIN_ID, CONTRACT)
TOKEN = token_domain(CHAIN_ID, CONTRACT)

EPOCH = 7
VIEW = 2
SHARES_BPS = (10_000, 2_500, 3_333, 1, 9_999)
ABSENT_FACILITY = 1
COUNTS = (1, 2, 3, 5)


def make_vectors() -> dict[str, Any]:
    """All vectors, ready for `json.dumps`."""
    oracles = [_account(f"oracle {number}") for number in range(4)]
    config = OracleConfig(CHAIN_ID, CONTRACT, 3, 1, FIRST_WEIGHTS_X16, tuple(oracle.address for oracle in oracles))
    trees = {count: _tree(count) for count in COUNTS}
    return {
        "chainId": CHAIN_ID,
        "contract": CONTRACT,
        "domains": {domain.name: hex_of(domain.separator) for domain in (REGISTRY, EXCHANGE, TOKEN)},
        "readings": [_signed(_reading(facility), _account(f"facility {facility}"), REGISTRY) for facility in range(5)],
        "config": _config_vector(config),
        "trees": [_tree_vector(count, tree) for count, tree in trees.items()],
        "observation": _observation_vector(config, oracles[0]),
        "report": _report_vector(config, trees[5], oracles),
        "receipt": _signed(Receipt(11, _address("holder"), 2, 123_456_789), _account("holder"), EXCHANGE),
        "payments": [_signed(message, _account("payer"), TOKEN) for message in _payments()],
        "batches": [_batch_vector(size) for size in COUNTS],
    }


def _account(name: str) -> LocalAccount:
    account: LocalAccount = Account.from_key(keccak256(name.encode()))
    return account


def _address(name: str) -> Any:
    return _account(name).address


def _reading(facility: int) -> Reading:
    return Reading(
        facility=facility,
        epoch=EPOCH,
        raw_general=1_000_003 * (facility + 1),
        raw_intelligent=70_000_000_019 * (facility + 2),
        raw_super=333_333 * facility,
        evidence=keccak256(b"evidence" + bytes([facility])),
    )


def _entries(count: int) -> list[Entry]:
    entries = [Entry(*_reading(facility).raw, _reading(facility).digest(REGISTRY)) for facility in range(count)]
    if count > ABSENT_FACILITY + 1:
        entries[ABSENT_FACILITY] = NO_ENTRY
    return entries


def _tree(count: int) -> SumTree:
    return tree_of(_entries(count), FIRST_WEIGHTS_X16, SHARES_BPS[:count])


def _payments() -> list[TypedMessage]:
    authorisation = (_address("payer"), _address("payee"), 5 * 10**18, 1, 2**40, keccak256(b"nonce"))
    return [
        Permit(_address("payer"), _address("spender"), 10**30, 4, 2**256 - 1),
        TransferWithAuthorization(*authorisation),
        ReceiveWithAuthorization(*authorisation),
        CancelAuthorization(_address("payer"), keccak256(b"nonce")),
    ]


def _signed(message: TypedMessage, account: LocalAccount, domain: Domain) -> dict[str, Any]:
    signature = message.sign(account, domain)
    return {
        "type": type(message).__name__,
        "message": message_to_object(message),
        "structHash": hex_of(message.struct_hash()),
        "digest": hex_of(message.digest(domain)),
        "signer": account.address,
        "signature": hex_of(signature.to_bytes()),
        "compact": hex_of(signature.to_compact()),
    }


def _config_vector(config: OracleConfig) -> dict[str, Any]:
    return {
        "configVersion": config.config_version,
        "weightsVersion": config.weights_version,
        "weightsX16": list(config.weights_x16),
        "signers": list(config.signers),
        "configDigest": hex_of(config.digest),
    }


def _tree_vector(count: int, tree: SumTree) -> dict[str, Any]:
    proofs = [tree.proof(position) for position in range(count)]
    return {
        "facilityCount": count,
        "publicShareBps": list(SHARES_BPS[:count]),
        "leaves": [
            {
                "facility": leaf.facility,
                "sums": hex_of(leaf.sums.pack()),
                "readingDigest": hex_of(leaf.reading_digest),
                "hash": hex_of(leaf.node().hash),
            }
            for leaf in tree.leaves
        ],
        "topHash": hex_of(tree.top.hash),
        "topSums": hex_of(tree.top.sums),
        "rawGeneral": tree.sums.general,
        "rawIntelligent": tree.sums.intelligent,
        "rawSuper": tree.sums.super_,
        "publicOutput": tree.sums.public_output,
        "commitment": hex_of(tree.commitment),
        "proofHashes": [[hex_of(node.hash) for node in proof] for proof in proofs],
        "proofSums": [[hex_of(node.sums) for node in proof] for proof in proofs],
    }


def _observation_vector(config: OracleConfig, oracle: LocalAccount) -> dict[str, Any]:
    entries = _entries(5)
    observation = Observation(config.digest, EPOCH, readings_hash(entries))
    return _signed(observation, oracle, REGISTRY) | {"entries": hex_of(encode_entries(entries))}


def _report_vector(config: OracleConfig, tree: SumTree, oracles: list[LocalAccount]) -> dict[str, Any]:
    report = Report(config.digest, EPOCH, VIEW, config.weights_version, tree.count, tree.root, *tree.sums.lanes)
    signatures = {number: report.sign(oracles[number], REGISTRY) for number in (0, 2, 3)}
    return _signed(report, oracles[0], REGISTRY) | {"signatures": hex_of(pack_signatures(signatures))}


def _batch_vector(size: int) -> dict[str, Any]:
    leaves = [CitizenLeaf(i, _address(f"citizen {i}"), keccak256(f"person {i}".encode())) for i in range(size)]
    batch = build_batch(leaves)
    return {
        "size": size,
        "root": hex_of(batch.root),
        "accounts": [leaf.account for leaf in leaves],
        "persons": [hex_of(leaf.person) for leaf in leaves],
        "leafHashes": [hex_of(leaf.hash()) for leaf in leaves],
        "proofs": [[hex_of(sibling) for sibling in batch.proof(index)] for index in range(size)],
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(make_vectors(), indent=2) + "\n", encoding="ascii")
