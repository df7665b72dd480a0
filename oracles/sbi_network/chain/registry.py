"""Typed reads of ComputeOracleRegistry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from sbi_network.chain.connection import LATEST, Block, BoundContract
from sbi_network.chain.errors import WrongChainError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.messages import Report
from sbi_network.protocol.oracle_set import OracleConfig
from sbi_network.protocol.outcome import Outcome


@dataclass(frozen=True, slots=True)
class EpochOutcome:
    """How an epoch stands and its public output, nGAICPh: zero unless pending or final."""

    outcome: Outcome
    public_output: int


@dataclass(frozen=True, slots=True)
class Record:
    """What an accepted report left on chain. `accepted_at` is zero where there is none; `extension` is how many seconds
    longer than the dispute window it stays open to dispute, `demands` how many are open."""

    commitment: bytes
    public_output: int
    epoch: int
    accepted_at: int
    signer_bits: int
    config_version: int
    extension: int
    demands: int
    is_void: bool

    @property
    def signers(self) -> tuple[int, ...]:
        """Numbers of the oracles that signed."""
        return tuple(number for number in range(self.signer_bits.bit_length()) if self.signer_bits >> number & 1)


@dataclass(frozen=True, slots=True)
class Facility:
    """Who a facility is."""

    operator: ChecksumAddress
    reading_key: ChecksumAddress
    region: int


@dataclass(frozen=True, slots=True)
class FacilityTerms:
    """What holds for a facility at an epoch. `capacities` are the most raw output by class, nGAICPh."""

    capacities: tuple[int, int, int]
    from_epoch: int
    public_share_bps: int
    active: bool

    @property
    def is_known(self) -> bool:
        """Whether anything was set: before a facility is registered all is zero."""
        return self.active or self.from_epoch != 0 or self.public_share_bps != 0 or any(self.capacities)


class Registry(BoundContract):
    """A ComputeOracleRegistry."""

    NAME = "ComputeOracleRegistry"

    async def genesis(self) -> int:
        """When epoch 0 began, seconds."""
        return int(await self.read("genesis"))

    async def epoch_length(self) -> int:
        """Seconds."""
        return int(await self.read("epochLength"))

    async def report_window(self) -> int:
        """How long after its end an epoch's report is accepted, seconds."""
        return int(await self.read("reportWindow"))

    async def dispute_window(self) -> int:
        """Seconds."""
        return int(await self.read("disputeWindow"))

    async def current_epoch(self) -> int:
        """The epoch now running by the newest block's time."""
        return int(await self.read("currentEpoch"))

    async def config_at(self, epoch: int, block: Block = LATEST) -> OracleConfig:
        """The configuration in force at an epoch. Raises WrongChainError if its digest is not what we make of it."""
        version, digest, weights_version, weights, oracles = await self.read("configAt", epoch, block=block)
        general, intelligent, super_ = weights
        config = OracleConfig(
            chain_id=await self.chain.chain_id(),
            registry=self.address,
            config_version=version,
            weights_version=weights_version,
            weights_x16=(general, intelligent, super_),
            signers=tuple(oracles),
        )
        if config.digest != digest:
            raise WrongChainError(f"configuration {version}: the registry's digest is not the protocol's")
        return config

    async def standing_at(self, epoch: int, block: Block = LATEST) -> int:
        """Whose signatures count at an epoch: bit i set where oracle i stands."""
        standing, _ = await self.read("standingAt", epoch, block=block)
        return int(standing)

    async def bonds(self) -> ChecksumAddress:
        """Where oracles put up their bonds."""
        return check_address("bonds", await self.read("bonds"))

    async def facility_count(self, block: Block = LATEST) -> int:
        """How many facilities were ever registered; numbers run from 0."""
        return int(await self.read("facilityCount", block=block))

    async def facility(self, number: int, block: Block = LATEST) -> Facility:
        """Who a facility is. Raises ContractRefused (UnknownFacility)."""
        return Facility(*await self.read("facilityOf", number, block=block))

    async def facility_terms(self, number: int, epoch: int, block: Block = LATEST) -> FacilityTerms:
        """What holds for a facility at an epoch; all zero before it was registered."""
        return _facility_terms(*await self.read("facilityTermsAt", number, epoch, block=block))

    async def facilities_at(self, epoch: int, block: Block = LATEST) -> list[tuple[Facility, FacilityTerms]]:
        """Every facility that was ever registered, and what holds for it at an epoch, in order of their numbers."""
        numbers = range(await self.facility_count(block))
        who = await self.read_each("facilityOf", [(number,) for number in numbers], block)
        what = await self.read_each("facilityTermsAt", [(number, epoch) for number in numbers], block)
        return [(_facility(*one), _facility_terms(*other)) for one, other in zip(who, what, strict=True)]

    async def outcome_of(self, epoch: int, block: Block = LATEST) -> EpochOutcome:
        """How an epoch stands. Raises ContractRefused (EpochForgotten) beyond the ring."""
        outcome, public_output = await self.read("outcomeOf", epoch, block=block)
        return EpochOutcome(Outcome(outcome), public_output)

    async def record_of(self, epoch: int, block: Block = LATEST) -> Record | None:
        """What an epoch's report left, if there is one. Raises ContractRefused (EpochForgotten) beyond the ring."""
        record = Record(*await self.read("recordOf", epoch, block=block))
        return record if record.accepted_at else None

    async def finality(self) -> int:
        """The longest time after an epoch's end until it is settled for good, seconds."""
        return int(await self.read("finality"))

    async def disputes_at(self, epoch: int) -> ChecksumAddress:
        """The disputes contract of the configuration in force at an epoch."""
        _, disputes = await self.read("verifiersAt", epoch)
        return check_address("disputes", disputes)

    def submit_report(self, report: Report, signatures: bytes) -> str:
        """The call that submits a report."""
        return self.call_data("submitReport", report.values(), signatures)


def _facility(operator: str, reading_key: str, region: int) -> Facility:
    return Facility(to_checksum_address(operator), to_checksum_address(reading_key), region)


def _facility_terms(general: int, intelligent: int, super_: int, *rest: Any) -> FacilityTerms:
    return FacilityTerms((general, intelligent, super_), *rest)
