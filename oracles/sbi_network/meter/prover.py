"""Answers challenges: a product for each device that is challenged, in time, and the rows that are asked for.

    slot begins ─▶ first beacon ─▶ products, signed and kept ─▶ deadline ─▶ second beacon ─▶ openings

Products are computed by the facility's devices (`devices`), all that are asked at once. They are asked for by the chain
alone: oracles only fetch the answers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from sbi_network.chain.keys import Signer
from sbi_network.errors import SBIError
from sbi_network.meter.devices import Devices, HeldProduct
from sbi_network.meter.measurement import paused, unless_stopped
from sbi_network.meter.proof.calendar import AuditCalendar, Beacon, EpochAudit, until_known
from sbi_network.meter.proof.challenge import Matrix
from sbi_network.meter.proof.errors import WrongProductError
from sbi_network.meter.proof.obligations import Asked, Obligation, challenges
from sbi_network.meter.proof.verifier import SharedCheck
from sbi_network.meter.proof_records import Duty, ProofRecords
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Product, products_domain

_POLL_SECONDS: Final = 0.25
_LONGEST_WAIT: Final = 30.0
"""Seconds after an epoch's end for which its reading waits for the last openings."""

_KEPT_EPOCHS: Final = 3
"""Epochs whose openings are kept to be fetched; they may be large."""

_log = structlog.get_logger("sbi.meter.prover")


@dataclass(slots=True)
class Answers:
    """What there is of one epoch. `done` is set once nothing more will come."""

    openings: dict[bytes, bytes] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Prover:
    """One facility's answers. `records` keeps what must outlive the process."""

    def __init__(
        self,
        calendar: AuditCalendar,
        facility: int,
        signer: Signer,
        records: ProofRecords,
        devices: Devices,
    ) -> None:
        self.calendar = calendar
        self.records = records
        self.domain = products_domain(calendar.clock.chain_id, calendar.products.address)
        self._facility = facility
        self._signer = signer
        self._devices = devices
        self._answers: dict[int, Answers] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Answer each epoch as it comes, until `stop`. What fails costs one epoch."""
        clock = self.calendar.clock
        epoch = max(0, clock.epoch_at(clock.now()))
        while not stop.is_set():
            await paused(stop, clock.start_of(epoch) - clock.now())
            await unless_stopped(stop, self.answer(epoch))
            epoch = max(epoch + 1, clock.epoch_at(clock.now()))

    async def until_answered(self, epoch: int) -> None:
        """Wait until an epoch's challenges are answered, or will not be in time, as while the chain cannot be read."""
        if epoch in self._answers:
            clock = self.calendar.clock
            longest = clock.end_of(epoch) + _LONGEST_WAIT - clock.now()
            try:
                await asyncio.wait_for(self._answers[epoch].done.wait(), max(0.0, longest))
            except TimeoutError:
                _log.warning("reading_without_proof", epoch=epoch, detail="its challenges are not answered yet")

    def opening(self, epoch: int, device: bytes) -> bytes | None:
        """The opened rows of a device, if there are any (yet)."""
        known = self._answers.get(epoch)
        return None if known is None else known.openings.get(device)

    async def answer(self, epoch: int) -> None:
        """Answer what one epoch asks, to its end. Raises nothing of its own: what fails is not proved."""
        answers = self._answers[epoch] = Answers()
        for old in [known for known in self._answers if known <= epoch - _KEPT_EPOCHS]:
            del self._answers[old]
        try:
            audit = await until_known(lambda: self.calendar.audit_of(epoch), _POLL_SECONDS)
            obligation = audit.obligations.get(self._facility)
            if audit.rules.asked:
                self.records.prune(epoch - audit.rules.tally_epochs)
            if obligation is None:
                self.records.ask(Duty(epoch, audit.rules, Obligation((), records_count=False, from_epoch=0)), ())
                if audit.rules.asked:
                    _log.warning("nothing_to_prove", epoch=epoch, detail="the network lists no device of this facility")
            else:
                await self._answer(audit, obligation, answers)
        except SBIError as error:
            _log.warning("epoch_not_proved", epoch=epoch, reason=str(error))
        finally:
            answers.done.set()

    async def _answer(self, audit: EpochAudit, obligation: Obligation, answers: Answers) -> None:
        slot = audit.slots[self._facility]
        first = await until_known(lambda: self.calendar.first_beacon(audit, slot), _POLL_SECONDS)
        asked = challenges(self._facility, audit.epoch, first.word, obligation, audit.rules)
        self.records.ask(Duty(audit.epoch, audit.rules, obligation), asked)
        held = await asyncio.gather(*[self._proved(each, first) for each in asked])
        second = await until_known(lambda: self.calendar.second_beacon(audit, slot, first), _POLL_SECONDS)
        shared: dict[Matrix, SharedCheck] = {}
        for each, product in zip(asked, held, strict=True):
            if product is not None and await self.open_rows(each, product, second, shared, answers):
                self.records.passed(audit.epoch, each.challenge.device)
        _log.info("challenged", epoch=audit.epoch, slot=slot, devices=len(asked), opened=len(answers.openings))

    async def _proved(self, asked: Asked, first: Beacon) -> HeldProduct | None:
        """A device's product, signed and kept; None where it failed, came late, or is not what was signed before."""
        challenge, clock = asked.challenge, self.calendar.clock
        log = _log.bind(epoch=challenge.epoch, device=challenge.device.hex()[-16:])
        deadline = first.timestamp + asked.terms.allowed_ms / 1000
        held = None
        try:
            # Devices may be gone, and never answer.
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline - clock.now()):
                    held = await self._devices.prove(asked)
            if held is None or clock.now() > deadline:
                log.warning("product_late", allowed_ms=asked.terms.allowed_ms)
                return None
            known = await self._signed_root(held.product)
        except SBIError as error:
            log.warning("product_failed", reason=str(error))
            return None
        if known != held.product.root:
            # The same challenge has one answer: one of the two computations was wrong, and neither is shown.
            log.error("product_differs", detail="another product was computed before: is the device's memory sound?")
            return None
        return held

    async def _signed_root(self, product: Product) -> bytes:
        """The root that is signed for a challenge: this product's, unless there was one before."""
        known = self.records.signed_root(product.epoch, product.device)
        if known is not None:
            return known
        signature = await self._signer.sign(product.preimage(self.domain))
        return self.records.keep(Signed(product, signature), int(self.calendar.clock.now()) + 1).message.root

    async def open_rows(
        self, asked: Asked, held: HeldProduct, second: Beacon, shared: dict[Matrix, SharedCheck], answers: Answers
    ) -> bool:
        """Open what the second beacon picks, once it was checked as oracles will: a wrong row is not shown."""
        challenge = asked.challenge
        log = _log.bind(epoch=challenge.epoch, device=challenge.device.hex()[-16:])
        try:
            opening = await held.open(second.word)
            if challenge.b not in shared:
                shared[challenge.b] = await asyncio.to_thread(SharedCheck, challenge.b, second.word)
            await asyncio.to_thread(shared[challenge.b].check, held.product, opening)
        except WrongProductError as error:
            log.error("product_wrong", reason=str(error), detail="kept back: not credited")
            return False
        except SBIError as error:
            log.warning("opening_failed", reason=str(error))
            return False
        answers.openings[challenge.device] = opening.to_bytes()
        return True
