"""An observation with the signed readings behind it, as oracles send it to each other.

Each entry must go back to a reading that the facility signed. So a lying oracle can leave a reading out, or choose
among those that an equivocating facility signed, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sbi_network.errors import AgreementError, ProtocolError, SignatureError
from sbi_network.oracle.errors import Reason, RefusedError
from sbi_network.oracle.terms import EpochTerms
from sbi_network.protocol.agreement import NO_ENTRY, Entry, ListedObservation, check_observation, readings_hash
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Observation, Reading, Report
from sbi_network.protocol.typed_data import Domain

Readings = tuple[Signed[Reading] | None, ...]
"""The reading of each facility in order of their numbers; None where none was accepted."""


@dataclass(frozen=True, slots=True)
class BackedObservation:
    """A signed observation of the oracle with this number, and the readings that its hash stands for."""

    oracle: int
    signed: Signed[Observation]
    readings: Readings

    @property
    def readings_accepted(self) -> int:
        """How many facilities it covers."""
        return sum(reading is not None for reading in self.readings)

    def listed(self, domain: Domain) -> ListedObservation:
        """In the form that reports are computed from."""
        return ListedObservation(self.oracle, self.signed, entries_of(self.readings, domain))


def entries_of(readings: Sequence[Signed[Reading] | None], domain: Domain) -> tuple[Entry, ...]:
    """The entries of an observation."""
    return tuple(
        NO_ENTRY if each is None else Entry(*each.message.raw, each.message.digest(domain)) for each in readings
    )


def observation_of(readings: Readings, terms: EpochTerms) -> Observation:
    """What an oracle that accepted these readings signs."""
    return Observation(terms.config.digest, terms.epoch, readings_hash(entries_of(readings, terms.config.domain)))


def check_binding(config_digest: bytes, epoch: int, terms: EpochTerms) -> None:
    """Raises RefusedError for a message of another configuration or epoch."""
    if config_digest != terms.config.digest:
        raise RefusedError(Reason.WRONG_CONFIG, "the message is of another configuration")
    if epoch != terms.epoch:
        raise RefusedError(Reason.WRONG_EPOCH, f"the message is of epoch {epoch}, not {terms.epoch}")


def signer_of(signed: Signed[Observation] | Signed[Report], terms: EpochTerms) -> int:
    """The number of the oracle that signed. Raises RefusedError where none of the set did."""
    check_binding(signed.message.config_digest, signed.message.epoch, terms)
    try:
        return terms.config.number_of(signed.signer(terms.config.domain))
    except SignatureError as error:
        raise RefusedError(Reason.BAD_SIGNATURE, str(error)) from None
    except AgreementError as error:
        raise RefusedError(Reason.NOT_MEMBER, str(error)) from None


def check_backed(
    observation: BackedObservation, terms: EpochTerms, checked: Mapping[int, Signed[Reading]] | None = None
) -> None:
    """Signature first, then every reading. Raises RefusedError.

    `checked` has readings by facility that passed before: where an observation has the same one, signature included, it
    need not be checked again. Mostly all have the same.
    """
    if signer_of(observation.signed, terms) != observation.oracle:
        raise RefusedError(Reason.BAD_SIGNATURE, f"oracle {observation.oracle} did not sign its observation")
    try:
        check_observation(observation.listed(terms.config.domain), terms.config, terms.epoch, len(terms.facilities))
    except ProtocolError as error:
        raise RefusedError(Reason.BAD_READING, str(error)) from None
    known = checked or {}
    for facility, reading in enumerate(observation.readings):
        if reading is None or reading != known.get(facility):
            _check_reading(reading, facility, terms)


def _check_reading(reading: Signed[Reading] | None, facility: int, terms: EpochTerms) -> None:
    if reading is None:
        return
    try:
        fault = terms.fault_of(reading, facility)
    except SignatureError as error:
        fault = str(error)
    if fault is not None:
        raise RefusedError(Reason.BAD_READING, f"reading of facility {facility}: {fault}")
