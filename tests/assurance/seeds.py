"""What the fuzzer and the property test begin with: what real programs write, and what once showed a fault.

Messages are those of the protocol's vectors, or encoded by the package; files are those of its pages and scenarios.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from sbi_network.chain.keys import KeystoreSigner
from sbi_network.govern.ballot import sign_ballot
from sbi_network.govern.governor import Support
from sbi_network.oracle.wire import Proposal, encode_observation, encode_proposal, encode_signature, encode_tree
from sbi_network.protocol.address import check_address
from sbi_network.protocol.exhibit import encode_leaves
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import Signed, decode_signed, encode_signed
from sbi_network.protocol.messages import PeerRequest, Product, Report, products_domain
from sbi_network.protocol.sumtree import Leaf, Sums, SumTree
from sbi_network.relay.jobs import Kind
from sbi_network.relay.quotes import Quote
from sbi_network.roll import CitizenLeaf, build_batch
from sbi_network.signer.remote import identifier_of
from sbi_network.simulation.readings import COLUMNS
from tests.oracles.oracle import simulated
from tests.oracles.roll.registers import csv_text, register

ROOT: Final = Path(__file__).resolve().parents[2]
VECTORS: Final = ROOT / "tests" / "vectors"
ACCOUNT: Final = check_address("account", "0x000000000000000000000000000000000000dEaD")
_WORD: Final = "0x" + "ab" * 32
_BLOB: Final = "0x" + "11" * 32 + "22" * 32 + "1b"
_DEEP: Final = b"[" * 4000
_NESTED: Final = (_DEEP, b'{"a":' * 1000, b'{"jsonrpc":"2.0","id":0,"result":' + b"[" * 990 + b"]" * 990 + b"}")
_TOML_DEEP: Final = b"a=" + _DEEP


def seeds_of(name: str) -> list[bytes]:
    """Inputs of a parser, by its name in `parsers.PARSERS`."""
    return [each.encode() if isinstance(each, str) else each for each in (*_REAL[name](), *FOUND.get(name, ()))]


FOUND: Final[dict[str, tuple[bytes, ...]]] = {
    "prometheus": (
        b'{"status":"success","data":{"resultType":"matrix","result":5}}',
        b'{"status":"success","data":{"resultType":"matrix","result":null}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[NaN,"1"]]}]}}',
        b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1e308,"1"]]}]}}',
    ),
    "meter.toml": (_TOML_DEEP,),
    "governance proposal": (_TOML_DEEP,),
    "ballot": (
        *_NESTED,
        b'{"chainId":1,"governor":"' + ACCOUNT.encode() + b'","proposalId":1e999,"support":"for",'
        b'"voter":"' + ACCOUNT.encode() + b'","nonce":0,"signature":"0x"}',
    ),
    "deployment": _NESTED,
    "feed": (
        b'{"jsonrpc":"2.0","id":0,"result":[{"blockNumber":"0x1","logIndex":"0x0","blockHash":["0","x"'
        + b',"a"' * 64
        + b"]}]}",
    ),
    "scenario": (
        b"? [a]\n: b\n",
        b"a: 2001-99-99",
        b'extends: "a\\0b"',
        b"extends: /dev/zero",
        b"&a [*a]",
        b"a: &a {k: 1}\n"
        + b"".join(b"%c: &%c {<<: [%s]}\n" % (at, at, b",".join([b"*%c" % (at - 1)] * 9)) for at in range(98, 110)),
        _DEEP,
    ),
}
"""Faults that were, and are seen to be gone."""


@cache
def _vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / "protocol.json").read_text(encoding="utf-8"))
    return found


def _signed(given: object) -> Iterator[str]:
    """Every signed message that the vectors hold, in its JSON form."""
    if isinstance(given, dict):
        if {"type", "message", "compact"} <= given.keys():
            form = {"type": given["type"], "message": given["message"], "signature": given["compact"]}
            yield json.dumps(form, sort_keys=True, separators=(",", ":"))
        for each in given.values():
            yield from _signed(each)
    elif isinstance(given, list):
        for each in given:
            yield from _signed(each)


def _report() -> Signed[Report]:
    return decode_signed(Report, next(_signed(_vectors()["report"])))


def _observations() -> list[Any]:
    terms = simulated.terms_of()
    return [simulated.observed(terms, oracle, simulated.readings(terms)) for oracle in range(3)]


def _tree() -> SumTree:
    return SumTree([Leaf(number, Sums(1, 2, 3, 4 + number), bytes(32)) for number in range(3)])


def _product() -> str:
    product = Product(0, 7, bytes(32), bytes(32), 64, 64, 64, bytes(32))
    return encode_signed(Signed(product, product.sign(simulated.facility_key(0), products_domain(31337, ACCOUNT))))


def _exhibit() -> bytes:
    tree = _tree()
    leaf = tree.leaves[1]
    node = tree.node(0, 1)
    siblings = b"".join(each.hash + each.sums for each in tree.siblings(0, 1))
    head = bytes([0]) + (1).to_bytes(4) + tree.count.to_bytes(3)
    return head + node.hash + node.sums + leaf.preimage().ljust(129, b"\0") + siblings


def _passport() -> str:
    request = PeerRequest(ACCOUNT, bytes(32), 1_767_225_600_000)
    signer = simulated.oracle_key(0)
    clock = simulated.CLOCK
    signature = hex_of(request.sign(signer, clock.domain).to_compact())
    return f"SBI {signer.address} {request.at} {hex_of(request.content)} {signature}"


def _rpc(result: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 0, "result": result})


def _log() -> dict[str, object]:
    places = {"blockNumber": "0x7", "logIndex": "0x0", "blockTimestamp": "0x69559b80"}
    return {**places, "blockHash": _WORD, "transactionHash": _WORD, "address": ACCOUNT, "topics": [_WORD], "data": "0x"}


def _endpoint() -> list[str]:
    block = {"number": "0x7", "hash": _WORD, "parentHash": _WORD, "timestamp": "0x69559b80"}
    receipt = {"transactionHash": _WORD, "status": "0x1", "blockNumber": "0x7", "gasUsed": "0x5208", "blockHash": _WORD}
    error = {"jsonrpc": "2.0", "id": 0, "error": {"code": 3, "message": "execution reverted", "data": "0x"}}
    return [*map(_rpc, (block, receipt, "0x12", None)), json.dumps([json.loads(_rpc("0x12"))]), json.dumps(error)]


def _transfer(**more: object) -> dict[str, object]:
    span = {"validAfter": 0, "validBefore": "1767225600", "nonce": _WORD, "signature": _BLOB}
    return {"from": ACCOUNT, "to": ACCOUNT, "value": "1000000000000000000", **span, **more}


def _payments() -> list[str]:
    fee = {key: value for key, value in _transfer().items() if key not in ("from", "to")}
    activation = {"batch": 0, "index": 1, "person": _WORD, "proof": [_WORD]}
    return [json.dumps(_transfer()), json.dumps(_transfer(fee=fee, activation=activation, quote="00"))]


def _permits() -> list[str]:
    permit = {"owner": ACCOUNT, "spender": ACCOUNT, "value": 5, "nonce": 0, "deadline": 1767225600, "signature": _BLOB}
    return [json.dumps(permit)]


def _samples() -> list[str]:
    values = [[1767225600, "1.5"], [1767225630.25, "2e3"], [1767225660, "NaN"]]
    matrix = {"resultType": "matrix", "result": [{"metric": {"job": "node"}, "values": values}]}
    refused = {"status": "error", "errorType": "bad_data", "error": "parse error"}
    return [
        json.dumps({"status": "success", "data": matrix}),
        json.dumps({"status": "success", "data": {"version": "2.53"}}),
        json.dumps(refused),
    ]


def _blocks(page: str, kind: str) -> list[str]:
    """The fenced blocks of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _meter_settings() -> list[str]:
    """Each `[meter]` that the page shows, with the sections that the first whole file has."""
    blocks = _blocks("meters.md", "toml")
    whole = next(each for each in blocks if "[network]" in each)
    return [whole, *(whole.split("[meter]")[0] + each for each in blocks if each is not whole)]


def _parquet(*, store_schema: bool = True) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    citizens = register(5, regions=2)
    columns = {
        "account": [each.account for each in citizens],
        "region": [each.region for each in citizens],
        "person": [each.person for each in citizens],
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, store_schema=store_schema)
    return out.getvalue()


def _roll_proof() -> str:
    batch = build_batch(CitizenLeaf(number, each, bytes([number + 1]) * 32) for number, each in enumerate(_accounts()))
    leaf = batch.leaves[1]
    shown = {"root": hex_of(batch.root), "region": 1, "size": len(batch.leaves), "index": 1, "account": leaf.account}
    return json.dumps({**shown, "person": hex_of(leaf.person), "proof": [hex_of(each) for each in batch.proof(1)]})


def _accounts() -> list[Any]:
    return sorted((check_address("account", each.account) for each in register(5)), key=str.lower)


def _roll() -> str:
    lines = [f"{number},{account},{_WORD}" for number, account in enumerate(_accounts())]
    return "\n".join(["index,account,person", *lines, ""])


def _manifest() -> str:
    batch = {"region": 1, "size": 5, "root": _WORD}
    return json.dumps({"format": "sbi-roll-1", "batches": [batch], "earlier": [_WORD]})


def _ballot() -> str:
    signer = KeystoreSigner(simulated.key("a voter"))
    return asyncio.run(sign_ballot(signer, 31337, ACCOUNT, 2**200, Support.FOR, 4)).to_json()


def _deployment() -> str:
    entries = {"vault": {"contract": "DistributionVault", "address": ACCOUNT}}
    return json.dumps({"chain_id": 31337, "genesis": 7, "recipe_sha256": "ab", "contracts": entries})


def _calldata() -> list[bytes]:
    from eth_abi.abi import encode

    from sbi_network.protocol.abi import load_abi
    from sbi_network.protocol.abi.revert import selector_of

    items = {item["name"]: item for item in load_abi("DistributionVault") if item["type"] == "function"}
    arguments = encode(["address", "address", "uint256"], [ACCOUNT, ACCOUNT, 40])
    return [selector_of(items["scheduleTerms"]) + arguments, selector_of(items["halt"])]


def _reverts() -> list[bytes]:
    from sbi_network.protocol.abi import load_abi
    from sbi_network.protocol.abi.revert import selector_of

    errors = [item for item in load_abi("ComputeOracleRegistry") if item["type"] == "error"]
    return [selector_of(item) + bytes(32 * len(item["inputs"])) for item in errors[:8]] + [
        bytes.fromhex("08c379a0") + (32).to_bytes(32) + (2).to_bytes(32) + b"no".ljust(32, b"\0")
    ]


def _events() -> list[bytes]:
    from sbi_network.protocol.abi import load_abi
    from sbi_network.protocol.abi.revert import signature_of
    from sbi_network.protocol.keccak import keccak256

    seeds = []
    for name in ("DistributionVault", "SuiteGovernor", "ComputeOracleRegistry"):
        for item in load_abi(name):
            if item["type"] == "event":
                topics = 1 + sum(each["indexed"] for each in item["inputs"])
                seeds.append(bytes([topics]) + keccak256(signature_of(item).encode()) + bytes(32 * 12))
    return seeds


def _quote() -> str:
    return Quote(ACCOUNT, Kind.PERMIT, 5, 1_767_225_600, 3).sealed(bytes(32))


def _page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


_REAL: Final[dict[str, Callable[[], list[Any]]]] = {
    "message": lambda: list(dict.fromkeys(_signed(_vectors()))),
    "observation": lambda: [encode_observation(each) for each in _observations()],
    "proposal": lambda: [encode_proposal(Proposal(_report(), tuple(_observations())))],
    "signature": lambda: [encode_signature(_report().signature)],
    "signatures": lambda: [bytes.fromhex(_vectors()["report"]["signatures"][2:])],
    "tree": lambda: [encode_tree(encode_leaves(_tree().leaves))],
    "exhibit": lambda: [_exhibit()],
    "passport": lambda: [_passport()],
    "products": lambda: [json.dumps({"products": [json.loads(_product())]})],
    "accepted": lambda: ['{"allowed": ["1", "18446744073709551615", "0"]}'],
    "opening": lambda: [b"\0", b"\1" * 64],
    "relayed payment": _payments,
    "relayed permit": _permits,
    "quote": lambda: [_quote()],
    "endpoint": _endpoint,
    "feed": lambda: [_rpc([_log()]), *_endpoint()],
    "headers": lambda: ["Wed, 31 Dec 2025 23:59:59 GMT", "120"],
    "event": _events,
    "revert": _reverts,
    "governance call": _calldata,
    "prometheus": _samples,
    "remote signer": lambda: [json.dumps([identifier_of(bytes(64)), "0x" + "02" * 33]), _BLOB],
    "trace csv": lambda: [_page("oracles/sbi_network/meter/samples/tasks.csv")[:4000]],
    "trace sacct": lambda: [each for each in _blocks("meters.md", "text") if "JobIDRaw" in each],
    "device table": lambda: [_page("oracles/sbi_network/meter/samples/devices.csv")],
    "audit file": lambda: [each for each in _blocks("meters.md", "json") if "audits" in each] or [_AUDITS],
    "meter.toml": _meter_settings,
    "register csv": lambda: [csv_text(register(5, 2)), csv_text(register(3), "\r\n")],
    "register parquet": lambda: [
        _parquet(),
        # The name of a column that is no text, which was a fault.
        _parquet(store_schema=False).replace(b"region", b"regio\xff"),
    ],
    "identifiers": lambda: [f"account,region,identifier\n{ACCOUNT},1,passport: c01-234.567\n"],
    "roll": lambda: [_roll()],
    "roll proof": lambda: [_roll_proof()],
    "roll manifest": lambda: [_manifest()],
    "readings csv": lambda: [",".join(COLUMNS) + "\n0,0,1,2,3\n1,2,0,0,18446744073709551615\n"],
    "scenario": lambda: [_page("scenarios/town.yaml"), _page("scenarios/nation.yaml")],
    "ballot": lambda: [_ballot()],
    "governance proposal": lambda: [each for each in _blocks("governance.md", "toml") if "[[calls]]" in each],
    "deployment": lambda: [_deployment()],
    "explored deployment": lambda: [_deployment()],
    "amount": lambda: ["1,234.5 SBI", "0.000000000000000001"],
    "output": lambda: ["1,234.5 GAICPh", "0.000000001"],
}
_AUDITS: Final = (
    '{"audits": [{"class": "intelligent", "challenges": 300, "failures": 3, "provenOpsPerSecond": "701000000000000"}],'
    '"probes": [{"class": "intelligent", "start": 1767225600, "end": 1767225605, "freePpm": 120000}],'
    '"proving": [{"class": "intelligent", "end": 1767225605, "operations": "420000000000000"}]}'
)
