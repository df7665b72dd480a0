"""The read API over ASGI, on the index of a short history.

figures  ├── summary, epochs, account, history, vouchers, events → what follows from the history
         ├── every total has what last moved it
         ├── proposals, votes, quorum, brakes → as governor, vault and registry have them
         ├── history adds up to the balance
         └── a reading's proof → leads to the reported root
form     ├── pages follow each other without gap or repeat; CSV has the same items
         ├── unchanged → 304; a new block → a new answer
         └── every answer names its parameters in /openapi.json
refusals ├── unknown, repeated, oversized, malformed parameters; methods; bodies → problem, and nothing else
         ├── too many requests → 429 with Retry-After
         └── what a stranger wrote is shown as data, never as a page
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_abi.abi import encode

from sbi_network.explorer import schema
from sbi_network.explorer.api import Explorer, build_app
from sbi_network.explorer.pages import Pages
from sbi_network.explorer.settings import ExplorerSettings
from sbi_network.explorer.state import upsert
from sbi_network.explorer.store import Store
from sbi_network.explorer.stream import Pulse
from sbi_network.explorer.work import DAY_SECONDS
from sbi_network.limits import Places
from sbi_network.protocol.keccak import keccak256
from sbi_network.protocol.sumtree import Leaf, Node, Sums, top_from_proof
from tests.oracles.explorer.histories import (
    ADA,
    BOB,
    CONTRACTS,
    EPOCH,
    GENESIS,
    OPERATOR,
    SBI,
    TERMS,
    Teller,
    activated,
    deployment,
    opened_store,
    proposed,
    short_history,
    transfer,
    tree,
    vote_terms,
    voted,
)


class Visitor:
    """Asks an explorer over ASGI."""

    def __init__(self, store: Store, **limits: float) -> None:
        given = {
            "network": {"rpc_url": "http://127.0.0.1:1", "deployment": "nowhere.json"},
            "limits": {"burst": 10_000, **limits},
        }
        settings = ExplorerSettings.model_validate(given)
        pulse = Pulse(Places(4, 2))
        self.explorer = Explorer(store, deployment(), TERMS, settings, pulse, state=store.tip())
        self.app = build_app(self.explorer, Pages(settings.pages))

    def ask(self, path: str, method: str = "GET", **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://explorer") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path: str) -> Any:
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = opened_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def teller(store: Store) -> Teller:
    return short_history(store)


@pytest.fixture
def visitor(store: Store, teller: Teller) -> Visitor:
    return Visitor(store)


def test_summary__of_the_history__has_its_figures(visitor: Visitor) -> None:
    summary = visitor.get("/v1/summary")
    totals = summary["totals"]
    assert (totals["issued"], totals["recycled"], totals["supply"]) == (str(15 * SBI), str(SBI), str(14 * SBI))
    assert (totals["recirculated"], totals["headcount"], totals["activated"]) == (str(SBI), 3, 2)
    assert summary["distributed"]["dividend"]["dividend"] == str(5 * SBI)
    assert summary["reported"]["report"]["signers"] == [0, 1, 2]
    assert [oracle["late"] for oracle in summary["oracles"]] == [False, False, False, True]
    assert (summary["quorum"], summary["clock"]["epoch"], summary["running"]["status"]) == (3, 1, "running")
    assert [each["used"] for each in summary["classes"]] == ["1010", "20", "30"]
    assert summary["regions"][0]["headcount"] == 3


def test_history__of_an_account__adds_up_to_its_balance(visitor: Visitor) -> None:
    for account, balance in ((ADA, 2 * SBI), (BOB, 7 * SBI)):
        items = visitor.get(f"/v1/accounts/{account}/history")["items"]
        assert visitor.get(f"/v1/accounts/{account}")["balance"] == str(balance)
        assert sum(int(item["amount"]) for item in items) == balance
    kinds = [(item["kind"], item["relayed"]) for item in visitor.get(f"/v1/accounts/{ADA}/history")["items"]]
    assert kinds == [("recirculated", False), ("paid", True), ("dividend", False)]


def test_history__payments_of_nothing__are_not_in_it(store: Store, teller: Teller) -> None:
    teller.block(GENESIS + EPOCH + 40, transfer(BOB, ADA, 0))
    items = Visitor(store).get(f"/v1/accounts/{ADA}/history")["items"]
    assert len(items) == 3


def test_summary__every_total__has_what_last_moved_it(visitor: Visitor) -> None:
    proofs = visitor.get("/v1/summary")["totals"]["proofs"]
    moved = {"issued": 3, "headcount": 1, "activated": 1, "payments": 4, "recycled": 5, "recirculated": 5, "supply": 5}
    assert {name: proofs[name]["block"] for name in moved} == moved
    assert proofs["flow.recirculated"]["block"] == 5
    said = visitor.get(f"/v1/transactions/{proofs['supply']['transaction']}")["items"]
    assert {(each["role"], each["name"]) for each in said} == {("token", "Transfer"), ("token", "Recirculated")}


def test_summary__in_an_epoch_without_flows__proves_none(store: Store, teller: Teller) -> None:
    teller.block(GENESIS + 2 * EPOCH + 1)
    proofs = Visitor(store).get("/v1/summary")["totals"]["proofs"]
    assert not [name for name in proofs if name.startswith("flow.")]


def test_proposal__from_text_to_effect__stands_as_the_governor_has_it(store: Store, teller: Teller) -> None:
    start = GENESIS + EPOCH + 50
    rearm = (CONTRACTS["vault"], "0x" + keccak256(b"rearm()")[:4].hex())
    teller.block(start - 2, vote_terms(2, 1_000), proposed(7, "Again", start, start + 8, rearm))

    def shown() -> Any:
        visitor = Visitor(store)
        (item,) = visitor.get("/v1/proposals")["items"]
        assert visitor.get("/v1/proposals/7") == item == visitor.get("/v1/summary")["governance"]["proposals"][0]
        return item

    assert (shown()["status"], shown()["quorum"], shown()["calls"]) == ("pending", None, ["vault.rearm()"])
    teller.block(start + 1, voted(7, ADA, 1), voted(7, BOB, 2), voted(7, OPERATOR, 0, weight=0))
    assert (shown()["status"], shown()["quorum"]) == ("active", 2)
    assert (shown()["in_favour"], shown()["against"], shown()["abstaining"]) == (1, 0, 1)
    assert [each["support"] for each in Visitor(store).get(f"/v1/accounts/{BOB}/votes")["items"]] == [2]
    assert len(Visitor(store).get("/v1/proposals/7/votes")["items"]) == 3
    teller.block(start + 9)
    assert shown()["status"] == "succeeded"
    teller.block(start + 10, ("governor", "ProposalQueued", {"proposalId": "7", "etaSeconds": str(start + 20)}))
    teller.block(start + 11, ("chamber", "SeatObjected", {"proposal": "7", "seat": "0", "objections": "1"}))
    assert shown()["ready_at"] == start + 20
    teller.block(start + 12, ("chamber", "SeatObjected", {"proposal": "7", "seat": "2", "objections": "2"}))
    assert (shown()["status"], shown()["ready_at"]) == ("queued", start + 50)
    teller.block(start + 51 + 600)
    assert shown()["status"] == "expired"


def test_proposal__without_a_quorum__is_defeated(store: Store, teller: Teller) -> None:
    start = GENESIS + EPOCH + 50
    teller.block(start - 2, vote_terms(2, 100), proposed(7, "Alone", start, start + 8))
    teller.block(start + 1, voted(7, ADA, 1))
    teller.block(start + 9)
    assert Visitor(store).get("/v1/proposals/7")["status"] == "defeated"


def test_quorum__of_a_share__is_of_those_active_when_the_ripening_began(store: Store, teller: Teller) -> None:
    teller.block(GENESIS + 2 * EPOCH, vote_terms(1, 5_000))
    start = (GENESIS // DAY_SECONDS + 2) * DAY_SECONDS
    teller.block(start - 9, proposed(7, "A day later", start, start + 8))
    teller.block(start + 1, activated(OPERATOR, 0, 2))
    assert Visitor(store).get("/v1/proposals/7")["quorum"] == 1
    gone = [("citizens", "CitizenRetired", {"account": who, "batch": "0", "index": "0"}) for who in (ADA, BOB)]
    teller.block(
        start + DAY_SECONDS, *gone, proposed(8, "Two days later", start + DAY_SECONDS + 9, start + 2 * DAY_SECONDS)
    )
    teller.block(start + DAY_SECONDS + 10)
    assert Visitor(store).get("/v1/proposals/8")["quorum"] == 2


@pytest.mark.parametrize(
    ("said", "kind", "subject"),
    [
        (("vault", "IssuanceHalted", {"guardian": ADA, "until": "2000000"}), "halt", 0),
        (("vault", "EpochBraked", {"epoch": "1", "publicOutput": "9", "most": "4", "until": "2000000"}), "output", 1),
        (("citizens", "EnrolmentBraked", {"region": "1", "enrolled": "9", "most": "4"}), "region", 1),
    ],
)
def test_brake__pulled__is_shown_until_it_ends(
    store: Store, teller: Teller, said: Any, kind: str, subject: int
) -> None:
    teller.block(GENESIS + 2 * EPOCH, said)
    (brake,) = Visitor(store).get("/v1/summary")["governance"]["brakes"]
    assert (brake["kind"], brake["subject"], brake["proof"]["block"]) == (kind, subject, teller.number)
    if kind == "region":
        assert brake["until"] == (GENESIS // DAY_SECONDS + 1) * DAY_SECONDS
        released = ("citizens", "RegionCapChanged", {"region": "1", "previous": "0", "cap": "9"})
    else:
        released = ("vault", "IssuanceResumed", {"epoch": "1"})
    teller.block(GENESIS + 2 * EPOCH + 1, released)
    assert Visitor(store).get("/v1/summary")["governance"]["brakes"] == []


@pytest.mark.parametrize(
    ("target", "data", "words"),
    [
        (CONTRACTS["vault"], "0x", f"{CONTRACTS['vault']}: 0x, 0 bytes"),
        (CONTRACTS["vault"], "0xffffffff", f"{CONTRACTS['vault']}: 0xffffffff, 4 bytes"),
        (CONTRACTS["vault"], "0x" + "ab" * 5_000, f"{CONTRACTS['vault']}: 0xabababab, 5,000 bytes"),
        (BOB, "0x", f"{BOB}: 0x, 0 bytes"),
    ],
)
def test_proposal__with_calls_nobody_understands__is_shown(
    store: Store, teller: Teller, target: str, data: str, words: str
) -> None:
    script = "<script>alert(1)</script>\u0000" * 1_000
    call = (target, data)
    teller.block(GENESIS + 2 * EPOCH, proposed(2**256 - 1, script, 2_000_000, 2_000_001, *[call] * 20))
    answer = Visitor(store).ask("/v1/summary")
    (shown,) = answer.json()["governance"]["proposals"]
    assert shown["calls"] == [words] * 8 + ["… 12 more"]
    assert shown["description"] == script[:4_096] + "…"
    assert len(answer.content) < 40_000


def test_proposal__whose_text_argument_is_no_text__is_shown(store: Store, teller: Teller) -> None:
    arguments = encode(["address[]", "uint256[]", "bytes[]", "bytes"], [[], [], [], b"\xff\xfe"])
    data = keccak256(b"propose(address[],uint256[],bytes[],string)")[:4] + arguments
    teller.block(GENESIS + 2 * EPOCH, proposed(1, "", 2_000_000, 2_000_001, (CONTRACTS["governor"], "0x" + data.hex())))
    (shown,) = Visitor(store).get("/v1/proposals")["items"]
    assert shown["calls"] == [f"{CONTRACTS['governor']}: 0x{data[:4].hex()}, {len(data)} bytes"]


def test_account__never_heard_of__holds_nothing(visitor: Visitor) -> None:
    account = visitor.get("/v1/accounts/0x0000000000000000000000000000000000000001")
    assert (account["balance"], account["since"], account["batch"]) == ("0", 0, None)


def test_readings__with_their_proofs__lead_to_the_reported_root(visitor: Visitor, store: Store) -> None:
    made = tree()
    root = "0x" + made.root.hex()
    assert visitor.ask("/v1/epochs/0/readings").status_code == 404
    rows = [
        {
            "root": root,
            "facility": leaf.facility,
            "epoch": 0,
            "raw_general": leaf.sums.general,
            "raw_intelligent": leaf.sums.intelligent,
            "raw_super": leaf.sums.super_,
            "public_output": leaf.sums.public_output,
            "digest": "0x" + leaf.reading_digest.hex(),
            "signature": None,
        }
        for leaf in made.leaves
    ]
    with store.engine.begin() as connection:
        upsert(connection, schema.readings, rows)
    visitor.explorer.state = "another"
    for item in visitor.get("/v1/epochs/0/readings")["items"]:
        sums = Sums(*map(int, [*item["raw"], item["public_output"]]))
        leaf = Leaf(item["facility"], sums, bytes.fromhex(item["digest"][2:]))
        proof = tuple(Node(*(bytes.fromhex(node[key][2:]) for key in ("hash", "sums"))) for node in item["siblings"])
        assert "0x" + top_from_proof(leaf, proof, item["facility_count"]).hash.hex() == root == item["root"]


@pytest.mark.parametrize("path", ["/v1/events", f"/v1/accounts/{ADA}/history", "/v1/epochs", "/v1/batches"])
def test_pages__one_item_each__have_no_gap_and_no_repeat(visitor: Visitor, path: str) -> None:
    whole = visitor.get(f"{path}?limit=100")
    assert whole["next"] is None
    items, cursor = [], ""
    while True:
        page = visitor.get(f"{path}?limit=1{cursor}")
        items += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert items == whole["items"]


def test_csv__of_a_page__has_the_same_items(visitor: Visitor) -> None:
    answer = visitor.ask("/v1/events?limit=100&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    items = visitor.get("/v1/events?limit=100")["items"]
    assert [(row["name"], row["proof.transaction"]) for row in rows] == [
        (item["name"], item["proof"]["transaction"]) for item in items
    ]


def test_answer__unchanged__is_304_until_a_new_block(visitor: Visitor, store: Store, teller: Teller) -> None:
    first = visitor.ask("/v1/summary")
    again = {"if-none-match": first.headers["etag"]}
    assert visitor.ask("/v1/summary", headers=again).status_code == 304
    teller.block(GENESIS + EPOCH + 50)
    visitor.explorer.state = store.tip()
    changed = visitor.ask("/v1/summary", headers=again)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_openapi__of_every_question__names_answer_and_parameters(visitor: Visitor) -> None:
    told = visitor.get("/openapi.json")
    assert {"/v1/summary", "/v1/epochs/{epoch}", "/v1/accounts/{address}/history", "/v1/stream"} <= set(told["paths"])
    for path, question in told["paths"].items():
        assert question["get"]["summary"], path
        assert question["get"]["responses"]["200"]["content"], path


@pytest.mark.parametrize(
    "path",
    [
        "/v1/summary?x=1",
        "/v1/epochs?limit=101",
        "/v1/epochs?limit=0",
        "/v1/epochs?limit=5&limit=6",
        "/v1/epochs?cursor=-1",
        "/v1/epochs?cursor=99999999999999999999999999",
        "/v1/events?cursor=1",
        "/v1/events?cursor=9999999999999999999999-1",
        "/v1/events?role=%27%20OR%201%3D1--",
        "/v1/events?format=xml",
        "/v1/epochs/-1",
        "/v1/epochs/1e3",
        "/v1/epochs/99999999999999999999",
        "/v1/accounts/0x" + "a" * 40,
        "/v1/accounts/<script>alert(1)</script>",
        "/v1/transactions/0x12",
        "/v1/proposals/-1",
        "/v1/proposals/007",
        "/v1/proposals/" + "9" * 78,
        "/v1/proposals/" + "9" * 79,
        "/v1/proposals/1/votes?cursor=x",
        "/v1/proposals/1",
        "/v1/summary?" + "x" * 600,
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/.git/config",
    ],
)
def test_bad_question__of_any_kind__is_a_problem_and_nothing_else(visitor: Visitor, path: str) -> None:
    answer = visitor.ask(path)
    assert answer.status_code in (404, 414, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail"}
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_question__of_another_method__is_refused(visitor: Visitor, method: str) -> None:
    assert visitor.ask("/v1/summary", method).status_code == 405


def test_question__for_the_head_alone__is_answered(visitor: Visitor) -> None:
    whole = visitor.ask("/v1/summary")
    assert visitor.ask("/v1/summary", "HEAD").headers["etag"] == whole.headers["etag"]


def test_question__with_a_body__is_refused(visitor: Visitor) -> None:
    assert visitor.ask("/v1/summary", content=b"x" * 100).status_code == 413


def test_questions__too_many__wait(store: Store, teller: Teller) -> None:
    visitor = Visitor(store, burst=3, requests_per_second=0.001)
    answers = [visitor.ask("/v1/summary").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert int(visitor.ask("/v1/summary").headers["retry-after"]) > 1


def test_event__with_script_in_a_name__is_data(store: Store, teller: Teller) -> None:
    script = "<script>alert('x')</script>\u0000"
    teller.block(GENESIS + EPOCH + 60, ("manager", "RoleLabel", {"roleId": "1", "label": script}))
    answer = Visitor(store).ask("/v1/events?name=RoleLabel")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["items"][0]["args"]["label"] == script


def test_event__with_megabytes_in_it__is_cut(store: Store, teller: Teller) -> None:
    teller.block(GENESIS + EPOCH + 60, ("timelock", "CallSalt", {"id": "0x" + "ff" * 1_000_000}))
    answer = Visitor(store).ask("/v1/events?limit=1")
    assert answer.json()["items"][0]["cut"] is True
    assert len(answer.content) < 10_000


def _listen(visitor: Visitor, count: int, publish: Callable[[Pulse], None]) -> list[bytes]:
    """What so many listeners were sent by the end, each with its status in front."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/stream",
        "raw_path": b"/v1/stream",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "scheme": "http",
        "server": ("explorer", 80),
        "http_version": "1.1",
    }

    async def listen() -> list[bytes]:
        told = [bytearray() for _ in range(count)]

        async def one(said: bytearray) -> None:
            async def receive() -> Any:
                await asyncio.Event().wait()

            async def send(message: Any) -> None:
                said.extend(str(message["status"]).encode() if "status" in message else message["body"])

            await visitor.app({**scope}, receive, send)

        listening = [asyncio.create_task(one(said)) for said in told]
        for _ in range(50):
            await asyncio.sleep(0)
        publish(visitor.explorer.pulse)
        for _ in range(20):
            await asyncio.sleep(0)
        visitor.explorer.pulse.end()
        await asyncio.gather(*listening)
        return [bytes(said) for said in told]

    return asyncio.run(listen())


def test_stream__two_tips_at_once__tells_the_last(visitor: Visitor) -> None:
    def publish(pulse: Pulse) -> None:
        pulse.publish("1", json.dumps({"block": 1}))
        pulse.publish("2", json.dumps({"block": 2}))

    (said,) = _listen(visitor, 1, publish)
    assert said.startswith(b"200")
    assert b'id: 2\nevent: pulse\ndata: {"block": 2}\n\n' in said
    assert b"id: 1" not in said


def test_stream__beyond_a_visitors_places__is_refused(visitor: Visitor) -> None:
    told = _listen(visitor, 3, lambda pulse: pulse.publish("1", "{}"))
    assert sorted(said[:3] for said in told) == [b"200", b"200", b"503"]
    assert visitor.explorer.pulse.places.total == 0
