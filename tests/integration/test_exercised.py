"""Every external function, custom error and event of the suite's contracts is exercised by the tests in Solidity.

functions
└── of each contract: called, by forge's own count
errors
├── declared by an interface or a library: expected by name, and at least once with its arguments
└── in a contract's ABI, inherited: expected by name, or listed here with the reason why nothing throws it

events
└── declared by an interface: emitted after `expectEmit`, hence compared with all its arguments

An error counts as expected where its selector stands in the argument of `expectRevert`, `expectPartialRevert` or a
helper named `_expect…Revert…`: written out, or by way of a helper function or a local variable. Which contract threw it
the sources do not tell: an error that several contracts share (a library's) is asked for once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sbi_network.protocol.abi import load_abi
from tests.integration.shadow import BIN, ROOT, run

pytestmark = [pytest.mark.slow, pytest.mark.integration]

CONTRACTS = (
    "SBIToken",
    "DistributionVault",
    "ComputeOracleRegistry",
    "CitizenRegistry",
    "IssuancePolicy",
    "ComputeExchange",
    "EcdsaVerifier",
    "SignerBonds",
    "ComputeDisputes",
    "ProductDisputes",
    "AuditTerms",
    "CitizenVotes",
    "SecondChamber",
    "SuiteGovernor",
    "SuiteTimelock",
    "SuiteAccessManager",
)
DECLARING = ("contracts/interfaces", "contracts/libraries", "contracts/governance")
TESTS = ROOT / "tests" / "foundry"

NEVER_THROWN = {
    "AccessManagedRequiredDelay": "OpenZeppelin declares it and throws it nowhere",
    "ERC20InvalidApprover": "whoever approves is who calls or who signed, never the zero address",
    "ERC721InvalidSender": "a voucher's number is minted once",
    "VotesExpiredSignature": "IVotes declares it for delegation by signature, which this suite refuses to all",
    "InvalidShortString": "names and versions of EIP-712 domains are constants of less than 32 bytes",
    "StringTooLong": "the same constants",
    "GovernorInvalidVoteParams": "IGovernor declares it for ways of counting that this suite does not have",
    "GovernorInvalidVotingPeriod": "likewise: the period is held within its range by OutOfRange",
    "GovernorAlreadyQueuedProposal": "likewise, for another timelock",
    "GovernorProposalQueueingNotRequired": "every proposal goes through the timelock",
    "GovernorProposalQueueingFailed": "the timelock answers with a time, which is never zero",
    "InvalidAccountNonce": "a ballot's nonce is part of what is signed, and not given",
    "CheckpointUnorderedInsertion": "quorums are kept by the time of their block",
    "ERC6372InconsistentClock": "seconds are read as seconds",
    "InsufficientBalance": "the access manager passes on the coins it is called with, and no others",
    "SafeCastOverflowedUintDowncast": "times in seconds fit 48 bits for nine million years",
}
"""Errors that stand in an ABI because a base contract can throw them, and why this suite cannot."""

_EXPECTS = r"\b(?:vm\s*\.\s*expect(?:Partial)?Revert|_expect\w*Revert\w*)\s*\("
_EXPECTS_WHOLE = r"\b(?:vm\s*\.\s*expectRevert|_expect\w*Revert\w*)\s*\("

# Functions


@pytest.fixture(scope="module")
def called() -> dict[str, set[str]]:
    """By contract the functions that the Solidity tests call, each fuzz test run once."""
    once = {**os.environ, "FOUNDRY_FUZZ_RUNS": "1", "FOUNDRY_INVARIANT_RUNS": "1"}
    report = json.loads(run((BIN / "forge", "test", "--gas-report", "--json"), seconds=600, env=once))
    return {
        entry["contract"].rsplit(":", 1)[1]: {name for name, gas in entry["functions"].items() if gas["calls"]}
        for entry in report
    }


@pytest.mark.parametrize("contract", CONTRACTS)
def test_foundry__every_external_function__is_called(contract: str, called: dict[str, set[str]]) -> None:
    functions = {_signature(item) for item in load_abi(contract) if item["type"] == "function"}
    assert functions
    assert sorted(functions - called[contract]) == []


def _signature(item: Any) -> str:
    return f"{item['name']}({','.join(_kind(parameter) for parameter in item['inputs'])})"


def _kind(parameter: Any) -> str:
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_kind(part) for part in parameter['components'])}){kind.removeprefix('tuple')}"


# Errors


def test_foundry__every_declared_error__is_expected() -> None:
    declared = {f"{scope}.{name}" for scope, name in _declared()}
    assert len(declared) > 50
    expected = _expected()
    # A test that writes an error's signature out does not say whose it is.
    assert sorted(each for each in declared if not {each, each.split(".")[1]} & expected) == []


def test_foundry__every_declared_error__is_expected_with_its_arguments() -> None:
    declared = {f"{scope}.{name}" for scope, name in _declared()}
    expected = _expected(_EXPECTS_WHOLE)
    assert sorted(each for each in declared if not {each, each.split(".")[1]} & expected) == []


@pytest.mark.parametrize("contract", CONTRACTS)
def test_foundry__every_error_in_the_abi__is_expected(contract: str) -> None:
    expected = {each.rsplit(".", 1)[-1] for each in _expected()}
    errors = {item["name"] for item in load_abi(contract) if item["type"] == "error"}
    assert errors
    assert sorted(errors - expected - NEVER_THROWN.keys()) == []


def test_foundry__errors_said_never_to_be_thrown__are_not_expected() -> None:
    expected = {each.rsplit(".", 1)[-1] for each in _expected()}
    assert sorted(NEVER_THROWN.keys() & expected) == []


# Events


def test_foundry__every_declared_event__is_expected_with_its_arguments() -> None:
    declared = {f"{scope}.{name}" for scope, name in _declared("event")}
    assert len(declared) > 30
    compared = r"expectEmit\([^;]*;\s*emit\s+(\w+\.\w+)\s*\("
    expected = {name for path in TESTS.glob("*.sol") for name in re.findall(compared, _without_comments(path))}
    assert sorted(declared - expected) == []


def _declared(kind: str = "error") -> Iterator[tuple[str, str]]:
    """The errors, or events, that the suite's own interfaces and libraries declare: (who declares it, its name)."""
    for path in sorted(source for folder in DECLARING for source in (ROOT / folder).glob("*.sol")):
        for scope, body in _definitions(_without_comments(path), r"(?:interface|library|contract)"):
            yield from ((scope, name) for name in re.findall(rf"\b{kind}\s+(\w+)\s*\(", body))


@cache
def _expected(pattern: str = _EXPECTS) -> frozenset[str]:
    """Errors that some `expectRevert` names: `Scope.Error`, or `Error` where the test writes the signature out."""
    sources = [_without_comments(path) for path in sorted(TESTS.glob("*.sol"))]
    functions = [definition for source in sources for definition in _definitions(source, "function")]
    # Helpers of one name in several files say the same kind of thing; taking all of them keeps the reading simple.
    helpers: dict[str, str] = {}
    for name, body in functions:
        helpers[name] = helpers.get(name, "") + body
    found = set()
    for _, body in functions:
        for argument in _arguments(body, pattern):
            found |= _named_in(argument, body, helpers, frozenset())
    return frozenset(found)


def _named_in(text: str, body: str, helpers: dict[str, str], seen: frozenset[str]) -> set[str]:
    """The errors in an expression: its own, those of helpers it calls, those of variables that `body` gives values."""
    found = {f"{scope}.{name}" for scope, name in re.findall(r"\b(\w+)\s*\.\s*(\w+)\s*\.\s*selector\b", text)}
    found |= set(re.findall(r'(?:encodeWithSignature|keccak256)\s*\(\s*"(\w+)\(', text))
    for name in set(re.findall(r"\b(_\w+)\s*\(", text)) & helpers.keys() - seen:
        found |= _named_in(helpers[name], helpers[name], helpers, seen | {name})
    for name in re.findall(r"(?<![.\w])([a-z]\w*)\b(?!\s*[.(\w])", text):
        for value in re.findall(rf"\bbytes(?:4|\s+memory)\s+{name}\s*=([^;]*);", body) if name not in seen else ():
            found |= _named_in(value, body, helpers, seen | {name})
    return found


def _without_comments(path: Path) -> str:
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', r"\1", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def _definitions(source: str, keyword: str) -> Iterator[tuple[str, str]]:
    """Names and bodies of what a keyword defines, abstract functions left out."""
    for head in re.finditer(rf"\b{keyword}\s+(\w+)\b[^;{{]*(?=\{{)", source):
        yield head[1], _balanced(source, head.end())


def _arguments(source: str, call: str) -> Iterator[str]:
    """The argument lists of the calls that match; the pattern ends with the opening parenthesis."""
    for head in re.finditer(call, source):
        yield _balanced(source, head.end() - 1)


def _balanced(source: str, start: int) -> str:
    """From the bracket at `start` to the one that closes it. Brackets within strings do not count."""
    depth = 0
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|[(){}]', source[start:]):
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return source[start : start + token.end()]
    raise AssertionError(f"brackets do not close: {source[start : start + 80]!r}")
