"""Registers of people: Semaphore's groups, and attestations of EAS. What they do of ours is to enrol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3.contract import Contract

from benchmarks.peers.node import NOBODY, Figure, Node
from benchmarks.peers.packages import compiled, published
from benchmarks.peers.reports import ORACLES, QUORUM, oracles

SEMAPHORE: Final = "@semaphore-protocol/contracts"
SEMAPHORE_COMPILER: Final = "0.8.23"
EAS: Final = "@ethereum-attestation-service/eas-contracts"
BATCH: Final = 50
_FIELD: Final = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def measure_semaphore(node: Node, citizens: Sequence[str]) -> dict[str, Figure]:
    """A group that all enter. World ID grew from it; whoever is in it can prove so without saying who."""
    settings = {"optimizer": {"enabled": True, "runs": 200}}
    hashing = compiled("poseidon-solidity/PoseidonT3.sol", SEMAPHORE_COMPILER, settings)["PoseidonT3"]
    built = compiled(f"{SEMAPHORE}/Semaphore.sol", SEMAPHORE_COMPILER, settings)["Semaphore"]
    group = node.deploy(built, NOBODY, libraries={"PoseidonT3": node.deploy(hashing).address})
    node.send(group.get_function_by_signature("createGroup()")())
    people = [int.from_bytes(keccak(text=citizen)) % _FIELD for citizen in citizens]
    batches = [
        node.send(group.functions.addMembers(0, people[start : start + BATCH]))
        for start in range(0, len(people), BATCH)
    ]
    single = node.send(group.functions.addMember(0, 1))
    return {
        "enrol": Figure(sum(batches), f"`addMembers`, {BATCH} at a time"),
        "join": Figure(single, f"`addMember` to a group of {len(people):,}"),
    }


def measure_eas(node: Node, citizens: Sequence[str]) -> dict[str, Figure]:
    """An attestation of each citizen by one office, under a schema of one value."""
    artifacts = f"{EAS}/artifacts/contracts"
    schemas = node.deploy(published(f"{artifacts}/SchemaRegistry.sol/SchemaRegistry.json"))
    eas = node.deploy(published(f"{artifacts}/EAS.sol/EAS.json"), schemas.address)
    register = schemas.functions.register("bytes32 person", NOBODY, True)
    schema = register.call()
    node.send(register)

    def request(citizen: str) -> tuple[object, ...]:
        return (citizen, 0, True, bytes(32), encode(["bytes32"], [keccak(text=citizen)]), 0)

    batches = [
        node.send(eas.functions.multiAttest([(schema, [request(c) for c in citizens[start : start + BATCH]])]))
        for start in range(0, len(citizens), BATCH)
    ]
    single = node.send(eas.functions.attest((schema, request(citizens[0]))))
    return {
        "report": _report(node, schemas, eas),
        "enrol": Figure(sum(batches), f"`multiAttest`, {BATCH} at a time"),
        "join": Figure(single, "`attest`"),
    }


def _report(node: Node, schemas: Contract, eas: Contract) -> Figure:
    """Each of a quorum attests for itself, as an epoch's second attestation."""
    register = schemas.functions.register("uint64 epoch,bytes32 root,uint64 output", NOBODY, True)
    schema = register.call()
    node.send(register)
    gas = 0
    for epoch in range(2):
        data = encode(["uint64", "bytes32", "uint64"], [epoch, keccak(text=f"root {epoch}"), 200_000])
        request = eas.functions.attest((schema, (NOBODY, 0, True, bytes(32), data, 0)))
        gas = sum(node.send(request, signer.address) for signer in oracles()[:QUORUM])
    return Figure(gas, f"`attest` by each of {QUORUM} of {ORACLES}, in a transaction of its own")
