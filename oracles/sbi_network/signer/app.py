"""The reference signer's HTTP side: see `remote` for the API.

It signs what it can tell: EIP-712 messages (0x1901 ‖ 64 bytes) with keys for messages, transactions of type 2 with keys
for transactions. web3signer signs any bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from eth_typing import ChecksumAddress
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbi_network.chain.keys import KeystoreSigner
from sbi_network.signer.remote import PUBLIC_KEYS, SIGN, UPCHECK, account_of, identifier_of
from sbi_network.signer.settings import Kind

MAX_BODY_BYTES: Final = 1024 * 1024

_MESSAGE_PREFIX: Final = b"\x19\x01"
_MESSAGE_BYTES: Final = 66
_TRANSACTION_PREFIX: Final = b"\x02"

_log = structlog.get_logger("sbi.signer")


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key and what it signs."""

    signer: KeystoreSigner
    signs: Kind


class SignRequest(BaseModel):
    """The body of a request to sign."""

    model_config = ConfigDict(extra="ignore")  # web3signer's clients send more at times

    data: str = Field(pattern=r"^(0x)?([0-9a-fA-F]{2})+$")


def kind_of(preimage: bytes) -> Kind | None:
    """What a preimage is; None for anything else."""
    if preimage.startswith(_MESSAGE_PREFIX) and len(preimage) == _MESSAGE_BYTES:
        return Kind.MESSAGES
    return Kind.TRANSACTIONS if preimage.startswith(_TRANSACTION_PREFIX) else None


def build_app(keys: Iterable[HeldKey]) -> FastAPI:
    """The HTTP side of a signer."""
    held: dict[ChecksumAddress, HeldKey] = {key.signer.address: key for key in keys}
    app = FastAPI(title="sbi signer", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get(UPCHECK)
    async def upcheck() -> PlainTextResponse:
        return PlainTextResponse("OK")

    @app.get(PUBLIC_KEYS)
    async def public_keys() -> JSONResponse:
        return JSONResponse([identifier_of(key.signer.public_key) for key in held.values()])

    @app.post(SIGN + "/{identifier}")
    async def sign(identifier: str, request: Request) -> PlainTextResponse:
        account = account_of(identifier)
        key = held.get(account) if account else None
        if key is None:
            return PlainTextResponse("no such key", 404)
        preimage = _preimage_in(await _body(request))
        if preimage is None:
            return PlainTextResponse('expected {"data": "0x…"}', 400)
        kind = kind_of(preimage)
        if kind is not key.signs:
            _log.warning("refused_to_sign", key=account, signs=key.signs, given=kind)
            return PlainTextResponse(f"this key signs {key.signs}", 403)
        _log.info("signed", key=account, kind=kind)
        return PlainTextResponse("0x" + (await key.signer.sign(preimage)).to_bytes().hex())

    return app


async def _body(request: Request) -> bytes:
    """The body; empty if it is too long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            return b""
    return bytes(body)


def _preimage_in(body: bytes) -> bytes | None:
    try:
        return bytes.fromhex(SignRequest.model_validate_json(body).data.removeprefix("0x"))
    except ValidationError:
        return None
