"""The suite in words: an epoch, a balance, a report, a transaction; each read from the chain when it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ape import chain
from scripts._strict import typed_address
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError, TransactionNotFound

from sbi_network.chain.refusal import decoded_revert
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.abi.revert import DecodedError, selector_of, signature_of
from sbi_network.protocol.amounts import SBI, GAICPh
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.outcome import Outcome

if TYPE_CHECKING:
    from scripts._deploy import Suite

_EPOCHS = 2**32
"""As many as the contracts can number."""

_LAST_DATE_S = 253_402_300_799
"""The end of the year 9999, the last that `datetime` knows."""

_HASH = re.compile(r"[0-9a-fA-F]{64}")

INDEX_UNIT = 10**6
"""Wei in a unit of the dividend index."""

_OUTCOMES = {
    Outcome.OPEN: "open: no report yet, and the deadline has not passed",
    Outcome.PENDING: "pending: reported, and can still be disputed",
    Outcome.FINAL: "final: reported and beyond dispute",
    Outcome.SKIPPED: "skipped: the deadline passed without a report",
    Outcome.VOID: "void: its report was undone",
}


class Words(str):
    """Text that the console shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    @classmethod
    def lines(cls, lines: Iterable[str]) -> Words:
        return cls("\n".join(lines))


def epoch(suite: Suite, number: int | None = None) -> Words:
    """An epoch's report, output and dividend; the one that runs if none is named."""
    return Words.lines(_epoch(suite, int(suite.vault.currentEpoch()) if number is None else _epoch_number(number)))


def _epoch_number(given: object) -> int:
    if type(given) is not int or not 0 <= given < _EPOCHS:
        raise ValueError(f"expected an epoch's number, from 0 to {_EPOCHS - 1}, given {given!r}")
    return given


def _epoch(suite: Suite, number: int) -> Iterator[str]:
    genesis, length = int(suite.vault.genesis()), int(suite.vault.epochLength())
    now = chain.blocks.head.timestamp
    if now < genesis:
        yield f"epoch 0 begins {_time(genesis)}, in {genesis - now} s"
        return
    start = genesis + number * length
    yield f"epoch {number}: {_time(start)} to {_time(start + length)}"
    outcome, output = suite.oracles.outcomeOf(number)
    yield f"report: {_OUTCOMES[Outcome(outcome)]}"
    if output:
        rate = int(suite.vault.rateAt(number))
        yield f"public output: {GAICPh.of(output)}; at {SBI.of(rate)} for a nGAICPh: {GAICPh.of(output).at(rate)}"
    log = next((each for each in _dividends(suite) if int(each.epoch) == number), None)
    if log is not None:
        yield (
            f"dividend: {SBI.of(log.dividend)} to each of {log.headcount:,} citizens, {SBI.of(log.issued)} in all, of "
            f"an entitlement of {SBI.of(log.entitlement)}; {SBI.of(log.reserve)} stay in the reserve"
        )
        return
    due = int(suite.vault.nextEpoch())
    if number < due:
        yield "dividend: none; the epoch was passed over"
    elif number > due:
        yield f"dividend: not yet; epoch {due} comes first"
    elif Outcome(outcome) in (Outcome.SKIPPED, Outcome.VOID):
        yield "dividend: none; the next vault.distribute() passes the epoch over"
    else:
        held = refusal({"to": suite.vault.address, "data": suite.vault.distribute.encode_input()})
        yield ("dividend: due; anyone may call vault.distribute()" if held is None else f"dividend: not yet: {held}")


def why(suite: Suite, address: Any) -> Words:
    """Where an account's balance comes from: what is settled, and what has accrued since, epoch by epoch.

    The account by its address, or as what has one: an account of Ape's, a contract. Raises ValueError for what is none,
    above all for a mistyped one, which would be another's.
    """
    given = getattr(address, "address", address)
    account = typed_address(given)
    if account is None:
        raise ValueError(f"expected an address, 0x and 40 digits with a fitting checksum, given {given!r}")
    return Words.lines(_why(suite, account))


def _why(suite: Suite, address: str) -> Iterator[str]:
    settled, index, accruing = suite.token.accountOf(address)
    balance = int(suite.token.balanceOf(address))
    yield f"{address} holds {SBI.of(balance)}"
    yield f"settled: {SBI.of(settled)}, what it received and spent, and income up to its last settling"
    citizen = suite.citizens.citizenOf(address)
    if not citizen.since:
        yield "no citizen: nothing accrues (a leaf on a roll counts once it is activated)"
    else:
        leaf = f"leaf {citizen.leaf} of batch {citizen.batch}, region {citizen.region}"
        yield f"citizen since {_time(citizen.since)} by {leaf}" + (
            f"; income ended {_time(citizen.until)}" if citizen.until else ""
        )
    if accruing:
        now = int(suite.vault.dividendIndex())
        yield f"accrued: {SBI.of((now - int(index)) * INDEX_UNIT)}, every dividend since its last settling:"
        total = now
        rows = []
        for log in sorted(_dividends(suite), key=lambda each: -int(each.epoch)):
            if total <= int(index):
                break
            rows.append(f"  epoch {log.epoch}: {SBI.of(log.dividend)}")
            total -= int(log.dividend) // INDEX_UNIT
        yield from reversed(rows)


def trace(suite: Suite, report: int | str | bytes) -> Words:
    """An epoch's report from its signers to its dividend; or, given a transaction's hash, what it did, or why it was
    refused."""
    if isinstance(report, int):
        return Words.lines(_report(suite, _epoch_number(report)))
    given = report.hex() if isinstance(report, bytes) else str(report)
    digits = given.removeprefix("0x")
    if not _HASH.fullmatch(digits):
        raise ValueError(
            f"expected an epoch's number, or a transaction's hash of 64 hexadecimal digits, given {given!r}"
        )
    return Words.lines(_transaction(suite, f"0x{digits}"))


def _report(suite: Suite, number: int) -> Iterator[str]:
    outcome, _ = suite.oracles.outcomeOf(number)
    log = next((e for e in suite.logs(suite.oracles.ReportAccepted) if int(e.epoch) == number), None)
    if log is None:
        yield f"epoch {number} has no report; {_OUTCOMES[Outcome(outcome)]}"
        return
    oracles = list(suite.oracles.configAt(number).oracles)
    signed = [place for place in range(len(oracles)) if int(log.signers) >> place & 1]
    yield f"accepted in block {log.block_number} by {log.transaction_hash}"
    yield f"signed by {len(signed)} of {len(oracles)} oracles (configuration {log.configVersion}):"
    yield from (f"  oracle {place}: {oracles[place]}" for place in signed)
    told = dict(zip(_report_fields(), log.report, strict=True))
    yield f"view {told['viewNumber']}, {told['facilityCount']} facilities, root 0x{bytes(told['root']).hex()}"
    for name in ("general", "intelligent", "super"):
        yield f"  {name}: {GAICPh.of(told[f'raw{name.title()}'])} raw"
    yield from _epoch(suite, number)


def _report_fields() -> list[str]:
    """A report's fields in order: Ape gives an event's struct as a list."""
    abi = load_abi("ComputeOracleRegistry")
    event = next(item for item in abi if item["type"] == "event" and item["name"] == "ReportAccepted")
    return [str(each["name"]) for each in event["inputs"][-1]["components"]]


def _transaction(suite: Suite, number: str) -> Iterator[str]:
    eth = chain.provider.web3.eth
    try:
        sent, receipt = eth.get_transaction(number), eth.get_transaction_receipt(number)
    except TransactionNotFound:
        yield f"{number}: no such transaction in a block"
        return
    names = {address: role for role, address in suite.addresses().items()}
    role = names.get(str(sent.get("to")))
    if sent.get("to") is None:
        created = str(receipt["contractAddress"])
        what = f"creation of {names.get(created, 'a contract')} at {created}"
    else:
        what = f"{role}.{_function(suite, role, bytes(sent['input']))}" if role else f"a call to {sent['to']}"
    yield f"{what} by {sent['from']} in block {receipt['blockNumber']}, {receipt['gasUsed']:,} gas"
    if receipt["status"] == 1:
        for log in receipt["logs"]:
            yield f"  {_event(suite, names.get(log['address']), log)}"
        return
    request = {"from": sent["from"], "to": sent["to"], "data": sent["input"], "value": sent["value"]}
    found = refusal(request, int(receipt["blockNumber"]) - 1)
    yield f"refused: {found or 'not any more, as things stood before its block; another transaction came first'}"


def _function(suite: Suite, role: str, data: bytes) -> str:
    abi = load_abi(str(getattr(suite, role).contract_type.name))
    named = (item for item in abi if item["type"] == "function" and selector_of(item) == data[:4])
    return str(next(named, {"name": "an unknown function"})["name"])


def _event(suite: Suite, role: str | None, log: Any) -> str:
    if role is None:
        return f"{log['address']}: an event"
    contract = chain.provider.web3.eth.contract(
        address=log["address"], abi=load_abi(str(getattr(suite, role).contract_type.name))
    )
    for item in contract.abi:
        if (
            item["type"] == "event"
            and log["topics"]
            and keccak256(signature_of(item).encode()) == bytes(log["topics"][0])
        ):
            found = contract.events[item["name"]]().process_log(log)
            return f"{role}: {item['name']}({', '.join(f'{k}={_brief(v)}' for k, v in found['args'].items())})"
    return f"{role}: an event that is not known"


def _brief(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def refusal(request: dict[str, Any], block: int | str = "latest") -> Words | None:
    """Why a call would be refused, in words; None if it would not."""
    try:
        chain.provider.web3.eth.call(request, block)
    except (ContractCustomError, ContractLogicError, ContractPanicError) as refusal:
        return in_words(decoded_refusal(refusal) or _bare(refusal))
    return None


def _bare(refusal: Exception) -> str:
    """A refusal that carries no error of a contract's."""
    reason = str(getattr(refusal, "message", None) or refusal)
    return f"{reason}, without a reason" if getattr(refusal, "data", None) in (None, "0x") else reason


def decoded_refusal(refusal: Exception) -> DecodedError | None:
    """The contract's own error in what web3 raised."""
    return decoded_revert(getattr(refusal, "data", None))


def in_words(refusal: DecodedError | str) -> Words:
    """An error with its fields, and what its interface says of it."""
    if isinstance(refusal, str):
        return Words(refusal)
    said = _MEANINGS.get(refusal.name)
    return Words(f"{refusal}" + (f" ({said})" if said else ""))


_MEANINGS: dict[str, str] = {}
"""What the interfaces say of each error; filled from their NatSpec when the suite is loaded."""


def learn_errors(devdoc: dict[str, Any]) -> None:
    """Takes over what a contract's NatSpec says of its errors."""
    for signature, told in devdoc.get("errors", {}).items():
        details = " ".join(str(each["details"]) for each in told if each.get("details"))
        if details:
            _MEANINGS.setdefault(signature.partition("(")[0], details)


def _dividends(suite: Suite) -> list[Any]:
    return suite.logs(suite.vault.DividendDistributed)


def _time(seconds: int) -> str:
    if seconds > _LAST_DATE_S:
        return f"{seconds} s after 1970"
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
