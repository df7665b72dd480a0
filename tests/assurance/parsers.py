"""Every parser of the package that reads what strangers send or files hold: how it is fed bytes, and its refusals.

The one table of `make fuzz-parsers` and of `tests/oracles/test_parsers.py`. A parser may answer, or raise what stands
beside it; any other exception is a fault of it, and so are a second of work and half a gigabyte of memory.
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import httpx
from pydantic import ValidationError
from web3.providers.async_base import AsyncJSONBaseProvider

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.errors import EndpointError, SettingsError, SignerError
from sbi_network.chain.provider import HttpProvider
from sbi_network.chain.refusal import refusal_of
from sbi_network.errors import FormatError, MeterError, ProtocolError, RangeError, RollError, SBIError
from sbi_network.explorer.deployment import load_deployment as load_explored
from sbi_network.explorer.events import EventDecoder, Log
from sbi_network.explorer.feed import Feed
from sbi_network.govern.ballot import load_ballot
from sbi_network.govern.errors import BallotError, ProposalError
from sbi_network.govern.proposal import Call, decode_call, load_proposal
from sbi_network.govern.settings import Deployment, load_deployment
from sbi_network.http_pool import HttpPool
from sbi_network.meter.audit_file import AuditFile
from sbi_network.meter.device_table import read_device_table
from sbi_network.meter.errors import SourceError, TraceError
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.prometheus_api import Prometheus
from sbi_network.meter.proof import Sizes
from sbi_network.meter.proof.errors import OpeningFormatError
from sbi_network.meter.proof.opening import Opening, opening_bytes
from sbi_network.meter.record_files import Columns, RecordForm, read_csv, read_sacct
from sbi_network.meter.records import DeviceModel, Summary, counted_records
from sbi_network.meter.second_opinion import allowed_in
from sbi_network.meter.settings import load_meter_settings
from sbi_network.oracle.auditing import products_in
from sbi_network.oracle.errors import RefusedError
from sbi_network.oracle.passport import Gate
from sbi_network.oracle.wire import decode_observation, decode_proposal, decode_signature, decode_tree
from sbi_network.protocol.address import check_address
from sbi_network.protocol.exhibit import Exhibit, Place, commitment_from, is_faulty_leaf, is_unsound
from sbi_network.protocol.exhibit import LeafTerms as Judged
from sbi_network.protocol.json_form import decode_signed
from sbi_network.protocol.messages import MESSAGE_TYPES
from sbi_network.protocol.oracle_set import unpack_signatures
from sbi_network.protocol.sumtree import Node
from sbi_network.protocol.units import ComputeClass, parse_gaicph, parse_sbi
from sbi_network.relay.quotes import opened
from sbi_network.relay.requests import PaymentBody, PermitBody, read_job
from sbi_network.roll.commitment import commit_file
from sbi_network.roll.layout import read_manifest
from sbi_network.roll.published import read_proof
from sbi_network.roll.roll_file import read_roll
from sbi_network.roll.source import plan_chunks, read_chunk
from sbi_network.signer.remote import RemoteSigner
from sbi_network.simulation.readings import read_readings
from sbi_network.simulation.scenario_file import load_scenario
from tests.oracles.oracle import simulated

MAX_BYTES: Final = 8192
"""Longest input: twice the longest message."""
MAX_CPU_MS: Final = 1000
MAX_MEMORY_MB: Final = 512
"""Above what the process holds before the first input."""

Read = Callable[[bytes], object]
ROOT: Final = Path(__file__).resolve().parents[2]
ACCOUNT: Final = check_address("account", "0x000000000000000000000000000000000000dEaD")
NOW: Final = 1_767_225_600


@dataclass(frozen=True)
class Parser:
    """One way in."""

    read: Read
    refuses: tuple[type[Exception], ...]

    def words(self, data: bytes) -> str:
        """Reads; the refusal in words, if it is one. Raises what the parser should not."""
        try:
            self.read(data)
        except self.refuses as refusal:
            return str(refusal)
        return ""


def _every_message(data: bytes) -> None:
    """A message is decoded as whichever type it says it is of."""
    for message_type in MESSAGE_TYPES:
        if message_type.__name__.encode() in data:
            decode_signed(message_type, data)
            return
    decode_signed(MESSAGE_TYPES[0], data)


def _exhibit(data: bytes) -> None:
    """Place and tree are in the first bytes; siblings fill what is left."""
    head, rest = data[:8].ljust(8, b"\0"), data[8:].ljust(193, b"\0")
    place = Place(1, head[0] % 40, int.from_bytes(head[1:5]))
    nodes = [rest[at : at + 64] for at in range(193, len(rest) - 63, 64)]
    shown = Exhibit(
        Node(rest[:32], rest[32:64]),
        rest[64 : 64 + (129 if place.level else 69)],
        int.from_bytes(head[5:8]),
        tuple(Node(each[:32], each[32:]) for each in nodes),
    )
    judged = Judged(True, (10**6, 10**6, 10**6), (32, 16, 64), 10_000)
    for judge in (commitment_from, is_unsound, lambda place, shown: is_faulty_leaf(place, shown, judged)):
        try:
            judge(place, shown)
        except ProtocolError:
            continue


@dataclass(frozen=True, slots=True)
class _Clock(EpochClock):
    def now(self) -> float:
        return float(NOW)


def _passport(data: bytes) -> None:
    clock = _Clock(simulated.CHAIN_ID, simulated.REGISTRY, genesis=NOW, epoch_seconds=8, report_window=60)
    Gate(ACCOUNT, clock, lambda _: True).admit(data.decode("latin-1"))


def _opening(data: bytes) -> object:
    """Of the length that it has, or, beginning with a zero, of the right one."""
    sizes = Sizes(64, 64, 64)
    return Opening.from_bytes(data if data[:1] > b"\0" else data.ljust(opening_bytes(sizes), b"\0"), sizes)


# Files. Each is written anew, in a folder of this process's own.


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="sbi-parsers-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _from_file(load: Callable[[Path], object], name: str = "given") -> Read:
    def read(data: bytes) -> object:
        path = _folder() / name
        path.write_bytes(data)
        return load(path)

    return read


_MODELS: Final = {
    "cpu-node": DeviceModel("cpu-node", ComputeClass.GENERAL, 4, 300),
    "a100": DeviceModel("a100", ComputeClass.INTELLIGENT, 8, 900),
}


def _records(path: Path, *, sacct: bool, zone: str) -> object:
    summary, form = Summary(), RecordForm(_MODELS, {}, ZoneInfo(zone), running_until=NOW)
    lines = read_sacct(path, "gres/gpu", form, summary) if sacct else read_csv(path, Columns(), form, summary)
    return counted_records(lines, _MODELS, summary, path.name, None)


def _audit_file(path: Path) -> None:
    file, span = AuditFile(path), EpochSpan(0, NOW, NOW + 3600)
    file.audits(span), file.probes(span), file.proving(span)


def _register(path: Path) -> None:
    for chunk in plan_chunks([path], 50):
        for _ in read_chunk(path, chunk, 50):
            pass


def _identifiers(path: Path) -> None:
    out = _folder() / "committed"
    out.unlink(missing_ok=True)
    commit_file(bytes(32), path, out)


def _manifest(path: Path) -> None:
    read_manifest(path.parent)


def _scenario(path: Path) -> None:
    """With a file beside it to extend."""
    base = path.with_name("nation.yaml")
    if not base.exists():
        shutil.copy(ROOT / "scenarios" / "nation.yaml", base)
    load_scenario(path)


# What comes over the wire. The exchange is left out, what is made of the answer is not.


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


def _run(work: Coroutine[Any, Any, object]) -> object:
    return _loop().run_until_complete(work)


class _Endpoint(HttpProvider):
    """Answers every request with the same bytes."""

    def __init__(self, body: bytes) -> None:
        AsyncJSONBaseProvider.__init__(self)  # without a client, which takes milliseconds to make
        self._seconds = 60.0
        self._body = body

    async def _post(self, body: bytes) -> bytes:
        return self._body


def _endpoint(data: bytes) -> None:
    """Each method's answer, and many at once."""
    asked: tuple[tuple[Any, list[Any]], ...] = (
        ("eth_getBlockByNumber", ["0x7", False]),
        ("eth_getTransactionReceipt", ["0x" + "ab" * 32]),
        ("eth_call", [{}, "latest"]),
    )
    for method, params in asked:
        for work in (_Endpoint(data).make_request(method, params), _Endpoint(data).make_batch(method, [params])):
            try:
                _run(work)
            except EndpointError:
                continue


def _feed(data: bytes) -> None:
    feed = Feed(SimpleNamespace(web3=SimpleNamespace(provider=_Endpoint(data))), [ACCOUNT])  # type: ignore[arg-type]
    for work in (feed.header(7), feed.logs_between(0, 100)):
        try:
            _run(work)
        except EndpointError:
            continue


def _date(data: bytes) -> None:
    """The headers of an answer by which an endpoint's clock is read."""
    text = data.decode("latin-1").replace("\n", "").replace("\r", "").replace("\0", "")
    _Refusing.headers = {"date": text, "retry-after": text}
    _run(_asked_by_http().make_request("eth_chainId", []))  # type: ignore[arg-type]


class _Refusing(httpx.AsyncBaseTransport):
    """Has no time now, and says until when."""

    headers: ClassVar[dict[str, str]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers=self.headers)


@cache
def _asked_by_http() -> HttpProvider:
    endpoint = HttpProvider("http://127.0.0.1:1", 60)
    endpoint._client = HttpPool(60, lambda: httpx.AsyncClient(transport=_Refusing()))
    return endpoint


class _Server(Prometheus):
    def __init__(self, body: bytes) -> None:
        super().__init__("http://127.0.0.1:9090", 60)
        self._body = body

    async def _post(self, path: str, parameters: object) -> bytes:
        return self._body


def _prometheus(data: bytes) -> None:
    for work in (_Server(data).version(), _Server(data).query("up", NOW, NOW + 60, 30)):
        try:
            _run(work)
        except SourceError:
            continue


class _Signer(RemoteSigner):
    def __init__(self, body: bytes) -> None:
        self._address, self._identifier, self._body = ACCOUNT, None, body

    async def _asked(self, method: str, path: str, body: str | None) -> bytes:
        return self._body


def _remote_signer(data: bytes) -> None:
    signer = _Signer(data)
    try:
        _run(signer.find_key())
    except SignerError:
        signer._identifier = "0x"
    _run(signer.sign(b"preimage"))


@cache
def _suite() -> tuple[Deployment, EventDecoder]:
    from sbi_network.explorer.deployment import Contract

    names = {"vault": "DistributionVault", "governor": "SuiteGovernor", "oracles": "ComputeOracleRegistry"}
    entries = {role: {"contract": name, "address": ACCOUNT} for role, name in names.items()}
    deployment = Deployment.model_validate({"chain_id": 31337, "contracts": entries})
    return deployment, EventDecoder(Contract(role, name, ACCOUNT) for role, name in names.items())


def _event(data: bytes) -> None:
    """A log: how many topics, the topics, the data."""
    count, rest = (data[0] % 5 if data else 0), data[1:]
    topics = tuple(rest[at : at + 32].ljust(32, b"\0") for at in range(0, 32 * count, 32))
    _suite()[1].decode(Log(1, 0, "0x", "0x", ACCOUNT, topics, rest[32 * count :], None))


def _call(data: bytes) -> object:
    return decode_call(Call(ACCOUNT, data), _suite()[0])


def _revert(data: bytes) -> object:
    return refusal_of(SimpleNamespace(data="0x" + data.hex(), message=""))  # type: ignore[arg-type]


def _relayed(model: type[PaymentBody | PermitBody], data: bytes) -> object:
    return read_job(model.model_validate_json(data), ACCOUNT)


PARSERS: Final[dict[str, Parser]] = {
    "message": Parser(_every_message, (ProtocolError,)),
    "observation": Parser(partial(decode_observation, max_chars=MAX_BYTES), (RefusedError,)),
    "proposal": Parser(partial(decode_proposal, max_chars=MAX_BYTES), (RefusedError,)),
    "signature": Parser(decode_signature, (FormatError, RangeError)),
    "signatures": Parser(unpack_signatures, (ProtocolError,)),
    "tree": Parser(partial(decode_tree, max_chars=MAX_BYTES), (ProtocolError,)),
    "exhibit": Parser(_exhibit, ()),
    "passport": Parser(_passport, (RefusedError,)),
    "products": Parser(partial(products_in, limit=MAX_BYTES), (FormatError, RangeError)),
    "accepted": Parser(allowed_in, (FormatError,)),
    "opening": Parser(_opening, (OpeningFormatError,)),
    "relayed payment": Parser(partial(_relayed, PaymentBody), (ValidationError, RangeError)),
    "relayed permit": Parser(partial(_relayed, PermitBody), (ValidationError, RangeError)),
    "quote": Parser(lambda data: opened(bytes(32), data.decode("latin-1")), (FormatError,)),
    "endpoint": Parser(_endpoint, ()),
    "feed": Parser(_feed, ()),
    "headers": Parser(_date, (EndpointError,)),
    "event": Parser(_event, ()),
    "revert": Parser(_revert, ()),
    "governance call": Parser(_call, (ProposalError,)),
    "prometheus": Parser(_prometheus, ()),
    "remote signer": Parser(_remote_signer, (SignerError,)),
    "trace csv": Parser(_from_file(partial(_records, sacct=False, zone="Europe/Paris")), (TraceError,)),
    "trace sacct": Parser(_from_file(partial(_records, sacct=True, zone="America/New_York")), (TraceError,)),
    "device table": Parser(_from_file(read_device_table), (TraceError,)),
    "audit file": Parser(_from_file(_audit_file), (SourceError,)),
    "meter.toml": Parser(_from_file(load_meter_settings, "meter.toml"), (SettingsError, MeterError)),
    "register csv": Parser(_from_file(_register, "register.csv"), (RollError,)),
    "register parquet": Parser(_from_file(_register, "register.parquet"), (RollError,)),
    "identifiers": Parser(_from_file(_identifiers), (RollError,)),
    "roll": Parser(_from_file(lambda path: list(read_roll(path))), (RollError,)),
    "roll proof": Parser(_from_file(read_proof), (RollError,)),
    "roll manifest": Parser(_from_file(_manifest, "roll.json"), (RollError,)),
    "readings csv": Parser(_from_file(lambda path: read_readings(path, 3)), (SBIError,)),
    "scenario": Parser(_from_file(_scenario), (SBIError,)),
    "ballot": Parser(_from_file(load_ballot), (BallotError,)),
    "governance proposal": Parser(_from_file(lambda path: load_proposal(path, _suite()[0])), (ProposalError,)),
    "deployment": Parser(_from_file(load_deployment), (SettingsError,)),
    "explored deployment": Parser(_from_file(load_explored), (SettingsError,)),
    "amount": Parser(lambda data: parse_sbi(data.decode("utf-8", "replace")), (FormatError,)),
    "output": Parser(lambda data: parse_gaicph(data.decode("utf-8", "replace")), (FormatError,)),
}
