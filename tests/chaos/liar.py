"""An oracle that misbehaves: `python -m tests.chaos.liar <how> <oracle.toml>`. It is the real one, but for one thing.

lie         observes nothing, and proposes more output than follows
equivocate  tells one half of its peers that it saw something and the other that it saw nothing, and signs two reports
flood       sends its peers whatever costs them most, as fast as it can
stall       answers everything, half a minute late
unguarded   honest, and remembers nothing of what it signed: the control that shows what the guard is for
forgetful   honest, and its outbox is gone with the process: the control that shows what the outbox's file is for
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
from fastapi import FastAPI

import sbi_network.oracle.process as process
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.settings import KeySettings
from sbi_network.chain.stopping import stopped_by_signals
from sbi_network.errors import SBIError
from sbi_network.log import log_as_json
from sbi_network.oracle.agreement import EpochAgreement
from sbi_network.oracle.app import build_app as honest_build_app
from sbi_network.oracle.config import OracleSettings, load_oracle_settings
from sbi_network.oracle.desk import SigningDesk
from sbi_network.oracle.epoch_round import EpochRound
from sbi_network.oracle.guard import SigningGuard
from sbi_network.oracle.observation import BackedObservation, observation_of
from sbi_network.oracle.passport import Passport
from sbi_network.oracle.views import Views
from sbi_network.oracle.wire import Proposal, encode_observation
from sbi_network.protocol.address import check_address
from sbi_network.protocol.json_form import Signed
from tests.chaos.armed import arm

_LATE_SECONDS: Final = 30.0
_FLOOD_PAUSE: Final = 0.02

_log = structlog.get_logger("sbi.liar")


def lie(settings: OracleSettings) -> None:
    honest, honest_observe = EpochAgreement.propose, EpochAgreement.observe

    async def propose(self: EpochAgreement, view: int) -> Proposal:
        proposal = await honest(self, view)
        _log.info("lied", view=view)
        return replace(proposal, signed=await _inflated(self, proposal))

    async def observe_nothing(self: EpochAgreement, readings: Any, **given: Any) -> BackedObservation:
        _log.info("lied", observation=True)
        return await honest_observe(self, tuple(None for _ in readings), **given)

    EpochAgreement.propose = propose  # type: ignore[method-assign]
    EpochAgreement.observe = observe_nothing  # type: ignore[method-assign]


def equivocate(settings: OracleSettings) -> None:
    honest_push, honest_collect = EpochRound._push, EpochRound._collect

    async def push(self: EpochRound, peer: int, own: BackedObservation) -> None:
        if peer % 2:
            own = await _signed_by(self.agreement, tuple(None for _ in own.readings))
            _log.info("equivocated", peer=peer)
        await honest_push(self, peer, own)

    async def collect(self: EpochRound, view: int, proposal: Proposal, standing: int) -> None:
        other = replace(proposal, signed=await _inflated(self.agreement, proposal))
        for peer in self._peers:
            try:
                await self._means.peers.ask_signature(self._terms, peer, other)
            except SBIError as error:
                _log.info("equivocated", peer=peer, view=view, refused=str(error))
        await honest_collect(self, view, proposal, standing)

    EpochRound._push = push  # type: ignore[method-assign]
    EpochRound._collect = collect  # type: ignore[method-assign]


def flood(settings: OracleSettings) -> None:
    honest = process._run_together

    async def run_together(
        parts: Sequence[process._Runs], app: FastAPI, listening: socket.socket, stop: asyncio.Event
    ) -> None:
        flooding = [asyncio.create_task(_flood(settings, url, address)) for address, url in settings.peer_urls.items()]
        try:
            await honest(parts, app, listening, stop)
        finally:
            for task in flooding:
                task.cancel()

    process._run_together = run_together


def stall(settings: OracleSettings) -> None:
    def build_app(*given: Any) -> Any:
        app = honest_build_app(*given)

        async def late(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["path"] != "/v1/status":
                _log.info("stalled", path=scope["path"])
                await asyncio.sleep(_LATE_SECONDS)
            await app(scope, receive, send)

        return late

    process.build_app = build_app  # type: ignore[attr-defined,assignment]


def unguarded(settings: OracleSettings) -> None:
    async def surely(self: EpochRound) -> bool:
        return True

    SigningGuard.claim_observation = lambda *given, **named: None  # type: ignore[method-assign]
    SigningGuard.claim_report = lambda *given, **named: None  # type: ignore[method-assign]
    SigningDesk.kept_readings = lambda self, terms: None  # type: ignore[method-assign]
    SigningDesk.park = lambda self, why: None  # type: ignore[method-assign]
    Views.first_unsigned = lambda self, started_at: 0  # type: ignore[method-assign]
    EpochRound._is_surely_new = surely  # type: ignore[method-assign]
    process.locked = lambda *given: nullcontext()  # type: ignore[attr-defined,assignment]


def forgetful(settings: OracleSettings) -> None:
    honest = OutboxStore.__init__

    def in_memory(self: OutboxStore, path: Path, *given: Any) -> None:
        honest(self, ":memory:", *given)

    OutboxStore.__init__ = in_memory  # type: ignore[method-assign,assignment]


WAYS: Final[dict[str, Callable[[OracleSettings], None]]] = {
    "lie": lie,
    "equivocate": equivocate,
    "flood": flood,
    "stall": stall,
    "unguarded": unguarded,
    "forgetful": forgetful,
}


async def _signed_by(agreement: EpochAgreement, readings: Any) -> BackedObservation:
    """Past any guard."""
    message = observation_of(readings, agreement.terms)
    signature = await agreement._desk._signer.sign(message.preimage(agreement.terms.config.domain))
    return BackedObservation(agreement.own, Signed(message, signature), readings)


async def _inflated(agreement: EpochAgreement, proposal: Proposal) -> Signed[Any]:
    report = replace(proposal.signed.message, public_output=proposal.signed.message.public_output + 1)
    return Signed(report, await agreement._desk._signer.sign(report.preimage(agreement.terms.config.domain)))


async def _flood(settings: OracleSettings, url: str, address: Any) -> None:
    """Unsigned nonsense, signed nonsense, deep nesting, bodies that are too long: in turn, without end."""
    assert isinstance(settings.signing, KeySettings)
    signer = settings.signing.load()
    clock = await _clock(settings)
    passport = Passport(signer, clock)
    path = "/v1/observations"
    bodies = ["[" * 3000 + "]" * 3000, "x" * 1_000_000, "{}", encode_observation(_stale(signer, clock))]
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        sent = 0
        while True:
            body = bodies[sent % len(bodies)]
            header = await passport.header(check_address("to", address), "POST", path, body.encode())
            headers = {"authorization": header} if sent % 2 else {}
            try:
                answer = await client.post(url + path, content=body, headers=headers)
                if sent % 50 == 0:
                    _log.info("flooded", sent=sent, answered=answer.status_code)
            except httpx.HTTPError:
                pass
            sent += 1
            await asyncio.sleep(_FLOOD_PAUSE)


async def _clock(settings: OracleSettings) -> Any:
    from sbi_network.chain.clock import fetch_clock

    return await fetch_clock(settings.network.rpc_urls[0], settings.network.registry_address)


def _stale(signer: Any, clock: Any) -> BackedObservation:
    from sbi_network.protocol.messages import Observation
    from sbi_network.protocol.signature import sign_digest

    message = Observation(bytes(32), 0, bytes(32))
    return BackedObservation(0, Signed(message, sign_digest(signer._account, message.digest(clock.domain))), ())


def main() -> None:
    how, path = sys.argv[1:]
    log_as_json()
    arm(Path(path))
    settings = load_oracle_settings(Path(path))
    WAYS[how](settings)

    async def serve() -> None:
        with stopped_by_signals() as stop:
            await process.run_oracle(settings, stop)

    asyncio.run(serve())


if __name__ == "__main__":
    main()
