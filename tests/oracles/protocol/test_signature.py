"""Signatures.

compact form    the examples of EIP-2098, round trip
from_bytes      wrong length, wrong v, malleable, zero, beyond the order
recover         as eth_keys does; a signature that nobody made
"""

from __future__ import annotations

import pytest
from eth_account.messages import _hash_eip191_message, encode_defunct
from eth_keys.datatypes import Signature as EthKeysSignature
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import FormatError, ProtocolError, RangeError, SignatureError
from sbi_network.protocol.signature import CURVE_ORDER, MAX_S, Signature, sign_digest

from .strategies import account, words

SIGNATURE = sign_digest(account(1), bytes(32))

# https://eips.ethereum.org/EIPS/eip-2098, "Example Implementation"
EIP_KEY = int("1234567890" * 6 + "1234", 16)
EIP_EXAMPLES = [
    (
        "Hello World",
        "68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b90"
        "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064",
        27,
    ),
    (
        "It's a small(er) world",
        "9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76"
        "939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793",
        28,
    ),
]


@pytest.mark.parametrize(("text", "compact", "v"), EIP_EXAMPLES)
def test_to_compact__examples_of_eip_2098__match(text: str, compact: str, v: int) -> None:
    digest = bytes(_hash_eip191_message(encode_defunct(text=text)))
    signature = sign_digest(account(EIP_KEY), digest)
    assert signature.to_compact().hex() == compact
    assert signature.to_bytes()[-1] == v
    assert Signature.from_compact(bytes.fromhex(compact)).recover(digest) == account(EIP_KEY).address


@given(st.integers(1, CURVE_ORDER - 1), st.integers(1, MAX_S), st.integers(0, 1))
def test_signature__both_forms__round_trip(r: int, s: int, y_parity: int) -> None:
    signature = Signature(r, s, y_parity)
    assert Signature.from_bytes(signature.to_bytes()) == signature
    assert Signature.from_compact(signature.to_compact()) == signature


def test_from_bytes__malleable_twin__refused() -> None:
    twin = SIGNATURE.r.to_bytes(32, "big") + (CURVE_ORDER - SIGNATURE.s).to_bytes(32, "big")
    with pytest.raises(RangeError, match="lower half"):
        Signature.from_bytes(twin + bytes([28 - SIGNATURE.y_parity]))


def test_from_compact__s_just_above_half__refused() -> None:
    r = SIGNATURE.r.to_bytes(32, "big")
    assert Signature.from_compact(r + MAX_S.to_bytes(32, "big")).s == MAX_S
    with pytest.raises(RangeError, match="lower half"):
        Signature.from_compact(r + (MAX_S + 1).to_bytes(32, "big"))


@pytest.mark.parametrize("data", [b"", bytes(64), bytes(66), SIGNATURE.to_bytes() + b"\0"])
def test_from_bytes__wrong_length__refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="65 bytes"):
        Signature.from_bytes(data)


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_from_bytes__wrong_v__refused(v: int) -> None:
    with pytest.raises(FormatError, match="27 or 28"):
        Signature.from_bytes(SIGNATURE.to_bytes()[:64] + bytes([v]))


@pytest.mark.parametrize("data", [b"", bytes(63), SIGNATURE.to_bytes()])
def test_from_compact__wrong_length__refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="64 bytes"):
        Signature.from_compact(data)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (CURVE_ORDER, 1), (1, 0), (-1, 1), (1, -1)])
def test_signature__beyond_the_curve__refused(r: int, s: int) -> None:
    with pytest.raises(RangeError):
        Signature(r, s, 0)


def test_recover__r_that_is_no_point__signature_error() -> None:
    # x = 5 is on no point of secp256k1: 5**3 + 7 = 132 has no square root modulo p.
    with pytest.raises(SignatureError, match="no account"):
        Signature(5, 1, 0).recover(bytes(32))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_recover__digest_of_another_size__refused(size: int) -> None:
    with pytest.raises(ProtocolError):
        SIGNATURE.recover(bytes(size))


@given(words, st.integers(1, 2**255))
@settings(max_examples=50, deadline=None)
def test_recover__any_digest__is_what_eth_keys_recovers(digest: bytes, key: int) -> None:
    signature = sign_digest(account(key), digest)
    public_key = EthKeysSignature(vrs=(signature.y_parity, signature.r, signature.s)).recover_public_key_from_msg_hash(
        digest
    )
    assert signature.recover(digest) == public_key.to_checksum_address() == account(key).address
