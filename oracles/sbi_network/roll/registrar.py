"""A registrar's acts on chain: enrol, activate, retire, recover.

What is done already is read from the chain before every step, and what is under way is in the outbox, so that any
command may be given again after any interruption: it goes on where the chain stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from eth_typing import ChecksumAddress

from sbi_network.chain.citizens import Act, ActKind, Citizen, Citizens, EnrolledBatch
from sbi_network.chain.connection import Chain, connected
from sbi_network.chain.daemon import OutboxSection
from sbi_network.chain.intent import Order
from sbi_network.chain.outbox import opened_outbox
from sbi_network.chain.sender import Call, Receipt, TransactionSender
from sbi_network.chain.settings import AnyKeySettings, ConfiguredAddress, RpcSettings, Section
from sbi_network.errors import RollError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import hex_of
from sbi_network.roll.layout import BatchEntry, Manifest
from sbi_network.roll.leaf import CitizenLeaf
from sbi_network.roll.published import CitizenProof, PublishedRoll
from sbi_network.signer.opening import opened_signer

_AT_ONCE: Final = 16


class RegistrarNetwork(RpcSettings):
    """Where the chain is, and the citizen registry on it."""

    citizens: ConfiguredAddress


class RegistrarSettings(Section):
    """registrar.toml. Without `sending` nothing can be sent, and nothing needs a key."""

    network: RegistrarNetwork
    sending: AnyKeySettings | None = None
    outbox: OutboxSection


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A roll's batch, and the number under which the chain has it; None if it has not."""

    batch: BatchEntry
    number: int | None


@dataclass(frozen=True, slots=True)
class ChainRoll:
    """A roll beside the chain: its own batches, and the numbers of enrolled ones that say something is amiss.

    `unchecked`: batches that the roll was not searched against. `repeated`: second enrolments of the roll's own.
    """

    enrolments: tuple[Enrolment, ...]
    unchecked: tuple[int, ...]
    repeated: tuple[int, ...]

    def number_of(self, batch: BatchEntry) -> int:
        """The chain's number of a batch. Raises RollError if it is not enrolled."""
        number = self.enrolments[batch.number].number
        if number is None:
            raise RollError(f"the batch of region {batch.region} is not enrolled: sbi roll enrol")
        return number


@asynccontextmanager
async def registry(settings: RegistrarSettings) -> AsyncIterator[Citizens]:
    """The citizen registry. Raises ChainError."""
    address = check_address("citizens", settings.network.citizens)
    async with connected(settings.network.rpc_urls, chain_id=settings.network.chain_id) as chain:
        await chain.require_code("citizens", address)
        yield Citizens(chain, address)


@asynccontextmanager
async def outbox_for(settings: RegistrarSettings, chain: Chain) -> AsyncIterator[TransactionSender]:
    """The registrar's outbox, at work until the end of the block. Raises RollError, KeyFileError or ChainError.

    What an interrupted command had begun goes on in it, and is joined by whoever asks for the same again.
    """
    if settings.sending is None:
        raise RollError("registrar.toml has no section [sending]: keystore and password_file")
    async with opened_signer(settings.sending, alone=True) as signer:
        rules, poll = settings.outbox.rules, settings.outbox.poll_seconds
        async with opened_outbox(chain, signer, settings.outbox.file, rules, poll) as outbox:
            yield outbox


async def compare(citizens: Citizens, manifest: Manifest) -> ChainRoll:
    """Which of a roll's batches are enrolled. Raises RollError if the chain has one otherwise than the roll."""
    enrolled = await _enrolled_batches(citizens)
    by_root: dict[bytes, int] = {}
    for number, batch in enumerate(enrolled):
        by_root.setdefault(batch.root, number)
    own = tuple(Enrolment(batch, by_root.get(batch.root)) for batch in manifest.batches)
    for enrolment in own:
        if enrolment.number is not None:
            _require_same(enrolment.batch, enrolled[enrolment.number], enrolment.number)
    mine = {batch.root for batch in manifest.batches}
    known = mine | set(manifest.earlier)
    return ChainRoll(
        own,
        tuple(number for number, batch in enumerate(enrolled) if batch.root not in known),
        tuple(number for number, batch in enumerate(enrolled) if batch.root in mine and by_root[batch.root] != number),
    )


async def enrol(citizens: Citizens, sender: TransactionSender, batches: Iterable[BatchEntry]) -> AsyncIterator[str]:
    """Enrol batches that `compare` found missing; a line for each. All are tried before the first is sent.

    Raises ContractRefused (RegionFull, NotRegistrar), TransactionError or EndpointError.
    """
    chain_id = await citizens.chain.chain_id()
    calls = [(batch, _enrol_call(citizens, batch)) for batch in batches]
    for _, call in calls:
        await sender.simulate(call)
    for batch, call in calls:
        # By its name it is sent once, even if an endpoint that is behind does not show it yet.
        order = Order(key=f"{chain_id}/{citizens.address}/{hex_of(batch.root)}/enrol")
        receipt = await sender.send(call, order)
        yield f"region {batch.region}: {batch.size:,} citizens enrolled, {_told(receipt)}"


async def activate(
    citizens: Citizens, sender: TransactionSender, roll: PublishedRoll, accounts: Sequence[ChecksumAddress]
) -> AsyncIterator[str]:
    """Activate accounts that are not active yet; a line for each. Raises RollError or ChainError."""
    chain_roll = await compare(citizens, roll.manifest)
    for account in accounts:
        roll.prove(account)  # one that is not on the roll stops the list before anything is sent

    async def one(account: ChecksumAddress) -> str:
        if (await citizens.citizen(account)).since:
            return f"{account}: active already"
        proof = roll.prove(account)
        number = chain_roll.number_of(proof.batch)
        receipt = await sender.send(Call(citizens.address, citizens.call_data("activate", *_leaf(number, proof))))
        return f"{account}: activated, {_told(receipt)}"

    # As many as an outbox has under way at a time: one by one, each would wait for a block of its own.
    for start in range(0, len(accounts), _AT_ONCE):
        for line in await asyncio.gather(*map(one, accounts[start : start + _AT_ONCE])):
            yield line


@dataclass(frozen=True, slots=True)
class Case:
    """A citizen's leaf about which a registrar acts: its proof, the chain's number of its batch, and who holds it.

    The holder is the leaf's own account, or after a recovery its successor.
    """

    proof: CitizenProof
    number: int
    holder: ChecksumAddress

    @property
    def leaf(self) -> CitizenLeaf:
        """The leaf."""
        return self.proof.leaf

    def is_held(self, citizen: Citizen) -> bool:
        """Whether a standing is that of this leaf's holder."""
        return citizen.since != 0 and (citizen.batch, citizen.leaf) == (self.number, self.leaf.index)


async def retire(citizens: Citizens, sender: TransactionSender, case: Case) -> str:
    """The next step of a retirement: start it, wait, carry it out. What was done. Raises RollError or ChainError."""
    standing = await citizens.citizen(case.holder)
    if standing.since and not case.is_held(standing):
        raise RollError(f"{case.holder} holds another leaf: that one is to be retired")
    if standing.until:
        return f"{case.holder}: income ended on {_time(standing.until)}"
    act = await citizens.act(case.number, case.leaf.index)
    if act.kind is ActKind.RECOVERY:
        raise RollError(f"a recovery to {act.successor} is pending about this leaf")
    if act.kind is ActKind.NONE:
        receipt = await _send(citizens, sender, "startRetirement", case.number, case.leaf.index)
        act = await _started(citizens, case)
        return f"{case.holder}: retirement started, due on {_time(act.due_at)}, {_told(receipt)}"
    if waiting := await _waiting(citizens, act.referred, act.due_at):
        return f"{case.holder}: retirement {waiting}"
    if standing.since:
        receipt = await _send(citizens, sender, "retire", case.number, case.leaf.index, case.holder)
    else:
        receipt = await _send(citizens, sender, "retireByProof", *_leaf(case.number, case.proof))
    return f"{case.holder}: retired, {_told(receipt)}"


async def recover(
    citizens: Citizens, sender: TransactionSender, case: Case, successor: ChecksumAddress, signature: bytes | None
) -> str:
    """The next step of a recovery. What was done. Raises RollError or ChainError.

    `signature` is the successor's over `Succession`; only the first step needs it.
    """
    if case.is_held(await citizens.citizen(successor)):
        return f"{successor}: holds the leaf already"
    act = await citizens.act(case.number, case.leaf.index)
    if act.kind is ActKind.RETIREMENT:
        raise RollError("a retirement is pending about this leaf")
    if act.kind is ActKind.NONE:
        if signature is None:
            raise RollError("to start a recovery takes the successor's signature over Succession: --signature")
        arguments = (case.number, case.leaf.index, case.holder, successor, signature)
        receipt = await _send(citizens, sender, "startRecovery", *arguments)
        act = await _started(citizens, case)
        return f"{case.holder}: recovery to {successor} started, due on {_time(act.due_at)}, {_told(receipt)}"
    if act.successor != successor:
        raise RollError(f"a recovery to {act.successor} is pending about this leaf, not to {successor}")
    if waiting := await _waiting(citizens, act.referred, act.due_at):
        return f"{case.holder}: recovery {waiting}"
    receipt = await _send(citizens, sender, "recover", case.number, case.leaf.index, case.holder)
    return f"{case.holder}: share moved to {successor}, {_told(receipt)}"


async def standing_of(citizens: Citizens, case: Case) -> str:
    """How a citizen stands, in words."""
    standing = await citizens.citizen(case.holder)
    act = await citizens.act(case.number, case.leaf.index)
    if not standing.since:
        told = "not activated"
    elif not case.is_held(standing):
        told = f"active since {_time(standing.since)} by another leaf: batch {standing.batch}, index {standing.leaf}"
    else:
        told = f"active since {_time(standing.since)}"
    if standing.until:
        told += f", income ended on {_time(standing.until)}"
    if act.kind is not ActKind.NONE:
        told += f"; {act.kind.name.lower()} " + (
            "with the second office" if act.referred else f"due {_time(act.due_at)}"
        )
    return told


async def _enrolled_batches(citizens: Citizens) -> list[EnrolledBatch]:
    """All batches, as of one block."""
    block = (await citizens.chain.head()).number
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> EnrolledBatch:
        async with limit:
            return await citizens.batch(number, block)

    return list(await asyncio.gather(*(one(number) for number in range(await citizens.batch_count(block)))))


def _require_same(batch: BatchEntry, enrolled: EnrolledBatch, number: int) -> None:
    if (batch.size, batch.region) != (enrolled.size, enrolled.region):
        raise RollError(
            f"batch {number} of the chain has this root with {enrolled.size:,} citizens of region {enrolled.region}, "
            f"the roll has {batch.size:,} of region {batch.region}"
        )


def _enrol_call(citizens: Citizens, batch: BatchEntry) -> Call:
    return Call(citizens.address, citizens.call_data("enrol", batch.root, batch.size, batch.region))


def _leaf(number: int, proof: CitizenProof) -> tuple[object, ...]:
    leaf = proof.leaf
    return number, leaf.index, leaf.account, leaf.person, list(proof.proof)


async def _send(citizens: Citizens, sender: TransactionSender, function: str, *arguments: object) -> Receipt:
    return await sender.send(Call(citizens.address, citizens.call_data(function, *arguments)))


async def _started(citizens: Citizens, case: Case) -> Act:
    """The act just started. Raises RollError if the outbox joined an earlier start, which has ended already."""
    act = await citizens.act(case.number, case.leaf.index)
    if act.kind is ActKind.NONE:
        raise RollError("an earlier start of this act, ended since, is not final yet: try again when it is")
    return act


async def _waiting(citizens: Citizens, referred: bool, due_at: int) -> str | None:  # noqa: FBT001
    if referred:
        return "is with the second office"
    now = (await citizens.chain.head()).timestamp
    return f"is due on {_time(due_at)}: give this command again then" if now < due_at else None


def _told(receipt: Receipt) -> str:
    return f"transaction {receipt.transaction_hash} in block {receipt.block_number}, {receipt.gas_used:,} gas"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def describe(batch: BatchEntry) -> str:
    """A batch in a line."""
    return f"region {batch.region}: {batch.size:,} citizens, root {hex_of(batch.root)}"
