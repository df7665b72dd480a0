"""Typed reads of SBIToken, and what a relayer sends to it and reads in its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode
from eth_typing import ChecksumAddress

from sbi_network.chain.connection import LATEST, Block, BoundContract, asked
from sbi_network.protocol.abi import packaged_errors
from sbi_network.protocol.address import address_bytes, address_of
from sbi_network.protocol.figure import WORD_BYTES, hex_of
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import Permit, TransferWithAuthorization

_AUTHORIZATION: Final = "(address,address,uint256,uint256,uint256,bytes32,bytes)"
"""The struct `Authorization` of ISBIToken."""

_USED: Final = hex_of(keccak256(b"AuthorizationUsed(address,bytes32)"))
_CANCELED: Final = hex_of(keccak256(b"AuthorizationCanceled(address,bytes32)"))
_APPROVED: Final = hex_of(keccak256(b"Approval(address,address,uint256)"))
_SKIPPED: Final = hex_of(keccak256(b"AuthorizationSkipped(address,bytes32,bytes4)"))


def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


_TRANSFER: Final = _selector(f"transferWithAuthorization({_AUTHORIZATION})")
_NONCE_STATE: Final = _selector("authorizationState(address,bytes32)")
_BALANCE: Final = _selector("balanceOf(address)")
_TRANSFERS: Final = _selector(f"transferWithAuthorizations({_AUTHORIZATION}[])")


@dataclass(frozen=True, slots=True)
class SignedTransfer:
    """A payment with its payer's signature, in any form that the token takes."""

    message: TransferWithAuthorization
    signature: bytes

    @property
    def key(self) -> tuple[str, bytes]:
        """What the token's events name it by: payer and nonce."""
        return self.message.from_, self.message.nonce

    def as_argument(self) -> tuple[Any, ...]:
        """The struct `Authorization`."""
        return (*self.message.values(), self.signature)


@dataclass(frozen=True, slots=True)
class Spent:
    """Where a nonce was spent: the transaction and its block; `used` is False where it was cancelled."""

    transaction: str
    block: int
    used: bool


def _spent(log: Mapping[str, Any], *, used: bool) -> Spent:
    return Spent(hex_of(bytes(log["transactionHash"])), int(log["blockNumber"]), used)


def _indexed(account: ChecksumAddress) -> str:
    return hex_of(address_bytes(account).rjust(WORD_BYTES, b"\0"))


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """What an account's slot holds: settled wei, the dividend index it is settled to, and whether income accrues."""

    settled: int
    index: int
    accruing: bool


class Token(BoundContract):
    """An SBIToken."""

    NAME = "SBIToken"

    async def balance_of(self, account: ChecksumAddress, block: Block = LATEST) -> int:
        """Settled and accrued, wei."""
        return int(await self.read("balanceOf", account, block=block))

    async def account_of(self, account: ChecksumAddress, block: Block = LATEST) -> TokenAccount:
        """What the account's slot holds."""
        return TokenAccount(*await self.read("accountOf", account, block=block))

    async def total_supply(self, block: Block = LATEST) -> int:
        """Issued less recycled, wei."""
        return int(await self.read("totalSupply", block=block))

    async def recycled(self, block: Block = LATEST) -> int:
        """All that was ever destroyed, wei."""
        return int(await self.read("recycled", block=block))

    async def permit_number(self, owner: ChecksumAddress, block: Block = LATEST) -> int:
        """The nonce of the owner's next ERC-2612 permit."""
        return int(await self.read("nonces", owner, block=block))

    async def is_authorization_used(self, authorizer: ChecksumAddress, nonce: bytes, block: Block = LATEST) -> bool:
        """Whether an ERC-3009 nonce is spent."""
        return bool(await self.read("authorizationState", authorizer, nonce, block=block))

    async def index_unit(self, block: Block = LATEST) -> int:
        """Wei in a unit of the dividend index."""
        return int(await self.read("INDEX_UNIT", block=block))

    async def vault(self, block: Block = LATEST) -> ChecksumAddress:
        """The only source of new tokens."""
        found: ChecksumAddress = await self.read("vault", block=block)
        return found

    async def where_spent(self, authorizer: ChecksumAddress, nonce: bytes, since: int) -> Spent | None:
        """Where an ERC-3009 nonce was spent, from block `since` on, whoever sent it; None if it was not."""
        logs = await self._logs([[_USED, _CANCELED], _indexed(authorizer), hex_of(nonce)], since)
        return None if not logs else _spent(logs[-1], used=hex_of(bytes(logs[-1]["topics"][0])) == _USED)

    async def where_approved(self, permit: Permit, since: int) -> Spent | None:
        """Where just what a permit grants was granted, from block `since` on, whoever sent it; None if it was not."""
        logs = await self._logs([_APPROVED, _indexed(permit.owner), _indexed(permit.spender)], since)
        same = [log for log in logs if int.from_bytes(bytes(log["data"])) == permit.value]
        return None if not same else _spent(same[-1], used=True)

    async def _logs(self, topics: list[Any], since: int) -> Sequence[Mapping[str, Any]]:
        where: Any = {"address": self.address, "topics": topics, "fromBlock": hex(max(0, since)), "toBlock": "latest"}
        return await asked(self.chain.web3.eth.get_logs(where))

    def balance_call(self, account: ChecksumAddress) -> str:
        """The call that returns an account's balance, for `calling.answer_of`."""
        return hex_of(_BALANCE + encode(["address"], [account]))

    def nonce_call(self, authorizer: ChecksumAddress, nonce: bytes) -> str:
        """The call that returns whether an ERC-3009 nonce is spent, for `calling.answer_of`."""
        return hex_of(_NONCE_STATE + encode(["address", "bytes32"], [authorizer, nonce]))

    def transfer_signed(self, payment: SignedTransfer) -> str:
        """The call that makes one signed payment, or reverts."""
        return hex_of(_TRANSFER + encode([_AUTHORIZATION], [payment.as_argument()]))

    def transfer_all_signed(self, payments: Sequence[SignedTransfer]) -> str:
        """The call that makes many signed payments, and skips those that cannot be made."""
        return hex_of(_TRANSFERS + encode([f"{_AUTHORIZATION}[]"], [[each.as_argument() for each in payments]]))

    def permit(self, permit: Permit, signature: bytes) -> str:
        """The call that files a signed ERC-2612 permit."""
        filed = (permit.owner, permit.spender, permit.value, permit.deadline, signature)
        return self.call_data("permit(address,address,uint256,uint256,bytes)", *filed)

    def outcomes_in(self, logs: Iterable[Mapping[str, Any]]) -> dict[tuple[str, bytes], str | None]:
        """What a transaction did, by payer and nonce: None for a payment made, or the reason for one skipped."""
        found: dict[tuple[str, bytes], str | None] = {}
        for log in logs:
            topics = [bytes(topic) for topic in log["topics"]]
            if log["address"] != self.address or len(topics) != len(("event", "authorizer", "nonce")):
                continue
            key = address_of(topics[1][12:]), topics[2]
            if hex_of(topics[0]) == _USED:
                found[key] = None
            elif hex_of(topics[0]) == _SKIPPED:
                reason = bytes(log["data"])[:4]
                found.setdefault(key, packaged_errors().name_of(reason) or hex_of(reason))
        return found
