"""How observations become one report.

All of it is deterministic: two oracles with the same observations have the same report, to the bit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sbi_network.errors import AgreementError, FormatError, RangeError, SignatureError
from sbi_network.protocol.figure import UINT64_MAX, ZERO_WORD, check_uint, check_word
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import Observation, Report
from sbi_network.protocol.oracle_set import OracleConfig
from sbi_network.protocol.sumtree import Leaf, Sums, SumTree
from sbi_network.protocol.units import public_output_down, weighted_x16

_ENTRY: Final = struct.Struct(">QQQ32s")
"""rawGeneral (8) ‖ rawIntelligent (8) ‖ rawSuper (8) ‖ readingDigest (32)."""

ENTRY_BYTES: Final = _ENTRY.size


@dataclass(frozen=True, slots=True)
class Entry:
    """What one oracle saw of one facility: raw output by class in nGAICPh, and the digest of the signed reading.

    All zero where it accepted no reading. Raises RangeError, also for output without a reading.
    """

    raw_general: int = 0
    raw_intelligent: int = 0
    raw_super: int = 0
    reading_digest: bytes = ZERO_WORD

    def __post_init__(self) -> None:
        for figure in self.raw:
            check_uint("raw output", figure, UINT64_MAX)
        check_word("readingDigest", self.reading_digest)
        if self.reading_digest == ZERO_WORD and any(self.raw):
            raise RangeError("entry", self.raw, "no output where there is no reading")

    @property
    def raw(self) -> tuple[int, int, int]:
        """Raw output by class."""
        return (self.raw_general, self.raw_intelligent, self.raw_super)


NO_ENTRY: Final = Entry()
"""The entry of a facility whose reading an oracle did not accept."""


def encode_entries(entries: Iterable[Entry]) -> bytes:
    """The entries of all facilities, in order of their numbers: 56 bytes each."""
    return b"".join([_ENTRY.pack(*entry.raw, entry.reading_digest) for entry in entries])


def decode_entries(data: bytes) -> tuple[Entry, ...]:
    """The entries in what `encode_entries` wrote. Raises FormatError or RangeError."""
    if len(data) % ENTRY_BYTES:
        raise FormatError("entries", bytes(data), f"a multiple of {ENTRY_BYTES} bytes")
    return tuple([Entry(*fields) for fields in _ENTRY.iter_unpack(data)])


def readings_hash(entries: Iterable[Entry]) -> bytes:
    """`readings` of an observation: the 32-byte hash of all entries."""
    return keccak256(encode_entries(entries))


@dataclass(frozen=True, slots=True)
class ListedObservation:
    """An observation as a leader lists it: whose it is, what was signed, and the entries behind its hash."""

    oracle: int
    signed: Signed[Observation]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class AgreedReport:
    """A report with the tree that it commits to: the tree is what disputes and reveals are answered from."""

    report: Report
    tree: SumTree


def check_observation(listed: ListedObservation, config: OracleConfig, epoch: int, facility_count: int) -> None:
    """Check that an observation is this oracle's, for this configuration and epoch, and covers all facilities.

    Raises AgreementError or SignatureError. That each entry goes back to a reading the facility signed is for the
    caller to check, who alone has the readings.
    """
    observation = listed.signed.message
    if not 0 <= listed.oracle < len(config.signers):
        raise AgreementError(f"there is no oracle {listed.oracle} among {len(config.signers)}")
    if observation.config_digest != config.digest:
        raise AgreementError(f"oracle {listed.oracle} observed under another configuration")
    if observation.epoch != epoch:
        raise AgreementError(f"oracle {listed.oracle} observed epoch {observation.epoch}, not {epoch}")
    if len(listed.entries) != facility_count:
        raise AgreementError(f"oracle {listed.oracle} lists {len(listed.entries)} facilities, not {facility_count}")
    if readings_hash(listed.entries) != observation.readings:
        raise AgreementError(f"the entries of oracle {listed.oracle} are not those it signed")
    signer = listed.signed.signer(config.domain)
    if signer != config.signers[listed.oracle]:
        raise SignatureError(f"{signer} signed for oracle {listed.oracle}, which is {config.signers[listed.oracle]}")


def report_from_observations(
    listed: Sequence[ListedObservation],
    config: OracleConfig,
    epoch: int,
    view: int,
    public_shares_bps: Sequence[int],
) -> AgreedReport:
    """The report that follows from 2f + 1 observations, whatever their order.

    `public_shares_bps` holds the public share of each facility in this epoch, in order of their numbers; its length is
    the number of facilities. Raises AgreementError or SignatureError for a list from which no report follows,
    RangeError or SumOverflowError for output that a report cannot hold.
    """
    if len(listed) != config.quorum or len({observation.oracle for observation in listed}) != len(listed):
        oracles = sorted(observation.oracle for observation in listed)
        raise AgreementError(f"given observations of oracles {oracles}, expected {config.quorum} different ones")
    for observation in listed:
        check_observation(observation, config, epoch, len(public_shares_bps))
    columns = zip(*[observation.entries for observation in listed], strict=True)
    agreed = [median_entry(column, config.weights_x16) for column in columns]
    tree = tree_of(agreed, config.weights_x16, public_shares_bps)
    report = Report(
        config_digest=config.digest,
        epoch=epoch,
        view_number=view,
        weights_version=config.weights_version,
        facility_count=tree.count,
        root=tree.root,
        raw_general=tree.sums.general,
        raw_intelligent=tree.sums.intelligent,
        raw_super=tree.sums.super_,
        public_output=tree.sums.public_output,
    )
    return AgreedReport(report, tree)


def median_entry(entries: Sequence[Entry], weights_x16: tuple[int, int, int]) -> Entry:
    """Of 2f + 1 entries for one facility the one at place f: no f of their makers can move it past all the others."""
    # Mostly all oracles saw the same: then there is nothing to sort.
    if all(entry == entries[0] for entry in entries):
        return entries[0]
    ordered = sorted(entries, key=lambda entry: (weighted_x16(entry.raw, weights_x16), entry.raw, entry.reading_digest))
    return ordered[len(ordered) // 2]


def tree_of(entries: Sequence[Entry], weights_x16: tuple[int, int, int], public_shares_bps: Sequence[int]) -> SumTree:
    """The Merkle-sum tree over the agreed entries of all facilities. Raises RangeError or SumOverflowError."""
    leaves = []
    for facility, (entry, share) in enumerate(zip(entries, public_shares_bps, strict=True)):
        sums = Sums(*entry.raw, public_output_down(entry.raw, weights_x16, share))
        leaves.append(Leaf(facility, sums, entry.reading_digest))
    return SumTree(leaves)
