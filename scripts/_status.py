"""How a suite stands: what `ape run status` tells, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ape import chain
from scripts import _explain
from scripts._artifacts import compile_suite
from scripts._deploy import check_suite, read_record, verify_code
from scripts._handover import remaining_powers
from scripts._permissions import holdings

from sbi_network.protocol.amounts import SBI

if TYPE_CHECKING:
    from scripts._deploy import Suite


def status(suite: Suite) -> dict[str, Any]:
    """Figures read from the chain; money in wei, time in seconds."""
    record = read_record(chain.chain_id)
    begun = chain.blocks.head.timestamp >= int(suite.vault.genesis())
    epoch = int(suite.oracles.currentEpoch()) if begun else 0
    standing, quorum = suite.oracles.standingAt(epoch)
    until, spent = suite.vault.haltedUntil()
    return {
        "chain": chain.chain_id,
        "recipe_sha256": record.recipe_sha256,
        "epoch": epoch,
        "next_epoch": int(suite.vault.nextEpoch()),
        "headcount": int(suite.vault.headcount()),
        "issued_wei": int(suite.vault.issued()),
        "supply_wei": int(suite.token.totalSupply()),
        "reserve_wei": int(suite.vault.reserve()),
        "oracles": len(suite.oracles.configAt(epoch).oracles),
        "standing": int(standing).bit_count(),
        "quorum": int(quorum),
        "facilities": int(suite.oracles.facilityCount()),
        "halted_until": int(until),
        "halt_spent": bool(spent),
        "founding": bool(remaining_powers(suite)),
    }


def faults(told: dict[str, Any]) -> Iterator[str]:
    """What wants somebody's attention."""
    if told["standing"] < told["quorum"]:
        yield f"{told['standing']} oracles stand, fewer than the quorum of {told['quorum']}: nothing can be reported"
    if told["halted_until"] > chain.blocks.head.timestamp:
        yield f"dividends are halted until {told['halted_until']}"
    behind = told["epoch"] - told["next_epoch"]
    if behind > _LATE_EPOCHS:
        yield f"{behind} epochs wait to be distributed: is a keeper running?"


_LATE_EPOCHS = 10


def verify(suite: Suite) -> None:
    """Raises DeploymentError unless code and neighbours are what the sources give."""
    verify_code(suite.addresses(), compile_suite())
    check_suite(suite)


def lines(suite: Suite, told: dict[str, Any]) -> Iterator[str]:
    """For people."""
    for role, address in suite.addresses().items():
        yield f"{role:>9}  {address}"
    yield ""
    yield str(_explain.epoch(suite))
    yield f"next to distribute: epoch {told['next_epoch']}"
    yield f"citizens: {told['headcount']:,}; facilities: {told['facilities']}"
    yield f"oracles: {told['standing']} of {told['oracles']} stand, quorum {told['quorum']}"
    yield f"issued {SBI.of(told['issued_wei'])}, in circulation {SBI.of(told['supply_wei'])}"
    yield f"reserve {SBI.of(told['reserve_wei'])}"
    yield f"founding: {'goes on' if told['founding'] else 'has ended'}"
    yield ""
    for each in holdings(suite):
        yield f"{each.authority:>18}  {each.role:<13}  {each.holder}"
