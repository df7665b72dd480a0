"""What the chain shows beyond a state file.

a report with this oracle's signature   ├── that the file does not know of → its epoch, the newest of several
                                        └── that it knows of → none
without it, of another set, or forgotten → none
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sbi_network.chain.errors import ContractRefused
from sbi_network.chain.registry import Record
from sbi_network.oracle.old_state import epoch_beyond_file
from sbi_network.protocol.abi.revert import DecodedError
from sbi_network.protocol.address import check_address
from tests.oracles.oracle.simulated import guard_of, oracle_key, terms_of

CONFIG = terms_of().config
OWN = 2
KEY = oracle_key(OWN)


@dataclass
class Registry:
    """Signers' numbers by epoch; what is not here has no report, and what is before 5 is forgotten."""

    signers: dict[int, set[int]] = field(default_factory=dict)

    async def record_of(self, epoch: int) -> Record | None:
        if epoch < 5:
            raise ContractRefused(DecodedError("EpochForgotten", {}))
        bits = sum(1 << number for number in self.signers.get(epoch, set()))
        return Record(bytes(32), 0, epoch, 1, bits, 1, 0, 0, is_void=False) if bits else None

    async def config_at(self, epoch: int) -> Any:
        return CONFIG


def _beyond(signers: dict[int, set[int]], known: tuple[int, ...] = (), ended: int = 20) -> int | None:
    guard = guard_of(KEY)
    for epoch in known:
        guard.claim_report(CONFIG.digest, epoch, 0, bytes(32))
    registry: Any = Registry(signers)
    return asyncio.run(epoch_beyond_file(registry, guard, check_address("own", KEY.address), ended))


def test_epoch_beyond_file__signed_and_not_in_the_file__is_the_newest_such() -> None:
    assert _beyond({8: {0, OWN}, 9: {OWN}, 12: {0, 1}}) == 9
    assert _beyond({8: {0, OWN}, 9: {OWN}}, known=(9,)) == 8


def test_epoch_beyond_file__all_known_or_none_signed__is_none() -> None:
    assert _beyond({8: {OWN}, 9: {OWN}}, known=(8, 9)) is None
    assert _beyond({8: {0, 1, 3}}) is None
    assert _beyond({}) is None
    assert _beyond({20: {OWN}, 25: {OWN}}, ended=20) is None
    assert _beyond({8: {OWN}}, ended=-3) is None


def test_epoch_beyond_file__of_a_stranger__is_none() -> None:
    guard = guard_of(oracle_key(9))
    registry: Any = Registry({8: {0, 1, 2, 3}})
    own = check_address("own", oracle_key(9).address)
    assert asyncio.run(epoch_beyond_file(registry, guard, own, 20)) is None
