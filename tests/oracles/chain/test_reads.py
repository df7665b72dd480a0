"""Typed reads.

read    ├── a value or struct → typed
        ├── a custom error → ContractRefused with its name and arguments
        ├── an unknown error → ContractRefused, unknown
        └── no answer → EndpointError without the URL

An empty answer (no contract) is not tried here: with Ape loaded, as pytest has it, eth_abi reads nothing as zero.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account

from sbi_network.chain.bonds import Bonds, HeldBond
from sbi_network.chain.citizens import Act, ActKind, Citizen, Citizens, Region
from sbi_network.chain.clock import EpochClock, read_clock
from sbi_network.chain.connection import Chain
from sbi_network.chain.errors import ContractRefused, EndpointError, WrongChainError
from sbi_network.chain.exchange import Exchange, Offer
from sbi_network.chain.registry import EpochOutcome, FacilityTerms, Registry
from sbi_network.chain.token import Token, TokenAccount
from sbi_network.chain.vault import Vault
from sbi_network.protocol.address import check_address
from sbi_network.protocol.oracle_set import OracleConfig
from sbi_network.protocol.outcome import Outcome
from tests.oracles.chain.stand_in import ADDRESS, StandInNode, revert_data, reverting

SIGNERS = tuple(check_address("signer", Account.from_key(bytes([n]) * 32).address) for n in range(1, 5))
CONFIG = OracleConfig(31337, ADDRESS, 3, 2, (32, 16, 64), SIGNERS)


def _registry(**views: Any) -> Registry:
    return Registry(StandInNode("ComputeOracleRegistry", views).chain(), ADDRESS)


def _config_answer(digest: bytes = CONFIG.digest) -> tuple[Any, ...]:
    return (3, digest, 2, [32, 16, 64], [signer.lower() for signer in SIGNERS])


def test_config_at__of_the_registry__is_the_protocols() -> None:
    assert asyncio.run(_registry(configAt=_config_answer()).config_at(7)) == CONFIG


def test_config_at__another_digest__is_refused() -> None:
    with pytest.raises(WrongChainError, match="digest"):
        asyncio.run(_registry(configAt=_config_answer(b"\1" * 32)).config_at(7))


def test_record_of__accepted_or_not__is_the_record_or_none() -> None:
    accepted = asyncio.run(_registry(recordOf=(b"\1" * 32, 400, 7, 1_000, 0b1011, 3, 0, 0, False)).record_of(7))
    assert accepted is not None
    assert (accepted.public_output, accepted.signers, accepted.config_version) == (400, (0, 1, 3), 3)
    assert asyncio.run(_registry(recordOf=(bytes(32), 0, 0, 0, 0, 0, 0, 0, False)).record_of(7)) is None


def test_outcome_of__each_number__is_its_outcome() -> None:
    for outcome in Outcome:
        assert asyncio.run(_registry(outcomeOf=(outcome.value, 5)).outcome_of(7)) == EpochOutcome(outcome, 5)


def test_facility_terms__known_or_not__are_told_apart() -> None:
    terms = asyncio.run(_registry(facilityTermsAt=(1, 2, 3, 4, 5, True)).facility_terms(0, 7))
    assert terms == FacilityTerms((1, 2, 3), 4, 5, active=True)
    assert terms.is_known
    assert not asyncio.run(_registry(facilityTermsAt=(0, 0, 0, 0, 0, False)).facility_terms(0, 7)).is_known
    assert replace(terms, active=False).is_known


def test_read__custom_error__is_refused_with_its_arguments() -> None:
    registry = _registry(recordOf=reverting(revert_data("EpochForgotten", 7, 9)))
    with pytest.raises(ContractRefused) as caught:
        asyncio.run(registry.record_of(7))
    assert caught.value.name == "EpochForgotten"
    assert caught.value.arguments == {"epoch": 7, "oldest": 9}
    assert str(caught.value) == "the contract refused: EpochForgotten(epoch=7, oldest=9)"


@pytest.mark.parametrize(
    ("data", "name"), [("0x", "unknown"), ("0x12345678", "unknown"), ("0x4e487b71" + "00" * 31 + "11", "Panic")]
)
def test_read__other_reverts__are_refused_all_the_same(data: str, name: str) -> None:
    with pytest.raises(ContractRefused) as caught:
        asyncio.run(_registry(recordOf=reverting(data)).record_of(7))
    assert caught.value.name == name


def test_read__endpoint_down__is_told_without_its_url() -> None:
    async def ask() -> int:
        chain = Chain("http://127.0.0.1:1/SECRET", request_seconds=2)
        try:
            return await chain.chain_id()
        finally:
            await chain.close()

    with pytest.raises(EndpointError) as caught:
        asyncio.run(ask())
    assert "SECRET" not in str(caught.value)


def test_read_clock__of_a_registry__gives_the_epochs_times() -> None:
    node = StandInNode("ComputeOracleRegistry", {"genesis": 1_000, "epochLength": 8, "reportWindow": 60})
    clock = asyncio.run(read_clock(node.chain(), ADDRESS))
    assert clock == EpochClock(31337, ADDRESS, 1_000, 8, 60)
    assert (clock.start_of(2), clock.end_of(2), clock.deadline_of(2)) == (1_016, 1_024, 1_084)
    assert [clock.epoch_at(moment) for moment in (999.9, 1_000, 1_007.9, 1_008)] == [-1, 0, 0, 1]
    assert clock.domain == CONFIG.domain


def test_read_clock__no_code__is_refused() -> None:
    node = StandInNode("ComputeOracleRegistry")
    node.answers["eth_getCode"] = lambda _: "0x"
    with pytest.raises(WrongChainError, match="registry"):
        asyncio.run(read_clock(node.chain(), ADDRESS))


def test_vault_state__all_aggregates__are_of_one_block() -> None:
    names = ("nextEpoch", "issued", "reserve", "recirculated", "headcount", "dividendIndex", "lastRelease")
    node = StandInNode("DistributionVault", {name: place for place, name in enumerate(names)})
    blocks = []
    call = node.answers["eth_call"]

    def noting(params: list[Any]) -> Any:
        blocks.append(params[1])
        return call(params)

    node.answers["eth_call"] = noting
    state = asyncio.run(Vault(node.chain(), ADDRESS).state())
    assert (state.next_epoch, state.issued, state.reserve, state.recirculated) == (0, 1, 2, 3)
    assert (state.headcount, state.dividend_index, state.last_release) == (4, 5, 6)
    assert set(blocks) == {"0x5"}


def test_bonds__of_a_signer__is_typed() -> None:
    views = {"bondOf": (SIGNERS[1], 9, True, 5), "requiredBond": 8}
    bonds = Bonds(StandInNode("SignerBonds", views).chain(), ADDRESS)
    assert asyncio.run(bonds.of(SIGNERS[0])) == HeldBond(SIGNERS[1], unlocks_at=9, is_slashed=True, amount=5)
    assert asyncio.run(bonds.required()) == 8
    assert bonds.put_up(SIGNERS[0], b"consent", 3).value == 3


def test_token_citizens_exchange__structs__are_typed() -> None:
    token = Token(StandInNode("SBIToken", {"accountOf": (5, 6, True), "balanceOf": 7}).chain(), ADDRESS)
    assert asyncio.run(token.account_of(SIGNERS[0])) == TokenAccount(5, 6, accruing=True)
    assert asyncio.run(token.balance_of(SIGNERS[0])) == 7
    act = (2, 8, True, False, True, SIGNERS[1])
    answers = {"citizenOf": (1, 0, 2, 3, 4, True), "regionOf": (5, 6, 7, 8, 9, 10), "actOf": act}
    citizens = Citizens(StandInNode("CitizenRegistry", answers).chain(), ADDRESS)
    assert asyncio.run(citizens.citizen(SIGNERS[0])) == Citizen(1, 0, 2, 3, 4, chosen=True)
    assert asyncio.run(citizens.region(1)) == Region(5, 6, 7, 8, 9, 10)
    assert asyncio.run(citizens.act(0, 1)) == Act(ActKind.RECOVERY, 8, True, False, True, SIGNERS[1])
    exchange = Exchange(StandInNode("ComputeExchange", {"offerOf": (9, 8)}).chain(), ADDRESS)
    assert asyncio.run(exchange.offer_of(0, 1, 2)) == Offer(9, 8)
