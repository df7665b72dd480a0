"""Messages.

type strings        as docs/protocol.md and the ERCs write them
digest              as eth_account computes it; another contract's domain
validation          each field out of range
sign and signer     the signer is recovered; another message is another signer
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import RangeError
from sbi_network.protocol.address import ZERO_ADDRESS
from sbi_network.protocol.messages import (
    MESSAGE_TYPES,
    Reading,
    Receipt,
    citizens_domain,
    exchange_domain,
    registry_domain,
    token_domain,
)
from sbi_network.protocol.typed_data import Domain, TypedMessage, layout_of

from .strategies import CONTRACT, account, domain_of, messages, other_domain_name

PROTOCOL_PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"
READING = Reading(3, 7, 1, 2, 3, bytes(32))

AUTHORISATION = "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"
STANDARD_TYPES = {
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
    f"TransferWithAuthorization({AUTHORISATION})",
    f"ReceiveWithAuthorization({AUTHORISATION})",
    "CancelAuthorization(address authorizer,bytes32 nonce)",
}


def test_type_strings__own_messages__are_those_of_the_protocol_page() -> None:
    on_page = set(re.findall(r"^    ([A-Z]\w+\(\w+ \w+(?:,\w+ \w+)*\))$", PROTOCOL_PAGE.read_text(), re.MULTILINE))
    assert len(on_page) == 11
    assert on_page | STANDARD_TYPES == {layout_of(message).type_string for message in MESSAGE_TYPES}


def test_type_hash__of_permit_and_transfer__are_the_published_constants() -> None:
    hashes = {message.__name__: layout_of(message).type_hash.hex() for message in MESSAGE_TYPES}
    assert hashes["Permit"] == "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9"
    assert hashes["TransferWithAuthorization"] == "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267"
    assert hashes["ReceiveWithAuthorization"] == "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8"
    assert hashes["CancelAuthorization"] == "158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429"


@given(messages)
@settings(max_examples=150, deadline=None)
def test_digest__any_message__is_what_eth_account_computes(message: TypedMessage) -> None:
    domain = domain_of(message)
    expected = _hash_eip191_message(encode_typed_data(full_message=message.to_typed_data(domain)))
    assert message.digest(domain) == expected


def test_domains__by_constructor__carry_the_names_of_the_protocol_page() -> None:
    page = PROTOCOL_PAGE.read_text()
    for make in (registry_domain, citizens_domain, exchange_domain, token_domain):
        domain = make(1, CONTRACT)
        assert f"name `{domain.name}`, version `{domain.version}`" in page.replace("Domain: n", "n")


@given(messages)
@settings(max_examples=20)
def test_digest__other_contracts_domain__refused(message: TypedMessage) -> None:
    with pytest.raises(RangeError, match="domain of"):
        message.digest(Domain(other_domain_name(message), 1, CONTRACT))


def test_digest__other_chain_or_registry__differs() -> None:
    digests = {
        READING.digest(registry_domain(chain, address)) for chain in (1, 2) for address in (CONTRACT, ZERO_ADDRESS)
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("facility", 2**32),
        ("facility", -1),
        ("facility", True),
        ("facility", 1.0),
        ("facility", "1"),
        ("facility", None),
        ("epoch", 2**64),
        ("raw_super", 2**64),
        ("evidence", bytes(31)),
        ("evidence", bytes(33)),
        ("evidence", bytearray(32)),
        ("evidence", "0x" + "00" * 32),
    ],
)
def test_reading__field_out_of_range__refused_with_given_and_expected(field: str, value: Any) -> None:
    with pytest.raises(RangeError) as caught:
        dataclasses.replace(READING, **{field: value})
    assert caught.value.given is value
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    "holder",
    [
        CONTRACT.lower(),
        CONTRACT.upper(),
        CONTRACT[2:],
        CONTRACT + "0",
        "0x000000000000000000000000000000000000DEaD",
        b"\0" * 20,
    ],
)
def test_receipt__address_without_right_checksum__refused(holder: object) -> None:
    with pytest.raises(RangeError, match="holder"):
        Receipt(1, holder, 0, 0)  # type: ignore[arg-type]


@given(messages, st.integers(1, 2**200))
@settings(max_examples=30, deadline=None)
def test_signer__of_own_signature__is_the_account(message: TypedMessage, key: int) -> None:
    domain = domain_of(message)
    assert message.signer(message.sign(account(key), domain), domain) == account(key).address


def test_signer__signature_over_another_message__is_not_the_account() -> None:
    domain = registry_domain(1, CONTRACT)
    signature = READING.sign(account(1), domain)
    assert dataclasses.replace(READING, epoch=8).signer(signature, domain) != account(1).address
