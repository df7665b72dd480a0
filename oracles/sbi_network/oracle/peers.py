"""The other oracles, as this one asks them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from eth_typing import ChecksumAddress

from sbi_network.errors import FormatError, ProtocolError
from sbi_network.oracle.errors import OracleError
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.transport import Answer, NoAnswerError, Transport
from sbi_network.oracle.wire import (
    Proposal,
    decode_observation,
    decode_signature,
    encode_observation,
    encode_proposal,
    observation_chars,
)
from sbi_network.protocol.json_form import MAX_TEXT_CHARS, parse_json
from sbi_network.protocol.signature import Signature

_SHOWN_CHARS = 200


class PeerRefusedError(OracleError):
    """A peer does not accept a message, and will not. The text is the peer's own reason."""


class Peers:
    """Where the others are, by their signing addresses. Every call raises NoAnswerError where trying again may help."""

    def __init__(self, transport: Transport, urls: Mapping[ChecksumAddress, str]) -> None:
        self._transport = transport
        self._urls = urls

    def known(self, terms: EpochTerms, own: int) -> tuple[int, ...]:
        """Numbers of the epoch's other oracles that this one knows how to reach."""
        signers = enumerate(terms.config.signers)
        return tuple(number for number, signer in signers if number != own and signer in self._urls)

    async def push_observation(self, terms: EpochTerms, peer: int, observation: BackedObservation) -> None:
        """Send this oracle's observation. Raises PeerRefusedError or NoAnswerError."""
        url = f"{self._url(terms, peer)}/v1/observations"
        _require_ok(await self._transport.post(url, encode_observation(observation), MAX_TEXT_CHARS))

    async def fetch_observation(self, terms: EpochTerms, peer: int) -> BackedObservation:
        """A peer's own observation; not checked. Raises RefusedError for nonsense, NoAnswerError if it has none yet."""
        url, limit = f"{self._url(terms, peer)}/v1/observations/{terms.epoch}", observation_chars(len(terms.facilities))
        answer = await self._transport.get(url, limit)
        if not answer.is_ok:
            raise NoAnswerError(f"answered with {answer.status}")
        return decode_observation(answer.body, limit)

    async def ask_signature(self, terms: EpochTerms, peer: int, proposal: Proposal) -> Signature:
        """A peer's signature on a proposed report; not checked. Raises PeerRefusedError or NoAnswerError."""
        url = f"{self._url(terms, peer)}/v1/proposals"
        answer = await self._transport.post(url, encode_proposal(proposal), MAX_TEXT_CHARS)
        _require_ok(answer)
        try:
            return decode_signature(answer.body)
        except ProtocolError as error:
            raise PeerRefusedError(f"answered with no signature: {error}") from None

    async def status(self, address: ChecksumAddress) -> dict[str, Any]:
        """What a peer says of itself. Raises NoAnswerError."""
        answer = await self._transport.get(f"{self._urls[address]}/v1/status", MAX_TEXT_CHARS)
        try:
            given = parse_json(answer.body)
        except FormatError:
            given = None
        if not answer.is_ok or not isinstance(given, dict):
            raise NoAnswerError(f"answered with {answer.status}, and no status")
        return given

    def _url(self, terms: EpochTerms, peer: int) -> str:
        return self._urls[terms.config.signers[peer]]


def _require_ok(answer: Answer) -> None:
    """A server's own trouble may pass, what it says of the message will not."""
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise NoAnswerError(_detail(answer))
    if not answer.is_ok:
        raise PeerRefusedError(_detail(answer))


def _detail(answer: Answer) -> str:
    try:
        given = parse_json(answer.body)
    except FormatError:
        given = None
    if isinstance(given, dict) and isinstance(given.get("detail"), str):
        return f"{given.get('reason')}: {given['detail']}"[:_SHOWN_CHARS]
    return f"answered with {answer.status}"
