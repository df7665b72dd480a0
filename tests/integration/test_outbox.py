"""The outbox against a real Anvil: blocks are made when the test says so, or every second where it says that.

send        ├── in a block, then final → the receipt; asked again under its key → the same, and no second transaction
            ├── many at once → nonces without a gap, all final
            └── the contract refuses, or reverts → ContractRefused; the key is free again
reorg       ├── drops the block (and Anvil the transaction) → sent again, once in the end
            └── below what was final → FinalityError, kept over a restart until resumed, then sent again
pool        ├── drops the transaction → the same bytes again
            ├── base fee rises above the offer → replaced, both fees up by an eighth at least
            ├── fees at the cap → the same bytes, no more
            └── another's transaction takes the nonce → sent anew with the next one
gap         └── a nonce below ours that nobody uses → an empty transaction takes it
deadline    ├── queued → expired, nothing sent
            ├── sent → withdrawn by an empty transaction of its nonce; the next intent goes through
            └── lost by all endpoints, fees at the cap → likewise
kill -9     └── at every step, one after the other → one transaction, final
endpoints   ├── the first one dead → the other serves; both get the same bytes
            └── the only one shows another chain for a while → waits, and nothing of it is believed
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from sbi_network.chain.connection import connected
from sbi_network.chain.errors import ContractRefused, FinalityError, LockedError, TransactionExpiredError
from sbi_network.chain.fees import GWEI, FeeRule
from sbi_network.chain.intent import Order, State
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.outbox import Outbox, opened_outbox
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.outbox_worker import OutboxRules, Step
from sbi_network.chain.transaction import Call
from sbi_network.protocol.address import check_address
from tests.integration.anvil import Anvil, account, free_port, running_anvil

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PAYER = account(1)
STRANGER = account(2)
RULES = OutboxRules(gap_after_blocks=3, broken_after_seconds=0.5)
POLL = 0.02
PROGRAM = Path(__file__).with_name("outbox_process.py")
REVERTING = "0x60006000fd"
"""Runtime code that reverts."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anvil]:
    """Blocks are made by the test."""
    with running_anvil(tmp_path_factory.mktemp("anvil"), "--no-mining") as anvil:
        yield anvil


@pytest.fixture
def anvil(node: Anvil) -> Iterator[Anvil]:
    """The node as it was, after each test."""
    kept = node("evm_snapshot")
    node.mine(4)
    yield node
    node("anvil_dropAllTransactions")
    assert node("evm_revert", kept)


@asynccontextmanager
async def _outbox(anvil: Anvil, folder: Path, rules: OutboxRules = RULES, *urls: str) -> AsyncIterator[Outbox]:
    async with AsyncExitStack() as stack:
        chain = await stack.enter_async_context(connected([*urls, anvil.url], 5))
        signer = KeystoreSigner(PAYER)
        yield await stack.enter_async_context(
            opened_outbox(chain, signer, folder / "outbox.sqlite", rules, poll_seconds=POLL)
        )


def _pay(wei: int = 1) -> Call:
    return Call(check_address("to", Account.create().address), "0x", wei)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - the outbox looks at the chain, nothing tells the test
            await asyncio.sleep(POLL)


async def _in_state(outbox: Outbox, key: str, *states: State) -> None:
    def reached() -> bool:
        found = outbox.store.find(key)
        return found is not None and found.state in states

    await _until(reached)


async def _mined_until(anvil: Anvil, outbox: Outbox, key: str, *states: State) -> None:
    """Make blocks, and let the outbox look at each, until it gets there."""
    for _ in range(40):
        found = outbox.store.find(key)
        if found is not None and found.state in states:
            return
        await _looked(outbox)
        await asyncio.to_thread(anvil.mine)
    raise AssertionError(f"{key} is {outbox.store.find(key)}")


async def _looked(outbox: Outbox, times: int = 2) -> None:
    """Until the outbox has finished a look that began after now."""
    for _ in range(times):
        before = outbox.last_step_at
        await _until(lambda: outbox.last_step_at != before)  # noqa: B023


def _run(play: Awaitable[None]) -> None:
    asyncio.run(play)  # type: ignore[arg-type]


def _offers(anvil: Anvil, outbox: Outbox, key: str) -> list[Any]:
    found = outbox.store.find(key)
    assert found is not None
    return outbox.store.attempts(found)


def test_send__included_and_final__is_done_once_for_its_key(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            sending = asyncio.create_task(outbox.send(call, Order("rent")))
            await _in_state(outbox, "rent", State.SENT)
            anvil.mine()
            receipt = await sending
            await _in_state(outbox, "rent", State.INCLUDED)
            await _mined_until(anvil, outbox, "rent", State.FINAL)
        async with _outbox(anvil, tmp_path) as outbox:
            again = await outbox.send(replace(call, value=2), Order("rent"))
            assert again == receipt
            assert again == await outbox.settled(outbox.submit(call, Order("rent")).number)

    _run(play())
    assert anvil.balance(call.to) == 1
    assert anvil.waiting(PAYER.address) == 0


def test_send__twice_without_a_key__is_one_while_it_runs_and_two_after(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            first, second = outbox.submit(call), outbox.submit(call)
            assert first.number == second.number
            await _mined_until(anvil, outbox, first.key, State.FINAL)
            third = outbox.submit(call)
            assert third.number != first.number
            await _mined_until(anvil, outbox, third.key, State.FINAL)

    _run(play())
    assert anvil.balance(call.to) == 2


def test_send__many_at_once__take_nonces_without_a_gap(anvil: Anvil, tmp_path: Path) -> None:
    calls = [_pay() for _ in range(40)]
    before = anvil.count(PAYER.address)

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            sending = [asyncio.create_task(outbox.send(call, Order(call.to))) for call in calls]
            while not all(each.done() for each in sending):
                await _looked(outbox)
                waiting = [each for each in outbox.store.in_flight() if each.state is not State.INCLUDED]
                assert len(waiting) <= RULES.most_in_flight
                await asyncio.to_thread(anvil.mine)
            assert all(each.result().gas_used == 21_000 for each in sending)

    _run(play())
    assert [anvil.balance(call.to) for call in calls] == [1] * 40
    assert anvil.count(PAYER.address) == before + 40


def test_send__the_contract_refuses__says_so_and_frees_the_key(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay(0)
    anvil("anvil_setCode", call.to, REVERTING)

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            with pytest.raises(ContractRefused):
                await outbox.send(call, Order("wish"))
            anvil("anvil_setCode", call.to, "0x")
            await _mined_until(anvil, outbox, outbox.submit(call, Order("wish")).key, State.FINAL)

    _run(play())


def test_send__reverts_in_a_block__says_so(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay(0)

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            sending = asyncio.create_task(outbox.send(call, Order("wish")))
            await _in_state(outbox, "wish", State.SENT)
            anvil("anvil_setCode", call.to, REVERTING)
            anvil.mine()
            with pytest.raises(ContractRefused):
                await sending
            await _mined_until(anvil, outbox, "wish", State.REVERTED)

    _run(play())


def test_reorg__drops_block_and_transaction__is_sent_again(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            intent = outbox.submit(call, Order("rent"))
            await _in_state(outbox, "rent", State.SENT)
            anvil.mine()
            await _in_state(outbox, "rent", State.INCLUDED)
            anvil.reorg(1)
            assert anvil.balance(call.to) == 0
            await _in_state(outbox, "rent", State.SENT)
            await _mined_until(anvil, outbox, "rent", State.FINAL)
            assert (await outbox.settled(intent.number)).gas_used == 21_000

    _run(play())
    assert anvil.balance(call.to) == 1


def test_reorg__below_what_was_final__is_raised_until_an_operator_resumes(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            outbox.submit(call, Order("rent"))
            await _mined_until(anvil, outbox, "rent", State.FINAL)
            waiting = asyncio.create_task(outbox.send(_pay(), Order("later")))
            await _in_state(outbox, "later", State.SENT)
            anvil.reorg(5)
            with pytest.raises(FinalityError, match="no longer in a block: 1"):
                await waiting
            with pytest.raises(FinalityError):
                outbox.submit(_pay())
        async with _outbox(anvil, tmp_path) as outbox:
            with pytest.raises(FinalityError):
                await outbox.send(_pay())
            assert anvil.balance(call.to) == 0
            outbox.store.resume()
            await _mined_until(anvil, outbox, "rent", State.FINAL)
            await _mined_until(anvil, outbox, "later", State.FINAL)

    _run(play())
    assert anvil.balance(call.to) == 1


def test_pool__drops_the_transaction__gets_the_same_bytes_again(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            outbox.submit(call, Order("rent"))
            await _in_state(outbox, "rent", State.SENT)
            (attempt,) = _offers(anvil, outbox, "rent")
            assert anvil("anvil_dropTransaction", attempt.transaction) == attempt.transaction
            await _mined_until(anvil, outbox, "rent", State.FINAL)
            found = outbox.store.find("rent")
            assert found is not None
            assert found.inclusion is not None
            assert found.inclusion.transaction == attempt.transaction

    _run(play())
    assert anvil.balance(call.to) == 1


def test_pool__base_fee_above_the_offer__is_replaced_for_an_eighth_more_at_least(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            outbox.submit(call, Order("rent"))
            await _in_state(outbox, "rent", State.SENT)
            spike = 10 * _offers(anvil, outbox, "rent")[0].fees.max_fee
            for _ in range(RULES.raise_after_blocks + 1):
                anvil("anvil_setNextBlockBaseFeePerGas", hex(spike))
                anvil.mine()
                await _looked(outbox)
            anvil("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            await _mined_until(anvil, outbox, "rent", State.FINAL)
            offers = _offers(anvil, outbox, "rent")
            assert len(offers) > 1
            assert len({offer.nonce for offer in offers}) == 1
            for new, old in pairwise(offers):
                assert new.fees.max_fee * 8 >= old.fees.max_fee * 9
                assert new.fees.tip * 8 >= old.fees.tip * 9
            assert offers[0].fees.max_fee > spike

    _run(play())
    assert anvil.balance(call.to) == 1


def test_pool__fees_at_the_cap__offers_no_more(anvil: Anvil, tmp_path: Path) -> None:
    call, most = _pay(), 5 * GWEI

    async def play() -> None:
        async with _outbox(anvil, tmp_path, replace(RULES, fees=FeeRule(most=most))) as outbox:
            outbox.submit(call, Order("rent"))
            await _in_state(outbox, "rent", State.SENT)
            for _ in range(6 * RULES.raise_after_blocks):
                anvil("anvil_setNextBlockBaseFeePerGas", hex(100 * GWEI))
                anvil.mine()
                await _looked(outbox)
            assert all(offer.fees.max_fee <= most for offer in _offers(anvil, outbox, "rent"))
            anvil("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            await _mined_until(anvil, outbox, "rent", State.FINAL)

    _run(play())


def test_pool__anothers_transaction_takes_the_nonce__is_sent_with_the_next(anvil: Anvil, tmp_path: Path) -> None:
    call, other = _pay(), _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            outbox.submit(call, Order("rent"))
            await _in_state(outbox, "rent", State.SENT)
            (attempt,) = _offers(anvil, outbox, "rent")
            anvil("eth_sendRawTransaction", _foreign(other, attempt.nonce))
            anvil.mine()
            assert anvil.balance(other.to) == 1
            await _mined_until(anvil, outbox, "rent", State.FINAL)
            (later,) = _offers(anvil, outbox, "rent")
            assert later.nonce == attempt.nonce + 1

    _run(play())
    assert anvil.balance(call.to) == 1


def _foreign(call: Call, nonce: int) -> str:
    """A transaction that somebody else signed with the same key, for more."""
    fees = {"maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": 50 * GWEI}
    signed = PAYER.sign_transaction(
        {"to": call.to, "value": call.value, "gas": 21_000, "nonce": nonce, "chainId": 31337, **fees}
    )
    return "0x" + bytes(signed.raw_transaction).hex()


def test_gap__a_nonce_that_nobody_uses__is_filled(anvil: Anvil, tmp_path: Path) -> None:
    call, other = _pay(), _pay()
    nonce = anvil.count(PAYER.address)
    dropped = anvil("eth_sendRawTransaction", _foreign(other, nonce))

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            outbox.submit(call, Order("rent"))
            await _in_state(outbox, "rent", State.SENT)
            assert _offers(anvil, outbox, "rent")[0].nonce == nonce + 1
            anvil("anvil_dropTransaction", dropped)
            await _mined_until(anvil, outbox, "rent", State.FINAL)

    _run(play())
    assert (anvil.balance(call.to), anvil.balance(other.to)) == (1, 0)
    assert anvil.count(PAYER.address) == nonce + 2


def test_deadline__passed_while_queued__sends_nothing(anvil: Anvil, tmp_path: Path) -> None:
    now = int(anvil("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    async def play() -> None:
        async with _outbox(anvil, tmp_path) as outbox:
            with pytest.raises(TransactionExpiredError):
                await outbox.send(_pay(), Order("late", now))

    _run(play())
    assert anvil.waiting(PAYER.address) == 0


def test_deadline__passed_while_sent__is_withdrawn_and_the_next_goes_through(anvil: Anvil, tmp_path: Path) -> None:
    call, after = _pay(), _pay()
    now = int(anvil("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    async def play() -> None:
        async with _outbox(anvil, tmp_path, replace(RULES, urgent_seconds=0)) as outbox:
            sending = asyncio.create_task(outbox.send(call, Order("late", now + 100)))
            await _in_state(outbox, "late", State.SENT)
            following = asyncio.create_task(outbox.send(after, Order("next")))
            await _in_state(outbox, "next", State.SENT)
            offered = _offers(anvil, outbox, "late")[0].fees.max_fee
            anvil("anvil_setNextBlockBaseFeePerGas", hex(offered + 1))
            anvil("evm_setNextBlockTimestamp", now + 101)
            anvil.mine()
            await _in_state(outbox, "late", State.WITHDRAWN)
            anvil("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
            await _mined_until(anvil, outbox, "late", State.EXPIRED)
            with pytest.raises(TransactionExpiredError):
                await sending
            await following

    _run(play())
    assert (anvil.balance(call.to), anvil.balance(after.to)) == (0, 1)


def test_deadline__passed_while_lost_at_the_cap__its_nonce_is_taken_all_the_same(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()
    now = int(anvil("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    rules = replace(RULES, urgent_seconds=0, fees=FeeRule(most=2 * GWEI))

    async def play() -> None:
        async with _outbox(anvil, tmp_path, rules) as outbox:
            outbox.submit(call, Order("late", now + 100))
            await _in_state(outbox, "late", State.SENT)
            anvil("anvil_dropAllTransactions")
            anvil("evm_setNextBlockTimestamp", now + 101)
            await _mined_until(anvil, outbox, "late", State.EXPIRED)

    _run(play())
    assert anvil.balance(call.to) == 0


def test_endpoints__the_first_is_dead__the_other_serves(anvil: Anvil, tmp_path: Path) -> None:
    call = _pay()

    async def play() -> None:
        async with _outbox(anvil, tmp_path, RULES, f"http://127.0.0.1:{free_port()}") as outbox:
            outbox.submit(call, Order("rent"))
            await _mined_until(anvil, outbox, "rent", State.FINAL)

    _run(play())
    assert anvil.balance(call.to) == 1


class Switch:
    """A way to a node that can be made to lead to another one."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open: set[asyncio.StreamWriter] = set()

    def turn(self, port: int) -> None:
        self.port = port
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        mine = {writer, back}
        self._open |= mine
        with suppress(ConnectionError):
            await asyncio.gather(_copied(reader, back), _copied(there, writer))
        self._open -= mine


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize("flags", [("--chain-id", "5"), ()], ids=["another chain's id", "the same id"])
def test_endpoints__the_only_one_shows_another_chain_for_a_while__harms_nothing(
    anvil: Anvil, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    call, before = _pay(), anvil.count(PAYER.address)
    patient = replace(RULES, broken_after_seconds=60)

    async def play(other: Anvil) -> None:
        switch = Switch(anvil.port)
        server = await asyncio.start_server(switch.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with AsyncExitStack() as stack:
            chain = await stack.enter_async_context(connected(url, 5))
            path = tmp_path / "outbox.sqlite"
            opened = opened_outbox(chain, KeystoreSigner(PAYER), path, patient, poll_seconds=POLL)
            outbox = await stack.enter_async_context(opened)
            outbox.submit(call, Order("rent"))
            await _in_state(outbox, "rent", State.SENT)
            switch.turn(other.port)
            outbox.submit(_pay(), Order("later"))
            seen = outbox.last_step_at
            await asyncio.sleep(1)
            assert outbox.last_step_at == seen
            switch.turn(anvil.port)
            for endpoint in chain.pool.endpoints:
                chain.pool.take_back(endpoint)
            await _mined_until(anvil, outbox, "rent", State.FINAL)
            await _mined_until(anvil, outbox, "later", State.FINAL)
            assert outbox.store.broken() is None
        server.close()

    with running_anvil(tmp_path, "--no-mining", *flags) as other:
        other.mine(60)
        _run(play(other))
        assert other.waiting(PAYER.address) == 0
    assert anvil.balance(call.to) == 1
    assert anvil.count(PAYER.address) == before + 2


def test_opened_outbox__another_process_has_the_file__is_refused(anvil: Anvil, tmp_path: Path) -> None:
    async def play() -> None:
        async with _outbox(anvil, tmp_path):
            with pytest.raises(LockedError, match=r"outbox\.sqlite"):
                async with _outbox(anvil, tmp_path):
                    pass

    _run(play())


def test_kill__at_every_step_in_turn__is_one_transaction_in_the_end(tmp_path: Path) -> None:
    """The same intent lives through a death at each step. Once it was sent, blocks come every second."""
    call = _pay()
    with running_anvil(tmp_path, "--no-mining") as anvil:
        before = anvil.count(PAYER.address)
        for step in Step:
            if step is Step.INCLUDED:
                anvil("evm_setIntervalMining", 1)
            killed = _process(anvil, tmp_path, call, step.value)
            assert killed.returncode == -9, (step, killed.stderr)
            assert f"reached {step}" in killed.stdout
        done = _process(anvil, tmp_path, call, "never")
        assert done.returncode == 0, done.stderr
        assert "final" in done.stdout
        assert anvil.balance(call.to) == 1
        assert anvil.count(PAYER.address, "pending") == before + 1
    store = OutboxStore(tmp_path / "outbox.sqlite", 31337, PAYER.address)
    assert [intent.state for intent in store.newest(10)] == [State.FINAL]
    store.close()


def _process(anvil: Anvil, folder: Path, call: Call, die_at: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), anvil.url, str(folder / "outbox.sqlite"), call.to, die_at]
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{root / 'oracles'}:{root}", "PATH": ""}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
