"""The oracle set.

faults_of, quorum_of, leader    n = 3f + 1 and other n
OracleConfig                    digest as eth_abi encodes it; every part is bound; refused sets
signatures of a report          any quorum in any order; short, repeated, foreign, exchanged
"""

from __future__ import annotations

import dataclasses

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import AgreementError, FormatError, ProtocolError, RangeError, SignatureError
from sbi_network.protocol.messages import Report
from sbi_network.protocol.oracle_set import (
    OracleConfig,
    check_report_signatures,
    faults_of,
    leader,
    pack_signatures,
    quorum_of,
    unpack_signatures,
)

from .strategies import CONTRACT, account, addresses

ACCOUNTS = [account(number) for number in range(1, 8)]
CONFIG = OracleConfig(31337, CONTRACT, 5, 2, (32, 16, 64), tuple(each.address for each in ACCOUNTS))
REPORT = Report(CONFIG.digest, 7, 1, 2, 3, bytes(32), 1, 2, 3, 4)
SIGNATURES = {number: REPORT.sign(each, CONFIG.domain) for number, each in enumerate(ACCOUNTS)}


@pytest.mark.parametrize(("n", "f", "quorum"), [(1, 0, 1), (4, 1, 3), (7, 2, 5), (31, 10, 21), (256, 85, 171)])
def test_quorum_of__3f_plus_1__is_2f_plus_1(n: int, f: int, quorum: int) -> None:
    assert faults_of(n) == f
    assert quorum_of(n) == quorum


@pytest.mark.parametrize("n", [0, 2, 3, 5, 6, 8, -2, 259, True, 4.0])
def test_quorum_of__other_n__refused(n: int) -> None:
    with pytest.raises(RangeError, match="3f"):
        quorum_of(n)


@pytest.mark.parametrize(("epoch", "view", "number"), [(0, 0, 0), (0, 1, 1), (3, 1, 0), (2**64 - 1, 2**64 - 1, 2)])
def test_leader__of_four__takes_turns(epoch: int, view: int, number: int) -> None:
    assert leader(epoch, view, 4) == number


def test_leader__n_not_3f_plus_1_or_view_negative__refused() -> None:
    with pytest.raises(RangeError):
        leader(1, 1, 5)
    with pytest.raises(RangeError, match="view"):
        leader(1, -1, 4)


@given(st.lists(addresses, min_size=4, max_size=4, unique=True), st.integers(0, 2**256 - 1), st.integers(0, 2**64))
@settings(max_examples=40)
def test_config_digest__any_config__is_the_hash_of_the_abi_encoding(
    signers: list[str], chain: int, weight: int
) -> None:
    config = OracleConfig(chain, CONTRACT, 5, 2, (weight, 16, 64), tuple(signers))  # type: ignore[arg-type]
    types = ["uint256", "address", "uint256", "uint256", "uint256[3]", "address[]"]
    assert config.digest == keccak(encode(types, [chain, CONTRACT, 5, 2, (weight, 16, 64), signers]))


def test_config_digest__one_part_changed__differs() -> None:
    changes = [
        {"chain_id": 1},
        {"registry": ACCOUNTS[0].address},
        {"config_version": 6},
        {"weights_version": 3},
        {"weights_x16": (16, 32, 64)},
        {"signers": CONFIG.signers[::-1]},
    ]
    digests = {dataclasses.replace(CONFIG, **change).digest for change in changes}  # type: ignore[arg-type]
    assert len(digests | {CONFIG.digest}) == len(changes) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"signers": CONFIG.signers[:6]},
        {"signers": ()},
        {"signers": CONFIG.signers[:6] + CONFIG.signers[:1]},
        {"signers": (*CONFIG.signers[:6], CONFIG.signers[6].lower())},
        {"weights_x16": (1, 2)},
        {"config_version": -1},
        {"chain_id": 2**256},
        {"registry": "0x0"},
    ],
)
def test_oracle_config__unfit_part__refused(change: dict[str, object]) -> None:
    with pytest.raises(RangeError):
        dataclasses.replace(CONFIG, **change)  # type: ignore[arg-type]


def test_number_of__signer_and_stranger__number_and_error() -> None:
    assert CONFIG.number_of(ACCOUNTS[4].address) == 4
    with pytest.raises(AgreementError, match="no oracle"):
        CONFIG.number_of(account(99).address)


@given(st.permutations(range(7)), st.integers(5, 7))
def test_check_report_signatures__any_quorum_in_any_order__accepted_in_order(order: list[int], count: int) -> None:
    packed = pack_signatures({number: SIGNATURES[number] for number in order[:count]})
    assert len(packed) == 65 * count
    assert check_report_signatures(REPORT, packed, CONFIG) == tuple(sorted(order[:count]))


@given(st.permutations(range(7)), st.integers(0, 4))
def test_check_report_signatures__fewer_than_quorum__refused(order: list[int], count: int) -> None:
    packed = pack_signatures({number: SIGNATURES[number] for number in order[:count]})
    with pytest.raises(AgreementError, match="needs 5"):
        check_report_signatures(REPORT, packed, CONFIG)


def test_check_report_signatures__two_exchanged__refused() -> None:
    exchanged = SIGNATURES | {0: SIGNATURES[1], 1: SIGNATURES[0]}
    with pytest.raises(SignatureError, match="oracle 0"):
        check_report_signatures(REPORT, pack_signatures(exchanged), CONFIG)


def test_check_report_signatures__number_beyond_the_set__refused() -> None:
    with pytest.raises(AgreementError, match="no oracle 7"):
        check_report_signatures(REPORT, pack_signatures(SIGNATURES | {7: SIGNATURES[0]}), CONFIG)


def test_check_report_signatures__report_changed_after_signing__refused() -> None:
    with pytest.raises(SignatureError):
        check_report_signatures(dataclasses.replace(REPORT, public_output=5), pack_signatures(SIGNATURES), CONFIG)


def test_check_report_signatures__other_configuration__refused() -> None:
    other = dataclasses.replace(CONFIG, config_version=6)
    with pytest.raises(AgreementError, match="another configuration"):
        check_report_signatures(REPORT, pack_signatures(SIGNATURES), other)


def test_unpack_signatures__repeated_or_out_of_order__refused() -> None:
    one, two = (pack_signatures({number: SIGNATURES[number]}) for number in (1, 2))
    assert unpack_signatures(one + two) == {1: SIGNATURES[1], 2: SIGNATURES[2]}
    for packed in (one + one, two + one):
        with pytest.raises(FormatError, match="oracle number"):
            unpack_signatures(packed)


@given(st.binary(max_size=200))
def test_unpack_signatures__any_bytes__read_as_written_or_refused(data: bytes) -> None:
    try:
        signatures = unpack_signatures(data)
    except ProtocolError:
        return
    assert pack_signatures(signatures) == data


def test_pack_signatures__number_beyond_a_byte__refused() -> None:
    with pytest.raises(RangeError, match="oracle number"):
        pack_signatures({256: SIGNATURES[0]})
