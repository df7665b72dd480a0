"""A relayer's bad days, on Anvil with the deployed suite.

wallets    a contract that accepts signatures (ERC-1271) → paid, in a transaction of its own, and so is its fee
           one that does not → refused; one that changes its mind → skipped, with the reason; not wanted → refused
windows    over, nearly over, far ahead → refused; a little ahead → waits, and is paid
           over while it waits to be sent → expired
emptied    a payer seen to be empty before sending → skipped, and no transaction is sent for it
           a payer who cannot pay the fee any more → barred until they can
           one who cancels the fee → barred
ahead      a fee that somebody else collected first → collected; its nonce again → refused
           a permit that somebody else filed first → made, by theirs
reorg      the block of a payment is gone → under way again, and made again
floods     unsigned, forged, malformed, oversized, too many of one address, too many of one payer → refused, and
           honest payers are served
queue      full → refused with a time to come back; one nonce for two payments → refused
node       gone → refused, nothing lost; back → served
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from tests.integration.shadow import wait_until
from tests.support.anvil_nation import Nation
from tests.support.relaying import HOUR, SBI, Relay, Signing, fresh_key, paying_nation, relaying

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

FEES = '[fees]\npayment = "0.5"\nfirst_spend = "2"\npermit = "1.25"\ngrace_seconds = 600'
QUICK = "[bundles]\nwait_seconds = 0.1"
SLOW = "[bundles]\nwait_seconds = 4\nrecheck_seconds = 1"
OPEN = "[limits]\nrequests_per_second = 10000\nburst = 10000\npayment_burst = 1000\nwaiting_per_payer = 100"

ACCEPTS = "0x631626ba7e60e01b60005260206000f3"
"""A wallet that accepts any signature: returns ERC-1271's magic word."""

FICKLE = "0x6000541560e01b631626ba7e0260005260206000f3"
"""One that accepts while its first storage slot is zero: magic × (slot == 0)."""

_numbers = itertools.count()


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    with paying_nation(tmp_path_factory.mktemp("nation")) as nation:
        yield nation


@pytest.fixture
def relay(nation: Nation, tmp_path: Path) -> Iterator[Relay]:
    with relaying(nation, tmp_path, fresh_key(nation, f"relayer {next(_numbers)}"), QUICK, OPEN, FEES) as relay:
        yield relay


def shop() -> str:
    return str(Account.from_key(keccak(text=f"bad day {next(_numbers)}")).address)


def balance(nation: Nation, account: str) -> int:
    return int(nation.contract("token").functions.balanceOf(account).call())


def settle(nation: Nation) -> None:
    nation.rpc("anvil_mine", "0x50")


def wallet(nation: Nation, code: str, sbi: int = 20) -> str:
    """A contract wallet with some SBI."""
    address = shop()
    nation.rpc("anvil_setCode", address, code)
    nation.actors.pay(nation.people[0], address, sbi * SBI)
    return address


def of_wallet(relay: Relay, signer: Signing, address: str, to: str, value: int) -> dict[str, Any]:
    """A wallet's payment, signed by an owner, with its fee."""
    answer = relay.client.get("/v1/quotes", params={"from": address})
    quote, before = answer.json(), relay.nation.now + HOUR
    body = signer.transfer(to, value, bytes.fromhex(quote["nonce"][2:]), before, payer=address)
    fee = signer.fee(quote, before + 600, payer=address)
    return body | {"quote": quote["quote"], "fee": fee}


def test_wallet__accepts_signatures__is_paid_from_alone(nation: Nation, relay: Relay) -> None:
    owner, payee = relay.signing(nation.people[1].key), shop()
    address = wallet(nation, ACCEPTS)
    told = relay.accepted(of_wallet(relay, owner, address, payee, 3 * SBI))
    beside = relay.pay(owner, payee, SBI)
    done = relay.until(told, state="made", fee__state="collected")
    assert relay.until(beside, state="made")["transaction"] != done["transaction"]
    assert balance(nation, address) == 17 * SBI - SBI // 2


def test_wallet__refuses_or_is_none__is_refused(nation: Nation, relay: Relay) -> None:
    owner = relay.signing(nation.people[1].key)
    stops = relay.post(of_wallet(relay, owner, wallet(nation, "0x00"), shop(), SBI))
    assert (stops.status_code, stops.json()["title"]) == (422, "The contract would refuse")
    assert "InvalidSignature" in stops.json()["detail"]
    person = relay.post(of_wallet(relay, owner, nation.people[2].address, shop(), SBI))
    assert (person.status_code, person.json()["title"]) == (422, "Not the payer's signature")


def test_wallet__changes_its_mind__is_skipped_with_the_reason(nation: Nation, tmp_path: Path) -> None:
    address = wallet(nation, FICKLE)
    with relaying(nation, tmp_path, fresh_key(nation, "fickle's"), SLOW, OPEN) as relay:
        owner, nonce = relay.signing(nation.people[1].key), keccak(text="fickle")
        nation.rpc("evm_setAutomine", False)
        try:
            # Whatever goes alone goes at once: the wallet turns while the first of its transactions waits for a block.
            told = relay.accepted(owner.transfer(shop(), SBI, nonce, nation.now + HOUR, payer=address))
            nation.rpc("anvil_setStorageAt", address, "0x" + "0" * 64, "0x" + "0" * 63 + "1")
        finally:
            nation.rpc("evm_setAutomine", True)
            nation.rpc("evm_mine")
        settle(nation)
        assert relay.until(told, state="skipped")["reason"] == "InvalidSignature"
        assert balance(nation, address) == 20 * SBI


def test_wallet__not_wanted__is_refused(nation: Nation, tmp_path: Path) -> None:
    address = wallet(nation, ACCEPTS)
    with relaying(
        nation, tmp_path, fresh_key(nation, "plain"), "poll_seconds = 0.1\ncontract_wallets = false", QUICK, OPEN
    ) as relay:
        body = relay.signing(nation.people[1].key).transfer(shop(), SBI, bytes(32), nation.now + HOUR, payer=address)
        assert relay.post(body).json()["title"] == "Not the payer's signature"


def test_window__that_is_wrong__is_refused(nation: Nation, relay: Relay) -> None:
    ada, now = relay.signing(nation.people[0].key), nation.now
    for before, after, title in (
        (now - 1, 0, "Expired, or about to"),
        (now + 30, 0, "Expired, or about to"),
        (now + 10 * HOUR, now + 2 * HOUR, "Not yet valid"),
    ):
        answer = relay.post(ada.transfer(shop(), SBI, bytes(32), before, after))
        assert (answer.status_code, answer.json()["title"]) == (422, title)


def test_window__opens_soon__is_waited_for(nation: Nation, tmp_path: Path) -> None:
    with relaying(nation, tmp_path, fresh_key(nation, "early"), QUICK, OPEN) as relay:
        ada, payee, opens = relay.signing(nation.people[0].key), shop(), nation.now + 300
        told = relay.accepted(ada.transfer(payee, SBI, keccak(text="soon"), opens + HOUR, opens))
        other = relay.accepted(ada.transfer(shop(), SBI, keccak(text="now"), opens + HOUR))
        relay.until(other, state="made")
        assert relay.status(told)["state"] == "queued"
        nation.warp(301)
        relay.until(told, state="made")
        assert balance(nation, payee) == SBI


def test_window__closes_while_it_waits__expires(nation: Nation, tmp_path: Path) -> None:
    with relaying(nation, tmp_path, fresh_key(nation, "late"), SLOW, OPEN) as relay:
        ada = relay.signing(nation.people[0].key)
        told = relay.accepted(ada.transfer(shop(), SBI, keccak(text="late"), nation.now + 100))
        nation.warp(101)
        assert "time was over" in relay.until(told, state="expired")["reason"]
        assert nation.web3.eth.get_transaction_count(relay.key.address) == 0


def test_payer__seen_to_be_empty_before_sending__costs_no_transaction(nation: Nation, tmp_path: Path) -> None:
    key = Account.from_key(keccak(text="spender"))
    nation.actors.pay(nation.people[0], key.address, 2 * SBI)
    fresh_key(nation, "spender")
    with relaying(nation, tmp_path, fresh_key(nation, "looks again"), SLOW, OPEN) as relay:
        spender = relay.signing(key)
        told = relay.accepted(spender.transfer(shop(), 2 * SBI, bytes(32), nation.now + HOUR))
        nation.rpc("anvil_impersonateAccount", key.address)
        nation.contract("token").functions.transfer(shop(), SBI).transact({"from": key.address})
        assert relay.until(told, state="skipped")["reason"] == "ERC20InsufficientBalance"
        assert nation.web3.eth.get_transaction_count(relay.key.address) == 0


def test_payer__who_spent_the_fee_elsewhere__is_barred_until_it_is_there(nation: Nation, relay: Relay) -> None:
    key = fresh_key(nation, "dodger")
    nation.actors.pay(nation.people[0], key.address, 3 * SBI)
    dodger = relay.signing(key)
    nation.rpc("evm_setAutomine", False)
    try:
        told = relay.accepted(relay.body(dodger, shop(), SBI))
        waiting = lambda: len(nation.rpc("txpool_content")["pending"]) > 0  # noqa: E731
        wait_until("the payment to be sent", waiting, 20)
        nation.rpc("anvil_impersonateAccount", key.address)
        rest = {"from": key.address, "gas": 100_000, "gasPrice": 10**9}
        nation.contract("token").functions.transfer(shop(), 2 * SBI).transact(rest)
    finally:
        nation.rpc("evm_setAutomine", True)
        nation.rpc("evm_mine")
    relay.until(told, state="made")
    wait_until("the fee to be tried", lambda: balance(nation, dodger.address) == 0, 20)
    refused = relay.post(relay.body(dodger, shop(), SBI))
    assert (refused.status_code, refused.json()["title"]) == (422, "Not enough")


def test_fee__collected_by_another_first__counts(nation: Nation, tmp_path: Path) -> None:
    key = fresh_key(nation, "slow to collect")
    with relaying(nation, tmp_path, key, "[bundles]\nwait_seconds = 3", OPEN, FEES) as relay:
        ada = relay.signing(nation.people[2].key)
        body = relay.body(ada, shop(), SBI)
        told = relay.accepted(body)
        fee = body["fee"]
        amounts = [int(fee[name]) for name in ("value", "validAfter", "validBefore")]
        struct = (ada.address, key.address, *amounts, fee["nonce"], fee["signature"])
        nation.send(nation.deployer, "token", "transferWithAuthorizations", [struct])
        relay.until(told, state="made", fee__state="collected")
        assert balance(nation, key.address) == SBI // 2
        # A payment that ends as the first did, so that all but the nonce of its fee is in order.
        quote = relay.quote(ada, "payment")
        payment = ada.transfer(shop(), SBI, bytes.fromhex(quote["nonce"][2:]), int(body["validBefore"]))
        again = relay.post(payment | {"quote": quote["quote"], "fee": fee})
        assert again.json()["title"] == "The fee's nonce is spent"
        relay.until(relay.pay(ada, shop(), SBI), state="made", fee__state="collected")


def test_fee__cancelled_by_its_payer__bars_them(nation: Nation, tmp_path: Path) -> None:
    key = fresh_key(nation, "cheated")
    with relaying(nation, tmp_path, key, "[bundles]\nwait_seconds = 3", OPEN, FEES) as relay:
        cheat = relay.signing(nation.people[3].key)
        body = relay.body(cheat, shop(), SBI)
        told = relay.accepted(body)
        cheat.cancelled(nation, bytes.fromhex(body["fee"]["nonce"][2:]))
        relay.until(told, state="made", fee__state="withheld")
        answer = relay.post(relay.body(cheat, shop(), SBI))
        assert (answer.status_code, answer.json()["title"]) == (422, "An earlier fee was withheld")


def test_permit__filed_by_another_first__is_made(nation: Nation, tmp_path: Path) -> None:
    with relaying(nation, tmp_path, fresh_key(nation, "clerk"), QUICK, OPEN) as relay:
        ada, spender = relay.signing(nation.people[2].key), shop()
        number = nation.contract("token").functions.nonces(ada.address).call()
        body = ada.permit(spender, SBI, number, nation.now + HOUR)
        _stop(relay)
        try:
            nation.rpc("evm_setAutomine", False)
            filed = nation.contract("token").get_function_by_signature("permit(address,address,uint256,uint256,bytes)")
            _resume(relay)
            told = relay.accepted(body, "/v1/permits")
            filed(ada.address, spender, SBI, body["deadline"], body["signature"]).transact(
                {"from": nation.deployer.address, "gas": 200_000, "gasPrice": 10**12}
            )
        finally:
            _resume(relay)
            nation.rpc("evm_setAutomine", True)
            nation.rpc("evm_mine")
        settle(nation)
        done = relay.until(told, state="made")
        assert nation.web3.eth.get_transaction(done["transaction"])["from"] == nation.deployer.address
        assert nation.contract("token").functions.allowance(ada.address, spender).call() == SBI


def test_reorg__takes_a_payment_back__it_is_made_again(nation: Nation, tmp_path: Path) -> None:
    with relaying(nation, tmp_path, fresh_key(nation, "patient"), QUICK, OPEN) as relay:
        ada, payee = relay.signing(nation.people[0].key), shop()
        nation.rpc("evm_mine")
        told = relay.pay(ada, payee, SBI)
        relay.until(told, state="made")
        nation.rpc("evm_setAutomine", False)
        try:
            nation.rpc("anvil_reorg", 1, [])
            assert balance(nation, payee) == 0
            relay.until(told, state="sent", transaction=None)
        finally:
            nation.rpc("evm_setAutomine", True)
            nation.rpc("evm_mine")
        relay.until(told, state="made")
        settle(nation)
        relay.until(told, final=True)
        assert balance(nation, payee) == SBI


def test_flood__of_what_is_worthless__is_refused_and_others_are_served(nation: Nation, tmp_path: Path) -> None:
    with relaying(nation, tmp_path, fresh_key(nation, "sieve"), QUICK, OPEN) as relay:
        ada, thief = relay.signing(nation.people[0].key), relay.signing(Account.from_key(keccak(text="thief")))
        good = ada.transfer(shop(), SBI, keccak(text="good"), nation.now + HOUR)
        forged = thief.transfer(thief.address, SBI, keccak(text="forged"), nation.now + HOUR, payer=ada.address)
        poor = thief.transfer(shop(), SBI, keccak(text="poor"), nation.now + HOUR)
        bad: list[tuple[int, dict[str, Any] | bytes]] = [
            (422, {**good, "signature": "0x"}),
            (422, {**good, "signature": "0x" + "00" * 65}),
            (422, {**good, "value": str(2 * SBI)}),
            (422, {**good, "value": "0"}),
            (422, {**good, "value": str(2**256)}),
            (422, {**good, "value": 1.5}),
            (422, {**good, "to": ada.address}),
            (422, {**good, "to": good["to"].lower()}),
            (422, {**good, "colour": "red"}),
            (422, {name: value for name, value in good.items() if name != "nonce"}),
            (422, forged),
            (422, poor),
            (422, b"["),
            (422, b"[" * 30_000),
            (413, b"x" * 40_000),
        ]
        for status, body in bad * 10:
            answer = relay.client.post("/v1/payments", content=body) if isinstance(body, bytes) else relay.post(body)
            assert answer.status_code == status, (body, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        told = relay.accepted(good)
        relay.until(told, state="made")
        assert relay.metric('sbi_relay_jobs{state="made"}') == 1
        assert sum(relay.metric(f'sbi_relay_jobs{{state="{each}"}}') for each in ("queued", "sent", "skipped")) == 0


def test_limits__of_an_address_and_of_a_payer__are_kept(nation: Nation, tmp_path: Path) -> None:
    limits = "[limits]\nrequests_per_second = 1000\nburst = 1000\npayments_per_hour = 1\npayment_burst = 3"
    with relaying(nation, tmp_path / "payer", fresh_key(nation, "strict"), QUICK, limits) as relay:
        ada, bea = (relay.signing(nation.people[n].key) for n in (0, 1))
        thief = relay.signing(Account.from_key(keccak(text="thief")))
        for number in range(5):  # what another signed uses up nothing of Ada's
            assert relay.post(
                thief.transfer(shop(), SBI, bytes([number] * 32), nation.now + HOUR, payer=ada.address)
            ).is_error
        for _ in range(3):
            relay.pay(ada, shop(), SBI)
        refused = relay.post(relay.body(ada, shop(), SBI))
        assert (refused.status_code, refused.json()["title"]) == (429, "Too many payments")
        assert int(refused.headers["retry-after"]) > 3_000
        relay.pay(bea, shop(), SBI)
    limits = "[limits]\nrequests_per_second = 0.5\nburst = 40"
    with relaying(nation, tmp_path / "address", fresh_key(nation, "stricter"), QUICK, limits) as relay:
        answers = [relay.client.get("/v1/terms") for _ in range(60)]
        assert answers[-1].status_code == 429
        assert answers[-1].headers["access-control-allow-origin"] == "*"


def test_queue__full_or_with_the_nonce__refuses(nation: Nation, tmp_path: Path) -> None:
    small = "[limits]\nrequests_per_second = 1000\nburst = 1000\nqueue = 3\nwaiting_per_payer = 2"
    with relaying(nation, tmp_path, fresh_key(nation, "small"), "[bundles]\nwait_seconds = 3600", small) as relay:
        ada, bea, cal = (relay.signing(nation.people[n].key) for n in (0, 1, 2))
        told = [relay.pay(ada, shop(), SBI)]
        twice = ada.transfer(shop(), SBI, bytes.fromhex(relay.body(ada, shop(), SBI)["nonce"][2:]), nation.now + HOUR)
        told.append(relay.accepted(twice))
        same = relay.post(ada.transfer(shop(), SBI, bytes.fromhex(twice["nonce"][2:]), nation.now + HOUR))
        third = relay.post(ada.transfer(shop(), SBI, keccak(text="third"), nation.now + HOUR))
        assert (same.status_code, third.status_code) == (429, 429)
        assert third.json()["title"] == "Too many waiting"
        told.append(relay.pay(bea, shop(), SBI))
        again = relay.post(bea.transfer(shop(), SBI, keccak(text="b"), nation.now + HOUR))
        full = relay.post(cal.transfer(shop(), SBI, keccak(text="c"), nation.now + HOUR))
        assert (again.status_code, full.status_code, full.json()["title"]) == (503, 503, "The queue is full")
        assert int(full.headers["retry-after"]) > 0
        # What was acknowledged is still there after the machine failed, and goes out under other rules.
        relay.kill()
        relay.configure(QUICK, OPEN)
        relay.start()
        other = relay.post(bea.transfer(shop(), SBI, bytes.fromhex(_nonce_of(relay, bea)[2:]), nation.now + HOUR))
        assert other.status_code in (202, 409)
        for each in told:
            relay.until(each, state="made")


def test_nonce__of_a_payment_under_way__is_refused_for_another(nation: Nation, tmp_path: Path) -> None:
    with relaying(nation, tmp_path, fresh_key(nation, "one nonce"), "[bundles]\nwait_seconds = 3600", OPEN) as relay:
        ada, nonce = relay.signing(nation.people[0].key), keccak(text="one nonce")
        relay.accepted(ada.transfer(shop(), SBI, nonce, nation.now + HOUR))
        answer = relay.post(ada.transfer(shop(), SBI, nonce, nation.now + HOUR))
        assert (answer.status_code, answer.json()["title"]) == (409, "Nonce under way")


def test_payer__with_more_under_way_than_there_is__is_refused(nation: Nation, tmp_path: Path) -> None:
    key = Account.from_key(keccak(text="twice"))
    nation.actors.pay(nation.people[0], key.address, 3 * SBI)
    with relaying(nation, tmp_path, fresh_key(nation, "sums up"), "[bundles]\nwait_seconds = 3600", OPEN) as relay:
        twice = relay.signing(key)
        relay.accepted(twice.transfer(shop(), 2 * SBI, bytes(32), nation.now + HOUR))
        answer = relay.post(twice.transfer(shop(), 2 * SBI, bytes([1] * 32), nation.now + HOUR))
        assert (answer.status_code, answer.json()["title"]) == (422, "Not enough")


def test_node__gone_and_back__refuses_and_loses_nothing(nation: Nation, tmp_path: Path) -> None:
    with relaying(nation, tmp_path, fresh_key(nation, "cut off"), "[bundles]\nwait_seconds = 1", OPEN) as relay:
        (ada, bea), payee = (relay.signing(nation.people[n].key) for n in (0, 1)), shop()
        body = relay.body(bea, shop(), SBI)
        told = relay.pay(ada, payee, SBI)
        node = _node_of(nation)
        os.kill(node, signal.SIGSTOP)
        try:
            answer = relay.client.post("/v1/payments", json=body, timeout=60)
            assert answer.status_code == 503, answer.text
            assert relay.client.get(told["status_url"]).json()["state"] in ("queued", "sent")
        finally:
            os.kill(node, signal.SIGCONT)
        relay.until(told, state="made")
        # Refused was refused: it may be handed in again, now.
        relay.until(relay.accepted(body), state="made")


def _nonce_of(relay: Relay, payer: Signing) -> str:
    return str(relay.quote(payer)["nonce"])


def _node_of(nation: Nation) -> int:
    """The Anvil that listens on the nation's port."""
    import psutil

    port = int(nation.rpc_url.rpartition(":")[2])
    (found,) = {
        each.pid
        for each in psutil.net_connections("tcp")
        if each.laddr and each.laddr.port == port and each.status == "LISTEN"
    }
    assert found is not None
    return int(found)


def _stop(relay: Relay) -> None:
    assert relay.process is not None
    relay.process.send_signal(signal.SIGSTOP)


def _resume(relay: Relay) -> None:
    assert relay.process is not None
    relay.process.send_signal(signal.SIGCONT)
