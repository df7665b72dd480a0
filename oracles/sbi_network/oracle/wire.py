"""What oracles send each other as JSON. Readings travel packed: their facility and epoch follow from their place.

    POST /v1/observations   {"oracle": 2, "observation": {…signed message…}, "readings": "0x…"}
    POST /v1/proposals      {"report": {…message signed by the leader…},
                             "observations": [{"oracle": 2, "observation": {…signed message…}}, …]}
                        →   {"signature": "0x…64 bytes…"}, or problem details with a "reason"
    POST /v1/reports        {…message signed by whoever proposed it…}
    GET  /v1/trees/…    →   {"leaves": "0x…64 bytes a facility…"}

A proposal names the observations that it follows from, without the readings: everyone has them already, and whoever has
not asks the leader. With ten thousand facilities they are megabytes each.

A packed reading is rawGeneral (8) ‖ rawIntelligent (8) ‖ rawSuper (8) ‖ evidence (32) ‖ r (32) ‖ vs (32), all zero
where there is none.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sbi_network.errors import FormatError, ProtocolError
from sbi_network.oracle.errors import Reason, RefusedError
from sbi_network.oracle.observation import BackedObservation, Readings
from sbi_network.protocol.exhibit import decode_leaves
from sbi_network.protocol.figure import WORD_BYTES, bytes_of_hex, hex_of
from sbi_network.protocol.json_form import Signed, decode_signed, encode_signed, parse_json
from sbi_network.protocol.messages import Observation, Reading, Report
from sbi_network.protocol.oracle_set import MAX_ORACLES
from sbi_network.protocol.signature import COMPACT_BYTES, Signature
from sbi_network.protocol.sumtree import SumTree

_READING: Final = struct.Struct(">QQQ32s64s")
_NO_READING: Final = bytes(_READING.size)
_FIXED_CHARS: Final = 4096
"""More than a signed message and the keys around it take."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A leader's signed report, and the 2f + 1 observations it follows from."""

    signed: Signed[Report]
    observations: tuple[BackedObservation, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """What a proposal says of an observation: whose it is, and what was signed."""

    oracle: int
    signed: Signed[Observation]


@dataclass(frozen=True, slots=True)
class Outline:
    """A proposal as it travels."""

    signed: Signed[Report]
    listed: tuple[Listed, ...]


def observation_chars(facilities: int) -> int:
    """The longest JSON of an observation."""
    return _FIXED_CHARS + 2 * _READING.size * facilities


def proposal_chars(quorum: int) -> int:
    """The longest JSON of a proposal."""
    return _FIXED_CHARS * (1 + quorum)


def tree_chars(facilities: int) -> int:
    """The longest JSON of a tree."""
    return _FIXED_CHARS + 4 * WORD_BYTES * facilities


def pack_readings(readings: Readings) -> bytes:
    """The readings of all facilities, in order."""
    return b"".join([_NO_READING if each is None else _packed(each) for each in readings])


def unpack_readings(data: bytes, epoch: int) -> Readings:
    """The readings in what `pack_readings` wrote. Raises FormatError or RangeError."""
    if len(data) % _READING.size:
        raise FormatError("readings", data, f"a multiple of {_READING.size} bytes")
    parts = [data[start : start + _READING.size] for start in range(0, len(data), _READING.size)]
    return tuple(None if part == _NO_READING else _unpacked(part, number, epoch) for number, part in enumerate(parts))


def encode_observation(observation: BackedObservation) -> str:
    """JSON text."""
    return _text(_observation_object(observation))


def decode_observation(body: bytes, max_chars: int) -> BackedObservation:
    """Checks the shape, no signature. Raises RefusedError."""
    try:
        return _observation(parse_json(body, max_chars))
    except ProtocolError as error:
        raise RefusedError(Reason.MALFORMED, str(error)) from None


def encode_proposal(proposal: Proposal) -> str:
    """JSON text."""
    observations = [
        {"oracle": each.oracle, "observation": json.loads(encode_signed(each.signed))} for each in proposal.observations
    ]
    return _text({"report": json.loads(encode_signed(proposal.signed)), "observations": observations})


def decode_proposal(body: bytes, max_chars: int) -> Outline:
    """Checks the shape, no signature. Raises RefusedError."""
    try:
        given = _object("proposal", parse_json(body, max_chars), "report", "observations")
        signed = decode_signed(Report, _text(given["report"]))
        return Outline(signed, tuple([_listed(each) for each in _list(given["observations"])]))
    except ProtocolError as error:
        raise RefusedError(Reason.MALFORMED, str(error)) from None


def encode_signature(signature: Signature) -> str:
    """JSON text of the answer to a proposal."""
    return _text({"signature": hex_of(signature.to_compact())})


def decode_signature(body: bytes) -> Signature:
    """The signature in the answer to a proposal. Raises FormatError or RangeError."""
    given = _object("answer", parse_json(body), "signature")
    return Signature.from_compact(bytes_of_hex("signature", given["signature"], COMPACT_BYTES))


def encode_tree(leaves: bytes) -> str:
    """JSON text of a tree, by what `encode_leaves` wrote."""
    return _text({"leaves": hex_of(leaves)})


def decode_tree(body: bytes, max_chars: int) -> SumTree:
    """The tree in an answer. Raises ProtocolError."""
    given = _object("tree", parse_json(body, max_chars), "leaves")
    return decode_leaves(_any_bytes("leaves", given["leaves"]))


def _packed(signed: Signed[Reading]) -> bytes:
    return _READING.pack(*signed.message.raw, signed.message.evidence, signed.signature.to_compact())


def _unpacked(part: bytes, facility: int, epoch: int) -> Signed[Reading]:
    general, intelligent, super_, evidence, signature = _READING.unpack(part)
    reading = Reading(facility, epoch, general, intelligent, super_, evidence)
    return Signed(reading, Signature.from_compact(signature))


def _observation_object(observation: BackedObservation) -> dict[str, Any]:
    return {
        "oracle": observation.oracle,
        "observation": json.loads(encode_signed(observation.signed)),
        "readings": hex_of(pack_readings(observation.readings)),
    }


def _observation(value: object) -> BackedObservation:
    given = _object("observation", value, "oracle", "observation", "readings")
    listed = _listed({name: given[name] for name in ("oracle", "observation")})
    data = _any_bytes("readings", given["readings"])
    return BackedObservation(listed.oracle, listed.signed, unpack_readings(data, listed.signed.message.epoch))


def _listed(value: object) -> Listed:
    given = _object("observation", value, "oracle", "observation")
    oracle = given["oracle"]
    if type(oracle) is not int or not 0 <= oracle < MAX_ORACLES:
        raise FormatError("oracle", oracle, "an oracle's number")
    return Listed(oracle, decode_signed(Observation, _text(given["observation"])))


def _any_bytes(name: str, given: object) -> bytes:
    if not isinstance(given, str) or len(given) % 2:
        raise FormatError(name, given, "0x and an even number of digits")
    return bytes_of_hex(name, given, len(given) // 2 - 1)


def _object(name: str, given: object, *keys: str) -> Mapping[str, object]:
    if not isinstance(given, dict) or given.keys() != set(keys):
        raise FormatError(name, given, f"a JSON object with exactly the keys {sorted(keys)}")
    return given


def _list(given: object) -> list[object]:
    if not isinstance(given, list) or len(given) > MAX_ORACLES:
        raise FormatError("observations", given, f"a JSON list of at most {MAX_ORACLES}")
    return given


def _text(value: object) -> str:
    """Raises FormatError for what nests too deeply to be written again."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise FormatError("JSON", "…", "less nesting") from None
