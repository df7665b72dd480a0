"""ABIs.

load_abi        missing, no name at all, broken files; each packaged one
ErrorDecoder    by name; structs and lists; built in; unknown; data that does not fit; shared selector
"""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from sbi_network.errors import AbiError
from sbi_network.protocol.abi import (
    AbiItem,
    DecodedError,
    ErrorDecoder,
    available_abis,
    load_abi,
    loading,
    packaged_errors,
)

HOLDER = "0x000000000000000000000000000000000000dEaD"
ITEMS: list[AbiItem] = [
    {"type": "function", "name": "ignored", "inputs": []},
    {"type": "error", "name": "Plain", "inputs": []},
    {
        "type": "error",
        "name": "AboveField",
        "inputs": [{"name": "given", "type": "uint256"}, {"name": "max", "type": "uint256"}],
    },
    {
        "type": "error",
        "name": "Nested",
        "inputs": [
            {
                "name": "items",
                "type": "tuple[]",
                "components": [{"name": "holder", "type": "address"}, {"name": "data", "type": "bytes"}],
            },
            {"name": "", "type": "address[2]"},
        ],
    },
]
DECODER = ErrorDecoder(ITEMS)


def revert(signature: str, *values: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1]
    return bytes(keccak(text=signature)[:4]) + encode([types] if types.startswith("(") else types.split(","), values)


def test_decode__two_figures__by_name() -> None:
    decoded = DECODER.decode(revert("AboveField(uint256,uint256)", 7, 5))
    assert decoded == DecodedError("AboveField", {"given": 7, "max": 5})
    assert str(decoded) == "AboveField(given=7, max=5)"


def test_decode__no_arguments__name_alone() -> None:
    assert str(DECODER.decode(bytes(keccak(text="Plain()")[:4]))) == "Plain()"


def test_decode__structs_lists_and_an_unnamed_argument__by_name() -> None:
    selector = bytes(keccak(text="Nested((address,bytes)[],address[2])")[:4])
    data = selector + encode(["(address,bytes)[]", "address[2]"], [[(HOLDER, b"\xab")], [HOLDER, HOLDER]])
    decoded = DECODER.decode(data)
    assert decoded is not None
    assert decoded.arguments == {"items": ({"holder": HOLDER, "data": b"\xab"},), "_1": (HOLDER, HOLDER)}
    assert str(decoded) == f"Nested(items=[(holder={HOLDER}, data=0xab)], _1=[{HOLDER}, {HOLDER}])"


def test_decode__built_in__reason_and_code() -> None:
    assert str(DECODER.decode(revert("Error(string)", "too late"))) == "Error(message='too late')"
    assert str(DECODER.decode(revert("Panic(uint256)", 0x11))) == "Panic(code=17)"


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x12\x34\x56\x78", bytes(keccak(text="ignored()")[:4])])
def test_decode__unknown_selector__none(data: bytes) -> None:
    assert DECODER.decode(data) is None


@pytest.mark.parametrize("cut", [1, 32, 60])
def test_decode__data_cut_short__refused(cut: int) -> None:
    with pytest.raises(AbiError, match="AboveField"):
        DECODER.decode(revert("AboveField(uint256,uint256)", 7, 5)[:-cut])


@given(
    st.sampled_from(["Nested((address,bytes)[],address[2])", "Error(string)", "AboveField(uint256,uint256)"]),
    st.binary(),
)
def test_decode__any_data_behind_a_known_selector__decoded_or_refused(signature: str, data: bytes) -> None:
    try:
        DECODER.decode(bytes(keccak(text=signature)[:4]) + data)
    except AbiError:
        return


def test_error_decoder__two_errors_of_one_selector__refused() -> None:
    # A known collision of four-byte selectors.
    pair: list[AbiItem] = [
        {
            "type": "error",
            "name": "transfer",
            "inputs": [{"name": "a", "type": "address"}, {"name": "b", "type": "uint256"}],
        },
        {"type": "error", "name": "many_msg_babbage", "inputs": [{"name": "a", "type": "bytes1"}]},
    ]
    with pytest.raises(AbiError, match="share a selector"):
        ErrorDecoder(pair)


def test_error_decoder__same_error_in_two_abis__first_names_count() -> None:
    again = {
        "type": "error",
        "name": "AboveField",
        "inputs": [{"name": "x", "type": "uint256"}, {"name": "y", "type": "uint256"}],
    }
    decoded = ErrorDecoder([*ITEMS, again]).decode(revert("AboveField(uint256,uint256)", 7, 5))
    assert decoded is not None
    assert list(decoded.arguments) == ["given", "max"]


@pytest.mark.parametrize("name", ["NoSuchContract", "", "../errors", "loading.py", "a b"])
def test_load_abi__not_in_the_package__says_what_is(name: str) -> None:
    with pytest.raises(AbiError, match="there are"):
        load_abi(name)


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "not JSON"), ("{}", "not a list"), ("[1]", "not a list"), ("[{}]", "not a list")]
)
def test_load_abi__broken_file__refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    (tmp_path / "Broken.json").write_text(text)
    monkeypatch.setattr(loading, "files", lambda _package: tmp_path)
    load_abi.cache_clear()
    with pytest.raises(AbiError, match=reason):
        load_abi("Broken")


def test_load_abi__every_packaged__loads_and_its_errors_decode() -> None:
    if not available_abis():
        pytest.skip("no ABI in the package: `make abi` writes them")
    for name in available_abis():
        assert load_abi(name)
    assert packaged_errors().decode(b"") is None
