"""The other oracles, as this one asks them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from eth_typing import ChecksumAddress

from sbi_network.errors import FormatError, ProtocolError, SBIError
from sbi_network.oracle.errors import OracleError
from sbi_network.oracle.observation import BackedObservation
from sbi_network.oracle.passport import Passport
from sbi_network.oracle.terms import EpochTerms
from sbi_network.oracle.transport import Answer, NoAnswerError, Transport
from sbi_network.oracle.wire import (
    Proposal,
    decode_observation,
    decode_signature,
    decode_tree,
    encode_observation,
    encode_proposal,
    observation_chars,
    tree_chars,
)
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import MAX_TEXT_CHARS, Signed, encode_signed, parse_json
from sbi_network.protocol.messages import Report
from sbi_network.protocol.signature import Signature
from sbi_network.protocol.sumtree import SumTree

_SHOWN_CHARS = 200


class PeerRefusedError(OracleError):
    """A peer does not accept a message, and will not. The text is the peer's own reason."""


class Peers:
    """Where the others are, by their signing addresses. Every call raises NoAnswerError where trying again may help."""

    def __init__(self, transport: Transport, passport: Passport, urls: Mapping[ChecksumAddress, str]) -> None:
        self._transport = transport
        self._passport = passport
        self._urls = urls

    def known(self, terms: EpochTerms, own: int | None) -> tuple[int, ...]:
        """Numbers of the epoch's other oracles that this one knows how to reach."""
        signers = enumerate(terms.config.signers)
        return tuple(number for number, signer in signers if number != own and signer in self._urls)

    async def push_observation(self, terms: EpochTerms, peer: int, observation: BackedObservation) -> None:
        """Send this oracle's observation. Raises PeerRefusedError or NoAnswerError."""
        _require_ok(await self._post(terms, peer, "/v1/observations", encode_observation(observation)))

    async def fetch_observation(self, terms: EpochTerms, peer: int, oracle: int) -> BackedObservation | None:
        """What a peer has of an oracle's observation; not checked. None where it says that it has none.

        Raises RefusedError for nonsense, NoAnswerError if it does not work on the epoch now.
        """
        limit = observation_chars(len(terms.facilities))
        answer = await self._get(terms, peer, f"/v1/observations/{terms.epoch}/{oracle}", limit)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if not answer.is_ok:
            raise NoAnswerError(f"answered with {answer.status}")
        return decode_observation(answer.body, limit)

    async def ask_signature(self, terms: EpochTerms, peer: int, proposal: Proposal) -> Signature:
        """A peer's signature on a proposed report; not checked. Raises PeerRefusedError or NoAnswerError."""
        answer = await self._post(terms, peer, "/v1/proposals", encode_proposal(proposal))
        _require_ok(answer)
        try:
            return decode_signature(answer.body)
        except ProtocolError as error:
            raise PeerRefusedError(f"answered with no signature: {error}") from None

    async def push_report(self, terms: EpochTerms, peer: int, signed: Signed[Report]) -> None:
        """Show a report that somebody signed. Raises PeerRefusedError or NoAnswerError."""
        _require_ok(await self._post(terms, peer, "/v1/reports", encode_signed(signed)))

    async def fetch_tree(self, terms: EpochTerms, peer: int, commitment: bytes) -> SumTree | None:
        """The tree with this commitment; None where a peer has it not, or shows another. Raises NoAnswerError."""
        limit = tree_chars(len(terms.facilities))
        answer = await self._get(terms, peer, f"/v1/trees/{terms.epoch}/{hex_of(commitment)}", limit)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if not answer.is_ok:
            raise NoAnswerError(f"answered with {answer.status}")
        try:
            tree = decode_tree(answer.body, limit)
        except ProtocolError:
            return None
        return tree if tree.commitment == commitment else None

    async def _post(self, terms: EpochTerms, peer: int, path: str, body: str) -> Answer:
        address = terms.config.signers[peer]
        passport = await self._signed(address, "POST", path, body.encode())
        return await self._transport.post(self._urls[address] + path, body, MAX_TEXT_CHARS, passport)

    async def _get(self, terms: EpochTerms, peer: int, path: str, limit: int) -> Answer:
        address = terms.config.signers[peer]
        passport = await self._signed(address, "GET", path, b"")
        return await self._transport.get(self._urls[address] + path, limit, passport)

    async def _signed(self, to: ChecksumAddress, method: str, path: str, body: bytes) -> str:
        try:
            return await self._passport.header(to, method, path, body)
        except SBIError as error:  # a signer elsewhere that cannot be reached
            raise NoAnswerError(f"the request could not be signed: {error}") from None


async def fetch_status(transport: Transport, url: str) -> dict[str, Any]:
    """What an oracle says of itself, to anybody. Raises NoAnswerError."""
    answer = await transport.get(f"{url}/v1/status", MAX_TEXT_CHARS)
    try:
        given = parse_json(answer.body)
    except FormatError:
        given = None
    if not answer.is_ok or not isinstance(given, dict):
        raise NoAnswerError(f"answered with {answer.status}, and no status")
    return given


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
