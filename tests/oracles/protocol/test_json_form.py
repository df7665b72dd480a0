"""Messages as JSON.

round trip        any signed message; large integers become strings
decode_signed     examples of what strangers send; any JSON at all; one change to a good text
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import FormatError, ProtocolError, RangeError
from sbi_network.protocol.json_form import (
    MAX_TEXT_CHARS,
    Signed,
    decode_signed,
    encode_signed,
    message_from_object,
    message_to_object,
    parse_json,
)
from sbi_network.protocol.messages import Observation, Reading, Receipt, registry_domain
from sbi_network.protocol.typed_data import TypedMessage

from .strategies import CONTRACT, account, domain_of, messages

DOMAIN = registry_domain(31337, CONTRACT)
READING = Reading(3, 7, 1, 2**53 - 1, 2**64 - 1, bytes(range(32)))
SIGNED = Signed(READING, READING.sign(account(1), DOMAIN))
GOOD = json.loads(encode_signed(SIGNED))

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(messages)
@settings(deadline=None)
def test_decode_signed__what_encode_wrote__is_the_same_and_has_the_same_signer(message: TypedMessage) -> None:
    signed = Signed(message, message.sign(account(2), domain_of(message)))
    text = encode_signed(signed)
    again = decode_signed(type(message), text.encode())
    assert again == signed
    assert again.signer(domain_of(message)) == account(2).address
    assert len(text) * 3 < MAX_TEXT_CHARS


def test_message_to_object__integers__are_strings_beyond_2_to_the_53() -> None:
    given = message_to_object(READING)
    assert given["rawIntelligent"] == 9007199254740991
    assert given["rawSuper"] == "18446744073709551615"


def test_message_from_object__small_integer_as_string__read() -> None:
    assert message_from_object(Reading, message_to_object(READING) | {"epoch": "7"}) == READING


@pytest.mark.parametrize(
    "epoch",
    [
        -1,
        2**64,
        2**53,
        10**400,
        1.0,
        1e3,
        True,
        None,
        "",
        "07",
        "-1",
        "+7",
        " 7",
        "7 ",
        "0x7",
        "1e3",
        "\u0667",
        "9" * 78,
        [7],
        {"epoch": 7},
    ],
)
def test_message_from_object__integer_of_another_form__refused(epoch: object) -> None:
    with pytest.raises(ProtocolError, match="epoch"):
        message_from_object(Reading, message_to_object(READING) | {"epoch": epoch})


@pytest.mark.parametrize(
    "evidence",
    [
        "",
        "0x",
        "0x" + "0" * 63,
        "0x" + "0" * 65,
        "0" * 66,
        "0X" + "0" * 64,
        "0x" + "AB" * 32,
        "0x" + " 0" * 32,
        "0x" + "g" * 64,
        0,
        None,
    ],
)
def test_message_from_object__bytes_of_another_form__refused(evidence: object) -> None:
    with pytest.raises(FormatError, match="evidence"):
        message_from_object(Reading, message_to_object(READING) | {"evidence": evidence})


@pytest.mark.parametrize("holder", [None, 1, "0x0", [], "0x000000000000000000000000000000000000dead"])
def test_message_from_object__address_of_another_form__refused(holder: object) -> None:
    good = message_to_object(Receipt(1, account(1).address, 0, 0))
    with pytest.raises(RangeError, match="holder"):
        message_from_object(Receipt, good | {"holder": holder})


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"type": "Observation"},
        {"type": None},
        {"message": []},
        {"message": GOOD["message"] | {"raw_general": 1}},
        {"message": {key: value for key, value in GOOD["message"].items() if key != "epoch"}},
        {"signature": "0x" + "00" * 64},
        {"signature": GOOD["signature"] + "1b"},
        {"signature": GOOD["signature"][:-1] + "G"},
        {"signature": 5},
    ],
)
def test_decode_signed__one_wrong_part__refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        decode_signed(Reading, json.dumps(GOOD | change))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        b"\xff\xfe",
        '{"message":NaN}',
        '{"type":1,"type":2,"message":{},"signature":""}',
        "[" * 4000,
        '{"message":' + "9" * 4000,
        " " * (MAX_TEXT_CHARS + 1),
        encode_signed(SIGNED) + "x",
    ],
)
def test_decode_signed__garbage__refused(text: str | bytes) -> None:
    with pytest.raises(FormatError):
        decode_signed(Reading, text)


def test_decode_signed__key_repeated_in_a_good_text__refused() -> None:
    text = encode_signed(SIGNED)
    assert decode_signed(Reading, text) == SIGNED
    with pytest.raises(FormatError, match="each key once"):
        decode_signed(Reading, text.replace('"epoch":7', '"epoch":6,"epoch":7'))


def test_decode_signed__other_encoding_than_utf_8__refused() -> None:
    with pytest.raises(FormatError, match="JSON text"):
        decode_signed(Reading, encode_signed(SIGNED).encode("utf-16"))


def test_parse_json__number_of_thousands_of_digits__refused() -> None:
    with pytest.raises(FormatError):
        parse_json("9" * 5000, max_chars=10_000)


def test_decode_signed__message_of_another_type__refused() -> None:
    with pytest.raises(FormatError, match="Observation"):
        decode_signed(Observation, encode_signed(SIGNED))


@given(any_json)
def test_decode_signed__any_json__refused_with_an_error_of_ours(given_json: object) -> None:
    with pytest.raises(ProtocolError):
        decode_signed(Reading, json.dumps(given_json))


@given(st.sampled_from(sorted(GOOD["message"])), any_json)
def test_decode_signed__any_json_in_one_field__refused_or_read_as_it_is(field: str, value: object) -> None:
    text = json.dumps(GOOD | {"message": GOOD["message"] | {field: value}})
    try:
        message = decode_signed(Reading, text).message
    except ProtocolError:
        return
    assert str(message_to_object(message)[field]) == str(value)
