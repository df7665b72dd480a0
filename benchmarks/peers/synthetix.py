"""Synthetix: StakingRewards, compiled from its published source; the package gives no settings of the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.peers.node import DAY, OFFICE, Figure, Node
from benchmarks.peers.packages import compiled
from benchmarks.peers.tokens import SUPPLY, plain_token

PACKAGE: Final = "synthetix"
COMPILER: Final = "0.5.16"
_EPOCH: Final = 10**21
_STAKE: Final = 10**18


def measure(node: Node, citizens: Sequence[str]) -> dict[str, Figure]:
    """Every work that it has: citizens with equal stakes, an epoch a day of a reward that runs for seven."""
    settings = {"optimizer": {"enabled": True, "runs": 200}}
    built = compiled("synthetix/contracts/StakingRewards.sol", COMPILER, settings)["StakingRewards"]
    stake, reward = plain_token(node), plain_token(node)
    rewards = node.deploy(built, OFFICE, OFFICE, reward.address, stake.address)
    node.send(reward.functions.transfer(rewards.address, SUPPLY // 2))
    joined = []
    for citizen in citizens:
        node.send(stake.functions.transfer(citizen, _STAKE))
        approved = node.send(stake.functions.approve(rewards.address, _STAKE), citizen)
        joined.append(approved + node.send(rewards.functions.stake(_STAKE), citizen))
    node.send(rewards.functions.notifyRewardAmount(_EPOCH))
    node.wait(DAY)
    for citizen in citizens:
        node.send(rewards.functions.getReward(), citizen)
    paid = node.send(rewards.functions.notifyRewardAmount(_EPOCH))
    node.wait(DAY)
    before = reward.functions.balanceOf(citizens[-1]).call()
    claims = [node.send(rewards.functions.getReward(), citizen) for citizen in citizens]
    income = reward.functions.balanceOf(citizens[-1]).call() - before
    assert income > 0, "the contract paid nothing"
    spent = node.send(reward.functions.transfer(citizens[0], income), citizens[-1])
    return {
        "epoch": Figure(paid + sum(claims), f"`notifyRewardAmount`, and `getReward` by each of {len(citizens):,}"),
        "epoch_transaction": Figure(paid, "`notifyRewardAmount` while the last reward still runs"),
        "receive": Figure(claims[-1], "`getReward` by one who had some before"),
        "spend_income": Figure(claims[-1] + spent, "`getReward`, then `transfer` of an OpenZeppelin ERC-20"),
        "enrol": Figure(sum(joined), "`approve` and `stake` by each"),
        "join": Figure(joined[-1], "`approve` and `stake`"),
    }
