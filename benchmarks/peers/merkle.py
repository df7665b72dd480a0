"""Uniswap: the Merkle distributor, with its published bytecode. Its root is fixed: each epoch deploys another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from eth_abi.packed import encode_packed
from eth_utils.crypto import keccak
from web3.contract import Contract

from benchmarks.peers.node import Figure, Node
from benchmarks.peers.packages import Built, published
from benchmarks.peers.tokens import plain_token

PACKAGE: Final = "@uniswap/merkle-distributor"
DEPTH: Final = 20
"""Of the tree from which a nation's citizen claims, as of the roll from which ours activates."""

_INCOME: Final = 10**18


def leaf(index: int, account: str, amount: int) -> bytes:
    """What the distributor hashes of a claim."""
    return keccak(encode_packed(["uint256", "address", "uint256"], [index, account, amount]))


def parent(left: bytes, right: bytes) -> bytes:
    """Two siblings' node: the smaller first."""
    return keccak(min(left, right) + max(left, right))


def tree(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All levels, leaves first. A node without sibling goes up as it is."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        level = levels[-1]
        pairs = zip_longest(level[::2], level[1::2])
        levels.append([parent(left, right) if right else left for left, right in pairs])
    return levels


def proof(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """A leaf's siblings, from the bottom."""
    found = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            found.append(level[sibling])
        index //= 2
    return found


def measure(node: Node, citizens: Sequence[str]) -> dict[str, Figure]:
    """An epoch to all citizens; then the claim of one citizen of a nation."""
    built = published(f"{PACKAGE}/build/MerkleDistributor.json")
    token = plain_token(node)
    for holder in citizens:
        node.send(token.functions.transfer(holder, _INCOME))

    levels = tree([leaf(i, citizen, _INCOME) for i, citizen in enumerate(citizens)])
    epoch, deployed = node.deployed(built, token.address, levels[-1][0])
    funded = node.send(token.functions.transfer(epoch.address, _INCOME * len(citizens)))
    claims = [
        node.send(epoch.functions.claim(i, citizen, _INCOME, proof(levels, i)), citizen)
        for i, citizen in enumerate(citizens)
    ]
    assert token.functions.balanceOf(citizens[-1]).call() == 2 * _INCOME, "the distributor paid nothing"

    claim = _nation(node, built, token, citizens)
    spent = node.send(token.functions.transfer(citizens[0], _INCOME), citizens[1])
    many = f"{len(citizens):,}"
    return {
        "epoch": Figure(
            deployed + funded + sum(claims), f"a distributor deployed and funded, and `claim` by each of {many}"
        ),
        "epoch_transaction": Figure(deployed + funded, "a distributor deployed, and funded: two transactions"),
        "receive": Figure(claim, f"`claim` from 2^{DEPTH} leaves by a holder of some, in a word of claims in use"),
        "spend_income": Figure(claim + spent, "that `claim`, then `transfer` of an OpenZeppelin ERC-20"),
    }


def _nation(node: Node, built: Built, token: Contract, citizens: Sequence[str]) -> int:
    """The second of two neighbours' claims from a tree of 2**20 leaves.

    The tree is not built: siblings of a real size are made up and the root follows from them.
    """
    index = 2**DEPTH - 2
    pair = [leaf(index + i, citizens[i], _INCOME) for i in (0, 1)]
    siblings = [keccak(text=f"sibling {i}") for i in range(1, DEPTH)]
    root = parent(*pair)
    for sibling in siblings:
        root = parent(root, sibling)
    nation = node.deploy(built, token.address, root)
    node.send(token.functions.transfer(nation.address, 10 * _INCOME))
    claims = [
        node.send(nation.functions.claim(index + i, citizens[i], _INCOME, [pair[1 - i], *siblings]), citizens[i])
        for i in (0, 1)
    ]
    return claims[1]
