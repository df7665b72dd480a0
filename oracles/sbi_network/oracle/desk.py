"""Where an oracle signs: nothing leaves it that the guard has not put on disk first."""

from __future__ import annotations

from eth_typing import ChecksumAddress

from sbi_network.chain.keys import Signer
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.observation import BackedObservation, Readings, observation_of
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.wire import pack_readings, unpack_readings
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Report
from sbi_network.protocol.signature import Signature


class SigningDesk:
    """An oracle's signing key behind its guard."""

    def __init__(self, signer: Signer, guard: SigningGuard) -> None:
        self._signer = signer
        self._guard = guard

    @property
    def address(self) -> ChecksumAddress:
        """The oracle's signing account."""
        return self._signer.address

    def kept_readings(self, terms: EpochTerms) -> Readings | None:
        """The readings of the observation that was signed, or was about to be, before a restart."""
        packed = self._guard.observed(terms.config.digest, terms.epoch)
        return None if packed is None else unpack_readings(packed, terms.epoch)

    async def sign_observation(self, oracle: int, readings: Readings, terms: EpochTerms) -> BackedObservation:
        """This oracle's observation. Raises SecondDigestError if it has signed another."""
        observation = observation_of(readings, terms)
        domain = terms.config.domain
        packed = pack_readings(readings)
        self._guard.claim_observation(terms.config.digest, terms.epoch, observation.digest(domain), packed)
        signature = await self._signer.sign(observation.preimage(domain))
        return BackedObservation(oracle, Signed(observation, signature), readings)

    async def sign_report(self, report: Report, terms: EpochTerms) -> Signature:
        """This oracle's signature on a report. Raises SecondDigestError if it has signed another in this view."""
        digest = report.digest(terms.config.domain)
        self._guard.claim_report(terms.config.digest, terms.epoch, report.view_number, digest)
        return await self._signer.sign(report.preimage(terms.config.domain))
