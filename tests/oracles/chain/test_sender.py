"""Sending, and the keeper that sends.

send    ├── accepted → receipt; the sender's own signature, nonces in order, fees as the rule says
        ├── refused when tried → ContractRefused, nothing sent
        ├── reverted in a block → the reason, tried again there; without one TransactionRevertedError
        └── not included in time → TransactionTimeoutError
keeper  ├── not final or no citizens → nothing; ready → distributes; other refusals → raised
        └── runs on through whatever fails
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_typing import ChecksumAddress

from sbi_network.chain.errors import (
    ContractRefused,
    OutboxError,
    TransactionRevertedError,
    TransactionTimeoutError,
)
from sbi_network.chain.keeper import Keeper
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.sender import Call, FeeRule, Order, Patience, Receipt, Sender
from sbi_network.chain.vault import Vault
from tests.oracles.chain.stand_in import ADDRESS, GAS_USED, StandInNode, revert_data, reverting

ACCOUNT = Account.from_key(b"\7" * 32)
DISTRIBUTE = Call(ADDRESS, "0xe4fc6b6d")


def _node(answer: Any = 1) -> StandInNode:
    epochs = itertools.count(1)
    return StandInNode("DistributionVault", {"distribute": answer, "nextEpoch": lambda: next(epochs)})


def _sender(node: StandInNode) -> Sender:
    return Sender(node.chain(), 31337, KeystoreSigner(ACCOUNT), FeeRule(), Patience(limit=0.1, poll=0.01))


def test_send__accepted__is_signed_by_the_sender_with_fees_and_nonces() -> None:
    node = _node()
    sender = _sender(node)

    async def twice() -> list[Any]:
        return list(await asyncio.gather(sender.send(DISTRIBUTE), sender.send(DISTRIBUTE)))

    receipts = asyncio.run(twice())
    assert [receipt.gas_used for receipt in receipts] == [GAS_USED, GAS_USED]
    for nonce, raw in enumerate(node.sent):
        assert Account.recover_transaction(raw) == ACCOUNT.address
        fields = _decoded(raw)
        assert fields["nonce"] == nonce
        assert (fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]) == (3 * 10**9, 10**9)
        assert fields["gas"] == 60_000
        assert fields["chainId"] == 31337


def test_send__with_coins__pays_them_along() -> None:
    node = _node()
    asyncio.run(_sender(node).send(replace(DISTRIBUTE, value=7)))
    assert _decoded(node.sent[0])["value"] == 7


def test_send__refused_when_tried__sends_nothing() -> None:
    node = _node(reverting(revert_data("NoCitizens", 3, contract="DistributionVault")))
    with pytest.raises(ContractRefused) as caught:
        asyncio.run(_sender(node).send(DISTRIBUTE))
    assert (caught.value.name, caught.value.arguments) == ("NoCitizens", {"epoch": 3})
    assert node.sent == []


def test_send__reverted_in_a_block__says_why() -> None:
    answers = iter([lambda: 1, reverting(revert_data("NoCitizens", 3, contract="DistributionVault"))])
    node = _node(lambda: next(answers)())
    node.receipt_status = 0
    with pytest.raises(ContractRefused, match="NoCitizens"):
        asyncio.run(_sender(node).send(DISTRIBUTE))
    assert len(node.sent) == 1


def test_send__reverted_for_a_lost_reason__names_the_transaction() -> None:
    node = _node()
    node.receipt_status = 0
    with pytest.raises(TransactionRevertedError, match=r"0x0+1 reverted"):
        asyncio.run(_sender(node).send(DISTRIBUTE))


def test_send__not_included__gives_up_in_time() -> None:
    node = _node()
    node.includes = False
    with pytest.raises(TransactionTimeoutError):
        asyncio.run(_sender(node).send(DISTRIBUTE))


def _keeper(node: StandInNode) -> Keeper:
    return Keeper(Vault(node.chain(), ADDRESS), _sender(node), 31337)


def test_distribute_if_ready__ready__distributes() -> None:
    node = _node()
    assert asyncio.run(_keeper(node).distribute_if_ready()) is True
    assert len(node.sent) == 1


@pytest.mark.parametrize(("name", "arguments"), [("EpochNotFinal", (3, 1)), ("NoCitizens", (3,))])
def test_distribute_if_ready__not_yet__waits(name: str, arguments: tuple[int, ...]) -> None:
    node = _node(reverting(revert_data(name, *arguments, contract="DistributionVault")))
    assert asyncio.run(_keeper(node).distribute_if_ready()) is False
    assert node.sent == []


def test_distribute_if_ready__another_refusal__is_raised() -> None:
    node = _node(reverting("0x4e487b71" + "00" * 31 + "11"))
    with pytest.raises(ContractRefused, match="Panic"):
        asyncio.run(_keeper(node).distribute_if_ready())


class FullDisk:
    """A sender that cannot keep what it is to send, the first time."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.tried = 0

    @property
    def address(self) -> ChecksumAddress:
        return self.sender.address

    async def simulate(self, call: Call) -> None:
        await self.sender.simulate(call)

    async def send(self, call: Call, order: Order | None = None) -> Receipt:
        self.tried += 1
        if self.tried == 1:
            raise OutboxError("database or disk is full")
        return await self.sender.send(call, order)


def test_run__the_disk_is_full_once__distributes_at_the_next_look() -> None:
    not_final = reverting(revert_data("EpochNotFinal", 2, 1, contract="DistributionVault"))
    node: StandInNode = _node(lambda: not_final() if node.sent else 1)
    sender = FullDisk(_sender(node))

    async def play() -> None:
        keeping = asyncio.create_task(Keeper(Vault(node.chain(), ADDRESS), sender, 31337).run(0.01))
        async with asyncio.timeout(10):
            while not node.sent:
                assert not keeping.done()
                await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(play())
    assert sender.tried >= 2


def _decoded(raw: bytes) -> dict[str, Any]:
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    fields: dict[str, Any] = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return fields
