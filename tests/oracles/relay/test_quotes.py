"""Quotes and nonces.

quote   as it travels → the same again; any digit changed, another key, nonsense → refused
nonce   of two places, payers, relayers → different; of a payment and its fee → neighbours in one word; mostly zeros
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import FormatError
from sbi_network.relay.jobs import Kind
from sbi_network.relay.quotes import Quote, fee_nonce, next_word, nonce_at, opened, opens_word
from tests.oracles.relay.people import TOKEN, somebody

KEY = b"k" * 32
QUOTES = st.builds(
    Quote,
    st.integers(1, 2**160 - 1).map(somebody),
    st.sampled_from(Kind),
    st.integers(0, 2**256 - 1),
    st.integers(0, 2**63),
    st.integers(0, 2**39),
)


@settings(deadline=None)
@given(QUOTES)
def test_quote__sealed_and_opened__is_the_same(quote: Quote) -> None:
    assert opened(KEY, quote.sealed(KEY)) == quote


@settings(deadline=None)
@given(QUOTES, st.data())
def test_quote__with_a_changed_digit__is_refused(quote: Quote, data: st.DataObject) -> None:
    text = quote.sealed(KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    digit = data.draw(st.sampled_from("0123456789abcdef").filter(lambda each: each != text[place]))
    with pytest.raises(FormatError):
        opened(KEY, text[:place] + digit + text[place + 1 :])


@pytest.mark.parametrize("text", ["", "00", "zz", "00" * 85, "0" * 171])
def test_quote__that_is_none__is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        opened(KEY, text)


def test_quote__under_another_key__is_refused() -> None:
    with pytest.raises(FormatError):
        opened(KEY, Quote(somebody(9), Kind.PAYMENT, 1, 2, 3).sealed(b"other" * 8))


@settings(deadline=None)
@given(st.integers(0, 2**38), st.integers(0, 2**38))
def test_nonce__of_two_places__differ_and_leave_room_for_the_fee(one: int, other: int) -> None:
    first, second = (nonce_at(TOKEN, somebody(3), somebody(4), each) for each in (one, other))
    assert (first == second) == (one == other)
    assert fee_nonce(first)[:31] == first[:31]
    assert fee_nonce(first) != second
    assert first[:23] == bytes(23)


def test_nonce__of_another_payer_or_relayer__differs() -> None:
    nonces = {nonce_at(TOKEN, somebody(r), somebody(p), 0) for r in range(3, 9) for p in range(20, 40)}
    assert len(nonces) == 6 * 20


def test_word__holds_128_payments_with_their_fees() -> None:
    words = [nonce_at(TOKEN, somebody(3), somebody(4), place)[:31] for place in range(256)]
    assert len(set(words)) == 2
    assert [place for place in range(300) if opens_word(place)] == [0, 128, 256]
    assert (next_word(0), next_word(127), next_word(128)) == (128, 128, 256)
