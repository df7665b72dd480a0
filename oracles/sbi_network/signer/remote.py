"""The client of an HTTP signer that speaks web3signer's `eth1` API.

    GET  /upcheck                            200 if it serves
    GET  /api/v1/eth1/publicKeys             ["0x…", …]
    POST /api/v1/eth1/sign/{identifier}      {"data": "0x…"} → 0x r ‖ s ‖ v, v being 27 or 28

What is sent is the preimage, for the signer hashes it (keccak256) before it signs: for a transaction its bytes from the
type on, for an EIP-712 message the 66 bytes 0x1901 ‖ domain separator ‖ struct hash. What comes back counts only if it
recovers to the expected account over the hash that was meant.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

import coincurve
import httpx
from eth_typing import ChecksumAddress

from sbi_network.chain.errors import SignerError
from sbi_network.chain.limited import read_limited
from sbi_network.errors import ProtocolError
from sbi_network.http_pool import HttpPool
from sbi_network.protocol.address import address_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.signature import SIGNATURE_BYTES, Signature

PUBLIC_KEYS: Final = "/api/v1/eth1/publicKeys"
SIGN: Final = "/api/v1/eth1/sign"
UPCHECK: Final = "/upcheck"

_MOST_BYTES: Final = 1024 * 1024
_POINT_BYTES: Final = 64
_UNCOMPRESSED: Final = b"\x04"


class RemoteSigner:
    """One account of a remote signer. Close it after use."""

    def __init__(self, url: str, address: ChecksumAddress, seconds: float = 5.0) -> None:
        self._url = url.rstrip("/")
        self._address = address
        self._seconds = seconds
        self._client = HttpPool(seconds)
        self._identifier: str | None = None

    def __repr__(self) -> str:
        return f"RemoteSigner({self._address})"

    @property
    def address(self) -> ChecksumAddress:
        """The account whose signatures these are."""
        return self._address

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def sign(self, preimage: bytes) -> Signature:
        """The signature over keccak256(preimage). Raises SignerError."""
        identifier = self._identifier or await self.find_key()
        path = f"{SIGN}/{identifier}"
        answer = await self._asked("POST", path, json.dumps({"data": "0x" + preimage.hex()}))
        return self._checked(answer, keccak256(preimage))

    async def find_key(self) -> str:
        """The signer's own name for the account's key. Raises SignerError if it has no such key."""
        answer = await self._asked("GET", PUBLIC_KEYS, None)
        try:
            listed = json.loads(answer)
        except (ValueError, RecursionError):
            listed = None
        if not isinstance(listed, list):
            raise SignerError("remote signer: its list of public keys is no JSON array")
        for name in listed:
            if isinstance(name, str) and account_of(name) == self._address:
                self._identifier = name
                return name
        raise SignerError(f"remote signer: none of its {len(listed)} keys is that of {self._address}")

    def _checked(self, answer: bytes, digest: bytes) -> Signature:
        try:
            data = bytes.fromhex(answer.decode("ascii").strip().strip('"').removeprefix("0x"))
            if len(data) != SIGNATURE_BYTES:
                raise ValueError("length")
            # web3signer adds 27 to the parity; a bare parity means the same.
            signature = Signature.from_bytes(data[:-1] + bytes([data[-1] % 27 + 27]))
            signed_by = signature.recover(digest)
        except (ValueError, ProtocolError):
            raise SignerError("remote signer: its answer is no signature") from None
        if signed_by != self._address:
            raise SignerError(f"remote signer: signed as {signed_by}, or something else than it was given")
        return signature

    async def _asked(self, method: str, path: str, body: str | None) -> bytes:
        headers = {} if body is None else {"content-type": "application/json"}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(method, self._url + path, content=body, headers=headers) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    self._identifier = None  # its keys may have been loaded anew
                    raise SignerError(f"remote signer: answered with {response.status_code}")
                return await read_limited(response, _MOST_BYTES)
        except TimeoutError:
            raise SignerError(f"remote signer: no answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SignerError(f"remote signer: {type(error).__name__}") from None
        except ValueError as error:
            raise SignerError(f"remote signer: {error}") from None


def account_of(identifier: str) -> ChecksumAddress | None:
    """The account of a public key as signers list it: 64 bytes, 65 with the prefix, or 33 compressed."""
    try:
        key = bytes.fromhex(identifier.removeprefix("0x"))
        point = coincurve.PublicKey(_UNCOMPRESSED + key if len(key) == _POINT_BYTES else key)
    except ValueError:
        return None
    return address_of(keccak256(point.format(compressed=False)[1:])[12:])


def identifier_of(public_key: bytes) -> str:
    """How a key of 64 bytes is listed."""
    return "0x" + public_key.hex()
