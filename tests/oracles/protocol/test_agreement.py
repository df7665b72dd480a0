"""Agreement.

entries                     bytes as docs/protocol.md writes them, round trip, garbage
median_entry                worked examples; f liars cannot move it past what the honest saw
report_from_observations    same report from any order; unfit lists
"""

from __future__ import annotations

import dataclasses

import pytest
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from sbi_network.errors import AgreementError, FormatError, ProtocolError, RangeError, SignatureError, SumOverflowError
from sbi_network.protocol.agreement import (
    NO_ENTRY,
    Entry,
    ListedObservation,
    decode_entries,
    encode_entries,
    median_entry,
    readings_hash,
    report_from_observations,
)
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Observation
from sbi_network.protocol.oracle_set import OracleConfig
from sbi_network.protocol.sumtree import verify_proof

from .strategies import CONTRACT, account, uint64s, words

ACCOUNTS = [account(number) for number in range(1, 8)]
WEIGHTS = (32, 16, 64)
CONFIG = OracleConfig(31337, CONTRACT, 1, 1, WEIGHTS, tuple(each.address for each in ACCOUNTS))
SHARES = (10_000, 5_000, 1)
SEEN = (Entry(10, 20, 30, b"\1" * 32), Entry(1, 0, 0, b"\2" * 32), NO_ENTRY)

entries = st.builds(Entry, uint64s, uint64s, uint64s, words.filter(any)) | st.just(NO_ENTRY)
close_entries = st.builds(
    Entry, *[st.integers(0, 3)] * 3, st.sampled_from([b"\1" * 32, b"\2" * 32, b"\3" * 32])
) | st.just(NO_ENTRY)


def listed(
    oracle: int, seen: tuple[Entry, ...] = SEEN, epoch: int = 7, config: OracleConfig = CONFIG
) -> ListedObservation:
    observation = Observation(config.digest, epoch, readings_hash(seen))
    return ListedObservation(oracle, Signed(observation, observation.sign(ACCOUNTS[oracle], CONFIG.domain)), seen)


LISTED = [listed(oracle) for oracle in range(7)]


@given(st.lists(entries, max_size=5).map(tuple))
def test_encode_entries__any__as_the_protocol_page_and_back(given_entries: tuple[Entry, ...]) -> None:
    parts = [
        b"".join(figure.to_bytes(8, "big") for figure in (e.raw_general, e.raw_intelligent, e.raw_super))
        + e.reading_digest
        for e in given_entries
    ]
    assert encode_entries(given_entries) == b"".join(parts)
    assert readings_hash(given_entries) == keccak(b"".join(parts))
    assert decode_entries(b"".join(parts)) == given_entries


def test_decode_entries__another_length__refused() -> None:
    with pytest.raises(FormatError, match="56"):
        decode_entries(bytes(57))


def test_entry__output_without_a_reading__refused() -> None:
    with pytest.raises(RangeError, match="no output"):
        decode_entries(b"\1".ljust(56, b"\0"))


def test_median_entry__by_weighted_output_first__takes_the_middle() -> None:
    general, intelligent, super_ = (Entry(3, 0, 0, b"\1" * 32), Entry(0, 5, 0, b"\1" * 32), Entry(0, 0, 2, b"\1" * 32))
    # Weighted 6, 5 and 8, though the figures themselves are 3, 5 and 2.
    assert median_entry([super_, intelligent, general], WEIGHTS) == general


def test_median_entry__equal_weighted_output__by_raw_then_digest() -> None:
    low, high = Entry(1, 0, 0, b"\1" * 32), Entry(1, 0, 0, b"\2" * 32)
    other = Entry(0, 2, 0, b"\3" * 32)  # the same weighted output, less general
    assert median_entry([high, low, other], WEIGHTS) == low
    assert median_entry([high, low, high], WEIGHTS) == high


@given(st.lists(close_entries, min_size=5, max_size=5), st.permutations(range(5)))
def test_median_entry__another_order__is_the_same(seen: list[Entry], order: list[int]) -> None:
    assert median_entry([seen[place] for place in order], WEIGHTS) == median_entry(seen, WEIGHTS)


@given(close_entries, st.lists(entries, min_size=2, max_size=2))
def test_median_entry__f_liars_among_equal_honest__is_what_the_honest_saw(honest: Entry, lies: list[Entry]) -> None:
    assert median_entry([lies[0], honest, honest, lies[1], honest], WEIGHTS) == honest


@given(st.permutations(range(7)))
@settings(max_examples=20, deadline=None)
def test_report_from_observations__any_quorum_in_any_order__same_report(order: list[int]) -> None:
    agreed = report_from_observations([LISTED[oracle] for oracle in order[:5]], CONFIG, 7, 3, SHARES)
    report = agreed.report
    assert (report.raw_general, report.raw_intelligent, report.raw_super) == (11, 20, 30)
    # 2 * 10 + 20 + 4 * 30 wholly public, and half of 2 * 1.
    assert report.public_output == 161
    assert (report.epoch, report.view_number, report.weights_version, report.facility_count) == (7, 3, 1, 3)
    assert report.root == agreed.tree.root
    for leaf in agreed.tree.leaves:
        assert leaf.reading_digest == SEEN[leaf.facility].reading_digest
        assert verify_proof(leaf, agreed.tree.proof(leaf.facility), 3, agreed.tree.commitment)


def test_report_from_observations__f_saw_otherwise__report_of_the_rest() -> None:
    liar = (Entry(2**64 - 1, 0, 0, b"\7" * 32), NO_ENTRY, Entry(1, 1, 1, b"\7" * 32))
    honest = report_from_observations(LISTED[:5], CONFIG, 7, 0, SHARES)
    mixed = report_from_observations([listed(0, liar), listed(1, liar), *LISTED[2:5]], CONFIG, 7, 0, SHARES)
    assert mixed.report == honest.report


OTHER_CONFIG = dataclasses.replace(CONFIG, config_version=2)
UNFIT = {
    "too few": LISTED[:4],
    "too many": LISTED[:6],
    "one twice": [*LISTED[:4], LISTED[0]],
    "another epoch": [*LISTED[:4], listed(4, epoch=8)],
    "another configuration": [*LISTED[:4], listed(4, config=OTHER_CONFIG)],
    "a facility missing": [*LISTED[:4], listed(4, SEEN[:2])],
    "entries not those signed": [*LISTED[:4], dataclasses.replace(LISTED[4], entries=SEEN[::-1])],
    "no such oracle": [*LISTED[:4], dataclasses.replace(LISTED[4], oracle=7)],
    "below zero": [*LISTED[:4], dataclasses.replace(LISTED[6], oracle=-1)],
}


@pytest.mark.parametrize("fault", UNFIT)
def test_report_from_observations__unfit_list__refused(fault: str) -> None:
    with pytest.raises(AgreementError):
        report_from_observations(UNFIT[fault], CONFIG, 7, 0, SHARES)


def test_report_from_observations__anothers_signature__refused() -> None:
    forged = dataclasses.replace(LISTED[4], oracle=5)
    with pytest.raises(SignatureError, match="oracle 5"):
        report_from_observations([*LISTED[:4], forged], CONFIG, 7, 0, SHARES)


def test_report_from_observations__more_than_a_report_holds__refused() -> None:
    full = tuple(Entry(0, 2**63, 0, b"\1" * 32) for _ in range(3))
    with pytest.raises(SumOverflowError, match="intelligent"):
        report_from_observations([listed(oracle, full) for oracle in range(5)], CONFIG, 7, 0, SHARES)


def test_report_from_observations__share_above_the_whole__refused() -> None:
    with pytest.raises(ProtocolError, match="public_share_bps"):
        report_from_observations(LISTED[:5], CONFIG, 7, 0, (10_001, 0, 0))
