"""Files that people hand to `sbi govern`: proposals, ballots, deployment records, settings.

proposal
├── good: calls by role, function and arguments; the number is OpenZeppelin's; decoded again, the same words
└── bad: unknown keys, contracts, functions, arguments of the wrong kind, a file that is too long: where and why
ballot
├── good: written, read, the voter's
└── tampered with: refused, for what was signed is another
deployment record, govern.toml: bad ones, named
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.chain.errors import SettingsError
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.settings import load_settings
from sbi_network.govern.ballot import SignedBallot, load_ballot, sign_ballot
from sbi_network.govern.errors import BallotError, ProposalError
from sbi_network.govern.governor import Support
from sbi_network.govern.proposal import Call, decode_call, load_proposal
from sbi_network.govern.settings import Deployment, GovernSettings, load_deployment
from sbi_network.protocol.abi import load_abi
from sbi_network.protocol.abi.revert import selector_of
from sbi_network.protocol.address import check_address
from sbi_network.protocol.keccak import keccak256

GOVERNOR = check_address("governor", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
VAULT = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
EXCHANGE = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
ORACLES = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"
RECORD = {
    "chain_id": 31337,
    "contracts": {
        "governor": {"contract": "SuiteGovernor", "address": GOVERNOR},
        "vault": {"contract": "DistributionVault", "address": VAULT},
        "exchange": {"contract": "ComputeExchange", "address": EXCHANGE},
        "oracles": {"contract": "ComputeOracleRegistry", "address": ORACLES},
    },
}
DEPLOYMENT = Deployment.model_validate(RECORD)
SELECTORS = {selector_of(item) for item in load_abi("DistributionVault") if item["type"] == "function"}
VOTER = Account.from_key(keccak256(b"a voter"))
CALL = 'description = "x"\n[[calls]]\ncontract = "{}"\nfunction = "{}"\narguments = {}'


def written(folder: Path, text: str) -> Path:
    path = folder / "file"
    path.write_text(text, encoding="utf-8")
    return path


# Proposals


def test_load_proposal__good__is_what_the_governor_takes(tmp_path: Path) -> None:
    text = CALL.format("vault", "scheduleTerms", f'["{EXCHANGE}", "@oracles", 40]')
    proposal = load_proposal(written(tmp_path, text), DEPLOYMENT)
    data = keccak256(b"scheduleTerms(address,address,uint256)")[:4]
    data += encode(["address", "address", "uint256"], [EXCHANGE, ORACLES, 40])
    assert proposal.calls == (Call(check_address("vault", VAULT), data),)
    kinds = ["address[]", "uint256[]", "bytes[]", "bytes32"]
    number = keccak256(encode(kinds, [[VAULT], [0], [data], keccak256(b"x")]))
    assert proposal.number == int.from_bytes(number)
    shown = str(decode_call(proposal.calls[0], DEPLOYMENT))
    assert shown.startswith("vault.scheduleTerms(policy=0x90f7")
    assert shown.endswith("fromEpoch=40)")


def test_load_proposal__structs_and_arrays__encoded(tmp_path: Path) -> None:
    arguments = f'[["{VAULT}", "@governor"], [32, 16, 64], ["{VAULT}", "{EXCHANGE}"], 7]'
    proposal = load_proposal(written(tmp_path, CALL.format("oracles", "scheduleConfig", arguments)), DEPLOYMENT)
    kinds = ["address[]", "uint256[3]", "(address,address)", "uint256"]
    assert proposal.calls[0].data[4:] == encode(kinds, [[VAULT, GOVERNOR], [32, 16, 64], (VAULT, EXCHANGE), 7])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "description: Field required"),
        ('description = "x"\ncalls = []', "calls: .*at least 1 item"),
        ('description = "x"\nvalue = 1\n[[calls]]\ncontract = "vault"\nfunction = "resume"', "value: Extra inputs"),
        (CALL.format("mint", "x", []), "call 0: no contract 'mint', expected one of governor, vault"),
        (CALL.format("vault", "mint", []), "DistributionVault has no function 'mint' that changes anything"),
        (CALL.format("vault", "issued", []), "DistributionVault has no function 'issued' that changes anything"),
        (CALL.format("exchange", "safeTransferFrom", []), "several functions 'safeTransferFrom'"),
        (
            CALL.format("exchange", "setShares", []),
            "0 arguments given, expected uint256 feeBps, uint256 recirculateBps",
        ),
        (CALL.format("exchange", "setShares", [-1, 2]), "call 0: setShares: "),
        (CALL.format("exchange", "setShares", '["one", 2]'), "call 0: setShares: "),
        (CALL.format("vault", "scheduleTerms", '["0x12", "@oracles", 4]'), "call 0: scheduleTerms: "),
        (CALL.format("vault", "scheduleTerms", '["@nobody", "@oracles", 4]'), "no contract 'nobody' in the deployment"),
        (CALL.format("vault", "noteRecirculated", f"[{2**256}]"), "call 0: noteRecirculated: "),
        ("description = ", "is not TOML"),
        ("#" * (2**18 + 1), "expected at most 262144 bytes"),
    ],
)
def test_load_proposal__bad__says_where_and_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProposalError, match=message):
        load_proposal(written(tmp_path, text), DEPLOYMENT)


def test_load_proposal__no_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(ProposalError, match="cannot be read"):
        load_proposal(tmp_path / "none", DEPLOYMENT)


@given(st.binary(max_size=80))
def test_decode_call__any_bytes__decoded_or_refused(data: bytes) -> None:
    call = Call(check_address("vault", VAULT), data)
    if data[:4] in SELECTORS:
        return
    with pytest.raises(ProposalError, match="vault: no function has the selector"):
        decode_call(call, DEPLOYMENT)


def test_decode_call__arguments_cut_short__refused() -> None:
    selector = keccak256(b"scheduleTerms(address,address,uint256)")[:4]
    with pytest.raises(ProposalError, match=r"vault\.scheduleTerms: "):
        decode_call(Call(check_address("vault", VAULT), selector + bytes(64)), DEPLOYMENT)


def test_decode_call__to_a_stranger__refused() -> None:
    with pytest.raises(ProposalError, match="no contract of this suite"):
        decode_call(Call(check_address("x", "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"), b""), DEPLOYMENT)


# Ballots


def ballot(number: int = 7, support: Support = Support.FOR, nonce: int = 0) -> SignedBallot:
    return asyncio.run(sign_ballot(KeystoreSigner(VOTER), 31337, GOVERNOR, number, support, nonce))


@given(st.integers(0, 2**256 - 1), st.sampled_from(Support), st.integers(0, 2**64))
def test_ballot__written__keeps_every_figure(number: int, support: Support, nonce: int) -> None:
    signed = ballot(number, support, nonce)
    text = json.loads(signed.to_json())
    assert (int(text["proposalId"]), text["support"], text["nonce"]) == (number, support.name.lower(), nonce)
    assert text["voter"] == VOTER.address


def test_load_ballot__good__is_the_voters(tmp_path: Path) -> None:
    signed = ballot(2**256 - 1)
    assert load_ballot(written(tmp_path, signed.to_json())) == signed


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"for"', '"against"', "signed by 0x"),
        ('"proposalId": "7"', '"proposalId": "8"', "signed by 0x"),
        ('"chainId": 31337', '"chainId": 1', "signed by 0x"),
        (GOVERNOR, VAULT, "signed by 0x"),
        (str(VOTER.address), VAULT, f"signed by 0x.*, expected {VAULT}"),
        ('"for"', '"maybe"', "is not a ballot"),
        ('"nonce": 0', '"nonce": -1', "is not a ballot"),
        ('"nonce": 0', '"nonce": null', "is not a ballot"),
        ('"0x', '"zz', "is not a ballot"),
        ('"nonce"', '"number"', "expected a ballot with"),
        ("{", "[", "expected a ballot with"),
    ],
)
def test_load_ballot__tampered_with__refused(tmp_path: Path, before: str, after: str, message: str) -> None:
    text = ballot().to_json()
    assert before in text
    with pytest.raises(BallotError, match=message):
        load_ballot(written(tmp_path, text.replace(before, after, 1)))


def test_load_ballot__too_long_or_none__refused(tmp_path: Path) -> None:
    with pytest.raises(BallotError, match="expected a ballot with"):
        load_ballot(written(tmp_path, ballot().to_json() + " " * 2**16))
    with pytest.raises(BallotError, match="cannot be read"):
        load_ballot(tmp_path / "none")


# Records and settings


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("{", "[", "expected a deployment record in JSON"),
        ('"chain_id"', '"chain"', "chain_id: Field required"),
        (GOVERNOR, "0x12", "contracts.governor.address: "),
    ],
)
def test_load_deployment__bad__says_what(tmp_path: Path, before: str, after: str, message: str) -> None:
    path = written(tmp_path, json.dumps(RECORD).replace(before, after, 1))
    with pytest.raises(SettingsError, match=message):
        load_deployment(path)


def test_address_of__unknown_role__names_those_there_are() -> None:
    with pytest.raises(SettingsError, match="no contract 'mint' in the deployment: expected one of governor, vault"):
        DEPLOYMENT.address_of("mint")


def test_settings__without_a_key__says_which_section(tmp_path: Path) -> None:
    path = tmp_path / "govern.toml"
    path.write_text('[network]\nrpc_url = "http://127.0.0.1:1"\ndeployment = "record.json"\n')
    settings = load_settings(GovernSettings, path)
    assert settings.network.deployment == tmp_path / "record.json"
    with pytest.raises(SettingsError, match=r"\[sending\] is missing"):
        settings.sending_key()
    with pytest.raises(SettingsError, match=r"\[voting\] is missing"):
        settings.voting_key()
