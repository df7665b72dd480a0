"""`sbi relay run` on Anvil with the deployed suite, as citizens without ether use it.

check      everything `run` needs → a line each
payment    zero fee → made once, final; handed in again → the same; with the quote's nonces, which share a word
fee        the payer pays value and fee to the wei, the fee once the payment is made
           more or less than quoted, another's, forged or expired quote, none → refused, nothing taken
first      a citizen who was never active → activated and paid in one transaction; the fee from the income it brought
permit     → filed; the fee after
batch      one payer emptied the account, one cancelled, one was run ahead of → each has its reason, the rest are paid,
           a payment made by another counts as made; who was skipped pays no fee
kill       SIGKILL at any moment → whatever was acknowledged is paid, once
secrets    in no log
"""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from web3.logs import DISCARD as _DISCARD

from tests.support.anvil_nation import Nation
from tests.support.relaying import HOUR, PASSWORD, SBI, Relay, fresh_key, paying_nation, relaying

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

FEES = '[fees]\npayment = "0.5"\nfirst_spend = "2"\npermit = "1.25"\ngrace_seconds = 600'
QUICK = "[bundles]\nwait_seconds = 0.1"
OPEN = "[limits]\nrequests_per_second = 10000\nburst = 10000\npayment_burst = 1000\nwaiting_per_payer = 100"
_numbers = itertools.count()


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    with paying_nation(tmp_path_factory.mktemp("nation")) as nation:
        yield nation


@pytest.fixture(scope="module")
def free(nation: Nation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relayer that asks nothing."""
    key = fresh_key(nation, "sponsor")
    with relaying(nation, tmp_path_factory.mktemp("free"), key, QUICK, OPEN) as relay:
        yield relay


@pytest.fixture(scope="module")
def paid(nation: Nation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relayer that asks for fees, to an account of its own."""
    collector = f'{FEES}\ncollector = "{shop("collector")}"'
    key = fresh_key(nation, "business")
    with relaying(nation, tmp_path_factory.mktemp("paid"), key, QUICK, OPEN, collector) as relay:
        yield relay


def shop(name: str = "") -> str:
    """An address that nobody else in these tests has."""
    return str(Account.from_key(keccak(text=f"shop {name or next(_numbers)}")).address)


def balance(nation: Nation, account: str) -> int:
    return int(nation.contract("token").functions.balanceOf(account).call())


def as_struct(body: dict[str, Any]) -> tuple[Any, ...]:
    """A payment as the token takes it."""
    amounts = (int(body[name]) for name in ("value", "validAfter", "validBefore"))
    return (body["from"], body["to"], *amounts, body["nonce"], body["signature"])


def settle(nation: Nation) -> None:
    """Enough blocks for everything so far to be final."""
    nation.rpc("anvil_mine", "0x50")


def test_check__all_in_order__says_so_line_by_line(free: Relay) -> None:
    done = subprocess.run(
        free.command("check"), cwd=free.folder, env=free.environment, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    subjects = [line[5:].partition(":")[0] for line in lines]
    assert {"sending key", "token", "citizens", "sending balance", "outbox", "state", "fees"} <= set(subjects)
    # The chain's clock was moved on by hand.
    assert [line for line in lines if not line.startswith("ok") and "newest block" not in line] == []


def test_payment__zero_fee__is_made_once_and_final(nation: Nation, free: Relay) -> None:
    ada, payee = free.signing(nation.people[0].key), shop()
    before = balance(nation, ada.address)
    body = free.body(ada, payee, 5 * SBI)
    told = free.accepted(body)
    made = free.until(told, state="made")
    again = free.post(body)
    assert (again.status_code, again.json()["id"]) == (200, told["id"])
    settle(nation)
    final = free.until(told, final=True)
    assert (final["transaction"], final["block"]) == (made["transaction"], made["block"])
    assert (balance(nation, payee), balance(nation, ada.address)) == (5 * SBI, before - 5 * SBI)

    first, second = body["nonce"], free.quote(ada)["nonce"]
    assert (first[:64], int(first[64:], 16) + 2) == (second[:64], int(second[64:], 16))


def test_payment__without_a_quote_and_with_any_nonce__is_made(nation: Nation, free: Relay) -> None:
    ada, payee = free.signing(nation.people[0].key), shop()
    body = ada.transfer(payee, SBI, keccak(text="of her own"), nation.now + HOUR)
    free.until(free.accepted(body), state="made")
    assert balance(nation, payee) == SBI
    replayed = ada.transfer(payee, 2 * SBI, keccak(text="of her own"), nation.now + HOUR)
    assert free.post(replayed).json()["title"] == "Already made or cancelled"


def test_fee__as_quoted__is_taken_after_the_payment_to_the_wei(nation: Nation, paid: Relay) -> None:
    bea, payee = paid.signing(nation.people[1].key), shop()
    before, collected = balance(nation, bea.address), balance(nation, shop("collector"))
    told = paid.pay(bea, payee, 3 * SBI)
    done = paid.until(told, state="made", fee__state="collected")
    assert done["fee"]["amount"] == str(SBI // 2)
    assert balance(nation, payee) == 3 * SBI
    assert balance(nation, bea.address) == before - 3 * SBI - SBI // 2
    assert balance(nation, shop("collector")) == collected + SBI // 2
    blocks = [
        nation.web3.eth.get_transaction(each)["blockNumber"]
        for each in (done["transaction"], done["fee"]["transaction"])
    ]
    assert blocks[0] < blocks[1]


def test_fee__other_than_quoted__is_refused_and_nothing_taken(nation: Nation, paid: Relay) -> None:
    bea, cal = (paid.signing(nation.people[n].key) for n in (1, 2))
    before = balance(nation, bea.address)
    quote, late = paid.quote(bea), nation.now + HOUR + 600
    body = paid.body(bea, shop(), SBI, quote)
    bare = {name: value for name, value in body.items() if name not in ("quote", "fee")}
    forged = quote["quote"][:-1] + ("0" if quote["quote"][-1] != "0" else "1")
    refused: list[tuple[dict[str, Any], str]] = [
        (bare, "Without a quote"),
        (bare | {"fee": body["fee"]}, "Without a quote"),
        ({**body, "fee": bea.fee(quote, late, value=SBI)}, "Not the fee quoted"),
        ({**body, "fee": bea.fee(quote, late, value=SBI // 2 - 1)}, "Not the fee quoted"),
        (bare | {"quote": quote["quote"]}, "Not the fee quoted"),
        ({**body, "quote": forged}, "No quote of ours"),
        ({**body, "quote": paid.quote(cal)["quote"]}, "Another's quote"),
        ({**body, "quote": paid.quote(bea, "permit")["quote"]}, "Another's quote"),
        ({**body, "fee": bea.fee(quote, late - 700)}, "The fee's window"),
        ({**body, "fee": bea.fee(quote, late, to=cal.address)}, "Not the payer's signature"),
        ({**body, "fee": bea.fee(quote, late, nonce=bytes.fromhex(body["nonce"][2:]))}, "One nonce twice"),
    ]
    for wrong, title in refused:
        answer = paid.post(wrong)
        assert (answer.status_code, answer.json()["title"]) == (422, title), answer.text
    assert balance(nation, bea.address) == before


def test_first_spend__never_active__activates_and_pays_in_one_step(nation: Nation, paid: Relay) -> None:
    newcomer, payee = paid.signing(nation.people[8].key), shop()
    leaf, roll = nation.rolls[1].leaves[8], nation.rolls[1]
    assert balance(nation, newcomer.address) == 0
    activation = {
        "batch": 1,
        "index": 8,
        "person": "0x" + leaf.person.hex(),
        "proof": ["0x" + each.hex() for each in roll.proof(8)],
    }
    wrong = paid.post(paid.body(newcomer, payee, SBI, activation={**activation, "index": 9}))
    assert wrong.status_code == 422
    assert "InvalidProof" in wrong.json()["detail"]
    told = paid.accepted(paid.body(newcomer, payee, SBI, activation=activation))
    done = paid.until(told, state="made", fee__state="collected")
    assert (done["kind"], balance(nation, payee)) == ("first_spend", SBI)
    receipt = nation.web3.eth.get_transaction_receipt(done["transaction"])
    told_on_chain = nation.contract("citizens").events.CitizenActivated().process_receipt(receipt, errors=_DISCARD)
    assert told_on_chain[0]["args"]["account"] == newcomer.address
    assert balance(nation, newcomer.address) > 0
    # From now on as everybody.
    paid.until(paid.pay(newcomer, payee, SBI), state="made")


def test_permit__signed__is_filed(nation: Nation, paid: Relay) -> None:
    dan = paid.signing(nation.people[3].key)
    token, quote = nation.contract("token").functions, paid.quote(dan, "permit")
    number = token.nonces(dan.address).call()
    body = dan.permit(shop("till"), 7 * SBI, number, nation.now + HOUR)
    body |= {"quote": quote["quote"], "fee": dan.fee(quote, nation.now + HOUR + 700)}
    paid.until(paid.accepted(body, "/v1/permits"), state="made", fee__state="collected")
    assert token.allowance(dan.address, shop("till")).call() == 7 * SBI


def test_batch__with_bad_items__pays_the_good_and_says_why_of_the_bad(nation: Nation, tmp_path: Path) -> None:
    key = fresh_key(nation, "patient")
    slow = "[bundles]\nwait_seconds = 4\nrecheck_seconds = 1000"
    with relaying(nation, tmp_path, key, slow, OPEN, FEES) as relay:
        poor, fickle, ahead, good = (relay.signing(nation.people[n].key) for n in (4, 5, 6, 7))
        payees = {who.address: shop() for who in (poor, fickle, ahead, good)}
        bodies = {who.address: relay.body(who, payees[who.address], SBI) for who in (poor, fickle, ahead, good)}
        told = {who: relay.accepted(body) for who, body in bodies.items()}

        nation.actors.pay(nation.people[4], shop(), balance(nation, poor.address))
        fickle.cancelled(nation, bytes.fromhex(bodies[fickle.address]["nonce"][2:]))
        stolen = bodies[ahead.address]
        struct = [stolen[name] for name in ("from", "to")] + [
            int(stolen[n]) for n in ("value", "validAfter", "validBefore")
        ]
        nation.send(
            nation.deployer, "token", "transferWithAuthorizations", [(*struct, stolen["nonce"], stolen["signature"])]
        )
        relay.until(told[good.address], state="made", fee__state="collected")
        relay.until(told[ahead.address], state="made", fee__state="collected")
        settle(nation)
        skipped = relay.until(told[poor.address], state="skipped")
        cancelled = relay.until(told[fickle.address], state="skipped")
        assert (skipped["reason"], cancelled["reason"]) == ("ERC20InsufficientBalance", "AuthorizationUsedOrCanceled")
        assert skipped["fee"]["state"] == cancelled["fee"]["state"] == "none"
        by_another, ours = relay.status(told[ahead.address]), relay.status(told[good.address])
        assert by_another["transaction"] != ours["transaction"]
        assert [balance(nation, payees[who.address]) for who in (poor, fickle, ahead, good)] == [0, 0, SBI, SBI]
        receipt = nation.web3.eth.get_transaction_receipt(ours["transaction"])
        assert receipt["status"] == 1
        events = nation.contract("token").events.AuthorizationSkipped().process_receipt(receipt, errors=_DISCARD)
        assert {each["args"]["authorizer"] for each in events} == {poor.address, fickle.address, ahead.address}


def test_kill__at_any_moment__whatever_was_acknowledged_is_paid_once(nation: Nation, tmp_path: Path) -> None:
    chance = random.Random(7)
    relay = Relay(
        nation, tmp_path, fresh_key(nation, "mortal"), "[bundles]\nwait_seconds = 0.05\npayments = 3", OPEN, FEES
    )
    payee, told = shop(), []
    relay.start()
    try:
        for _ in range(4):
            for _ in range(chance.randrange(2, 6)):
                payer = relay.signing(nation.people[chance.randrange(0, 4)].key)
                told.append(relay.pay(payer, payee, SBI))
            if chance.random() < 0.5:
                relay.until(told[-1], state="made")
            relay.kill()
            relay.start()
        for each in told:
            relay.until(each, seconds=60, state="made", fee__state="collected")
        settle(nation)
        for each in told:
            relay.until(each, final=True)
        assert balance(nation, payee) == len(told) * SBI
        assert balance(nation, relay.key.address) == len(told) * SBI // 2
        assert relay.metric('sbi_relay_jobs{state="made"}') == len(told)
        assert relay.process is not None
        relay.process.send_signal(signal.SIGTERM)
        assert relay.process.wait(10) == 0
    finally:
        relay.kill()


def test_secrets__anywhere_written__are_not_there(free: Relay, paid: Relay) -> None:
    for relay in (free, paid):
        for path in (*relay.folder.glob("*.log"), *relay.folder.glob("*.sqlite*")):
            content = path.read_bytes()
            assert bytes(relay.key.key) not in content
            assert relay.key.key.hex().encode() not in content
            assert PASSWORD.encode() not in content


def test_answers__for_strangers__are_problems_and_readable_from_any_page(free: Relay) -> None:
    base: dict[str, Any] = {"headers": {"origin": "https://wallet.example"}}
    gone = free.client.get("/v1/payments/0x" + "0" * 64, **base)
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")
    assert gone.headers["access-control-allow-origin"] == "*"
    asked = {"origin": "https://wallet.example", "access-control-request-method": "POST"}
    assert free.client.options("/v1/payments", headers=asked).status_code == httpx.codes.OK
