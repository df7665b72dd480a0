"""Sends a plan, step by step, and goes on where it stopped.

Where it stands is asked of the chain: the account's next nonce is the next step. A step is signed, noted on disk, and
sent, in this order; so whatever was ever sent is known, and is sent again, the same bytes, if nobody has it any more. A
transaction that waits too long is replaced, under its own nonce, by one that pays more. A reorg that takes steps back
takes the nonce back, and they are sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import rlp
from ape import chain
from eth_utils.crypto import keccak
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import HTTPError, Timeout
from web3.exceptions import (
    CannotHandleRequest,
    ContractCustomError,
    ContractLogicError,
    ContractPanicError,
    TransactionNotFound,
    Web3RPCError,
)

from sbi_network.chain.refusal import decoded_revert

if TYPE_CHECKING:
    from ape.api import AccountAPI
    from scripts._plan import Plan, Step
    from scripts._progress import Progress
    from web3 import Web3

Answer = TypeVar("Answer")

MOST_GAS = 2**24
"""Of a transaction, since EIP-7825."""

_GWEI = 10**9
_ETHER = 10**18
_RAISE = (9, 8)
"""An eighth more: what nodes want for a replacement, a tenth, and some."""

_SPARE_GAS = (11, 10)
_MOST_TRIES = 8
_TOO_MANY, _SERVER_ERRORS = 429, 500


class SendingError(RuntimeError):
    """A plan that cannot go on; says at which step, and what to do. Nothing that was sent is lost."""


class _TakenBackError(Exception):
    """A reorg took a step back while it was looked at."""


class Stage(Enum):
    """How far a step is."""

    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"


@dataclass(frozen=True)
class Manner:
    """How to send: the most to pay for a unit of gas, blocks to wait for in the end, seconds between looks, and how
    long a transaction may wait before its fees are raised."""

    max_fee_wei: int
    confirmations: int = 0
    poll_s: float = 1.0
    patience_s: float = 60.0


@dataclass(frozen=True)
class Mined:
    """Where a step ended up."""

    step: Step
    transaction: str
    block: int
    gas_used: int
    fee_wei: int


Tell = Callable[["Step", Stage, str], None]
"""Told of each step that moves: the step, how far it is, and a remark."""


def silent(step: Step, stage: Stage, remark: str) -> None:
    """Tells nobody."""


class Sender:
    """One account carrying out one plan. Without notes it cannot be resumed: for tests and rehearsals."""

    def __init__(
        self, account: AccountAPI, plan: Plan, manner: Manner, progress: Progress | None = None, tell: Tell = silent
    ) -> None:
        self._account = account
        self._plan = plan
        self._manner = manner
        self._progress = progress
        self._tell = tell
        self._signed: dict[int, list[bytes]] = {}
        self._web3: Web3 = chain.provider.web3

    def run(self) -> list[Mined]:
        """Sends what is left, and waits until all of it lies deep enough. Raises SendingError."""
        while True:
            with suppress(_TakenBackError):
                return self._go_on()

    def _go_on(self) -> list[Mined]:
        steps = self._plan.steps
        told = self._next_place()
        for step in steps[:told]:
            self._mined(step)  # what is there already must be this deployment's
        while True:
            place = self._next_place()
            for settled in range(told, place):
                self._report(steps[settled])
            told = place
            if place < len(steps):
                self._settle(steps[place])
            elif self._deep_enough():
                return [self._mined(step) for step in steps]
            else:
                time.sleep(self._manner.poll_s)

    def _next_place(self) -> int:
        place = self._count() - self._plan.first_nonce
        if place < 0:
            raise SendingError(
                f"{self._plan.deployer} has sent fewer transactions than when this deployment began: the chain is "
                "another one, or its node is behind"
            )
        return min(place, len(self._plan.steps))

    def _count(self) -> int:
        return int(self._asked(lambda: self._web3.eth.get_transaction_count(self._plan.deployer)))  # type: ignore[arg-type]

    def _deep_enough(self) -> bool:
        last = self._mined(self._plan.steps[-1]).block
        height = int(self._asked(lambda: self._web3.eth.block_number))
        return height - last >= self._manner.confirmations

    def _settle(self, step: Step) -> None:
        """One step from wherever it is to a block; returns as well if the fees have to be thought over again."""
        signed = self._noted(step.nonce)
        if not signed:
            signed = [self._sign(step, self._gas(step), self._fees())]
        self._send(step, signed[-1])
        until = time.monotonic() + self._manner.patience_s
        while self._waits(step):
            if time.monotonic() > until:
                self._raise_fees(step, signed[-1])
                return
            if all(self._unknown(each) for each in signed):
                self._send(step, signed[-1])
            time.sleep(self._manner.poll_s)

    def _waits(self, step: Step) -> bool:
        """Whether a step's nonce is the next one still. Raises _TakenBackError where a reorg put it further off."""
        count = self._count()
        if count < step.nonce:
            raise _TakenBackError
        return count == step.nonce

    def _report(self, step: Step) -> None:
        mined = self._mined(step)
        self._tell(step, Stage.MINED, f"block {mined.block}, {mined.gas_used:,} gas")

    def _mined(self, step: Step) -> Mined:
        """A step's receipt, of whichever of its transactions made it. Raises SendingError for none, or a failed one."""
        noted = self._noted(step.nonce)
        for _ in range(_MOST_TRIES if noted else 0):
            for each in noted:
                receipt = self._receipt(each)
                if receipt is not None:
                    return _read(step, each, receipt)
            if self._waits(step):
                raise _TakenBackError
            time.sleep(self._manner.poll_s)  # of several nodes behind one address, one may be a block behind
        raise SendingError(
            f"{step.label}: nonce {step.nonce} of {self._plan.deployer} was used by a transaction that is not of this "
            "deployment (use the account for nothing else meanwhile): begin another with --restart"
        )

    def _receipt(self, signed: bytes) -> Any:
        try:
            return self._asked(lambda: self._web3.eth.get_transaction_receipt(_hash(signed)))  # type: ignore[arg-type]
        except TransactionNotFound:
            return None

    def _unknown(self, signed: bytes) -> bool:
        try:
            self._asked(lambda: self._web3.eth.get_transaction(_hash(signed)))  # type: ignore[arg-type]
        except TransactionNotFound:
            return True
        return False

    def _noted(self, nonce: int) -> list[bytes]:
        return self._progress.signed(nonce) if self._progress else self._signed.get(nonce, [])

    def _sign(self, step: Step, gas: int, fees: tuple[int, int]) -> bytes:
        """Signs and notes. Raises SendingError if the account does not sign."""
        most, tip = fees
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": chain.chain_id,
            "nonce": step.nonce,
            "data": step.data,
            "gas": gas,
            "maxFeePerGas": most,
            "maxPriorityFeePerGas": tip,
        }
        if step.to is not None:
            fields["to"] = step.to
        unsigned = chain.provider.network.ecosystem.create_transaction(**fields)
        signed = self._account.sign_transaction(unsigned)
        if signed is None:
            raise SendingError(f"{step.label}: {self._plan.deployer} did not sign; run this again to go on")
        raw = bytes(signed.serialize_transaction())
        if self._progress:
            self._progress.note(step.nonce, raw)
        else:
            self._signed.setdefault(step.nonce, []).append(raw)
        self._tell(step, Stage.SIGNED, _hash(raw))
        return raw

    def _send(self, step: Step, signed: bytes) -> None:
        try:
            self._asked(lambda: self._web3.eth.send_raw_transaction(signed))
        except (Web3RPCError, ValueError) as error:
            self._judge(step, signed, str(error))
        self._tell(step, Stage.SENT, _hash(signed))

    def _judge(self, step: Step, signed: bytes, refusal: str) -> None:
        """A node's refusal: fine if it has the transaction or its nonce is used by now, else the end."""
        if not self._waits(step) or not self._unknown(signed):
            return
        if "insufficient funds" in refusal.lower():
            raise SendingError(f"{step.label}: {self._short_of()}; send it some, and run this again to go on")
        if "underpriced" not in refusal.lower() and "fee" not in refusal.lower():
            raise SendingError(f"{step.label}: the node refuses the transaction: {refusal}")

    def _short_of(self) -> str:
        held = int(self._asked(lambda: self._web3.eth.get_balance(self._plan.deployer)))  # type: ignore[arg-type]
        return f"{self._plan.deployer} has only {held / _ETHER:.6f} of the native coin left"

    def _gas(self, step: Step) -> int:
        """What a step takes, and a tenth. Raises SendingError, with the contract's own error, if it is refused."""
        request: dict[str, Any] = {"from": self._plan.deployer, "data": step.data}
        if step.to is not None:
            request["to"] = step.to
        try:
            estimate = int(self._asked(lambda: self._web3.eth.estimate_gas(request)))  # type: ignore[arg-type]
        except (ContractCustomError, ContractLogicError, ContractPanicError) as refusal:
            self._waits(step)  # else what it builds on is not there any more
            raise SendingError(f"{step.label}: would be refused: {refusal_words(refusal)}") from None
        except (Web3RPCError, ValueError) as error:
            if "insufficient funds" in str(error).lower():
                raise SendingError(f"{step.label}: {self._short_of()}; send it some, and run this again") from None
            raise SendingError(f"{step.label}: the node cannot tell what it takes: {error}") from None
        if estimate > MOST_GAS:
            raise SendingError(f"{step.label}: takes {estimate:,} gas, expected at most {MOST_GAS:,}")
        return min(estimate * _SPARE_GAS[0] // _SPARE_GAS[1], MOST_GAS)

    def _fees(self) -> tuple[int, int]:
        """The most and the tip for a unit of gas: room for the base fee to double, within the limit."""
        limit = self._manner.max_fee_wei
        while True:
            base, tip = self._asked(lambda: current_fees(self._web3))
            if base + tip <= limit:
                return min(2 * base + tip, limit), tip
            self._tell(
                self._plan.steps[self._next_place()],
                Stage.SIGNED,
                f"waits: gas costs {(base + tip) / _GWEI:.3f} gwei, above the limit of {limit / _GWEI:.3f}",
            )
            time.sleep(self._manner.poll_s)

    def _raise_fees(self, step: Step, waiting: bytes) -> None:
        if not self._waits(step):
            return
        before, gas = _fees_and_gas(waiting)
        most, tip = (-(-each * _RAISE[0] // _RAISE[1]) for each in before)
        least, usual = self._fees()
        most, tip = max(most, least), max(tip, usual)
        if most > self._manner.max_fee_wei:
            self._tell(step, Stage.SENT, "waits, and pays all it may: --max-fee-gwei sets the limit")
            return
        self._sign(step, gas, (most, tip))

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        """An answer of the node, asked again where it is busy or out of reach. Raises SendingError if it stays so."""
        for attempt in range(_MOST_TRIES):
            try:
                return question()
            except HTTPError as error:
                status = error.response.status_code if error.response is not None else 0
                if status != _TOO_MANY and status < _SERVER_ERRORS:
                    raise SendingError(f"the node answers HTTP {status}; run this again to go on") from None
            except (CannotHandleRequest, NoConnection, Timeout):  # the first: web3's word for a node that went away
                pass
            time.sleep(self._manner.poll_s * 2**attempt / 4)
        raise SendingError(f"the node did not answer {_MOST_TRIES} times in a row; run this again to go on")


def current_fees(web3: Web3) -> tuple[int, int]:
    """The base fee, and the tip that the node recommends; in wei for a unit of gas."""
    return int(web3.eth.get_block("latest").get("baseFeePerGas", 0)), int(web3.eth.max_priority_fee)


def _read(step: Step, signed: bytes, receipt: Any) -> Mined:
    if receipt["status"] != 1:
        raise SendingError(
            f"{step.label}: the transaction {_hash(signed)} failed in block {receipt['blockNumber']}; this deployment "
            "cannot be completed: begin another with --restart"
        )
    paid = int(receipt.get("effectiveGasPrice", 0)) * int(receipt["gasUsed"])
    return Mined(step, _hash(signed), int(receipt["blockNumber"]), int(receipt["gasUsed"]), paid)


def _hash(signed: bytes) -> str:
    return "0x" + keccak(signed).hex()


def _fees_and_gas(signed: bytes) -> tuple[tuple[int, int], int]:
    """The most, the tip, and the gas of a signed transaction of type 2 (EIP-1559)."""
    _, _, tip, most, gas, *_ = rlp.decode(signed[1:])
    return (int.from_bytes(most), int.from_bytes(tip)), int.from_bytes(gas)


def refusal_words(refusal: ContractCustomError | ContractLogicError | ContractPanicError) -> str:
    """A contract's own error, by name and fields."""
    return str(decoded_revert(refusal.data) or refusal)
