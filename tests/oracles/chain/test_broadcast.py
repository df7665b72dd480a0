"""What clients say to a raw transaction, each in its own words."""

from __future__ import annotations

import pytest

from sbi_network.chain.broadcast import Verdict, verdict_of_all
from sbi_network.chain.endpoints import Endpoint, Reply
from sbi_network.chain.errors import EndpointError
from sbi_network.chain.provider import HttpProvider

SAID = [
    ("already known", Verdict.TAKEN),  # go-ethereum
    ("AlreadyKnown", Verdict.TAKEN),  # Nethermind
    ("Known transaction", Verdict.TAKEN),  # Besu
    ("transaction already imported", Verdict.TAKEN),  # Anvil
    ("nonce too low: next nonce 5, tx nonce 3", Verdict.NONCE_USED),
    ("OldNonce, Current nonce: 5, nonce of rejected tx: 3", Verdict.NONCE_USED),
    ("replacement transaction underpriced", Verdict.UNDERPRICED),
    ("transaction underpriced: tip needed 1, tip permitted 0", Verdict.UNDERPRICED),
    ("max fee per gas less than block base fee: address 0x, maxFeePerGas: 1", Verdict.UNDERPRICED),
    ("FeeTooLow, MaxFeePerGas too low", Verdict.UNDERPRICED),
    ("insufficient funds for gas * price + value", Verdict.POOR),
    ("Insufficient funds for gas * price + value", Verdict.POOR),
    ("Upfront cost exceeds account balance", Verdict.POOR),
    ("exceeds block gas limit", Verdict.REJECTED),
]


def _reply(message: str | None) -> Reply:
    endpoint = Endpoint(1, HttpProvider("http://nowhere.invalid", 1))
    if message is None:
        return Reply(endpoint, None, EndpointError("Timeout", "no answer"))
    if message == "":
        return Reply(endpoint, {"jsonrpc": "2.0", "result": "0x" + "1" * 64})
    return Reply(endpoint, {"jsonrpc": "2.0", "error": {"code": -32000, "message": message}})


@pytest.mark.parametrize(("message", "verdict"), SAID)
def test_verdict__in_each_clients_words__is_understood(message: str, verdict: Verdict) -> None:
    assert verdict_of_all([_reply(message)]) is verdict


@pytest.mark.parametrize(
    ("messages", "verdict"),
    [
        ([None, None], Verdict.UNREACHED),
        ([None, ""], Verdict.TAKEN),
        (["nonce too low", "already known"], Verdict.TAKEN),
        (["exceeds block gas limit", "replacement transaction underpriced"], Verdict.UNDERPRICED),
        ([], Verdict.UNREACHED),
    ],
)
def test_verdict_of_all__several__the_best_counts(messages: list[str | None], verdict: Verdict) -> None:
    assert verdict_of_all([_reply(each) for each in messages]) is verdict
