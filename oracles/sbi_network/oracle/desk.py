"""Where an oracle signs: nothing leaves it that the guard, and for a report the archive, has not put on disk first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from eth_typing import ChecksumAddress

from sbi_network.chain.keys import Signer
from sbi_network.oracle.archive import Archive
from sbi_network.oracle.errors import ParkedError, SecondDigestError
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.observation import BackedObservation, Readings, observation_of
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.wire import pack_readings, unpack_readings
from sbi_network.protocol.agreement import AgreedReport
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.signature import Signature

_log = structlog.get_logger("sbi.oracle")


class SigningDesk:
    """An oracle's signing key behind its guard.

    `refused` is told the kind, observation or report, of each second message that was not signed, and of each that is
    not because the oracle is parked. What only might be a second one is no cause for alarm: see `UnsureError`.
    """

    def __init__(
        self,
        signer: Signer,
        guard: SigningGuard,
        archive: Archive,
        refused: Callable[[str], None] = lambda kind: None,
    ) -> None:
        self._signer = signer
        self._guard = guard
        self._archive = archive
        self._refused = refused
        self._parked: str | None = None

    @property
    def address(self) -> ChecksumAddress:
        """The oracle's signing account."""
        return self._signer.address

    @property
    def parked(self) -> str | None:
        """Why nothing is signed any more; None while it is."""
        return self._parked

    def park(self, why: str) -> None:
        """Sign nothing more until the process is started again: the key was seen to sign elsewhere."""
        if self._parked is None:
            self._parked = why
            _log.critical("signing_parked", reason=why)

    def kept_readings(self, terms: EpochTerms) -> Readings | None:
        """The readings of the observation that was signed, or was about to be, before a restart."""
        packed = self._guard.observed(terms.config.digest, terms.epoch)
        return None if packed is None else unpack_readings(packed, terms.epoch)

    def adopt(self, own: BackedObservation, terms: EpochTerms) -> None:
        """Keep an observation that carries this oracle's own signature, as a peer had it.

        Raises ParkedError where the guard knows of another: then two processes sign with this key.
        """
        digest = own.signed.message.digest(terms.config.domain)
        try:
            self._guard.claim_observation(terms.config.digest, terms.epoch, digest, pack_readings(own.readings))
        except SecondDigestError as error:
            self.park(str(error))
            raise ParkedError(str(error)) from None

    async def sign_observation(
        self, oracle: int, readings: Readings, terms: EpochTerms, *, may_be_new: bool = True
    ) -> BackedObservation:
        """This oracle's observation. Raises SecondDigestError if it has signed another, UnsureError if it may have."""
        observation = observation_of(readings, terms)
        domain = terms.config.domain
        packed = pack_readings(readings)
        digest = observation.digest(domain)
        with self._refusals("observation"):
            self._guard.claim_observation(terms.config.digest, terms.epoch, digest, packed, may_be_new=may_be_new)
        signature = await self._signer.sign(observation.preimage(domain))
        return BackedObservation(oracle, Signed(observation, signature), readings)

    async def sign_report(self, agreed: AgreedReport, terms: EpochTerms, *, may_be_new: bool = True) -> Signature:
        """This oracle's signature on a report whose tree it then has.

        Raises SecondDigestError if it has signed another in this view, UnsureError if it may have.
        """
        report = agreed.report
        digest = report.digest(terms.config.domain)
        view = report.view_number
        with self._refusals("report"):
            # The tree first: whoever signs must be able to show any part of it.
            self._archive.keep_tree(terms.epoch, agreed.tree)
            self._guard.claim_report(terms.config.digest, terms.epoch, view, digest, may_be_new=may_be_new)
        return await self._signer.sign(report.preimage(terms.config.domain))

    @contextmanager
    def _refusals(self, kind: str) -> Iterator[None]:
        """Raises ParkedError where nothing is signed any more; tells of that, and of a second digest."""
        try:
            if self._parked is not None:
                raise ParkedError(self._parked)
            yield
        except (SecondDigestError, ParkedError):
            self._refused(kind)
            raise
