"""What peers speak to, over ASGI.

POST /v1/observations   ├── valid → 200, and known
                        └── malformed, too large, nested, forged, stranger's, other config or epoch → refused
POST /v1/proposals      ├── valid → a signature that counts
                        └── the same kinds, and not the leader → refused, nothing signed
POST /v1/reports        └── of another view's or a second one of a leader → kept; stranger's, other epoch → refused
GET  /v1/observations   └── own one or another's, or 404
GET  /v1/trees          └── what was signed, or 404
GET  /v1/status         └── who this is, to anybody
any                     ├── unsigned, a stranger's, forged, altered, repeated, of another time → refused
                        └── too many by one peer → refused, and another's are not
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from sbi_network.chain.clock import EpochClock
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.oracle.agreement import EpochAgreement
from sbi_network.oracle.app import build_app
from sbi_network.oracle.errors import RefusedError
from sbi_network.oracle.mailbox import Identity, Mailbox
from sbi_network.oracle.passport import BURST, HEADER, PER_SECOND, Gate, Passport
from sbi_network.oracle.wire import (
    Outline,
    Proposal,
    decode_signature,
    decode_tree,
    encode_observation,
    encode_proposal,
    tree_chars,
)
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import hex_of
from sbi_network.protocol.json_form import Signed, encode_signed
from sbi_network.protocol.sumtree import Node, Sums, commitment_of
from tests.oracles.oracle.simulated import (
    CLOCK,
    EPOCH,
    HonestOracle,
    key,
    observed,
    oracle_key,
    readings,
    terms_of,
)

TERMS = terms_of()
LEADER = TERMS.leader_of(0)
OWN = (LEADER + 1) % 4
OWN_ADDRESS = check_address("own", oracle_key(OWN).address)
PRESENT = replace(CLOCK, genesis=int(time.time()) - (EPOCH + 1) * CLOCK.epoch_seconds)
SENDER = Passport(KeystoreSigner(oracle_key(2)), PRESENT)


class OpenAtViewZero:
    def __init__(self, agreement: EpochAgreement) -> None:
        self.agreement = agreement
        self.arrivals = 0

    def current_view(self) -> int:
        return 0

    def observation_arrived(self) -> None:
        self.arrivals += 1

    async def obtain(self, outline: Outline) -> Proposal:
        """As if the leader had shown what is not known here."""
        shown = [observed(TERMS, each.oracle, readings(TERMS)) for each in outline.listed]
        return Proposal(outline.signed, tuple(shown))


class Served:
    """An oracle with one open epoch, spoken to over ASGI."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.oracle = HonestOracle(TERMS, OWN)
        self.work = OpenAtViewZero(self.oracle.agreement)
        identity = Identity(OWN_ADDRESS, PRESENT, frozenset({check_address("peer", oracle_key(2).address)}))
        self.mailbox = Mailbox(identity, self.oracle.archive, self.oracle.witness)
        if is_open:
            self.mailbox.open(EPOCH, self.work)
        self._app = build_app(self.mailbox)

    def send(self, method: str, path: str, body: Any = None, **given: Any) -> httpx.Response:
        """As oracle 2 sends it, unless another `header` is given; None is none."""

        async def exchange() -> httpx.Response:
            signed = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
            header = given["header"] if "header" in given else await SENDER.header(OWN_ADDRESS, method, path, signed)
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://oracle") as client:
                headers = {} if header is None else {HEADER: header}
                return await client.request(method, path, content=body, headers=headers)

        return asyncio.run(exchange())

    def refusal(self, path: str, body: Any) -> tuple[int, str]:
        response = self.send("POST", path, body)
        assert response.headers["content-type"] == "application/problem+json"
        return response.status_code, response.json()["reason"]


def _proposal(terms: Any = TERMS) -> Proposal:
    leader = HonestOracle(terms, terms.leader_of(0))
    for number in range(3):
        leader.agreement.receive(observed(terms, number, readings(terms)))
    return asyncio.run(leader.agreement.propose(0))


def _observation_text(**changes: Any) -> str:
    made = json.loads(encode_observation(observed(TERMS, 2, readings(TERMS))))
    return json.dumps({**made, **changes})


def test_post_observation__valid__is_taken_and_announced_once() -> None:
    served = Served()
    body = encode_observation(observed(TERMS, 2, readings(TERMS)))
    assert [served.send("POST", "/v1/observations", body).status_code for _ in range(2)] == [200, 200]
    assert served.work.arrivals == 1
    assert 2 not in served.oracle.agreement.missing


def test_post_observation__no_open_epoch__may_be_tried_again() -> None:
    assert Served(is_open=False).refusal("/v1/observations", "{}") == (503, "not_open")


OTHER_EPOCH, OTHER_CONFIG = terms_of(epoch=EPOCH + 1), terms_of(version=2)

REFUSED_OBSERVATIONS = {
    "empty": ("", 400, "malformed"),
    "not JSON": ("{", 400, "malformed"),
    "not UTF-8": (b"\xff\xfe{}", 400, "malformed"),
    "not an object": ("[]", 400, "malformed"),
    "unknown key": (_observation_text(more=1), 400, "malformed"),
    "repeated key": ('{"oracle": 1, "oracle": 2}', 400, "malformed"),
    "nested deeply": ("[" * 4000 + "]" * 4000, 413, "too_large"),
    "nested": ("[" * 2000 + "]" * 2000, 400, "malformed"),
    "nested inside": (_observation_text(observation=json.loads("[" * 900 + "]" * 900)), 400, "malformed"),
    "NaN": ('{"oracle": NaN}', 400, "malformed"),
    "oracle of another type": (_observation_text(oracle=True), 400, "malformed"),
    "oracle out of range": (_observation_text(oracle=-1), 400, "malformed"),
    "readings misaligned": (_observation_text(readings="0x00"), 400, "malformed"),
    "readings in capitals": (_observation_text(readings="0xAB"), 400, "malformed"),
    "too large": ("x" * 10_000, 413, "too_large"),
    "stranger": (encode_observation(observed(TERMS, 2, readings(TERMS), key("stranger"))), 403, "not_member"),
    "another member": (encode_observation(observed(TERMS, 2, readings(TERMS), oracle_key(3))), 403, "bad_signature"),
    "epoch not open": (encode_observation(observed(OTHER_EPOCH, 2, readings(OTHER_EPOCH))), 503, "not_open"),
    "other config": (encode_observation(observed(OTHER_CONFIG, 2, readings(OTHER_CONFIG))), 409, "wrong_config"),
}


@pytest.mark.parametrize("case", REFUSED_OBSERVATIONS)
def test_post_observation__bad__is_refused_and_not_kept(case: str) -> None:
    body, status, reason = REFUSED_OBSERVATIONS[case]
    served = Served()
    assert served.refusal("/v1/observations", body) == (status, reason)
    assert served.oracle.agreement.missing == {0, 1, 2, 3}
    assert served.work.arrivals == 0


def test_post_observation__chunked_and_too_large__is_refused_before_its_end() -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 10**9:
            sent += 1000
            yield b"x" * 1000

    assert Served().send("POST", "/v1/observations", endless()).status_code == 413
    assert sent < 100_000


def test_post_proposal__valid__is_answered_with_a_signature_of_this_oracle() -> None:
    served, proposal = Served(), _proposal()
    response = served.send("POST", "/v1/proposals", encode_proposal(proposal))
    assert response.status_code == 200
    digest = proposal.signed.message.digest(TERMS.config.domain)
    assert decode_signature(response.content).recover(digest) == oracle_key(OWN).address


def _refused_proposals() -> dict[str, tuple[str, int, str]]:
    proposal = _proposal()
    report = proposal.signed.message
    by_follower = Signed(report, report.sign(oracle_key(OWN), TERMS.config.domain))
    other = replace(report, raw_general=report.raw_general + 1)
    lying = Signed(other, other.sign(oracle_key(LEADER), TERMS.config.domain))
    nested = json.loads(encode_proposal(proposal))
    nested["report"] = json.loads("[" * 900 + "]" * 900)
    return {
        "malformed": ("{}", 400, "malformed"),
        "nested": (json.dumps(nested), 400, "malformed"),
        "observations of another type": ('{"observations": {}, "report": {}}', 400, "malformed"),
        "too large": ("x" * 50_000, 413, "too_large"),
        "not the leader": (encode_proposal(replace(proposal, signed=by_follower)), 403, "not_leader"),
        "other figures": (encode_proposal(replace(proposal, signed=lying)), 409, "other_report"),
        "short list": (encode_proposal(replace(proposal, observations=proposal.observations[:2])), 409, "other_report"),
        "other config": (encode_proposal(_proposal(OTHER_CONFIG)), 409, "wrong_config"),
        "epoch not open": (encode_proposal(_proposal(OTHER_EPOCH)), 503, "not_open"),
    }


@pytest.mark.parametrize("case", _refused_proposals())
def test_post_proposal__bad__is_refused_and_nothing_is_signed(case: str) -> None:
    body, status, reason = _refused_proposals()[case]
    served = Served()
    assert served.refusal("/v1/proposals", body) == (status, reason)
    assert served.oracle.most_digests == 0


def test_get_observation__made_or_not__is_the_own_one_or_404() -> None:
    served = Served()
    assert served.send("GET", f"/v1/observations/{EPOCH}/{OWN}").status_code == 404
    own = asyncio.run(served.oracle.agreement.observe(readings(TERMS)))
    assert served.send("GET", f"/v1/observations/{EPOCH}/{OWN}").text == encode_observation(own)
    assert served.send("GET", f"/v1/observations/{EPOCH}/3").status_code == 404
    assert served.send("GET", f"/v1/observations/{EPOCH + 1}/{OWN}").status_code == 503
    for path in ("x/0", f"{EPOCH}/256", f"{EPOCH}/-1", f"{2**63}/0"):
        assert served.send("GET", f"/v1/observations/{path}").status_code == 422


def test_get_status__any_time__says_who_this_is() -> None:
    status = Served().send("GET", "/v1/status").json()
    assert status["oracle"] == oracle_key(OWN).address
    assert status["registry"] == CLOCK.registry
    assert status["openEpochs"] == [EPOCH]


def _header(number: int, path: str, *, to: str = OWN_ADDRESS, clock: Any = PRESENT, body: bytes = b"") -> str:
    passport = Passport(KeystoreSigner(oracle_key(number)), clock)
    return asyncio.run(passport.header(check_address("to", to), "GET", path, body))


PATH = f"/v1/observations/{EPOCH}/2"
STRANGER = Passport(KeystoreSigner(key("stranger")), PRESENT)


def _forged() -> str:
    return _header(2, PATH).replace(oracle_key(2).address, oracle_key(3).address)


BAD_HEADERS: dict[str, tuple[Any, int, str]] = {
    "none": (lambda: None, 401, "unsigned"),
    "another scheme": (lambda: "Basic YTpi", 401, "unsigned"),
    "far too long": (lambda: "SBI " + "0" * 5000, 401, "unsigned"),
    "no address": (lambda: "SBI x 1 0x00 0x00", 401, "unsigned"),
    "no time": (lambda: _header(2, PATH).replace(" 1", " -1", 1), 401, "unsigned"),
    "a stranger": (lambda: asyncio.run(STRANGER.header(OWN_ADDRESS, "GET", PATH, b"")), 403, "not_member"),
    "in another's name": (_forged, 403, "bad_signature"),
    "to another oracle": (lambda: _header(2, PATH, to=oracle_key(3).address), 403, "bad_signature"),
    "for another path": (lambda: _header(2, "/v1/status"), 403, "bad_signature"),
    "with another body": (lambda: _header(2, PATH, body=b"{}"), 403, "bad_signature"),
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_request__not_this_peers_for_this__is_refused(case: str) -> None:
    header, status, reason = BAD_HEADERS[case]
    response = Served().send("GET", PATH, header=header())
    assert (response.status_code, response.json()["reason"]) == (status, reason)


def test_request__repeated__is_refused_and_does_not_count() -> None:
    served = Served()
    header = _header(2, PATH)
    assert served.send("GET", PATH, header=header).status_code == 404
    answers = {served.send("GET", PATH, header=header).status_code for _ in range(2 * BURST)}
    assert answers == {401}
    assert served.send("GET", PATH).status_code == 404


def test_request__of_another_time__is_refused() -> None:
    @dataclass(frozen=True)
    class Ahead(EpochClock):
        def now(self) -> float:
            return time.time() + 40

    ahead = Ahead(CLOCK.chain_id, CLOCK.registry, 0, CLOCK.epoch_seconds, CLOCK.report_window)
    response = Served().send("GET", PATH, header=_header(2, PATH, clock=ahead))
    assert (response.status_code, response.json()["reason"]) == (401, "unsigned")
    assert "clock" in response.json()["detail"]


def test_request__too_many_by_one_peer__leaves_the_others_theirs() -> None:
    """By a clock that stands still: under load a real one refills what is used up."""
    clock = Standing(CLOCK.chain_id, CLOCK.registry, 0, CLOCK.epoch_seconds, CLOCK.report_window)
    gate = Gate(OWN_ADDRESS, clock, lambda _: True)
    first, second = (Passport(KeystoreSigner(oracle_key(number)), clock) for number in (2, 3))

    def admit(passport: Passport) -> str:
        try:
            gate.admit(asyncio.run(passport.header(OWN_ADDRESS, "GET", PATH, b"")))
        except RefusedError as refusal:
            return refusal.reason.word
        return "admitted"

    assert [admit(first) for _ in range(BURST + 2)] == ["admitted"] * BURST + ["too_many"] * 2
    assert admit(second) == "admitted"
    clock.passed.append(1.0)
    again = [admit(first) for _ in range(int(PER_SECOND) + 1)]
    assert again == ["admitted"] * int(PER_SECOND) + ["too_many"]


@dataclass(frozen=True)
class Standing(EpochClock):
    """A clock that moves when it is told to."""

    passed: list[float] = field(default_factory=list)

    def now(self) -> float:
        return 10_000.0 + sum(self.passed)


def test_post_report__second_of_a_view_by_its_leader__is_evidence_once() -> None:
    served = Served()
    first = _proposal().signed
    other = replace(first.message, raw_general=first.message.raw_general + 1)
    second = Signed(other, other.sign(oracle_key(LEADER), TERMS.config.domain))
    for signed in (first, first, second, second):
        assert served.send("POST", "/v1/reports", encode_signed(signed)).status_code == 200
    assert [(case.kind, case.number) for case in served.oracle.archive.open_cases()] == [("report", LEADER)]
    assert len(served.oracle.witnessed) == 1


def test_post_report__strangers_or_of_other_days__is_refused_and_not_kept() -> None:
    served = Served()
    report = _proposal().signed.message
    others = (
        (replace(report, epoch=EPOCH + 1), oracle_key(LEADER), (409, "wrong_epoch")),
        (replace(report, config_digest=bytes(32)), oracle_key(LEADER), (409, "wrong_config")),
        (replace(report, view_number=2**40), oracle_key(LEADER), (409, "wrong_view")),
        (report, key("stranger"), (403, "not_member")),
    )
    for message, signer, expected in others:
        signed = Signed(message, message.sign(signer, TERMS.config.domain))
        assert served.refusal("/v1/reports", encode_signed(signed)) == expected
    assert served.refusal("/v1/reports", "{}") == (400, "malformed")
    assert served.oracle.archive.seen_reports(EPOCH) == ()


def test_get_tree__of_what_was_co_signed__leads_to_its_commitment() -> None:
    served, proposal = Served(), _proposal()
    served.send("POST", "/v1/proposals", encode_proposal(proposal))
    sums = Sums(*(getattr(proposal.signed.message, name) for name in SUMS))
    commitment = commitment_of(2, Node(proposal.signed.message.root, sums.pack()))
    answer = served.send("GET", f"/v1/trees/{EPOCH}/{hex_of(commitment)}")
    assert decode_tree(answer.content, tree_chars(2)).commitment == commitment
    assert served.send("GET", f"/v1/trees/{EPOCH + 1}/{hex_of(commitment)}").status_code == 404
    assert served.send("GET", f"/v1/trees/{EPOCH}/0x00").status_code == 422


SUMS = ("raw_general", "raw_intelligent", "raw_super", "public_output")
