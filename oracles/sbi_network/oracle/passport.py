"""Who sends a request: a signature in its headers, checked before its body is read.

    Authorization: SBI <sender> <milliseconds> <content> <signature>

`content` is keccak256(method ‖ " " ‖ path ‖ "\\n" ‖ keccak256(body)); the signature is the sender's over the EIP-712
message `PeerRequest` below, in the registry's domain. So a stranger costs a comparison, a forger one signature check,
somebody who repeats what he overheard the same; and each peer has a limit of its own, which nobody else can use up.
What a message says is bound by its own signature as before: this one only says who may take our time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from eth_typing import ChecksumAddress

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.keys import Signer
from sbi_network.errors import ProtocolError, SignatureError
from sbi_network.oracle.errors import Reason, RefusedError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import UINT64_MAX, WORD_BYTES, bytes_of_hex, hex_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import REGISTRY_NAME
from sbi_network.protocol.signature import COMPACT_BYTES, Signature
from sbi_network.protocol.typed_data import Address, TypedMessage, Uint64, Word

HEADER: Final = "authorization"
SCHEME: Final = "SBI"
LIFE_SECONDS: Final = 30.0
"""How far a sender's clock may be from ours. As long a request is remembered, so that it counts once."""

BURST: Final = 100
PER_SECOND: Final = 20.0
"""What one peer may send: so many requests at once, and so many a second over time."""

_LONGEST_HEADER: Final = 400


@dataclass(frozen=True, slots=True)
class PeerRequest(TypedMessage):
    """A request of one oracle to another, signed by the sender. `at` is in milliseconds."""

    DOMAIN_NAME: ClassVar[str] = REGISTRY_NAME

    to: Address
    content: Word
    at: Uint64


def content_of(method: str, path: str, body: bytes) -> bytes:
    """What a request consists of, 32 bytes."""
    return keccak256(f"{method} {path}\n".encode() + keccak256(body))


class Passport:
    """What an oracle sends its requests with."""

    def __init__(self, signer: Signer, clock: EpochClock) -> None:
        self._signer = signer
        self._clock = clock
        self._last = 0

    async def header(self, to: Address, method: str, path: str, body: bytes) -> str:
        """The header of one request; each is another, also for equal requests."""
        self._last = max(self._last + 1, int(self._clock.now() * 1000))
        request = PeerRequest(to, content_of(method, path, body), self._last)
        signature = await self._signer.sign(request.preimage(self._clock.domain))
        parts = (self._signer.address, str(request.at), hex_of(request.content), hex_of(signature.to_compact()))
        return " ".join((SCHEME, *parts))


@dataclass(slots=True)
class _Account:
    """What one peer has sent lately."""

    tokens: float = BURST
    refilled_at: float = 0.0
    seen: OrderedDict[bytes, float] = field(default_factory=OrderedDict)


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may be read: whose, and what it must turn out to be."""

    sender: ChecksumAddress
    content: bytes

    def check(self, method: str, path: str, body: bytes) -> None:
        """Raises RefusedError for another request than was signed."""
        if content_of(method, path, body) != self.content:
            raise RefusedError(Reason.BAD_SIGNATURE, "the request is not the one that was signed")


class Gate:
    """Lets in requests of known peers, each within its limit. Memory is bounded by the peers and their limit."""

    def __init__(self, own: ChecksumAddress, clock: EpochClock, is_known: Callable[[str], bool]) -> None:
        self._own = own
        self._clock = clock
        self._is_known = is_known
        self._accounts: dict[ChecksumAddress, _Account] = {}

    def admit(self, header: str | None) -> Admission:
        """Raises RefusedError, cheapest reason first."""
        sender, request, signature = _parsed(header, self._own)
        if not self._is_known(sender):
            raise RefusedError(Reason.NOT_MEMBER, f"{sender} is no oracle of this network")
        now = self._clock.now()
        if abs(request.at / 1000 - now) > LIFE_SECONDS:
            detail = f"signed at {request.at / 1000:.0f}, it is {now:.0f}: a clock is more than {LIFE_SECONDS:g} s off"
            raise RefusedError(Reason.UNSIGNED, detail)
        account = self._accounts.setdefault(sender, _Account(refilled_at=now))
        digest = request.digest(self._clock.domain)
        if digest in account.seen:
            raise RefusedError(Reason.UNSIGNED, "this request was sent before")
        if _recovered(signature, digest) != sender:
            raise RefusedError(Reason.BAD_SIGNATURE, f"{sender} did not sign this request")
        _spend(account, now)
        account.seen[digest] = now
        return Admission(sender, request.content)


def _parsed(header: str | None, own: ChecksumAddress) -> tuple[ChecksumAddress, PeerRequest, Signature]:
    parts = header.split(" ") if header is not None and len(header) <= _LONGEST_HEADER else []
    if len(parts) != 5 or parts[0] != SCHEME or not (parts[2].isascii() and parts[2].isdecimal()):
        raise RefusedError(
            Reason.UNSIGNED, f"expected the header {HEADER}: {SCHEME} sender milliseconds content signature"
        )
    try:
        sender = check_address("sender", parts[1])
        at = min(int(parts[2]), UINT64_MAX)
        request = PeerRequest(own, bytes_of_hex("content", parts[3], WORD_BYTES), at)
        signature = Signature.from_compact(bytes_of_hex("signature", parts[4], COMPACT_BYTES))
    except ProtocolError as error:
        raise RefusedError(Reason.UNSIGNED, str(error)) from None
    return sender, request, signature


def _recovered(signature: Signature, digest: bytes) -> str | None:
    try:
        return signature.recover(digest)
    except SignatureError:
        return None


def _spend(account: _Account, now: float) -> None:
    account.tokens = min(BURST, account.tokens + max(0.0, now - account.refilled_at) * PER_SECOND)
    account.refilled_at = now
    while account.seen and next(iter(account.seen.values())) < now - 2 * LIFE_SECONDS:
        account.seen.popitem(last=False)
    if account.tokens < 1:
        raise RefusedError(Reason.TOO_MANY, f"more than {PER_SECOND:g} requests a second")
    account.tokens -= 1
