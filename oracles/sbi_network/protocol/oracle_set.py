"""The set of oracles that reports for an epoch: its configuration, who leads, and who has signed a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from eth_typing import ChecksumAddress

from sbi_network.errors import AgreementError, FormatError, RangeError, SignatureError
from sbi_network.protocol.address import address_bytes, check_address
from sbi_network.protocol.figure import UINT64_MAX, UINT256_MAX, WORD_BYTES, check_uint
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.messages import Report, registry_domain
from sbi_network.protocol.signature import COMPACT_BYTES, Signature
from sbi_network.protocol.typed_data import Domain

MAX_ORACLES: Final = 256
"""An oracle's number travels in one byte."""

SIGNATURE_ENTRY_BYTES: Final = 1 + COMPACT_BYTES


def faults_of(oracle_count: int) -> int:
    """f, the number of faulty oracles that n = 3f + 1 withstand. Raises RangeError for any other n."""
    if type(oracle_count) is not int or not 1 <= oracle_count <= MAX_ORACLES or oracle_count % 3 != 1:
        raise RangeError("number of oracles", oracle_count, f"3f + 1, at most {MAX_ORACLES}")
    return oracle_count // 3


def quorum_of(oracle_count: int) -> int:
    """2f + 1 of n = 3f + 1 oracles. Raises RangeError for any other n."""
    return 2 * faults_of(oracle_count) + 1


def leader(epoch: int, view: int, oracle_count: int) -> int:
    """Number of the oracle that leads a view of an epoch. Raises RangeError unless n = 3f + 1."""
    faults_of(oracle_count)
    return (check_uint("epoch", epoch, UINT64_MAX) + check_uint("view", view, UINT64_MAX)) % oracle_count


@dataclass(frozen=True, slots=True)
class OracleConfig:
    """A version of the oracle set as the registry knows it; an oracle's number is its place among `signers`.

    `digest` is what every observation and report is bound to. Raises RangeError unless there are 3f + 1 different
    signers.
    """

    chain_id: int
    registry: ChecksumAddress
    config_version: int
    weights_version: int
    weights_x16: tuple[int, int, int]
    signers: tuple[ChecksumAddress, ...]
    digest: bytes = field(init=False, repr=False, compare=False)
    domain: Domain = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        faults_of(len(self.signers))
        check_address("registry", self.registry)
        for signer, times in Counter(self.signers).items():
            check_address("signer", signer)
            if times > 1:
                raise RangeError("signers", signer, "each signer once")
        if len(self.weights_x16) != 3:
            raise RangeError("weightsX16", self.weights_x16, "three weights")
        object.__setattr__(self, "digest", keccak256(self._encoded()))
        object.__setattr__(self, "domain", registry_domain(self.chain_id, self.registry))

    @property
    def faults(self) -> int:
        """f: how many faulty oracles this set withstands."""
        return faults_of(len(self.signers))

    @property
    def quorum(self) -> int:
        """2f + 1: how many signatures a report needs."""
        return quorum_of(len(self.signers))

    def number_of(self, signer: ChecksumAddress) -> int:
        """The number of the oracle that signs with this account. Raises AgreementError if none does."""
        try:
            return self.signers.index(signer)
        except ValueError:
            raise AgreementError(f"{signer} is no oracle of configuration {self.config_version}") from None

    def _encoded(self) -> bytes:
        """What docs/protocol.md calls abi.encode(chainId, registry, configVersion, …), under `configDigest`."""
        registry, signers = address_bytes(self.registry), [address_bytes(signer) for signer in self.signers]
        head_words = 8
        words = (
            _word("chainId", self.chain_id),
            registry.rjust(WORD_BYTES, b"\0"),
            _word("configVersion", self.config_version),
            _word("weightsVersion", self.weights_version),
            *[_word("weightX16", weight) for weight in self.weights_x16],
            _word("offset of signers", head_words * WORD_BYTES),
            _word("number of signers", len(signers)),
            *[signer.rjust(WORD_BYTES, b"\0") for signer in signers],
        )
        return b"".join(words)


def pack_signatures(signatures: Mapping[int, Signature]) -> bytes:
    """Signatures by oracle number as the registry takes them: 65 bytes each, in order. Raises RangeError."""
    packed = []
    for oracle, signature in sorted(signatures.items()):
        check_uint("oracle number", oracle, MAX_ORACLES - 1)
        packed.append(bytes([oracle]) + signature.to_compact())
    return b"".join(packed)


def unpack_signatures(data: bytes) -> dict[int, Signature]:
    """Signatures by oracle number. Raises FormatError or RangeError for bytes that `pack_signatures` cannot write."""
    if len(data) % SIGNATURE_ENTRY_BYTES:
        raise FormatError("signatures", bytes(data), f"a multiple of {SIGNATURE_ENTRY_BYTES} bytes")
    signatures: dict[int, Signature] = {}
    previous = -1
    for start in range(0, len(data), SIGNATURE_ENTRY_BYTES):
        oracle = data[start]
        if oracle <= previous:
            raise FormatError("oracle number", oracle, f"one above {previous}")
        signatures[oracle] = Signature.from_compact(data[start + 1 : start + SIGNATURE_ENTRY_BYTES])
        previous = oracle
    return signatures


def check_report_signatures(report: Report, packed: bytes, config: OracleConfig) -> tuple[int, ...]:
    """The numbers of the oracles that signed a report, in order, as the registry would accept it.

    Raises AgreementError for another configuration or no quorum, SignatureError for a signature that is not its
    oracle's, FormatError or RangeError for bytes that are no signatures.
    """
    if report.config_digest != config.digest:
        raise AgreementError("the report is for another configuration")
    signatures = unpack_signatures(packed)
    digest = report.digest(config.domain)
    for oracle, signature in signatures.items():
        if oracle >= len(config.signers):
            raise AgreementError(f"there is no oracle {oracle} among {len(config.signers)}")
        signer = signature.recover(digest)
        if signer != config.signers[oracle]:
            raise SignatureError(f"{signer} signed for oracle {oracle}, which is {config.signers[oracle]}")
    if len(signatures) < config.quorum:
        raise AgreementError(f"{len(signatures)} oracles signed; a report needs {config.quorum}")
    return tuple(signatures)


def _word(name: str, value: int) -> bytes:
    return check_uint(name, value, UINT256_MAX).to_bytes(WORD_BYTES)
